#!stateconf yaml . jinja
.params:
  stateconf.set:
    - port: {{ pillar.get("port", 80) }}
    - names: [one, two]
    - user: {name: www}
.more: {stateconf.set: [{require: [{pkg: .web}]}]}
# --- end of state config ---
.web:
  pkg.installed
.out:
  test.nop:
    - text: "{{ params.port }} {{ params.names[1] }} {{ params.user.name }} {{ sls_dir }} {{ more }}"
    - require: [{pkg: .web}]
plain:
  test.nop:
    - require_in: [{test: .out}]
{% if params.port == 8080 %}
.other: test.nop
{% endif %}
