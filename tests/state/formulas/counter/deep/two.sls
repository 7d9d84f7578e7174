#!stateconf -G
.l: {test.nop: [{d: {{ sls_dir }}}]}
