"""What Pythons differ in."""

import copy


def deepcopy_bound(name):
    """A copy, methods included."""
    return copy.deepcopy(name)


def cmp(x, y):
    """-1, 0 or 1; for mappings whether they are equal."""
    if isinstance(x, dict) and isinstance(y, dict):
        return 0 if x == y else -1
    return (x > y) - (x < y)
