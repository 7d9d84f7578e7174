"""What waits for whom, and what to do about it now. Pure: `master/queues` feeds it and does what it says.

A minion's jobs go out one at a time, the oldest first. Before a job is sent for a second time its minion is asked
whether it runs it, so that nothing runs twice, whoever was killed in between. Times are seconds of one clock, but
`until` and `wall`, which are wall time.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable
from heapq import heappop, heappush
from itertools import islice

import attrs

from trisalt.store.store import Pace

AT_ONCE = 200
"""To so many minions at a time something is on its way: thousands that come back together are not sent all at once."""
AT_A_TIME = 1000
"""How many minions one step looks at: others have to be heard in between."""
NEXT_AFTER_S = 300.0
"""The next job of a minion does not wait longer than this for the return of the one before."""
RUNS_AGAIN_S = (30.0, 600.0)
"""How soon a minion that is at work is asked again: at first, and at most."""
SILENT_AGAIN_S = (2.0, 30.0)
"""How soon one is asked again that did not answer: at first, and at most."""
MOST_SILENT = 6
"""A minion that has been asked so often, and said nothing, is not there, whatever was said of it."""
MOST_SENT = 3
"""What was sent so often to a minion that is there, and that it does not run, it will not run: it matches no more."""


class State(enum.Enum):
    """How far a job is with one minion."""

    WAITS = "waits"
    SENT = "sent"
    ASKED = "asked"
    RUNS = "runs"


class Why(enum.StrEnum):
    """Why a job waits no longer for a minion that has not returned it."""

    EXPIRED = "expired"
    UNTAKEN = "not taken"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"
    HALTED = "halted"
    KEY_GONE = "key gone"


@attrs.frozen(kw_only=True)
class Send:
    """Send this job to these now."""

    jid: str
    minions: tuple[str, ...]


@attrs.frozen(kw_only=True)
class Ask:
    """Ask these whether they run this job; then say `answered` of each."""

    jid: str
    minions: tuple[str, ...]


@attrs.frozen(kw_only=True)
class Drop:
    """This job waits no longer for these."""

    jid: str
    minions: tuple[str, ...]
    why: Why


@attrs.define(eq=False)
class Place:
    """One job in one minion's line. `visit` is that of its visits in which it was last sent, None: it never was;
    `asked_in` that in which it was last asked for."""

    jid: str
    id: str
    until: float
    state: State = State.WAITS
    visit: int | None = None
    since: float = 0.0
    wake: float = 0.0
    times: int = 0
    silent: int = 0
    asked: int = 0
    asked_in: int = 0
    idle: bool = False
    unknown: bool = False


@attrs.define(eq=False)
class _Line:
    """What waits for one minion, the oldest first. `visit` counts how often it came; `busy`: something is under way."""

    places: list[Place] = attrs.field(factory=list)
    visit: int = 0
    busy: bool = False


@attrs.define(eq=False)
class _Group:
    """What waits of one batch. `resting`: until when places stay empty; `halted`: nobody else gets it."""

    pace: Pace
    jids: set[str] = attrs.field(factory=set)
    resting: list[float] = attrs.field(factory=list)
    halted: bool = False


class Queue:
    """All lines, and who is there. `answer_within` is how long a return, or an answer, is waited for."""

    def __init__(self, *, answer_within: float) -> None:
        self._answer_within = answer_within
        self._lines: dict[str, _Line] = {}
        self._present: dict[str, _Line] = {}
        # Those of both.
        self._here: dict[str, _Line] = {}
        self._jobs: dict[str, dict[str, Place]] = {}
        # Of thousands only those are looked at to whom something happened, or whose time has come.
        self._touched: dict[str, None] = {}
        self._times: list[tuple[float, str]] = []
        self._earliest = float("inf")
        # Who can be sent something, in the order in which they could be.
        self._ready: dict[str, None] = {}
        self._busy = 0
        # Batches, by their jobs; how many more of each can be sent to, as it was looked at last.
        self._groups: dict[str, _Group] = {}
        self._rooms: dict[str, int] = {}
        self._rests: list[tuple[float, str]] = []

    def __bool__(self) -> bool:
        return bool(self._jobs)

    def jids(self) -> list[str]:
        """The jobs that wait for somebody."""
        return list(self._jobs)

    def waiting(self, jid: str) -> dict[str, float]:
        """For whom this job waits, and until when."""
        return {id: place.until for id, place in self._jobs.get(jid, {}).items()}

    def may_have_run(self, jid: str, id: str) -> bool:
        """Whether a minion was sent a job before it went: if it remembers nothing, it may have run it then."""
        place = self._jobs.get(jid, {}).get(id)
        return place is not None and place.visit not in (None, self._lines[id].visit)

    # -- what happened ----------------------------------------------------------------------------------------

    def add(self, jid: str, id: str, *, until: float, now: float, sent: bool, before: bool = False) -> None:
        """A job waits for a minion; when `sent`, it is on its way to it already, or was sent by a master `before`."""
        if id in self._jobs.get(jid, {}):
            return
        line = self._lines.get(id) or self._present.get(id) or _Line()
        place = Place(jid=jid, id=id, until=until)
        if sent:
            place.state, place.times, place.visit = State.SENT, 1, -1 if before else line.visit
            place.since, place.wake = now, now + (0 if before else self._answer_within)
        line.places.append(place)
        self._lines[id] = line
        if id in self._present:
            self._here[id] = line
        self._touched[id] = None
        self._jobs.setdefault(jid, {})[id] = place
        self._earliest = min(self._earliest, until)

    def pace(self, jid: str, pace: Pace) -> None:
        """This job, for which somebody waits, is one of a batch, and goes out as its pace says from now on."""
        group = next((group for group in self._groups.values() if group.pace.batch == pace.batch), None)
        group = group or _Group(pace=pace)
        group.pace = pace
        group.jids.add(jid)
        self._groups[jid] = group
        self._touch_group(group)

    def halt(self, batch: str) -> None:
        """Nobody else gets a job of this batch."""
        for group in {id(group): group for group in self._groups.values() if group.pace.batch == batch}.values():
            group.halted = True
            for jid in group.jids:
                self._touched |= dict.fromkeys(self._jobs.get(jid, ()))

    def here(self, id: str, *, now: float) -> None:
        """A minion is there, or is there again."""
        line = self._lines.get(id) or self._present.get(id) or _Line()
        line.visit += 1
        self._present[id] = line
        if line.places:
            self._here[id] = line
            self._touched[id] = None
        for place in line.places:
            place.times = place.silent = 0
            if place.visit is not None and place.state is not State.ASKED:
                # It may run it, or have run it, or never have heard of it.
                place.state, place.wake = State.SENT, now

    def away(self, id: str) -> None:
        """A minion is gone."""
        self._present.pop(id, None)
        self._ready.pop(id, None)
        if (line := self._here.pop(id, None)) is not None:
            self._touched[id] = None
            for place in line.places:
                self._touch_group(self._groups.get(place.jid))

    def returned(self, jid: str, id: str, *, now: float, failed: bool = False) -> bool:
        """A minion has returned a job; whether it was one that waited."""
        place = self._jobs.get(jid, {}).get(id)
        if place is None:
            return False
        group = self._groups.get(jid)
        if group is not None and group.pace.wait > 0:
            group.resting.append(now + group.pace.wait)
            heappush(self._rests, (now + group.pace.wait, group.pace.batch))
        if group is not None and group.pace.failhard and failed:
            self.halt(group.pace.batch)
        self._remove(place)
        return True

    def answered(
        self, jid: str, id: str, *, runs: bool | None, again: bool, now: float, taken: bool | None = None
    ) -> None:
        """What a minion said when it was asked whether it runs a job; None when it said nothing.

        `again`: it may be sent again, since it remembers, over restarts too, what it has run. `taken`: it says that it
        has had the job, or has not; one that had it and does not run it has its return on the way.
        """
        place = self._jobs.get(jid, {}).get(id)
        if place is None or place.state is not State.ASKED:
            return
        self._touched[id] = None
        place.silent = place.silent + 1 if runs is None else 0
        line = self._lines[id]
        place.idle = not runs and taken is True
        if runs or place.idle:
            least, most = RUNS_AGAIN_S
            place.state, place.wake = State.RUNS, now + min(least * 2**place.asked, most)
            place.asked += 1
        elif runs is None:
            least, most = SILENT_AGAIN_S
            wait = min(least * 2 ** (place.silent - 1), most) if place.asked_in == line.visit else 0.0
            place.state, place.wake = State.SENT, now + wait
            if place.silent >= MOST_SILENT:
                self.away(id)
        else:
            place.state = State.WAITS
            # It was sent before it went, and it may have run then.
            place.unknown = not again and taken is None and self.may_have_run(jid, id)
            self._touch_group(self._groups.get(jid))

    def put_back(self, jid: str, ids: Iterable[str], *, now: float) -> None:
        """What was to be sent could not be, and does not count as sent: it is tried again in a while."""
        for id in ids:
            if place := self._jobs.get(jid, {}).get(id):
                place.state, place.wake = State.SENT, now + SILENT_AGAIN_S[1]
                place.times = max(place.times - 1, 0)
                self._touched[id] = None

    def shift(self, by: float) -> None:
        """The wall clock was set by so much: what waits does so as long as it was to."""
        for places in self._jobs.values():
            for place in places.values():
                place.until += by
        self._earliest += by

    def cancel(self, jid: str, ids: Collection[str] | None) -> dict[str, bool]:
        """It is not to be sent any more: to these, or (None) to anybody. For whom it waited, and who may have it."""
        places = [place for id, place in self._jobs.get(jid, {}).items() if ids is None or id in ids]
        cancelled = {place.id: place.id in self._here and place.state is not State.WAITS for place in places}
        for place in places:
            self._remove(place)
        return cancelled

    def forget(self, id: str) -> list[str]:
        """A minion's key is gone: the jobs that waited for it."""
        line = self._lines.get(id)
        places = list(line.places) if line else []
        for place in places:
            self._remove(place)
        self.away(id)
        return [place.jid for place in places]

    # -- what to do -------------------------------------------------------------------------------------------

    def step(self, now: float, wall: float) -> list[Send | Ask | Drop]:
        """What is to be done now; it counts as begun."""
        drops: dict[tuple[str, Why], list[str]] = {}
        asks: dict[str, list[str]] = {}
        sends: dict[str, list[str]] = {}
        self._note_expiring(wall)
        self._rooms.clear()
        while self._rests and self._rests[0][0] <= now:
            batch = heappop(self._rests)[1]
            self._touch_group(next((group for group in self._groups.values() if group.pace.batch == batch), None))
        while self._times and self._times[0][0] <= now:
            self._touched[heappop(self._times)[1]] = None
        for id in list(islice(self._touched, AT_A_TIME)):
            del self._touched[id]
            self._look(id, now, wall, drops, asks)
        for id in list(self._ready):
            if self._busy >= AT_ONCE:
                break
            line = self._lines[id]
            due = self._next(line, now)
            if due is None:
                # It was, before something happened to it that is still to be looked at.
                del self._ready[id]
                continue
            if due.jid in self._groups:
                self._rooms[self._groups[due.jid].pace.batch] -= 1
            due.state, due.visit, due.times = State.SENT, line.visit, due.times + 1
            due.since, due.wake = now, now + self._answer_within
            sends.setdefault(due.jid, []).append(id)
            self._look(id, now, wall, drops, asks)
        return [
            *(Drop(jid=jid, minions=tuple(ids), why=why) for (jid, why), ids in drops.items()),
            *(Send(jid=jid, minions=tuple(ids)) for jid, ids in sends.items()),
            *(Ask(jid=jid, minions=tuple(ids)) for jid, ids in asks.items()),
        ]

    def wake(self, now: float, wall: float) -> float:
        """When `step` may have something to say, unless something happens before."""
        if self._touched:
            return now
        times = [heap[0][0] for heap in (self._times, self._rests) if heap]
        return min([now + self._earliest - wall, *times])

    def _note_expiring(self, wall: float) -> None:
        """Something expires: whose it is has to be looked for, among all."""
        if self._earliest > wall:
            return
        self._earliest = float("inf")
        for places in self._jobs.values():
            for id, place in places.items():
                if place.until <= wall:
                    self._touched[id] = None
                else:
                    self._earliest = min(self._earliest, place.until)

    def _look(
        self, id: str, now: float, wall: float, drops: dict[tuple[str, Why], list[str]], asks: dict[str, list[str]]
    ) -> None:
        """What is to be done about one minion, and when it has to be looked at again."""
        line = self._lines.get(id)
        here = id in self._here
        for place in list(line.places) if line is not None else ():
            if why := self._over(place, here=here, wall=wall):
                drops.setdefault((place.jid, why), []).append(id)
                self._remove(place)
        self._ready.pop(id, None)
        if line is None or not line.places:
            return
        for place in line.places:
            if here and place.state in (State.SENT, State.RUNS) and place.wake <= now:
                place.state, place.asked_in = State.ASKED, line.visit
                asks.setdefault(place.jid, []).append(id)
        self._count(line, here and any(place.state in (State.SENT, State.ASKED) for place in line.places))
        if not here:
            return
        if self._next(line, now) is not None:
            self._ready[id] = None
        times = [place.wake for place in line.places if place.state in (State.SENT, State.RUNS)]
        times += [place.since + NEXT_AFTER_S for place in line.places if place.asked]
        if upcoming := [time for time in times if time > now]:
            heappush(self._times, (min(upcoming), id))

    def _count(self, line: _Line, busy: bool) -> None:
        self._busy += busy - line.busy
        line.busy = busy

    def _over(self, place: Place, *, here: bool, wall: float) -> Why | None:
        if place.idle and place.until <= wall:
            # It has had it, and what it returned has not come for all that time.
            return Why.UNKNOWN
        if place.state is State.ASKED or (here and place.state is not State.WAITS):
            # It may be at work: what it says is waited for.
            return None
        if place.until <= wall:
            return Why.EXPIRED
        if place.unknown:
            return Why.UNKNOWN
        if place.state is State.WAITS and place.jid in self._groups and self._groups[place.jid].halted:
            return Why.HALTED
        return Why.UNTAKEN if place.state is State.WAITS and place.times >= MOST_SENT else None

    def _next(self, line: _Line, now: float) -> Place | None:
        """The job that is to go to a minion now: the oldest that waits, unless one before it is to be waited for.

        One whose turn in its batch has not come lets the next go before it.
        """
        due = None
        for place in line.places:
            if place.state is State.WAITS:
                if due is None and self._has_room(place.jid, now):
                    due = place
                continue
            runs = place.state is State.RUNS or (place.state is State.ASKED and place.asked)
            if not runs or now < place.since + NEXT_AFTER_S:
                return None
        return due

    def _has_room(self, jid: str, now: float) -> bool:
        """Whether one more minion may get a job now: of a batch only so many run it at a time."""
        group = self._groups.get(jid)
        if group is None:
            return True
        pace = group.pace
        if pace.held or group.halted:
            return False
        if pace.batch not in self._rooms:
            group.resting = [until for until in group.resting if until > now]
            at_work = sum(
                place.state is not State.WAITS and place.id in self._here
                for each in group.jids
                for place in self._jobs.get(each, {}).values()
            )
            self._rooms[pace.batch] = pace.size - at_work - len(group.resting)
        return self._rooms[pace.batch] > 0

    def _touch_group(self, group: _Group | None) -> None:
        """There may be room for others of a batch: as many as can get it at once are to be looked at."""
        if group is None or group.pace.held:
            return
        self._rooms.pop(group.pace.batch, None)
        waiting = (
            place.id
            for jid in group.jids
            for place in self._jobs.get(jid, {}).values()
            if place.state is State.WAITS and place.id in self._here
        )
        self._touched |= dict.fromkeys(islice(waiting, group.pace.size))

    def _remove(self, place: Place) -> None:
        jobs = self._jobs[place.jid]
        del jobs[place.id]
        self._touch_group(self._groups.get(place.jid))
        if not jobs:
            del self._jobs[place.jid]
            if (group := self._groups.pop(place.jid, None)) is not None:
                group.jids.discard(place.jid)
        line = self._lines[place.id]
        line.places.remove(place)
        if line.places:
            self._touched[place.id] = None
        else:
            self._count(line, False)
            del self._lines[place.id]
            self._here.pop(place.id, None)
            self._ready.pop(place.id, None)
