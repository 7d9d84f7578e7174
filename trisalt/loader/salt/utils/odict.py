"""Ordered mappings: Python's own are."""

from collections import OrderedDict

__all__ = ["OrderedDict"]
