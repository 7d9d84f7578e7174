"""Grains of the network: interfaces, addresses, gateways, names, resolver."""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from typing import Any

from trisalt.plugins.utils import probe


def addresses() -> dict[str, Any]:
    """Addresses by interface and as lists, and hardware addresses."""
    found = __utils__["interfaces.interfaces"]()
    four = {name: _column(entry, "inet") for name, entry in found.items()}
    six = {name: _column(entry, "inet6") for name, entry in found.items()}
    return {
        "hwaddr_interfaces": {name: entry["hwaddr"] for name, entry in found.items() if "hwaddr" in entry},
        "ip4_interfaces": four,
        "ip6_interfaces": six,
        "ip_interfaces": {name: four[name] + six[name] for name in found},
        "ipv4": _sorted(four),
        "ipv6": _sorted(six),
    }


def gateways() -> dict[str, Any]:
    """`ip4_gw` and `ip6_gw` are the first default gateway, True when it has no address, False without one."""
    grains: dict[str, Any] = {"ip_gw": False, "ip4_gw": False, "ip6_gw": False}
    for route in reversed(__utils__["interfaces.default_routes"]()):
        grains["ip_gw"] = True
        grains["ip4_gw" if route["family"] == "inet" else "ip6_gw"] = route["gateway"] or True
    return grains


def names() -> dict[str, Any]:
    """Host and domain name, the addresses they resolve to; `fqdns` is asked for by `enable_fqdns_grains`."""
    local = socket.gethostname()
    fqdn = __utils__["interfaces.full_name"]()
    host, _, domain = fqdn.partition(".")
    return {
        "localhost": local,
        "fqdn": fqdn,
        "host": host,
        "domain": domain,
        "fqdn_ip4": _resolve(fqdn, socket.AF_INET),
        "fqdn_ip6": _resolve(fqdn, socket.AF_INET6),
        "fqdns": __utils__["interfaces.reverse_names"]() if __opts__.get("enable_fqdns_grains") else [],
    }


def dns() -> dict[str, Any]:
    """The resolver's configuration."""
    stub = "/run/systemd/resolve/resolv.conf"
    return {"dns": _parse_resolv(probe.read(stub if os.path.exists(stub) else "/etc/resolv.conf"))}


def _parse_resolv(text: str) -> dict[str, Any]:
    """`resolv.conf` as stock's grain has it; addresses that cannot be read are left out."""
    found: dict[str, Any] = {
        "nameservers": [],
        "ip4_nameservers": [],
        "ip6_nameservers": [],
        "sortlist": [],
        "domain": "",
        "search": [],
        "options": [],
    }
    for line in text.splitlines():
        word, *values = re.sub(r"[#;].*", "", line).split() or [""]
        match word:
            case "nameserver" if values:
                try:
                    version = ipaddress.ip_address(values[0].partition("%")[0]).version
                except ValueError:
                    continue
                found["nameservers"].append(values[0])
                found[f"ip{version}_nameservers"].append(values[0])
            case "domain" if values:
                found["domain"] = values[0]
            case "search" | "options" | "sortlist":
                found[word] = values
    return found


def _column(entry: dict[str, Any], key: str) -> list[str]:
    rows = entry.get(key, []) + [row for row in entry.get("secondary", []) if row["type"] == key]
    return [row["address"] for row in rows]


def _sorted(by_interface: dict[str, list[str]]) -> list[str]:
    return [str(a) for a in sorted({ipaddress.ip_address(a) for rows in by_interface.values() for a in rows})]


def _resolve(name: str, family: int) -> list[str]:
    try:
        asked = __utils__["interfaces.asked"](name)
        return sorted({str(row[4][0]) for row in socket.getaddrinfo(asked, None, family)})
    except (OSError, UnicodeError):
        return []
