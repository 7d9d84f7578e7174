"""Texts as files."""

import io


def is_stringio(obj):
    """Whether it is a text as a file."""
    return isinstance(obj, io.StringIO)


is_readable = is_writable = is_stringio
