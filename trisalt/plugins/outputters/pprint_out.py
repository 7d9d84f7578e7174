"""The data as Python's pretty-printer writes it, wrapped at 80 columns."""

import pprint

__virtualname__ = "pprint"


def __virtual__():
    return __virtualname__


def output(data, **_kwargs):
    """`output_indent`, when it is not negative, is the indent of every level."""
    if isinstance(data, Exception):
        data = str(data)
    indent = __opts__.get("output_indent")
    if isinstance(indent, int) and indent >= 0:
        return pprint.pformat(data, indent=indent)
    return pprint.pformat(data)
