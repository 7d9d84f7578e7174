"""Guests of a port: what they may take of us, over real sockets and without knowing more than ZMTP."""

import errno
import resource
import select
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import trio
import zmq

from tests.transport.ends import open_server
from trisalt.transport import guests as guests_file
from trisalt.transport.guests import EVERY_S, GROWN, SMALL, Guests, resident
from trisalt.transport.publish import LONGEST_TOPIC, MOST_TOPICS, open_publisher
from trisalt.transport.zmq import open_context, open_socket

PATIENCE = 30
MORE, LAST, LONG = 1, 0, 2
GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(16 + 1 + 31)


@pytest.fixture
async def context():
    async with open_context() as context:
        yield context


class Stranger:
    """Somebody who speaks ZMTP byte by byte."""

    def __init__(self, port: int, kind: bytes = b"DEALER") -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), PATIENCE)
        ready = b"\x05READY\x0bSocket-Type" + struct.pack(">I", len(kind)) + kind
        self.sock.sendall(GREETING + bytes([4, len(ready)]) + ready)
        self.sock.settimeout(PATIENCE)
        # Nothing may be said before the other end has said who it is.
        self.sock.recv(len(GREETING), socket.MSG_WAITALL)
        self.sock.recv(self.sock.recv(2, socket.MSG_WAITALL)[1], socket.MSG_WAITALL)

    def send(self, *frames: bytes) -> None:
        for number, frame in enumerate(frames):
            last = number == len(frames) - 1
            self.sock.sendall(struct.pack(">BQ", LONG | (LAST if last else MORE), len(frame)) + frame)

    def is_hung_up_on(self) -> bool:
        """Wait until the other end has ended the connection."""
        try:
            while self.sock.recv(65536):
                pass
        except TimeoutError:
            return False
        except OSError:
            pass
        return True

    def send_until_hung_up_on(self, frame: bytes, times: int) -> bool:
        """Whether the other end has ended the connection. Who is hung up on while nothing more is taken is told of it
        by what there is to read: writing would wait until the kernel at the other end has forgotten the connection."""
        unsent = memoryview((struct.pack(">BQ", LONG | MORE, len(frame)) + frame) * times)
        try:
            while True:
                readable, writable, _ = select.select([self.sock], [self.sock] if unsent else [], [], PATIENCE)
                if readable and not self.sock.recv(65536):
                    return True
                if writable:
                    unsent = unsent[self.sock.send(unsent) :]
                if not readable and not writable:
                    return False
        except OSError:
            return True


@contextmanager
def stranger(port: int, kind: bytes = b"DEALER") -> Iterator[Stranger]:
    guest = Stranger(port, kind)
    try:
        yield guest
    finally:
        guest.sock.close()


async def echo(asked):
    for one in asked:
        one.answer(b"answer")


async def in_thread(function, *args):
    with trio.fail_after(PATIENCE):
        return await trio.to_thread.run_sync(function, *args)


async def test_frames_without_an_end_end_their_connection(context, monkeypatch):
    """However small each is: what counts is how much is in hand."""
    monkeypatch.setattr(guests_file, "EVERY_S", 0.05)
    monkeypatch.setattr(guests_file, "GROWN", 4 * 1024 * 1024)
    async with open_server(echo, context=context, max_size=SMALL) as server:
        with stranger(server.port) as guest:
            assert await in_thread(guest.send_until_hung_up_on, b"x" * 50_000, 400)


async def test_the_same_bytes_in_whole_messages_are_a_guest_s_good_right(context, monkeypatch):
    monkeypatch.setattr(guests_file, "EVERY_S", 0.05)
    monkeypatch.setattr(guests_file, "GROWN", 0)
    async with open_server(echo, context=context, max_size=SMALL) as server:
        with stranger(server.port) as guest:
            for _ in range(12):
                await in_thread(guest.send, b"", b"x" * (SMALL - 1000))
                answer = await in_thread(guest.sock.recv, 65536)
                assert answer


async def test_a_subscriber_has_a_few_topics(context):
    async with open_publisher("tcp://127.0.0.1:0", context=context) as publisher:
        with stranger(publisher.port, b"SUB") as modest, stranger(publisher.port, b"SUB") as greedy:
            for number in range(MOST_TOPICS):
                modest.send(b"\1mine%d" % number)
                greedy.send(b"\1topic%d" % number)
            greedy.send(b"\1one more")

            assert await in_thread(greedy.is_hung_up_on)
            modest.send(b"\0mine1")
            modest.sock.settimeout(0.1)
            got = b""
            with trio.fail_after(PATIENCE):
                while not got.endswith(b"payload"):
                    # It is not told when a topic has come through.
                    publisher.send(b"payload", [b"mine2"])
                    try:
                        got += await trio.to_thread.run_sync(modest.sock.recv, 65536)
                    except TimeoutError:
                        continue


async def test_a_topic_is_as_long_as_topics_are(context):
    async with open_publisher("tcp://127.0.0.1:0", context=context) as publisher:
        with stranger(publisher.port, b"SUB") as guest:
            guest.send(b"\1" + b"x" * LONGEST_TOPIC)

            assert await in_thread(guest.is_hung_up_on)


async def test_a_subscriber_that_says_more_than_subscribers_do_is_ended(context, monkeypatch):
    monkeypatch.setattr(guests_file, "EVERY_S", 0.05)
    monkeypatch.setattr(guests_file, "GROWN", 0)
    async with open_publisher("tcp://127.0.0.1:0", context=context) as publisher:
        with stranger(publisher.port, b"SUB") as guest:
            assert await in_thread(guest.send_until_hung_up_on, b"\1" + b"x" * 100, 2000)


# -- the rules ---------------------------------------------------------------------------------------------------------


@contextmanager
def connections(count: int) -> Iterator[list[tuple[socket.socket, socket.socket]]]:
    """Both ends of TCP connections: ours, and the other one."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        pairs = []
        try:
            for _ in range(count):
                other = socket.create_connection(listener.getsockname())
                other.settimeout(PATIENCE)
                pairs.append((listener.accept()[0], other))
            yield pairs
        finally:
            for pair in pairs:
                for end in pair:
                    end.close()


def hung_up(other: socket.socket) -> bool:
    try:
        other.setblocking(False)
        return other.recv(1) == b""
    except BlockingIOError:
        return False


def take(ours: socket.socket, other: socket.socket, size: int) -> None:
    """Have so much come, and be read, as ZeroMQ reads it."""
    other.sendall(b"x" * size)
    while size:
        size -= len(ours.recv(size))


async def test_of_too_much_in_hand_strangers_go_first_and_who_has_most_of_them(monkeypatch):
    monkeypatch.setattr(guests_file, "MOST_IN_HAND", 400)
    monkeypatch.setattr(guests_file, "SMALL", 10)
    with connections(4) as pairs:
        proven = pairs[0][0].fileno()
        guests = Guests(lambda _age: 1000, proven=lambda connection: connection == proven)
        for (ours, other), size in zip(pairs, (300, 90, 200, 5), strict=True):
            guests.hear(zmq.EVENT_ACCEPTED, ours.fileno())
            take(ours, other, size)

        guests.look()

        assert [hung_up(other) for _ours, other in pairs] == [False, False, True, False]


async def test_what_was_handed_over_is_not_in_hand():
    with connections(1) as [(ours, other)]:
        guests = Guests(lambda _age: 1000)
        guests.hear(zmq.EVENT_ACCEPTED, ours.fileno())
        for _ in range(5):
            take(ours, other, 900)
            guests.handed(ours.fileno(), 890)
            guests.look()
        assert not hung_up(other)

        take(ours, other, 600)
        guests.look()
        assert not hung_up(other)
        take(ours, other, 600)
        guests.look()
        assert hung_up(other)


async def test_of_too_many_connections_the_oldest_stranger_s_goes():
    with connections(4) as pairs:
        proven = pairs[0][0].fileno()
        guests = Guests(lambda _age: 1000, proven=lambda connection: connection == proven, most=3)
        for ours, _other in pairs:
            guests.hear(zmq.EVENT_ACCEPTED, ours.fileno())

        assert [hung_up(other) for _ours, other in pairs] == [False, True, False, False]
        assert guests.refused == 1


async def test_a_flood_of_connections_is_looked_through_once_for_many_of_them():
    looks = []
    with connections(140) as pairs:
        guests = Guests(lambda _age: 1000, proven=lambda connection: looks.append(connection), most=128)
        for ours, _other in pairs:
            guests.hear(zmq.EVENT_ACCEPTED, ours.fileno())

        assert [hung_up(other) for _ours, other in pairs] == [True] * 12 + [False] * 128
        assert len(looks) < 5 * 130


async def test_who_was_hung_up_on_is_told_as_gone_when_it_is():
    with connections(2) as pairs:
        guests = Guests(lambda _age: 1000, most=1)
        for ours, _other in pairs:
            guests.hear(zmq.EVENT_ACCEPTED, ours.fileno())

        assert [guests.hear(zmq.EVENT_DISCONNECTED, ours.fileno()) for ours, _other in pairs] == ["127.0.0.1"] * 2


async def test_as_many_connections_as_there_are_files_for_leave_some_free(monkeypatch):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    monkeypatch.setattr(resource, "getrlimit", lambda _which: (300, hard))
    most = guests_file._most_files()

    assert 2 * most < 300 - guests_file.RESERVE + 1
    assert soft


async def test_a_connection_that_zeromq_has_just_closed_is_nobody_s_fault():
    with connections(1) as [(ours, _other)]:
        guests = Guests(lambda _age: -1)
        guests.hear(zmq.EVENT_ACCEPTED, ours.fileno())
        number, peer = ours.fileno(), ours.getpeername()
        ours.close()

        guests.look()

        assert guests.refused == 0
        assert not guests_file._hang_up(number, peer[:2])


async def test_a_descriptor_that_is_somebody_else_s_by_now_is_left_alone():
    with connections(2) as [(ours, _other), (later, its_other)]:
        guests = Guests(lambda _age: -1)
        number = ours.fileno()
        guests.hear(zmq.EVENT_ACCEPTED, number)
        ours.close()
        with socket.socket(fileno=socket.dup(later.fileno())) as again:
            assert again.fileno() == number

            guests.look()

            assert not hung_up(its_other)


async def test_it_looks_only_when_the_process_has_grown(autojump_clock):
    sizes = iter([100, 100, 100 + GROWN, 100 + GROWN, 50, 50 + GROWN])
    looks = []

    class Looking(Guests):
        def look(self):
            looks.append(round(trio.current_time() % (100 * EVERY_S)))

    with trio.move_on_after(5 * EVERY_S + 1):
        await Looking(lambda _age: 0).watch(lambda: next(sizes, 50))

    assert len(looks) == 2


async def test_where_no_descriptor_is_left_to_look_by_a_stranger_s_connection_goes(autojump_clock):
    sizes = iter([0])

    def size():
        try:
            return next(sizes)
        except StopIteration:
            raise OSError(errno.EMFILE, "Too many open files") from None

    with connections(2) as pairs:
        guests = Guests(lambda _age: 1000)
        for ours, _other in pairs:
            guests.hear(zmq.EVENT_ACCEPTED, ours.fileno())
        with trio.move_on_after(EVERY_S + 1):
            await guests.watch(size)

        assert [hung_up(other) for _ours, other in pairs] == [True, False]


def test_how_much_memory_this_process_has_is_known():
    assert resident() > 1024 * 1024


async def test_a_connection_without_an_address_is_nobody_s(context):
    with open_socket(context, zmq.PAIR):
        assert Guests(lambda _age: 0).hear(zmq.EVENT_ACCEPTED, -1) == ""
