"""Stock's two event sockets: what readers get, what writers may say, and who waits for whom."""

import os
import socket
import stat
from contextlib import asynccontextmanager

import msgpack
import pytest
import structlog
import trio
from trio.testing import wait_all_tasks_blocked

from trisalt.bus.bus import Bus
from trisalt.bus.event import Secret
from trisalt.bus.events import JobReceived, JobSettled, KeyChanged, TaggedEvent
from trisalt.errors import ConfigError
from trisalt.transport.ipc import open_event_sockets
from trisalt.wire.frames import StreamDecoder, pack_event, pack_pull, split_event

PATIENCE = 30


class Lab:
    """A bus with its event sockets; what is fired from outside is published, as a daemon does."""

    def __init__(self, folder):
        self.bus = Bus()
        self.pub_path = str(folder / "master_event_pub.ipc")
        self.pull_path = str(folder / "master_event_pull.ipc")
        self.statistics = None

    async def accept(self, tag, data):
        await self.bus.publish(TaggedEvent(name=tag, data=data))

    @asynccontextmanager
    async def open(self, accept=None, **options):
        with trio.fail_after(PATIENCE):
            async with open_event_sockets(
                self.pub_path, self.pull_path, self.bus, accept or self.accept, **options
            ) as self.statistics:
                yield self

    @asynccontextmanager
    async def reader(self):
        async with await trio.open_unix_socket(self.pub_path) as stream:
            while not self.bus.statistics().subscriptions:  # noqa: ASYNC110 (the kernel's doing)
                await trio.sleep(0.001)
            yield Reader(stream)

    async def fire(self, *frames):
        async with await trio.open_unix_socket(self.pull_path) as stream:
            for frame in frames:
                await stream.send_all(frame)
            await stream.send_eof()
            # The other side closes when it has taken all.
            assert await stream.receive_some() == b""


class Reader:
    def __init__(self, stream):
        self.stream = stream
        self._decoder = StreamDecoder()
        self._waiting = []

    async def receive(self):
        while not self._waiting:
            data = await self.stream.receive_some()
            if not data:
                return None
            self._waiting += [split_event(body) for body in self._decoder.feed(bytes(data))]
        return self._waiting.pop(0)


@pytest.fixture
def lab(tmp_path):
    return Lab(tmp_path)


def note(n, size=0):
    return TaggedEvent(name=f"my/{n}", data={"n": n, **({"x": "x" * size} if size else {})})


# -- readers -----------------------------------------------------------------------------------------------------------


async def test_a_reader_gets_every_event_that_leaves_the_process(lab):
    async with lab.open(), lab.reader() as reader:
        await lab.bus.publish(KeyChanged(result=True, act="accepted", id="m1", pub="PEM"))
        await lab.bus.publish(note(1))
        tag, data = await reader.receive()
        assert tag == "salt/key"
        assert {key: data[key] for key in ("result", "act", "id", "pub")} == {
            "result": True,
            "act": "accepted",
            "id": "m1",
            "pub": "PEM",
        }
        assert data["_stamp"].endswith("+00:00")
        assert (await reader.receive())[0] == "my/1"


async def test_the_bytes_are_stocks(lab):
    """A bare map of head and body, bin types on; body is tag, two newlines, map."""
    async with lab.open(), lab.reader() as reader:
        await lab.bus.publish(TaggedEvent(name="vec/test", data={"n": 1, "raw": b"\xff"}, stamp=0.0))
        packed = bytes(await reader.stream.receive_some())
    body = b"vec/test\n\n" + msgpack.packb({"n": 1, "raw": b"\xff", "_stamp": "1970-01-01T00:00:00.000000+00:00"})
    assert packed == msgpack.packb({"head": {}, "body": body})


async def test_events_that_are_ours_alone_stay_with_us(lab):
    async with lab.open(), lab.reader() as reader:
        await lab.bus.publish(JobReceived(load={"jid": "1"}, master="salt"))
        await lab.bus.publish(JobSettled(jid="1", missing={}))
        await lab.bus.publish(note(1))
        assert (await reader.receive())[0] == "my/1"


async def test_nothing_is_packed_and_nobody_subscribed_without_readers(lab):
    class Unpackable(TaggedEvent):
        def to_data(self):
            raise AssertionError("packed for nobody")

    async with lab.open():
        await wait_all_tasks_blocked()
        assert lab.bus.statistics().subscriptions == ()
        await lab.bus.publish(Unpackable(name="x", data={}))
        async with lab.reader() as reader:
            assert len(lab.bus.statistics().subscriptions) == 1
            await lab.bus.publish(note(1))
            assert (await reader.receive())[0] == "my/1"
        while lab.statistics.readers:  # noqa: ASYNC110 (the kernel's doing)
            await trio.sleep(0.001)
        await lab.bus.publish(Unpackable(name="x", data={}))
        # The first event after the last reader ends the subscription.
        while lab.bus.statistics().subscriptions:  # noqa: ASYNC110
            await trio.sleep(0.001)
    assert lab.statistics.sent == 1


async def test_an_event_is_packed_once_for_ten_readers(lab):
    packed = 0

    class Counting(TaggedEvent):
        def to_data(self):
            nonlocal packed
            packed += 1
            return super().to_data()

    async with lab.open():
        streams = [await trio.open_unix_socket(lab.pub_path) for _ in range(10)]
        while lab.statistics.readers < 10:  # noqa: ASYNC110 (the kernel's doing)
            await trio.sleep(0.001)
        for n in range(1000):
            await lab.bus.publish(Counting(name="my/event", data={"n": n}))
        for stream in streams:
            reader = Reader(stream)
            assert [(await reader.receive())[1]["n"] for _ in range(1000)] == list(range(1000))
            await stream.aclose()
    assert packed == 1000


async def test_a_slow_reader_is_dropped_and_a_quick_one_misses_nothing(lab):
    async with lab.open(max_buffer=200_000, depth=100), trio.open_nursery() as nursery:
        slow = await trio.open_unix_socket(lab.pub_path)
        got = []

        async def follow():
            async with lab.reader() as reader:
                while len(got) < 300:
                    got.append((await reader.receive())[1]["n"])

        nursery.start_soon(follow)
        while lab.statistics.readers < 2:  # noqa: ASYNC110 (the kernel's doing)
            await trio.sleep(0.001)
        with structlog.testing.capture_logs() as logs:
            for n in range(300):
                await lab.bus.publish(note(n, size=10_000))
                while lab.statistics.readers and len(got) < n - 10:
                    await trio.lowlevel.checkpoint()
        assert [line["event"] for line in logs] == ["event_reader.dropped"]
        assert lab.statistics.dropped == 1
        # What was in its socket is still there, then its end.
        while await slow.receive_some():
            pass
        await slow.aclose()
    assert got == list(range(300))
    assert lab.statistics.missed == 0


async def test_an_event_larger_than_the_buffer_still_goes_to_a_reader_that_is_up_to_date(lab):
    async with lab.open(max_buffer=1000), lab.reader() as reader:
        await lab.bus.publish(note(1, size=50_000))
        assert len((await reader.receive())[1]["x"]) == 50_000


async def test_a_flood_lags_the_relay_and_says_so(lab):
    with structlog.testing.capture_logs() as logs:
        async with lab.open(depth=10), lab.reader() as reader:
            for n in range(25):
                lab.bus.publish_nowait(note(n))
            assert [(await reader.receive())[1]["n"] for _ in range(10)] == list(range(10))
            await lab.bus.publish(note(99))
            assert (await reader.receive())[1]["n"] == 99
    assert lab.statistics.missed == 15
    assert [line["missed"] for line in logs if line["event"] == "subscription.lagged"] == [15]


async def test_large_values_are_trimmed(lab):
    async with lab.open(max_event_size=10_000), lab.reader() as reader:
        await lab.bus.publish(TaggedEvent(name="big", data={"small": 1, "large": "x" * 20_000}))
        _tag, data = await reader.receive()
    assert data["small"] == 1
    assert data["large"] == "VALUE_TRIMMED"


async def test_what_cannot_travel_is_logged_and_the_rest_goes_on(lab):
    with structlog.testing.capture_logs() as logs:
        async with lab.open(), lab.reader() as reader:
            await lab.bus.publish(TaggedEvent(name="bad", data={"key": Secret("hidden")}))
            await lab.bus.publish(note(1))
            assert (await reader.receive())[0] == "my/1"
    (line,) = logs
    assert (line["event"], line["tag"]) == ("event.unpackable", "bad")
    assert "hidden" not in str(line)


async def test_what_a_reader_says_is_thrown_away(lab):
    async with lab.open(), lab.reader() as reader:
        await reader.stream.send_all(b"x" * 100_000)
        await lab.bus.publish(note(1))
        assert (await reader.receive())[0] == "my/1"


async def test_on_leaving_readers_get_what_was_published(lab):
    async with trio.open_nursery() as nursery:
        got = []
        async with lab.open():
            stream = await trio.open_unix_socket(lab.pub_path)
            while lab.statistics.readers < 1:  # noqa: ASYNC110 (the kernel's doing)
                await trio.sleep(0.001)
            await wait_all_tasks_blocked()

            @nursery.start_soon
            async def follow():
                reader = Reader(stream)
                while (event := await reader.receive()) is not None:
                    got.append(event[1]["n"])

            for n in range(50):
                await lab.bus.publish(note(n, size=10_000))
    assert got == list(range(50))
    await stream.aclose()


async def test_a_reader_that_reads_nothing_does_not_hold_the_exit(lab):
    stream = None
    async with lab.open():
        stream = await trio.open_unix_socket(lab.pub_path)
        while lab.statistics.readers < 1:  # noqa: ASYNC110 (the kernel's doing)
            await trio.sleep(0.001)
        await wait_all_tasks_blocked()
        for n in range(50):
            await lab.bus.publish(note(n, size=100_000))
        began = trio.current_time()
    assert trio.current_time() - began < 3
    await stream.aclose()


# -- writers ------------------------------------------------------------------------------------------------------------


async def test_what_is_written_is_accepted_and_comes_out_again(lab):
    async with lab.open(), lab.reader() as reader:
        await lab.fire(*[pack_pull(pack_event(f"my/{n}", {"n": n})) for n in range(20)])
        assert [(await reader.receive())[0] for _ in range(20)] == [f"my/{n}" for n in range(20)]
    assert lab.statistics.accepted == 20


async def test_frames_may_be_cut_anywhere(lab):
    packed = pack_pull(pack_event("my/1", {"n": 1}))
    async with lab.open(), lab.reader() as reader:
        await lab.fire(*[packed[n : n + 1] for n in range(len(packed))])
        assert (await reader.receive())[0] == "my/1"


async def test_a_reader_that_came_before_the_writing_gets_it(lab):
    """Stock's clients connect, fire, and wait for the answer on the bus, all at once."""

    async def accept(tag, data):
        lab.bus.publish_nowait(TaggedEvent(name=tag, data=data))

    for _ in range(30):
        async with lab.open(accept):
            async with await trio.open_unix_socket(lab.pull_path) as writer:
                await wait_all_tasks_blocked()
                # Blocking, on purpose: all of this reaches the daemon's side in one turn of the event loop.
                reader = socket.socket(socket.AF_UNIX)
                reader.connect(lab.pub_path)
                os.write(writer.socket.fileno(), pack_pull(pack_event("my/1", {"n": 1})))
                async with trio.SocketStream(trio.socket.from_stdlib_socket(reader)) as stream:
                    with trio.fail_after(PATIENCE):
                        assert (await Reader(stream).receive())[0] == "my/1"


@pytest.mark.parametrize(
    "frame",
    [
        msgpack.packb({"head": {}, "body": b"my/1\n\n\x80"}),
        b"\xff" * 100,
        b"\0\0\0\1\xc1",
        b"\0\0\0\2\x91\x01",
        b"GET / HTTP/1.1\r\n\r\n",
    ],
)
async def test_a_writer_that_frames_wrongly_is_refused(lab, frame):
    with structlog.testing.capture_logs() as logs:
        async with lab.open():
            async with await trio.open_unix_socket(lab.pull_path) as stream:
                await stream.send_all(frame)
                assert await stream.receive_some() == b""
            await lab.fire(pack_pull(pack_event("my/1", {})))
    assert [line["event"] for line in logs] == ["event_socket.refused"]
    assert lab.statistics.accepted == 1


@pytest.mark.parametrize("body", [b"no end of tag", b"tag\n\n", b"tag\n\n\x91\x01", b"\xff\xfe\n\n\x80"])
async def test_a_bad_event_in_a_good_frame_is_refused_alone(lab, body):
    with structlog.testing.capture_logs() as logs:
        async with lab.open():
            await lab.fire(pack_pull(body), pack_pull(pack_event("my/1", {})))
    assert [line["event"] for line in logs] == ["event.refused"]
    assert lab.statistics.accepted == 1


async def test_a_failing_accept_is_logged_and_the_writer_goes_on(lab):
    async def accept(tag, data):
        if tag == "bad":
            raise ValueError("of the daemon")

    with structlog.testing.capture_logs() as logs:
        async with lab.open(accept):
            await lab.fire(pack_pull(pack_event("bad", {})), pack_pull(pack_event("good", {})))
    assert [(line["event"], line["tag"]) for line in logs] == [("event.failed", "bad")]
    assert lab.statistics.accepted == 1


async def test_a_writer_waits_while_the_daemon_does_and_others_do_not(lab):
    gate = trio.Event()
    accepted = []

    async def accept(tag, data):
        if tag == "slow":
            await gate.wait()
        accepted.append(tag)

    async with lab.open(accept):
        async with await trio.open_unix_socket(lab.pull_path) as slow:
            await slow.send_all(pack_pull(pack_event("slow", {})) + pack_pull(pack_event("after", {})))
            await wait_all_tasks_blocked(0.02)
            await lab.fire(pack_pull(pack_event("quick", {})))
            assert accepted == ["quick"]
            gate.set()
            await slow.send_eof()
            assert await slow.receive_some() == b""
        assert accepted == ["quick", "slow", "after"]


# -- the files ------------------------------------------------------------------------------------------------------------


async def test_modes_and_cleaning_up(lab):
    def mode(path):
        return stat.S_IMODE(os.stat(path).st_mode)

    async with lab.open():
        assert (mode(lab.pub_path), mode(lab.pull_path)) == (0o660, 0o600)
        with pytest.raises(ConfigError, match="already running"):
            async with lab.open():
                pass
    async with lab.open(pub_mode=0o600):
        assert mode(lab.pub_path) == 0o600
    assert os.listdir(os.path.dirname(lab.pub_path)) == []
