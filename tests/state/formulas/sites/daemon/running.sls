{%- from "sites/map.jinja" import sites with context %}
include: [..files]
sites-running:
  service.running:
    - name: {{ sites.service }}
    - watch: [{sls: sites.files}]
    - retry: {{ sites.get('retry', {'attempts': 2})|json }}
sites-reload:
  module.wait: [{name: service.reload}, {m_name: {{ sites.service }}}]
