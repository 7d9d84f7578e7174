#!stateconf yaml . jinja
.b: {test.nop: []}
{{ nope }}
