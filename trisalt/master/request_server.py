"""4506: open the envelope, ask the bus, seal the answer.

Every well-framed request is answered, in stock Salt's words. What a request means is its claimant's; who may come in
at all is decided here: the sender's key is accepted, its session live, its `tok` its own, and nothing comes twice.
Source of the refusals: stock Salt 3008.3; salt-wire.md section 8.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import structlog
import trio

from trisalt.bus.bus import Bus
from trisalt.bus.events import RequestAnswered
from trisalt.bus.requests import AuthRequest
from trisalt.errors import RemoteProtocolError
from trisalt.master.clear import ClearDesk
from trisalt.master.dispatch import Row, row_of
from trisalt.master.identity import Identity
from trisalt.master.sessions import AcceptedKeys, Sessions
from trisalt.wire import codec
from trisalt.wire.crypticle import Crypticle
from trisalt.wire.envelope import EXCEPTION, Request, parse_request
from trisalt.wire.handshake import Hello
from trisalt.wire.keys import PublicKey
from trisalt.wire.session import (
    Opened,
    ReplayWindow,
    named_sender,
    open_request,
    seal_private_reply,
    seal_reply,
    verify_load,
)

log = structlog.get_logger()

# Stock peers give up on a request after 60 s and ask again.
ANSWER_WITHIN_S = 60.0
# How far a request's `ts` may be from our clock when `request_server_ttl` does not say.
CLOCKS_APART_S = 300.0
# Signatures for pillars, at a time; RSA releases the interpreter.
RSA_THREADS = 2
COMPLAIN_EVERY_S = 60.0
FALLBACK = codec.pack(EXCEPTION)


@attrs.frozen(kw_only=True)
class RequestRules:
    """What the configuration says about requests; the names are stock's options.

    `request_server_ttl`: how many seconds a request's `ts` may be off; 0 is `CLOCKS_APART_S`. `request_max_size`, ours:
    bytes that a minion's request may have.
    """

    minimum_auth_version: int = 3
    request_server_ttl: float = 0
    require_minion_sign_messages: bool = False
    drop_messages_signature_fail: bool = False
    request_max_size: int = 64 * 1024 * 1024

    @classmethod
    def from_opts(cls, opts: Mapping[str, Any]) -> RequestRules:
        """The options of the same names; one that is not set keeps its default."""
        values = {field.name: opts.get(field.name) for field in attrs.fields(cls)}
        return cls(**{name: value for name, value in values.items() if value is not None})


class NoSession(RemoteProtocolError):
    """The sender is known, and has to sign in again: its session has ended, as each does."""


class NetworkDoor:
    """Answers payloads of the request port: `handle` is what `open_request_server` calls."""

    def __init__(
        self,
        bus: Bus,
        identity: Identity,
        keys: AcceptedKeys,
        sessions: Sessions,
        clear: ClearDesk,
        *,
        rules: Callable[[], RequestRules],
    ) -> None:
        self._bus = bus
        self._identity = identity
        self._keys = keys
        self._sessions = sessions
        self._clear = clear
        self._rules = rules
        ttl = rules().request_server_ttl or CLOCKS_APART_S
        self._ttl = ttl
        # Twice: a request may be as far in the future as in the past.
        self._seen = ReplayWindow(2 * ttl)
        self._rsa = trio.CapacityLimiter(RSA_THREADS)
        self._complaints: OrderedDict[str, float] = OrderedDict()

    async def handle(self, payload: bytes, peer: str) -> bytes:
        """The answer to one payload from `peer`, packed. Never raises but when cancelled."""
        began = time.perf_counter()
        rules = self._rules()
        try:
            request = parse_request(
                payload, minimum_version=rules.minimum_auth_version, max_size=rules.request_max_size
            )
            if request.enc == "clear":
                return await self._answer_clear(request, peer, began)
            return await self._answer_minion(request, peer, rules, began)
        except RemoteProtocolError as exc:
            self._complain(peer, exc)
            return codec.pack(exc.refusal)
        except Exception as exc:
            log.error("request.failed", peer=peer, exc_info=exc)
            return FALLBACK

    # -- strangers, and stock's tools on this host ----------------------------------------------------------------

    async def _answer_clear(self, request: Request, peer: str, began: float) -> bytes:
        load = request.load
        cmd = load.get("cmd")
        if not isinstance(cmd, str):
            return codec.pack({})
        if cmd == "ping":
            return codec.pack(load)
        log.info("request.received", enc="clear", cmd=cmd)
        if cmd != "_auth":
            return codec.pack(await self._clear.answer(cmd, load, peer))
        hello = Hello.from_load(load, request.version)
        with trio.fail_after(ANSWER_WITHIN_S):
            answer: bytes = await self._bus.ask(AuthRequest(hello=hello, peer=peer))
        self._answered(hello.id, cmd, peer, began, ok=True)
        return answer

    # -- minions --------------------------------------------------------------------------------------------------

    async def _answer_minion(self, request: Request, peer: str, rules: RequestRules, began: float) -> bytes:
        request, key, session = self._sender(request)
        now = time.time()
        opened = open_request(request, session=session, public_key=key, now=now, ttl=self._ttl)
        if request.version >= 3:
            self._seen.admit(request.id, opened.nonce, cmd=opened.cmd, now=now)
        log.info("request.received", enc="aes", cmd=opened.cmd, id=request.id)
        row = row_of(opened.cmd)
        if row is None:
            return seal_reply({}, session=session, nonce=opened.nonce)
        if opened.cmd == "_return" and not _signed_well(opened, request, key, rules):
            log.warning("return.signature_refused", id=request.id)
            return seal_reply(False, session=session, nonce=opened.nonce)
        value, ok = await self._ask(row, request, opened, peer)
        self._answered(request.id, opened.cmd, peer, began, ok=ok)
        if not ok and row.durable:
            return FALLBACK
        if not row.private or not ok:
            return seal_reply(value, session=session, nonce=opened.nonce)
        return await trio.to_thread.run_sync(
            lambda: seal_private_reply(
                value,
                public_key=key,
                master_key=self._identity.key,
                nonce=opened.nonce,
                enc_algo=request.enc_algo,
                sig_algo=request.sig_algo,
            ),
            limiter=self._rsa,
        )

    def _sender(self, request: Request) -> tuple[Request, PublicKey, Crypticle]:
        """Whose request it is, their accepted key, and the key it must be sealed with. Makes nothing.

        Before version 3 the shared key stood for all, and the sender is named only inside.
        """
        shared = self._identity.shared.crypticle if request.version < 3 else None
        if shared is not None:
            request = named_sender(request, shared=shared)
        key = self._keys.find(request.id)
        if key is None:
            raise RemoteProtocolError(f"no accepted key for {request.id}")
        session = shared or self._sessions.find(request.id, now=time.time())
        if session is None:
            raise NoSession(f"no session for {request.id}")
        return request, key, session

    async def _ask(self, row: Row, request: Request, opened: Opened, peer: str) -> tuple[object, bool]:
        """The claimant's answer, and whether there is one."""
        asked = row.make(request.id, opened.load)
        if asked is None:
            if opened.cmd == "_return":
                log.warning("return.refused", id=request.id, jid=str(opened.load.get("jid"))[:64])
            return row.malformed, True
        if not self._bus.claimed(type(asked)):
            return {}, True
        try:
            if row.durable:
                # Answered by the store, one way or the other: no clock is needed, and it is the busiest road there is.
                value = await self._bus.ask(asked)
            else:
                with trio.CancelScope(deadline=trio.current_time() + ANSWER_WITHIN_S) as patience:
                    value = await self._bus.ask(asked)
                if patience.cancelled_caught:
                    log.error("request.timed_out", cmd=opened.cmd, id=request.id, peer=peer)
                    return "", False
        except Exception as exc:
            # One request: the others go on.
            log.error("request.failed", cmd=opened.cmd, id=request.id, peer=peer, exc_info=exc)
            return "", False
        if value is False and row.refused is not None:
            value = row.refused(opened.load)
        return value, True

    # -- what is told ---------------------------------------------------------------------------------------------

    def _answered(self, id: str, cmd: str, peer: str, began: float, *, ok: bool) -> None:
        if not self._bus.wanted(RequestAnswered):
            return
        ms = round((time.perf_counter() - began) * 1000, 2)
        try:
            self._bus.publish_nowait(RequestAnswered(id=id, cmd=cmd, peer=peer, ms=ms, ok=ok))
        except trio.WouldBlock:
            log.debug("request.untold", cmd=cmd, id=id)

    def _complain(self, peer: str, exc: RemoteProtocolError) -> None:
        """Say once a minute, for each address, what was wrong; the rest is for debugging."""
        now = time.monotonic()
        last = self._complaints.get(peer)
        if isinstance(exc, NoSession) or (last is not None and now - last < COMPLAIN_EVERY_S):
            log.debug("request.refused", peer=peer, reason=str(exc))
            return
        self._complaints[peer] = now
        self._complaints.move_to_end(peer)
        if len(self._complaints) > 1024:
            self._complaints.popitem(last=False)
        log.warning("request.refused", peer=peer, reason=str(exc))


def _signed_well(opened: Opened, request: Request, key: PublicKey, rules: RequestRules) -> bool:
    """Whether a return's own signature (`minion_sign_messages`) is as the configuration wants it."""
    if not rules.require_minion_sign_messages and not rules.drop_messages_signature_fail:
        return True
    good = verify_load(opened.load, public_key=key, sig_algo=request.sig_algo)
    if good is None:
        return not rules.require_minion_sign_messages
    return good
