"""Addresses."""

import ipaddress
import re

_MAC = re.compile(r"(?i)^([0-9a-f]{2})((:[0-9a-f]{2}){5}|(-[0-9a-f]{2}){5})$")


def mac(addr):
    """Whether it is a hardware address."""
    return bool(_MAC.match(addr))


def _ip(addr, kind):
    text, slash, prefix = str(addr).partition("/")
    if slash and not (prefix.isdigit() and 0 < int(prefix) <= (32 if kind is ipaddress.IPv4Address else 128)):
        return False
    try:
        kind(text.partition("%")[0])
    except ValueError:
        return False
    return True


def ipv4_addr(addr):
    """Whether it is an IPv4 address, also with the length of its network."""
    return _ip(addr, ipaddress.IPv4Address)


def ipv6_addr(addr):
    """Whether it is an IPv6 address, also with the length of its network."""
    return _ip(addr, ipaddress.IPv6Address)


def ip_addr(addr):
    """Whether it is an address of either kind."""
    return ipv4_addr(addr) or ipv6_addr(addr)


def netmask(mask):
    """Whether it is a netmask in dotted form."""
    if not isinstance(mask, str):
        return False
    parts = mask.split(".")
    if len(parts) != 4 or not all(part.isdigit() and int(part) < 256 for part in parts):
        return False
    bits = "".join(f"{int(part):08b}" for part in parts)
    return "01" not in bits
