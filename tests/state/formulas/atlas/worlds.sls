{# What a template does to what it sees, other templates see, and functions do not; and the other way round. #}
include:
  - .after
{% do pillar.setdefault('atlas', {}).update({'by_template': true}) %}
{% do salt['pillar.get']('atlas', {}).update({'by_function': true}) %}
worlds:
  test.nop:
    - seen: {{ pillar.atlas | json }}
    - asked: {{ salt['pillar.get']('atlas') | json }}
    - configured: {{ salt['config.get']('atlas') | json }}
    - options: {{ opts.pillar.atlas | json }}
