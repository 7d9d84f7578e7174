"""What the kernel says of this host's network interfaces, in the shapes Salt's grains and `network` module share."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

from trisalt.errors import CommandError
from trisalt.plugins.utils import netlink


def interfaces() -> dict[str, dict[str, Any]]:
    """Every interface by name: `up`, `hwaddr`, `inet`, `inet6`, and `secondary` for further IPv4 addresses.

    `inet` rows have address, netmask, broadcast (None on loopback) and label; `inet6` rows address, prefixlen, scope.
    Source of the shapes: stock Salt 3008.3, `network.interfaces`.
    """
    links = netlink.links()
    names = {link.index: link.name for link in links}
    rows: dict[str, list[netlink.Address]] = {link.name: [] for link in links}
    for row in netlink.addresses():
        # A label is a name of its own: `eth0:1`.
        rows.setdefault(row.label or names.get(row.index, ""), []).append(row)
    found: dict[str, dict[str, Any]] = {}
    for link in links:
        entry = found[link.name] = {"up": bool(link.flags & netlink.RUNNING)}
        for row in rows[link.name]:
            if row.family == socket.AF_INET:
                _add_inet(entry, link, row)
        six = [row for row in rows[link.name] if row.family == socket.AF_INET6]
        if six:
            entry["inet6"] = [
                {"address": row.address, "prefixlen": str(row.prefix), "scope": _scope(row.address)} for row in six
            ]
        if link.hwaddr:
            entry["hwaddr"] = link.hwaddr.ljust(6, b"\0").hex(":")
    return found


def _add_inet(entry: dict[str, Any], link: netlink.Link, row: netlink.Address) -> None:
    broadcast = row.broadcast if link.flags & netlink.BROADCAST and row.broadcast != row.address else None
    netmask = socket.inet_ntoa((0xFFFFFFFF << 32 - row.prefix & 0xFFFFFFFF).to_bytes(4, "big"))
    inet = {"address": row.address, "netmask": netmask, "broadcast": broadcast, "label": link.name}
    if "inet" in entry and any(_same_network(inet, first) for first in entry["inet"]):
        entry.setdefault("secondary", []).append({"type": "inet", **inet})
    else:
        entry.setdefault("inet", []).append(inet)


def _same_network(one: dict[str, Any], other: dict[str, Any]) -> bool:
    def network(row: dict[str, Any]) -> object:
        return ipaddress.ip_network(f"{row['address']}/{row['netmask']}", strict=False)

    return network(one) == network(other)


def _scope(address: str) -> str:
    parsed = ipaddress.IPv6Address(address)
    if parsed.is_loopback:
        return "host"
    if parsed.is_link_local:
        return "link"
    return "site" if parsed.is_site_local else "global"


def addresses(version: int = 4, *, interface: str | None = None, include_loopback: bool = False) -> list[str]:
    """The addresses of one family, sorted as numbers, each once; loopback's only on request.

    `interface` may be a name or a glob.
    """
    from fnmatch import fnmatchcase

    key = "inet" if version == 4 else "inet6"
    found = set()
    for name, entry in interfaces().items():
        if interface and not fnmatchcase(name, interface):
            continue
        rows = entry.get(key, []) + [row for row in entry.get("secondary", []) if row["type"] == key]
        found |= {row["address"] for row in rows}
    parsed = sorted(ipaddress.ip_address(address) for address in found)
    return [str(address) for address in parsed if include_loopback or not address.is_loopback]


def full_name() -> str:
    """The host's full name: the canonical one that its name resolves to."""
    try:
        host = asked(socket.gethostname())
        for *_rest, canonical, _address in socket.getaddrinfo(host, None, flags=socket.AI_CANONNAME):
            if canonical and canonical not in ("localhost", "ip6-localhost"):
                return canonical
    except OSError:
        pass
    name = socket.getfqdn(asked(socket.gethostname()))  # type: ignore[arg-type]  # it takes bytes as well
    return name.decode() if isinstance(name, bytes) else name


def asked(name: str) -> str | bytes:
    """A name as it is asked for: as bytes it needs no rules for names in other scripts, which take a while to load."""
    return name.encode() if name.isascii() else name


def reverse_names() -> list[str]:
    """The full names that the DNS has for the addresses of this host, loopback's aside; sorted."""
    names = set()
    for address in addresses(4) + addresses(6):
        try:
            names.add(socket.getfqdn(socket.gethostbyaddr(address)[0]))
        except OSError:
            continue
    return sorted(names)


def default_routes() -> list[dict[str, str]]:
    """The default routes the kernel would use, of both families: `family`, `gateway` (may be empty), `interface`."""
    found = []
    for line in _lines("/proc/net/route")[1:]:
        name, destination, gateway, flags, _refs, _use, _metric, mask, *_ = line.split()
        if destination == mask == "00000000" and int(flags, 16) & 1:
            address = socket.inet_ntoa(int(gateway, 16).to_bytes(4, "little"))
            found.append({"family": "inet", "gateway": "" if address == "0.0.0.0" else address, "interface": name})
    for line in _lines("/proc/net/ipv6_route"):
        destination, length, _source, _slength, gateway, _metric, _refs, _use, flags, name = line.split()
        rejected = int(flags, 16) & 0x0200
        if length == "00" and int(destination, 16) == 0 and name != "lo" and not rejected:
            address = str(ipaddress.IPv6Address(int(gateway, 16)))
            found.append({"family": "inet6", "gateway": "" if address == "::" else address, "interface": name})
    return found


def _lines(path: str) -> list[str]:
    try:
        with open(path) as file:
            return file.read().splitlines()
    except OSError:
        return []


def address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """An address of either kind. Raises CommandError for what is none."""
    try:
        return ipaddress.ip_address(text)
    except ValueError as exc:
        raise CommandError(str(exc)) from None
