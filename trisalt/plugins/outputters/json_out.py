"""JSON: one document for each thing printed. `--out-indent=-1` puts it on one line: the form to pipe."""

import contextlib
import json

from trisalt.jsontext import dumps

__virtualname__ = "json"


def __virtual__():
    return __virtualname__


def output(data, **_kwargs):
    """`output_indent` is a number of blanks, negative or null for one line, `pretty` for four and sorted keys.

    Always valid JSON: what JSON does not know is written as Python's text of it.
    """
    indent = __opts__.get("output_indent", 4)
    pretty = indent == "pretty"
    if pretty:
        indent = 4
    elif not isinstance(indent, int) or indent < 0:
        indent = None
    if indent and not pretty:
        with contextlib.suppress(TypeError, ValueError, RecursionError):
            return _indented(data, indent)
    return dumps(data, indent=indent, sort_keys=pretty)


def _indented(data, indent):
    """What `json.dumps` makes of it with an indent, where it has no C: a large answer costs a third this way."""
    leaf = json.JSONEncoder(default=repr, ensure_ascii=False, allow_nan=False).encode
    text = json.encoder.encode_basestring
    pieces = []
    put = pieces.append

    def write(value, margin):
        kind = type(value)
        if kind is str:
            put(text(value))
        elif kind is dict and value:
            inner = margin + " " * indent
            mark = "{" + inner
            for key, item in value.items():
                if type(key) is not str:
                    raise TypeError(key)
                if type(item) is str:  # as most are
                    put(f"{mark}{text(key)}: {text(item)}")
                else:
                    put(f"{mark}{text(key)}: ")
                    write(item, inner)
                mark = "," + inner
            put(margin + "}")
        elif (kind is list or kind is tuple) and value:
            inner = margin + " " * indent
            mark = "[" + inner
            for item in value:
                put(mark)
                write(item, inner)
                mark = "," + inner
            put(margin + "]")
        elif value is None:
            put("null")
        elif kind is bool:
            put("true" if value else "false")
        elif kind is int:
            put(str(value))
        elif isinstance(value, (str, int, float)) or not value:
            put(leaf(value))
        else:
            put(
                json.dumps(value, default=repr, indent=indent, ensure_ascii=False, allow_nan=False).replace(
                    "\n", margin
                )
            )

    write(data, "\n")
    return "".join(pieces)
