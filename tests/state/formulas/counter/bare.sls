#!stateconf -G yaml . jinja
.a: test.nop
