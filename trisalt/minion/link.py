"""One master: sign in and listen; notice when it is gone, and sign in again.

Publications are opened and verified here and become `JobReceived`; `asking` asks by the session that is kept here.
What a job means is others' to know, and who of several masters is spoken with is `masters`'s. `daemon` runs one
`Link` per rota.
"""

from __future__ import annotations

import itertools
import math
import random
import re
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import attrs
import structlog
import trio

from trisalt.bus.bus import Bus
from trisalt.bus.events import Connected, Disconnected, FailBack, JobReceived, MasterDoubted, PillarRefresh
from trisalt.bus.subscription import Subscription
from trisalt.errors import MasterNotFound, RemoteProtocolError, TrisaltError
from trisalt.minion.age import too_old
from trisalt.minion.dial import Dial
from trisalt.minion.facts import Facts
from trisalt.minion.identity import Identity
from trisalt.minion.masters import Master, Rota
from trisalt.minion.signin import SignInOptions, sign_in, would_accept
from trisalt.transport.publish import Notice
from trisalt.transport.zmq import tcp_address
from trisalt.wire.crypticle import Crypticle, WrongKey
from trisalt.wire.handshake import Accepted
from trisalt.wire.keys import PublicKey
from trisalt.wire.session import open_publication

log = structlog.get_logger()

# How long to wait for the subscription's connection before the link counts as standing: a job that is published
# in answer to our start event must find us listening.
SUBSCRIBED_WITHIN = 5.0

# While nothing comes from the master, its name is looked up this often (seconds): it may be somewhere else by now.
LOOK_AGAIN = 10.0
# Of several masters, one that lets us in and is not heard at so many looks is left.
DEAF_LOOKS = 3

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
    retry_dns_count: int | None = None
    master_tries: int = -1


@attrs.frozen(kw_only=True, eq=False)
class Session:
    """What one sign-in gave us. A new sign-in makes a new one; requests pin theirs until the reply is opened."""

    aes: Crypticle
    session: Crypticle
    publish_port: int
    master_pub: PublicKey
    heartbeat: float = 0
    # How far the master's wall clock was ahead of our steady one, where it told.
    ahead: float | None = None

    def now(self) -> float:
        """The master's wall time, as far as we know: ours may be off, and may be set."""
        return time.time() if self.ahead is None else trio.current_time() + self.ahead


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
        # Whether there is another link, with which the minion goes on when this one ends.
        self.alone: Callable[[], bool] = lambda: True
        self._last_master = ""
        self._bus = bus
        self._rota = rota
        self.identity = identity
        self._facts = facts
        self.options = options
        self._dial = dial
        self.client: Any = None
        self._session: Session | None = None
        # The session that a reply or a publication proved useless: nobody uses it any more.
        self._refused: Session | None = None
        self._renewed = trio.Event()
        self._wanted = trio.Event()
        self._renew_at = math.inf
        self._sooner = trio.Event()
        # How often signing in again has changed nothing, one time after the other.
        self._fruitless = self._recordings = 0
        self._subscriber: Any = None
        # The address that did not answer: where its name has several, the next one is tried.
        self._failed = ""
        self._serial_key = ""
        self._last_serial = 0
        self._before: _KeyBefore | None = None
        self._listening: trio.CancelScope | None = None
        # What pillars came last, by what they were asked for: the digest by which the master knows each, and itself.
        self.pillars: dict[str, tuple[str, Any]] = {}
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
        """Keep the link standing, for ever. Raises Rejected, and MasterNotFound after `retry_dns_count` tries."""
        async with self._bus.subscribe((MasterDoubted, FailBack), keep=False, depth=4) as words:
            task_status.started()
            while True:
                address = await self._resolved()
                await self._dialled(address, words)

    async def _dialled(self, address: str, words: Subscription) -> None:
        """Speak with the master at this address, until another one counts."""
        master = self._rota.current
        log.debug("master.dialled", master=address, port=master.port)
        async with (
            self._dial.client(tcp_address(address, master.port)) as client,
            trio.open_nursery() as nursery,
        ):
            self.client = client
            nursery.start_soon(self._listen, address)
            nursery.start_soon(self._look_again, address, nursery.cancel_scope)
            nursery.start_soon(self._heed, words, nursery.cancel_scope)
            await self._keep_signed_in(address)
            nursery.cancel_scope.cancel()
        self._session = self._refused = self._subscriber = None
        if self.connected:
            await self._say_lost(address, master.name)

    async def _resolved(self) -> str:
        """The address of the master that is tried now; of the next one when there is none. Raises MasterNotFound."""
        for count in itertools.count(1):
            master = self._rota.current
            try:
                addresses = await self._dial.resolve(master.host, master.port)
            except OSError as exc:
                wait = max(self.options.retry_dns, 1)
                told = 0 if self._rota.several else round(wait)
                log.error("master.unresolved", master=master.host, wait_s=told, reason=str(exc))
                if count == self.options.retry_dns_count and not self._rota.several:
                    raise MasterNotFound(f"Master address: '{master.host}' could not be resolved.") from exc
                await self._go_on(wait)
            else:
                break
        failed, self._failed = self._failed, ""
        return addresses[(addresses.index(failed) + 1) % len(addresses)] if failed in addresses else addresses[0]

    async def _go_on(self, wait: float) -> None:
        """On to the next master; when all have been tried, after a while."""
        if self._rota.several:
            log.info("master.put_last", master=self.master)
        if not self._rota.failed():
            return
        if self._rota.several:
            log.error("master.none")
        if self._rota.rounds == self.options.master_tries:
            # Stock's minion begins anew, too: one that is gone for good would not be there when a master comes back.
            log.error("master.given_up", master=self.master, tries=self.options.master_tries)
            self._rota.answered()
            wait = max(wait, self.options.sign_in.acceptance_wait_time)
        await trio.sleep(wait)

    async def _look_again(self, address: str, dialled: trio.CancelScope) -> None:
        """While nothing comes through: hang up when the master is elsewhere by now, or another is to be tried."""
        master, silent = self._rota.current, 0
        while True:
            await trio.sleep(LOOK_AGAIN)
            if self.connected and self._subscriber is not None and self._subscriber.connected:
                silent = 0
                continue
            if self._session is not None and self._rota.several:
                # It answered when it was asked last; then it may have gone, or only its publisher cannot be reached.
                silent += 1
                if silent == DEAF_LOOKS:
                    log.error("master.unreachable", master=address)
                    await self._go_on(0)
                    dialled.cancel()
                self._renew(spread=0)
            # A name server that does not answer says nothing about the master.
            with suppress(OSError):
                addresses = await self._dial.resolve(master.host, master.port)
                if address not in addresses:
                    log.info("master.moved", master=master.name, address=address, to=addresses[0])
                    dialled.cancel()

    async def _heed(self, words: Subscription, dialled: trio.CancelScope) -> None:
        """See for ourselves what others on this host say of the masters."""
        async for word in words:
            match word:
                case MasterDoubted() if not word.master or self._rota.current.called(word.master):
                    self._renew(spread=0)
                case FailBack() if self._rota.current != self._rota.first and self._rota.first.called(word.master):
                    if await self._takes_us(self._rota.first):
                        log.info("master.failback", master=self._rota.first.name, was=self.master)
                        self._rota.go_back()
                        dialled.cancel()

    async def _takes_us(self, master: Master) -> bool:
        """Whether a master lets us in: asked before the one is left that did."""
        with trio.move_on_after(self.options.sign_in.auth_timeout), suppress(OSError, TrisaltError):
            address = (await self._dial.resolve(master.host, master.port))[0]
            async with self._dial.client(tcp_address(address, master.port)) as client:
                facts = self.identity, self.options.sign_in, self._facts.grains
                return await would_accept(client.request, *facts, master=master.name)
        return False

    async def _keep_signed_in(self, address: str) -> None:
        """Sign in, and again whenever somebody wants it. Returns when it is another address that is to be tried."""
        first = True
        while (accepted := await self._accepted(address)) is not None:
            self._rota.answered()
            self._take(accepted)
            if first:
                log.info("auth.successful", master=address)
                first = False
            else:
                log.debug("auth.renewed", master=address)
            await self._renewal_due()

    async def _accepted(self, address: str) -> Accepted | None:
        """Sign in, however long it takes; None when another master or another address is to be tried."""
        several = self._rota.several
        while True:
            accepted = await sign_in(
                self.client.request,
                self.identity,
                self.options.sign_in,
                master=address,
                grains=self._facts.grains,
                elsewhere=several,
                # Once somebody has let us in, nobody else is waited for.
                known=self._last_master != "",
                last=self.alone(),
            )
            if accepted is not None:
                return accepted
            log.error("master.unreachable", master=address)
            if several and self.connected:
                await self._say_lost(address, self.master)
            await self._go_on(self.options.sign_in.acceptance_wait_time if several else 0)
            if several:
                return None
            with suppress(OSError):
                if [address] != await self._dial.resolve(self._rota.current.host, self._rota.current.port):
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
            ahead=None if accepted.clock is None else accepted.clock - trio.current_time(),
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

    @property
    def session(self) -> Session | None:
        """The session to ask with, if there is one."""
        return None if self._session is self._refused else self._session

    async def usable(self) -> Session:
        """The session to ask with; waited for while there is none."""
        while (session := self.session) is None:
            await self._renewed.wait()
        return session

    def refuse(self, session: Session, *, spread: float = 0.0) -> None:
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
            session = await self.usable()
            port = self.options.publish_port or session.publish_port
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
                                now = await self._master_time(job)
                                await self._say_received(JobReceived(load=job, master=self.master, now=now))

    async def _master_time(self, job: dict[str, Any]) -> float:
        """The master's wall time, by which the age of a job is judged.

        A clock that has been set makes every job look like a recording until we have signed in again.
        """
        session = await self.usable()
        now = session.now()
        if session.ahead is None or not too_old(job, now):
            return now
        await _wait_fruitless(self._recordings)
        self.refuse(session)
        session = await self.usable()
        self._recordings = self._recordings + 1 if too_old(job, session.now()) else 0
        return session.now()

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
        if before not in ("", self.master):
            log.info("master.changed", master=self.master)
        await self._bus.publish(Connected(master=self.master))
        if before not in ("", self.master):
            # What another master said of us may not hold for this one.
            await self._bus.publish(PillarRefresh())

    async def _say_lost(self, address: str, master: str) -> None:
        self.connected = False
        log.info("master.lost", master=address)
        if self._rota.several:
            log.info("master.next")
        await self._bus.publish(Disconnected(master=master))

    async def _opened(self, payload: bytes) -> dict[str, Any] | None:
        """The job map in a publication; None, and a line in the log, for what is to be dropped."""
        for again in (False, True):
            session = await self.usable()
            try:
                job = open_publication(
                    payload,
                    crypticle=session.aes,
                    master_pub=session.master_pub,
                    last_serial=self._last_serial,
                    require_signature=self.options.require_signature,
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
                await _wait_fruitless(self._fruitless)
                self.refuse(session, spread=self.options.random_reauth_delay * PUBLICATION_SPREAD)
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


async def _wait_fruitless(times: int) -> None:
    if times:
        await trio.sleep(min(2.0**times, LONGEST_FRUITLESS_WAIT))
