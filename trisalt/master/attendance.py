"""Who is here, as those see it who wait for minions: what `master/presence` answers, and what is so without it."""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import Protocol

from trisalt.bus.answers import Presence


class Attendance(Protocol):
    """Who is here: what `master/presence` knows."""

    @property
    def gone(self) -> Set[str]:
        """Who is known not to be here."""

    def find(self, id: str) -> Presence:
        """What is known of one minion."""

    def key_state(self, id: str) -> str | None:
        """`accepted`, `pending`, `rejected`, `denied`, or None for no key."""

    def asked(self, ids: Iterable[str]) -> None:
        """These are asked find_job now."""

    def not_asked(self, ids: Iterable[str]) -> None:
        """They were not, after all."""


class Nobody:
    """Where nobody knows who is here."""

    gone: Set[str] = frozenset()

    def find(self, id: str) -> Presence:
        """Nothing is known."""
        return Presence(present=None)

    def key_state(self, id: str) -> str | None:
        """Who was found by a target has one."""
        return "accepted"

    def asked(self, ids: Iterable[str]) -> None:
        """Nobody takes note."""

    not_asked = asked


NOBODY = Nobody()
