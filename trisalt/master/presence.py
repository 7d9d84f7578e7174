"""Who is here: the shell around `master/roster`, and what is kept of it.

`master/request_server` says whom it heard, the transports which connections came and went, `master/watches` whom it
asked. Whoever wants to know asks `PresenceRequest`, or follows `MinionPresent` and `MinionAbsent`; whoever waits for
minions looks into `gone`. Over a restart it is kept in a bank, written in batches, never for one heartbeat.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from functools import partial
from typing import Any

import attrs
import structlog
import trio

from trisalt.bus.answers import Presence, Published
from trisalt.bus.bus import Answer, Bus
from trisalt.bus.caller import MASTER
from trisalt.bus.event import Event
from trisalt.bus.events import KeyChanged, MinionAbsent, MinionPresent
from trisalt.bus.requests import HeartbeatRequest, PresenceRequest, PublishRequest, Request
from trisalt.errors import StoreError, TrisaltError
from trisalt.master.gather import FIND_JOB
from trisalt.master.roster import PATIENCE, Cause, Entry, Patience, Roster
from trisalt.service import next_beat
from trisalt.store.store import Banks

log = structlog.get_logger()

BANK = "presence"

LOOK_EVERY_S = 10.0
"""How often at least it is seen whether there are other keys: one look at a folder, for tools that tell nobody."""

SAVE_EVERY_S, SAVE_NEWS_S = 60.0, 2.0
"""What is known is kept so often, and who came or went so soon: a master that is killed is to have no other answer."""
SEEN_IS_KEPT_TO_S = 300.0
"""A sign of life is written when the one that is kept is older than this: the rest is news for nobody."""

MANY, SPACING_S = 100, 1e-4
"""A step looks at all minions. Of so many, what happens within so many seconds for each is looked at together."""

FRESH_S = 30.0
"""Who gave a sign of life so lately need not be asked for one."""

NO_JOB = "0" * 20
"""What is asked for is no job: whoever is here says at once that it does not run."""

MAPPED = "::ffff:"
"""How an IPv4 address looks to a socket that takes both."""

KEY_GONE = {"delete": "its key was deleted", "rejected": "its key was rejected"}


@attrs.define(eq=False)
class _Round:
    """A question that somebody waits for: who has not been heard since, and what is set when all have."""

    silent: set[str]
    answered: trio.Event = attrs.field(factory=trio.Event)


# Of all of whom nothing is off.
NOTHING_OFF: dict[tuple[str, str], float] = {}


class PresenceDesk:
    """What is known of who is here. `heartbeat` says how often minions of ours are to speak; `clock` is wall time."""

    def __init__(
        self,
        *,
        heartbeat: Callable[[], float] = lambda: 60.0,
        key_state: Callable[[str], str | None] = lambda _id: "accepted",
        patience: Patience = PATIENCE,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.heartbeat = heartbeat
        self.key_state = key_state
        self.roster = Roster(patience)
        self._clock = clock
        # What minions of ours say is switched off there, `(thing, name)`, and since when we know; an entry without any:
        # nothing is.
        self.off: dict[str, dict[tuple[str, str], float]] = {}
        # Whose each connection for requests is, and which those of each are: its daemon has some, a `salt-call` one.
        self._connections: dict[int, str] = {}
        self._standing: dict[str, set[int]] = {}
        self._accepted: list[str] | None = None
        self._came: set[str] = set()
        self._went: set[str] = set()
        self._removed: list[Event] = []
        self._rounds: list[_Round] = []
        self._sleeping_until = math.inf
        self._woken = trio.Event()

    # -- what is told to it -------------------------------------------------------------------------------------

    def heard(self, id: str, peer: str, connection: int) -> None:
        """A sign of life: a request that only this minion can have sealed, and the connection that it came by."""
        self.roster.heard(id, now=trio.current_time(), address=peer.removeprefix(MAPPED))
        if self._connections.get(connection) != id:
            self._drop(connection)
            self._connections[connection] = id
            self._standing.setdefault(id, set()).add(connection)
        if self.roster.news:
            self._woken.set()
        for one in self._rounds:
            one.silent.discard(id)
            if not one.silent:
                one.answered.set()

    async def beat(self, request: HeartbeatRequest) -> dict[str, float]:
        """A heartbeat of a minion that has just been heard: the answer says how often another is wanted."""
        now = trio.current_time()
        if request.leaving:
            self.roster.left(request.id, now=now)
            self._woken.set()
        else:
            if request.off is not None:
                self._note_off(request.id, request.off)
            self.roster.beat(request.id, now=now, every=request.every, version=request.version, latency=request.latency)
        return {"every": self.heartbeat()}

    def _note_off(self, id: str, said: Mapping[str, Sequence[str]]) -> None:
        known = self.off.get(id, NOTHING_OFF)
        if not said and not known:
            self.off[id] = NOTHING_OFF
            return
        now = self._clock()
        self.off[id] = {(thing, name): known.get((thing, name), now) for thing in said for name in said[thing]}

    def knocked(self, id: str) -> None:
        """Somebody signs in under this name."""
        self.roster.knocked(id, now=trio.current_time())
        self._hasten()

    def hung_up(self, connection: int) -> None:
        """A connection for requests was lost: news of whoever has no other one."""
        id = self._drop(connection)
        if id is not None and id not in self._standing:
            self.roster.hung_up(id, now=trio.current_time())
            self._hasten()

    def knows(self, connection: int) -> bool:
        """Whether a minion is known to be at the other end of a connection for requests."""
        return connection in self._connections

    def _drop(self, connection: int) -> str | None:
        id = self._connections.pop(connection, None)
        if id is not None:
            standing = self._standing[id]
            standing.discard(connection)
            if not standing:
                del self._standing[id]
        return id

    def subscribed(self, address: str, here: bool) -> None:
        """A subscriber at `address` has come, or gone."""
        if not self._came and not self._went:
            self._woken.set()
        (self._came if here else self._went).add(address.removeprefix(MAPPED))

    def asked(self, ids: Iterable[str]) -> None:
        """These have been asked find_job, which whoever is here answers at once."""
        self.roster.asked(ids, now=trio.current_time())
        self._hasten()

    def not_asked(self, ids: Iterable[str]) -> None:
        """The question did not go out."""
        self.roster.not_asked(ids, now=trio.current_time())

    # -- what is asked of it ------------------------------------------------------------------------------------

    @property
    def gone(self) -> Set[str]:
        """Who is known not to be here: they are not waited for."""
        return self.roster.gone

    def find(self, id: str) -> Presence:
        """What is known of one minion."""
        entry = self.roster.get(id)
        if entry is None:
            return Presence(present=None)
        return Presence(
            present=entry.present,
            since=self._wall(entry.since),
            seen=self._wall(entry.seen),
            address=entry.address,
            version=entry.version,
            every=entry.every,
            latency=entry.latency,
            why=entry.cause.value if entry.cause is not None else "",
        )

    def counts(self) -> dict[str, int]:
        """How many are here, how many are not, and of how many nobody knows."""
        found = Counter(entry.present for entry in self.roster.entries())
        return {"present": found[True], "absent": found[False], "unknown": found[None]}

    def listed(self) -> set[str]:
        """Who is here; of whom nobody knows yet, those that were when this was known last."""
        entries = self.roster.entries()
        return {entry.id for entry in entries if entry.present or (entry.present is None and entry.before)}

    def doubtful(self, ids: Iterable[str]) -> list[str]:
        """Of whom it is not certain right now."""
        now = trio.current_time()
        return [id for id in ids if not _certain(self.roster.get(id), now)]

    async def silent(self, ids: list[str], patience: float | None) -> set[str]:
        """Who of those that have just been asked gives no sign of life for `patience` seconds."""
        one = _Round(set(ids))
        self._rounds.append(one)
        try:
            with trio.move_on_after(self.roster.patience.answer if patience is None else patience):
                await one.answered.wait()
        finally:
            self._rounds.remove(one)
        return one.silent

    def _wall(self, at: float) -> float | None:
        return None if math.isinf(at) else round(self._clock() - (trio.current_time() - at), 3)

    # -- for the service ----------------------------------------------------------------------------------------

    def key_changed(self, change: KeyChanged) -> None:
        """What has become of a key."""
        why = KEY_GONE.get(change.act)
        if why is not None:
            self._forget(change.id, why)
        # The accepted keys are others by now.
        self._woken.set()

    def _forget(self, id: str, why: str) -> None:
        self.off.pop(id, None)
        if self.roster.forget(id) is not None:
            self._removed.append(MinionAbsent(id=id, since=self._clock(), why=why))

    def step(self, accepted: list[str]) -> tuple[list[Event], list[str]]:
        """What is to be told now, and who is to be asked. `accepted` are the ids that have a key."""
        now = trio.current_time()
        if accepted is not self._accepted:
            self._accepted = accepted
            there = set(accepted)
            for id in accepted:
                self.roster.know(id, now=now)
            for entry in self.roster.entries():
                if entry.id not in there:
                    self._forget(entry.id, KEY_GONE["delete"])
        if self._went:
            self.roster.went(self._went, now=now)
        if self._came:
            self.roster.came(self._came, now=now)
        self._went, self._came = set(), set()
        step = self.roster.step(now)
        events, self._removed = self._removed, []
        return [*events, *map(self._event, self.roster.changed())], step.ask

    def _event(self, entry: Entry) -> Event:
        since = self._wall(entry.since)
        if entry.present:
            return MinionPresent(
                id=entry.id, since=since or self._clock(), address=entry.address, version=entry.version
            )
        never = since is None
        why = entry.cause.value if entry.cause is not None else ""
        return MinionAbsent(id=entry.id, since=since or self._clock(), why="it never came" if never else why)

    async def wait(self, until: float) -> None:
        """Wait until there is something to do, at the latest `until`."""
        self._sleeping_until = min(until, self.roster.wake)
        with trio.move_on_at(self._sleeping_until):
            await self._woken.wait()
        self._woken = trio.Event()
        self._sleeping_until = math.inf

    def _hasten(self) -> None:
        if self.roster.wake < self._sleeping_until or self.roster.news:
            self._woken.set()

    # -- what is kept -------------------------------------------------------------------------------------------

    def recall(self, rows: Mapping[str, Any]) -> None:
        """What was kept by a master before this one."""
        now, wall = trio.current_time(), self._clock()

        def at(value: object) -> float:
            return now - (wall - value) if isinstance(value, int | float) else -math.inf

        for id, row in rows.items():
            if isinstance(row, Mapping):
                address, version, every = row.get("address"), row.get("version"), row.get("every")
                self.roster.recall(
                    id,
                    now=now,
                    seen=at(row.get("seen")),
                    since=at(row.get("since")),
                    address=address if isinstance(address, str) else "",
                    version=version if isinstance(version, str) else "",
                    every=float(every) if isinstance(every, int | float) else 0.0,
                    present=row.get("present") is True,
                )

    def row(self, entry: Entry) -> dict[str, Any]:
        """What is kept of one minion."""
        return {
            "present": entry.present,
            "since": self._wall(entry.since),
            "seen": self._wall(entry.seen),
            "address": entry.address,
            "version": entry.version,
            "every": entry.every,
        }


async def keep_presence(
    bus: Bus,
    desk: PresenceDesk,
    banks: Banks,
    accepted: Callable[[], list[str]],
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Know who is here, ask those of whom it is not certain, tell of changes, until cancelled.

    Answers `PresenceRequest` and follows `KeyChanged`. `accepted` gives the ids that have an accepted key.
    """
    desk.roster.begin(trio.current_time())
    there = set(accepted())
    try:
        desk.recall({id: row for id, row in (await banks.fetch_all(BANK)).items() if id in there})
    except StoreError as exc:
        log.warning("presence.not_recalled", reason=str(exc))
    answers: dict[type[Request], Answer] = {
        HeartbeatRequest: desk.beat,
        PresenceRequest: partial(_answer, bus, desk, accepted),
    }
    with bus.listen(KeyChanged, desk.key_changed), bus.answering(answers):
        task_status.started()
        await _keep(bus, desk, banks, accepted)


async def _keep(bus: Bus, desk: PresenceDesk, banks: Banks, accepted: Callable[[], list[str]]) -> None:
    saved: dict[str, tuple[bool | None, float]] = {}
    save_at = trio.current_time() + SAVE_EVERY_S
    async with trio.open_nursery() as questions:
        while True:
            stepped = trio.current_time()
            events, ask = desk.step(accepted())
            for event in events:
                _log(event)
            await bus.publish_all(events)
            if events:
                save_at = min(save_at, trio.current_time() + SAVE_NEWS_S)
            if ask:
                questions.start_soon(_question, bus, desk, ask)
            if trio.current_time() >= save_at:
                await _save(desk, banks, saved)
                save_at = trio.current_time() + SAVE_EVERY_S
            await desk.wait(min(save_at, next_beat(LOOK_EVERY_S)))
            if len(desk.roster) >= MANY:
                await trio.sleep_until(stepped + len(desk.roster) * SPACING_S)


def _log(event: Event) -> None:
    match event:
        case MinionPresent():
            log.info("minion.present", id=event.id, address=event.address)
        case MinionAbsent():
            log.info("minion.absent", id=event.id, why=event.why)


async def _question(bus: Bus, desk: PresenceDesk, ids: list[str]) -> None:
    """Ask these whether they are here: whoever answers has been heard."""
    desk.asked(ids)
    request = PublishRequest(tgt=ids, tgt_type="list", fun=FIND_JOB, arg=[NO_JOB], user=MASTER.name, caller=MASTER)
    published: Published | None = None
    try:
        published = await bus.ask(request)
    except TrisaltError as exc:
        log.warning("presence.not_asked", reason=str(exc))
    if published is None or published.jid is None:
        desk.not_asked(ids)


async def _answer(
    bus: Bus, desk: PresenceDesk, accepted: Callable[[], list[str]], request: PresenceRequest
) -> dict[str, Presence]:
    ids = accepted() if request.ids is None else request.ids
    doubtful = desk.doubtful(ids) if request.ask else []
    silent: set[str] = set()
    if doubtful:
        async with trio.open_nursery() as nursery:
            # Listening first: whoever is here answers at once.
            nursery.start_soon(_question, bus, desk, doubtful)
            silent = await desk.silent(doubtful, request.patience)
            nursery.cancel_scope.cancel()
    found = {id: desk.find(id) for id in ids}
    for id in silent:
        found[id] = attrs.evolve(found[id], present=False, why=found[id].why or Cause.SILENT.value)
    return found


async def _save(desk: PresenceDesk, banks: Banks, saved: dict[str, tuple[bool | None, float]]) -> None:
    """Keep what has changed, in one transaction."""
    rows = {}
    for id in saved.keys() - {entry.id for entry in desk.roster.entries()}:
        del saved[id]
    for entry in desk.roster.entries():
        present, seen = saved.get(entry.id, (None, -math.inf))
        if math.isinf(entry.seen) and entry.present is None:
            continue
        if present is not entry.present or entry.seen - seen > SEEN_IS_KEPT_TO_S:
            rows[entry.id] = entry
    if not rows:
        return
    try:
        await banks.store_all({BANK: {id: desk.row(entry) for id, entry in rows.items()}})
    except StoreError as exc:
        log.warning("presence.not_kept", reason=str(exc))
        return
    saved.update((id, (entry.present, entry.seen)) for id, entry in rows.items())


def _certain(entry: Entry | None, now: float) -> bool:
    """Whether asking would tell nothing new."""
    if entry is None:
        return True
    if entry.present is None or entry.doubt is not None:
        return False
    return not entry.present or entry.every > 0 or now - entry.seen < FRESH_S
