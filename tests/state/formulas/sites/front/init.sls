{%- set tplroot = tpldir.split('/')[0] %}
{%- from tplroot ~ "/map.jinja" import sites with context %}
{%- set running = tplroot ~ '.daemon.running' %}
{%- set map = sites %}
{%- do map.pop('hosts', None) %}
include:
  - {{ running }}
  - ..daemon.running
  {%- for id, host in salt['pillar.get']('sites:hosts', {}).items() %}
sites-{{ id }}:
  file.managed:
    - name: {{ sites.dir }}/{{ id }}.conf
    - source: {{ host.get('template', 'salt://sites/host.tmpl') }}
    - context:
        id: {{ id|json }}
        host: {{ host|json }}
        map: {{ map|json }}
    - watch_in:
      - module: sites-reload
    - require_in:
      - service: sites-running
      {%- if host.get('root') != False %}
sites-{{ id }}-root:
  file.directory:
    - name: {{ host.get('root', '{0}/{1}'.format(sites.dir, id)) }}
    - user: {{ host.get('user', sites.get('none'))|json or sites.user }}
      {%- endif %}
  {%- endfor %}
