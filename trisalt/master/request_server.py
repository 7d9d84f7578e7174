"""4506: open the envelopes, ask the bus, seal the answers.

Requests that came together are opened together, and the returns among them are kept together. Sign-ins wait for their
turn without a task, and share it with others; each of all else has a task of its own. Every well-framed request is
answered, in stock Salt's words. What a request means is its claimant's; who may come in at all is decided here: the
sender's key is accepted, its session live, its `tok` its own, and nothing comes twice.
Source of the refusals: stock Salt 3008.3.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

import attrs
import structlog
import trio

from trisalt.bus.bus import Bus
from trisalt.bus.events import RequestAnswered
from trisalt.bus.requests import AuthRequest, HeartbeatRequest, ReturnRequest, ReturnsRequest
from trisalt.bus.requests import Request as BusRequest
from trisalt.errors import RemoteProtocolError
from trisalt.master.clear import ClearDesk
from trisalt.master.dispatch import Row, row_of
from trisalt.master.identity import Identity
from trisalt.master.lanes import Crowded, Lanes, LaneStatistics, Overtaken, SharedLane, open_lanes
from trisalt.master.presence import PresenceDesk
from trisalt.master.repeats import Repeat, Repeats
from trisalt.master.sessions import AcceptedKeys, Sessions
from trisalt.transport.request import Asked, answer_all
from trisalt.wire import codec
from trisalt.wire.crypticle import Crypticle
from trisalt.wire.envelope import BAD_LOAD, EXCEPTION, Knock, Request, receive_request, text
from trisalt.wire.keys import PublicKey
from trisalt.wire.session import (
    Opened,
    ReplayWindow,
    is_known,
    may_repeat,
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


@attrs.frozen(kw_only=True, eq=False)
class _Case:
    """A minion's request, opened and proven: what is `wanted` of the bus, and what its answer is sealed with."""

    asked: Asked
    request: Request
    key: PublicKey
    session: Crypticle
    opened: Opened
    row: Row
    wanted: BusRequest
    began: float
    repeat: Repeat | None

    def seal(self, value: object) -> bytes:
        """The answer, for the sender's session."""
        return seal_reply(value, session=self.session, nonce=self.opened.nonce)


@attrs.frozen(eq=False)
class _Knocking:
    """A sign-in that waits for its turn, since `began`."""

    asked: Asked
    knock: Knock
    began: float


class NetworkDoor:
    """Answers the request port: `handle` is what `open_request_server` calls."""

    def __init__(
        self,
        bus: Bus,
        identity: Identity,
        keys: AcceptedKeys,
        sessions: Sessions,
        clear: ClearDesk,
        *,
        rules: Callable[[], RequestRules],
        presence: PresenceDesk,
    ) -> None:
        """`presence` is told of each minion's request that has been opened and proven, and of each sign-in."""
        self._presence = presence
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
        self._repeats = Repeats()
        self._rsa = trio.CapacityLimiter(RSA_THREADS)
        self._complaints: OrderedDict[str, float] = OrderedDict()
        self._lanes: Lanes[_Knocking] = open_lanes()

    def statistics(self) -> list[LaneStatistics]:
        """A snapshot for debugging: of each lane."""
        return self._lanes.statistics()

    async def handle(self, together: Sequence[Asked]) -> None:
        """Answer requests that came together, or keep them until it is their turn. Never raises but when cancelled."""
        answers: list[tuple[Asked, bytes]] = []
        returns: list[_Case] = []
        work: list[Callable[[], Awaitable[None]]] = []
        self._keys.look()
        self._sessions.look()
        for asked in together:
            match self._open(asked):
                case bytes() as answer:
                    answers.append((asked, answer))
                case _Case(wanted=ReturnRequest()) as case:
                    returns.append(case)
                case _Case() as case:
                    work.append(partial(self._answer, asked, partial(self._ask, case), case.repeat))
                case Repeat() as repeat:
                    work.append(partial(self._answer, asked, repeat.answered))
                case Knock() as knock:
                    answers += self._queue(asked, knock)
                case Request() as request:
                    work.append(partial(self._answer, asked, partial(self._answer_clear, asked, request)))
        answer_all(answers)
        if returns:
            work.append(partial(self._keep, returns))
        for lane in (self._lanes.sign_ins, self._lanes.strangers):
            while lane.begin():
                work.append(partial(self._sign_in, lane))
        if len(work) == 1:
            await work[0]()
            return
        async with trio.open_nursery() as nursery:
            for one in work:
                nursery.start_soon(one)

    def _open(self, asked: Asked) -> bytes | _Case | Repeat | Request | Knock:
        """What is asked: a minion's case, or one that was here, a sign-in, or another clear request; or the answer, if
        that is all."""
        rules = self._rules()
        try:
            request = receive_request(
                asked.payload, minimum_version=rules.minimum_auth_version, max_size=rules.request_max_size
            )
            if isinstance(request, Knock) or request.enc == "clear":
                return request
            return self._open_minions(asked, request, rules)
        except Exception as exc:
            return self._refusal(asked, exc)

    async def _answer(self, asked: Asked, work: Callable[[], Awaitable[bytes]], repeat: Repeat | None = None) -> None:
        """One request: whatever goes wrong, the others go on."""
        try:
            reply = await work()
        except Exception as exc:
            reply = self._refusal(asked, exc)
        asked.answer(reply)
        if repeat is not None:
            repeat.done(reply)

    def _refusal(self, asked: Asked, exc: Exception) -> bytes:
        if isinstance(exc, RemoteProtocolError):
            self._complain(asked.peer, exc)
            return codec.pack(exc.refusal)
        log.error("request.failed", peer=asked.peer, exc_info=exc)
        return FALLBACK

    # -- strangers, and stock's tools on this host ----------------------------------------------------------------

    async def _answer_clear(self, asked: Asked, request: Request) -> bytes:
        began = time.perf_counter()
        load = request.load
        cmd = load.get("cmd")
        if not isinstance(cmd, str):
            return codec.pack({})
        if cmd == "ping":
            return codec.pack(load)
        log.info("request.received", enc="clear", cmd=cmd)
        lane = self._lanes["publications" if cmd == "publish" else "commands"]
        await lane.enter()
        try:
            return codec.pack(await self._clear.answer(cmd, load, asked.peer))
        finally:
            lane.leave(began)

    # -- sign-ins -------------------------------------------------------------------------------------------------

    def _queue(self, asked: Asked, knock: Knock) -> list[tuple[Asked, bytes]]:
        """Have a sign-in wait for its turn. Whom that leaves without one, and what to answer them.

        What is no sign-in is refused when its turn comes: until then it costs as little as can be, for there are many.
        """
        log.info("request.received", enc="clear", cmd=AuthRequest.CMD)
        # Who is new, or says so without end, does not hold up those who are known.
        known = self._keys.may_be(text(knock.id), knock.pub)
        lane = self._lanes.sign_ins if known else self._lanes.strangers
        began = time.perf_counter()
        try:
            # Of one host, too: who knows a minion's public key must not take its turn from elsewhere.
            before = lane.wait((knock.id, knock.pub, asked.peer), _Knocking(asked, knock, began), began)
        except Crowded as exc:
            return [(asked, self._refusal(asked, exc))]
        asked.keep()
        if before is None:
            return []
        return [(before.asked, self._refusal(before.asked, Overtaken("it was asked anew", refusal=BAD_LOAD)))]

    async def _sign_in(self, lane: SharedLane[_Knocking]) -> None:
        """One turn after the other, until nobody waits."""
        while turn := lane.board():
            knocks = [(one.knock, one.asked.peer) for one in turn]
            outcomes: Sequence[tuple[str, bytes] | Exception]
            try:
                with trio.fail_after(ANSWER_WITHIN_S):
                    outcomes = await self._bus.ask(AuthRequest(knocks=knocks, known=lane is self._lanes.sign_ins))
            except Exception as exc:
                outcomes = [exc] * len(turn)
            answers = []
            for one, outcome in zip(turn, outcomes, strict=True):
                if isinstance(outcome, Exception):
                    answers.append((one.asked, self._refusal(one.asked, outcome)))
                else:
                    answers.append((one.asked, outcome[1]))
                    self._presence.knocked(outcome[0])
                    self._answered(outcome[0], AuthRequest.CMD, one.asked.peer, one.began, ok=True)
                lane.leave(one.began)
            answer_all(answers)

    # -- minions --------------------------------------------------------------------------------------------------

    def _open_minions(self, asked: Asked, request: Request, rules: RequestRules) -> bytes | _Case | Repeat:
        """A minion's request, with all it claims proven."""
        began = time.perf_counter()
        request, key, session = self._sender(request)
        now = time.time()
        opened = open_request(request, session=session, public_key=key, now=now, ttl=self._ttl)
        once = request.version >= 3 and not may_repeat(opened.cmd)
        if once:
            before = self._repeats.find(request.id, opened.nonce, request.load)
            if before is not None:
                log.debug("request.repeated", cmd=opened.cmd, id=request.id)
                return before
            self._seen.admit(request.id, opened.nonce, cmd=opened.cmd, now=now)
        self._presence.heard(request.id, asked.peer, asked.connection)
        if opened.cmd == HeartbeatRequest.CMD:
            log.debug("request.received", enc="aes", cmd=opened.cmd, id=request.id)
        else:
            log.info("request.received", enc="aes", cmd=opened.cmd, id=request.id)
        row = row_of(opened.cmd)
        if row is None:
            return seal_reply({}, session=session, nonce=opened.nonce)
        if opened.cmd == "_return" and not _signed_well(opened, request, key, rules):
            log.warning("return.signature_refused", id=request.id)
            return seal_reply(False, session=session, nonce=opened.nonce)
        wanted = row.make(request.id, opened.load)
        if wanted is None:
            if opened.cmd == "_return":
                log.warning("return.refused", id=request.id, jid=str(opened.load.get("jid"))[:64])
            return seal_reply(row.malformed, session=session, nonce=opened.nonce)
        return _Case(
            asked=asked,
            request=request,
            key=key,
            session=session,
            opened=opened,
            row=row,
            wanted=wanted,
            began=began,
            repeat=self._repeats.begin(request.id, opened.nonce, request.load) if once else None,
        )

    def _sender(self, request: Request) -> tuple[Request, PublicKey, Crypticle]:
        """Whose request it is, their accepted key, and the key it must be sealed with. Makes nothing.

        Before version 3 the shared key stood for all, and the sender is named only inside.
        """
        shared = self._identity.shared.crypticle if request.version < 3 else None
        if shared is not None:
            request = named_sender(request, shared=shared)
        key = self._keys.recent(request.id)
        if key is None:
            raise RemoteProtocolError(f"no accepted key for {request.id}")
        session = shared or self._sessions.recent(request.id, now=time.time())
        if session is None:
            raise NoSession(f"no session for {request.id}")
        return request, key, session

    async def _keep(self, cases: Sequence[_Case]) -> None:
        """Returns: answered by the store, one way or the other, so no clock is needed."""
        wanted = [case.wanted for case in cases if isinstance(case.wanted, ReturnRequest)]
        try:
            kept = await self._bus.ask(ReturnsRequest(returns=wanted))
        except Exception as exc:
            log.error("request.failed", cmd="_return", count=len(cases), exc_info=exc)
            kept = [False] * len(cases)
        # What is not kept must not look like it.
        answers = [case.seal(None) if home else FALLBACK for case, home in zip(cases, kept, strict=True)]
        answer_all([(case.asked, answer) for case, answer in zip(cases, answers, strict=True)])
        for case, answer in zip(cases, answers, strict=True):
            if case.repeat is not None:
                case.repeat.done(answer)
        self._lanes["returns"].passed(cases[0].began, len(cases))
        if self._bus.wanted(RequestAnswered):
            for case, home in zip(cases, kept, strict=True):
                self._answered(case.request.id, case.opened.cmd, case.asked.peer, case.began, ok=home)

    async def _ask(self, case: _Case) -> bytes:
        """The claimant's answer, sealed."""
        request, opened, row = case.request, case.opened, case.row
        if not self._bus.claimed(type(case.wanted)):
            return case.seal({})
        lane = self._lanes[row.lane]
        await lane.enter()
        try:
            value, ok = await self._value(case)
        finally:
            lane.leave(case.began)
        if opened.cmd != HeartbeatRequest.CMD:
            # A thousand minions would fill everybody's view, and the log of events, with these.
            self._answered(request.id, opened.cmd, case.asked.peer, case.began, ok=ok)
        if not ok and row.durable:
            return FALLBACK
        if not row.private or not ok:
            return case.seal(value)
        if (known := is_known(opened.load, value)) is not None:
            return case.seal(known)
        return await trio.to_thread.run_sync(
            lambda: seal_private_reply(
                value,
                public_key=case.key,
                master_key=self._identity.key,
                nonce=opened.nonce,
                enc_algo=request.enc_algo,
                sig_algo=request.sig_algo,
            ),
            limiter=self._rsa,
        )

    async def _value(self, case: _Case) -> tuple[object, bool]:
        """The claimant's answer, and whether there is one."""
        told = {"cmd": case.opened.cmd, "id": case.request.id, "peer": case.asked.peer}
        try:
            with trio.CancelScope(deadline=trio.current_time() + ANSWER_WITHIN_S) as patience:
                value = await self._bus.ask(case.wanted)
        except Exception as exc:
            log.error("request.failed", **told, exc_info=exc)
            return "", False
        if patience.cancelled_caught:
            log.error("request.timed_out", **told)
            return "", False
        if value is False and case.row.refused is not None:
            value = case.row.refused(case.opened.load)
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
        if isinstance(exc, NoSession | Overtaken) or (last is not None and now - last < COMPLAIN_EVERY_S):
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
