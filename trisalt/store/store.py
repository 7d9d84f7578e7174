"""What the rest of the house may ask of a store: jobs with their returns, banks, and the event log.

A write is durable when its await returns, and not before; what cannot be written raises StoreError and has not
happened. `store/sqlite` is the embedded engine; another engine offers the same.
"""

from __future__ import annotations

import builtins
import enum
import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import attrs

from trisalt.bus.event import Event
from trisalt.store.listed import Page, Row, Wanted

T = TypeVar("T")


class Recorded(enum.Enum):
    """What became of a return."""

    NEW = "new"
    REPEAT = "repeat"
    """The same return was there already."""
    DIFFERENT = "different"
    """Another return of this minion for this job was there already: the first is kept."""


@attrs.frozen(kw_only=True)
class NewReturn:
    """One return to be recorded.

    `body` holds `return`, `retcode`, `success` and what else is kept (`out`, `fun`, `fun_args`). `load` is recorded
    as the job's when the job is not known yet, with `id` as its only minion; of several returns of one job that are
    recorded together, one has it. `events` go into the log with it, `if_new` only with one that is new. `highstate`:
    it is one of the whole of its minion, and whether it only tested; None for everything else.
    """

    jid: str
    id: str
    body: Mapping[str, Any]
    load: Mapping[str, Any] | None = None
    events: Sequence[Event] = ()
    if_new: Sequence[Event] = ()
    highstate: bool | None = None


@attrs.frozen(kw_only=True)
class JobEntry:
    """A job as the store knows it. Times are wall seconds; `settled` is None while nobody has given up on it.

    `missing` are the reasons for the minions that had not returned when the job was settled, and for those that it
    named and that have no key, without those that have returned since: these are `late`, by how many seconds.
    """

    jid: str
    load: dict[str, Any]
    minions: list[str]
    recorded: float
    settled: float | None = None
    missing: dict[str, str] = attrs.field(factory=dict)
    late: dict[str, float] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Waits:
    """A job that waits for minions that are away: until when (wall seconds), and who is `absent` as it goes out."""

    until: float
    absent: Collection[str] = frozenset()


@attrs.frozen(kw_only=True)
class Pace:
    """Of the jobs of one batch, of which `batch` is the id, only `size` minions run one at a time.

    `wait` is how many seconds the place of one that returned stays empty; after one that failed nobody else gets it
    where it is `failhard`. While it is `held` nobody does: the batch is at those that are there.
    """

    batch: str
    size: int
    wait: float = 0.0
    failhard: bool = False
    held: bool = False


@attrs.frozen(kw_only=True)
class Queued:
    """A job that waits, or has waited, for one minion. Times are wall seconds.

    `sent` is when it was first sent to it, None while that has not been. `ended`: it waits no longer; `how` it ended.
    """

    jid: str
    id: str
    queued: float
    until: float
    sent: float | None = None
    ended: float | None = None
    how: str | None = None
    pace: Pace | None = None


class Jobs(Protocol):
    """Loads, returns, reasons and expiry.

    What is recorded may have `events`: they are in the log when it is there, in the same transaction.
    """

    async def record_job(
        self,
        load: Mapping[str, Any],
        minions: Sequence[str],
        *,
        waits: Waits | None = None,
        events: Sequence[Event] = (),
    ) -> bool:
        """Keep a job and whom it waits for. A job that is there already gets the further minions.

        With `waits` it is in the `Queue` for each of them. False, and nothing is kept, for the functions of
        `jobs.NOT_RECORDED` (find_job). Not cut off once it has begun: its publisher tells and sends what is kept.
        """

    async def record_return(self, jid: str, id: str, body: Mapping[str, Any]) -> Recorded:
        """Keep one return."""

    async def record_returns(
        self, returns: Sequence[NewReturn], *, settled: Sequence[str] = (), events: Sequence[Event] = ()
    ) -> list[Recorded]:
        """Keep many returns in one transaction: all of them, or StoreError.

        `settled` are the jids of which nobody is missing any longer; it is noted with the returns. `events` are logged
        after those of the returns.
        """

    async def load(self, jid: str) -> dict[str, Any] | None:
        """The job's load, or None for an unknown job."""

    async def entry(self, jid: str) -> JobEntry | None:
        """The job, or None for an unknown one."""

    async def returns(self, jid: str) -> dict[str, dict[str, Any]]:
        """`{id: {return, retcode, success, out?, …}}`, in the order in which they came."""

    async def returned(self, jid: str) -> set[str]:
        """The ids that have returned."""

    async def page(
        self, wanted: Wanted, *, before: tuple[float, str] | None = None, limit: int = 50, counted: bool = False
    ) -> Page:
        """A page of the job list, newest first: after `before` (a page's `next`), at most `limit`.

        `counted`: how many there are in all is worth a moment more.
        """

    async def row(self, jid: str) -> Row | None:
        """One job as it stands in the list, or None for an unknown one."""

    async def mark_settled(self, jid: str, missing: Mapping[str, str], *, events: Sequence[Event] = ()) -> None:
        """Nobody waits any longer; `missing` gives a reason for each minion that did not return."""

    async def settle_returned(self, *, limit: int = 500) -> int:
        """Note that nobody is waited for, of jobs of which all have returned, where nobody lived to note it.

        At most `limit` in one transaction. How many there were.
        """

    async def forget_highstates(self, known: Callable[[], Collection[str]]) -> int:
        """Forget what the highstates of other minions than these came to: of how many."""

    async def forget_returns(self, before: float, *, limit: int = 500) -> int:
        """Forget what came before `before`, of jobs that had ended by then, and its events: at most so many returns.

        The jobs stay, and what they came to. How many returns went.
        """

    async def expire(self, before: float, *, limit: int = 500) -> int:
        """Forget jobs that were recorded before `before`, with their returns: at most `limit` rows at a time.

        How many rows went; 0 when there is nothing left to forget.
        """


class Queue(Protocol):
    """Jobs that wait for minions. They come in by `Jobs.record_job`."""

    async def waiting(self) -> list[Queued]:
        """All that has not ended, the oldest first; without what has returned, though nobody noted it."""

    async def put(self, places: Mapping[str, Mapping[str, bool]], *, until: float, pace: Pace) -> builtins.list[Queued]:
        """Jobs of a batch, `{jid: {id: sent}}`, wait for these minions too; who waits for any of them by then.

        What is there stays as it is, but for its pace.
        """

    async def sent(self, jid: str, ids: Collection[str]) -> None:
        """It goes out to these now."""

    async def end(self, ended: Mapping[str, Mapping[str, str]], *, reasons: Mapping[str, Mapping[str, str]]) -> None:
        """These wait no longer, `{jid: {id: how}}`; `reasons` are kept with the job, for those that did not return."""


@attrs.frozen
class Logged:
    """An event as the log has it: `origin` is `kind/name`, `data` the packed payload."""

    number: int
    tag: str
    origin: str
    data: bytes


@attrs.frozen(kw_only=True)
class LogSlice:
    """Some events of the log. What else there is up to `upto` was not wanted; of `gone` nobody knows any more."""

    rows: Sequence[Logged]
    upto: int
    gone: int = 0


@attrs.frozen(kw_only=True)
class LogBounds:
    """The numbers of the first and of the last event that are there, and when the first was written."""

    first: int
    last: int
    began: float = 0.0

    def keeps_from(self, moment: float) -> float | None:
        """From when on the log has all there was, where that is after `moment`: what was before is forgotten."""
        return self.began if self.first > 1 and moment < self.began else None


class EventLog(Protocol):
    """Every event that the outside may hear of, numbered in the order in which it is told."""

    id: str
    """Names this log: numbers of another one mean nothing here."""

    last: int
    """The number of the last event that was told."""

    followed: bool
    """Whether somebody follows: there are events that are not made for nobody."""

    listeners: builtins.list[Callable[[Sequence[Any]], None]]
    """Called with what was committed just now, entries of `event`, `tag`, `data` and `number`; in the Trio thread."""

    async def expire(self, before: float, *, limit: int) -> int:
        """Forget events that were written before a moment, and never the newest: at most `limit`; how many went."""

    async def bounds(self) -> LogBounds:
        """The first and the last number that are there; `last + 1` and `last` when nothing is."""

    async def first_since(self, moment: float | str) -> int:
        """The first number since a moment (wall seconds), or of a job: by its id, else since it was made."""

    async def read(
        self, after: int, upto: int, *, wanted: Callable[[str], bool] | None = None, jid: str | None = None
    ) -> LogSlice:
        """A slice of the events with a number above `after`, up to and with `upto`, that are `wanted` by their tag."""


class Table(Protocol):
    """A bank of maps, to be looked into."""

    def get(self, key: str) -> Mapping[Any, Any] | None:
        """The map of a key, or None."""


class Banks(Protocol):
    """Salt's cache: `bank/key` to a value. A bank's name is text, and may hold slashes."""

    async def store(self, bank: str, key: str, value: Any) -> None:
        """Keep a value, in the place of the one that is there."""

    async def store_all(self, values: Mapping[str, Mapping[str, Any]]) -> None:
        """Keep several values, `{bank: {key: value}}`: all of them, or StoreError."""

    async def update(self, bank: str, key: str, change: Callable[[Any], Any]) -> Any:
        """Read, change and store in one step. Returns the new value.

        `change` gets the value, or None, and returns the new one, or None to drop it. It runs in the writer's thread,
        perhaps twice: it must be a plain function of its argument.
        """

    async def fetch(self, bank: str, key: str) -> Any:
        """The value, or None."""

    async def fetch_all(self, bank: str, keys: Sequence[str] | None = None) -> dict[str, Any]:
        """`{key: value}` of a bank: of these keys, or of all."""

    async def look(self, banks: Sequence[str], work: Callable[..., T]) -> T:
        """Run `work`, with a `Table` of each of these banks of maps, in a reader's thread. The tables end with it.

        For whoever looks at a little of very many: what was looked into once is held in memory, within bounds.
        """

    async def list(self, bank: str) -> builtins.list[str]:
        """The keys of a bank, sorted."""

    async def updated(self, bank: str, key: str) -> float | None:
        """When the value was stored (wall seconds), or None."""

    async def flush(self, bank: str, key: str | None = None) -> None:
        """Drop one key, or the whole bank."""


class NotAsHoped(Exception):
    """A write was planned for the usual case, and this is not it: roll back, and run it again, carefully."""


class Engine(Protocol):
    """What `jobs` and `banks` need of the engine under them."""

    async def write(
        self,
        operation: Callable[[sqlite3.Connection, bool], T],
        *,
        then: Callable[[], object] | None = None,
        certain: bool = False,
    ) -> T:
        """Run `operation(connection, careful)` in the next transaction; it is durable when this returns.

        `then` is called in the Trio thread once it is, though whoever asked may be gone. `certain`: nobody is cut off
        who waits for it.
        """

    def gather(
        self,
        operation: Callable[[sqlite3.Connection, builtins.list[Any]], object],
        item: Any,
        *,
        then: Callable[[builtins.list[Any]], object],
        otherwise: Callable[[builtins.list[Any], Exception], object],
    ) -> None:
        """Without waiting: run `operation(connection, items)` with all that was given to it in a row until then.

        `then(items)` is called in the Trio thread when it is durable, `otherwise(items, error)` when it is not.
        """

    async def read(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        """Run `operation(connection)` on what is committed."""


class Store(Protocol):
    """What `open_store` yields."""

    @property
    def jobs(self) -> Jobs:
        """Loads, returns, reasons and expiry."""

    @property
    def queue(self) -> Queue:
        """Jobs that wait for minions."""

    @property
    def banks(self) -> Banks:
        """Salt's cache."""

    @property
    def clock(self) -> Any:
        """What is done when the host's clock was set: see `store.clock`."""

    @property
    def log(self) -> EventLog:
        """What the outside may hear of."""

    async def read(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        """Run `operation(connection)` on what is committed, in a reader's thread."""

    async def size(self) -> Any:
        """How big the file is: `file`, `used` and `free` bytes."""

    async def trim(self, *, spare: float, limit: int) -> int:
        """Forget at most `limit` rows of what is oldest, but no job that was recorded after `spare`: how many went."""

    async def give_back(self, pages: int) -> int:
        """Cut at most so many free pages off the file: how many bytes it lost."""

    def statistics(self) -> Any:
        """A snapshot for debugging."""
