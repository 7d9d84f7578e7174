{% from tpldir ~ "/map.jinja" import split with context %}
split.config:
  file.managed:
    - name: {{ split.file }}
    - slspath: {{ [slspath, sls, tpldot, slsdotpath, slscolonpath, sls_path, tplfile]|json }}
    - require_in: [service: split.service]
    {% if salt["pillar.get"]("split:overwrite", default=True) == False %}
    - unless: [test -e {{ split.file }}]
    {% endif %}
