"""Clear commands of the network door: what stock's own `salt`, `salt-run` and `salt-key` ask, with a key from `CACHE`.

Only `ping` and `_auth` are for strangers, and they are `request_server`'s; everything here begins with who asks.
Our own commands come in by the local door. Tokens and external authentication are not offered.
Source of the shapes: stock Salt 3008.3; salt-wire.md section 12.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Mapping
from typing import Any

import structlog
import trio

from trisalt.bus.bus import Bus
from trisalt.bus.events import JobRefused, stamped
from trisalt.bus.requests import Caller, PublishRequest, RunnerRequest, WheelRequest
from trisalt.errors import AuthError, TargetError, TrisaltError
from trisalt.master.acl import AUTHORIZATION, Acl
from trisalt.master.auth import Allowance
from trisalt.master.jobcache import JobCache
from trisalt.wire import jid as jids
from trisalt.wire.envelope import EXCEPTION

log = structlog.get_logger()

AUTHENTICATION = {"name": "AuthenticationError", "message": "Authentication error occurred."}
# What in a wheel's load is not an argument of its function.
_NOT_ARGUMENTS = frozenset({"cmd", "fun", "arg", "kwarg", "user", "key", "token", "eauth", "username", "password"})
# What a refusal is called, by the credentials that were offered; the first that is there counts.
_REFUSALS = {
    "token": "TokenAuthenticationError",
    "eauth": "EauthAuthenticationError",
    "user": "UserAuthenticationError",
}
# Refusals that are logged and told, for each network address: strangers must not fill the log, or the bus.
REFUSALS_BURST, REFUSALS_PER_S = 20, 1.0

Load = Mapping[str, Any]


class ClearDesk:
    """Answers clear commands. `keys` are the known users' keys; `master_user`'s stands for root.

    `background` is where runners run on after their caller has been told how to follow them.
    """

    def __init__(
        self,
        bus: Bus,
        acl: Acl,
        keys: Mapping[str, str],
        *,
        master_user: str,
        job_cache: JobCache,
        background: trio.Nursery,
    ) -> None:
        self._bus = bus
        self._acl = acl
        self._keys = {user: key.encode() for user, key in keys.items()}
        self._master_user = master_user
        self._job_cache = job_cache
        self._background = background
        self._last_jid: str | None = None
        self._refusals = Allowance(burst=REFUSALS_BURST, per_s=REFUSALS_PER_S)
        self._commands: dict[str, Callable[[Load, str], Any]] = {
            "publish": self._publish,
            "runner": self._runner,
            "wheel": self._wheel,
            "mk_token": self._mk_token,
            "get_token": self._get_token,
        }

    async def answer(self, cmd: str, load: Load, peer: str) -> object:
        """The value to answer with; `{}` for a command that is none."""
        command = self._commands.get(cmd)
        return {} if command is None else await command(load, peer)

    def caller(self, load: Load) -> str | None:
        """Who asks, by the key in the load; None for nobody.

        The master's own key speaks for whom it says, and so for root by way of sudo; a user's key for that user only.
        """
        offered, user = load.get("key"), load.get("user", "")
        if not isinstance(offered, str) or not isinstance(user, str):
            return None
        owner = None
        for name, key in self._keys.items():
            # Each is compared, and each in the same time.
            if hmac.compare_digest(key, offered.encode()):
                owner = name
        if owner == self._master_user:
            return user or owner
        return owner if owner is not None and user in ("", owner) else None

    # -- publish --------------------------------------------------------------------------------------------------

    async def _publish(self, load: Load, peer: str) -> object:
        kwargs = load.get("kwargs") or {}
        offered = _credentials(kwargs) if isinstance(kwargs, dict) else "user"
        user = self.caller(load) if offered == "user" and isinstance(kwargs, dict) else None
        if user is None:
            return await self._refused(load, peer, offered)
        if not _is_job(load):
            return EXCEPTION
        if "to" in load:
            kwargs = {**kwargs, "to": load["to"]}
        request = PublishRequest(
            tgt=load["tgt"],
            fun=load["fun"],
            arg=load["arg"],
            user=user,
            tgt_type=load.get("tgt_type", "glob"),
            ret=load.get("ret") or "",
            jid=load.get("jid") or "",
            kwargs=kwargs,
        )
        try:
            published = await self._bus.ask(request)
        except AuthError:
            return {"error": AUTHORIZATION}
        except TargetError as exc:
            # In stock's shape for nobody: its tools know no other for a target.
            return _clear({"jid": None, "minions": [], "error": f"Invalid target: {exc}"})
        except TrisaltError as exc:
            log.error("publish.failed", user=user, fun=load["fun"], reason=str(exc))
            return {"error": {"name": "PublishError", "message": str(exc)}}
        if published.jid is None:
            return _clear({"jid": None, "minions": published.minions, "error": published.error})
        kept = {name: getattr(request, name) for name in ("tgt", "tgt_type", "user", "fun", "arg", "ret")}
        kept |= {"jid": published.jid, "minions": published.minions}
        await trio.to_thread.run_sync(self._job_cache.write, kept, published.minions)
        return _clear({"jid": published.jid, "minions": published.minions, "missing": published.missing})

    async def _refused(self, load: Load, peer: str, offered: str) -> object:
        if self._complain(peer, "publish.denied", type=offered, user=str(load.get("user"))[:64]):
            await self._bus.publish(
                JobRefused(
                    tgt=load.get("tgt"),
                    tgt_type=str(load.get("tgt_type", "glob"))[:64],
                    fun=load.get("fun"),
                    user=str(load.get("user", ""))[:64],
                    error=AUTHENTICATION,
                )
            )
        return {"error": AUTHENTICATION}

    # -- runners and wheels ---------------------------------------------------------------------------------------

    async def _runner(self, load: Load, peer: str) -> object:
        user = self._operator(load, "runner")
        if user is None:
            return self._not_you(load, peer)
        arg, kwarg = _arguments(load)
        request = RunnerRequest(fun=load["fun"], jid=self._jid(), user=user, arg=arg, kwarg=kwarg)
        self._background.start_soon(self._run_on, request)
        return {"tag": f"salt/run/{request.jid}", "jid": request.jid}

    async def _run_on(self, request: RunnerRequest) -> None:
        try:
            await self._bus.ask(request)
        except TrisaltError as exc:
            # Its caller follows the bus; what a runner answers is told there, by `commands`.
            log.error("command.failed", fun=request.fun, jid=request.jid, reason=str(exc))

    async def _wheel(self, load: Load, peer: str) -> object:
        user = self._operator(load, "wheel")
        if user is None:
            return self._not_you(load, peer)
        arg, kwarg = _arguments(load)
        if "arg" not in load and "kwarg" not in load:
            kwarg = {name: value for name, value in load.items() if name not in _NOT_ARGUMENTS and name[:2] != "__"}
        request = WheelRequest(fun=load["fun"], jid=self._jid(), user=user, arg=arg, kwarg=kwarg)
        tag = f"salt/wheel/{request.jid}"
        data: dict[str, Any] = {"fun": f"wheel.{request.fun}", "jid": request.jid, "tag": tag, "user": user}
        try:
            outcome = await self._bus.ask(request)
        except TrisaltError as exc:
            data |= {"return": f"Exception occurred in wheel {request.fun}: {exc}", "success": False}
        else:
            data |= {"return": outcome.result, "success": outcome.success}
        return {"tag": tag, "data": {**data, "_stamp": stamped(time.time())}}

    def _operator(self, load: Load, kind: str) -> str | None:
        """Who asks for a runner or a wheel function, if they may."""
        fun = load.get("fun")
        user = self.caller(load) if _credentials(load) == "user" else None
        if user is None or not isinstance(fun, str):
            return None
        arg, kwarg = _arguments(load)
        return user if self._acl.judge_run(Caller(name=user), kind, fun, arg, kwarg) else None

    def _not_you(self, load: Load, peer: str) -> object:
        offered = _credentials(load)
        user = str(load.get("user", "UNKNOWN"))[:64]
        self._complain(peer, "command.denied", type=offered, user=user, fun=str(load.get("fun"))[:64])
        name = _REFUSALS[offered]
        message = f'Authentication failure of type "{offered}" occurred for user {user}.'
        return {"error": {"name": name, "message": message}}

    def _complain(self, peer: str, event: str, **facts: str) -> bool:
        """Log a refusal; whether it may be told, too. One address that asks on and on is only for debugging."""
        allowed = self._refusals.take(peer, time.monotonic())
        (log.warning if allowed else log.debug)(event, peer=peer, **facts)
        return allowed

    def _jid(self) -> str:
        self._last_jid = jids.make(time.time(), last=self._last_jid)
        return self._last_jid

    # -- tokens ---------------------------------------------------------------------------------------------------

    async def _mk_token(self, _load: Load, peer: str) -> object:
        self._complain(peer, "token.denied")
        return ""

    async def _get_token(self, load: Load, _peer: str) -> object:
        return {} if "token" in load else False


def _clear(load: dict[str, Any]) -> dict[str, Any]:
    return {"enc": "clear", "load": load}


def _credentials(load: Load) -> str:
    return next((name for name in ("token", "eauth") if name in load), "user")


def _is_job(load: Load) -> bool:
    fun = load.get("fun")
    return (
        (isinstance(fun, str) or (isinstance(fun, list) and all(isinstance(name, str) for name in fun)))
        and isinstance(load.get("arg"), list)
        and isinstance(load.get("tgt"), str | list)
        and all(isinstance(load.get(name) or "", str) for name in ("tgt_type", "ret", "jid"))
    )


def _arguments(load: Load) -> tuple[list[Any], dict[str, Any]]:
    arg, kwarg = load.get("arg"), load.get("kwarg")
    return (arg if isinstance(arg, list) else []), (kwarg if isinstance(kwarg, dict) else {})
