"""What happened in a run, in order: what the daemons log, what the network carries, what faults do.

Two runs of one plan have the same digest. Nothing goes in here that differs between them: no path, no process id.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import attrs
import structlog

from tests.simulation.faults import Moment
from tests.simulation.platform import current, outside

UNTOLD = frozenset({"path", "pki_dir", "pid", "exc_info", "level", "timestamp"})


@attrs.frozen
class Line:
    """One thing that happened, to whom, when (seconds of the run)."""

    at: float
    who: str
    what: str
    facts: dict[str, Any]

    def __str__(self) -> str:
        facts = " ".join(f"{name}={value!r}" for name, value in self.facts.items())
        return f"{self.at:9.4f} {self.who:10} {self.what:28} {facts}"


@attrs.define(eq=False)
class _Awaited:
    """A moment that has not come yet, after so many `more` of its kind."""

    moment: Moment
    act: Callable[[], object]
    more: int

    def is_it(self, who: str, facts: dict[str, Any]) -> bool:
        if who != self.moment.who or not self.moment.facts.items() <= facts.items():
            return False
        self.more -= 1
        return self.more < 0


class Trace:
    """The lines of a run; `root` is the folder of its disks, which is another one each time.

    `failures` are errors that a daemon has logged with an exception that it did not expect; `acknowledged` are returns,
    `(id, jid)`, of which a minion was told that its master has them, and `spooled` those that it began to send: they are
    in its spool then.
    """

    def __init__(self, clock: Callable[[], float], root: str) -> None:
        self.lines: list[Line] = []
        self.failures: list[str] = []
        self.acknowledged: set[tuple[str, str]] = set()
        self.spooled: set[tuple[str, str]] = set()
        self._held: set[tuple[str, str]] = set()
        self._clock = clock
        self._root = root
        self._awaited: dict[str, list[_Awaited]] = {}

    def note(self, who: str, what: str, **facts: Any) -> None:
        """Something happened."""
        self.lines.append(Line(self._clock(), who, what, facts))
        if what in self._awaited:
            self.happened(who, what, **facts)

    def when(self, moment: Moment, act: Callable[[], object]) -> None:
        """Call `act` in that moment."""
        self._awaited.setdefault(moment.what, []).append(_Awaited(moment, act, moment.number))

    def happened(self, who: str, what: str, **facts: Any) -> None:
        """It may be a moment that somebody waits for. No line of the trace is written for it."""
        awaited = self._awaited.get(what, [])
        due = [one for one in awaited if one.is_it(who.partition("#")[0], facts)]
        for one in due:
            awaited.remove(one)
        with outside():
            for one in due:
                one.act()

    def digest(self) -> str:
        """The whole of it as a short text."""
        return hashlib.sha256("\n".join(map(str, self.lines)).encode()).hexdigest()[:16]

    def log(self, method: str, event: MutableMapping[str, Any]) -> None:
        """A daemon logs something."""
        daemon = current.get()
        who = "-" if daemon is None else str(daemon)
        what = str(event.pop("event"))
        failure = event.get("exc_info")
        facts = {
            name: value.replace(self._root, "") if isinstance(value, str) else value
            for name, value in event.items()
            if name not in UNTOLD
        }
        if daemon is not None and not getattr(daemon, "gone", False):
            key = who.partition("#")[0], facts.get("jid", "")
            match what:
                case "return.acknowledged":
                    self.acknowledged.add(key)
                case "return.not_spooled":
                    self._held.add(key)
                case "job.returning" if key not in self._held:
                    self.spooled.add(key)
        if method in ("warning", "error", "critical"):
            facts["level"] = method
        if isinstance(failure, BaseException):
            facts["failure"] = repr(failure)
        if isinstance(failure, BaseException) and not getattr(daemon, "gone", False):
            # One that has crashed only unwinds.
            self.failures.append(f"{self._clock():.4f} {who} {what}: {failure!r}")
        self.note(who, what, **facts)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hear what is logged meanwhile."""
        global _listening
        if not structlog.is_configured():
            # Once in a process: a logger is made when it is used first, and stays.
            structlog.configure(
                processors=[structlog.contextvars.merge_contextvars, _hear],
                wrapper_class=structlog.make_filtering_bound_logger(0),
                cache_logger_on_first_use=True,
            )
        _listening = self
        try:
            yield
        finally:
            _listening = None


_listening: Trace | None = None


def _hear(_logger: object, method: str, event: MutableMapping[str, Any]) -> str:
    if _listening is not None:
        _listening.log(method, event)
    raise structlog.DropEvent
