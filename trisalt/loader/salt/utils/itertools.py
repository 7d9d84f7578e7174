"""Iterating."""

import fnmatch
import re


def split(orig, sep=None):
    """`str.split`, one part at a time."""
    if sep is None:
        yield from (found[0] for found in re.finditer(r"\S+", orig))
        return
    start = 0
    while (end := orig.find(sep, start)) >= 0:
        yield orig[start:end]
        start = end + len(sep)
    yield orig[start:]


def read_file(fh_, chunk_size=1048576):
    """A file, one chunk at a time."""
    with fh_ if hasattr(fh_, "read") else open(fh_, "rb") as file:
        while chunk := file.read(chunk_size):
            yield chunk


def fnmatch_multiple(candidates, pattern):
    """The first of several texts that a glob matches; None where there is none."""
    return next((each for each in candidates if isinstance(each, str) and fnmatch.fnmatchcase(each, pattern)), None)
