{# What aliases name are copies once it is loaded in a template, not in an SLS file. #}
{% import_yaml 'atlas/shared.yaml' as shared %}
{% do shared.first.update({'changed': true}) %}
{% do shared.fourth.append(2) %}
aliases:
  test.nop:
    - loaded: {{ shared | json }}
    - written: {{ shared | yaml(false) | json }}
    - once: &own {k: [1]}
    - again: *own
    - binary: !!binary aGVsbG8=
