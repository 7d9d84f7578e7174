"""The blocking calls that plugin code may make on its host; all it knows of the world outside its process.

The host is a daemon at the other end of a socket (in worker children), or the command itself (`salt-call`), which
`install`s its own. Without a host, or when the daemon is gone, each raises CommandError; `fire_event`, `fire_master`,
`progress`, `doing` and `refresh` answer False instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from trisalt.errors import CommandError
from trisalt.worker.protocol import Packed


class Host(Protocol):
    """Who answers: `kind` is an `UpcallKind`, the answer plain data. Raises TrisaltError when it says no.

    A host that has `outlived`, and it is true, may be another one from one call to the next.
    """

    def call(self, kind: str, fields: dict[str, Any]) -> Any: ...


class HostGone(CommandError):
    """There is nobody to ask: no host, or a daemon that has ended."""


class _NoHost:
    def call(self, kind: str, fields: dict[str, Any]) -> Any:
        raise HostGone(f"{kind} needs a running daemon")


_host: Host = _NoHost()
_packed = False


def install(host: Host | None) -> Host | None:
    """From now on `host` answers; the one that did before."""
    global _host
    before, _host = _host, host or _NoHost()
    return None if isinstance(before, _NoHost) else before


def take_packed(taken: bool) -> None:
    """Whether whoever asked for what runs now takes a large result as bytes."""
    global _packed
    _packed = taken


def takes_packed() -> bool:
    """Whether a function may return what `packed` makes in place of something large."""
    return _packed


def packed(data: bytes) -> Packed:
    """A result that is packed already."""
    return Packed(data)


def hosted() -> bool:
    """Whether there is somebody to ask."""
    return not isinstance(_host, _NoHost)


def ask(kind: str, fields: dict[str, Any]) -> Any:
    """Pass on what another process of this job asks. Raises what the host answers with."""
    return _host.call(kind, fields)


def fire_event(tag: str, data: Mapping[str, Any]) -> bool:
    """Put an event on the bus of the daemon on this host. True when it is there."""
    return _tell("fire_event", {"tag": tag, "data": data})


def fire_master(
    tag: str | None = None,
    data: Any = None,
    *,
    events: Sequence[Mapping[str, Any]] | None = None,
    pretag: str | None = None,
) -> bool:
    """Send an event up to the master: one, or several (`events`, each with `tag` and `data`). True when it has it."""
    return _tell("fire_master", {"tag": tag, "data": data, "events": events, "pretag": pretag})


def ask_master(cmd: str, *, timeout: float = 60, master: str | None = None, **load: Any) -> Any:
    """Send the request `cmd` with `load` to the master; what it answers. Raises CommandError when it does not.

    `master` names one of several; else it is the one that had this job run.
    """
    named = {} if master is None else {"master": master}
    return _host.call("ask_master", {"cmd": cmd, "load": load, "timeout": timeout, **named})


def running() -> list[dict[str, Any]]:
    """The jobs that run on this host, as `saltutil.running` tells them."""
    return list(_host.call("running", {}))


def signal_job(jid: str, signum: int) -> int | None:
    """Send a signal to a job's processes. The pid of the job, or None when there is no such job."""
    pid: int | None = _host.call("signal_job", {"jid": jid, "signum": signum})
    return pid


def publish(
    tgt: Any,
    fun: Any,
    arg: Sequence[Any] = (),
    *,
    tgt_type: str = "glob",
    kwarg: Mapping[str, Any] | None = None,
    ret: str = "",
    jid: str = "",
    timeout: float | None = None,
    wait: bool = True,
    options: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Publish a job from the master: `{"jid", "minions", "missing"}`, and with `wait` also `"returns"`.

    `returns` maps each minion that answered to its return load (`return`, `retcode`, `success`, …), and comes when
    the job is settled. `options` are the publication's further keys (`delimiter`, `metadata`, …).
    """
    fields = {
        "tgt": tgt,
        "fun": fun,
        "arg": list(arg),
        "tgt_type": tgt_type,
        "kwarg": dict(kwarg or {}),
        "ret": ret,
        "jid": jid,
        "timeout": timeout,
        "wait": wait,
        "options": dict(options or {}),
    }
    if not wait or not getattr(_host, "outlived", False):
        return dict(_host.call("publish", fields))
    # In two steps: when the daemon ends while it waits, the next one waits on, and publishes nothing again.
    published = dict(_host.call("publish", {**fields, "wait": False}))
    asked = {"jid": published.get("jid"), "minions": published.get("minions") or [], "timeout": timeout}
    return {**published, "returns": dict(_host.call("returns", asked)) if published.get("jid") else {}}


def command(
    kind: str, fun: str, arg: Sequence[Any] = (), kwarg: Mapping[str, Any] | None = None, *, timeout: float = 60
) -> dict[str, Any]:
    """Run a runner or a wheel function (`kind`) on the master: `{"return", "retcode", "success", "jid"}`.

    `timeout` is how many seconds a minion waits for its master's answer.
    """
    fields = {"kind": kind, "fun": fun, "arg": list(arg), "kwarg": dict(kwarg or {}), "timeout": timeout}
    return dict(_host.call("command", fields))


def match(tgt: Any, tgt_type: str = "glob", *, delimiter: str = ":") -> dict[str, list[str]]:
    """Which minions a target names, as the master knows them: `{"minions", "missing"}`. Nothing is sent."""
    return dict(_host.call("match", {"tgt": tgt, "tgt_type": tgt_type, "delimiter": delimiter}))


def cancel(jid: str, minions: Sequence[str] | None = None) -> dict[str, bool]:
    """Have a job wait no longer for these minions, or (None) for any: for whom it waited, and whether it was sent."""
    return dict(_host.call("cancel", {"jid": jid, "minions": None if minions is None else list(minions)}))


def presence(
    ids: Sequence[str] | None = None, *, ask: bool = False, patience: float | None = None
) -> dict[str, dict[str, Any]]:
    """What the master knows of who is here: of ``ids``, or of all, ``{id: {"present", "since", "seen", …}}``.

    `present` is None while nobody knows. With `ask`, those of whom it is not certain are asked first, and given
    `patience` seconds.
    """
    return dict(_host.call("presence", {"ids": None if ids is None else list(ids), "ask": ask, "patience": patience}))


def bank(op: str, bank: str, key: str | None = None, data: Any = None) -> bool:
    """Change what the master keeps: `op` is `store`, or `flush` of one key, or (without) of a whole bank."""
    return bool(_host.call("bank", {"op": op, "bank": bank, "key": key, "data": data}))


def make_token(*, eauth: str, username: str, password: str, token_expire: Any = None) -> dict[str, Any]:
    """A new token for whom the backend vouches, and what the master keeps of it; empty when it does not."""
    fields = {"eauth": eauth, "username": username, "password": password, "token_expire": token_expire}
    return dict(_host.call("token", {"op": "make", **fields}))


def drop_token(token: str) -> bool:
    """Have a token mean nothing from now on. Whether it meant something."""
    return bool(_host.call("token", {"op": "drop", "token": token}))


def reactor(op: str, *, event: str = "", reactors: Sequence[str] = (), value: bool = True) -> Any:
    """Of the master's reactor: `op` is `list`, `add` or `delete` (of `event`), `is_leader` or `set_leader`."""
    return _host.call("reactor", {"op": op, "event": event, "reactors": list(reactors), "value": value})


def progress(data: Any, *, number: int | None = None, tag: str | None = None) -> bool:
    """Tell who follows this job how far it is; `tag` is the last part of the event's tag, else `number` is."""
    return _tell("progress", {"data": data, "number": number, "tag": tag})


def doing(text: str) -> bool:
    """Say what this job is at, for whoever asks for it (`saltutil.find_job`): `state nginx-conf`. Nothing is sent."""
    return _tell("doing", {"text": text})


def hearer() -> int | None:
    """Which daemon of this job's life hears it now, None for none: the next one knows nothing of what `doing` said."""
    number: int | None = getattr(_host, "generation", 0)
    return number


def schedule(op: str, **kw: Any) -> Any:
    """Manage the daemon's schedule: `op` is `list`, `add`, `modify`, `delete`, `enable`, `run_job`, …"""
    return _host.call("schedule", {**kw, "op": op})


def beacons(op: str, **kw: Any) -> Any:
    """Manage the minion's beacons: `op` is `list`, `list_available`, `validate_beacon`, `add`, `modify`, `delete`, …"""
    return _host.call("beacons", {**kw, "op": op})


def refresh(what: str, *, wait: bool = False, timeout: float = 30, **kw: Any) -> bool:
    """Have the daemon renew `grains`, `pillar`, `modules`, `beacons` or `matchers`. True when it has, or will."""
    return _tell("refresh", {**kw, "what": what, "wait": wait, "timeout": timeout})


def _tell(kind: str, fields: dict[str, Any]) -> bool:
    try:
        return bool(_host.call(kind, fields))
    except HostGone:
        return False
