"""Follow the master's events: `salt-run state.event` and `jobs.tail`, from the log, to stdout or to a file.

Thin: no Trio in here. What was printed is flushed before the cursor says so; with `--format ndjson` to a file
(`--out-file`), what stands in the file decides where to go on, so that a kill at any moment loses and doubles nothing.
"""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime

from trisalt.cli.eventfilter import Filter
from trisalt.cli.moments import moment, since
from trisalt.cli.shipping import Cursor, EventFile
from trisalt.cli.show import write_out
from trisalt.cli.told import FAILED
from trisalt.client.door import Door, MasterUnreachable
from trisalt.client.events import Events, Lagged, follow, tail
from trisalt.errors import CommandError, InvocationError, RequestTimeout
from trisalt.jsontext import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing costs a command as much as reading its configuration
    from collections.abc import Callable
    from typing import Any

# Seconds the master may take to answer that a subscription stands. Silence on the bus is waited for.
PATIENCE = 30.0
# Between two tries to reach a master that went away.
TRY_AGAIN_S = 1.0
# So many events are written together, at most, when more have come than can be written one by one.
TOGETHER = 1000


def follow_events(door: Door, fun: str, args: list[Any], kwargs: dict[str, Any], options: Any) -> int:
    """A line for each event that matches, as it comes, until Ctrl-C, `count` of them, its end, or nobody reads."""
    filters = [Filter.read(text) for text in options.filter]
    if fun == "jobs.tail":
        # It begins and ends with its job: what a Saltfile says of these is for state.event.
        options.since = options.until = options.cursor = ""
        jid = _jid(args, kwargs)
        following = _Following(filters, options, settles=f"trisalt/job/{jid}/settled")
        return following.run(lambda _after: tail(door, jid, timeout=options.timeout, patience=PATIENCE))
    tagmatch, count, quiet, pretty = _event_arguments(args, kwargs)
    following = _Following(filters, options, count=count, quiet=quiet, pretty=pretty)
    now = time.time()
    begin = since(options.since, now=now) if options.since else None
    end = moment(options.until, now=now) if options.until else None
    match = None if tagmatch == "*" else [tagmatch]

    def connect(after: list[tuple[str, int]] | None) -> Events:
        first = begin if after is None else None
        return follow(door, match, timeout=options.timeout, patience=PATIENCE, since=first, until=end, after=after)

    return following.run(connect)


class _Following:
    """What is done with each event, and how it ends."""

    def __init__(
        self,
        filters: list[Filter],
        options: Any,
        *,
        count: int = -1,
        quiet: bool = False,
        pretty: bool = False,
        settles: str = "",
    ) -> None:
        self._filters = filters
        self._format = "pretty" if pretty and options.format == "tab" else options.format
        self._count = count
        self._quiet = quiet
        self._settles = settles
        self._timeout = options.timeout
        self._since = bool(options.since)
        # Where to go on: what the cursor and the file say, then how far it has got.
        self._after: list[tuple[str, int]] | None = None
        self._waiting = False
        self._cursor = Cursor(options.cursor) if options.cursor else None
        self._file: EventFile | None = None
        if options.output_file:
            # What a cursor goes on with is not emptied.
            keep = bool(options.cursor) or options.output_file_append
            back = bool(options.cursor) and self._format == "ndjson"
            self._file = EventFile(options.output_file, keep=keep, reads_back=back)

    def run(self, connect: Any) -> int:
        """Follow what `connect(cursors)` gives, again when the master comes back if there is a cursor to go on from."""
        try:
            self._after = self._begin()
            while True:
                try:
                    with self._connected(connect) as events:
                        self._stands(events)
                        self._print(events)
                        return 0
                except MasterUnreachable as exc:
                    if self._cursor is None:
                        raise
                    self._wait(exc)
        except KeyboardInterrupt:
            return 0
        except RequestTimeout:
            sys.stderr.write(f"No event came in {self._timeout} seconds\n")
            return FAILED
        finally:
            if self._file is not None:
                self._file.close()

    def _connected(self, connect: Callable[[list[tuple[str, int]] | None], Events]) -> Events:
        try:
            return connect(self._after)
        except RequestTimeout:
            # It is there, and hangs: as good as away. Silence after its first answer is another thing.
            raise MasterUnreachable("The salt master does not answer.") from None

    def _stands(self, events: Events) -> None:
        self._waiting = False
        known = [number for log, number in self._after or () if log == events.log]
        if self._after and not known:
            _warn("The log is another one than the cursor's: begun at its beginning")
        elif known and max(known) > events.at:
            _warn(f"The log ends at {events.at}, before the cursor ({max(known)}), as a copy does that was put back")
        if events.keeps_from is not None:
            began = datetime.fromtimestamp(events.keeps_from, UTC)
            _warn(f"The log keeps nothing of before {began:%Y-%m-%d %H:%M:%S} UTC")
        events.moved = self._moved
        # At once: who is killed before the first event goes on from here.
        self._moved(events)

    def _begin(self) -> list[tuple[str, int]] | None:
        """Where to go on; None when this is the first time, and somebody said where to begin."""
        if self._cursor is None:
            return None
        known = [self._cursor.read(), self._file.last() if self._file is not None else None]
        found = [position for position in known if position is not None]
        # The first time all that is kept is new, unless something else is asked for.
        return found if found or not self._since else None

    def _wait(self, exc: MasterUnreachable) -> None:
        """The master went away: say so once, and try again a little later."""
        if not self._waiting:
            _warn(f"{exc} Waiting for it.")
            self._waiting = True
        time.sleep(TRY_AGAIN_S)

    def _print(self, events: Events) -> None:
        lines: list[str] = []
        for event in events:
            if isinstance(event, Lagged):
                _warn(f"{_events(event.missed)} missed: the log does not keep them any more")
                continue
            tag, data = event
            if all(one.fits(tag, data, events.origin) for one in self._filters):
                if not self._quiet:
                    lines.append(self._line(events, tag, data))
                self._count -= self._count > 0
            done = self._count == 0 or tag == self._settles
            if done or not events.waiting or len(lines) >= TOGETHER:
                if not self._write("".join(lines)):
                    return
                lines.clear()
                self._moved(events)
            if done:
                return
        self._moved(events)

    def _moved(self, events: Events) -> None:
        if self._cursor is not None:
            self._cursor.move(events.log, events.at)
            self._after = [(events.log, events.at)]

    def _write(self, text: str) -> bool:
        """Write lines; whether somebody still reads them."""
        if not text:
            return True
        if self._file is None:
            return write_out(text)
        self._file.write(text)
        return True

    def _line(self, events: Events, tag: str, data: dict[str, Any]) -> str:
        match self._format:
            case "ndjson":
                kind, _slash, name = events.origin.partition("/")
                origin = {"kind": kind, "name": name}
                whole = {"log": events.log, "number": events.number, "tag": tag, "origin": origin, "data": data}
                return dumps(whole) + "\n"
            case "pretty":
                return f"{tag}\t{dumps(data, indent=4, sort_keys=True)}\n"
            case _:
                return f"{tag}\t{dumps(data)}\n"


def _events(count: int) -> str:
    return "1 event was" if count == 1 else f"{count} events were"


def _warn(text: str) -> None:
    sys.stderr.write(f"[WARNING ] {text}\n")


def _event_arguments(args: list[Any], kwargs: dict[str, Any]) -> tuple[str, int, bool, bool]:
    names = ("tagmatch", "count", "quiet", "sock_dir", "pretty", "node")
    if len(args) > len(names) or (unknown := sorted(set(kwargs) - set(names))):
        wrong = ", ".join(f"{name}={kwargs[name]}" for name in unknown) if len(args) <= len(names) else str(args[-1])
        raise CommandError(f"state.event: the following arguments are not valid: {wrong}")
    given = dict(zip(names, args, strict=False)) | kwargs
    count = given.get("count", -1)
    if not isinstance(count, int) or isinstance(count, bool):
        raise CommandError(f"state.event: count is a number, not {count!r}")
    return str(given.get("tagmatch", "*")), count, bool(given.get("quiet")), bool(given.get("pretty"))


def _jid(args: list[Any], kwargs: dict[str, Any]) -> str:
    given = [*args, *kwargs.values()]
    if len(given) != 1 or set(kwargs) - {"jid"}:
        raise InvocationError("jobs.tail takes the id of one job")
    return str(given[0])
