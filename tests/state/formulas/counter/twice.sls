#!stateconf
.goal: test.nop
