"""Clear commands of the network door: what stock's own `salt`, `salt-run` and `salt-key` ask.

Only `ping` and `_auth` are for strangers, and they are `request_server`'s; everything here begins with who asks: by a
key from `CACHE`, or by what `login` vouches for. Our own commands come in by the local door.
Source of the shapes: stock Salt 3008.3.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Mapping
from typing import Any

import structlog
import trio

from trisalt.bus.bus import Bus
from trisalt.bus.caller import Caller
from trisalt.bus.event import Secret, stamped
from trisalt.bus.events import JobRefused
from trisalt.bus.requests import (
    LoginRequest,
    PublishRequest,
    RunnerRequest,
    ShowTokenRequest,
    TokenRequest,
    WheelRequest,
)
from trisalt.errors import AuthError, TargetError, TrisaltError
from trisalt.master.acl import AUTHORIZATION, Acl, refuse_run
from trisalt.master.auth import Allowance
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
        background: trio.Nursery,
    ) -> None:
        self._bus = bus
        self._acl = acl
        self._keys = {user: key.encode() for user, key in keys.items()}
        self._master_user = master_user
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

    async def caller(self, load: Load, shown: Load, peer: str) -> Caller | None:
        """Who asks, by the token, or the name and password, or the key that they show; None for nobody.

        Only the first of these that is there counts.
        """
        match _credentials(shown):
            case "token" if isinstance(shown["token"], str):
                wanted = LoginRequest(token=Secret(shown["token"]), peer=peer)
            case "eauth" if (login := _login(shown)) is not None:
                wanted = LoginRequest(**login, peer=peer)
            case "user" if (name := self.owner(load)) is not None:
                return Caller(name=name)
            case _:
                return None
        try:
            caller: Caller = await self._bus.ask(wanted)
        except AuthError:
            return None
        return caller

    def owner(self, load: Load) -> str | None:
        """Whose key is in the load; None for nobody's.

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
        shown = kwargs if isinstance(kwargs, dict) else {}
        caller = await self.caller(load, shown, peer) if isinstance(kwargs, dict) else None
        if caller is None:
            return await self._refused(load, peer, _credentials(shown))
        if not _is_job(load):
            return EXCEPTION
        kwargs = {name: value for name, value in kwargs.items() if name not in _NOT_ARGUMENTS}
        if "to" in load:
            kwargs["to"] = load["to"]
        request = PublishRequest(
            tgt=load["tgt"],
            fun=load["fun"],
            arg=load["arg"],
            user=caller.name,
            caller=caller,
            tgt_type=load.get("tgt_type", "glob"),
            ret=load.get("ret") or "",
            jid=load.get("jid") or "",
            kwargs=kwargs,
            laid_down=True,
        )
        try:
            published = await self._bus.ask(request)
        except AuthError:
            return {"error": AUTHORIZATION}
        except TargetError as exc:
            # In stock's shape for nobody: its tools know no other for a target.
            return _clear({"jid": None, "minions": [], "error": f"Invalid target: {exc}"})
        except TrisaltError as exc:
            log.error("publish.failed", user=caller.name, fun=load["fun"], reason=str(exc))
            return {"error": {"name": "PublishError", "message": str(exc)}}
        if published.jid is None:
            return _clear({"jid": None, "minions": published.minions, "error": published.error})
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
        arg, kwarg = _arguments(load)
        caller, refusal = await self._operator(load, peer, "runner", arg, kwarg)
        if caller is None:
            return refusal
        request = RunnerRequest(fun=load["fun"], jid=self._jid(), user=caller.name, arg=arg, kwarg=kwarg, caller=caller)
        self._background.start_soon(self._run_on, request)
        return {"tag": f"salt/run/{request.jid}", "jid": request.jid}

    async def _run_on(self, request: RunnerRequest) -> None:
        try:
            await self._bus.ask(request)
        except TrisaltError as exc:
            # Its caller follows the bus; what a runner answers is told there, by `commands`.
            log.error("command.failed", fun=request.fun, jid=request.jid, reason=str(exc))

    async def _wheel(self, load: Load, peer: str) -> object:
        arg, kwarg = _arguments(load)
        if "arg" not in load and "kwarg" not in load:
            kwarg = {name: value for name, value in load.items() if name not in _NOT_ARGUMENTS and name[:2] != "__"}
        caller, refusal = await self._operator(load, peer, "wheel", arg, kwarg)
        if caller is None:
            return refusal
        user = caller.name
        request = WheelRequest(fun=load["fun"], jid=self._jid(), user=user, arg=arg, kwarg=kwarg, caller=caller)
        tag = f"salt/wheel/{request.jid}"
        data: dict[str, Any] = {"fun": f"wheel.{request.fun}", "jid": request.jid, "tag": tag, "user": user}
        try:
            outcome = await self._bus.ask(request)
        except TrisaltError as exc:
            data |= {"return": f"Exception occurred in wheel {request.fun}: {exc}", "success": False}
        else:
            data |= {"return": outcome.result, "success": outcome.success}
        return {"tag": tag, "data": {**data, "_stamp": stamped(time.time())}}

    async def _operator(
        self, load: Load, peer: str, kind: str, arg: list[Any], kwarg: dict[str, Any]
    ) -> tuple[Caller | None, object]:
        """Who asks for a runner or a wheel function, if they may; else what to answer."""
        fun = load.get("fun")
        caller = await self.caller(load, load, peer)
        if caller is None or not isinstance(fun, str):
            return None, self._not_you(load, peer)
        verdict = self._acl.judge_run(caller, kind, fun, arg, kwarg)
        if verdict:
            return caller, None
        await refuse_run(self._bus, caller, fun=f"{kind}.{fun}", reason=verdict.reason)
        return None, _refusal(load, caller.name)

    def _not_you(self, load: Load, peer: str) -> object:
        user = str(load.get("user", "UNKNOWN"))[:64]
        self._complain(peer, "command.denied", type=_credentials(load), user=user, fun=str(load.get("fun"))[:64])
        return _refusal(load, user)

    def _complain(self, peer: str, event: str, **facts: str) -> bool:
        """Log a refusal; whether it may be told, too. One address that asks on and on is only for debugging."""
        allowed = self._refusals.take(peer, time.monotonic())
        (log.warning if allowed else log.debug)(event, peer=peer, **facts)
        return allowed

    def _jid(self) -> str:
        self._last_jid = jids.make(time.time(), last=self._last_jid)
        return self._last_jid

    # -- tokens ---------------------------------------------------------------------------------------------------

    async def _mk_token(self, load: Load, peer: str) -> object:
        login = _login(load)
        if login is None:
            self._complain(peer, "token.denied")
            return ""
        try:
            token: object = await self._bus.ask(TokenRequest(**login, token_expire=load.get("token_expire"), peer=peer))
        except AuthError:
            return ""
        return token

    async def _get_token(self, load: Load, _peer: str) -> object:
        if "token" not in load:
            return False
        return await self._bus.ask(ShowTokenRequest(token=Secret(load["token"])))


def _login(load: Load) -> dict[str, Any] | None:
    """The fields of a `LoginRequest`, where they are all there."""
    match load:
        case {"eauth": str() as eauth, "username": str() as name, "password": str() as password}:
            return {"eauth": eauth, "username": name, "password": Secret(password)}
    return None


def _refusal(load: Load, user: str) -> dict[str, Any]:
    """What who may not run a runner or a wheel function is told."""
    offered = _credentials(load)
    message = f'Authentication failure of type "{offered}" occurred for user {user}.'
    return {"error": {"name": _REFUSALS[offered], "message": message}}


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
