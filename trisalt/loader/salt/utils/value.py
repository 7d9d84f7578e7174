"""Values."""


def xor(*variables):
    """Whether an odd number of them is true, one after the other."""
    result = False
    for value in variables:
        result = bool(result) != bool(value)
    return result
