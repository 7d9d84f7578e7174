#!stateconf
.p: {stateconf.set: [{x: 1}]}
# end of state config
.x: {test.nop: [{x: {{ p.x }}}]}
