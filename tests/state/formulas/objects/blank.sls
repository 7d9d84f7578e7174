#!pyobjects
