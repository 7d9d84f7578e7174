"""Who is here, who is not, and whom to ask. Pure: `master/presence` feeds it and does what it says.

What proves that a minion is here is a request that only it can have sealed. What says that it is not: it took its
leave; or it was asked, had time to answer, and gave no sign of life. Everything else (a connection that was lost, a
heartbeat that is overdue, somebody who knocks) is a hint, and a hint leads to a question, never to a verdict.

Minions of ours give a sign of life by themselves, `every` so many seconds; stock's speak when they are asked, or have
something to say. All times are seconds of one clock.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Set
from enum import Enum

import attrs


class Cause(Enum):
    """Why somebody is in doubt, or not here: what an operator is told."""

    LEFT = "it was stopped"
    HUNG_UP = "its connection was lost, and it does not answer"
    OVERDUE = "its heartbeat stayed away, and it does not answer"
    SILENT = "it does not answer"


@attrs.frozen(kw_only=True)
class Patience:
    """How long what is waited for. All of them are seconds, but `missed`: a heartbeat is overdue after so many."""

    grace: float = 20.0
    """After a start minions find their way back by themselves, at their own pace."""
    answer: float = 15.0
    """Stock minions that must sign in again first draw a wait of up to ten seconds."""
    reconnect: float = 10.0
    """What a connection that was lost may take until it stands again."""
    settle: float = 1.0
    """Between a hint and the question: who comes says something by itself, mostly."""
    spacing: float = 5.0
    """Between two rounds of questions."""
    again: float = 300.0
    """Who is not here, and would not say that it came, is asked again; the next time after twice as long."""
    again_at_most: float = 3600.0
    missed: float = 2.5
    slack: float = 2.0
    late: float = 5.0
    """We ourselves may be held up: then silence says nothing."""


PATIENCE = Patience()


@attrs.define(kw_only=True, eq=False)
class Entry:
    """One minion. `present` is None while nobody knows; `since` is when that began.

    `doubt`: since when there is a hint that it is otherwise. `asked`: when the question went out that it has not
    answered. `watched`: since when it may have been heard. `before`: whether it was here before we were.
    """

    id: str
    watched: float
    present: bool | None = None
    since: float = -math.inf
    seen: float = -math.inf
    address: str = ""
    version: str = ""
    every: float = 0.0
    latency: float | None = None
    cause: Cause | None = None
    doubt: float | None = None
    suspicion: Cause | None = None
    asked: float | None = None
    allowed: float = 0.0
    checked: float = -math.inf
    again: float = 0.0
    before: bool = False

    @property
    def gone(self) -> bool:
        """Known not to be here, and nothing speaks against it: who waits need not wait for this one."""
        return self.present is False and self.doubt is None


@attrs.frozen(kw_only=True)
class Step:
    """What to do now: put a question to `ask`. Step again at `wake`, or when something happened."""

    ask: list[str]
    wake: float


class Roster:
    """The minions with an accepted key."""

    def __init__(self, patience: Patience = PATIENCE) -> None:
        self.gone: set[str] = set()
        """Who need not be waited for: kept up to date, because it is asked for with every job."""
        self.patience = patience
        self._entries: dict[str, Entry] = {}
        self._changed: dict[str, Entry] = {}
        # Before this, nobody could be heard: silence counts from here.
        self._floor = self._wake = self._next_round = -math.inf
        self._spacing = patience.spacing
        # Whether the last round of questions found anybody.
        self._open = False

    def __contains__(self, id: str) -> bool:
        return id in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, id: str) -> Entry | None:
        """What is known of one minion."""
        return self._entries.get(id)

    def entries(self) -> list[Entry]:
        """All of them."""
        return list(self._entries.values())

    @property
    def news(self) -> bool:
        """Whether somebody has come or gone since `changed` was asked."""
        return bool(self._changed)

    def changed(self) -> list[Entry]:
        """Who has come or gone since this was asked last."""
        changed = list(self._changed.values())
        self._changed.clear()
        return changed

    def begin(self, now: float) -> None:
        """From now on minions can be heard."""
        self._floor = self._wake = self._next_round = now

    # -- who there is -----------------------------------------------------------------------------------------

    def know(self, id: str, *, now: float) -> Entry:
        """There is a minion of this id, wherever it may be."""
        entry = self._entries.get(id)
        if entry is None:
            entry = self._entries[id] = Entry(id=id, watched=now)
            self._wake = min(self._wake, now + self.patience.grace)
        return entry

    def recall(
        self,
        id: str,
        *,
        now: float,
        seen: float,
        since: float,
        address: str = "",
        version: str = "",
        every: float = 0.0,
        present: bool = False,
    ) -> None:
        """What was known of a minion before we were here. Whether it is here now, nobody knows."""
        entry = self.know(id, now=now)
        entry.seen, entry.since = seen, since
        entry.address, entry.version, entry.every, entry.before = address, version, every, present

    def forget(self, id: str) -> Entry | None:
        """Its key is gone. What was known of it."""
        self.gone.discard(id)
        self._changed.pop(id, None)
        return self._entries.pop(id, None)

    # -- signs of life, and none --------------------------------------------------------------------------------

    def heard(self, id: str, *, now: float, address: str = "") -> None:
        """A sign of life: a request that only this minion can have sealed."""
        entry = self._entries.get(id)
        if entry is None:
            entry = self.know(id, now=now)
        entry.seen = now
        if address:
            entry.address = address
        if entry.asked is not None:
            entry.latency, entry.asked = now - entry.asked, None
            if entry.suspicion is Cause.OVERDUE:
                # It answers, and its heart does not beat: it is another kind of minion by now. The next beat tells.
                entry.every = 0.0
            self._open = False
            self._spacing = self.patience.spacing
        entry.doubt = entry.suspicion = None
        if entry.present is not True:
            self._become(entry, True, now, None)

    def beat(self, id: str, *, now: float, every: float, version: str = "", latency: float | None = None) -> None:
        """It was heard, and says that it will be heard `every` so many seconds."""
        entry = self._entries.get(id)
        if entry is None:
            # Its key has gone in between.
            return
        entry.every = every
        entry.version = version or entry.version
        if latency is not None:
            entry.latency = latency
        if every:
            self._wake = min(self._wake, now + self._overdue(every))

    def left(self, id: str, *, now: float) -> None:
        """It said that it stops."""
        entry = self._entries.get(id)
        if entry is not None:
            entry.doubt = entry.suspicion = entry.asked = None
            self._become(entry, False, now, Cause.LEFT)

    # -- hints ----------------------------------------------------------------------------------------------------

    def hung_up(self, id: str, *, now: float) -> None:
        """The connection of its last heartbeat was lost. Whose heart does not beat opens one for each request."""
        entry = self._entries.get(id)
        if entry is not None and entry.present and entry.every:
            self._doubt(entry, Cause.HUNG_UP, now)

    def went(self, addresses: Set[str], *, now: float) -> None:
        """Subscribers at `addresses` are gone: they may have been any who are there and would not say so."""
        for entry in self._entries.values():
            if entry.present and not entry.every and entry.address in addresses:
                self._doubt(entry, Cause.HUNG_UP, now)

    def came(self, addresses: Set[str], *, now: float) -> None:
        """Subscribers at `addresses` are there: any who would not say so; from an unknown address, anybody of those."""
        anybody = not addresses <= {entry.address for entry in self._entries.values()}
        for entry in self._entries.values():
            if entry.present is not True and not entry.every and (anybody or entry.address in addresses):
                self._doubt(entry, Cause.SILENT, now)

    def knocked(self, id: str, *, now: float) -> None:
        """Somebody signs in under this name. Anybody can: what proves them comes after."""
        entry = self._entries.get(id)
        if entry is not None and entry.present is not True:
            self._doubt(entry, Cause.SILENT, now)

    # -- questions --------------------------------------------------------------------------------------------------

    def asked(self, ids: Iterable[str], *, now: float) -> None:
        """These have been asked something that whoever is here answers at once."""
        for id in ids:
            entry = self._entries.get(id)
            if entry is not None and entry.asked is None:
                self._ask(entry, now)

    def not_asked(self, ids: Iterable[str], *, now: float) -> None:
        """The question did not go out: silence is no answer to it."""
        for id in ids:
            entry = self._entries.get(id)
            if entry is not None and entry.asked is not None:
                entry.asked = None
                if entry.doubt is None and entry.present is not False:
                    entry.doubt = now
        self._next_round = max(self._next_round, now + self.patience.spacing)
        self._wake = min(self._wake, self._next_round)

    @property
    def wake(self) -> float:
        """When `step` may have something to say."""
        return self._wake

    def step(self, now: float) -> Step:
        """What has become of those who were asked, and whom to ask now."""
        if now > self._wake + self.patience.late:
            self._excuse(now)
        wake = now + self.patience.again_at_most
        due: list[Entry] = []
        for entry in self._entries.values():
            if entry.asked is not None:
                end = max(entry.asked, self._floor) + entry.allowed
                if now < end:
                    wake = min(wake, end)
                    continue
                self._unanswered(entry, now)
            at = self._ask_at(entry)
            if at <= now:
                due.append(entry)
            else:
                wake = min(wake, at)
        if due and now < self._next_round:
            wake = min(wake, self._next_round)
            due = []
        if due:
            # As long as nobody answers, there is no hurry to ask again.
            self._spacing = min(self._spacing * 2, 60.0) if self._open else self.patience.spacing
            self._open = True
            self._next_round = now + self._spacing
            for entry in due:
                wake = min(wake, self._ask(entry, now))
        self._wake = wake
        return Step(ask=[entry.id for entry in due], wake=wake)

    # -- inside -----------------------------------------------------------------------------------------------------

    def _overdue(self, every: float) -> float:
        return self.patience.missed * every + self.patience.slack

    def _ask_at(self, entry: Entry) -> float:
        """When it is to be asked, as things stand."""
        if entry.doubt is not None:
            return entry.doubt + self.patience.settle
        if entry.present is None:
            return max(entry.watched, self._floor) + self.patience.grace
        if entry.present and entry.every:
            return max(entry.seen, self._floor) + self._overdue(entry.every)
        if entry.present is False and not entry.every:
            return max(entry.checked, self._floor) + entry.again
        return math.inf

    def _ask(self, entry: Entry, now: float) -> float:
        """The question is out; until when it may be answered."""
        if entry.doubt is None and entry.present and entry.every and now >= entry.seen + self._overdue(entry.every):
            entry.suspicion = Cause.OVERDUE
        quick = entry.suspicion is Cause.HUNG_UP and entry.every
        entry.asked = now
        entry.allowed = self.patience.reconnect if quick else self.patience.answer
        end = now + entry.allowed
        self._wake = min(self._wake, end)
        return end

    def _doubt(self, entry: Entry, suspicion: Cause, now: float) -> None:
        if entry.doubt is None:
            entry.doubt, entry.suspicion = now, suspicion
            entry.again = self.patience.again
            self.gone.discard(entry.id)
            self._wake = min(self._wake, now + self.patience.settle)

    def _unanswered(self, entry: Entry, now: float) -> None:
        doubt, suspicion = entry.doubt, entry.suspicion
        entry.asked = entry.doubt = entry.suspicion = None
        entry.checked = now
        if entry.present is False:
            entry.again = min(max(entry.again, self.patience.again) * 2, self.patience.again_at_most)
            self.gone.add(entry.id)
            return
        entry.again = self.patience.again
        since = doubt if doubt is not None and suspicion is Cause.HUNG_UP else entry.seen
        self._become(entry, False, since, suspicion or Cause.SILENT)

    def _become(self, entry: Entry, present: bool, since: float, cause: Cause | None) -> None:
        entry.present, entry.since, entry.cause = present, since, cause
        if entry.gone:
            self.gone.add(entry.id)
        else:
            self.gone.discard(entry.id)
        self._changed[entry.id] = entry

    def _excuse(self, now: float) -> None:
        """We were held up: whoever spoke meanwhile has not been heard yet. Silence counts from now on."""
        self._floor = now
