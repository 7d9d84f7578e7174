include:
  - watcher
{% set switch = salt['pillar.get']('watcher:switch', ['id']) %}
/etc/watcher.conf:
  file:
    - managed
    - source:
      {% for grain in switch if salt['grains.get'](grain) is defined -%}
      - salt://watcher/{{ salt['grains.get'](grain) }}/conf
      {% endfor -%}
      - salt://watcher/default/conf
    - watch_in:
      - service: agent
