{% from "names/reverse.jinja" import reversed %}
{% set map = salt['grains.filter_by']({'Debian': {'user': 'bind', 'dir': '/var/cache/bind', 'mode': '640'}}, default='Debian', merge=salt['grains.filter_by']({'Ubuntu': {'user': 'named'}}, grain='os', merge=salt['pillar.get']('names:lookup'))) %}
{%- set user = salt['pillar.get']('names:user', map.user) %}
{%- set size = salt['pillar.get']('names:size', map.size) if map.size is defined else 2048 %}
daemon:
  service.running: [{name: named}, {watch: [{file: {{ map.dir }}}]}]
{{ map.dir }}:
  file.directory:
    - user: {{ user }}
    - mode: {{ salt['pillar.get']('names:mode', map.mode) }}
{%- set views = {False: salt['pillar.get']('names', {})} %}
{%- do views.update(salt['pillar.get']('names:views', {})) %}
{%- for view, data in views.items() %}
{%- set dash = '-' + view if view else '' %}
{% for zone, said in data.get('zones', {}).items() -%}
{%- set records = salt['pillar.get']('names:known:' + zone, {}) %}
{%- if said.reverse is defined %}{% do reversed(records, said.reverse.net, said.reverse.of, salt['pillar.get']('names:known', {})) %}{% endif %}
zone{{ dash }}-{{ zone }}:
  file.managed:
    - name: {{ map.dir }}/{{ zone }}{{ '.include' if said.serial|d('') == 'auto' else '' }}
    {% if records != {} %}
    - context:
      zone: {{ zone }}
      records: {{ records }}
      map: {{ map }}
    {% endif %}
    - watch_in:
      - service: daemon
  {%- if said.signed is defined and said.signed %}
  cmd.run:
    - name: sign {{ zone }} -b {{ size }}
    - prereq: [{file: zone{{ dash }}-{{ zone }}}]
  {%- endif %}
{% endfor %}
{% endfor %}
