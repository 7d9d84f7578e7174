#!stateconf
- a
