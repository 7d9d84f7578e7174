{% from "people/map.jinja" import people with context %}
{%- set used = [] %}
{%- for name, one in pillar.get('persons', {}).items() if one.gone is not defined or not one.gone %}
{%- if one == None -%}
{%- set one = {} -%}
{%- endif -%}
{%- if one.get('admin') %}{% do used.append(name) %}{% endif %}
{%- endfor %}
{%- if used %}
include:
  - people.admins
{%- endif %}
{% for name, one in pillar.get('persons', {}).items() if one.gone is not defined or not one.gone %}
{%- if one == None -%}
{%- set one = {} -%}
{%- endif -%}
{%- set home = one.get('home', "/home/%s" % name) %}
person_{{ name }}:
  group.present:
    - name: {{ one.get('group', name) }}
    {%- if 'uid' in one %}
    - gid: {{ one.uid }}
    {%- endif %}
  user.present:
    - name: {{ name }}
    - home: {{ home }}
    - shell: {{ one.get('shell', people.get('shell')) }}
    {% if 'password' in one -%}
    - password: '{{ one['password'] }}'
    {% endif -%}
    - remove_groups: {{ one.get('strict', 'False') }}
    - groups:
      - {{ one.get('group', name) }}
      {% for group in one.get('groups', []) -%}
      - {{ group }}
      {% endfor %}
    - require:
      - group: person_{{ name }}
  file.directory:
    - name: {{ '{0}/.ssh'.format(home) }}
    - mode: {{ one.get('mode', '0700') }}
    - require: [{user: person_{{ name }}}]
{% for rule in one.get('rules', []) %}
"rule {{ loop.index0 }} of {{ name }}: {{ rule }}":
  cmd.run:
    - name: 'check <<<"$rule" | { read line; [[ $line = "ok" ]] || echo "$line"; }'
    - stateful: True
    - env:
      # By the environment, since a rule has signs of its own.
      - rule: "{{ name }} {{ rule }}"
    - require_in:
      - file: {{ people.dir }}/{{ name }}
{% endfor %}
{{ people.dir }}/{{ name }}:
  file.managed:
    - contents: |
      {%- for rule in one.get('rules', ['nothing']) %}
        {{ name }} {{ rule }}
      {%- endfor %}
{% endfor %}
{% for name, one in pillar.get('persons', {}).items() if one.gone is defined and one.gone %}
{{ name }}:
{% if 'purge' in one %}
  user.absent:
    - purge: {{ one.purge }}
{% else %}
  user.absent
{% endif -%}
{% endfor %}
