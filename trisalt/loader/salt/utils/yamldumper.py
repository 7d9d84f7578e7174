"""YAML, written."""

from salt.utils.yaml import IndentedSafeOrderedDumper, OrderedDumper, SafeOrderedDumper, dump, safe_dump

__all__ = ["IndentedSafeOrderedDumper", "OrderedDumper", "SafeOrderedDumper", "dump", "safe_dump"]
