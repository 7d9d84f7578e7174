{%- from tpldir ~ '/map.jinja' import web, block with context %}
{% set function = {True: 'running', False: 'dead'}.get(web.service.enable) %}
web_config:
  file.managed:
    - name: /etc/web/web.conf
    - context: {config: {{ web.config|json }}}
web_service:
  service.{{ function }}:
    {{ block(web.service.opts) }}
    - name: web
    - use: [{file: web_config}]
    - require: [{file: 'web_conf*'}]
