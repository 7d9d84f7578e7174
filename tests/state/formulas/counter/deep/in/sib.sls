#!stateconf -G
.l: test.nop
