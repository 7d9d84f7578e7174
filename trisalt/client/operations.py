"""Runners, wheels, and single questions to the master, through the local door."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trisalt.client.door import Door


class Run:
    """A runner or wheel that is followed: iterate its progress maps; then `result` is there.

    `jid` and `tag` from the start; `result` is the map {return, success, retcode, out?}, None until the end.
    """

    jid: str
    tag: str
    result: dict[str, Any] | None

    def __iter__(self) -> Iterator[dict[str, Any]]:
        raise NotImplementedError

    def wait(self) -> dict[str, Any]:
        """The result; progress on the way is dropped."""
        raise NotImplementedError


def runner(
    door: Door,
    fun: str,
    arg: Sequence[Any] = (),
    kwarg: Mapping[str, Any] | None = None,
    *,
    jid: str = "",
    timeout: float | None = None,
) -> Run:
    """Run `fun` (without `runner.`) and follow it. `timeout`: seconds without any word."""
    raise NotImplementedError


def wheel(
    door: Door,
    fun: str,
    arg: Sequence[Any] = (),
    kwarg: Mapping[str, Any] | None = None,
    *,
    jid: str = "",
    timeout: float | None = None,
) -> Run:
    """The same for a wheel function."""
    raise NotImplementedError


def fire(door: Door, tag: str, data: Mapping[str, Any], *, timeout: float | None = 30) -> None:
    """Fire an event on the master's bus."""
    raise NotImplementedError


def key_changed(door: Door, act: str, ids: Sequence[str], *, timeout: float | None = 30) -> None:
    """Tell the master that key files have been moved, so that it acts at once."""
    raise NotImplementedError


def status(door: Door, *, timeout: float | None = 30) -> dict[str, Any]:
    """What the master says about itself."""
    raise NotImplementedError
