#!pyobjects
from salt://objects/lib.sls import Words, make, number as n
import salt://objects/lib.sls
import os.path
make('made')
Test.nop(Words.one, two=Words.two, n=n, lib=lib.number, path=os.path.join('a', 'b'))
