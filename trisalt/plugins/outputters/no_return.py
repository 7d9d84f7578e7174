"""The row of a minion that did not return: in red, every line of it, empty ones too."""

from trisalt.plugins.outputters.palette import palette


def output(data, **_kwargs):
    """Display `{id: reason}`."""
    colors = palette(__opts__)
    return "".join(_lines(data, 0, colors))


def _lines(data, indent, colors):
    if isinstance(data, str):
        for line in data.split("\n"):
            yield f"{colors['RED']}{' ' * indent}{line}{colors['ENDC']}\n"
    elif isinstance(data, dict):
        for key in sorted(data):
            yield f"{colors['CYAN']}{' ' * indent}{key}{colors['ENDC']}:\n"
            yield from _lines(data[key], indent + 4, colors)
