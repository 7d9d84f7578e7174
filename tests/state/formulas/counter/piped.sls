#!jinja|yaml|stateconf -p
.a: {test.nop: [{x: {{ 1 }}}]}
