"""Links and addresses as the kernel lists them: `RTM_GETLINK` and `RTM_GETADDR` of rtnetlink(7).

Used by `utils/interfaces`. A library that tells the same takes a command longer to import than all other grains
to gather.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from typing import NamedTuple

GETLINK, GETADDR = 18, 22
NEWLINK, NEWADDR = 16, 20
ERROR, DONE = 2, 3
# A request for all there are; an answer during which they changed.
REQUEST, DUMP, INTERRUPTED = 0x1, 0x300, 0x10
BROADCAST, RUNNING = 0x2, 0x40

_HEADER = struct.Struct("=IHHII")  # length, type, flags, number, port
_LINK = struct.Struct("=BxHiII")  # family, type, index, flags, change
_ADDRESS = struct.Struct("=BBBBI")  # family, prefix length, flags, scope, index
_ATTRIBUTE = struct.Struct("=HH")  # length, type
_LINK_ADDRESS, _LINK_NAME = 1, 3
_IF_ADDRESS, _IF_LOCAL, _IF_LABEL, _IF_BROADCAST = 1, 2, 3, 4

TRIES = 5
_LARGEST = 1 << 16


class Link(NamedTuple):
    """An interface: `hwaddr` is empty where it has none."""

    index: int
    name: str
    flags: int
    hwaddr: bytes


class Address(NamedTuple):
    """An address of an interface. `label` is the name that it was given with it, empty where there is none."""

    index: int
    family: int
    address: str
    prefix: int
    broadcast: str | None
    label: str


def links() -> list[Link]:
    """All interfaces, in the kernel's order. Raises OSError."""
    found = []
    for body in _dump(GETLINK, NEWLINK):
        _family, _kind, index, flags, _change = _LINK.unpack_from(body)
        told = dict(_attributes(body[_LINK.size :]))
        found.append(Link(index, _text(told.get(_LINK_NAME, b"")), flags, told.get(_LINK_ADDRESS, b"")))
    return found


def addresses() -> list[Address]:
    """All IPv4 and IPv6 addresses, in the kernel's order. Raises OSError."""
    found = []
    for body in _dump(GETADDR, NEWADDR):
        family, prefix, _flags, _scope, index = _ADDRESS.unpack_from(body)
        told = dict(_attributes(body[_ADDRESS.size :]))
        # At a link of two ends the other attribute is the other end's.
        raw = told.get(_IF_LOCAL, told.get(_IF_ADDRESS))
        if family not in (socket.AF_INET, socket.AF_INET6) or raw is None:
            continue
        broadcast = told.get(_IF_BROADCAST)
        label = _text(told.get(_IF_LABEL, b""))
        shown = None if broadcast is None else socket.inet_ntop(family, broadcast)
        found.append(Address(index, family, socket.inet_ntop(family, raw), prefix, shown, label))
    return found


def _dump(kind: int, answered: int) -> list[bytes]:
    """The bodies of all messages that answer; asked again where what they tell changed meanwhile."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE) as kernel:
        for number in range(1, TRIES + 1):
            # The byte behind the header is the family: any.
            kernel.send(_HEADER.pack(_HEADER.size + 16, kind, REQUEST | DUMP, number, 0) + bytes(16))
            bodies, whole = _answers(kernel, answered, number)
            if whole:
                break
    return bodies


def _answers(kernel: socket.socket, answered: int, number: int) -> tuple[list[bytes], bool]:
    bodies, whole = [], True
    while True:
        data, at = kernel.recv(_LARGEST), 0
        while at + _HEADER.size <= len(data):
            length, kind, flags, of, _port = _HEADER.unpack_from(data, at)
            body = data[at + _HEADER.size : at + length]
            at += (max(length, _HEADER.size) + 3) & ~3
            if of != number:
                continue
            whole = whole and not flags & INTERRUPTED
            if kind == DONE:
                return bodies, whole
            if kind == ERROR:
                code = -struct.unpack_from("=i", body)[0]
                raise OSError(code, f"the kernel does not list what it has: error {code}")
            if kind == answered:
                bodies.append(body)


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        if length < _ATTRIBUTE.size:
            return
        yield kind & 0x3FFF, data[at + _ATTRIBUTE.size : at + length]
        at += (length + 3) & ~3


def _text(raw: bytes) -> str:
    return raw.rstrip(b"\0").decode(errors="replace")
