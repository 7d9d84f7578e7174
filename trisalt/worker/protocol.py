"""What a daemon and its worker children say to each other, and how it is framed.

Frames are a 4-byte big-endian length and one msgpack map, on the socket pair that each child has with its daemon;
never pickle. Both ends import this: the pool (Trio), the child, and `salt-call`, which is both in one process. Made
of the standard library's dataclasses: importing attrs would be a tenth of what `salt-call` costs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from operator import attrgetter
from typing import Any


class UpcallKind(StrEnum):
    """The closed table of what plugin code may ask its host for; `upcall.py` has one function for each.

    The fields of each kind are the keyword arguments of that function.
    """

    FIRE_EVENT = "fire_event"
    FIRE_MASTER = "fire_master"
    ASK_MASTER = "ask_master"
    RUNNING = "running"
    SIGNAL_JOB = "signal_job"
    PUBLISH = "publish"
    RETURNS = "returns"
    COMMAND = "command"
    MATCH = "match"
    PRESENCE = "presence"
    CANCEL = "cancel"
    TOKEN = "token"  # noqa: S105 - a name, no secret
    BANK = "bank"
    REACTOR = "reactor"
    PROGRESS = "progress"
    DOING = "doing"
    SCHEDULE = "schedule"
    BEACONS = "beacons"
    REFRESH = "refresh"


class Failure(StrEnum):
    """Why a call has no result of its own: its `Outcome.result` is then the text a stock minion answers."""

    MISSING = "missing"
    ARGUMENTS = "arguments"
    INVOCATION = "invocation"
    NOT_FOUND = "not_found"
    COMMAND = "command"
    EXCEPTION = "exception"


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One job for a child: a plugin function, or several (`fun` a list, `arg` a list of lists).

    `arg` is as it came with the publication: positional values, and maps marked `__kwarg__`; `kwarg` is added to
    those. `kind` is the plugin kind whose function it is. `pub` is what functions with `**kwargs` are given as
    `__pub_<key>`. `load` is the rest of the return load (`cmd`, `id`, `fun_args`, …): a spool file is this map
    with the outcome in it, ready to be sent.
    """

    fun: Any
    jid: str
    arg: list[Any] = field(default_factory=list)
    kwarg: dict[str, Any] = field(default_factory=dict)
    kind: str = "modules"
    pub: dict[str, Any] = field(default_factory=dict)
    load: dict[str, Any] = field(default_factory=dict)
    executors: list[str] = field(default_factory=list)
    executor_opts: dict[str, Any] = field(default_factory=dict)
    ordered: bool = False

    def to_load(self, *, spooled: bool = True) -> dict[str, Any]:
        """The call as it goes to a child; one that writes no spool file has no use for `load`."""
        told = dict(zip(_CALL_FIELDS, _call_values(self), strict=True))
        if not spooled:
            del told["load"]
        return told


_CALL_FIELDS = tuple(one.name for one in fields(Call))
_call_values = attrgetter(*_CALL_FIELDS)


@dataclass(frozen=True, slots=True)
class Packed:
    """A large result as the child packed it: the daemon passes it on, and does not look inside."""

    data: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What became of a call. For several functions `result`, `retcode` and `success` are maps by function
    or, ordered, lists.

    `result` is `Packed` where whoever asked takes large ones so. `out` names the outputter the function asks for.
    `failure` tells a text of the loader or of the child from a result of the function. `spooled`: the whole return load
    is in the file that was asked for.
    """

    result: Any
    retcode: Any = 0
    success: Any = True
    out: str | None = None
    failure: str | None = None
    spooled: bool = False

    def to_load(self) -> dict[str, Any]:
        """The keys of a return load: `return`, `retcode`, `success`, and `out` where there is one."""
        load = {"return": self.result, "retcode": self.retcode, "success": self.success}
        if self.out is not None:
            load["out"] = self.out
        return load

    def briefly(self) -> dict[str, Any]:
        """What a log may say of it: the retcode, and that there is no such function; never what one returned."""
        missing = self.failure == Failure.MISSING and isinstance(self.result, str)
        return {"retcode": self.retcode, **({"reason": self.result} if missing else {})}


@dataclass(frozen=True, kw_only=True, slots=True)
class Upcall:
    """Plugin code asks its host: `kind` is an `UpcallKind`, `fields` its arguments, `jid` the job that asks."""

    kind: str
    fields: dict[str, Any]
    jid: str = ""
    fun: Any = ""
    pid: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """What a child needs for its dunders. The owner keeps one and makes a new one when something changes.

    A part is sent to a child once, and again only when it is another object than before, or `version` is another
    number. Extension directories stand in `opts`; `environ` is laid over the child's environment, where None takes a
    variable away.
    """

    opts: Mapping[str, Any]
    grains: Mapping[str, Any] = field(default_factory=dict)
    pillar: Mapping[str, Any] = field(default_factory=dict)
    environ: Mapping[str, str | None] = field(default_factory=dict)
    version: int = 0
