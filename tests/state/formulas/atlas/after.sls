after:
  test.nop:
    - seen: {{ pillar.get('atlas') | json }}
    - asked: {{ salt['pillar.get']('atlas') | json }}
    - groups: {{ opts.nodegroups | json }}
