"""The simple kinds of target, one test each. `compound` combines them, `match` is the door for everybody else.

Source of the kinds: stock Salt 3008.3.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from fnmatch import translate
from functools import lru_cache
from typing import Any

from trisalt.errors import TargetError
from trisalt.expressions import UNREADABLE, Expression
from trisalt.target.data import DELIMITER, path_test
from trisalt.target.ranges import expand

Grains = Mapping[str, Any]
Pillar = Mapping[str, Any]
Data = Callable[[str], tuple[Grains, Pillar] | None]


class Subject:
    """One minion that a target is held against. Its grains and pillar are fetched when a test first needs them."""

    __slots__ = ("_data", "_found", "id")

    def __init__(self, id: str, data: Data) -> None:
        self.id = id
        self._data = data
        self._found: tuple[Grains, Pillar] | None = None

    def _fetch(self) -> tuple[Grains, Pillar]:
        if self._found is None:
            self._found = self._data(self.id) or ({}, {})
        return self._found

    @property
    def grains(self) -> Grains:
        """Empty if there are none."""
        return self._fetch()[0]

    @property
    def pillar(self) -> Pillar:
        """Empty if there is none."""
        return self._fetch()[1]


Test = Callable[[Subject], bool]


# What makes a name a pattern.
_SIGNS = "*?["


def simple_test(tgt_type: str, tgt: str, delimiter: str = DELIMITER) -> Test:
    """The test for a target of one kind, given as text. Raises TargetError if it cannot be read."""
    match tgt_type:
        case "glob" if tgt == "*":
            return lambda _subject: True
        case "glob":
            return _glob_test(tgt)
        case "pcre":
            return _pcre_test(tgt)
        case "list":
            return list_test(tgt)
        case "grain" | "grain_pcre":
            holds = path_test(tgt, delimiter=delimiter, regex=tgt_type == "grain_pcre")
            return lambda subject: holds(subject.grains)
        case "pillar" | "pillar_pcre" | "pillar_exact":
            holds = path_test(
                tgt, delimiter=delimiter, regex=tgt_type == "pillar_pcre", exact=tgt_type == "pillar_exact"
            )
            return lambda subject: holds(subject.pillar)
        case "ipcidr":
            return _address_test(tgt)
        case "range":
            return list_test(expand(tgt))
    raise TargetError(f"unknown target type {tgt_type!r}")


def expect_text(tgt: object) -> str:
    if not isinstance(tgt, str):
        raise TargetError(f"the target is {type(tgt).__name__}, when it should be text")
    return tgt


# -- by id ---------------------------------------------------------------------------------------------------------


def named_outright(tgt: Any, tgt_type: str) -> frozenset[str] | None:
    """The only ids that a target can name, where it says them; None where it has to be held against each."""
    match tgt_type:
        case "list":
            return frozenset(names_in(tgt))
        case "glob" if isinstance(tgt, str) and not any(sign in tgt for sign in _SIGNS):
            return frozenset(tgt.split(","))
    return None


def _glob_test(tgt: str) -> Test:
    """A shell-style pattern over the whole id, capitals and small letters apart; commas part several."""
    patterns = tgt.split(",")
    plain = frozenset(pattern for pattern in patterns if not any(sign in pattern for sign in _SIGNS))
    globs = [re.compile(translate(pattern)).match for pattern in patterns if pattern not in plain]
    return lambda subject: subject.id in plain or any(glob(subject.id) is not None for glob in globs)


def _pcre_test(tgt: str) -> Test:
    """A regular expression, held against the id from its start; it need not reach the end."""
    try:
        search = Expression(tgt).match
    except UNREADABLE as error:
        raise TargetError(f"{tgt!r} is no regular expression: {error}") from error
    return lambda subject: search(subject.id)


def list_test(tgt: Any) -> Test:
    names = frozenset(names_in(tgt))
    return lambda subject: subject.id in names


def names_in(tgt: Any) -> list[str]:
    if isinstance(tgt, str):
        return [name for name in tgt.split(",") if name]
    if isinstance(tgt, (list, tuple, set, frozenset)):
        return [name for name in tgt if isinstance(name, str)]
    raise TargetError(f"the target is {type(tgt).__name__}, when it should be a list of minions")


# -- by address ----------------------------------------------------------------------------------------------------


def _address_test(tgt: str) -> Test:
    """An address, or a network, over the grains `ipv4` and `ipv6`."""
    network: ipaddress.IPv4Network | ipaddress.IPv6Network
    try:
        network = ipaddress.ip_network(tgt)
    except ValueError as error:
        raise TargetError(f"{tgt!r} is neither an address nor a network: {error}") from error
    grain = f"ipv{network.version}"

    def test(subject: Subject) -> bool:
        addresses = subject.grains.get(grain)
        if isinstance(addresses, str):
            addresses = [addresses]
        if not isinstance(addresses, (list, tuple)):
            return False
        return any((address := _address(text)) is not None and address in network for text in map(str, addresses))

    return test


@lru_cache(maxsize=65536)
def _address(text: str) -> Any:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
