"""The local door's listener: who calls, frames on streams, bad callers, slow callers, and the socket file."""

import os
import socket
import stat
import subprocess
import sys
from contextlib import asynccontextmanager

import pytest
import structlog
import trio
from trio.testing import wait_all_tasks_blocked

from trisalt.errors import ConfigError, LocalProtocolError, RemoteProtocolError
from trisalt.transport.local import FrameStream, LocalPeer, open_local_listener, unix_listener
from trisalt.wire.frames import pack_frame

PATIENCE = 30


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "master.sock")


@asynccontextmanager
async def listening(path, handle, **options):
    with trio.fail_after(PATIENCE):
        async with open_local_listener(path, handle, **options):
            yield


@asynccontextmanager
async def calling(path):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(path)
        yield FrameStream(sock)


@pytest.fixture
def pair():
    """Two ends of one connection."""
    here, there = socket.socketpair()
    with here, there:
        yield here, there


async def echo(peer, stream):
    while (message := await stream.receive()) is not None:
        await stream.send({"re": message})


# -- callers and frames ------------------------------------------------------------------------------------------------


async def test_the_kernel_says_who_calls(path):
    peers = []

    async def handle(peer, stream):
        peers.append(peer)
        await stream.send({"ok": True})

    async with listening(path, handle):
        async with calling(path) as stream:
            assert await stream.receive() == {"ok": True}
            assert await stream.receive() is None
        child = await trio.run_process(
            [sys.executable, "-c", f"import socket; s = socket.socket(1); s.connect({path!r}); s.recv(9)"]
        )
        assert child.returncode == 0
    assert peers[0] == LocalPeer(uid=os.getuid(), gid=os.getgid(), pid=os.getpid())
    assert peers[1].pid != os.getpid()


async def test_maps_go_both_ways_however_they_are_cut(path):
    async with listening(path, echo), calling(path) as stream:
        await stream.send({"n": 1, "bytes": b"\xff", "text": "ü"})
        assert await stream.receive() == {"re": {"n": 1, "bytes": b"\xff", "text": "ü"}}
        packed = b"".join(pack_frame({"n": n}) for n in range(3))
        for start in range(0, len(packed), 5):
            await stream.send_bytes(packed[start : start + 5])
            await trio.lowlevel.checkpoint()
        assert [await stream.receive() for _ in range(3)] == [{"re": {"n": n}} for n in range(3)]
        await stream.send_many([{"n": n} for n in range(100)])
        assert [await stream.receive() for _ in range(100)] == [{"re": {"n": n}} for n in range(100)]


async def test_large_frames_pass_up_to_the_limit(path):
    async with listening(path, echo, max_size=1_000_000):
        async with calling(path) as stream:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(stream.send, {"x": b"x" * 900_000})
                assert len((await stream.receive())["re"]["x"]) == 900_000
        with structlog.testing.capture_logs() as logs:
            async with calling(path) as stream:
                with pytest.raises(trio.BrokenResourceError):
                    await stream.send({"x": b"x" * 20_000_000})
            assert [line["event"] for line in logs] == ["local.refused"]
        async with calling(path) as stream:
            await stream.send({"n": 1})
            assert await stream.receive() == {"re": {"n": 1}}


@pytest.mark.parametrize(
    "garbage",
    [b"GET / HTTP/1.1\r\n\r\n", b"\0\0\0\1\xc1", b"\0\0\0\1\x01", b"\xff" * 100, b"\0\0\0\x05\x81\xa1a\xdd\xff"],
)
async def test_a_bad_caller_hurts_nobody_else(path, garbage):
    async with listening(path, echo), calling(path) as good:
        with structlog.testing.capture_logs() as logs:
            async with await trio.open_unix_socket(path) as bad:
                await bad.send_all(garbage)
                assert await bad.receive_some() == b""
        (line,) = logs
        assert (line["event"], line["uid"], line["pid"]) == ("local.refused", os.getuid(), os.getpid())
        await good.send({"n": 1})
        assert await good.receive() == {"re": {"n": 1}}


async def test_a_failing_handler_ends_its_own_connection_only(path):
    async def handle(peer, stream):
        message = await stream.receive()
        if message.get("bad"):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.sleep_forever)
                raise ValueError("of the handler")
        await stream.send(message)

    async with listening(path, handle):
        with structlog.testing.capture_logs() as logs:
            async with calling(path) as stream:
                await stream.send({"bad": True})
                assert await stream.receive() is None
        assert [line["event"] for line in logs] == ["local.failed"]
        async with calling(path) as stream:
            await stream.send({"n": 1})
            assert await stream.receive() == {"n": 1}


async def test_a_caller_that_goes_away_is_no_failure(path):
    async def handle(peer, stream):
        while True:
            await stream.send({"x": b"x" * 100_000})

    with structlog.testing.capture_logs() as logs:
        async with listening(path, handle):
            async with calling(path) as stream:
                await stream.receive()
            await wait_all_tasks_blocked(0.05)
    assert {line["log_level"] for line in logs} <= {"debug"}


@pytest.mark.parametrize("says", [b"", b"and more"], ids=["silent", "talking"])
async def test_what_is_done_for_a_caller_ends_when_it_hangs_up(path, says):
    ended = trio.Event()

    async def handle(peer, stream):
        message = await stream.receive()
        stream.heed_hang_up()
        try:
            await stream.send(message)
            await trio.sleep_forever()
        finally:
            ended.set()

    async with listening(path, handle):
        async with calling(path) as stream, calling(path) as other:
            await other.send({"n": 2})
            assert await other.receive() == {"n": 2}
            await stream.send({"n": 1})
            assert await stream.receive() == {"n": 1}
            await stream.send_bytes(says)
            await wait_all_tasks_blocked(0.01)
            assert not ended.is_set()
            stream._sock.close()
            await ended.wait()
            await other.send({"n": 3})


async def test_what_is_done_for_a_caller_that_stays_is_not_cancelled(path):
    async def handle(peer, stream):
        stream.heed_hang_up()
        await trio.lowlevel.checkpoint()
        await echo(peer, stream)

    async with listening(path, handle):
        for n in range(3):
            async with calling(path) as stream:
                await stream.send({"n": n})
                assert await stream.receive() == {"re": {"n": n}}


async def test_a_slow_caller_makes_only_its_own_handler_wait(path):
    sent = 0

    async def handle(peer, stream):
        nonlocal sent
        message = await stream.receive()
        if not message.get("flood"):
            await stream.send(message)
            return
        while True:
            await stream.send({"x": b"x" * 10_000})
            sent += 1

    async with listening(path, handle), calling(path) as slow:
        await slow.send({"flood": True})
        await wait_all_tasks_blocked(0.05)
        stuck = sent
        async with calling(path) as quick:
            await quick.send({"n": 1})
            assert await quick.receive() == {"n": 1}
        await wait_all_tasks_blocked(0.05)
        assert 0 < stuck == sent
        await slow.receive()


async def test_a_user_with_too_many_connections_gets_no_more(path):
    async with listening(path, echo, max_clients=3):
        streams = [await trio.open_unix_socket(path) for _ in range(4)]
        assert await streams[3].receive_some() == b""
        await streams.pop().aclose()
        await streams.pop().aclose()
        await wait_all_tasks_blocked(0.05)
        async with calling(path) as stream:
            await stream.send({"n": 1})
            assert await stream.receive() == {"re": {"n": 1}}
        for stream in streams:
            await stream.aclose()


async def test_ten_followers_share_what_was_packed_once(path):
    """10 000 events in batches to ten followers: each gets all of them, in order."""
    batches = [
        pack_frame({"events": [[f"salt/job/{n}/ret/m", {"n": n, "_stamp": "2026"}] for n in range(start, start + 100)]})
        for start in range(0, 10_000, 100)
    ]
    everybody = trio.Event()
    here = 0

    async def handle(peer, stream):
        nonlocal here
        here += 1
        if here == 10:
            everybody.set()
        await everybody.wait()
        for packed in batches:
            await stream.send_bytes(packed)

    counts = []

    async def follow():
        async with calling(path) as stream:
            numbers = []
            while (message := await stream.receive()) is not None:
                numbers += [data["n"] for _tag, data in message["events"]]
            assert numbers == list(range(10_000))
            counts.append(len(numbers))

    async with listening(path, handle), trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(follow)
    assert counts == [10_000] * 10


# -- stopping ---------------------------------------------------------------------------------------------------------


async def test_handlers_have_the_grace_and_nobody_new_comes_in(path):
    gate = trio.Event()

    async def handle(peer, stream):
        await gate.wait()
        await stream.send({"done": True})
        await trio.sleep_forever()

    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            async with open_local_listener(path, handle, grace=0.3):
                sock = socket.socket(socket.AF_UNIX)
                sock.connect(path)
                await wait_all_tasks_blocked()

                @nursery.start_soon
                async def late():
                    await trio.sleep(0.1)
                    with pytest.raises((FileNotFoundError, ConnectionRefusedError)):
                        await trio.open_unix_socket(path)
                    gate.set()

            with sock:
                assert await FrameStream(sock).receive() == {"done": True}
                assert await FrameStream(sock).receive() is None
    with pytest.raises(FileNotFoundError):
        await trio.open_unix_socket(path)


# -- a frame stream --------------------------------------------------------------------------------------------------


async def test_a_cancelled_receive_loses_nothing(pair):
    here, there = pair
    stream = FrameStream(here)
    packed = pack_frame({"n": 1})
    there.send(packed[:3])
    with trio.move_on_after(0.01):
        await stream.receive()
    with pytest.raises(trio.WouldBlock):
        stream.receive_nowait()
    there.send(packed[3:])
    with trio.CancelScope() as scope:
        scope.cancel()
        await stream.receive()
    assert await stream.receive() == {"n": 1}


async def test_what_a_cancelled_send_left_goes_before_what_is_sent_next(pair):
    here, there = pair
    stream, peer = FrameStream(here), FrameStream(there)
    large = {"x": b"x" * 5_000_000}
    with trio.move_on_after(0.01) as scope:
        await stream.send(large)
    assert scope.cancelled_caught
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.send, {"n": 1})
        assert await peer.receive() == large
        assert await peer.receive() == {"n": 1}


async def test_what_goes_at_once_needs_no_wait_and_the_rest_follows_in_order(pair):
    here, there = pair
    stream, peer = FrameStream(here), FrameStream(there)
    assert stream.put({"n": 1}, {"n": 2})
    assert [peer.receive_nowait(), peer.receive_nowait()] == [{"n": 1}, {"n": 2}]
    large = {"x": b"x" * 5_000_000}
    assert not stream.put(large)
    assert not stream.put({"n": 3})
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.flush)
        assert await peer.receive() == large
        assert await peer.receive() == {"n": 3}
    assert stream.put({"n": 4})
    there.close()
    with pytest.raises(trio.BrokenResourceError):
        stream.put({"n": 5})


async def test_a_second_sender_is_told_and_the_first_goes_on(path):
    gate = trio.Event()

    async def handle(peer, stream):
        await gate.wait()
        await echo(peer, stream)

    async with listening(path, handle), calling(path) as stream, trio.open_nursery() as nursery:
        nursery.start_soon(stream.send, {"x": b"x" * 5_000_000})
        await wait_all_tasks_blocked()
        with pytest.raises(trio.BusyResourceError):
            await stream.send({"n": 1})
        gate.set()
        assert len((await stream.receive())["re"]["x"]) == 5_000_000


async def test_a_frame_that_was_cut_is_the_callers_fault(pair):
    here, there = pair
    there.send(pack_frame({"n": 1}) + b"\0\0")
    there.close()
    stream = FrameStream(here)
    assert await stream.receive() == {"n": 1}
    with pytest.raises(RemoteProtocolError, match="middle of a frame"):
        await stream.receive()


async def test_what_cannot_be_packed_is_our_fault_and_spoils_nothing(pair):
    here, there = pair
    stream = FrameStream(here)
    with pytest.raises(LocalProtocolError):
        await stream.send({"x": object()})
    await stream.send({"n": 1})
    assert await FrameStream(there).receive() == {"n": 1}


# -- the socket file ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o600, 0o660, 0o666])
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_the_file_has_exactly_the_mode_asked_for(path, mode, umask):
    old = os.umask(umask)
    try:
        with unix_listener(path, mode):
            found = os.stat(path)
            assert stat.S_ISSOCK(found.st_mode)
            assert stat.S_IMODE(found.st_mode) == mode
    finally:
        os.umask(old)
    assert not os.path.exists(path)


async def test_a_file_that_nobody_listens_on_is_replaced(path):
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(path)
    async with listening(path, echo), calling(path) as stream:
        await stream.send({"n": 1})
        assert await stream.receive() == {"re": {"n": 1}}


async def test_a_listener_that_lives_is_left_alone(path):
    async with listening(path, echo):
        with pytest.raises(ConfigError, match=f"already running: another process listens at {path}"):
            async with open_local_listener(path, echo):
                pass
        async with calling(path) as stream:
            await stream.send({"n": 1})
            assert await stream.receive() == {"re": {"n": 1}}


def test_a_listener_whose_backlog_is_full_lives(path):
    with socket.socket(socket.AF_UNIX) as busy:
        busy.bind(path)
        busy.listen(0)
        callers = []
        while True:
            caller = socket.socket(socket.AF_UNIX)
            caller.setblocking(False)
            callers.append(caller)
            try:
                caller.connect(path)
            except BlockingIOError:
                break
        with pytest.raises(ConfigError, match="already running"), unix_listener(path, 0o600):
            pass
        for caller in callers:
            caller.close()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda folder: str(folder / ("x" * 200)), "longer than 103 bytes"),
        (lambda folder: str(folder / "missing" / "sock"), "No such file or directory"),
        (lambda folder: str(folder), "a file that is no socket"),
    ],
)
def test_a_path_that_cannot_be_is_a_config_error(tmp_path, make, says):
    with pytest.raises(ConfigError, match=says), unix_listener(make(tmp_path), 0o600):
        pass


def test_a_plain_file_is_never_removed(path):
    with open(path, "w") as file:
        file.write("mine")
    with pytest.raises(ConfigError, match="no socket"), unix_listener(path, 0o600):
        pass
    with open(path) as file:
        assert file.read() == "mine"


def test_a_successors_file_is_not_removed(path):
    with unix_listener(path, 0o600):
        os.unlink(path)
        with socket.socket(socket.AF_UNIX) as successor:
            successor.bind(path)
    assert os.path.exists(path)


@pytest.mark.skipif(os.getuid() != 0, reason="root alone can become somebody else")
async def test_others_cannot_come_in_where_the_mode_says_so(path, tmp_path):
    for folder in [tmp_path, *tmp_path.parents]:
        if folder.stat().st_uid == os.getuid() and str(folder).startswith("/tmp/"):
            folder.chmod(0o755)
    async with listening(path, echo, mode=0o600):
        code = f"import os, socket; os.setuid(65534); socket.socket(1).connect({path!r})"
        result = await trio.run_process([sys.executable, "-c", code], check=False, capture_stderr=True)
        assert result.returncode == 1
        assert b"PermissionError" in result.stderr


def test_importing_it_needs_no_zeromq():
    code = "import sys, trisalt.transport.local; sys.exit('zmq' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
