"""Whether somebody may do something, and by which of their permissions: the commonest question about permissions."""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import trio

from trisalt.bus.caller import Caller
from trisalt.errors import Denied, RemoteProtocolError
from trisalt.master.grants import RUNNER, WHEEL, on_approval, read_grants
from trisalt.master.questions import field
from trisalt.master.sight import Sight, Sights
from trisalt.master.views.desk import Desk

# A client of the API is one of three kinds of command.
_RUNS = {"runner": RUNNER, "runner_async": RUNNER, "wheel": WHEEL, "wheel_async": WHEEL}


async def explain(desk: Desk, sight: Sight, question: Mapping[str, Any]) -> dict[str, Any]:
    """`{allowed, because, rule}` for `user`, `eauth`, `client`, `fun`, `tgt`, `tgt_type`, `arg`, `kwarg`.

    Everybody may ask about themselves; about others, who may do everything, or is granted `@audit`. `rule` is the
    first permission that allows it by itself, as it stands in the configuration.
    """
    user, eauth = field(question, "user", str, ""), field(question, "eauth", str, "")
    caller = sight.caller
    if user and (user, eauth) != (caller.name, caller.eauth):
        if "audit" not in desk.acl.rooms(caller):
            raise Denied(f"The user {caller.name} may ask about themselves only")
        caller = Caller(name=user, eauth=eauth, groups=await _groups(user, eauth))
    if desk.acl.is_admin(caller):
        verdict = desk.acl.judge_publish(caller, field(question, "fun", str), [])
        if not verdict and field(question, "client", str, "local") not in _RUNS:
            return {"allowed": False, "because": verdict.reason, "rule": None}
        return {"allowed": True, "because": f"{caller.name} is an administrator of this master", "rule": None}
    return await _judge(desk, caller, question)


async def _judge(desk: Desk, caller: Caller, question: Mapping[str, Any]) -> dict[str, Any]:
    rows = desk.acl.rows_of(caller)
    because = await _why_not(desk, caller, question, None)
    if not because:
        for row in rows:
            if not await _why_not(desk, caller, question, [row]):
                return {"allowed": True, "because": "it is granted", "rule": row}
        return {"allowed": True, "because": "several permissions together grant it", "rule": rows}
    if not rows:
        because = "nothing is granted to this user"
    elif on_approval(rows) and not await _why_not(desk, desk.acl.approved(caller), question, None):
        because = f"{because}; it is granted with somebody's approval"
    problems = read_grants(rows).problems
    return {"allowed": False, "because": "; ".join([because, *problems]), "rule": None}


async def _why_not(desk: Desk, caller: Caller, question: Mapping[str, Any], rows: Sequence[Any] | None) -> str:
    """Why not; with these permissions alone where there are `rows`."""
    if rows is not None:
        caller = attrs.evolve(caller, rows=list(rows))
    fun, arg = field(question, "fun", str), field(question, "arg", list, [])
    kwarg = field(question, "kwarg", dict, {})
    client = field(question, "client", str, "local")
    if client in _RUNS:
        return desk.acl.judge_run(caller, _RUNS[client], fun, arg, kwarg).reason
    if not client.startswith("local"):
        raise RemoteProtocolError(f"{client!r} is no client")
    seen = await Sights(desk.acl, desk.minions).of(caller)
    tgt, tgt_type = field(question, "tgt", (str, list), "*"), field(question, "tgt_type", str, "glob")
    minions, _missing = await desk.minions.resolve_for(tgt, tgt_type, exact=True)
    return seen.why_not(fun, [*arg, {"__kwarg__": True, **kwarg}] if kwarg else arg, minions)


async def _groups(user: str, eauth: str) -> tuple[str, ...]:
    """The groups of an account of this host; what other backends know of groups they tell at a login only."""
    if eauth != "pam":
        return ()
    return await trio.to_thread.run_sync(_account_groups, user)


def _account_groups(user: str) -> tuple[str, ...]:
    try:
        numbers = os.getgrouplist(user, pwd.getpwnam(user).pw_gid)
    except (KeyError, OSError):
        return ()
    names = []
    for number in numbers:
        try:
            names.append(grp.getgrgid(number).gr_name)
        except KeyError:
            continue
    return tuple(names)
