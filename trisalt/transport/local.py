"""The local door: a unix stream listener that knows its callers by the kernel's word, and frames on its streams.

What is asked there is not known here: `master.local_door` knows. `ipc` listens the same way.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
import struct
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import attrs
import structlog
import trio

from trisalt.errors import ConfigError, RemoteProtocolError
from trisalt.wire.frames import MAX_FRAME, FrameDecoder, pack_frame

log = structlog.get_logger()

# The shortest limit among the systems we know.
MAX_PATH = 103
BACKLOG = 128
# The largest thing a caller says; what it is told may be larger.
MAX_REQUEST = 16 * 1024 * 1024
CHUNK = 64 * 1024
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
    """Maps over one connection. One task sends and one receives at a time."""

    def __init__(self, stream: trio.abc.Stream, *, max_size: int = MAX_FRAME) -> None:
        self._stream = stream
        self._decoder = FrameDecoder(max_size)
        self._received: deque[dict[str, Any]] = deque()
        self._cut = False

    async def receive(self) -> dict[str, Any] | None:
        """The next map; None when the peer has hung up. Raises RemoteProtocolError for anything else.

        Cancel-safe.
        """
        if self._received:
            await trio.lowlevel.checkpoint()
        while not self._received:
            try:
                data = await self._stream.receive_some(CHUNK)
            except trio.BrokenResourceError:
                return None
            if not data:
                if self._decoder.pending:
                    raise RemoteProtocolError("the caller hung up in the middle of a frame")
                return None
            self._received.extend(self._decoder.feed(bytes(data)))
        return self._received.popleft()

    async def send(self, message: dict[str, Any]) -> None:
        """Send one map. Waits while the peer is slow; raises `trio.BrokenResourceError` when it has gone.

        A send that was cancelled may have left half a frame: nothing more can be sent after it.
        """
        await self.send_bytes(pack_frame(message))

    async def send_many(self, messages: Iterable[dict[str, Any]]) -> None:
        """Send several maps with one write."""
        await self.send_bytes(b"".join([pack_frame(message) for message in messages]))

    async def send_bytes(self, packed: bytes) -> None:
        """Send frames that `wire.frames.pack_frame` made: packed once, for many followers."""
        if self._cut:
            await trio.lowlevel.checkpoint()
            raise trio.BrokenResourceError("an earlier frame was cut")
        try:
            await self._stream.send_all(packed)
        except trio.BusyResourceError:
            raise
        except BaseException:
            self._cut = True
            raise

    async def wait_closed(self) -> None:
        """Wait until the peer hangs up; what it still sends is thrown away."""
        try:
            while await self._stream.receive_some(CHUNK):
                pass
        except trio.BrokenResourceError:
            pass


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

    async def serve(stream: trio.SocketStream, peer: LocalPeer) -> None:
        async with stream:
            try:
                await handle(peer, FrameStream(stream, max_size=max_size))
            except* (trio.BrokenResourceError, trio.ClosedResourceError):
                log.debug("local.hung_up", uid=peer.uid, pid=peer.pid)
            except* RemoteProtocolError as group:
                log.warning("local.refused", uid=peer.uid, pid=peer.pid, reason=str(group.exceptions[0]))
            except* Exception as group:
                log.error("local.failed", uid=peer.uid, pid=peer.pid, exc_info=group)
            finally:
                clients[peer.uid] -= 1

    def take(stream: trio.SocketStream) -> None:
        peer = _peer_of(stream)
        if clients[peer.uid] >= max_clients:
            stream.socket.close()
            log.warning("local.full", uid=peer.uid, pid=peer.pid, clients=max_clients)
            return
        clients[peer.uid] += 1
        handlers.start_soon(serve, stream, peer)

    with unix_listener(path, mode) as listener:
        async with trio.open_nursery() as handlers:
            async with trio.open_nursery() as door:
                door.start_soon(accept_all, listener, take)
                yield
                door.cancel_scope.cancel()
            listener.socket.close()
            handlers.cancel_scope.deadline = trio.current_time() + grace


def _peer_of(stream: trio.SocketStream) -> LocalPeer:
    fields = struct.Struct("3i")
    pid, uid, gid = fields.unpack(stream.socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, fields.size))
    return LocalPeer(uid=uid, gid=gid, pid=pid)


# -- listening at a path, for `ipc` too ----------------------------------------------------------------------------


async def accept_all(listener: trio.SocketListener, take: Callable[[trio.SocketStream], None]) -> None:
    """Hand every new connection to `take`, at once, until cancelled."""
    while True:
        try:
            stream = await listener.accept()
        except OSError as exc:
            if exc.errno not in EXHAUSTED:
                raise
            log.error("local.exhausted", reason=exc.strerror)
            await trio.sleep(EXHAUSTED_WAIT)
        else:
            take(stream)


@contextmanager
def unix_listener(path: str, mode: int) -> Iterator[trio.SocketListener]:
    """A listening unix socket at `path` with `mode`; its file is removed at the end if it is still ours.

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
        except OSError as exc:
            raise ConfigError(f"cannot listen at {path}: {exc.strerror}") from exc
        try:
            yield trio.SocketListener(trio.socket.from_stdlib_socket(sock))
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
