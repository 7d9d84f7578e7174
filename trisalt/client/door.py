"""Connect to the master's local door, ask, follow. Blocking: `socket` and `msgpack`, nothing more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from trisalt.errors import TrisaltError


class MasterUnreachable(TrisaltError):
    """There is no master at the local door."""


class DoorClosed(MasterUnreachable):
    """The master went away before its answer was complete."""


class MasterRefused(TrisaltError):
    """The master answered with an error; `name` is its class (`AuthorizationError`, `TargetError`, …)."""

    name: str


class Door:
    """The local door at `sock_path` (SOCK_DIR/master.sock). Each question has a connection of its own."""

    def __init__(self, sock_path: str, *, user_hint: str = "") -> None:
        raise NotImplementedError

    def ask(self, question: dict[str, Any], timeout: float | None = None) -> dict[str, Any]:
        """The one answer to `question`. `timeout` is in seconds, None for ever.

        Raises MasterUnreachable, DoorClosed, RequestTimeout, Denied (this user may not come in), or what the master
        answered: Denied, CommandError, TargetError, ConfigError, MasterRefused.
        """
        raise NotImplementedError

    def follow(self, question: dict[str, Any], timeout: float | None = None) -> Answers:
        """All answers to `question`, as they come, until the master ends them. `timeout`: for each answer."""
        raise NotImplementedError


class Answers:
    """A stream of answers. Iterate it; `close()` it, or use it in a `with`, to hang up early."""

    timeout: float | None

    def __iter__(self) -> Iterator[dict[str, Any]]:
        raise NotImplementedError

    def __next__(self) -> dict[str, Any]:
        raise NotImplementedError

    def close(self) -> None:
        """Hang up."""
        raise NotImplementedError
