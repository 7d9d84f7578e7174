#!stateconf
include: [...a]
