#!pyobjects
class Words:
    one = 'one'
    two = grains('os')
def make(id):
    return Test.nop(id)
number = 5
