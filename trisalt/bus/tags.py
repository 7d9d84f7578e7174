"""Tag templates, and matching tags: Salt's tags are paths such as `salt/job/<jid>/ret/<id>`."""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import translate
from functools import lru_cache

from trisalt.expressions import UNREADABLE, Expression, fits_in_time

# Tags that a minion may not fire: they are the master's own word, or another minion's.
# Source: stock Salt 3008.3; the list stands for the single and for the batch form alike.
RESERVED_FROM_MINIONS = (
    "salt/job/*/publish",
    "salt/job/*/new",
    "salt/job/*/return",
    "salt/job/*/ret/*",
    "salt/job/*/error",
    "salt/auth",
    "salt/key",
    "key",
    "salt/presence/*",
    "salt/cloud/*",
    "salt/run/*",
    "salt/cluster/*",
    "salt/wheel/*",
    "salt/batch/*",
    "minion/refresh/*",
    "trisalt/*",
)


@lru_cache(maxsize=512)
def matcher(pattern: str) -> Callable[[str], bool]:
    """A function that tells whether a tag matches `pattern`: a shell-style glob over the whole tag (`*` crosses
    `/`), or else a regular expression matched from the start. A pattern that is no valid expression is a glob only.

    Source: stock Salt 3008.3, `salt-run state.event`.
    """
    glob = re.compile(translate(pattern)).match
    try:
        regex = fits_in_time(Expression(pattern).fullmatch)
    except UNREADABLE:
        return lambda tag: glob(tag) is not None
    return lambda tag: glob(tag) is not None or regex(tag)


@lru_cache(maxsize=4096)
def reserved(tag: str, minion_id: str) -> bool:
    """Whether `minion_id` may not fire `tag`: a reserved one, or one that speaks for another minion."""
    if any(_reserved_glob(pattern)(tag) for pattern in RESERVED_FROM_MINIONS):
        return True
    parts = tag.split("/")
    match parts:
        case ["salt", "minion" | "beacon" | "syndic", other, *_]:
            return other != minion_id
        case ["salt", "job", _jid, "prog" | "start" | "sub", other, *_]:
            return other != minion_id
    return False


@lru_cache(maxsize=64)
def _reserved_glob(pattern: str) -> Callable[[str], object]:
    return re.compile(translate(pattern)).match
