"""Who somebody is that the kernel does not know: names and passwords, and the tokens made of them.

`LoginRequest`, `TokenRequest` and their kin come from both doors and from runners. A backend (a plugin of the kind
`auth`) is asked in a worker of its own, which can be killed; here everybody waits: who is wrong, for a while, and who
is wrong often, without being asked at all. What somebody may is `acl`'s.
Tokens stand in the bank `tokens` under their digest, so that who reads the store has none.
"""

from __future__ import annotations

import hashlib
import random
import re
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import structlog
import trio

from trisalt.bus.bus import Bus, Reply
from trisalt.bus.caller import Caller
from trisalt.bus.event import Secret
from trisalt.bus.events import LoginDecided
from trisalt.bus.requests import (
    DropTokenRequest,
    FactorRequest,
    LoginRequest,
    ShowTokenRequest,
    TokenRequest,
    VouchRequest,
)
from trisalt.errors import TrisaltError, Unauthenticated, WorkerDied
from trisalt.master.acl import Acl
from trisalt.master.auth import Allowance
from trisalt.master.factors import FactorError, Factors, split_code
from trisalt.store.store import Banks
from trisalt.worker.pool import Workers
from trisalt.worker.protocol import Call

log = structlog.get_logger()

BANK = "tokens"
# How long a backend may take, how many are asked at a time, and how many may wait for one.
BACKEND_S, BACKENDS, WAITING = 30.0, 4, 64
# When somebody is told no: not earlier, and not at one and the same time.
REFUSED_AFTER_S, REFUSED_JITTER_S = 1.0, 0.5
# Failures of one name, and from one place, before a backend is asked no more; and how soon it is again.
NAME_BURST, NAME_PER_S = 10, 0.1
PEER_BURST, PEER_PER_S = 30, 0.2
# Wrong codes after a right password; one in five minutes is one chance in a thousand a day.
CODE_BURST, CODE_PER_S = 5, 1 / 300
# Failures from one place that are logged and told, and how many strangers are made to wait at a time.
TOLD_BURST, TOLD_PER_S, MADE_TO_WAIT = 20, 1.0, 512
LONGEST_NAME, LONGEST_PASSWORD = 256, 4096
# Whom these vouch for nobody knows by a password, and nobody of the others is vouched for without one.
VOUCHED = frozenset({"oidc", "proxy"})
EXPIRED_EVERY_S = 3600.0
_TOKEN = re.compile(r"[0-9a-f]{64}")


@attrs.frozen(kw_only=True)
class LoginRules:
    """What the configuration says about logins; the names are stock's options."""

    external_auth: Mapping[str, Any] = attrs.field(factory=dict)
    token_expire: int = 43200
    token_expire_user_override: Any = False
    keep_acl_in_token: bool = False
    totp: bool = False

    @classmethod
    def from_opts(cls, opts: Mapping[str, Any]) -> LoginRules:
        """The options of the same names; one that is not set keeps its default."""
        values = {field.name: opts.get(field.name) for field in attrs.fields(cls)}
        return cls(**{name: value for name, value in values.items() if value is not None})

    def lifetime(self, caller: Caller, wanted: object) -> float:
        """Seconds that a token is good for: as configured, or as its owner wants who may say so."""
        override = self.token_expire_user_override
        may = override is True or (isinstance(override, Mapping) and caller.name in (override.get(caller.eauth) or ()))
        if may and isinstance(wanted, int | float) and not isinstance(wanted, bool) and wanted > 0:
            return float(wanted)
        return float(self.token_expire)


async def serve_logins(
    bus: Bus,
    workers: Workers,
    banks: Banks,
    acl: Acl,
    *,
    rules: Callable[[], LoginRules],
    factors: Factors | None = None,
    clock: Callable[[], float] = time.time,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Answer until cancelled, each in a task of its own: with a `Caller`, or with what a token says; or fail with
    `Unauthenticated`, which tells nobody why. `factors` count where the rules say so. `clock` is wall time."""
    desk = _Desk(bus, workers, banks, acl, rules, factors, clock)
    kinds = (LoginRequest, TokenRequest, ShowTokenRequest, DropTokenRequest, FactorRequest, VouchRequest)
    async with bus.claim(*kinds) as requests, trio.open_nursery() as answers:
        answers.start_soon(desk.forget_expired)
        task_status.started()
        async for request, reply in requests:
            answers.start_soon(desk.answer, request, reply)


class _Desk:
    def __init__(
        self,
        bus: Bus,
        workers: Workers,
        banks: Banks,
        acl: Acl,
        rules: Callable[[], LoginRules],
        factors: Factors | None,
        clock: Callable[[], float],
    ) -> None:
        self._bus = bus
        self._workers = workers
        self._banks = banks
        self._acl = acl
        self._rules = rules
        self._factors = factors
        self._clock = clock
        # Apart from the pool's own limits: who waits for a backend keeps nobody from a pillar.
        self._limit = trio.CapacityLimiter(BACKENDS)
        self._names = Allowance(burst=NAME_BURST, per_s=NAME_PER_S)
        self._peers = Allowance(burst=PEER_BURST, per_s=PEER_PER_S)
        self._codes = Allowance(burst=CODE_BURST, per_s=CODE_PER_S)
        self._told = Allowance(burst=TOLD_BURST, per_s=TOLD_PER_S)
        self._made_to_wait = 0

    async def answer(
        self,
        request: LoginRequest | TokenRequest | ShowTokenRequest | DropTokenRequest | FactorRequest | VouchRequest,
        reply: Reply,
    ) -> None:
        try:
            match request:
                case LoginRequest(token=Secret() as token):
                    reply.send(await self._bearer(token, request.peer))
                case LoginRequest():
                    reply.send(await self._login(request))
                case TokenRequest():
                    reply.send(await self._make_token(request))
                case ShowTokenRequest():
                    reply.send(await self._read(request.token) or {})
                case DropTokenRequest():
                    reply.send(await self._drop(request.token))
                case VouchRequest():
                    reply.send(await self._vouch(request))
                case FactorRequest():
                    reply.send(await self._factor(request))
        except TrisaltError as exc:
            reply.fail(exc)
        except Exception as exc:
            log.error("login.failed", exc_info=exc)
            reply.fail(Unauthenticated())

    # -- names and passwords --------------------------------------------------------------------------------------

    async def _login(self, request: LoginRequest | TokenRequest) -> Caller:
        start = trio.current_time()
        request, code = self._with_code(request)
        name, eauth, peer = request.username, request.eauth, request.peer
        reason = self._unfit(request) or self._worn_out(request)
        caller = Caller(name=name, eauth=eauth)
        if not reason:
            reason, caller = await self._ask_backend(request)
            if not reason and code is not None:
                # After the password, so that a code is not used up by who does not know it; and told no differently.
                reason = await self._judge_code(eauth, name, code)
            if reason:
                # Only who was really asked about counts: nobody is kept out by what they were not told.
                self._names.take(f"{eauth}/{name}", trio.current_time())
                self._peers.take(peer, trio.current_time())
        if not reason:
            log.info("login.accepted", user=name, eauth=eauth, peer=peer)
            await self._bus.publish(LoginDecided(result=True, user=name, eauth=eauth, peer=peer))
            return caller
        await self._told_no(name, eauth, peer, reason)
        await self._make_wait(start)
        raise Unauthenticated()

    async def _judge_code(self, eauth: str, name: str, code: str) -> str:
        """Why a code is not good. Who knows the password already may not go through a million of them."""
        key, now = f"{eauth}/{name}", trio.current_time()
        if self._codes.spent(key, now):
            return "too many wrong codes of this name"
        assert self._factors is not None
        reason = await self._factors.why_not(eauth, name, code)
        if reason and code:
            self._codes.take(key, now)
        return reason

    def _with_code(self, request: LoginRequest | TokenRequest) -> tuple[LoginRequest | TokenRequest, str | None]:
        """The request with the password alone, and the code that is to be right; None where none is asked for."""
        if not self._rules().totp or self._factors is None or not self._factors.wants(request.eauth, request.username):
            return request, None
        if request.code is not None:
            return request, request.code.reveal()
        password, code = split_code(request.password.reveal())
        return attrs.evolve(request, password=Secret(password)), code

    async def _make_wait(self, start: float) -> None:
        """Whoever guesses learns nothing from how long it took, and not much in an hour. A flood is let go at once."""
        if self._made_to_wait >= MADE_TO_WAIT:
            return
        self._made_to_wait += 1
        try:
            jitter = random.random() * REFUSED_JITTER_S  # noqa: S311 - no secret
            await trio.sleep_until(start + REFUSED_AFTER_S + jitter)
        finally:
            self._made_to_wait -= 1

    def _unfit(self, request: LoginRequest | TokenRequest) -> str:
        """Why this is not even asked; empty when it is."""
        name, password = request.username, request.password.reveal()
        if request.eauth not in self._rules().external_auth:
            return f'the eauth system "{request.eauth}" is not enabled'
        if request.eauth in VOUCHED:
            return f'the eauth system "{request.eauth}" knows no passwords'
        if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
            return "the name is empty, too long, or no name"
        if not 0 < len(password) <= LONGEST_PASSWORD or "\0" in password:
            return "the password is empty, too long, or holds a null byte"
        return ""

    def _worn_out(self, request: LoginRequest | TokenRequest) -> str:
        now = trio.current_time()
        if self._names.spent(f"{request.eauth}/{request.username}", now):
            return "too many failures of this name"
        if self._peers.spent(request.peer, now):
            return "too many failures from there"
        if self._limit.statistics().tasks_waiting >= WAITING:
            return "too many logins at a time"
        return ""

    async def _ask_backend(self, request: LoginRequest | TokenRequest) -> tuple[str, Caller]:
        """Why the backend does not vouch for them, empty when it does; and them, with their groups, and with the
        permissions where the backend has these too."""
        auth, groups, acl = (f"{request.eauth}.{function}" for function in ("auth", "groups", "acl"))
        # As keywords: a password may look like anything.
        named = {"__kwarg__": True, "username": request.username}
        whole = {**named, "password": request.password.reveal()}
        # Where they are, for who wants to know (`__pub_peer`): rules of PAM may be about that.
        pub = {"peer": request.peer}
        call = Call(fun=[auth, groups, acl], jid="", arg=[[whole], [named], [whole]], kind="auth", pub=pub)
        nobody = Caller(name=request.username, eauth=request.eauth)
        outcome = None
        try:
            with trio.move_on_after(BACKEND_S):
                async with self._limit:
                    outcome = await self._workers.run_job(call, outlives=False)
        except WorkerDied as exc:
            return f"the backend died: {exc}", nobody
        if outcome is None:
            return f"the backend did not answer within {BACKEND_S:g} s", nobody
        verified = outcome.result.get(auth)
        if outcome.retcode.get(auth):
            # What it says may hold what it was given.
            said = str(verified).replace(request.password.reveal(), "…").strip().splitlines()
            return f"the backend failed: {said[-1] if said else 'without a word'}", nobody
        if verified is not True and not (verified and isinstance(verified, str | int)):
            return "the backend does not vouch for them", nobody
        known, rows = (
            outcome.result.get(fun)
            if not outcome.retcode.get(fun) and isinstance(outcome.result.get(fun), list)
            else None
            for fun in (groups, acl)
        )
        return "", attrs.evolve(nobody, groups=tuple(str(group) for group in known or ()), rows=rows)

    async def _told_no(self, name: str, eauth: str, peer: str, reason: str) -> None:
        """Log and tell it. Of one place that asks on and on, only now and then: strangers must not fill the log."""
        facts: dict[str, Any] = {"user": name[:64], "eauth": eauth[:64], "peer": peer, "reason": reason}
        if not self._told.take(peer, trio.current_time()):
            log.debug("login.refused", **facts)
            return
        log.warning("login.refused", **facts)
        await self._bus.publish(LoginDecided(result=False, **facts))

    # -- second factors ---------------------------------------------------------------------------------------------

    async def _factor(self, request: FactorRequest) -> Any:
        """What `master/factors` answers. Who is no administrator shows that it is they, each time that it matters."""
        factors, whose = self._factors, (request.eauth, request.username)
        if factors is None or not self._rules().totp:
            raise FactorError("There are no second factors here: the option totp is off")
        match request.act:
            case "status":
                return factors.status(*whose)
            case "list" if request.trusted:
                return factors.list()
            case "begin":
                if not request.trusted:
                    await self._login(_proof(request))
                elif request.eauth not in self._rules().external_auth:
                    raise FactorError(f'The eauth system "{request.eauth}" is not enabled')
                return factors.begin(*whose)
            case "confirm":
                return await factors.confirm(*whose, _revealed(request.code))
            case "remove":
                if not request.trusted:
                    # The password, and a code: a session that somebody found open is not enough.
                    await self._login(_proof(request))
                return {"removed": await factors.remove(*whose)}
        raise FactorError("What is asked about second factors is status, begin, confirm or remove")

    # -- tokens ---------------------------------------------------------------------------------------------------

    async def _make_token(self, request: TokenRequest) -> dict[str, Any]:
        """A new token for who logs in, as stock tells it: the one time that it is told."""
        return await self._token_for(await self._login(request), request.token_expire, request.peer)

    async def _vouch(self, request: VouchRequest) -> dict[str, Any]:
        """The same for who comes without a password, because somebody else has seen who they are."""
        name, eauth = request.username, request.eauth
        reason = ""
        if eauth not in VOUCHED or eauth not in self._rules().external_auth:
            reason = f'the eauth system "{eauth}" is not enabled'
        elif not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
            reason = "the name is empty, too long, or no name"
        if reason:
            await self._told_no(name, eauth, request.peer, reason)
            raise Unauthenticated()
        log.info("login.accepted", user=name, eauth=eauth, peer=request.peer)
        await self._bus.publish(LoginDecided(result=True, user=name, eauth=eauth, peer=request.peer))
        caller = Caller(name=name, eauth=eauth, groups=request.groups)
        return await self._token_for(caller, request.token_expire, request.peer)

    async def _token_for(self, caller: Caller, token_expire: object, peer: str) -> dict[str, Any]:
        rules, now = self._rules(), self._clock()
        token = secrets.token_hex(32)
        lifetime = rules.lifetime(caller, token_expire)
        kept: dict[str, Any] = {"start": now, "expire": now + lifetime, "name": caller.name, "eauth": caller.eauth}
        if caller.groups:
            kept["groups"] = list(caller.groups)
        if caller.rows is not None:
            # Without a password nobody can ask the backend again.
            kept["backend_acl"] = caller.rows
        if rules.keep_acl_in_token:
            kept["auth_list"] = self._acl.rows_of(caller)
        await self._banks.store(BANK, _digest(token), kept)
        log.info("token.made", user=caller.name, eauth=caller.eauth, peer=peer, lifetime_s=lifetime)
        return {"token": token, **kept}

    async def _bearer(self, token: Secret, peer: str) -> Caller:
        kept = await self._read(token)
        if kept is None:
            await self._told_no("", "", peer, "the token is unknown or has expired")
            raise Unauthenticated()
        rules = self._rules()
        if kept["eauth"] not in rules.external_auth:
            await self._told_no(kept["name"], kept["eauth"], peer, "the token's eauth system is not enabled any more")
            raise Unauthenticated()
        rows = kept.get("auth_list") if rules.keep_acl_in_token else None
        rows = kept.get("backend_acl") if rows is None else rows
        return Caller(name=kept["name"], eauth=kept["eauth"], groups=tuple(kept.get("groups") or ()), rows=rows)

    async def _read(self, token: Secret) -> dict[str, Any] | None:
        """What a token says; None for one that is unknown or has expired."""
        text = token.reveal()
        if not isinstance(text, str) or not _TOKEN.fullmatch(text):
            return None
        kept = await self._banks.fetch(BANK, _digest(text))
        return kept if isinstance(kept, dict) and kept["expire"] > self._clock() else None

    async def _drop(self, token: Secret) -> bool:
        kept = await self._read(token)
        if kept is None:
            return False
        await self._banks.flush(BANK, _digest(token.reveal()))
        log.info("token.dropped", user=kept["name"], eauth=kept["eauth"])
        return True

    async def forget_expired(self) -> None:
        """Drop what is good for nothing any more, now and then."""
        while True:
            try:
                for key, kept in (await self._banks.fetch_all(BANK)).items():
                    if kept["expire"] <= self._clock():
                        await self._banks.flush(BANK, key)
            except TrisaltError as exc:
                log.warning("token.not_forgotten", reason=str(exc))
            await trio.sleep(EXPIRED_EVERY_S)


def _proof(request: FactorRequest) -> LoginRequest:
    code = request.code or Secret("")
    password = request.password or Secret("")
    return LoginRequest(eauth=request.eauth, username=request.username, password=password, code=code, peer=request.peer)


def _revealed(secret: Secret | None) -> str:
    return "" if secret is None else str(secret.reveal())


def _digest(token: str) -> str:
    """Under what a token is kept. It is 256 random bits: a quick digest hides it well."""
    return hashlib.sha256(token.encode()).hexdigest()
