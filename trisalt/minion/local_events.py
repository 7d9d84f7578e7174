"""Events on this host: those that go up to the master, those that come from plugins and stock's tools.

`relay_events` sends what `FireMaster` says; `announce` tells each master once that this minion has started;
`to_event` turns a tag and its data into the event of the catalogue that acts, for the local socket and for upcalls.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog
import trio

from trisalt.bus.bus import Bus
from trisalt.bus.event import Event
from trisalt.bus.events import (
    BeaconsRefresh,
    Connected,
    EnvironSet,
    FailBack,
    FireMaster,
    GrainsRefresh,
    MasterDoubted,
    MineData,
    ModuleRefresh,
    PillarRefresh,
    TaggedEvent,
)
from trisalt.bus.requests import MasterRequest
from trisalt.bus.subscription import Lagged
from trisalt.errors import RemoteProtocolError, TrisaltError
from trisalt.minion.facts import Facts

log = structlog.get_logger()

# So many events may wait for the master; then they are shed, and the log says how many.
WAITING = 1024


def to_event(tag: str, data: Mapping[str, Any]) -> Event:
    """The event that a tag and its data mean on this host; one that the catalogue does not name stays what it is.

    Raises RemoteProtocolError when the data does not fit the tag.
    """
    match tag:
        case "_minion_mine":
            mine = data.get("data")
            if not isinstance(mine, dict):
                raise RemoteProtocolError("mine data is no mapping")
            return MineData(data=mine, clear=bool(data.get("clear")))
        case "fire_master":
            return fire_master(data)
        case "pillar_refresh":
            return PillarRefresh()
        case "grains_refresh":
            return GrainsRefresh()
        case "module_refresh":
            return ModuleRefresh()
        case "beacons_refresh":
            return BeaconsRefresh()
        case "__master_disconnected":
            return MasterDoubted(master=_master(data))
        case "__master_failback":
            return FailBack(master=_master(data))
        case "environ_setenv":
            return _environ_set(data)
    return TaggedEvent(name=tag, data=dict(data))


def _master(data: Mapping[str, Any]) -> str:
    master = data.get("master")
    if not isinstance(master, str):
        raise RemoteProtocolError("a master has no name")
    return master


def _environ_set(data: Mapping[str, Any]) -> EnvironSet:
    """Source of the fields: stock Salt 3008.3, `environ.setenv` with `update_minion`."""
    environ = data.get("environ")
    if not isinstance(environ, dict):
        raise RemoteProtocolError("an environment is no mapping")
    wanted = {
        name: (None if data.get("false_unsets") else "") if value is False else value for name, value in environ.items()
    }
    for name, value in wanted.items():
        if not isinstance(name, str) or not name or set(name) & {"=", "\0"}:
            raise RemoteProtocolError("the name of a variable holds what none may hold")
        if value is not None and (not isinstance(value, str) or "\0" in value):
            raise RemoteProtocolError("a variable is no text")
    return EnvironSet(environ=wanted)


def fire_master(fields: Mapping[str, Any]) -> FireMaster:
    """What is to go up to the master, from a map with `tag` and `data`, or `events`. Raises RemoteProtocolError."""
    tag, events, pretag = fields.get("tag"), fields.get("events"), fields.get("pretag")
    if not isinstance(tag, str | None) or not isinstance(pretag, str | None):
        raise RemoteProtocolError("an event's tag is no text")
    if events is not None:
        if not isinstance(events, list) or not all(
            isinstance(one, dict) and isinstance(one.get("tag"), str) for one in events
        ):
            raise RemoteProtocolError("a list of events holds something else")
    elif not tag:
        raise RemoteProtocolError("an event has no tag")
    return FireMaster(name=tag, data=fields.get("data"), events=events, pretag=pretag)


def to_load(event: FireMaster, id: str) -> dict[str, Any]:
    """The `_minion_event` load of an event."""
    load: dict[str, Any] = {"cmd": "_minion_event", "id": id, "pretag": event.pretag}
    if event.events is not None:
        load["events"] = event.events
    else:
        load["tag"] = event.name
        load["data"] = {} if event.data is None else event.data
    return load


async def relay_events(
    bus: Bus,
    id: str,
    masters: Sequence[str],
    *,
    timeout: float = 10,
    tries: int = 3,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Send what is fired for the master to every master, each in order, until cancelled."""
    async with trio.open_nursery() as nursery:
        for master in masters:
            await nursery.start(_relay, bus, id, master, timeout, tries)
        task_status.started()


async def _relay(
    bus: Bus,
    id: str,
    master: str,
    timeout: float,
    tries: int,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    async with bus.subscribe(FireMaster, keep=False, depth=WAITING) as events:
        task_status.started()
        async for event in events:
            if isinstance(event, Lagged):
                log.warning("events.shed", master=master, missed=event.missed)
            elif isinstance(event, FireMaster):
                try:
                    await bus.ask(MasterRequest(load=to_load(event, id), timeout=timeout, tries=tries, master=master))
                except TrisaltError as exc:
                    log.warning("event.not_sent", master=master, tag=event.name, reason=str(exc))


async def announce(
    bus: Bus,
    facts: Facts,
    *,
    ready: trio.Event,
    legacy: bool = True,
    grains: Sequence[str] = (),
    timeout: float = 10,
    tries: int = 3,
    wall: Callable[[], float] = time.time,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Tell each master, once, that this minion has started: when it is ready, and the link to that master stands.

    `legacy` sends `minion_start` too; `grains` names grains to send along.
    """
    async with bus.subscribe(Connected, keep=True) as connections, trio.open_nursery() as nursery:
        task_status.started()
        await ready.wait()
        told: set[str] = set()
        async for event in connections:
            if isinstance(event, Connected) and event.master not in told:
                told.add(event.master)
                tags = (*(["minion_start"] if legacy else []), f"salt/minion/{facts.id}/start")
                loads = [_start_load(tag, facts, grains, wall()) for tag in tags]
                nursery.start_soon(_tell, bus, loads, event.master, timeout, tries)


def _start_load(tag: str, facts: Facts, grains: Sequence[str], now: float) -> dict[str, Any]:
    moment = time.strftime("%a %b %d %H:%M:%S %Y", time.localtime(now))
    event = FireMaster(name=tag, data=f"Minion {facts.id} started at {moment}")
    load = to_load(event, facts.id)
    if grains:
        load["grains"] = {name: facts.grains[name] for name in grains if name in facts.grains}
    return load


async def _tell(bus: Bus, loads: Sequence[dict[str, Any]], master: str, timeout: float, tries: int) -> None:
    for load in loads:
        try:
            await bus.ask(MasterRequest(load=load, timeout=timeout, tries=tries, master=master))
        except TrisaltError as exc:
            log.warning("event.not_sent", master=master, tag=load["tag"], reason=str(exc))
