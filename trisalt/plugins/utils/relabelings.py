"""What restorecon says of files whose context it changes, or would change. Pure.

Used by the shelf `selinux`, module and state.
"""

from __future__ import annotations

import re
from typing import Any

_PARTS = ("sel_user", "sel_role", "sel_type", "sel_level")


def parsed(text: str) -> dict[str, Any]:
    """By the path of each file `old` and `new`, with the parts of its context that differ."""
    changes: dict[str, Any] = {}
    for path, before, after in re.findall(r"^(?:Would relabel|Relabeled) (.+) from (\S+) to (\S+)$", text, re.M):
        pairs = zip(_PARTS, before.split(":", 3), after.split(":", 3), strict=False)
        parts = [(name, old, new) for name, old, new in pairs if old != new]
        changes[path] = {
            "old": {name: old for name, old, _new in parts}, "new": {name: new for name, _old, new in parts}
        }  # fmt: skip
    return changes
