"""Which request class a minion's encrypted `cmd` is, and how its load becomes one. A closed table; no I/O.

`master/request_server` looks commands up here. Types are checked once, on the way in: claimants trust the fields.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from trisalt.bus.requests import (
    FILE_COMMANDS,
    FileRequest,
    HeartbeatRequest,
    MineDeleteRequest,
    MineFlushRequest,
    MineGetRequest,
    MineRequest,
    MinionEventRequest,
    MinionPublishRequest,
    PillarRequest,
    Request,
    ReturnRequest,
    RevokeRequest,
    SyndicReturnRequest,
    TopsRequest,
)
from trisalt.wire import jid as jids

Load = dict[str, Any]

# Jids that are none: a job that began on the minion asks for one.
PSEUDO_JIDS = frozenset({"req"})
LONGEST_HEARTBEAT_S = 86400
MOST_NAMES, LONGEST_NAME = 100, 200
_RETURN_FIELDS = frozenset({"cmd", "id", "jid", "fun", "fun_args", "return", "retcode", "success", "sig"})


@attrs.frozen(kw_only=True)
class Row:
    """One command. `make` gives None for a load that is not as it should be, which `malformed` answers.

    `private`: only the sender's own RSA key opens the answer. `durable`: an answer says that it is kept, so what
    failed must not look like one. `refused` is the answer when the claimant says False. `lane`: behind whom it waits
    (`master/lanes`).
    """

    make: Callable[[str, Load], Request | None]
    malformed: object = False
    private: bool = False
    durable: bool = False
    refused: Callable[[Load], object] | None = None
    lane: str = "events"


def row_of(cmd: str) -> Row | None:
    """The command's row; None for one that minions may not ask."""
    return _TABLE.get(cmd)


def _return(id: str, load: Load) -> Request | None:
    jid, fun, args = load.get("jid"), load.get("fun", ""), load.get("fun_args", [])
    if not isinstance(jid, str) or not (jids.is_jid(jid) or jid in PSEUDO_JIDS) or "return" not in load:
        return None
    # A minion speaks for itself alone: `resource_id` would have the return count as somebody else's.
    if "resource_id" in load or not isinstance(fun, str | list):
        return None
    return ReturnRequest(
        id=id,
        jid=jid,
        fun=fun,
        fun_args=args if isinstance(args, list) else [args],
        result=load["return"],
        retcode=load.get("retcode", 0),
        success=load.get("success", True),
        load={name: value for name, value in load.items() if name not in _RETURN_FIELDS},
    )


def _syndic_return(id: str, load: Load) -> Request | None:
    returns = load.get("load")
    return SyndicReturnRequest(id=id, load=returns) if isinstance(returns, list) else None


def _minion_event(id: str, load: Load) -> Request | None:
    tag, events = load.get("tag"), load.get("events")
    if not isinstance(tag, str) and not isinstance(events, list):
        return None
    return MinionEventRequest(
        id=id,
        tag=tag if isinstance(tag, str) else None,
        data=load.get("data"),
        events=events if isinstance(events, list) else None,
        pretag=_text(load, "pretag"),
        grains=_map(load, "grains") or None,
        ts=load["ts"] if isinstance(load.get("ts"), int) else None,
    )


def _pillar(id: str, load: Load) -> Request:
    # Whatever the grains say, they are the sender's.
    return PillarRequest(
        id=id,
        grains={**_map(load, "grains"), "id": id},
        saltenv=_text(load, "saltenv"),
        pillarenv=_text(load, "pillarenv"),
        pillar_override=_map(load, "pillar_override"),
        extra_minion_data=_map(load, "extra_minion_data"),
        ext=_map(load, "ext"),
        clean_cache=bool(load.get("clean_cache")),
    )


def _mine(id: str, load: Load) -> Request | None:
    data = load.get("data")
    return MineRequest(id=id, data=data, clear=bool(load.get("clear"))) if isinstance(data, dict) else None


def _mine_get(id: str, load: Load) -> Request | None:
    tgt_type = load.get("tgt_type", "glob")
    if not {"tgt", "fun"} <= load.keys() or not isinstance(tgt_type, str):
        return None
    return MineGetRequest(id=id, tgt=load["tgt"], fun=load["fun"], tgt_type=tgt_type)


def _mine_delete(id: str, load: Load) -> Request | None:
    fun = load.get("fun")
    return MineDeleteRequest(id=id, fun=fun) if isinstance(fun, str) else None


def _heartbeat(id: str, load: Load) -> Request | None:
    every, latency = load.get("every"), load.get("latency")
    if not isinstance(every, int | float) or not 0 <= every <= LONGEST_HEARTBEAT_S:
        return None
    return HeartbeatRequest(
        id=id,
        every=float(every),
        version=(_text(load, "version") or "")[:64],
        latency=float(latency) if isinstance(latency, int | float) and 0 <= latency <= LONGEST_HEARTBEAT_S else None,
        leaving=load.get("leaving") is True,
        off=_off(load.get("off")),
    )


def _off(said: object) -> dict[str, list[str]] | None:
    """What a minion says is switched off there, as far as it is names."""
    if not isinstance(said, Mapping):
        return None
    found = {}
    for thing in ("beacons", "schedule"):
        names = said.get(thing)
        if isinstance(names, list) and names:
            found[thing] = [name[:LONGEST_NAME] for name in names[:MOST_NAMES] if isinstance(name, str)]
    return found


def _file(cmd: str) -> Callable[[str, Load], Request]:
    return lambda id, load: FileRequest(id=id, cmd=cmd, load=load)


def _minion_publish(cmd: str) -> Callable[[str, Load], Request]:
    return lambda id, load: MinionPublishRequest(id=id, cmd=cmd, load=load)


def _nothing(_id: str, _load: Load) -> None:
    return None


def _map(load: Load, name: str) -> dict[str, Any]:
    value = load.get(name)
    return value if isinstance(value, dict) else {}


def _text(load: Load, name: str) -> str | None:
    value = load.get(name)
    return value if isinstance(value, str) else None


# Source of the answers to what is malformed: stock Salt 3008.3.
_TABLE: Mapping[str, Row] = {
    "_return": Row(make=_return, malformed=None, durable=True, lane="returns"),
    "_syndic_return": Row(make=_syndic_return, malformed=None, durable=True),
    "_minion_event": Row(make=_minion_event, malformed=None),
    "_pillar": Row(make=_pillar, private=True, lane="pillar"),
    "_master_tops": Row(make=lambda id, load: TopsRequest(id=id, opts=_map(load, "opts")), malformed={}, lane="pillar"),
    "_heartbeat": Row(make=_heartbeat, malformed={}, lane="heartbeats"),
    "_mine": Row(make=_mine),
    "_mine_get": Row(make=_mine_get, malformed={}),
    "_mine_delete": Row(make=_mine_delete),
    "_mine_flush": Row(make=lambda id, _load: MineFlushRequest(id=id)),
    "revoke_auth": Row(make=lambda id, _load: RevokeRequest(id=id), refused=dict),
    "minion_pub": Row(make=_minion_publish("minion_pub"), malformed={}, lane="peers"),
    "minion_publish": Row(make=_minion_publish("minion_publish"), malformed={}, lane="peers"),
    "minion_runner": Row(make=_minion_publish("minion_runner"), malformed={}, lane="peers"),
    "pub_ret": Row(make=_minion_publish("pub_ret"), malformed={}, lane="peers"),
    # A minion of 3008 tells of what it manages; nothing here asks for it.
    "_register_resources": Row(make=_nothing, malformed=True),
    **{cmd: Row(make=_file(cmd), malformed={}, lane="files") for cmd in FILE_COMMANDS},
}
