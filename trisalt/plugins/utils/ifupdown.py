"""Stanzas of interfaces(5), as Debian's ifupdown reads them: written from the options of a state, found in a file,
and put into it with everything else left as it is. Pure.

Used by the shelf `debian_ip`. Source of the options, their order and what is said against them: stock Salt 3008.3.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

TYPES = ("eth", "bond", "alias", "clone", "ipsec", "dialup", "bridge", "slave", "vlan", "pppoe", "source")
_DESCRIBED = frozenset({"eth", "bond", "alias", "bridge", "slave", "vlan", "pppoe"})
_YES = frozenset({"yes", "on", "true", "1"})
_NO = frozenset({"no", "off", "false", "0"})
SAID_OF_TRUTH = "yes|on|true|1|True|no|off|false|0|False"
_METHODS = {
    "inet": ("bootp", "dhcp", "loopback", "manual", "ppp", "static"),
    "inet6": ("6to4", "auto", "dhcp", "loopback", "manual", "static", "v4tunnel"),
}
# In the order in which they stand in a stanza.
_FIRST = ("autoconf", "privext", "hwaddress", "vlan-raw-device", "address", "netmask", "metric", "gateway",
          "pointopoint", "scope", "hostname", "leasehours", "leasetime", "vendor", "client", "bootfile", "server",
          "media", "endpoint", "local", "ttl", "mtu", "provider", "unit", "options", "dns-nameservers")  # fmt: skip
_OF_INET = ("metric", "gateway", "pointopoint", "hostname", "leasehours", "leasetime", "vendor", "client", "bootfile",
            "server", "provider", "unit", "options")  # fmt: skip
_OF_INET6 = ("autoconf", "privext", "media", "accept_ra", "gateway")
_OF_BOTH = ("hwaddress", "scope", "endpoint", "local", "ttl", "mtu")
_COMMANDS = ("up", "down", "pre-up", "post-up", "pre-down", "post-down")
_OFFLOADS = ("gro", "gso", "lro", "rx", "sg", "tso", "tx", "ufo")
_BRIDGE_NUMBERS = ("ageing", "bridgeprio", "fd", "gcint", "hello", "maxage", "maxwait")
_BRIDGE_WORDS = ("pathcost", "portprio", "waitport")
BOND_MODES = ("balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb")
_HASHES = ("layer2", "layer2+3", "layer3+4")

Stanza = list[str]


class BadOption(ValueError):
    """An option of an interface is missing or means nothing; str() says which, and what would do."""


def described(name: str, kind: str, enabled: Any, settings: Mapping[str, Any]) -> Stanza:
    """The lines that describe an interface, each with its end, and an empty one. Raises BadOption."""
    if kind not in TYPES:
        raise _bad(name, kind, "|".join(TYPES))
    if kind not in _DESCRIBED:
        raise BadOption(f"An interface of the type {kind} is not described in /etc/network/interfaces")
    if not re.fullmatch(r"[^\s/]{1,15}", name):
        raise BadOption(f"This is no name of an interface: {name}")
    given = {key: value for key, value in settings.items() if value is not None}
    if kind == "slave" and not given.get("master"):
        raise BadOption("master is a required setting for slave interfaces")
    lines = [f"auto {name}\n"] if _enabled(enabled) else []
    if given.get("hotplug") and truth(name, "hotplug", given["hotplug"]):
        lines.append(f"allow-hotplug {name}\n")
    of_kind = _of_kind(name, kind, given)
    second = str(given.get("ipv6proto") or "none")
    if not truth(name, "enable_ipv6", given.get("enable_ipv6", False)):
        second = "none"
    first = "manual" if kind == "slave" else str(given.get("proto") or "none")
    if first != "none" or second == "none":
        # An interface without a protocol is there, and has no address.
        lines += _stanza(name, "inet", "manual" if first == "none" else first, given, of_kind)
        of_kind = []
    if second != "none":
        lines += _stanza(name, "inet6", second, given, of_kind)
    return [*lines, "\n"]


def truth(name: str, key: str, value: Any) -> bool:
    """What a word for yes or no means."""
    text = str(value).lower()
    if text not in _YES | _NO:
        raise _bad(name, key, SAID_OF_TRUTH)
    return text in _YES


def bond_options(name: str, given: Mapping[str, Any]) -> dict[str, str]:
    """The options of a bond by their names in the kernel, with stock's defaults. Raises BadOption."""
    mode = str(given.get("mode", ""))
    if mode in BOND_MODES:
        mode = str(BOND_MODES.index(mode))
    if not re.fullmatch(r"[0-6]", mode):
        raise _bad(name, "mode", "|".join([*map(str, range(7)), *BOND_MODES]))
    found = {"mode": mode}
    targets = given.get("arp_ip_target")
    if targets is not None and mode in ("0", "1", "2", "3") and "miimon" not in given:
        if not isinstance(targets, list) or not targets or len(targets) > 16:
            raise _bad(name, "arp_ip_target", "list of ips (up to 16)")
        found["arp_ip_target"] = ",".join(str(each) for each in targets)
        found["arp_interval"] = _number(name, "arp_interval", given.get("arp_interval", 250))
    else:
        for key, default in (("miimon", 100), ("downdelay", 200), ("updelay", 0)):
            found[key] = _number(name, key, given.get(key, default))
    if given.get("primary") and mode in ("1", "5", "6"):
        found["primary"] = _word(name, "primary", given["primary"])
    if mode == "4":
        rate = str(given.get("lacp_rate", "slow"))
        if rate not in ("fast", "1", "slow", "0"):
            raise _bad(name, "lacp_rate", "fast|1|slow|0")
        found["lacp_rate"] = "1" if rate in ("fast", "1") else "0"
        found["ad_select"] = _number(name, "ad_select", given.get("ad_select", 0))
    if "miimon" in found:
        found["use_carrier"] = "1" if truth(name, "use_carrier", given.get("use_carrier", "on")) else "0"
    policy = given.get("hashing-algorithm", given.get("xmit_hash_policy"))
    if policy is not None and mode in ("2", "4"):
        if policy not in _HASHES:
            raise _bad(name, "hashing-algorithm", "|".join(_HASHES))
        found["xmit_hash_policy"] = str(policy)
    return found


# -- a file ------------------------------------------------------------------------------------------------------------


def found(text: str, name: str) -> Stanza:
    """The lines of a file that describe an interface, in the order of `described`; none when it is not there."""
    heads, stanzas = [], []
    for line, body in _parts(text):
        words = line.split()
        if words[:1] in (["auto"], ["allow-hotplug"]) and name in words[1:]:
            heads.append(f"{words[0]} {name}\n")
        elif words[:1] == ["iface"] and words[1:2] == [name]:
            options = [each.split(None, 1) for each in body if each.strip() and not each.strip().startswith("#")]
            pairs = [(pair[0], pair[1].strip() if len(pair) > 1 else "") for pair in options]
            stanzas += [" ".join(words) + "\n", *_sorted(pairs)]
    return [*sorted(set(heads), reverse=True), *stanzas, "\n"] if stanzas else []


def replaced(text: str, name: str, lines: Sequence[str]) -> str:
    """The text with an interface described anew, where it was or at the end; all other lines stay as they are."""
    kept: list[str] = []
    place = None
    for line, body in _parts(text):
        words = line.split()
        if words[:1] == ["iface"] and words[1:2] == [name]:
            place = len(kept) if place is None else place
            kept += _behind(body)
            continue
        if words[:1] in (["auto"], ["allow-hotplug"]) and name in words[1:]:
            others = [word for word in words[1:] if word != name]
            line = " ".join([words[0], *others]) + "\n" if others else ""
        kept += [line, *body]
    if place is None:
        place = len(kept)
        if kept and not kept[-1].endswith("\n"):
            kept[-1] += "\n"
    return "".join([*kept[:place], *[each for each in lines if each != "\n"], *kept[place:]])


def _behind(body: list[str]) -> list[str]:
    """The empty lines and comments behind the last option of a stanza: they belong to whatever comes next."""
    start = len(body)
    while start and (not body[start - 1].strip() or body[start - 1].startswith("#")):
        start -= 1
    return body[start:]


def _parts(text: str) -> list[tuple[str, list[str]]]:
    """The lines that begin something, and those which follow each: its options, comments and empty lines."""
    parts: list[tuple[str, list[str]]] = []
    starts = re.compile(r"\s*(iface|auto|allow-\S+|mapping|source|source-directory|template|rename|no-\S+)\b")
    for line in text.splitlines(keepends=True):
        if starts.match(line) or not parts:
            parts.append((line, []))
        else:
            parts[-1][1].append(line)
    return parts


# -- inside ------------------------------------------------------------------------------------------------------------


def _bad(name: str, key: str, wanted: str) -> BadOption:
    return BadOption(f"Invalid option -- Interface: {name}, Option: {key}, Expected: [{wanted}]")


def _enabled(value: Any) -> bool:
    return str(value).lower() not in _NO if not isinstance(value, bool) else value


def _number(name: str, key: str, value: Any) -> str:
    if isinstance(value, bool) or not re.fullmatch(r"\d+", str(value)):
        raise _bad(name, key, "integer")
    return str(value)


def _word(name: str, key: str, value: Any) -> str:
    """A value of an option: one line, for the next would be another option."""
    text = str(value)
    if not text.strip() or "\n" in text:
        raise _bad(name, key, "one line")
    return text


def _mac(name: str, key: str, value: Any) -> str:
    if not re.fullmatch(r"([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}", str(value)):
        raise _bad(name, key, "valid MAC address")
    return str(value)


def _address(version: int) -> Callable[[str, str, Any], str]:
    def check(name: str, key: str, value: Any) -> str:
        try:
            if ipaddress.ip_interface(str(value)).version == version:
                return str(value)
        except ValueError:
            pass
        raise _bad(name, key, f"IPv{version} address")

    return check


def _netmask(version: int) -> Callable[[str, str, Any], str]:
    def check(name: str, key: str, value: Any) -> str:
        base = "0.0.0.0" if version == 4 else "::"
        try:
            ipaddress.ip_network(f"{base}/{value}")
        except ValueError:
            raise _bad(name, key, "netmask") from None
        return str(value)

    return check


def _checks(version: int) -> dict[str, Callable[[str, str, Any], str]]:
    numbers = dict.fromkeys(("metric", "leasehours", "leasetime", "ttl", "mtu", "unit", "accept_ra", "autoconf",
                             "privext"), _number)  # fmt: skip
    plain = dict.fromkeys(("gateway", "pointopoint"), _address(version))
    return {**numbers, **plain, "hwaddress": _mac, "netmask": _netmask(version)}


def _stanza(name: str, family: str, method: str, given: Mapping[str, Any], of_kind: list[tuple[str, str]]) -> Stanza:
    prefix, version = ("ipv6", 6) if family == "inet6" else ("", 4)
    if method not in _METHODS[family]:
        raise _bad(name, f"{prefix}proto", "|".join(sorted([*_METHODS[family], "none"])))
    checks = _checks(version)
    pairs = [("address", each) for each in _addresses(name, prefix, version, given)]
    keys = [*_OF_BOTH, *(_OF_INET6 if prefix else _OF_INET), "netmask"]
    for key in keys:
        # What has a meaning in one family alone is never taken from the other's.
        own = key in ("gateway", "netmask") or not prefix
        value = given.get(f"{prefix}{key}", None if own and prefix else given.get(key))
        if key == "hwaddress":
            value = given.get("hwaddr", value)
        if value is not None:
            pairs.append((key, checks.get(key, _word)(name, f"{prefix}{key}", value)))
    servers = given.get(f"{prefix}dns", given.get("dns", given.get("dns-nameservers")))
    if servers:
        listed = servers if isinstance(servers, list) else [servers]
        pairs.append(("dns-nameservers", _word(name, "dns", " ".join(map(str, listed)))))
    raw = given.get("vlan-raw-device")
    if raw:
        pairs.append(("vlan-raw-device", _word(name, "vlan-raw-device", raw)))
    pairs += [(key, _word(name, key, value)) for key, value in sorted(given.items()) if key.startswith("wpa-")]
    for key in _COMMANDS:
        commands = given.get(f"{key.replace('-', '_')}_cmds") or []
        listed = commands if isinstance(commands, list) else [commands]
        pairs += [(key, _word(name, key, each)) for each in listed]
    pairs += _ethernet(name, given)
    return [f"iface {name} {family} {method}\n", *_sorted([*pairs, *of_kind])]


def _addresses(name: str, prefix: str, version: int, given: Mapping[str, Any]) -> list[str]:
    one = given.get(f"{prefix}ipaddr", given.get(f"{prefix}addr") if prefix else None)
    found = [] if one is None else [_address(version)(name, f"{prefix}ipaddr", one)]
    for key in (f"{prefix}ipaddrs", f"{prefix}addrs"):
        more = given.get(key) or []
        for each in more if isinstance(more, list) else [more]:
            family = 6 if ":" in str(each) else 4
            if prefix and family == 4:
                raise _bad(name, key, "IPv6 address")
            found.append(_address(family)(name, key, each))
    return found


def _ethernet(name: str, given: Mapping[str, Any]) -> list[tuple[str, str]]:
    pairs = []
    if "autoneg" in given:
        pairs.append(("ethernet-autoneg", "on" if truth(name, "autoneg", given["autoneg"]) else "off"))
    if "duplex" in given:
        if given["duplex"] not in ("full", "half"):
            raise _bad(name, "duplex", "full|half")
        pairs.append(("link-duplex", str(given["duplex"])))
    if "speed" in given:
        if str(given["speed"]) not in ("10", "100", "1000", "10000"):
            raise _bad(name, str(given["speed"]), "10|100|1000|10000")
        pairs.append(("link-speed", str(given["speed"])))
    return pairs + [
        (f"offload-{key}", "on" if truth(name, key, given[key]) else "off") for key in _OFFLOADS if key in given
    ]


def _of_kind(name: str, kind: str, given: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The options that an interface has because of its type."""
    match kind:
        case "slave":
            return [("bond-master", _word(name, "master", given["master"]))]
        case "vlan" if "vlan-raw-device" not in given:
            return [("vlan-raw-device", re.sub(r"\.\d*$", "", name))]
        case "bond":
            if not given.get("slaves"):
                raise BadOption("slaves is a required setting for bond interfaces")
            options = {**bond_options(name, given), "slaves": _names(name, "slaves", given["slaves"])}
            return [(f"bond-{key}", value) for key, value in options.items()]
        case "bridge":
            return _of_bridge(name, given)
    return []


def _of_bridge(name: str, given: Mapping[str, Any]) -> list[tuple[str, str]]:
    if not given.get("ports"):
        raise BadOption("ports is a required setting for bridge interfaces on Debian or Ubuntu based systems")
    options = {"ports": _names(name, "ports", given["ports"])}
    options |= {key: _number(name, key, given[key]) for key in _BRIDGE_NUMBERS if key in given}
    options |= {key: _word(name, key, given[key]) for key in _BRIDGE_WORDS if key in given}
    if "hw" in given:
        options["hw"] = _mac(name, "hw", given["hw"])
    if "stp" in given:
        options["stp"] = "on" if truth(name, "stp", given["stp"]) else "off"
    return [(f"bridge_{key}", value) for key, value in options.items()]


def _names(name: str, key: str, value: Any) -> str:
    return _word(name, key, " ".join(map(str, value)) if isinstance(value, list) else value)


def _sorted(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """The lines of options in the order in which they stand in a stanza."""

    def place(pair: tuple[str, str]) -> tuple[int, int, str]:
        key = pair[0]
        groups: list[tuple[bool, int]] = [
            (key in _FIRST, _FIRST.index(key) if key in _FIRST else 0),
            (key.startswith("wpa-"), 0),
            (key == "accept_ra", 0),
            (key in _COMMANDS, _COMMANDS.index(key) if key in _COMMANDS else 0),
            (key.startswith(("ethernet-", "link-", "offload-")), 0),
            (key.startswith("bond-"), 0),
            (key.startswith("bridge_"), 0),
            (True, 0),
        ]
        number = next(number for number, (mine, _) in enumerate(groups) if mine)
        stable = key in _FIRST or key in _COMMANDS
        return number, groups[number][1], "" if stable else key

    return [f"    {key} {value}\n" if value else f"    {key}\n" for key, value in sorted(pairs, key=place)]
