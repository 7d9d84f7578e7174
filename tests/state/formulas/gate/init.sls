{%- macro of(identifier, key) -%}
{%- if 'name' in key  %}
{{ key['name'] }}
{%- else %}
{{ identifier }}
{%- endif %}
{%- endmacro -%}
{%- macro options(identifier, key) -%}
    - user: {{ key.user|default(identifier) }}
      {%- if 'enc' in key %}
    - enc: {{ key['enc'] }}
      {%- endif -%}
      {%- if 'options' in key %}
    - options: {{ key['options'] }}
      {%- endif %}
{%- endmacro -%}
{% import_yaml "gate/defaults.yaml" as defaults %}
{% do defaults.gate.update(salt['grains.filter_by']({'Debian': {'service': 'ssh'}, 'RedHat': {'service': 'sshd'}}, grain="os_family", merge=salt['pillar.get']('gate:lookup'))) %}
{% set gate = salt['pillar.get']('gate', default=defaults.gate, merge=True) %}
gate:
  service.running: [{name: {{ gate.service }}}, {enable: {{ gate.enable }}}]
{%- for identifier, keys in gate.get('auth', {}).items() -%}
  {%- for key in keys -%}
    {% if key.present|default(False) %}
{{ of(identifier, key) }}:
  ssh_auth.present:
    {{ options(identifier, key) }}
    - require:
      - service: {{ gate.service }}
    {%- else %}
{{ of(identifier, key) }}:
  ssh_auth.absent:
    {{ options(identifier, key) }}
    {% endif -%}
  {%- endfor -%}
{%- endfor %}
{% for kind in ['rsa', 'ed25519'] %}
{% if gate.get('generate_' ~ kind) %}
make_{{ kind }}:
  cmd.run:
    - name: ssh-keygen -t {{ kind }}{{ ' -b %d'|format(gate.bits) if kind == 'rsa' else '' }} -N '' -f /etc/gate/{{ kind }}
    - creates: /etc/gate/{{ kind }}
    - prereq_in: [{service: gate}]
{% elif gate.get('provide_' ~ kind) %}
/etc/gate/{{ kind }}:
  file.managed:
    - contents_pillar: 'gate:{{ kind }}'
    - mode: 0600
    - watch_in: [{service: {{ gate.service }}}]
{% endif %}
{% endfor %}
