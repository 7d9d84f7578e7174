option-a: {test.nop: [{onfail: [split.service]}]}
