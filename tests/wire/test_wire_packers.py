"""Packers that are used again pack as new ones do, whatever happened to them, and in any thread."""

from __future__ import annotations

import threading
from typing import Any

import msgpack
import pytest

from trisalt.errors import LocalProtocolError
from trisalt.wire.packers import KEPT, Packers


class Odd:
    """What msgpack does not know."""


def test_what_is_packed_is_what_a_new_packer_packs() -> None:
    packers = Packers(use_bin_type=False)
    for obj in ({"a": [1, None, b"x"]}, "ü" * 300, [], {"a": [1, None, b"x"]}):
        assert packers.pack(obj) == msgpack.packb(obj, use_bin_type=False)


def test_a_packer_is_used_again() -> None:
    packers = Packers()
    for number in range(3):
        packers.pack(number)
    assert len(packers._spare) == 1


def test_a_packer_that_failed_half_way_leaves_nothing_behind() -> None:
    packers = Packers()
    packers.pack({"a": 1})
    with pytest.raises(LocalProtocolError, match="cannot be packed"):
        packers.pack(["begun", Odd()])
    assert packers.pack({"a": 1}) == msgpack.packb({"a": 1})


def test_a_packer_that_has_packed_much_is_not_kept_with_its_memory() -> None:
    packers = Packers()
    packers.pack(b"x" * KEPT)
    assert not packers._spare


def test_what_is_packed_while_something_is_packed_goes_into_another_packer() -> None:
    """As it would be by another thread, which may run whenever msgpack asks for what it does not know."""
    inner: list[bytes] = []

    def other(_obj: Any) -> str:
        thread = threading.Thread(target=lambda: inner.append(packers.pack({"inner": True})))
        thread.start()
        thread.join()
        return "odd"

    packers = Packers(default=other)
    assert packers.pack([1, Odd(), 2]) == msgpack.packb([1, "odd", 2])
    assert inner == [msgpack.packb({"inner": True})]
