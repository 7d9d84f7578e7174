#!stateconf yaml . nosuch
.a: test.nop
