"""Salt's Jinja filters about addresses: plain functions, and a table at the end. Source: stock Salt 3008.3."""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Callable, Mapping
from types import GeneratorType
from typing import Any

MOST_HOSTS = 1 << 16
"""A template that asks for the hosts of a bigger network has made a mistake, and would fill the memory."""

_KINDS = {
    "global": lambda address: not address.is_private,
    "public": lambda address: not address.is_private,
    "link-local": lambda address: address.is_link_local,
    "loopback": lambda address: address.is_loopback,
    "multicast": lambda address: address.is_multicast,
    "private": lambda address: address.is_private,
    "reserved": lambda address: address.is_reserved,
    "site-local": lambda address: address.version == 6 and address.is_site_local,
    "unspecified": lambda address: address.is_unspecified,
}
_ALIASES = {
    "linklocal": "link-local",
    "link_local": "link-local",
    "ll": "link-local",
    "lo": "loopback",
    "sl": "site-local",
    "site_local": "site-local",
}


def _address(value: Any, version: int, options: str | None = None) -> str | None:
    """The address or network of that version as text, if it is one, and of all the kinds that `options` names."""
    found: Any = None
    for read in (ipaddress.ip_address, ipaddress.ip_interface):
        try:
            found = read(value)
            break
        except ValueError:
            continue
    if found is None or found.version != version:
        return None
    for option in (options or "").split(","):
        kind = _KINDS.get(_ALIASES.get(option.strip(), option.strip()))
        if kind is not None and not kind(found):
            return None
    return str(found)


def _addresses(value: Any, version: int, options: str | None) -> Any:
    if isinstance(value, str | bytes):
        return _address(value, version, options)
    if isinstance(value, list | tuple | GeneratorType):
        return [found for each in value if (found := _address(each, version, options)) is not None]
    return None


def is_ipv4(value: Any, options: str | None = None) -> bool:
    return _address(value, 4, options) is not None


def is_ipv6(value: Any, options: str | None = None) -> bool:
    return _address(value, 6, options) is not None


def is_ip(value: Any, options: str | None = None) -> bool:
    return is_ipv4(value, options) or is_ipv6(value, options)


def ipv4(value: Any, options: str | None = None) -> Any:
    return _addresses(value, 4, options)


def ipv6(value: Any, options: str | None = None) -> Any:
    return _addresses(value, 6, options)


def ipaddr(value: Any, options: str | None = None) -> Any:
    if isinstance(value, GeneratorType):
        value = list(value)
    four, six = ipv4(value, options), ipv6(value, options)
    return four or six if four is None or six is None else four + six


def _each(value: Any, options: str | None, version: int | None, function: Callable[[str], Any]) -> Any:
    """`function` of the address in `value`, or of each of several; None when there is none."""
    found = ipaddr(value, options) if not version else _addresses(value, version, options)
    if not found:
        return None
    return [function(each) for each in found] if isinstance(found, list) else function(found)


def ip_host(value: Any, options: str | None = None, version: int | None = None) -> Any:
    return _each(value, options, version, lambda each: str(ipaddress.ip_interface(each)))


def network_hosts(value: Any, options: str | None = None, version: int | None = None) -> Any:
    return _each(value, options, version, _hosts)


def _hosts(text: str) -> list[str]:
    network = ipaddress.ip_network(text, strict=False)
    if network.num_addresses > MOST_HOSTS:
        raise ValueError(f"{text} has {network.num_addresses} addresses: too many for a list")
    return [str(host) for host in network.hosts()]


def network_size(value: Any, options: str | None = None, version: int | None = None) -> Any:
    return _each(value, options, version, lambda each: ipaddress.ip_network(each, strict=False).num_addresses)


def filter_by_networks(values: Any, networks: Any) -> Any:
    if networks is None:
        return values
    wanted = [ipaddress.ip_network(network) for network in networks]

    def inside(addresses: Any) -> list[Any]:
        return [each for each in addresses for network in wanted if ipaddress.ip_address(each) in network]

    if isinstance(values, Mapping):
        return {name: inside(addresses) for name, addresses in values.items()}
    if isinstance(values, list | tuple | set):
        return inside(values)
    raise ValueError(f"Do not know how to filter a {type(values)}")


def ipwrap(value: Any) -> Any:
    """IPv6 addresses in square brackets; other values as they are."""
    if isinstance(value, list | tuple):
        return [ipwrap(each) for each in value]
    return f"[{ipaddress.ip_address(value)}]" if _address(value, 6) is not None else value


def gen_mac(prefix: str = "AC:DE:48") -> str:
    return ":".join([prefix, *(f"{random.randrange(256):02X}" for _ in range(3))])  # noqa: S311


def mac_to_bytes(text: str) -> bytes:
    if len(text) == 17:
        text = text.replace(text[2], "")
    if len(text) != 12:
        raise ValueError("Invalid MAC address")
    return bytes.fromhex(text)


NETWORK_FILTERS: dict[str, Callable[..., Any]] = {
    "filter_by_networks": filter_by_networks,
    "gen_mac": gen_mac,
    "ip_host": ip_host,
    "ipaddr": ipaddr,
    "ipv4": ipv4,
    "ipv6": ipv6,
    "ipwrap": ipwrap,
    "is_ip": is_ip,
    "is_ipv4": is_ipv4,
    "is_ipv6": is_ipv6,
    "mac_str_to_bytes": mac_to_bytes,
    "network_hosts": network_hosts,
    "network_size": network_size,
}
