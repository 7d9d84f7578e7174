"""Follow the master's events through the local door."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from types import TracebackType

from trisalt.client.door import CLOSED, Answers, Door, DoorClosed, expect

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing costs a command as much as reading its configuration
    from typing import Any


class Lagged:
    """This follower was too slow: `missed` events are not there."""

    __slots__ = ("missed",)

    def __init__(self, missed: int) -> None:
        self.missed = missed


class Events:
    """Events as they come: iterate `(tag, data)` pairs, or `Lagged`. Close it, or use it in a `with`, to stop.

    Iterating raises DoorClosed when the master goes away: a stream of events has no other end.
    """

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._waiting: deque[tuple[str, dict[str, Any]] | Lagged] = deque()
        self._closed = False

    def __iter__(self) -> Events:
        return self

    def __next__(self) -> tuple[str, dict[str, Any]] | Lagged:
        while not self._waiting:
            if self._closed:
                raise StopIteration
            try:
                answer = next(self._answers)
            except StopIteration:
                self._closed = True
                raise DoorClosed(CLOSED) from None
            self._waiting.extend((tag, data) for tag, data in answer.get("events", ()))
            if "lagged" in answer:
                self._waiting.append(Lagged(answer["lagged"]))
        return self._waiting.popleft()

    def close(self) -> None:
        """Stop following."""
        self._closed = True
        self._waiting.clear()
        self._answers.close()

    def __enter__(self) -> Events:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


def follow(door: Door, match: Sequence[str] | None = None, *, timeout: float | None = None) -> Events:
    """Follow from now: when this returns the subscription stands. `match`: globs over the whole tag, None for all.

    `timeout`: seconds without an event until RequestTimeout; None waits for ever. Raises as `Door.ask` does.
    """
    question = {"op": "events", "match": None if match is None else list(match)}
    answers = door.follow(question, timeout)
    try:
        for answer in answers:
            expect(answer, "ready")
            return Events(answers)
        raise DoorClosed(CLOSED)
    except BaseException:
        answers.close()
        raise
