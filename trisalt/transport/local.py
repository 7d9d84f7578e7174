"""The local door: a unix stream listener that knows its callers by the kernel's word, and frames on its streams.

What is asked there is not known here: `master.local_door` knows. `ipc` listens the same way.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import stat
import struct
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from functools import partial
from typing import Any

import attrs
import structlog
import trio

from trisalt.errors import ConfigError, RemoteProtocolError
from trisalt.transport.hands import open_hands
from trisalt.wire.frames import MAX_FRAME, FrameDecoder, pack_frame

log = structlog.get_logger()

# The shortest limit among the systems we know.
MAX_PATH = 103
BACKLOG = 128
# The largest thing a caller says; what it is told may be larger.
MAX_REQUEST = 16 * 1024 * 1024
CHUNK = 64 * 1024
# What SO_PEERCRED holds.
PEER = struct.Struct("3i")
# The file table is full: callers wait in the backlog meanwhile.
EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS}
EXHAUSTED_WAIT = 0.1


@attrs.frozen(kw_only=True)
class LocalPeer:
    """Who is on the other end, as the kernel says (`SO_PEERCRED`)."""

    uid: int
    gid: int
    pid: int


class FrameStream:
    """Maps over one connected unix socket. One task sends and one receives at a time.

    What can be done at once is done by plain functions (`receive_nowait`, `put`): the event loop is asked only where
    there is something to wait for.
    """

    def __init__(
        self,
        sock: socket.socket,
        *,
        max_size: int = MAX_FRAME,
        heed: Callable[[socket.socket], object] = lambda _sock: None,
    ) -> None:
        """`heed` sees to it that what is done for this peer ends when it hangs up."""
        sock.setblocking(False)
        self._sock = sock
        self._heed = heed
        self._decoder = FrameDecoder(max_size)
        self._received: deque[dict[str, Any]] = deque()
        self._unsent: deque[memoryview] = deque()

    def receive_nowait(self) -> dict[str, Any] | None:
        """As `receive`, from what has come so far; raises `trio.WouldBlock` when that is no whole map."""
        if not self._received:
            try:
                data = self._sock.recv(CHUNK)
            except BlockingIOError:
                raise trio.WouldBlock from None
            except OSError:
                return None
            if not data:
                if self._decoder.pending:
                    raise RemoteProtocolError("the caller hung up in the middle of a frame")
                return None
            self._received.extend(self._decoder.feed(data))
            if not self._received:
                raise trio.WouldBlock
        return self._received.popleft()

    async def receive(self) -> dict[str, Any] | None:
        """The next map; None when the peer has hung up. Raises RemoteProtocolError for anything else.

        Cancel-safe.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        waited = False
        while True:
            try:
                message = self.receive_nowait()
            except trio.WouldBlock:
                await trio.lowlevel.wait_readable(self._sock)
                waited = True
                continue
            if not waited:
                await trio.lowlevel.cancel_shielded_checkpoint()
            return message

    async def send(self, message: dict[str, Any]) -> None:
        """Send one map. Waits while the peer is slow; raises `trio.BrokenResourceError` when it has gone.

        What is left of a send that was cancelled goes out before whatever is sent next.
        """
        await self.send_bytes(pack_frame(message))

    async def send_many(self, messages: Iterable[dict[str, Any]]) -> None:
        """Send several maps with one write."""
        await self.send_bytes(_packed(messages))

    async def send_bytes(self, packed: bytes) -> None:
        """Send frames that `wire.frames.pack_frame` made: packed once, for many followers."""
        await trio.lowlevel.checkpoint_if_cancelled()
        self._put(packed)
        await self.flush()

    def put(self, *messages: dict[str, Any]) -> bool:
        """Send maps with one write, as far as that goes without waiting; whether all has gone.

        The rest waits for `flush`, or goes with whatever is sent next. Raises as `send`.
        """
        self._put(_packed(messages))
        return not self._unsent

    async def flush(self) -> None:
        """Wait until all has been sent."""
        if not self._unsent:
            await trio.lowlevel.checkpoint()
        while self._unsent:
            await trio.lowlevel.wait_writable(self._sock)
            while self._unsent:
                rest = self._unsent[0]
                sent = self._write(rest)
                if sent < len(rest):
                    self._unsent[0] = rest[sent:]
                    break
                self._unsent.popleft()

    def heed_hang_up(self) -> None:
        """From here on the handler is cancelled when the peer hangs up. What it still says is thrown away."""
        self._heed(self._sock)

    def _put(self, packed: bytes) -> None:
        sent = 0 if self._unsent else self._write(packed)
        if sent < len(packed):
            self._unsent.append(memoryview(packed)[sent:])

    def _write(self, data: bytes | memoryview) -> int:
        try:
            return self._sock.send(data)
        except BlockingIOError:
            return 0
        except OSError as exc:
            raise trio.BrokenResourceError(f"the peer has gone: {exc.strerror}") from exc


def _packed(messages: Iterable[dict[str, Any]]) -> bytes:
    return b"".join([pack_frame(message) for message in messages])


class HangUps:
    """One look at all peers: what is done for one that hangs up is cancelled. It costs no task and no scope more."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._scopes: dict[int, trio.CancelScope] = {}

    def heed(self, scope: trio.CancelScope, sock: socket.socket) -> None:
        """Cancel `scope` when the peer of `sock` hangs up, until `forget`."""
        fd = sock.fileno()
        self._scopes[fd] = scope
        self._epoll.register(fd, select.EPOLLRDHUP | select.EPOLLONESHOT)

    def forget(self, sock: socket.socket) -> None:
        """This socket is about to be closed, which takes it out of the look."""
        self._scopes.pop(sock.fileno(), None)

    async def watch(self) -> None:
        """Look, until cancelled."""
        while True:
            await trio.lowlevel.wait_readable(self._epoll.fileno())
            for fd, _events in self._epoll.poll(0):
                if scope := self._scopes.get(fd):
                    scope.cancel()

    def close(self) -> None:
        """Nobody waits any longer."""
        self._epoll.close()


@asynccontextmanager
async def open_local_listener(
    path: str,
    handle: Callable[[LocalPeer, FrameStream], Awaitable[None]],
    *,
    mode: int = 0o660,
    max_size: int = MAX_REQUEST,
    max_clients: int = 256,
    grace: float = 0,
) -> AsyncIterator[None]:
    """Listen at `path` until left; `handle(peer, stream)` runs in a task of its own for each caller.

    A handler that fails ends its own connection only, and so does a caller who sends what is no frame, or one above
    `max_size` bytes. A user who has `max_clients` connections gets no more. On leaving, handlers have `grace`
    seconds. A socket file that nobody listens on is replaced; raises ConfigError when somebody does, or the path is
    too long, or cannot be made.
    """
    clients: Counter[int] = Counter()

    async def serve(sock: socket.socket, peer: LocalPeer) -> None:
        with sock:
            try:
                await handle(peer, FrameStream(sock, max_size=max_size, heed=partial(hang_ups.heed, hands.scope())))
            except* (trio.BrokenResourceError, trio.ClosedResourceError):
                log.debug("local.hung_up", uid=peer.uid, pid=peer.pid)
            except* RemoteProtocolError as group:
                log.warning("local.refused", uid=peer.uid, pid=peer.pid, reason=str(group.exceptions[0]))
            except* Exception as group:
                log.error("local.failed", uid=peer.uid, pid=peer.pid, exc_info=group)
            finally:
                hang_ups.forget(sock)
                clients[peer.uid] -= 1

    def take(sock: socket.socket) -> None:
        peer = _peer_of(sock)
        if clients[peer.uid] >= max_clients:
            sock.close()
            log.warning("local.full", uid=peer.uid, pid=peer.pid, clients=max_clients)
            return
        clients[peer.uid] += 1
        hands.start_soon(serve, sock, peer)

    with closing(HangUps()) as hang_ups, unix_listener(path, mode) as listener:
        async with trio.open_nursery() as watch:
            watch.start_soon(hang_ups.watch)
            async with trio.open_nursery() as handlers:
                with open_hands(handlers) as hands:
                    async with trio.open_nursery() as door:
                        door.start_soon(accept_all, listener, take)
                        yield
                        door.cancel_scope.cancel()
                listener.close()
                handlers.cancel_scope.deadline = trio.current_time() + grace
            watch.cancel_scope.cancel()


def _peer_of(sock: socket.socket) -> LocalPeer:
    pid, uid, gid = PEER.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, PEER.size))
    return LocalPeer(uid=uid, gid=gid, pid=pid)


# -- listening at a path, for `ipc` too ----------------------------------------------------------------------------


async def accept_all(listener: socket.socket, take: Callable[[socket.socket], None]) -> None:
    """Hand every new connection to `take`, at once, until cancelled."""
    while True:
        await trio.lowlevel.wait_readable(listener)
        try:
            sock, _address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            continue
        except OSError as exc:
            if exc.errno not in EXHAUSTED:
                raise
            log.error("local.exhausted", reason=exc.strerror)
            await trio.sleep(EXHAUSTED_WAIT)
        else:
            take(sock)


@contextmanager
def unix_listener(path: str, mode: int) -> Iterator[socket.socket]:
    """A listening unix socket at `path` with `mode`, not blocking; its file is removed at the end if it is still ours.

    Raises ConfigError as `open_local_listener` says.
    """
    if len(os.fsencode(path)) > MAX_PATH:
        raise ConfigError(f"the socket path {path} is longer than {MAX_PATH} bytes: choose a shorter sock_dir")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        try:
            _remove_stale(path)
            # Linux makes the file with the socket's own mode, so it is never wider than asked for; the chmod gives
            # back what the umask took. Nobody can connect before listen().
            os.fchmod(sock.fileno(), mode)
            sock.bind(path)
            os.chmod(path, mode)
            made = os.lstat(path)
            sock.listen(BACKLOG)
            sock.setblocking(False)
        except OSError as exc:
            raise ConfigError(f"cannot listen at {path}: {exc.strerror}") from exc
        try:
            yield sock
        finally:
            _remove_own(path, made)
    finally:
        sock.close()


def _remove_stale(path: str) -> None:
    """Remove the socket file at `path` if nobody listens there. Raises ConfigError if somebody does."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise ConfigError(f"cannot listen at {path}: there is a file that is no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        # Not to wait: a listener whose backlog is full is there all the same.
        probe.setblocking(False)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
            return
        except FileNotFoundError:
            return
        except BlockingIOError:
            pass
    raise ConfigError(f"already running: another process listens at {path}")


def _remove_own(path: str, made: os.stat_result) -> None:
    try:
        found = os.lstat(path)
        if (found.st_dev, found.st_ino) == (made.st_dev, made.st_ino):
            os.unlink(path)
    except OSError:
        pass
