#!stateconf -o yaml . jinja
.a: test.nop
.b: {test.nop: [{x: 1}, {require: [{test: .a}]}]}
c:
  test: [nop, {a: 1}]
  cmd.run: [{name: y}]
.d: {test.nop: [{require_in: [{test: .e}]}]}
.e: test.nop
