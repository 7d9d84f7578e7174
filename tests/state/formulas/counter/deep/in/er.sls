#!stateconf -G
include: [..two, ...bare, .sib]
.l: {test.nop: [{d: {{ sls_dir }}}]}
