#!stateconf -o
.b: {test.nop: [{require: [{test: .c}]}]}
.c: test.nop
