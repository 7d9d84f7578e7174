option-b: {test.nop: [{onchanges: [{file: split.config}]}]}
