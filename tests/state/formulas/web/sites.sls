{%- set root = tpldir.split('/')[0] %}
{%- from root ~ '/map.jinja' import web, block with context %}
{%- from root ~ '/tofs.jinja' import files_switch with context %}
{% set made = [] %}
{%- set light = web.copy() %}
{%- do light.pop('sites') %}
# Where a site is.
{% macro place(file, folder) -%}
  {{ folder ~ '/' ~ file }}
{%- endmacro %}
{% macro path(site, on) -%}
  {%- if on == True -%}
    {{ place(site, web.sites.get(site).get('live', web.lookup.live)) }}
  {%- else -%}
    {{ place(site ~ ('' if web.lookup.links else '.off'), web.lookup.sites) }}
  {%- endif -%}
{%- endmacro %}
{% macro status(site, on) -%}
  {%- set other = {True: False, False: True}.get(on) -%}
  {% if on and web.lookup.links %}
  file.symlink:
    {{ block(web.opts) }}
    - name: {{ path(site, on) }}
    - target: {{ path(site, other) }}
  {%- else %}
  file.absent:
    - name: {{ path(site, other) }}
  {%- endif -%}
{%- endmacro %}
include: [.daemon]
{% for site, said in web.sites.items() %}
{% set id = 'site_' ~ loop.index0 %}
{{ id }}:
  file.managed:
    {{ block(web.opts) }}
    - name: {{ path(site, True) }}
    - source:
      {%- if 'source' in said %}
      - {{ said.source }}
      {%- endif %}
      {{ files_switch([site, 'site.conf'], 'site') }}
    - template: jinja
    - context:
        config: {{ said.config|d({})|json(sort_keys=False) }}
        web: {{ light|json() }}
    {% if said.overwrite|d(True) == False %}
    - unless:
      - test -e {{ path(site, True) }}
    {% endif %}
{% do made.append(id) %}
{{ id }}_status:
{{ status(site, said.enabled|d(True)) }}
{% if said.enabled|d(True) %}
    - require:
      - file: {{ id }}
{% endif %}
{% endfor %}
{% if made|length > 0 %}
extend:
  web_service:
    service:
      - listen:
      {%- for each in made %}
        - file: {{ each }}
      {%- endfor %}
{% endif %}
