{% set d = {} %}
a: {test.nop: [{v: {{ salt["pillar.get"]("there", d.x) }}}]}
