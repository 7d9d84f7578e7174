"""Values only, one on each line, without the minions' names: made for shell loops.

salt '*' network.ip_addrs --out newline_values_only | sort -u
"""


def output(data, **_kwargs):
    """Every value in `data`, however deep; the items of a list each on a line."""
    return "\n".join(_values(data))


def _values(data):
    if isinstance(data, dict):
        for value in data.values():
            yield from _values(value)
    elif isinstance(data, (list, tuple)):
        for value in data:
            yield from _values(value)
    else:
        yield str(data)
