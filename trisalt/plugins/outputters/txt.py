"""Plain text: each line of what came back behind the minion's name, as a shell would show it."""

import pprint


def output(data, **_kwargs):
    """`m1: line` for every line; what has no lines is written as it is."""
    if not hasattr(data, "keys"):
        return f"{data}\n" if isinstance(data, str) else f"{pprint.pformat(data)}\n"
    lines = []
    for key in data:
        value = data[key]
        if hasattr(value, "splitlines"):
            lines += [f"{key}: {line}\n" for line in value.splitlines()]
        else:
            lines.append(f"{key}: {value}\n")
    return "".join(lines)
