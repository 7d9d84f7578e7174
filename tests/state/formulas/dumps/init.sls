{#- What a map writes itself as, which modules there are, and where a text that is no SLS file finds itself. #}
{% import_yaml 'dumps/defaults.yaml' as settings %}
{% set merged = salt['pillar.get']('dumps', default=settings.dumps, merge=True) %}
{% set ordered = odict([('z', 1), ('a', odict([('y', 1), ('x', 2)]))]) %}
dumped:
  test.nop:
    - flow: {{ merged | yaml }}
    - block: |
        {{ merged | yaml(False) | indent(8) }}
    - text: {{ merged | yaml(False) | json }}
    - ordered: {{ ordered | yaml | json }}
    - copied: {{ {'z': ordered, 'b': 1} | yaml | json }}
    - serialized: {{ salt['slsutil.serialize']('yaml', ordered, default_flow_style=False) | json }}
    - quoted: {{ "it's ☃\n  'in'" | yaml_squote }}
    - double: {{ 'tab\t☃ "q"' | yaml_dquote | json }}
    - encoded: {{ merged.alpha[1] | yaml_encode | json }}
there:
  test.nop:
    - module: {{ salt.test is defined }} {{ salt.nosuchmodule is defined }} {{ salt['nosuchmodule'] is defined }}
    - function: {{ salt.test.nosuch is defined }} {{ salt['test.nosuch'] is defined }} {{ salt.get('test.ping') is callable }}
    - nothing: {{ salt['nosuchmodule.fun'] | default(none) is not callable }}
    - shown: {{ salt['slsutil.renderer']('salt://dumps/shown.jinja', default_renderer='jinja', more=5) | json }}
