"""`_return`: finished jobs go home, and what cannot be sent waits in the spool.

A return is in the spool (`spool`) before it is sent: the worker's child wrote it, or `jobs` did for what it answered
itself. It leaves the spool when the master has acknowledged it, so a return arrives over restarts of either side; the
master knows a repeat by its jid. `jobs` posts; this service sends.
"""

from __future__ import annotations

import math
import os
import random
from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any

import attrs
import structlog
import trio

from trisalt.bus.bus import Bus
from trisalt.bus.events import Connected, Disconnected
from trisalt.bus.requests import MasterRequest
from trisalt.errors import RemoteProtocolError, RequestTimeout, TrisaltError
from trisalt.minion.spool import Spool

log = structlog.get_logger()

# Our own facts about a return, under one key; taken out before it is sent.
OURS = "_trisalt"

# So many returns are on their way at once; after a long silence there may be thousands.
AT_ONCE = 16

# A return that could not be sent is tried again when a link stands anew, and this often (seconds) anyway.
AGAIN_AFTER = 120.0

# … and when another one was taken, but not more often than this (seconds).
SOON_AGAIN = 10.0

# A return that nobody took for so long (seconds) is given up, loudly: the master has forgotten the job.
GIVE_UP_AFTER = 7 * 86400.0


# Sends one by its name; what is at hand of it.
Send = Callable[[str, dict[str, Any] | None], Awaitable[None]]


class Returns:
    """The returns on their way: `post` what is in the spool, and it will be sent.

    `masters` are those that have a link of their own: a return for one of them waits until that link stands. Without
    `pub_ret` no return goes to a master: what is posted is forgotten.
    """

    def __init__(self, spool: Spool, masters: Collection[str] = (), *, pub_ret: bool = True) -> None:
        self.spool = spool
        self.masters = tuple(masters)
        self._pub_ret = pub_ret
        self._nursery: trio.Nursery | None = None
        self._send: Send
        self._sending: set[str] = set()
        # … and whom each is for, where that is known.
        self._late: dict[str, str | None] = {}
        self._standing: set[str] = set()
        self._late_posted = -math.inf

    def __contains__(self, name: str) -> bool:
        """Whether the return of this name is not home yet: all that is in the spool was posted."""
        return name in self._sending or name in self._late

    def post(self, name: str, load: dict[str, Any] | None = None) -> None:
        """A return is in the spool under this name: send it. `load` is what was just written there, where it is given
        away."""
        if self._may_begin(name):
            assert self._nursery is not None
            self._nursery.start_soon(self._send, name, load)

    async def bring(self, name: str, load: dict[str, Any] | None = None) -> None:
        """As `post`, in the task of whoever has nothing else to do; what cannot be sent waits, and they need not."""
        if self._may_begin(name):
            await self._send(name, load)
        else:
            await trio.lowlevel.checkpoint()

    def _may_begin(self, name: str) -> bool:
        """Whether it is to be sent now; it counts as one that is being sent then."""
        if name in self._sending:
            return False
        if not self._pub_ret:
            self._late.pop(name, None)
            self.spool.remove(name)
            return False
        if self._nursery is None or not self._standing:
            # Nobody to send to: they are sent when a link stands, without a word for each every other minute.
            self._late[name] = self._late.get(name)
            log.debug("returns.waiting", count=len(self._late))
            return False
        self._late.pop(name, None)
        self._sending.add(name)
        return True

    @contextmanager
    def sent_by(self, nursery: trio.Nursery, send: Send) -> Iterator[None]:
        """Have `send` send what is posted while a link stands; it says `_sent` when it is done."""
        self._nursery, self._send = nursery, send
        try:
            yield
        finally:
            self._nursery = None

    def late(self) -> tuple[str, ...]:
        """Those that could not be sent, and wait."""
        return tuple(self._late)

    def post_late(self) -> None:
        """Try those again that could not be sent, as far as the link they wait for stands."""
        if self._late:
            self._late_posted = trio.current_time()
        for name, master in list(self._late.items()):
            if self.may_go(master):
                self.post(name)

    def may_go(self, master: str | None) -> bool:
        """Whether there is a way to the master that a return is for."""
        return master not in self.masters or master in self._standing

    def _linked(self, event: Connected | Disconnected) -> None:
        if isinstance(event, Connected):
            self._standing.add(event.master)
            self.post_late()
        else:
            self._standing.discard(event.master)

    def _sent(self, name: str, *, home: bool, master: str | None) -> None:
        self._sending.discard(name)
        if not home:
            self._late[name] = master
        elif self._late and trio.current_time() - self._late_posted > SOON_AGAIN:
            # A master that takes one return takes others: its disk has room again, say.
            self.post_late()


async def keep_returns(
    bus: Bus,
    returns: Returns,
    *,
    tries: int = 3,
    timer: float = 5,
    timer_max: float = 10,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Send what is posted, and what a previous daemon left in the spool; `tries` times, each waiting for an answer
    for a time between `timer` and `timer_max` seconds that each daemon draws, so that not all minions try again
    together. While no link stands they wait.
    """
    limit = trio.Semaphore(AT_ONCE)
    patience = random.uniform(timer, max(timer, timer_max))  # noqa: S311 - a spread, no secret
    async with trio.open_nursery() as nursery:

        async def send(name: str, load: dict[str, Any] | None) -> None:
            letter, home = _Letter(name, load), False
            try:
                limit.acquire_nowait()
            except trio.WouldBlock:
                await limit.acquire()
            try:
                home = await _send(bus, returns, letter, tries, patience)
            finally:
                limit.release()
                returns._sent(name, home=home, master=letter.master)

        with returns.sent_by(nursery, send):
            for name in returns.spool.names():
                returns.post(name)
            await _try_again(bus, returns, task_status=task_status)


async def _try_again(
    bus: Bus, returns: Returns, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    async with bus.subscribe((Connected, Disconnected), keep=True) as links:
        task_status.started()
        while True:
            with trio.move_on_after(AGAIN_AFTER) as quiet:
                event = await links.receive()
                if isinstance(event, Connected | Disconnected):
                    returns._linked(event)
            if quiet.cancelled_caught:
                returns.post_late()


@attrs.define
class _Letter:
    """One return that is sent: what is at hand of it, and whom it is for as soon as that is known."""

    name: str
    load: dict[str, Any] | None
    master: str | None = None


async def _send(bus: Bus, returns: Returns, letter: _Letter, tries: int, patience: float) -> bool:
    """Send one return to whom it is for; whether it need not be sent again."""
    spool, name = returns.spool, letter.name
    try:
        load = letter.load or spool.read(name)
        age = spool.age(name) if letter.load is None else 0.0
    except FileNotFoundError:
        return True
    except (OSError, RemoteProtocolError) as exc:
        log.error("return.unreadable", path=str(spool.path(name)), reason=str(exc))
        spool.remove(name)
        return True
    ours = load.pop(OURS, None)
    ours = dict(ours) if isinstance(ours, dict) else {}
    letter.master = ours.get("master")
    fun = load.get("fun")
    if letter.master is None and len(returns.masters) > 1:
        # Nobody asked for it, the schedule did: every master is told, as each would be of a minion of its own.
        home = await _send_to_all(bus, returns, name, load, ours, tries, patience)
    elif not returns.may_go(letter.master):
        log.debug("return.waiting", jid=name, fun=fun, master=letter.master)
        return False
    else:
        log.info("job.returning", jid=name, fun=fun)
        home = await _acknowledged(bus, name, load, letter.master, tries, patience)
    if not home and age > GIVE_UP_AFTER:
        # Only now: the age is the wall clock's word, which may have been set since.
        log.error("return.given_up", jid=name, fun=fun, days=round(age / 86400))
        home = True
    if home:
        spool.remove(name)
    return home


async def _send_to_all(
    bus: Bus,
    returns: Returns,
    name: str,
    load: dict[str, Any],
    ours: dict[str, Any],
    tries: int,
    patience: float,
) -> bool:
    """Send one return to every master that does not have it yet; whether all have it."""
    have = [master for master in ours.get("home") or () if master in returns.masters]
    missing = [master for master in returns.masters if master not in have]
    log.info("job.returning", jid=name, fun=load.get("fun"))
    for master in missing:
        if returns.may_go(master) and await _acknowledged(bus, name, load, master, tries, patience):
            have.append(master)
            if len(have) < len(returns.masters):
                returns.spool.write(name, {**load, OURS: {**ours, "home": have}})
    return len(have) == len(returns.masters)


async def _acknowledged(
    bus: Bus, name: str, load: dict[str, Any], master: str | None, tries: int, patience: float
) -> bool:
    """Send one return to one master, `tries` times; whether it was taken."""
    reason = ""
    # The same as long as nothing came back: what was kept is not kept twice, also where a return has no jid yet.
    nonce = os.urandom(16).hex()
    for _ in range(max(tries, 1)):
        try:
            answer = await bus.ask(MasterRequest(load=load, timeout=patience, tries=1, master=master, nonce=nonce))
        except RequestTimeout as exc:
            reason = str(exc)
            continue
        except TrisaltError as exc:
            # Something came back: a refusal is not to be repeated to us.
            reason, nonce = str(exc), os.urandom(16).hex()
            continue
        # A stock master answers "" when its handler failed, and False when it dropped the return.
        if answer == "" or answer is False:
            reason = "the master did not take it"
            nonce = os.urandom(16).hex()
            continue
        log.debug("return.acknowledged", jid=name, fun=load.get("fun"))
        return True
    log.warning("job.return_failed", jid=name, reason=reason)
    return False
