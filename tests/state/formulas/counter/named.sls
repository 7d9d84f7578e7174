#!stateconf -o
.b: {test.nop: [{names: [x, y]}]}
