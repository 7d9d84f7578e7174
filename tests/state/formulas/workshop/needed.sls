workshop-needed:
  pkg:
    - installed
    - pkgs: [git]
workshop-asked:
  debconf.set:
    - data:
        'a/password': {'type': 'password', 'value': '{{ salt['pillar.get']('workshop:secret', 'some') }}'}
        'a/boot': {'type': 'boolean', 'value': 'true'}
    - require:
        - pkg: workshop-needed
