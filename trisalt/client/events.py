"""Follow the master's events through the local door: from now on, or from somewhere in its log."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from types import TracebackType

from trisalt.client.door import Answers, Door, DoorClosed

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing costs a command as much as reading its configuration
    from typing import Any


class Lagged:
    """`missed` events are not there: the log does not keep them any more."""

    __slots__ = ("missed",)

    def __init__(self, missed: int) -> None:
        self.missed = missed


class Events:
    """Events as they come: iterate `(tag, data)` pairs, or `Lagged`. Close it, or use it in a `with`, to stop.

    `log` names the log; of the last pair `number` is its number there, and `origin` is who it is of, `kind/name`. All
    that was asked for has been given up to the number `at`. It ends where `until` is; else iterating raises DoorClosed
    when the master goes away: a stream of events has no other end.
    """

    def __init__(self, answers: Answers, ready: dict[str, Any]) -> None:
        self._answers = answers
        self._waiting: deque[tuple[str, int, str, dict[str, Any]] | Lagged] = deque()
        self._closed = False
        self.log: str = ready["log"]
        self.number = self.at = self._reached = int(ready["at"])
        # What was asked for reaches back further than the log, which keeps what is from this moment on.
        self.keeps_from: float | None = ready.get("keeps_from")
        self.origin = ""
        # Called when the master says how far it has got though it had no event to give.
        self.moved: Callable[[Events], None] | None = None

    def __iter__(self) -> Events:
        return self

    def __next__(self) -> tuple[str, dict[str, Any]] | Lagged:
        while not self._waiting:
            self.at = self._reached
            if self._closed:
                raise StopIteration
            self._receive()
            if self.moved is not None and not self._waiting and self._reached != self.at:
                self.at = self._reached
                self.moved(self)
        found = self._waiting.popleft()
        if isinstance(found, Lagged):
            return found
        tag, self.number, self.origin, data = found
        self.at = self.number if self._waiting else self._reached
        return tag, data

    @property
    def waiting(self) -> int:
        """How many have come and were not given yet."""
        return len(self._waiting)

    def _receive(self) -> None:
        try:
            answer = next(self._answers)
        except StopIteration:
            self._closed = True
            raise DoorClosed() from None
        if "lagged" in answer:
            self._waiting.append(Lagged(answer["lagged"]))
        self._waiting.extend(tuple(item) for item in answer.get("events", ()))
        self._reached = answer.get("at", answer.get("end", self._reached))
        self._closed = "end" in answer

    def close(self) -> None:
        """Stop following."""
        self._closed = True
        self._waiting.clear()
        self._answers.close()

    def __enter__(self) -> Events:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


def follow(
    door: Door,
    match: Sequence[str] | None = None,
    *,
    timeout: float | None = None,
    patience: float | None = None,
    since: float | str | None = None,
    until: float | None = None,
    after: Sequence[tuple[str, int]] | None = None,
) -> Events:
    """Follow from now: when this returns the subscription stands. `match`: globs over the whole tag, None for all.

    `since`: from a moment of the log (wall seconds), or from the first event of a job; `after`: from the event after
    a cursor (a log and a number there), of which the one of this log counts, and from the beginning when none is.
    `until`: to that moment. `timeout`: seconds without an event until RequestTimeout, None for ever; `patience`: the
    same for the master's first answer. Raises as `Door.ask` does.
    """
    question: dict[str, Any] = {"op": "events", "match": None if match is None else list(match)}
    further: dict[str, Any] = {"since": since, "until": until, "after": None if after is None else list(after)}
    question |= {key: value for key, value in further.items() if value is not None}
    return _follow(door, question, timeout, patience)


def tail(door: Door, jid: str, *, timeout: float | None = None, patience: float | None = None) -> Events:
    """Follow one job from its first event on; it ends with those that are there when the job is settled already.

    Otherwise as `follow`. Raises TargetError for a job that nobody knows.
    """
    return _follow(door, {"op": "tail_job", "jid": jid}, timeout, patience)


def _follow(door: Door, question: dict[str, Any], timeout: float | None, patience: float | None) -> Events:
    answers = door.follow(question, timeout if patience is None else patience)
    ready = answers.first("ready")
    answers.timeout = timeout
    return Events(answers, ready)
