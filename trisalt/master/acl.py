"""Who may ask for what: the one gate that both doors, minions, and whoever publishes for somebody else, go through.

A door says who the caller is (the kernel's word, a key, or what `login` vouches for); this says what the caller may.
Names of administrators: `root`, the account the master runs as (configured, or in fact), and `sudo_<name>`, which a
door gives only to somebody who is root. What a list of permissions means is `grants`'; whom a target names `minions`'.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs
import structlog

from trisalt.bus.bus import Bus
from trisalt.bus.caller import Caller
from trisalt.bus.events import CommandRefused, JobRefused
from trisalt.errors import Denied
from trisalt.master.grants import APPROVER, RUNNER, Grants, name_pattern, on_approval, read_grants

log = structlog.get_logger()

# Always allowed to whoever may publish at all: it tells nothing but whether a job runs.
# Source: stock Salt 3008.3, the master's publish.
ALWAYS_PUBLISHED = frozenset({"saltutil.find_job"})
# Keys of a job that do things by themselves: a returner that is told where to write, an executor that is told how to
# run. Who may run one function may not have another done beside it.
JUDGED_KEYS = frozenset({"ret_config", "ret_kwargs", "module_executors", "executor_opts"})
# What a minion may never have others do: it would go on for ever.
_RECURSIVE = "publish."
# Parts of a console: the events of everybody, firing events by a hook, figures of the service, who did what.
ROOMS = ("events", "hook", "stats", "audit")
AUTHORIZATION = {"name": "AuthorizationError", "message": "Authorization error occurred."}
# Permissions that have been read, for so many callers.
CALLERS = 4096


@attrs.frozen(kw_only=True)
class Verdict:
    """What the gate says. `reason` is for the log, never for the caller.

    `within`: of each function that is granted on some minions only, the targets (compound) on which it is. It may be
    sent to minions that these name, and to no other.
    """

    allowed: bool
    reason: str = ""
    within: tuple[frozenset[str], ...] = ()

    def __bool__(self) -> bool:
        return self.allowed


YES = Verdict(allowed=True)


class Acl:
    """What a caller may do, by the options `publisher_acl`, `publisher_acl_blacklist`, `sudo_acl`, `external_auth`,
    `permissive_acl`, `peer` and `peer_run`, in stock's shapes."""

    def __init__(self, *, master_user: str | None = None, **options: Any) -> None:
        # Who runs the master can read and change all it does, whatever the configuration calls them.
        self._admins = {"root", _account(os.geteuid())} | ({master_user} if master_user else set())
        self.grant(options)

    def grant(self, options: Mapping[str, Any]) -> None:
        """Take these options from now on: the configuration may be read again while the master runs."""
        self._users = _map(options.get("publisher_acl"))
        self._backends = _map(options.get("external_auth"))
        self._peers = _map(options.get("peer"))
        self._peer_runners = _map(options.get("peer_run"))
        self._sudo_acl = options.get("sudo_acl") is True
        self._permissive = options.get("permissive_acl") is True
        blacklist = _map(options.get("publisher_acl_blacklist"))
        self._blocked_users = _strings(blacklist.get("users"))
        self._blocked_functions = [
            name_pattern(pattern, in_doubt=True) for pattern in _strings(blacklist.get("modules"))
        ]
        self._read: dict[Caller, Grants] = {}

    def problems(self) -> list[str]:
        """What in the options grants nothing because it cannot be read."""
        lists = [(f"publisher_acl: {user}", rows) for user, rows in self._users.items()]
        for backend, users in self._backends.items():
            lists += [(f"external_auth: {backend}: {user}", rows) for user, rows in _people(users).items()]
        lists += [(f"peer: {ids}", rows) for ids, rows in self._peers.items()]
        return [f"{where}: {problem}" for where, rows in lists for problem in read_grants(rows).problems]

    # -- who ------------------------------------------------------------------------------------------------------

    def is_admin(self, caller: Caller) -> bool:
        """Whether the caller may everything: root, the master's own account, root by way of sudo."""
        if caller.trusted:
            return True
        if caller.eauth or caller.minion:
            return False
        return caller.name in self._admins or (caller.name.startswith("sudo_") and not self._sudo_acl)

    def grants_of(self, caller: Caller) -> Grants:
        """What was granted to somebody who is no administrator. It is read once for each caller."""
        if caller.rows is not None:
            return read_grants(self.rows_of(caller))
        grants = self._read.get(caller)
        if grants is None:
            if len(self._read) >= CALLERS:
                self._read.clear()
            grants = self._read[caller] = read_grants(self.rows_of(caller))
        return grants

    def rows_of(self, caller: Caller) -> list[Any]:
        """The permissions of a caller, as YAML gave them: those of their token, or the configured ones."""
        if caller.rows is not None:
            return _list(caller.rows)
        if caller.minion:
            published = [row for each in _matching(self._peers, caller.name) for row in _publications(each)]
            runners = _matching(self._peer_runners, caller.name)
            return published + ([{f"@{RUNNER}": runners}] if runners else [])
        if not caller.eauth:
            return _matching(self._users, caller.name.removeprefix("sudo_"))
        people = _people(self._backends.get(caller.eauth))
        rows: list[Any] = []
        named = False
        for name, granted in people.items():
            if name.endswith("%"):
                rows += _list(granted) if name.rstrip("%") in caller.groups else []
            elif name != "*" and name_pattern(name)(caller.name):
                named = True
                rows += _list(granted)
        if self._permissive or not named:
            rows += _list(people.get("*"))
        return rows

    # -- what -----------------------------------------------------------------------------------------------------

    def judge_publish(
        self, caller: Caller, fun: str | Sequence[str], arg: Any, further: Mapping[str, Any] | None = None
    ) -> Verdict:
        """Whether this job may go out, and where. Of a compound job, every function with its own arguments must.

        `further` are the job's further keys: those of `JUDGED_KEYS` are judged by their names, as functions are.
        """
        funs = [fun] if isinstance(fun, str) else list(fun)
        if not funs or not all(isinstance(name, str) for name in funs):
            return Verdict(allowed=False, reason="it names no function")
        refused = self._blacklisted(caller, funs)
        if refused:
            return Verdict(allowed=False, reason=refused)
        if self.is_admin(caller):
            return YES
        if caller.minion and any(name.startswith(_RECURSIVE) for name in funs):
            return Verdict(allowed=False, reason="a minion may not have others publish")
        grants = self.grants_of(caller)
        if not grants.publishes:
            return Verdict(allowed=False, reason="nothing is granted")
        within = []
        for number, name in enumerate(funs):
            if name in ALWAYS_PUBLISHED:
                continue
            places = grants.places(name, arg if isinstance(fun, str) else _own(arg, number))
            if places is not None and not places:
                return Verdict(allowed=False, reason=_not_granted(name, grants.mentions(name)))
            if places is not None:
                within.append(places)
        for name in JUDGED_KEYS & (further or {}).keys():
            places = grants.places(name, []) if further and further[name] else None
            if places is not None and not places:
                return Verdict(allowed=False, reason=f"{name} is not granted")
            if places is not None:
                within.append(places)
        return Verdict(allowed=True, within=tuple(dict.fromkeys(within)))

    def judge_run(
        self, caller: Caller, kind: str, fun: str, arg: Sequence[Any] = (), kwarg: Mapping[str, Any] | None = None
    ) -> Verdict:
        """Whether this runner or wheel function may be run: `kind` is `runner` or `wheel`, `fun` without it."""
        if self.is_admin(caller):
            return YES
        grants = self.grants_of(caller)
        if grants.runs(kind, fun, list(arg), kwarg):
            return YES
        return Verdict(allowed=False, reason=_not_granted(f"{kind}.{fun}", grants.mentions(fun, kind)))

    def may_follow(self, caller: Caller) -> bool:
        """Whether the caller may see the events of everybody, and fire events in the master's name."""
        return self.is_admin(caller)

    def may_resolve(self, caller: Caller) -> bool:
        """Whether the caller may ask which minions a target names: whoever may publish something."""
        return self.is_admin(caller) or self.grants_of(caller).publishes

    def may_see_status(self, caller: Caller) -> bool:
        """Whether the caller may see how the master is: whoever may run something on it."""
        return self.is_admin(caller) or self.grants_of(caller).commands_any

    def rooms(self, caller: Caller) -> list[str]:
        """The parts of a console that are granted by name (`@events`), to whoever may do everything all of them."""
        if self.is_admin(caller):
            return list(ROOMS)
        grants = self.grants_of(caller)
        return [name for name in ROOMS if grants.everything or grants.names(name)]

    def may_everything(self, caller: Caller) -> bool:
        """Whether the caller may send anything to any minion, and run anything on the master."""
        grants = self.grants_of(caller)
        runs = (grants.names(kind) or grants.names(f"{kind}s") for kind in ("runner", "wheel"))
        return self.is_admin(caller) or (grants.everything and all(runs))

    def may_approve(self, caller: Caller) -> bool:
        """Whether the caller may consent to what others are granted under `@approve`."""
        return self.is_admin(caller) or self.grants_of(caller).names(APPROVER)

    def approved(self, caller: Caller) -> Caller:
        """The caller as somebody has consented to: with what stands under `@approve` for them too, and no more."""
        rows = self.rows_of(caller)
        return attrs.evolve(caller, rows=[*rows, *on_approval(rows)])

    def _blacklisted(self, caller: Caller, funs: Iterable[str]) -> str:
        if not (self._blocked_users or self._blocked_functions):
            return ""
        if not caller.trusted:
            account = caller.name.removeprefix("sudo_")
            # Who is blocked by name stays blocked behind sudo; a pattern may well be meant to leave only sudo.
            blocked = (
                pattern == account or name_pattern(pattern, in_doubt=True)(caller.name)
                for pattern in self._blocked_users
            )
            if any(blocked):
                return "the user is on the blacklist"
        for name in funs:
            if caller.trusted and name in ALWAYS_PUBLISHED:
                continue
            if any(blocks(name) for blocks in self._blocked_functions):
                return f"{name} is on the blacklist"
        return ""


async def refuse_job(bus: Bus, caller: Caller, *, fun: Any, tgt: Any, tgt_type: str, reason: str) -> Denied:
    """Log and tell that a job was refused, without its arguments; the exception to raise."""
    facts = {"user": caller.name, "fun": fun, "tgt": tgt, "tgt_type": tgt_type}
    log.warning("publish.denied", type=_by(caller), **facts, reason=reason)
    eauth = caller.eauth or None
    refused = JobRefused(**facts, error=AUTHORIZATION, eauth=eauth, reason=reason, origin=caller.origin)
    await bus.publish(refused)
    return Denied(AUTHORIZATION["message"])


async def refuse_run(bus: Bus, caller: Caller, *, fun: str, reason: str) -> Denied:
    """The same for a runner or a wheel function; `fun` with its kind."""
    log.warning("command.denied", type=_by(caller), user=caller.name, fun=fun, reason=reason)
    eauth = caller.eauth or None
    await bus.publish(CommandRefused(fun=fun, user=caller.name, reason=reason, eauth=eauth, origin=caller.origin))
    return Denied(AUTHORIZATION["message"])


def _not_granted(name: str, mentioned: bool) -> str:
    return f"{name} is not granted{' with these arguments' if mentioned else ''}"


def _by(caller: Caller) -> str:
    return "eauth" if caller.eauth else "minion" if caller.minion else "user"


def _account(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid_{uid}"


def _own(arg: Any, number: int) -> Any:
    """The arguments of one function of a compound job; None when nobody could say what they are."""
    if not isinstance(arg, list | tuple):
        return None
    return arg[number] if number < len(arg) else []


def _matching(granted: Mapping[str, Any], name: str) -> list[Any]:
    return [row for pattern, rows in granted.items() if name_pattern(pattern)(name) for row in _list(rows)]


def _publications(row: Any) -> list[Any]:
    """What in a row is about publishing: `peer` is for that, and `peer_run` for runners."""
    if isinstance(row, Mapping):
        return [{key: item for key, item in row.items() if not str(key).startswith("@")}]
    return [] if str(row).startswith("@") else [row]


def _people(backend: Any) -> dict[str, Any]:
    """Who stands under a backend; what begins with `^` is an option of the backend."""
    return {str(name): rows for name, rows in _map(backend).items() if not str(name).startswith("^")}


def _map(value: Any) -> dict[str, Any]:
    return {str(key): item for key, item in value.items()} if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _strings(value: Any) -> tuple[str, ...]:
    return tuple(str(item) for item in _list(value))
