"""What the network looks like from this minion: interfaces, addresses, names. `network_traffic` has the rest."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

from trisalt.errors import CommandError


def interfaces() -> dict[str, Any]:
    """
    Every interface with its state, hardware address and addresses.

    CLI Example:

        salt '*' network.interfaces
    """
    return __utils__["interfaces.interfaces"]()


def interface(iface: str) -> Any:
    """
    The IPv4 addresses of one interface.

    CLI Example:

        salt '*' network.interface eth0
    """
    found = interfaces().get(iface)
    return found.get("inet", []) if found else _unknown(iface)


def interface_ip(iface: str) -> Any:
    """
    The first IPv4 address of one interface.

    CLI Example:

        salt '*' network.interface_ip eth0
    """
    found = interfaces().get(iface)
    if not found:
        return _unknown(iface)
    rows = found.get("inet", [])
    return rows[0]["address"] if rows else None


def hw_addr(iface: str) -> Any:
    """
    The hardware address of one interface.

    CLI Example:

        salt '*' network.hw_addr eth0
    """
    found = interfaces().get(iface)
    return found.get("hwaddr") if found else _unknown(iface)


hwaddr = hw_addr


def ip_addrs(
    interface: str | None = None, include_loopback: bool = False, cidr: str | None = None, type: str | None = None
) -> list[str]:
    """
    The IPv4 addresses, loopback's only on request; in a subnet (`cidr`), of a `type` (`public` or `private`).

    CLI Example:

        salt '*' network.ip_addrs
    """
    found = __utils__["interfaces.addresses"](4, interface=interface, include_loopback=include_loopback)
    if cidr:
        return [address for address in found if ip_in_subnet(address, cidr)]
    if type in ("public", "private"):
        return [address for address in found if is_private(address) == (type == "private")]
    return found


ipaddrs = ip_addrs


def ip_addrs6(interface: str | None = None, include_loopback: bool = False, cidr: str | None = None) -> list[str]:
    """
    The IPv6 addresses, loopback's only on request.

    CLI Example:

        salt '*' network.ip_addrs6
    """
    found = __utils__["interfaces.addresses"](6, interface=interface, include_loopback=include_loopback)
    return [address for address in found if ip_in_subnet(address, cidr)] if cidr else found


ipaddrs6 = ip_addrs6


def ip_networks(interface: str | None = None, include_loopback: bool = False, verbose: bool = False) -> Any:
    """
    The IPv4 networks this host stands in; with `verbose` what is known of each.

    CLI Example:

        salt '*' network.ip_networks
    """
    return _networks("inet", interface, include_loopback, verbose)


def ip_networks6(interface: str | None = None, include_loopback: bool = False, verbose: bool = False) -> Any:
    """
    The IPv6 networks this host stands in.

    CLI Example:

        salt '*' network.ip_networks6
    """
    return _networks("inet6", interface, include_loopback, verbose)


def subnets(interfaces: list[str] | None = None) -> list[str]:
    """
    The IPv4 subnets this host stands in.

    CLI Example:

        salt '*' network.subnets
    """
    found = _networks("inet", None, False, True, interfaces)
    return sorted(found, key=lambda text: ipaddress.ip_network(text))


def subnets6() -> list[str]:
    """
    The IPv6 subnets this host stands in.

    CLI Example:

        salt '*' network.subnets6
    """
    return sorted(_networks("inet6", None, False, True), key=lambda text: ipaddress.ip_network(text))


def in_subnet(cidr: str) -> bool:
    """
    Whether an address of this host, loopback's aside, lies in a subnet.

    CLI Example:

        salt '*' network.in_subnet 10.0.0.0/16
    """
    version = _network(cidr).version
    return any(ip_in_subnet(a, cidr) for a in __utils__["interfaces.addresses"](version))


def ip_in_subnet(ip_addr: str, cidr: str) -> bool:
    """
    Whether an address lies in a subnet.

    CLI Example:

        salt '*' network.ip_in_subnet 172.17.0.4 172.16.0.0/12
    """
    return __utils__["interfaces.address"](ip_addr) in _network(cidr)


def calc_net(ip_addr: str, netmask: str | None = None) -> str:
    """
    The network of an address and its mask.

    CLI Example:

        salt '*' network.calc_net 172.17.0.5 255.255.255.240
    """
    return str(_network(f"{ip_addr}/{netmask}" if netmask else ip_addr))


def convert_cidr(cidr: str) -> dict[str, Any]:
    """
    The first address and the mask of a subnet.

    CLI Example:

        salt '*' network.convert_cidr 172.31.0.0/16
    """
    network = _network(cidr)
    return {
        "network": str(network.network_address),
        "netmask": str(network.netmask),
        "broadcast": str(network.broadcast_address),
    }


def is_private(ip_addr: str) -> bool:
    """
    Whether an address is a private one.

    CLI Example:

        salt '*' network.is_private 10.0.0.3
    """
    return __utils__["interfaces.address"](ip_addr).is_private


def is_loopback(ip_addr: str) -> bool:
    """
    Whether an address is loopback's.

    CLI Example:

        salt '*' network.is_loopback 127.0.0.1
    """
    return __utils__["interfaces.address"](ip_addr).is_loopback


def reverse_ip(ip_addr: str) -> str:
    """
    The name under which the DNS keeps an address's name.

    CLI Example:

        salt '*' network.reverse_ip 172.17.0.4
    """
    return __utils__["interfaces.address"](ip_addr).reverse_pointer


def iphexval(ip: str) -> str:
    """
    An IPv4 address in eight hexadecimal digits.

    CLI Example:

        salt '*' network.iphexval 10.0.0.1
    """
    return __utils__["interfaces.address"](ip).packed.hex().upper()


def ifacestartswith(cidr: str) -> list[str]:
    """
    The interfaces with an IPv4 address that begins so.

    CLI Example:

        salt '*' network.ifacestartswith 10.0
    """
    return [
        name
        for name, entry in interfaces().items()
        if any(row["address"].startswith(cidr) for row in entry.get("inet", []))
    ]


def get_hostname() -> str:
    """
    The host's name.

    CLI Example:

        salt '*' network.get_hostname
    """
    return socket.gethostname()


def get_fqdn() -> str:
    """
    The host's full name.

    CLI Example:

        salt '*' network.get_fqdn
    """
    return __utils__["interfaces.full_name"]()


def fqdns() -> dict[str, list[str]]:
    """
    The names that the DNS has for this host's addresses: `{fqdns: [name]}`.

    CLI Example:

        salt '*' network.fqdns
    """
    return {"fqdns": __utils__["interfaces.reverse_names"]()}


def _networks(
    key: str, interface: str | None, include_loopback: bool, verbose: bool, only: list[str] | None = None
) -> Any:
    found: dict[str, Any] = {}
    for name, entry in interfaces().items():
        if (interface and name != interface) or (only is not None and name not in only):
            continue
        for row in entry.get(key, []):
            mask = row["netmask"] if key == "inet" else row["prefixlen"]
            network = ipaddress.ip_network(f"{row['address']}/{mask}", strict=False)
            if network.is_loopback and not include_loopback:
                continue
            found[str(network)] = {
                "prefixlen": network.prefixlen,
                "netmask": str(network.netmask),
                "num_addresses": network.num_addresses,
                "address": str(network.network_address),
            }
    return found if verbose else list(found)


def _network(text: str) -> Any:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError as exc:
        raise CommandError(str(exc)) from None


def _unknown(iface: str) -> str:
    names = ", ".join(f'"{name}"' for name in interfaces())
    return f'Interface "{iface}" not in available interfaces: {names}'
