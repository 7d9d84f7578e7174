"""Sets of ipset: what `ipset list` prints, and whether an address, or many at once, are in what a set has. Pure.

Used by the module `ipset`, which imports it.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

TYPES = frozenset(
    ("bitmap:ip", "bitmap:ip,mac", "bitmap:port", "hash:ip", "hash:mac", "hash:ip,mac", "hash:net", "hash:net,net",
     "hash:ip,port", "hash:net,port", "hash:ip,port,ip", "hash:ip,port,net", "hash:ip,mark", "hash:net,port,net",
     "hash:net,iface", "list:set")
)  # fmt: skip

# What sets and entries may be made with, as ipset(8) has it: words of their own, and words with a value.
SET_FLAGS, SET_VALUES = (
    ("comment", "counters", "skbinfo", "forceadd"),
    ("range", "timeout", "hashsize", "maxelem", "bucketsize", "netmask", "bitmask", "markmask", "size"),
)
ENTRY_FLAGS, ENTRY_VALUES = (
    ("nomatch", "wildcard"),
    ("timeout", "packets", "bytes", "comment", "skbmark", "skbprio", "skbqueue", "before", "after"),
)
# What a set must have been made with for entries that say this.
SUPPORT = {
    "timeout": "timeout", "comment": "comment", "packets": "counters", "bytes": "counters",
    "skbmark": "skbinfo", "skbprio": "skbinfo", "skbqueue": "skbinfo",
}  # fmt: skip

Block = ipaddress.IPv4Network | ipaddress.IPv6Network


def words(options: Mapping[str, Any], flags: Sequence[str], values: Sequence[str]) -> list[str]:
    """Options as words of the program, in the order in which they were given. Others mean nothing to it."""
    found: list[str] = []
    for name, value in options.items():
        if name in flags and value is True:
            found.append(name)
        elif name in values and value not in (None, False):
            found += [name, str(value)]
    return found


def sets(printed: str) -> list[dict[str, str]]:
    """The headers of sets, by the words of the program."""
    found: list[dict[str, str]] = []
    for line in printed.splitlines():
        key, colon, value = line.partition(":")
        if key == "Name" and colon:
            found.append({})
        if found and colon:
            found[-1][key] = value.strip()
    return found


def members(printed: str) -> dict[str, str]:
    """What one set has: entries, and what is said of each."""
    _, _, lines = printed.partition("\nMembers:\n")
    return {head: rest for head, _, rest in (line.partition(" ") for line in lines.splitlines() if line)}


def comment(rest: str) -> str | None:
    """The comment among what is said of an entry."""
    found = re.search(r'(?:^| )comment "([^"]*)"', rest)
    return found[1] if found else None


def many(entry: str) -> bool:
    """Whether an entry may be several: a net, or a range."""
    return "," not in entry and ("/" in entry or _range(entry) is not None)


def spelled(entry: str) -> str:
    """An entry as the program spells it: of addresses and nets; others as they are."""
    blocks = _blocks(entry)
    if blocks is None or len(blocks) != 1:
        return entry
    return str(blocks[0] if blocks[0].num_addresses > 1 else blocks[0].network_address)


def covers(have: Iterable[str], entry: str, *, whole: bool, part: bool = False) -> bool:
    """Whether all of an entry, a net or a range, is in what a set has, or with `part` any of it.

    With `whole` a net is there as itself, not as a part of another.
    """
    enough = any if part else all
    known = set(have)
    if entry in known:
        return True
    if (numbers := re.fullmatch(r"(\d{1,5})-(\d{1,5})", entry)) is not None:
        return enough(str(number) in known for number in range(int(numbers[1]), int(numbers[2]) + 1))
    wanted = _blocks(entry)
    if wanted is None:
        return False
    if whole:
        return enough(spelled(str(block)) in known for block in wanted)
    found: list[Any] = [
        block
        for block in chain.from_iterable(_blocks(each) or () for each in known)
        if block.version == wanted[0].version
    ]
    if part:
        return any(block.overlaps(each) for block in wanted for each in found)
    merged = list(ipaddress.collapse_addresses(found))
    return all(any(block.subnet_of(each) for each in merged) for block in wanted)


def _range(entry: str) -> tuple[str, str] | None:
    first, dash, last = entry.partition("-")
    return (first, last) if dash and re.fullmatch(r"[\da-fA-F.:]+", first) and last else None


def _blocks(entry: str) -> list[Any] | None:
    """The nets that an entry is made of; None for what is no address, net or range."""
    try:
        ends = _range(entry)
        if ends is None:
            return [ipaddress.ip_network(entry, strict=False)]
        return list(ipaddress.summarize_address_range(*(ipaddress.ip_address(end) for end in ends)))  # type: ignore[type-var]
    except (ValueError, TypeError):
        return None
