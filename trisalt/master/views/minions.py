"""The list of minions, and one of them: keys, presence, grains and the last highstate, without a job.

Statuses are in the order of what counts: `rejected`, `pending` and `denied` say that there is no accepted key; of the
accepted ones `up` and `down` are what presence knows, `never` that nobody of this name was ever heard.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any

import attrs
import trio

from trisalt.bus.answers import Presence
from trisalt.errors import NotFound, RemoteProtocolError
from trisalt.master import mine
from trisalt.master.keyring import State
from trisalt.master.sight import ASKS_GRAINS, ASKS_PILLAR, Sight
from trisalt.master.views.desk import Desk, from_cursor, page_size, to_cursor
from trisalt.store import highstates, outcomes
from trisalt.store.highstates import Highstate
from trisalt.store.store import Table
from trisalt.target import query
from trisalt.target.data import traverse
from trisalt.target.kinds import Subject

# Grains that every item of a list has.
OS, RELEASE, VERSION = "os", "osrelease", "saltversion"
HIGHSTATE_STATES = {outcomes.OK: "ok", outcomes.CHANGED: "changed", outcomes.FAILED: "failed"}
SORTS = frozenset({"id", "status", "last_seen", "os", "osrelease", "version", "address"})
MOST_FIELDS = 50
ACCEPTED = "accepted"
SLICE = 500
NOTHING: Mapping[str, Any] = {}


@attrs.frozen(kw_only=True)
class Known:
    """What is known of one minion without looking into what is kept of it. Times are wall seconds."""

    id: str
    status: str
    since: float | None = None
    seen: float | None = None
    address: str = ""
    version: str = ""


def known(id: str, presence: Presence) -> Known:
    """An accepted minion."""
    never = presence.seen is None and not presence.present
    return Known(
        id=id,
        status="up" if presence.present else "never" if never else "down",
        since=presence.since,
        seen=presence.seen,
        address=presence.address,
        version=presence.version,
    )


async def names(desk: Desk, sight: Sight) -> dict[str, str]:
    """All minions that somebody may see, sorted by id, with the state of their keys."""
    found = await trio.to_thread.run_sync(_others, desk) if sight.keys else {}
    found |= dict.fromkeys(filter(sight.sees_minion, desk.minions.accepted()), ACCEPTED)
    return dict(sorted(found.items()))


async def fleet(desk: Desk, found: Mapping[str, str]) -> list[Known]:
    """What is known of these."""
    there = []
    for number, (id, state) in enumerate(found.items(), 1):
        there.append(known(id, desk.presence.find(id)) if state == ACCEPTED else Known(id=id, status=state))
        if number % SLICE == 0:
            # Of ten thousand it takes long enough to be felt by others.
            await trio.lowlevel.checkpoint()
    return there


def _others(desk: Desk) -> dict[str, str]:
    found: dict[str, str] = {}
    for state in (State.DENIED, State.PENDING, State.REJECTED):
        found |= dict.fromkeys(desk.keyring.list(state), state.name.lower())
    return found


# -- the list --------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class _Asked:
    """What a question for the list asks."""

    holds: query.Holds | None
    sort: str
    falling: bool
    after: list[Any] | None
    limit: int
    fields: Sequence[str]

    @property
    def by_id(self) -> bool:
        """Whether only the page has to be looked at."""
        return self.holds is None and self.sort == "id" and not self.falling

    @classmethod
    def of(cls, desk: Desk, question: Mapping[str, Any]) -> _Asked:
        text = question.get("q") or ""
        if not isinstance(text, str):
            raise RemoteProtocolError("q is text")
        terms = query.parse(text)
        sort = question.get("sort") or "id"
        falling = isinstance(sort, str) and sort.startswith("-")
        name = str(sort).removeprefix("-")
        if name not in SORTS:
            raise RemoteProtocolError(f"sort is one of {', '.join(sorted(SORTS))}, with - before it for falling")
        return cls(
            holds=query.matcher(terms, desk.opts.get("nodegroups") or {}) if terms else None,
            sort=name,
            falling=falling,
            after=from_cursor(question, ((int, float) if name == "last_seen" else str, str)),
            limit=page_size(question),
            fields=_fields(question),
        )


def _fields(question: Mapping[str, Any]) -> list[str]:
    fields = question.get("fields") or []
    if not isinstance(fields, list) or len(fields) > MOST_FIELDS or not all(isinstance(each, str) for each in fields):
        raise RemoteProtocolError(f"fields are at most {MOST_FIELDS} names of grains")
    return fields


async def minions(desk: Desk, sight: Sight, question: Mapping[str, Any]) -> dict[str, Any]:
    """`{items, next, total}`: `q`, `sort`, `cursor`, `limit`, and `fields`, the grains that each item is to have."""
    asked = _Asked.of(desk, question)
    found = await names(desk, sight)
    if asked.by_id:
        after = "" if asked.after is None else asked.after[1]
        page = {id: found[id] for id in islice((id for id in found if id > after), asked.limit + 1)}
        work = partial(_page, len(found), [("", one) for one in await fleet(desk, page)], asked, sight)
    else:
        work = partial(_list, await fleet(desk, found), asked, sight)
    told = await desk.store.banks.look(["grains"], work)
    ids = [item["id"] for item in told["items"]]
    newest = {each.id: each for each in await _highstates(desk, ids) if not each.test}
    for item in told["items"]:
        item["highstate"] = told_highstate(newest.get(item["id"]))
    return told


# In a reader's thread.


def _list(there: Sequence[Known], asked: _Asked, sight: Sight, table: Table) -> dict[str, Any]:
    """Those of all that are wanted, in their order."""

    def grains_of(id: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        return _grains(table, id), NOTHING

    if (holds := asked.holds) is not None:
        there = [one for one in there if holds(Subject(one.id, grains_of), one.status)]
    return _page(len(there), _sorted(there, asked, table), asked, sight, table)


def _page(total: int, keyed: Sequence[tuple[Any, Known]], asked: _Asked, sight: Sight, table: Table) -> dict[str, Any]:
    """The first of those that come after the cursor."""
    page = keyed[: asked.limit]
    return {
        "items": [_item(one, _grains(table, one.id), asked.fields, sight) for _key, one in page],
        "next": to_cursor(page[-1][0], page[-1][1].id) if len(keyed) > asked.limit else None,
        "total": total,
    }


def _sorted(found: Iterable[Known], asked: _Asked, table: Table) -> list[tuple[Any, Known]]:
    """Those after the cursor, each with what it is sorted by; who has none of it comes last."""
    key = _key(asked.sort, table)
    keyed = sorted(((key(one), one) for one in found), key=lambda each: (each[0], each[1].id), reverse=asked.falling)
    if asked.after is None:
        return keyed
    after = (asked.after[0], asked.after[1])
    if asked.falling:
        return [(value, one) for value, one in keyed if (value, one.id) < after]
    return [(value, one) for value, one in keyed if (value, one.id) > after]


def _key(sort: str, table: Table) -> Callable[[Known], Any]:
    match sort:
        case "id":
            return lambda one: one.id
        case "status":
            return lambda one: one.status
        case "address":
            return lambda one: one.address
        case "last_seen":
            return lambda one: one.seen or 0.0
        case "version":
            return lambda one: one.version or _text(table.get(one.id), VERSION)
    return lambda one: _text(table.get(one.id), sort)


def _grains(table: Table, id: str) -> Mapping[str, Any]:
    grains = table.get(id)
    # A row is not asked for its length, which costs more than all that is read of it.
    return NOTHING if grains is None else grains


def _text(grains: Mapping[str, Any] | None, name: str) -> str:
    value = None if grains is None else grains.get(name)
    return "" if value is None else str(value)


def _item(one: Known, grains: Mapping[str, Any], fields: Sequence[str], sight: Sight) -> dict[str, Any]:
    shown = fields and sight.may_ask(ASKS_GRAINS, one.id)
    return {
        "id": one.id,
        "status": one.status,
        "since": one.since,
        "last_seen": one.seen,
        "address": one.address,
        "version": one.version or _text(grains, VERSION),
        "os": _text(grains, OS),
        "osrelease": _text(grains, RELEASE),
        "grains": {name: traverse(grains, name.replace(".", ":")) for name in fields} if shown else {},
    }


def told_highstate(newest: Highstate | None) -> dict[str, Any] | None:
    """The last highstate as items have it."""
    if newest is None:
        return None
    return {"jid": newest.jid, "state": HIGHSTATE_STATES[newest.outcome], "at": newest.at}


async def _highstates(desk: Desk, ids: Sequence[str]) -> list[Highstate]:
    return await desk.store.read(partial(highstates.read_all, ids=list(ids)))


# -- one -------------------------------------------------------------------------------------------------------------


async def minion(desk: Desk, sight: Sight, question: Mapping[str, Any]) -> dict[str, Any]:
    """One minion, with all that is kept of it as far as whoever asks might ask the minion for it; None for the rest.

    Raises NotFound for one that is not there, or that they may not see.
    """
    one = await find(desk, sight, question)
    id = one.id
    banks = desk.store.banks
    grains = (await banks.fetch("grains", id)) or {}
    found = _item(one, grains, (), sight)
    found["highstate"] = told_highstate(next((each for each in await _highstates(desk, [id]) if not each.test), None))
    presence = desk.presence.find(id)
    found |= {"why": presence.why, "latency": presence.latency}
    found["grains"] = grains if sight.may_ask(ASKS_GRAINS, id) else None
    found["pillar"] = await banks.fetch("pillar", id) if sight.may_ask(ASKS_PILLAR, id) else None
    found["mine"] = _mine(await banks.fetch(mine.BANK, id)) if sight.may_ask("mine.get", id) else None
    found["updated"] = await banks.updated("grains", id)
    found["key"] = await trio.to_thread.run_sync(_key_of, desk, id) if sight.keys else None
    return found


def _mine(kept: Any) -> dict[str, Any] | None:
    """What a minion offers, without who may have it."""
    return {fun: mine.unwrapped(entry) for fun, entry in kept.items()} if isinstance(kept, Mapping) else None


async def find(desk: Desk, sight: Sight, question: Mapping[str, Any]) -> Known:
    """The minion `id` that a question is about. Raises NotFound for one that is not there, or that they may not see."""
    id = question.get("id")
    state = await trio.to_thread.run_sync(desk.keyring.state, id) if isinstance(id, str) else None
    if isinstance(id, str):
        if state is State.ACCEPTED and sight.sees_minion(id):
            return known(id, desk.presence.find(id))
        if state not in (None, State.ACCEPTED) and sight.keys:
            return Known(id=id, status=state.name.lower())
    raise NotFound(f"There is no minion {id!r}")


def _key_of(desk: Desk, id: str) -> dict[str, Any] | None:
    state = desk.keyring.state(id)
    return None if state is None else {"state": state.name.lower(), "finger": desk.keyring.fingerprint(id, state)}


# -- whom a target names ---------------------------------------------------------------------------------------------

PREVIEWED = 1000


async def preview(desk: Desk, sight: Sight, question: Mapping[str, Any]) -> dict[str, Any]:
    """Whom a target names, how many of them are here, and whether `fun` may be sent to them; no minion is asked.

    `ids` are the first thousand of those that whoever asks may see.
    """
    tgt, tgt_type = question.get("tgt"), question.get("tgt_type") or "glob"
    if not isinstance(tgt, str | list) or not isinstance(tgt_type, str):
        raise RemoteProtocolError("preview: tgt is text or a list, and tgt_type the name of a kind")
    delimiter = question.get("delimiter") or ":"
    found, missing = await desk.minions.resolve_for(tgt, tgt_type, delimiter=str(delimiter), exact=not sight.admin)
    shown = [id for id in found if sight.sees_minion(id)]
    up = sum(1 for id in found if desk.presence.find(id).present)
    allowed, because, approval = None, "", False
    if fun := question.get("fun"):
        arg = question.get("arg") or []
        because = sight.why_not(fun, arg, found)
        allowed = not because
        if not allowed and desk.acl.grants_of(sight.caller).on_approval:
            approval = (await desk.sights.of(desk.acl.approved(sight.caller))).may_send(fun, arg, found)
    return {
        "ids": shown[:PREVIEWED],
        "missing": missing[:PREVIEWED],
        "total": len(found),
        "up": up,
        "down": len(found) - up,
        "allowed": allowed,
        "because": because,
        "approval": approval,
    }
