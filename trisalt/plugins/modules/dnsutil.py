"""
What the DNS says, by its own program dig; files of hosts and of zones, and serial numbers for these.
"""

from __future__ import annotations

import ipaddress
import re
from datetime import datetime
from typing import Any

from trisalt.errors import CommandError

# So often one policy may send to another, as SPF itself has it.
_LOOKUPS = 10


def parse_hosts(hostsfile: str = "/etc/hosts", hosts: str | None = None) -> Any:
    """
    The names of each address in a file of hosts, or in its text as `hosts`.

    CLI Example:

        salt '*' dnsutil.parse_hosts
    """
    text = hosts or __utils__["rewrite.read"](hostsfile)
    if not text:
        return "Error: hosts data was not found"
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        address, names, _comment = __utils__["hostsfile.split"](line)
        if address:
            found.setdefault(address, []).extend(names)
    return found


def hosts_append(hostsfile: str = "/etc/hosts", ip_addr: str | None = None, entries: Any = None) -> str:
    """
    Add a line with an address and names, with commas between, to a file of hosts: those that the address has not yet.

    CLI Example:

        salt '*' dnsutil.hosts_append /etc/hosts 127.0.0.1 ad1.yuk.co,ad2.yuk.co
    """
    names = _names(entries)
    if not ip_addr or not check_ip(ip_addr):
        raise CommandError(f"Invalid IP address: {ip_addr}")
    with __utils__["rewrite.locked"](hostsfile):
        text = __utils__["rewrite.read"](hostsfile) or ""
        known = __utils__["hostsfile.parse"](text).get(ip_addr, {"aliases": []})["aliases"]
        missing = [name for name in names if name not in known]
        if not missing:
            return f"No additional hosts were added to {hostsfile}"
        line = " ".join([ip_addr, *missing])
        gap = "\n" if text and not text.endswith("\n") else ""
        __utils__["rewrite.replace"](hostsfile, f"{text}{gap}{line}\n")
    return f"The following line was added to {hostsfile}:\n{line}"


def hosts_remove(hostsfile: str = "/etc/hosts", entries: Any = None) -> None:
    """
    Take names, with commas between, from a file of hosts, and lines of which nothing but the address would be left.

    CLI Example:

        salt '*' dnsutil.hosts_remove /etc/hosts ad2.yuk.co,ad1.yuk.co
    """
    names = _names(entries)
    with __utils__["rewrite.locked"](hostsfile):
        text = __utils__["rewrite.read"](hostsfile)
        if text is None:
            raise CommandError(f"Unable to read {hostsfile}: No such file or directory")
        changed = text
        for address in __utils__["hostsfile.parse"](text):
            changed = __utils__["hostsfile.without"](changed, address, names)
        if changed != text:
            __utils__["rewrite.replace"](hostsfile, changed)


def parse_zone(zonefile: str | None = None, zone: str | None = None) -> Any:
    """
    A zone file, or its text as `zone`, as a map: `ORIGIN`, `TTL`, the fields of its SOA, and by kind the other records.

    CLI Example:

        salt ns1 dnsutil.parse_zone /var/lib/named/example.com.zone
    """
    text = __utils__["rewrite.read"](zonefile) if zonefile else zone
    if not text:
        return "Error: Zone data was not found"
    return __utils__["zonefile.parse"](text)


def check_ip(ip_addr: Any) -> bool:
    """
    Whether this is an address, of either version; one of a network with the length of its prefix is one, too.

    CLI Example:

        salt ns1 dnsutil.check_ip 127.0.0.1
    """
    try:
        ipaddress.ip_interface(str(ip_addr))
    except ValueError:
        return False
    return True


def A(host: str, nameserver: str | None = None) -> list[str]:
    """
    The IPv4 addresses of a host, in a list.

    CLI Example:

        salt ns1 dnsutil.A www.google.com
    """
    return [line for line in _asked(host, "A", nameserver) if check_ip(line)]


def AAAA(host: str, nameserver: str | None = None) -> list[str]:
    """
    The IPv6 addresses of a host, in a list.

    CLI Example:

        salt ns1 dnsutil.AAAA www.google.com
    """
    return [line for line in _asked(host, "AAAA", nameserver) if check_ip(line)]


def NS(domain: str, resolve: bool = True, nameserver: str | None = None) -> list[str]:
    """
    The addresses of a domain's name servers; their names with `resolve=False`.

    CLI Example:

        salt ns1 dnsutil.NS google.com
    """
    names = _asked(domain, "NS", nameserver)
    return [address for name in names for address in A(name, nameserver)] if resolve else names


def SPF(domain: str, record: str = "SPF", nameserver: str | None = None) -> list[str]:
    """
    The ranges of addresses that may send mail for a domain, with those of the policies that it includes. Where there is
    no SPF record the TXT records are asked for; `record=TXT` asks for these at once.

    CLI Example:

        salt ns1 dnsutil.SPF google.com
    """
    return _allowed(domain, record, nameserver, {domain})


def MX(domain: str, resolve: bool = False, nameserver: str | None = None) -> list[list[str]]:
    """
    The mail servers of a domain, each as a list of its preference and its name, or with `resolve` its first address.

    CLI Example:

        salt ns1 dnsutil.MX google.com
    """
    servers = [line.split() for line in _asked(domain, "MX", nameserver)]
    if not resolve:
        return servers
    found = [(preference, A(name, nameserver)) for preference, name in servers]
    return [[preference, addresses[0]] for preference, addresses in found if addresses]


def serial(zone: str = "", update: bool = False) -> str:
    """
    The serial number of a zone: the day and two digits, ``2026010203``

    It is kept in the grain ``dnsserial_<zone>``, which may be set by hand. With ``update`` a new one is made, and kept:
    the first of this day, or one more than the last.

    CLI Example:

    .. code-block:: shell

        salt ns1 dnsutil.serial example.com update=True
    """
    key = f"dnsserial_{zone}"
    stored = __salt__["grains.get"](key)
    first = datetime.now().strftime("%Y%m%d01")
    if not update:
        return stored or first
    current = str(int(stored) + 1) if stored and int(stored) >= int(first) else first
    __salt__["grains.setval"](key, current)
    return current


# -- inside ------------------------------------------------------------------------------------------------------------


def _names(entries: Any) -> list[str]:
    names = entries if isinstance(entries, list) else str(entries or "").split(",")
    names = [str(name).strip() for name in names if str(name).strip()]
    odd = next((name for name in names if re.search(r"[\s#]", name)), None)
    if odd is not None or not names:
        raise CommandError(f"Invalid name of a host: {odd!r}" if odd else "There is no name of a host")
    return names


def _asked(name: str, record: str, nameserver: str | None) -> list[str]:
    """The lines of an answer. Without one there are none, and the job's retcode is dig's."""
    for word in (name, nameserver or ""):
        if str(word).startswith(("-", "+", "@")) or re.search(r"\s", str(word)):
            raise CommandError(f"Invalid name of a host: {word!r}")
    server = [f"@{nameserver}"] if nameserver else []
    done = __utils__["tool.run"](["dig", "+short", *server, "-q", name, "-t", record], ignore_retcode=True)
    if done["retcode"]:
        __context__["retcode"] = done["retcode"]
        return []
    return [line for line in done["stdout"].splitlines() if line and not line.startswith(";")]


def _allowed(domain: str, record: str, nameserver: str | None, seen: set[str]) -> list[str]:
    lines = _asked(domain, record, nameserver)
    if not lines and record == "SPF":
        record, lines = "TXT", _asked(domain, "TXT", nameserver)
    # A policy may be in several strings of one record, which are one text.
    texts = ["".join(re.findall(r'"((?:[^"\\]|\\.)*)"', line)) for line in lines]
    words = next((text.split() for text in texts if re.match(r"v=spf1(\s|$)", text)), [])
    found: list[str] = []
    for word in words[1:]:
        kind, _, value = word.lstrip("+?~-").partition("=" if word.startswith("redirect=") else ":")
        if kind in ("ip4", "ip6") and check_ip(value):
            found.append(value)
        elif kind in ("include", "redirect") and value and value not in seen and len(seen) <= _LOOKUPS:
            seen.add(value)
            found += _allowed(value, record, nameserver, seen)
    return found
