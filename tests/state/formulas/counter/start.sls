#!stateconf -so
.a: {test.nop: []}
.b: test.nop
c: test.nop
