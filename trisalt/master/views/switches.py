"""Beacons and schedules that somebody has switched off on minions, as far as the master knows without asking them.

Minions of ours say so with their heartbeats. Of others it knows the pillar, and what came back from the functions of
`beacons` and `schedule` that went out through it: those that switch, and those that list what there is, which say how
it is at that time.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import attrs

from trisalt.errors import LocalProtocolError, RemoteProtocolError
from trisalt.master.arguments import split
from trisalt.master.sight import Sight
from trisalt.master.views.desk import Desk
from trisalt.master.views.issue import Issue, named, on_minions
from trisalt.store import outcomes
from trisalt.store.store import Table
from trisalt.wire.codec import unpack_bin

GOOD_FOR_S = 30.0
"""What is known of all minions is worked out once in so many seconds."""
MOST_RETURNS = 20_000
"""So many of the newest returns are looked at."""
MOST_ISSUES = 20
_ALL = ""
"""The name that stands for all beacons, or the whole schedule."""
_ONE = {"beacons": "beacon", "schedule": "job"}
_READS = """
SELECT returns.id, returns.came, returns.body, listed.fun, jobs.load FROM listed
JOIN returns USING (jid) JOIN jobs USING (jid)
WHERE (listed.fun GLOB 'beacons.*' OR listed.fun GLOB 'schedule.*') AND returns.outcome <> ?
ORDER BY returns.number DESC LIMIT ?
"""


@attrs.frozen
class Off:
    """Something that is off: `thing` is beacons or schedule, `name` one of them, empty for all."""

    thing: str
    name: str
    pillar: bool = False


Known = dict[str, dict[Off, float | None]]
"""By minion: what is off, and since when."""


async def switched_off(desk: Desk, sight: Sight, ids: Sequence[str]) -> AsyncIterator[Issue]:
    """One issue for each beacon and each job of a schedule, of all minions on which it is off."""
    known: Known = await desk.remember("switched off", GOOD_FOR_S, partial(_find, desk))
    there: dict[Off, list[tuple[str, float | None]]] = defaultdict(list)
    for id in ids:
        for off, since in known.get(id, {}).items():
            if sight.may_ask(f"{off.thing}.list", id):
                there[off].append((id, since))
    for off, minions in sorted(there.items(), key=lambda each: (-len(each[1]), each[0].thing, each[0].name))[
        :MOST_ISSUES
    ]:
        yield _issue(off, minions)


def _issue(off: Off, minions: Sequence[tuple[str, float | None]]) -> Issue:
    names = [id for id, _since in minions]
    beacons = off.thing == "beacons"
    if off.name:
        what = f"the beacon {off.name} is disabled" if beacons else f"the job {off.name} of the schedule is disabled"
        remedy = on_minions(names, f"{off.thing}.enable_{_ONE[off.thing]}", off.name)
    else:
        what = "beacons are disabled" if beacons else "the schedule is disabled"
        remedy = on_minions(names, f"{off.thing}.enable")
    return Issue(
        kind=f"{off.thing}_disabled",
        severity="warning",
        text=f"{named(names)}: {what}{' in the pillar' if off.pillar else ''}",
        since=min((since for _id, since in minions if since is not None), default=None),
        link=f"/app/minions/{names[0]}?tab={'beacons' if beacons else 'schedules'}",
        # The pillar says so again, whatever somebody does on the minion.
        remedy=None if off.pillar else remedy,
    )


async def _find(desk: Desk) -> Known:
    found = await desk.store.read(_read)
    pillar: Known = await desk.store.banks.look(["pillar"], partial(_read_pillar, desk.minions.accepted()))
    for id, offs in pillar.items():
        found.setdefault(id, {}).update(offs)
    for id, told in desk.presence.off.items():
        # It knows best; of what is off by the pillar the remedy is there.
        by_pillar = {(off.thing, off.name) for off in pillar.get(id, ())}
        found[id] = {Off(*key, key in by_pillar): since for key, since in told.items()}
    return found


# -- in a reader's thread --------------------------------------------------------------------------------------------


def _read_pillar(ids: Iterable[str], table: Table) -> Known:
    found: Known = {}
    for id in ids:
        pillar = table.get(id)
        if pillar is None:
            continue
        offs = [
            Off(thing, name, True) for thing in ("beacons", "schedule") for name in disabled(thing, pillar.get(thing))
        ]
        if offs:
            found[id] = dict.fromkeys(offs)
    return found


def _read(connection: sqlite3.Connection) -> Known:
    rows = connection.execute(_READS, (outcomes.FAILED, MOST_RETURNS)).fetchall()
    found: Known = {}
    for id, came, body, fun, load in reversed(rows):
        try:
            value, job = unpack_bin(body).get("return"), unpack_bin(load)
        except (RemoteProtocolError, LocalProtocolError, AttributeError):
            continue
        thing, _dot, function = fun.partition(".")
        _fold(found.setdefault(id, {}), thing, function, job, value, came)
    return {id: offs for id, offs in found.items() if offs}


def _fold(
    offs: dict[Off, float | None], thing: str, function: str, job: Mapping[str, Any], value: Any, came: float
) -> None:
    """What is off after one more return."""
    args, kwargs = split(job.get("arg"))
    if function == "list":
        _listed(offs, thing, value, came)
        return
    if not (isinstance(value, Mapping) and value.get("result") is True) or kwargs.get("test"):
        return
    name = str(args[0] if args else kwargs.get("name", ""))
    one = f"_{_ONE[thing]}"
    match function.removesuffix(one):
        case "disable":
            offs.setdefault(Off(thing, name if function.endswith(one) else _ALL), came)
        case "enable" | "delete":
            offs.pop(Off(thing, name if function != "enable" else _ALL), None)
        case "purge" | "reset":
            for off in [off for off in offs if off.thing == thing]:
                del offs[off]
        case "add" | "modify" if name:
            offs.pop(Off(thing, name), None)


def _listed(offs: dict[Off, float | None], thing: str, value: Any, came: float) -> None:
    if not isinstance(value, Mapping):
        # As text it is for people.
        return
    now = {Off(thing, name) for name in disabled(thing, value)}
    for off in [off for off in offs if off.thing == thing and off not in now]:
        del offs[off]
    for off in now:
        offs.setdefault(off, came)


def disabled(thing: str, configured: Any) -> Iterator[str]:
    """The names of what is off in a mapping of beacons, or of a schedule; an empty one when all of it is."""
    if not isinstance(configured, Mapping):
        return
    for name, config in configured.items():
        if name == "enabled":
            if config is False:
                yield _ALL
            continue
        parts = config if thing == "beacons" and isinstance(config, list) else [config]
        if any(isinstance(part, Mapping) and part.get("enabled") is False for part in parts):
            yield str(name)
