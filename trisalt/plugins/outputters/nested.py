"""Nested data, indented: the default of every command.

m1:
    ----------
    roles:
        - web
"""

from collections import OrderedDict
from collections.abc import Mapping
from numbers import Number

from trisalt.plugins.outputters.palette import palette, visible


def output(data, **kwargs):
    """Display `data`; a `_retcode` other than 0 turns keys red."""
    indent = kwargs.get("nested_indent", 0) or __opts__.get("nested_indent", 0)
    return indented(data, __opts__, indent=indent, retcode=kwargs.get("_retcode", 0))


def indented(data, opts, *, indent=0, retcode=0):
    """The text for `data`; `highstate` shows changes by it."""
    colors = palette(opts)
    frame = colors["RED"] if retcode != 0 else colors["CYAN"]
    items = colors["RED"] if retcode != 0 else colors["GREEN"]
    nested = _Nested(frame, items, colors, opts.get("strip_colors", True))
    nested.add(data, indent, "")
    return "\n".join(nested.lines)


class _Nested:
    def __init__(self, frame, items, colors, strip):
        self.lines = []
        self._frame = frame
        self._items = items
        self._scalar = colors["LIGHT_YELLOW"]
        self._text = colors["GREEN"]
        self._end = colors["ENDC"]
        self._strip = strip

    def add(self, data, indent, prefix):
        if isinstance(data, bytes):
            try:
                data = data.decode()
            except UnicodeDecodeError:
                return
        match data:
            case str():
                self._add_text(data, indent, prefix)
            case None | True | False:
                self._line(indent, self._scalar, prefix, str(data))
            case Number():
                self._line(indent, self._scalar, prefix, repr(data))
            case list() | tuple():
                self._add_list(data, indent)
            case Mapping():
                self._add_map(data, indent, prefix)

    def _add_text(self, text, indent, prefix):
        if self._strip:
            text = visible(text)
        for line in text.splitlines():
            self._line(indent, self._text, prefix, line)
            prefix = " " * len(prefix)

    def _add_list(self, items, indent):
        for item in items:
            if isinstance(item, (list, tuple, Mapping)):
                self._line(indent, self._items, "", "|_")
                self.add(item, indent + 2, "" if isinstance(item, Mapping) else "- ")
            else:
                self.add(item, indent, "- ")

    def _add_map(self, data, indent, prefix):
        if indent:
            self._line(indent, self._frame, "", "----------")
        keys = data.keys()
        if not isinstance(data, OrderedDict):
            try:
                keys = sorted(data)
            except TypeError:
                data = {str(key): value for key, value in data.items()}
                keys = sorted(data)
        before, after = f"{' ' * indent}{self._frame}{prefix}", f"{self._end}:"
        below = f"{' ' * (indent + 4)}{self._text}"
        lines = self.lines
        for key in keys:
            lines.append(f"{before}{key}{after}")
            value = data[key]
            if type(value) is str and value.isprintable():
                # Of long lists these are the most by far: one line, and nothing in it to look out for.
                if value:
                    lines.append(f"{below}{value}{self._end}")
            elif type(value) is dict:
                self._add_map(value, indent + 4, "")
            elif type(value) is list:
                self._add_list(value, indent + 4)
            else:
                self.add(value, indent + 4, "")

    def _line(self, indent, color, prefix, text, suffix=""):
        self.lines.append(f"{' ' * indent}{color}{prefix}{text}{self._end}{suffix}")
