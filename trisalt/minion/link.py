"""One master: sign in, listen, ask; notice when it is gone, and sign in again.

Publications are opened and verified here and become `JobReceived`; every `MasterRequest` of the bus is sealed,
sent and opened here. What a job or an answer means is others' to know, and who of several masters is spoken with is
`masters`'s. `daemon` runs one `Link` per rota and `answer_requests` over all of them.
"""

from __future__ import annotations

import math
import random
import re
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import attrs
import structlog
import trio

from trisalt.bus.bus import Bus
from trisalt.bus.events import Connected, Disconnected, JobReceived, PillarRefresh
from trisalt.bus.requests import MasterRequest
from trisalt.errors import RemoteProtocolError, RequestTimeout
from trisalt.minion.dial import Dial
from trisalt.minion.facts import Facts
from trisalt.minion.identity import Identity
from trisalt.minion.masters import Rota
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

# While nothing comes from the master, its name is looked up this often (seconds): it may be somewhere else by now.
LOOK_AGAIN = 10.0

# Re-authentication because of a publication is spread over this part of `random_reauth_delay`: somebody waits for
# that job, but a whole fleet received the same one.
PUBLICATION_SPREAD = 0.1
LONGEST_FRUITLESS_WAIT = 60.0

# How long what went out under the shared key before this one is still read (seconds): a sign-in may overtake it.
OVERLAP = 60.0

# Publications that are refused for the same reason are told of this often (seconds), and so many reasons at most.
TELL_AGAIN_AFTER = 300.0
MOST_KINDS = 32
_NUMBERS = re.compile(r"\d+|'[^']*'")


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
    heartbeat: float = 0


@attrs.define(kw_only=True, eq=False)
class _KeyBefore:
    """The shared key that was replaced last, and until when it is of use."""

    aes: Crypticle
    last_serial: int
    until: float


class Link:
    """One master; or several, of which one is spoken with at a time: the next when one does not answer."""

    def __init__(
        self,
        bus: Bus,
        rota: Rota,
        identity: Identity,
        facts: Facts,
        options: LinkOptions,
        *,
        dial: Dial,
    ) -> None:
        self.connected = False
        self._last_master = ""
        self._bus = bus
        self._rota = rota
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
        self._subscriber: Any = None
        # The address that did not answer: where its name has several, the next one is tried.
        self._failed = ""
        self._serial_key = ""
        self._last_serial = 0
        self._before: _KeyBefore | None = None
        self._listening: trio.CancelScope | None = None
        # When each kind of refusal was told last, and how many came since.
        self._told: dict[str, tuple[float, int]] = {}

    @property
    def master(self) -> str:
        """The name of the master that is spoken with."""
        return self._rota.current.name

    @property
    def heartbeat(self) -> float:
        """How many seconds apart this master wants signs of life; 0: it does not ask for any."""
        return self._session.heartbeat if self._session is not None else 0

    # -- the life of the link ---------------------------------------------------------------------------------

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep the link standing, for ever. Raises Rejected."""
        task_status.started()
        while True:
            address = await self._resolved()
            master = self._rota.current
            log.debug("master.dialled", master=address, port=master.port)
            async with (
                self._dial.client(tcp_address(address, master.port)) as client,
                trio.open_nursery() as nursery,
            ):
                self._client = client
                nursery.start_soon(self._listen, address)
                nursery.start_soon(self._look_again, address, nursery.cancel_scope)
                # Returns when it is another address that counts; then all of it is opened anew.
                await self._keep_signed_in(address)
                nursery.cancel_scope.cancel()
            self._session = self._refused = self._subscriber = None
            if self.connected:
                await self._say_lost(address, master.name)

    async def _resolved(self) -> str:
        """The address of the master that is tried now; of the next one when there is none."""
        while True:
            master = self._rota.current
            try:
                addresses = await self._dial.resolve(master.host, master.port)
            except OSError as exc:
                wait = max(self._options.retry_dns, 1)
                log.error("master.unresolved", master=master.host, wait_s=round(wait), reason=str(exc))
                await trio.sleep(wait)
                self._rota.failed()
            else:
                return self._untried(addresses)

    def _untried(self, addresses: Sequence[str]) -> str:
        """The address to dial: the first, or the next one when that is the one that has just failed."""
        failed, self._failed = self._failed, ""
        return addresses[(addresses.index(failed) + 1) % len(addresses)] if failed in addresses else addresses[0]

    async def _look_again(self, address: str, dialled: trio.CancelScope) -> None:
        """Hang up when nothing comes through, and the master's name has another address by now."""
        master = self._rota.current
        while True:
            await trio.sleep(LOOK_AGAIN)
            if self._hears:
                continue
            # A name server that does not answer says nothing about the master.
            with suppress(OSError):
                addresses = await self._dial.resolve(master.host, master.port)
                if address not in addresses:
                    log.info("master.moved", master=master.name, address=address, to=addresses[0])
                    dialled.cancel()

    @property
    def _hears(self) -> bool:
        return self.connected and self._subscriber is not None and self._subscriber.connected

    async def _keep_signed_in(self, address: str) -> None:
        """Sign in, and again whenever somebody wants it. Returns when it is another address that is to be tried."""
        first = True
        while (accepted := await self._accepted(address)) is not None:
            self._take(accepted)
            if first:
                log.info("auth.successful", master=address)
                first = False
            else:
                log.debug("auth.renewed", master=address)
            await self._renewal_due()

    async def _accepted(self, address: str) -> Accepted | None:
        """Sign in, however long it takes; None when the master does not answer, and may answer elsewhere."""
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
            if self._rota.several:
                self._rota.failed()
                return None
            with suppress(OSError):
                addresses = await self._dial.resolve(self._rota.current.host, self._rota.current.port)
                if [address] != list(addresses):
                    self._failed = address
                    return None

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
            heartbeat=accepted.heartbeat,
        )
        if accepted.aes.key_string != self._serial_key:
            if old is not None:
                until = trio.current_time() + OVERLAP
                self._before = _KeyBefore(aes=old.aes, last_serial=self._last_serial, until=until)
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
                    self._subscriber = subscriber
                    watch.start_soon(self._watch, subscriber, address)
                    while True:
                        for payload in await subscriber.receive_all():
                            job = await self._opened(payload)
                            if job is not None:
                                await self._say_received(JobReceived(load=job, master=self.master))

    async def _say_received(self, event: JobReceived) -> None:
        try:
            self._bus.publish_nowait(event)
        except trio.WouldBlock:
            await self._bus.publish(event)

    async def _watch(self, subscriber: Any, address: str) -> None:
        with trio.move_on_after(SUBSCRIBED_WITHIN) as late:
            await subscriber.wait_connected()
        if late.cancelled_caught:
            log.warning("master.deaf", master=address, seconds=round(SUBSCRIBED_WITHIN))
        if not self.connected:
            await self._say_connected()
        async for notice in subscriber.notices:
            if notice is Notice.DISCONNECTED and self.connected:
                await self._say_lost(address, self.master)
                if self._rota.several:
                    # Whether it is gone, or only was: signing in tells, and goes on to the next.
                    self._renew(spread=0)
            elif notice is Notice.CONNECTED and not self.connected:
                # No reason to sign in again: a master keeps its keys over a restart, and where one did not, the next
                # publication tells.
                log.info("master.connected", master=address)
                await self._say_connected()

    async def _say_connected(self) -> None:
        self.connected = True
        before, self._last_master = self._last_master, self.master
        await self._bus.publish(Connected(master=self.master))
        if before not in ("", self.master):
            # What another master said of us may not hold for this one.
            await self._bus.publish(PillarRefresh())

    async def _say_lost(self, address: str, master: str) -> None:
        self.connected = False
        log.info("master.lost", master=address)
        await self._bus.publish(Disconnected(master=master))

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
                try:
                    if (overtaken := self._opened_with_key_before(payload, session)) is not None:
                        return overtaken
                except RemoteProtocolError as exc:
                    self._say_refused(str(exc))
                    return None
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

    def _opened_with_key_before(self, payload: bytes, session: Session) -> dict[str, Any] | None:
        """The job map of a publication that our sign-in has overtaken; None when it is none.

        Only what the master has signed: who was shut out by the rotation knows that key too.
        """
        before = self._before
        if before is None or trio.current_time() > before.until:
            return None
        try:
            job = open_publication(
                payload,
                crypticle=before.aes,
                master_pub=session.master_pub,
                last_serial=before.last_serial,
                require_signature=True,
            )
        except WrongKey:
            return None
        before.last_serial = job.pop("serial", before.last_serial)
        return job

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

    async def answer(request: MasterRequest) -> Any:
        link = next((link for link in links if link.master == request.master), None) or next(
            (link for link in links if link.connected), links[0]
        )
        return await link.ask(request.load, timeout=request.timeout, tries=request.tries)

    with bus.answering({MasterRequest: answer}):
        task_status.started()
        await trio.sleep_forever()
