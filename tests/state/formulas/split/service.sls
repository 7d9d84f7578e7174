{%- set function = {True: "running", False: "dead"}.get(salt["pillar.get"]("split:enable", True)) %}
split.service:
  service.{{ function }}: [{enable: {{ salt["pillar.get"]("split:enable", True) }}}]
  file.replace: [{name: /etc/default/split}, {pattern: ENABLED=0$}, {repl: ENABLED=1}, {onlyif: [{fun: test.ping}]}]
