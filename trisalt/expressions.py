"""Regular expressions of whoever asks, held against texts of whoever is asked about: in bounded time.

Python's own engine goes through all ways in which an expression may fit, and those can be more than a daemon has time
for. What can take only few steps is left to it. For the rest the library `regex`, which reads the same expressions,
stops in time; an expression that has used its time up is refused.
"""

from __future__ import annotations

import re
import sys
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from trisalt.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Callable

UNREADABLE = (re.error, OverflowError, RecursionError)
"""What is raised for what is no regular expression."""

# Steps that are few: some 100 microseconds.
FEW = 10_000
# Characters of an expression, and of one that may take many steps.
LONGEST, LONGEST_SLOW = 64 * 1024, 1000
# Seconds that one may take at once, and in each second after. What takes no longer than these is not counted.
BUDGET_S, AGAIN, UNCOUNTED_S = 0.25, 0.05, 50e-6

_NEVER = -1
_ESCAPED = re.compile(r"\\.", re.DOTALL)
_CLASS = re.compile(r"\[\^?\]?[^\]]*\]")
_EXTENSION = re.compile(r"\(\?(?:[aiLmsu-]*[:)]|P<\w+>|<?[=!])")
# What is repeated as a whole, or named again, or reads otherwise than it looks.
_REPEATED, _OTHER = re.compile(r"\)[*+{]"), re.compile(r"\\[1-9]|\(\?(?:P=|[(#]|[aiLmsu-]*x)")


class TooSlow(TargetError):
    """An expression that takes too long to be held against a text."""


class Expression:
    """One expression; `match`, `search` and `fullmatch` say whether it fits, and raise TooSlow."""

    __slots__ = ("_at", "_flags", "_left", "_pattern", "_plain", "_reach", "_reach_anywhere")

    def __init__(self, pattern: str, flags: int = 0) -> None:
        """Raises one of UNREADABLE for what is no expression."""
        if len(pattern) > LONGEST:
            raise re.error(f"{len(pattern)} characters, when {LONGEST} are allowed")
        self._pattern = pattern
        self._flags = flags
        self._plain = re.compile(pattern, flags)
        # Of how many characters a text is for which few steps are enough.
        self._reach, self._reach_anywhere = _reaches(pattern)
        self._left = BUDGET_S
        self._at = 0.0

    def match(self, text: str) -> bool:
        """Whether it fits the beginning of a text."""
        if len(text) <= self._reach:
            return self._plain.match(text) is not None
        return self._patiently(text, "match")

    def search(self, text: str) -> bool:
        """Whether it fits somewhere in a text."""
        if len(text) <= self._reach_anywhere:
            return self._plain.search(text) is not None
        return self._patiently(text, "search")

    def fullmatch(self, text: str) -> bool:
        """Whether it fits the whole of a text."""
        if len(text) <= self._reach:
            return self._plain.fullmatch(text) is not None
        return self._patiently(text, "fullmatch")

    def _patiently(self, text: str, how: str) -> bool:
        holds = getattr(_patient(self._pattern, self._flags), how)
        began = time.monotonic()
        left = min(BUDGET_S, self._left + (began - self._at) * AGAIN)
        try:
            found = left > 0 and holds(text, timeout=left) is not None
        except TimeoutError:
            left = 0.0
        took = time.monotonic() - began
        self._left = left - took if took > UNCOUNTED_S else left
        self._at = began + took
        if left <= 0:
            raise TooSlow(f"{self._pattern[:200]!r} takes too long to be held against what there is")
        return found


def fits_in_time(test: Callable[[str], bool], *, in_doubt: bool = False) -> Callable[[str], bool]:
    """The same test, but that what takes too long does not fit, or does where that is to be so `in_doubt`."""

    def fits(text: str) -> bool:
        try:
            return test(text)
        except TooSlow:
            return in_doubt

    return fits


@lru_cache(maxsize=256)
def _patient(pattern: str, flags: int) -> Any:
    # Most daemons never meet an expression that needs it.
    import regex

    try:
        if len(pattern) <= LONGEST_SLOW:
            return regex.compile(pattern, flags & (re.IGNORECASE | re.MULTILINE | re.DOTALL))
    except (regex.error, RecursionError):
        pass
    raise TooSlow(f"{pattern[:200]!r} says too much to be held against anything")


def _reaches(pattern: str) -> tuple[int, int]:
    """How long a text may be for few steps to be enough, held against its beginning, and anywhere.

    Only signs are counted, so this errs on the side of more steps: so many for each way through options and choices
    as the text has characters, to the power of how often something is repeated.
    """
    bare = _EXTENSION.sub("(", _CLASS.sub("c", _ESCAPED.sub("c", pattern)))
    groups, options = bare.count("("), bare.count("?")
    if _OTHER.search(pattern) or _REPEATED.search(bare) or options > 12 or groups > 12:
        return _NEVER, _NEVER
    repeats = sum(bare.count(sign) for sign in "*+{")
    each = FEW / (2**options * (bare.count("|") + 1) ** max(groups, 1))
    if each < 1:
        return _NEVER, _NEVER
    return (sys.maxsize if not repeats else int(each ** (1 / repeats))), int(each ** (1 / (repeats + 1)))
