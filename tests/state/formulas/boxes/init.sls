{% import_json tpldir ~ "/os.json" as rows %}
{% import_yaml tpldir ~ "/defaults.yaml" or {} as defaults %}
{% import_text "boxes/motd.txt" as motd %}
{% do defaults.boxes.update(salt['grains.filter_by'](rows, grain='os') or {}) %}
{% set boxes = salt['pillar.get']('boxes', default=defaults['boxes'], merge=True) %}
boxes-config:
  file.managed:
    - name: /etc/boxes
    - contents: {{ boxes.config | join('\n') | yaml_encode }}
    - motd: {{ motd | yaml_dquote }}
    - mode: 0644
    - kernel: {{ boxes.kernel|d('none') }}
{%- for name, box in boxes.compose.items() %}
  {%- set id = box.called|d(name) %}
  {%- set needed = [] %}
{{id}} image:
  {%- set image = box.image.split(':',1) %}
  box_image.present: [{name: "{{image[0]}}"}, {tag: "{{image[1]|d('latest')}}"}]
{{id}} box:
  box.running:
    - name: {{id}}
  {%- if 'environment' in box and box.environment is iterable %}
    - environment:
    {%- for variable, value in box.environment.items() %}
        - {{variable}}: {{value}}
    {%- endfor %}
  {%- endif %}
    - ports:
    {%- for port in box.ports|d([]) %}
      {%- if port is string %}
        {%- set parts = port.split(':',2) %}
        {%- if parts|length < 2 %}
      - "{{parts[0]}}"
        {%- else %}
      - "{{parts[-1]}}/tcp":
            host: "{{parts[-2]}}"
            ip: "{{parts[-3]|d('')}}"
        {%- endif %}
      {%- elif port is mapping %}
      - {{port}}
      {%- endif %}
    {%- endfor %}
    {%- for link in box.links|d([]) %}
      {%- set other, alias = link.split(':',1) %}
      {%- do needed.append(other) %}
    - {{ alias }}: {{ other }}
    {%- endfor %}
    - require:
      - box_image: {{id}} image
    {%- for each in needed %}
      - box: {{each}}
    {%- endfor %}
{% endfor %}
