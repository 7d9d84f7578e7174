#!stateconf -o
.b: test.nop
.c: {test.nop: [{watch_in: [{test: .b}]}]}
