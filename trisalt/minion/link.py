"""One master: sign in, listen, ask; notice when it is gone, and sign in again.

Publications are opened and verified here and become `JobReceived`; every `MasterRequest` of the bus is sealed,
sent and opened here. What a job or an answer means is others' to know. `daemon` runs one `Link` per master and
`answer_requests` over all of them.
"""

from __future__ import annotations

import math
import random
import re
import time
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import attrs
import structlog
import trio

from trisalt.bus.bus import Bus, Reply
from trisalt.bus.events import Connected, Disconnected, JobReceived, PillarRefresh
from trisalt.bus.requests import MasterRequest
from trisalt.errors import RemoteProtocolError, RequestTimeout, TrisaltError
from trisalt.minion.facts import Facts
from trisalt.minion.identity import Identity
from trisalt.minion.signin import SignInOptions, sign_in
from trisalt.transport.publish import Notice
from trisalt.transport.zmq import tcp_address
from trisalt.wire.crypticle import Crypticle, WrongKey
from trisalt.wire.handshake import Accepted
from trisalt.wire.keys import PublicKey
from trisalt.wire.session import SessionRefused, open_private_reply, open_publication, open_reply, seal_request

log = structlog.get_logger()

# How long to wait for the subscription's connection before the link counts as standing: a job that is published
# in answer to our start event must find us listening.
SUBSCRIBED_WITHIN = 5.0

# Re-authentication because of a publication is spread over this part of `random_reauth_delay`: somebody waits for
# that job, but a whole fleet received the same one.
PUBLICATION_SPREAD = 0.1
LONGEST_FRUITLESS_WAIT = 60.0

# Publications that are refused for the same reason are told of this often (seconds), and so many reasons at most.
TELL_AGAIN_AFTER = 300.0
MOST_KINDS = 32
_NUMBERS = re.compile(r"\d+|'[^']*'")


@attrs.frozen(kw_only=True)
class MasterAddress:
    """Where a master is: a name or an address as the configuration has it, and the port for requests."""

    host: str
    port: int = 4506


@attrs.frozen(kw_only=True)
class LinkOptions:
    """How to speak with a master; times are seconds. The names are stock's options.

    `publish_port` overrides what the master says. `require_signature` refuses unsigned publications.
    """

    sign_in: SignInOptions = attrs.field(factory=SignInOptions)
    publish_port: int | None = None
    require_signature: bool = True
    minion_sign_messages: bool = False
    random_reauth_delay: float = 10
    retry_dns: float = 30


@attrs.frozen(kw_only=True, eq=False)
class Session:
    """What one sign-in gave us. A new sign-in makes a new one; requests pin theirs until the reply is opened."""

    aes: Crypticle
    session: Crypticle
    publish_port: int
    master_pub: PublicKey


@attrs.frozen(kw_only=True)
class Dial:
    """How to open the two connections: the transports, with the context and the socket options filled in."""

    client: Callable[[str], AbstractAsyncContextManager[Any]]
    subscriber: Callable[[str], AbstractAsyncContextManager[Any]]
    resolve: Callable[[str, int], Awaitable[str]]


async def resolve(host: str, port: int) -> str:
    """The first address of a host name. Raises OSError."""
    found = await trio.socket.getaddrinfo(host, port, type=trio.socket.SOCK_STREAM)
    return str(found[0][4][0])


class Link:
    """One master; or several, of which one is spoken with at a time: the next when one does not answer.

    `master` names the one that is spoken with as the configuration does.
    """

    def __init__(
        self,
        bus: Bus,
        masters: Sequence[MasterAddress],
        identity: Identity,
        facts: Facts,
        options: LinkOptions,
        *,
        dial: Dial,
    ) -> None:
        self.master = masters[0].host
        self.connected = False
        self._last_master = ""
        self._bus = bus
        self._masters = deque(masters)
        self._identity = identity
        self._facts = facts
        self._options = options
        self._dial = dial
        self._client: Any = None
        self._session: Session | None = None
        # The session that a reply or a publication proved useless: nobody uses it any more.
        self._refused: Session | None = None
        self._renewed = trio.Event()
        self._wanted = trio.Event()
        self._renew_at = math.inf
        self._sooner = trio.Event()
        self._fruitless = 0
        self._serial_key = ""
        self._last_serial = 0
        self._listening: trio.CancelScope | None = None
        # When each kind of refusal was told last, and how many came since.
        self._told: dict[str, tuple[float, int]] = {}

    # -- the life of the link ---------------------------------------------------------------------------------

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep the link standing, for ever. Raises Rejected."""
        task_status.started()
        address = await self._resolved()
        while True:
            master = self._masters[0]
            self.master = master.host
            log.debug("master.dialled", master=address, port=master.port)
            async with (
                self._dial.client(tcp_address(address, master.port)) as client,
                trio.open_nursery() as nursery,
            ):
                self._client = client
                nursery.start_soon(self._listen, address)
                # Returns when it is another address that counts; then all of it is opened anew.
                address = await self._keep_signed_in(address)
                nursery.cancel_scope.cancel()
            self._session = self._refused = None
            if self.connected:
                await self._say_lost(address)

    async def _resolved(self) -> str:
        """The address of the master that is tried now; of the next one when there is none."""
        while True:
            master = self._masters[0]
            try:
                return await self._dial.resolve(master.host, master.port)
            except OSError as exc:
                log.error(
                    "master.unresolved", master=master.host, wait_s=round(self._options.retry_dns), reason=str(exc)
                )
                await trio.sleep(max(self._options.retry_dns, 1))
                self._masters.rotate(-1)

    async def _keep_signed_in(self, address: str) -> str:
        """Sign in, and again whenever somebody wants it. Returns the address to go to instead."""
        first = True
        while True:
            accepted = await self._accepted(address)
            if isinstance(accepted, str):
                return accepted
            self._take(accepted)
            if first:
                log.info("auth.successful", master=address)
                first = False
            else:
                log.debug("auth.renewed", master=address)
            await self._renewal_due()

    async def _accepted(self, address: str) -> Accepted | str:
        """Sign in, however long it takes; the address to go to, when the master does not answer and it is another."""
        while True:
            accepted = await sign_in(
                self._client.request,
                self._identity,
                self._options.sign_in,
                master=address,
                grains=self._facts.grains,
            )
            if accepted is not None:
                return accepted
            log.error("master.unreachable", master=address)
            self._masters.rotate(-1)
            other = await self._resolved()
            if other != address or len(self._masters) > 1:
                return other

    async def _renewal_due(self) -> None:
        await self._wanted.wait()
        while trio.current_time() < self._renew_at:
            self._sooner = trio.Event()
            with trio.move_on_at(self._renew_at):
                await self._sooner.wait()

    def _take(self, accepted: Accepted) -> None:
        old = self._session
        self._session = Session(
            aes=accepted.aes,
            session=accepted.session,
            publish_port=accepted.publish_port,
            master_pub=PublicKey.from_pem(accepted.master_pub_pem),
        )
        if accepted.aes.key_string != self._serial_key:
            # Serials count under one shared key.
            self._serial_key, self._last_serial = accepted.aes.key_string, 0
        self._wanted = trio.Event()
        self._renew_at = math.inf
        self._renewed.set()
        self._renewed = trio.Event()
        if old is not None and old.publish_port != accepted.publish_port and self._listening is not None:
            self._listening.cancel()

    async def _usable(self) -> Session:
        while self._session is None or self._session is self._refused:
            await self._renewed.wait()
        return self._session

    def _refuse(self, session: Session, *, spread: float = 0.0) -> None:
        """Nobody uses `session` any more. Many may say so; the master is asked once."""
        if session is not self._session or session is self._refused:
            return
        self._refused = session
        self._renew(spread=spread)

    def _renew(self, *, spread: float) -> None:
        """Sign in again, within `spread` seconds; earlier if somebody else wants that."""
        at = trio.current_time() + spread * random.random()  # noqa: S311 - a spread, no secret
        self._renew_at = min(self._renew_at, at)
        self._wanted.set()
        self._sooner.set()

    # -- listening --------------------------------------------------------------------------------------------

    async def _listen(self, address: str) -> None:
        while True:
            session = await self._usable()
            port = self._options.publish_port or session.publish_port
            with trio.CancelScope() as self._listening:
                async with (
                    self._dial.subscriber(tcp_address(address, port)) as subscriber,
                    trio.open_nursery() as watch,
                ):
                    watch.start_soon(self._watch, subscriber, address)
                    while True:
                        for payload in await subscriber.receive_all():
                            job = await self._opened(payload)
                            if job is not None:
                                await self._bus.publish(JobReceived(load=job, master=self.master))

    async def _watch(self, subscriber: Any, address: str) -> None:
        with trio.move_on_after(SUBSCRIBED_WITHIN):
            await subscriber.wait_connected()
        if not self.connected:
            await self._say_connected()
        async for notice in subscriber.notices:
            if notice is Notice.DISCONNECTED and self.connected:
                await self._say_lost(address)
                if len(self._masters) > 1:
                    # Whether it is gone, or only was: signing in tells, and goes on to the next.
                    self._renew(spread=0)
            elif notice is Notice.CONNECTED and not self.connected:
                # It may be another master process with another shared key. Nobody waits for us yet.
                self._renew(spread=self._options.random_reauth_delay)
                log.info("master.connected", master=address)
                await self._say_connected()

    async def _say_connected(self) -> None:
        self.connected = True
        before, self._last_master = self._last_master, self.master
        await self._bus.publish(Connected(master=self.master))
        if before not in ("", self.master):
            # What another master said of us may not hold for this one.
            await self._bus.publish(PillarRefresh())

    async def _say_lost(self, address: str) -> None:
        self.connected = False
        log.info("master.lost", master=address)
        await self._bus.publish(Disconnected(master=self.master))

    async def _opened(self, payload: bytes) -> dict[str, Any] | None:
        """The job map in a publication; None, and a line in the log, for what is to be dropped."""
        for again in (False, True):
            session = await self._usable()
            try:
                job = open_publication(
                    payload,
                    crypticle=session.aes,
                    master_pub=session.master_pub,
                    last_serial=self._last_serial,
                    require_signature=self._options.require_signature,
                )
            except WrongKey:
                if again:
                    # A recording from an older key, say. The next one makes us wait longer before we ask again.
                    self._fruitless += 1
                    self._say_refused("it is sealed with another key")
                    return None
                await self._wait_fruitless()
                self._refuse(session, spread=self._options.random_reauth_delay * PUBLICATION_SPREAD)
            except RemoteProtocolError as exc:
                self._say_refused(str(exc))
                return None
            else:
                self._fruitless = 0
                serial = job.pop("serial", None)
                if isinstance(serial, int):
                    self._last_serial = serial
                return job
        return None

    def _say_refused(self, reason: str) -> None:
        """Tell of a publication that was dropped: each kind once in a while, for whoever sends one may send many."""
        kind = _NUMBERS.sub("", reason)[:80]
        now = trio.current_time()
        told, since = self._told.get(kind, (-math.inf, 0))
        if now - told < TELL_AGAIN_AFTER or (kind not in self._told and len(self._told) >= MOST_KINDS):
            self._told[kind if kind in self._told else ""] = (told if kind in self._told else now, since + 1)
            log.debug("publication.refused", master=self.master, reason=reason)
            return
        self._told[kind] = (now, 0)
        more = {"more": since} if since else {}
        log.warning("publication.refused", master=self.master, reason=reason, **more)

    async def _wait_fruitless(self) -> None:
        if self._fruitless:
            await trio.sleep(min(2.0**self._fruitless, LONGEST_FRUITLESS_WAIT))

    # -- asking -----------------------------------------------------------------------------------------------

    async def ask(self, load: Mapping[str, Any], *, timeout: float, tries: int) -> Any:
        """The master's answer to a request, opened. `timeout` is one try's, in seconds; each try has a fresh nonce.

        Raises RequestTimeout, or RemoteProtocolError when the master refuses it after a new sign-in too.
        """
        for _ in range(max(tries, 1)):
            with trio.move_on_after(timeout):
                return await self._asked(load)
            log.error("master.timeout", cmd=load.get("cmd"))
        raise RequestTimeout(f"the master {self.master} did not answer {load.get('cmd')}")

    async def _asked(self, load: Mapping[str, Any]) -> Any:
        session = await self._usable()
        try:
            return await self._once(load, session)
        except SessionRefused:
            self._refuse(session)
        return await self._once(load, await self._usable())

    async def _once(self, load: Mapping[str, Any], session: Session) -> Any:
        nonce = uuid.uuid4().hex
        sign_in = self._options.sign_in
        payload = seal_request(
            load,
            id=self._identity.id,
            session=session.session,
            key=self._identity.key,
            nonce=nonce,
            now=time.time(),
            enc_algo=sign_in.encryption_algorithm,
            sig_algo=sign_in.signing_algorithm,
            sign=self._options.minion_sign_messages,
        )
        answer = await self._client.request(payload)
        match load.get("cmd"):
            case "_pillar":
                # One private operation and one verification: milliseconds.
                return await trio.to_thread.run_sync(self._open_private, answer, session, nonce)
            case "_serve_file":
                return _file_reply(open_reply(answer, session=session.session, nonce=nonce, raw=True))
            case _:
                return open_reply(answer, session=session.session, nonce=nonce)

    def _open_private(self, answer: bytes, session: Session, nonce: str) -> Any:
        sign_in = self._options.sign_in
        return open_private_reply(
            answer,
            key=self._identity.key,
            master_pub=session.master_pub,
            nonce=nonce,
            enc_algo=sign_in.encryption_algorithm,
            sig_algo=sign_in.signing_algorithm,
        )


def _file_reply(reply: Any) -> Any:
    """A `_serve_file` reply: its keys and its path are text, its data stays bytes, whatever it holds."""
    if not isinstance(reply, dict):
        return reply
    named = {key.decode(errors="replace") if isinstance(key, bytes) else key: value for key, value in reply.items()}
    if isinstance(named.get("dest"), bytes):
        named["dest"] = named["dest"].decode("utf-8", "surrogateescape")
    return named


async def answer_requests(
    bus: Bus, links: Sequence[Link], *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Answer every `MasterRequest` through the link it names; without a name, through the first that stands."""
    async with bus.claim(MasterRequest) as requests, trio.open_nursery() as nursery:
        task_status.started()
        async for request, reply in requests:
            nursery.start_soon(_answer, links, request, reply)


async def _answer(links: Sequence[Link], request: MasterRequest, reply: Reply) -> None:
    link = next((link for link in links if link.master == request.master), None) or next(
        (link for link in links if link.connected), links[0]
    )
    try:
        reply.send(await link.ask(request.load, timeout=request.timeout, tries=request.tries))
    except TrisaltError as exc:
        reply.fail(exc)
