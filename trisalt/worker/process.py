"""One child of the zygote and its socket, and the zygote as the pool sees it: forked, spoken with, ended, told.

`pool` alone uses it. Nothing here knows what the frames mean.
"""

from __future__ import annotations

import os
import signal
import socket
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import structlog
import trio

from trisalt.errors import RemoteProtocolError, WorkerDied
from trisalt.wire.frames import FrameDecoder, pack_frame
from trisalt.worker.zygote import EXITED, FAILED, REPORT, REQUEST, STARTED, Zygote, reap, start_zygote

log = structlog.get_logger()

# Seconds that a zygote has for ending when its socket is closed, before it is killed.
GRACE = 2.0
# Seconds that a new zygote is left alone, when it dies at once too.
AGAIN_AFTER = 0.5
# So many names go to a zygote in one packet.
LESSON = 20


class Process:
    """One child: its pid, its socket, and how it ended. `exited` is set when it is gone; `status` tells how.

    `finished`: it will take no more calls.
    """

    def __init__(self, pid: int, channel: socket.socket) -> None:
        self.pid = pid
        self.exited = trio.Event()
        self.status: int | None = None
        self.finished = False
        self._socket = channel
        self._decoder = FrameDecoder()
        self._messages: deque[dict[str, Any]] = deque()
        self._sending = trio.Lock()

    async def send(self, message: Mapping[str, Any]) -> None:
        """Send a frame; nothing happens when the child is gone, since `receive` tells.

        What goes into the socket's buffer is sent even when we are cancelled: whoever said that a job starts can
        rely on it. Raises LocalProtocolError for what does not pack. Cancelled in the middle of a larger one, the
        channel is lost: it is closed.
        """
        packed = memoryview(pack_frame(dict(message)))
        try:
            self._sending.acquire_nowait()
        except trio.WouldBlock:
            await self._sending.acquire()
        else:
            await trio.lowlevel.cancel_shielded_checkpoint()
        try:
            await self.finish(self._write(packed))
        finally:
            self._sending.release()

    def begin(self, message: Mapping[str, Any]) -> memoryview:
        """Send a frame as `send` does, while nobody else sends, as far as it goes at once. `finish` sends the rest."""
        return self._write(memoryview(pack_frame(dict(message))))

    async def finish(self, rest: memoryview) -> None:
        """Send the rest of a frame, if there is one."""
        try:
            while rest:
                await self._wait(trio.lowlevel.wait_writable)
                rest = self._write(rest)
        except BaseException:
            self.close()
            raise

    def _write(self, data: memoryview) -> memoryview:
        try:
            return data[self._socket.send(data) :]
        except BlockingIOError:
            return data
        except OSError:
            return data[:0]

    async def receive(self) -> dict[str, Any] | None:
        """The next frame; None when the child has closed its end, or has ended and left nothing more."""
        waited = False
        while not self._messages:
            try:
                data = self._socket.recv(1 << 18)
                if not data:
                    break
                self._messages.extend(self._decoder.feed(data))
            except BlockingIOError:
                if self.exited.is_set():
                    break  # its own children may still hold the other end
                await self._wait(trio.lowlevel.wait_readable)
                waited = True
            except (OSError, RemoteProtocolError):
                break
        if not waited:
            await trio.lowlevel.checkpoint()
        return self._messages.popleft() if self._messages else None

    async def _wait(self, until_ready: Callable[[socket.socket], Awaitable[None]]) -> None:
        """Wait for the socket, or until the child has ended: then whoever waits looks once more."""
        try:
            await until_ready(self._socket)
        except trio.ClosedResourceError:
            if not self.exited.is_set():
                raise

    def ended(self, status: int | None) -> None:
        """The zygote has reaped it; whoever receives from it looks once more."""
        self.status = status
        self.exited.set()
        if self._socket.fileno() != -1:
            trio.lowlevel.notify_closing(self._socket)

    def kill(self) -> None:
        """Kill it and all that it has started."""
        if not self.exited.is_set():
            signal_tree(self.pid, signal.SIGKILL)

    def close(self) -> None:
        """It is given no more calls, and gets no more answers. A job that runs in it goes on."""
        self.finished = True
        if self._socket.fileno() != -1:
            trio.lowlevel.notify_closing(self._socket)
            self._socket.close()


class _Unborn:
    """A child that was asked for: the daemon's end of its socket, and, once that is settled, whether it is there."""

    def __init__(self, channel: socket.socket) -> None:
        self.socket = channel
        self.settled = trio.Event()
        self.process: Process | None = None


class Nursery:
    """The zygote as the pool sees it: forks children, and hears how they end. A zygote that died is replaced."""

    def __init__(self, zygote: Zygote) -> None:
        self._zygote = zygote
        self._number = 0
        self._requesting = trio.Lock()
        self._learned: set[str] = set()
        self._unborn: dict[int, _Unborn] = {}
        self._children: dict[int, Process] = {}

    @classmethod
    async def run(cls, zygote: Zygote, *, task_status: trio.TaskStatus[Nursery] = trio.TASK_STATUS_IGNORED) -> None:
        """Own a zygote until cancelled; then let it end, and reap it. Its children run on."""
        self = cls(zygote)
        try:
            async with trio.open_nursery() as watchers:
                task_status.started(self)
                while True:
                    self._zygote.socket.setblocking(False)
                    await self._listen()
                    status = await self._end()
                    log.error("zygote.died", status=status)
                    self._bereave(watchers)
                    self._learned.clear()
                    # Not a fork: this process has threads by now.
                    self._zygote = start_zygote(self._zygote.preload, fresh=True)
                    # One that cannot live must not make us busy.
                    await trio.sleep(AGAIN_AFTER)
        finally:
            with trio.CancelScope(shield=True):
                await self._end()

    async def fork(self) -> Process:
        """One more child, waiting for its first call. Raises WorkerDied when there cannot be one."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self._number = (self._number + 1) % (1 << 32)
        unborn = self._unborn[self._number] = _Unborn(ours)
        number = self._number
        try:
            with theirs:
                await self._request(number, theirs)
            await unborn.settled.wait()
        except BaseException:
            # A child that is born all the same finds its socket closed, and ends.
            ours.close()
            raise
        finally:
            self._unborn.pop(number, None)
        if unborn.process is None:
            ours.close()
            raise WorkerDied("A worker process cannot be started")
        return unborn.process

    def learn(self, names: Sequence[str]) -> None:
        """Have the zygote import modules, once, for the children to come. When it is busy, another time will do."""
        wanted = [name for name in names if name not in self._learned]
        if not wanted:
            return
        with suppress(OSError):
            for begin in range(0, len(wanted), LESSON):
                some = wanted[begin : begin + LESSON]
                self._zygote.socket.send(" ".join(some).encode())
                self._learned.update(some)

    # -- inside -----------------------------------------------------------------------------------------------

    async def _request(self, number: int, theirs: socket.socket) -> None:
        async with self._requesting:
            while True:
                zygote = self._zygote.socket
                try:
                    socket.send_fds(zygote, [REQUEST.pack(number)], [theirs.fileno()])
                    return
                except BlockingIOError:
                    await trio.lowlevel.wait_writable(zygote)
                except OSError as exc:
                    raise WorkerDied(f"A worker process cannot be started: {exc}") from exc

    async def _listen(self) -> None:
        """Hear what the zygote tells, until it is gone."""
        while True:
            await trio.lowlevel.wait_readable(self._zygote.socket)
            with suppress(BlockingIOError):
                try:
                    report = self._zygote.socket.recv(REPORT.size)
                except ConnectionError:
                    return
                if not report:
                    return
                self._told(*REPORT.unpack(report))

    def _told(self, what: int, number: int, value: int) -> None:
        if what == EXITED:
            process = self._children.pop(number, None)
            if process is not None:
                process.ended(value)
            return
        unborn = self._unborn.get(number)
        if unborn is None:
            return  # whoever asked for it is gone
        if what == STARTED:
            unborn.process = self._children[value] = Process(value, unborn.socket)
        elif what == FAILED:
            log.error("worker.start_failed", reason=os.strerror(value))
        unborn.settled.set()

    def _bereave(self, watchers: trio.Nursery) -> None:
        """The zygote is gone: children that wait to be born never will be, and nobody tells how the others end."""
        for unborn in self._unborn.values():
            unborn.settled.set()
        for process in self._children.values():
            watchers.start_soon(watch, process)
        self._children.clear()

    async def _end(self) -> int | None:
        """Close the zygote's socket and reap it; its exit status. One that does not end is killed."""
        zygote = self._zygote
        if zygote.socket.fileno() != -1:
            trio.lowlevel.notify_closing(zygote.socket)
            zygote.socket.close()
        with trio.move_on_after(GRACE):
            while True:
                try:
                    pid, status = os.waitpid(zygote.pid, os.WNOHANG)  # noqa: ASYNC222 - does not wait
                except ChildProcessError:
                    return None
                if pid:
                    return os.waitstatus_to_exitcode(status)
                await trio.sleep(0.002)
        with suppress(ProcessLookupError):
            os.kill(zygote.pid, signal.SIGKILL)
        return reap(zygote.pid)


async def watch(process: Process) -> None:
    """Notice the end of a process that is not our child; its status cannot be known."""
    try:
        descriptor = os.pidfd_open(process.pid)
    except ProcessLookupError:
        await trio.lowlevel.checkpoint()
        process.ended(None)
        return
    try:
        await trio.lowlevel.wait_readable(descriptor)
    finally:
        os.close(descriptor)
    process.ended(None)


def signal_tree(pid: int, signum: int) -> bool:
    """Send a signal to a process, then to all that it has started; False when it is not there.

    The process comes first: a job whose command is ended before it would go on and return what is left of it.
    """
    below = list(_descendants(pid))
    try:
        os.kill(pid, signum)
    except (ProcessLookupError, PermissionError):
        return False
    for other in below:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(other, signum)
    return True


def _descendants(pid: int) -> Iterator[int]:
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
        children = [int(child) for task in tasks for child in _children_of(pid, task)]
    except OSError:
        return
    for child in children:
        yield child
        yield from _descendants(child)


def _children_of(pid: int, task: str) -> list[bytes]:
    with open(f"/proc/{pid}/task/{task}/children", "rb") as file:
        return file.read().split()
