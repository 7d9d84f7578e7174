"""Tables: a list of maps, or of rows, becomes a grid; what is around it is indented below its names.

m1:
----------
    ---------------
    | Name | Size |
    ---------------
    | a    |    1 |
    ---------------
"""

import textwrap
from collections.abc import Mapping

from trisalt.plugins.outputters.nested import indented
from trisalt.plugins.outputters.palette import palette, visible

# Cells wider than this are wrapped between words.
_WIDTH = 50
_JUSTIFIED = {"left": str.ljust, "right": str.rjust, "center": str.center}


def output(data, **kwargs):
    """Display `data`. Options, each also as `out.table.NAME` in the configuration: `rows_key` and `labels_key` (the
    keys of a map under which rows and column titles stand), `separate_rows`, `justify` (left, right, center),
    `delim`, `prefix`, `suffix`, `row_delimiter`, `width`.
    """
    indent = kwargs.get("nested_indent", 0) or __opts__.get("nested_indent", 0)
    table = _Table(__opts__, kwargs)
    table.add(data, indent)
    return "\n".join(table.lines)


class _Table:
    def __init__(self, opts, kwargs):
        def option(name, default):
            value = kwargs.get(name)
            return value if value is not None else opts.get(f"out.table.{name}", default)

        self.lines = []
        self._opts = opts
        self._colors = palette(opts)
        self._strip = opts.get("strip_colors", True)
        self._rows_key, self._labels_key = option("rows_key", None), option("labels_key", None)
        self._separate = option("separate_rows", True)
        self._justified = _JUSTIFIED.get(option("justify", "center"), str.center)
        self._delim, self._prefix, self._suffix = option("delim", " | "), option("prefix", "| "), option("suffix", " |")
        self._rule = option("row_delimiter", "-")
        self._width = option("width", _WIDTH)

    def add(self, data, indent):
        if isinstance(data, Mapping):
            self._add_map(data, indent)
        elif isinstance(data, (list, tuple)) and data:
            self._add_list(data, indent)
        elif not isinstance(data, (list, tuple)):
            # No table: as every other command shows it.
            text = indented(data, self._opts, indent=indent)
            self.lines += text.split("\n") if text else []

    def _add_map(self, data, indent):
        if self._rows_key in data and self._labels_key in data and isinstance(data[self._rows_key], (list, tuple)):
            labels = [str(label) for label in data[self._labels_key]]
            self._add_grid(labels, [self._cells(row) for row in data[self._rows_key]], indent)
            return
        for key in sorted(data, key=str):
            self._line(indent, "DARK_GRAY", self._text(key), ":")
            self._line(indent, "DARK_GRAY", "----------")
            self.add(data[key], indent if isinstance(data[key], (list, tuple)) else indent + 4)

    def _add_list(self, rows, indent):
        if all(isinstance(row, Mapping) for row in rows):
            keys = sorted({key for row in rows for key in row}, key=str)
            labels = [str(key).replace("_", " ").title() for key in keys]
            self._add_grid(labels, [[self._text(row.get(key, "")) for key in keys] for row in rows], indent + 4)
        else:
            self._add_grid(None, [self._cells(row) for row in rows], indent + 4)

    def _cells(self, row):
        values = row.values() if isinstance(row, Mapping) else row if isinstance(row, (list, tuple)) else [row]
        return [self._text(value) for value in values]

    def _text(self, value):
        text = value if isinstance(value, str) else str(value)
        return visible(text) if self._strip else text

    def _add_grid(self, labels, rows, indent):
        columns = max(len(labels or ()), *(len(row) for row in rows), 0)
        whole = [*([labels] if labels is not None else []), *rows]
        cells = [[self._wrapped(cell) for cell in [*row, *[""] * (columns - len(row))]] for row in whole]
        widths = [max((len(line) for row in cells for line in row[at]), default=0) for at in range(columns)]
        inside = sum(widths) + len(self._delim) * max(columns - 1, 0)
        rule = self._rule * (len(self._prefix) + inside + len(self._suffix))
        self._line(indent, "LIGHT_GRAY", rule)
        for number, row in enumerate(cells):
            for at in range(max(len(lines) for lines in row) if row else 0):
                texts = (lines[at] if at < len(lines) else "" for lines in row)
                line = self._delim.join(self._justified(text, width) for text, width in zip(texts, widths, strict=True))
                self._line(indent, "WHITE", f"{self._prefix}{line}{self._suffix}")
            if self._separate or number == len(cells) - 1 or (number == 0 and labels is not None):
                self._line(indent, "LIGHT_GRAY", rule)

    def _wrapped(self, cell):
        lines = []
        for line in cell.splitlines():
            fits = len(line) <= self._width
            lines += (
                [line] if fits else textwrap.wrap(line, self._width, break_long_words=False, break_on_hyphens=False)
            )
        return lines or [""]

    def _line(self, indent, color, text, suffix=""):
        self.lines.append(f"{' ' * indent}{self._colors[color]}{text}{self._colors['ENDC']}{suffix}")
