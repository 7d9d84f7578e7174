#!pyobjects
with Host.present("a"):
    with Test.nop("b"):
        Test.nop("c")
    Test.nop("d", require=Test("e"))
Test.nop("e")
with Host("a", "onchanges"):
    Test.nop("f")
