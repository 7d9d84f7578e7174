"""Compressed data."""

import gzip
from gzip import GzipFile, open  # noqa: F401 - plugins reach them through here


def compress(data, compresslevel=9):
    """Bytes, compressed."""
    return gzip.compress(data, compresslevel)


def uncompress(data):
    """Bytes, as they were."""
    return gzip.decompress(data)
