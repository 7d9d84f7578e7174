#!stateconf
include:
  - .shop
  - base: ..counter.bare
exclude: [{sls: .gone}, {id: .x}]
extend:
  .shop::params:
    stateconf.set:
      - port: 8080
  .shop::web:
    pkg:
      - require: [{test: .mine}]
  .mine:
    test: [{a: 1}]
.mine:
  test:
    - nop
    - names: [.q, r]
    - watch: [{pkg: .shop::web}, {test: .one}]
    - listen: [{test: .one}]
    - use: [{test: .one}]
    - onfail_in: [{test: .one}]
.one:
  test.nop: []
  cmd.run: [{name: echo}]
.file.two: test.nop
