{% for key, value in salt['pillar.get']('spin:jobs', {}).items() %}
  {% set contents = value.get('contents', False) if value is mapping else False %}
spin-{{ key }}:
  file.managed:
    - name: /etc/spin.d/{{ key.split("/")[-1] }}
    - mode: {{ salt['pillar.get']('spin:mode', '644') }}
    {% if contents %}
    - contents: {{ contents | yaml_encode }}
    {% else %}
    - context:
      {% if value is mapping %}
      path: {{ value.get('path', [key]) | tojson }}
      data: {{ value.get('config', []) | tojson }}
      {% else %}
      path: [ {{ key | tojson }} ]
      data: {{ value | tojson }}
      {% endif %}
    {% endif %}
{%- endfor -%}

