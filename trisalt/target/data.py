"""Walking `a:b:c` through nested data, and matching what is found there."""

from __future__ import annotations

from typing import Any

DELIMITER = ":"


def traverse(data: Any, path: str, default: Any = None, delimiter: str = DELIMITER) -> Any:
    """What stands at `path` in nested maps and lists; `default` if nothing does.

    A number is an index in a list; in a list of maps any other part is looked up in each, the first that has it wins.
    """
    raise NotImplementedError


def matches_path(
    data: Any, expression: str, *, delimiter: str = DELIMITER, regex: bool = False, exact: bool = False
) -> bool:
    """Whether `key:…:pattern` holds in `data`. Raises TargetError for a pattern that is no regular expression."""
    raise NotImplementedError
