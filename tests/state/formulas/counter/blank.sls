#!stateconf
# nothing
