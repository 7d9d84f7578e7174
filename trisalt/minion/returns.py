"""`_return`: finished jobs go home, and what cannot be sent waits in the spool.

A return is a file in `cachedir/spool` before it is sent: the worker's child wrote it, or `jobs` did for what it
answered itself. The file goes when the master has acknowledged it, so a return arrives over restarts of either side;
the master knows a repeat by its jid. `jobs` posts; this service sends.
"""

from __future__ import annotations

import errno
import math
import os
import random
import time
import uuid
from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import attrs
import structlog
import trio

from trisalt.bus.bus import Bus
from trisalt.bus.events import Connected, Disconnected
from trisalt.bus.requests import MasterRequest
from trisalt.errors import LocalProtocolError, RemoteProtocolError, RequestTimeout, TrisaltError
from trisalt.wire.codec import pack_bin, unpack_bin

log = structlog.get_logger()

# Our own facts about a return, under one key; taken out before it is sent.
OURS = "_trisalt"

# So many returns are on their way at once; after a long silence there may be thousands.
AT_ONCE = 16

# A return of at most so many bytes is not read back from the spool for its first try.
AT_HAND = 16 * 1024

# A return that could not be sent is tried again when a link stands anew, and this often (seconds) anyway.
AGAIN_AFTER = 120.0

# … and when another one was taken, but not more often than this (seconds).
SOON_AGAIN = 10.0

# A return that nobody took for so long (seconds) is given up, loudly: the master has forgotten the job.
GIVE_UP_AFTER = 7 * 86400.0


class Spool:
    """The directory of returns that are not home yet: one file each, a return load as msgpack, named by its jid.

    What the disk does not take is held in memory: it does not outlive the daemon, and that is said.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._held: dict[str, bytes] = {}
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def path(self, name: str) -> Path:
        """Where the return of this name is, or will be."""
        return self._directory / name

    def __contains__(self, name: str) -> bool:
        return name in self._held or os.path.exists(f"{self._directory}/{name}")

    def begun(self, name: str) -> bool:
        """Whether a child has begun the job of this name: it leaves the file it will write its return to."""
        return os.path.exists(f"{self._directory}/.{name}.new")

    def names(self) -> list[str]:
        """All that are there, the oldest first."""
        return sorted(path.name for path in self._directory.iterdir() if not path.name.startswith("."))

    def write(self, name: str, load: dict[str, Any]) -> bytes:
        """Keep a return, and give what was written. What cannot be packed is replaced by a text that says so: a job
        always returns."""
        try:
            data = pack_bin(load)
        except LocalProtocolError as exc:
            data = pack_bin({**load, "return": f"The return cannot be sent: {exc}", "retcode": 1, "success": False})
        fresh = f"{self._directory}/.{name}.new"
        try:
            # Not `open()`: two objects and a buffer for one write.
            fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                if os.write(fd, data) < len(data):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            finally:
                os.close(fd)
            os.replace(fresh, f"{self._directory}/{name}")
        except OSError as exc:
            log.error("return.not_spooled", jid=name, path=str(self._directory), reason=exc.strerror)
            self._held[name] = data
            with suppress(OSError):
                os.unlink(fresh)
        return data

    def read(self, name: str, data: bytes | None = None) -> dict[str, Any]:
        """One return, from `data` when that is at hand. Raises RemoteProtocolError for a file that is none, OSError."""
        if data is None:
            data = self._held.get(name) or self.path(name).read_bytes()
        load = unpack_bin(data)
        if not isinstance(load, dict) or "jid" not in load:
            raise RemoteProtocolError(f"{name} holds no return")
        return load

    def age(self, name: str) -> float:
        """How many seconds ago it was written."""
        return 0.0 if name in self._held else time.time() - self.path(name).stat().st_mtime

    def remove(self, name: str) -> None:
        """It is home."""
        self._held.pop(name, None)
        with suppress(FileNotFoundError):
            os.unlink(f"{self._directory}/{name}")


class Returns:
    """The returns on their way: `post` what is in the spool, and it will be sent.

    `masters` are those that have a link of their own: a return for one of them waits until that link stands.
    """

    def __init__(self, spool: Spool, masters: Collection[str] = ()) -> None:
        self.spool = spool
        self.masters = tuple(masters)
        self._nursery: trio.Nursery | None = None
        self._send: Callable[[str, bytes | None], Awaitable[None]]
        self._sending: set[str] = set()
        # … and whom each is for, where that is known.
        self._late: dict[str, str | None] = {}
        self._standing: set[str] = set()
        self._late_posted = -math.inf

    def post(self, name: str, data: bytes | None = None) -> None:
        """A return is in the spool under this name: send it. `data` is what was just written there, if it is small."""
        if self._may_begin(name):
            assert self._nursery is not None
            self._nursery.start_soon(self._send, name, data)

    async def bring(self, name: str, data: bytes | None = None) -> None:
        """As `post`, in the task of whoever has nothing else to do; what cannot be sent waits, and they need not."""
        if self._may_begin(name):
            await self._send(name, data)
        else:
            await trio.lowlevel.checkpoint()

    def _may_begin(self, name: str) -> bool:
        """Whether it is to be sent now; it counts as one that is being sent then."""
        if name in self._sending:
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
    def sent_by(self, nursery: trio.Nursery, send: Callable[[str, bytes | None], Awaitable[None]]) -> Iterator[None]:
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
    for a random time between `timer` and `timer_max` seconds. While no link stands they wait.
    """
    limit = trio.CapacityLimiter(AT_ONCE)
    async with trio.open_nursery() as nursery:

        async def send(name: str, data: bytes | None) -> None:
            at_hand = data if data is not None and len(data) <= AT_HAND else None
            await _bring_home(bus, returns, name, at_hand, limit, tries, timer, timer_max)

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


async def _bring_home(
    bus: Bus,
    returns: Returns,
    name: str,
    data: bytes | None,
    limit: trio.CapacityLimiter,
    tries: int,
    timer: float,
    timer_max: float,
) -> None:
    letter = _Letter(name, data)
    home = False
    try:
        limit.acquire_nowait()
    except trio.WouldBlock:
        await limit.acquire()
    try:
        home = await _send(bus, returns, letter, tries, timer, timer_max)
    finally:
        limit.release()
        returns._sent(name, home=home, master=letter.master)


@attrs.define
class _Letter:
    """One return that is sent: what is at hand of it, and whom it is for as soon as that is known."""

    name: str
    data: bytes | None
    master: str | None = None


async def _send(bus: Bus, returns: Returns, letter: _Letter, tries: int, timer: float, timer_max: float) -> bool:
    """Send one return to whom it is for; whether it need not be sent again."""
    spool, name = returns.spool, letter.name
    try:
        load = spool.read(name, letter.data)
        age = spool.age(name) if letter.data is None else 0.0
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
        home = await _send_to_all(bus, returns, name, load, ours, tries, timer, timer_max)
    elif not returns.may_go(letter.master):
        log.debug("return.waiting", jid=name, fun=fun, master=letter.master)
        return False
    else:
        log.info("job.returning", jid=name, fun=fun)
        home = await _acknowledged(bus, name, load, letter.master, tries, timer, timer_max)
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
    timer: float,
    timer_max: float,
) -> bool:
    """Send one return to every master that does not have it yet; whether all have it."""
    have = [master for master in ours.get("home") or () if master in returns.masters]
    missing = [master for master in returns.masters if master not in have]
    log.info("job.returning", jid=name, fun=load.get("fun"))
    for master in missing:
        if returns.may_go(master) and await _acknowledged(bus, name, load, master, tries, timer, timer_max):
            have.append(master)
            if len(have) < len(returns.masters):
                returns.spool.write(name, {**load, OURS: {**ours, "home": have}})
    return len(have) == len(returns.masters)


async def _acknowledged(
    bus: Bus, name: str, load: dict[str, Any], master: str | None, tries: int, timer: float, timer_max: float
) -> bool:
    """Send one return to one master, `tries` times; whether it was taken."""
    reason = ""
    # The same as long as nothing came back: what was kept is not kept twice, also where a return has no jid yet.
    nonce = uuid.uuid4().hex
    for _ in range(max(tries, 1)):
        patience = random.uniform(timer, max(timer, timer_max))  # noqa: S311 - a spread, no secret
        try:
            answer = await bus.ask(MasterRequest(load=load, timeout=patience, tries=1, master=master, nonce=nonce))
        except RequestTimeout as exc:
            reason = str(exc)
            continue
        except TrisaltError as exc:
            # Something came back: a refusal is not to be repeated to us.
            reason, nonce = str(exc), uuid.uuid4().hex
            continue
        # A stock master answers "" when its handler failed, and False when it dropped the return.
        if answer == "" or answer is False:
            reason = "the master did not take it"
            nonce = uuid.uuid4().hex
            continue
        log.debug("return.acknowledged", jid=name, fun=load.get("fun"))
        return True
    log.warning("job.return_failed", jid=name, reason=reason)
    return False
