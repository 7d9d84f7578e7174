"""Who is connected to a port of ours, and who has to go: whoever takes more of us than a guest may.

ZeroMQ holds what a peer sends until a message is whole, however many frames it has, and has no limit for connections.
What it does not tell the kernel does: how much has come on each connection. Called by `request` and `publish`.
"""

from __future__ import annotations

import resource
import socket as sockets
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import attrs
import structlog
import trio
import zmq

from trisalt.service import next_beat

log = structlog.get_logger()

# How often it is looked whether this process has grown (s), and by how much it has to before connections are looked at.
EVERY_S, GROWN = 2.0, 32 * 1024 * 1024
# What is small: connections that have no more than so much in hand are left alone while there is little room.
SMALL = 1024 * 1024
# How much may be in hand of all connections, in bytes of what is not small.
MOST_IN_HAND = 512 * 1024 * 1024
# The part of the files that a process may have open that the connections of one port may be, and how many stay free.
SHARE, RESERVE = 0.49, 64
# Of how many that had to go a line says so, in so many seconds.
LINES_EVERY_S = 10.0

_TCP = sockets.AF_INET, sockets.SOCK_STREAM
_AT_ONCE = struct.pack("ii", 1, 0)
_RECEIVED = struct.Struct("=Q")
# Where `tcpi_bytes_received` stands in the kernel's `struct tcp_info`.
_RECEIVED_AT = 128


@attrs.define(eq=False)
class Guest:
    """One connection: whose, and since when. `received` are all bytes that have come by it, `in_hand` those of what is
    not whole yet, `handed` those of messages since somebody looked. `topics`: how many it has asked for. `leaving`: it
    has been hung up on, and ZeroMQ has not said so yet."""

    peer: tuple[str, int]
    since: float
    received: int = 0
    in_hand: int = 0
    handed: int = 0
    topics: int = 0
    leaving: bool = False


class Guests:
    """The connections of one port.

    `allowance(age)`: how many bytes one may have in hand that is so many seconds old. `proven(connection)`: whether
    somebody is known to be at the other end; they are the last who have to go. `most`: how many there may be.
    """

    def __init__(
        self,
        allowance: Callable[[float], float],
        *,
        proven: Callable[[int], bool] = lambda _connection: False,
        most: int | None = None,
    ) -> None:
        self.refused = 0
        self._allowance = allowance
        self._proven = proven
        self._most = most
        self._guests: dict[int, Guest] = {}
        self._leaving = 0
        self._told = -LINES_EVERY_S
        self._untold = 0

    def hear(self, event: int, connection: int) -> str:
        """The monitor tells of a connection, by its file descriptor. The address, empty where nobody knows it."""
        known = self._guests.get(connection)
        if event != zmq.EVENT_ACCEPTED or (known is not None and known.peer != _peer_of(connection)):
            gone = self._guests.pop(connection, None)
            self._leaving -= gone is not None and gone.leaving
            if event != zmq.EVENT_ACCEPTED:
                return gone.peer[0] if gone is not None else ""
        guest = self._find(connection)
        if guest is None:
            return ""
        most = _most_files() if self._most is None else self._most
        if len(self._guests) - self._leaving > most:
            self._make_room(1 + most // 64)
        return guest.peer[0]

    def _find(self, connection: int) -> Guest | None:
        """Who that is. Found out at once: descriptors are used again. What somebody says may come before the monitor's
        word that they are here."""
        guest = self._guests.get(connection)
        if guest is None and (peer := _peer_of(connection)) is not None:
            guest = self._guests[connection] = Guest(peer, trio.current_time())
        return guest

    def handed(self, connection: int, size: int) -> None:
        """A whole message has come by a connection."""
        guest = self._guests.get(connection)
        if guest is not None:
            guest.handed += size

    def asks_for_topic(self, connection: int, most: int) -> None:
        """A subscriber wants a topic that nobody else has; so many of them are enough for one."""
        guest = self._find(connection)
        if guest is not None and not guest.leaving:
            guest.topics += 1
            if guest.topics > most:
                self._send_away(connection, guest, "too many topics")

    async def watch(self, size: Callable[[], int] | None = None) -> None:
        """Look at the connections whenever this process has grown, until cancelled. `size` tells its bytes."""
        size = resident if size is None else size
        least = size()
        while True:
            await trio.sleep_until(next_beat(EVERY_S))
            try:
                now = size()
            except OSError:
                # Of descriptors there is none left for it: whoever has most of them has to go first.
                self._make_room(1)
                continue
            if now - least >= GROWN:
                self.look()
                least = now
            least = min(least, now)

    def look(self) -> None:
        """Ask the kernel how much has come by each connection, and send away who has too much in hand."""
        now = trio.current_time()
        large: list[tuple[bool, int, int, Guest]] = []
        for connection, guest in list(self._guests.items()):
            received = None if guest.leaving else _received(connection)
            if received is None or received < guest.received:
                continue
            new, guest.received = received - guest.received, received
            # A message that is whole came before what is in hand now.
            guest.in_hand = max(0, new - guest.handed) if guest.handed else guest.in_hand + new
            guest.handed = 0
            if guest.in_hand > self._allowance(now - guest.since):
                self._send_away(connection, guest, "too much in hand")
            elif guest.in_hand > SMALL:
                large.append((not self._proven(connection), guest.in_hand, connection, guest))
        total = sum(in_hand for _stranger, in_hand, _connection, _guest in large)
        for _stranger, in_hand, connection, guest in sorted(large, key=lambda row: row[:3], reverse=True):
            if total <= MOST_IN_HAND:
                break
            total -= in_hand
            self._send_away(connection, guest, "too much in hand of all")

    def _make_room(self, count: int) -> None:
        """Of whoever has most connections that nobody is known at, the oldest go: some at once, for it is dear to see
        who that is."""
        strangers = [
            (connection, guest)
            for connection, guest in self._guests.items()
            if not guest.leaving and not self._proven(connection)
        ]
        if not strangers:
            return
        crowd = Counter(guest.peer[0] for _connection, guest in strangers).most_common(1)[0][0]
        # In the order in which they came.
        oldest = [each for each in strangers if each[1].peer[0] == crowd]
        for connection, guest in oldest[:count]:
            self._send_away(connection, guest, "too many connections")

    def _send_away(self, connection: int, guest: Guest, reason: str) -> None:
        """Hang up. ZeroMQ sees it, frees what it holds, and says so to the monitor."""
        guest.leaving = True
        self._leaving += 1
        if not _hang_up(connection, guest.peer):
            return
        self.refused += 1
        self._untold += 1
        if trio.current_time() - self._told >= LINES_EVERY_S:
            log.warning("connection.refused", peer=guest.peer[0], reason=reason, count=self._untold)
            self._told, self._untold = trio.current_time(), 0


def resident() -> int:
    """How many bytes of memory this process has."""
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def _most_files() -> int:
    """How many connections a port may have, by the files that this process may have open."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return int((soft - RESERVE) * SHARE) if soft != resource.RLIM_INFINITY else 1 << 20


@contextmanager
def _borrowed(connection: int, family: int = -1, kind: int = -1) -> Iterator[sockets.socket]:
    """A socket around a descriptor that is ZeroMQ's: it is not closed, and costs no descriptor, of which there may be
    none left. Raises OSError where ZeroMQ has closed it meanwhile."""
    sock = sockets.socket(family, kind, fileno=connection)
    try:
        yield sock
    finally:
        sock.detach()


def _peer_of(connection: int) -> tuple[str, int] | None:
    try:
        # Of which family it is the kernel says.
        with _borrowed(connection) as sock:
            name = sock.getpeername()
    except (OSError, ValueError):
        return None
    return (str(name[0]), int(name[1])) if isinstance(name, tuple) else None


def _received(connection: int) -> int | None:
    """How many bytes have come by a connection; None where the kernel does not say."""
    try:
        with _borrowed(connection, *_TCP) as sock:
            told = sock.getsockopt(sockets.IPPROTO_TCP, sockets.TCP_INFO, _RECEIVED_AT + _RECEIVED.size)
    except OSError:
        return None
    return _RECEIVED.unpack_from(told, _RECEIVED_AT)[0] if len(told) == _RECEIVED_AT + _RECEIVED.size else None


def _hang_up(connection: int, peer: tuple[str, int]) -> bool:
    """End a connection, if it is still that of `peer`."""
    try:
        if _peer_of(connection) != peer:
            return False
        with _borrowed(connection, *_TCP) as sock:
            # When ZeroMQ closes it the kernel keeps nothing of it, and says so to a peer that waits for room to send.
            sock.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, _AT_ONCE)
            sock.shutdown(sockets.SHUT_RDWR)
    except OSError:
        return False
    return True
