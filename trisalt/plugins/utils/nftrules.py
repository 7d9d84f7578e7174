"""Rules of nftables: from the words of a state to nft's own, and whether two rules are the same. Pure.

nft prints a rule in a spelling of its own (`{ 22 }` becomes `22`, a service becomes its port), so texts cannot be
compared. What it would hand to the kernel can: `nft --check --debug=netlink` shows that for a rule which is to be
added, `nft --debug=netlink list chain` for those which are there.

Used by the shelf `nftables`. Source of the words and their order: stock Salt 3008.3.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import attrs

FAMILIES = {"ipv4": "ip", "ipv6": "ip6", "ip": "ip", "ip6": "ip6", "inet": "inet", "arp": "arp", "bridge": "bridge",
            "netdev": "netdev"}  # fmt: skip
# What the engine, or the module itself, means; `match` names modules of iptables, which nftables has not.
_NOT_OPTIONS = frozenset(
    {
        *("name", "names", "state", "fun", "save", "order", "table", "chain", "command", "position", "full", "family"),
        *("rules", "match", "require", "watch", "onchanges", "onfail", "prereq", "use", "listen", "onlyif", "unless"),
        *("failhard", "aggregate", "reload_modules", "saltenv", "sfun"),
    }
)
_PORTS = ("dport", "sport", "dports", "sports")


class BadRule(ValueError):
    """The options do not make a rule; str() says why."""


@attrs.frozen(kw_only=True)
class Rule:
    """A rule as the kernel gets it. `handle` is its number; "" for one that is not there yet."""

    table: str
    chain: str
    handle: str
    program: tuple[str, ...]


def written(given: Mapping[str, Any], family: str) -> str:
    """A rule as a text, from options by their names; a `!` before a value means all others. Raises BadRule."""
    options = {
        str(key): value
        for key, value in given.items()
        if key not in _NOT_OPTIONS and not str(key).startswith("_") and value is not None
    }
    words: list[str] = []
    for keys, start in ((("if", "in-interface"), "meta iifname"), (("of", "out-interface"), "meta oifname")):
        words += [_single(start, options.pop(key)) for key in keys if key in options]
    proto = str(options.pop("proto", options.pop("protocol", "")))
    ports = {key: options.pop(key) for key in _PORTS if key in options}
    if "connstate" in options:
        words.append(_several("ct state", options.pop("connstate")))
    types = [key for key in ("icmp-type", "icmpv6-type") if key in options]
    words += [_several(key.replace("-", " "), options.pop(key)) for key in types]
    if "counter" in options:
        options.pop("counter")
        words.append("counter")
    for key, field in (("source", "saddr"), ("destination", "daddr")):
        if key in options:
            address = options.pop(key)
            words.append(_single(f"{_of_address(family, str(address))} {field}", address))
    if proto and not ports and not types and proto != "all":
        words.append(_single("meta l4proto", proto))
    if ports and not re.fullmatch(r"\w+", proto):
        raise BadRule("A port needs a protocol: proto")
    for key, value in ports.items():
        # Stock's order of several, which nft does not mind.
        shown = sorted(_listed(value), key=_leading, reverse=True) if key.endswith("s") else value
        words.append(_several(f"{proto} {key.rstrip('s')}", shown))
    words += _verdict(options)
    if options:
        raise BadRule(f"This is no option of a rule: {', '.join(sorted(options))}")
    return " ".join(words)


def _verdict(options: dict[str, Any]) -> list[str]:
    """What comes of a packet: the end of a rule. Takes what it means out of `options`."""
    jump = str(options.pop("jump", options.pop("target", "")))
    goto = options.pop("goto", "")
    words = [jump] if jump else [f"goto {goto}"] if goto else []
    if "log-prefix" in options:
        words.append(f"prefix {_quoted(options.pop('log-prefix'))}")
    for key in ("to-port", "to-ports"):
        if key in options:
            words = [*([] if jump == "redirect" else words), f"redirect to {options.pop(key)}"]
    words += [str(options.pop(key)) for key in ("to-source", "to-destination") if key in options]
    if "reject-with" in options:
        kind = str(options.pop("reject-with"))
        kind = re.sub(r"^tcp-reset$", "tcp reset", re.sub(r"^(icmpv?6?x?)-", r"\1 type ", kind))
        words = [*([] if jump == "reject" else words), f"reject with {kind}"]
    if "comment" in options:
        words.append(f"comment {_quoted(options.pop('comment'))}")
    return words


def _listed(value: Any) -> list[str]:
    values = value if isinstance(value, list | tuple) else [value]
    return [part.strip() for each in values for part in str(each).split(",")]


def _leading(port: str) -> int:
    found = re.match(r"!?(\d+)", port)
    return int(found[1]) if found else 0


def _single(start: str, value: Any) -> str:
    values = _listed(value)
    if len(values) > 1:
        return _several(start, values)
    text = values[0]
    return f"{start} != {text[1:].strip()}" if text.startswith("!") else f"{start} {text}"


def _several(start: str, value: Any) -> str:
    """A set of values: spelled as it was given where it is a text, with spaces where it is a list."""
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    if text.startswith("!"):
        text = text[1:].strip()
        return f"{start} != {{ {text} }}" if "," in text else f"{start} != {text}"
    return f"{start} {{ {text} }}"


def _quoted(value: Any) -> str:
    text = str(value)
    if '"' in text or "\n" in text:
        raise BadRule("A comment, or a prefix, has no quotes and is one line")
    return f'"{text}"'


def _of_address(family: str, address: str) -> str:
    """The protocol of an address: that of the table, or of the address itself where a table has several."""
    name = FAMILIES[family]
    if name in ("ip", "ip6"):
        return name
    return "ip6" if ":" in address else "ip"


# -- comparing ---------------------------------------------------------------------------------------------------------


def parsed(debug: str) -> list[Rule]:
    """The rules in what `nft --debug=netlink` printed, those of sets without a name with what is in them."""
    sets: dict[str, str] = {}
    unnamed: list[tuple[str, str]] = []
    rules: list[tuple[list[str], list[str]]] = []
    name = ""
    for line in debug.splitlines():
        if line.startswith(("\telement", "\t  element")):
            elements = re.findall(r"element (.*?) \[end\]", line)
            if name == "%d":
                unnamed[-1] = (unnamed[-1][0], unnamed[-1][1] + _sorted(elements))
            elif name:
                sets[name] = _sorted([sets[name], *elements])
        elif match := re.match(r"(__(?:set|map))%d \S+ (\S+) size", line):
            unnamed.append((match[1], ""))
        elif re.match(r"__(?:set|map)%d ", line):
            name = "%d"
        elif match := re.match(r"\S+ \S+ @(\S+)", line):
            name = match[1]
            sets[name] = ""
        elif line.startswith("  ") and rules:
            rules[-1][1].append(line.strip())
        elif re.match(r"\S+ \S+ [^@\s]\S*( \d+)*$", line):
            rules.append((line.split(), []))
            name = ""
    return [
        Rule(table=head[1], chain=head[2], handle=head[3] if len(head) > 3 else "",
             program=tuple(_plain(line, sets, unnamed) for line in program))
        for head, program in rules
    ]  # fmt: skip


def _sorted(elements: list[str]) -> str:
    parts = {part.strip() for element in elements for part in element.split(";") if part.strip()}
    return ";".join(sorted(" ".join(part.split()) for part in parts))


def _plain(line: str, sets: Mapping[str, str], unnamed: list[tuple[str, str]]) -> str:
    """One expression without what the kernel counts or fills in by itself."""
    line = re.sub(r"\bpkts \d+ bytes \d+", "", line)
    line = re.sub(r"\bconsumed \d+", "", line)
    if line.startswith("[ log"):
        line = line.replace(" level 4 ]", " ]")
    if line.startswith(("[ nat", "[ redir", "[ masq")):
        line = re.sub(r"(addr|proto)_min reg (\d+) \1_max reg \2(?!\d)", r"\1_min reg \2", line)
        # The two lowest bits say which registers are in use.
        line = re.sub(r" flags 0x([0-9a-f]+)", lambda found: f" flags {int(found[1], 16) & ~3:#x}", line)
        line = line.replace(" flags 0x0", "")
    if line.startswith("[ lookup"):
        line = re.sub(r" 0x0 \]$", " ]", line)
        if found := re.search(r"set (__(?:set|map))(%d|\d+)", line):
            inside = unnamed.pop(0)[1] if found[2] == "%d" and unnamed else sets.get(found[1] + found[2], "")
            line = line.replace(found[0], f"set {found[1]} {{{inside}}}")
    return " ".join(line.split())


def same(one: Rule, other: Rule) -> bool:
    """Whether two rules do the same in the same chain."""
    return (one.table, one.chain, one.program) == (other.table, other.chain, other.program)
