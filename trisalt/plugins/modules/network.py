"""What the network looks like from this minion."""

from __future__ import annotations

import ipaddress
import logging
import re
import shutil
import socket
from typing import Any

from trisalt.errors import CommandError

log = logging.getLogger(__name__)

_STATES = {
    1: "ESTABLISHED", 2: "SYN_SENT", 3: "SYN_RECV", 4: "FIN_WAIT1", 5: "FIN_WAIT2", 6: "TIME_WAIT", 7: "CLOSE",
    8: "CLOSE_WAIT", 9: "LAST_ACK", 10: "LISTEN", 11: "CLOSING",
}  # fmt: skip
_HOST = re.compile(r"[A-Za-z0-9_.:%-]+")


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
    return _address(ip_addr) in _network(cidr)


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
    return _address(ip_addr).is_private


def is_loopback(ip_addr: str) -> bool:
    """
    Whether an address is loopback's.

    CLI Example:

        salt '*' network.is_loopback 127.0.0.1
    """
    return _address(ip_addr).is_loopback


def reverse_ip(ip_addr: str) -> str:
    """
    The name under which the DNS keeps an address's name.

    CLI Example:

        salt '*' network.reverse_ip 172.17.0.4
    """
    return _address(ip_addr).reverse_pointer


def iphexval(ip: str) -> str:
    """
    An IPv4 address in eight hexadecimal digits.

    CLI Example:

        salt '*' network.iphexval 10.0.0.1
    """
    return _address(ip).packed.hex().upper()


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


def routes(family: str | None = None) -> list[dict[str, str]]:
    """
    The kernel's routes; `family` is `inet` or `inet6`.

    CLI Example:

        salt '*' network.routes
    """
    if family not in (None, "inet", "inet6"):
        raise CommandError(f"Invalid address family {family}")
    rows = ([] if family == "inet6" else _routes4()) + ([] if family == "inet" else _routes6())
    return rows


def default_route(family: str | None = None) -> list[dict[str, str]]:
    """
    The default routes.

    CLI Example:

        salt '*' network.default_route
    """
    return [row for row in routes(family) if row["destination"] in ("0.0.0.0", "default", "::/0")]


def get_route(ip: str) -> dict[str, Any]:
    """
    How an address is reached: `{destination, gateway, interface, source}`.

    CLI Example:

        salt '*' network.get_route 10.10.10.10
    """
    address = str(_address(ip))
    done = __utils__["command.execute"](["ip", "route", "get", address], quiet=True)
    if done["retcode"]:
        raise CommandError(done["stderr"] or f"no route to {address}")
    words = done["stdout"].split()

    def after(word: str) -> str | None:
        return words[words.index(word) + 1] if word in words[:-1] else None

    return {"destination": address, "gateway": after("via"), "interface": after("dev"), "source": after("src")}


def arp() -> dict[str, str]:
    """
    The neighbours in the kernel's table: `{hardware address: address}`.

    CLI Example:

        salt '*' network.arp
    """
    found = {}
    for line in _lines("/proc/net/arp")[1:]:
        address, _type, flags, hardware, *_rest = line.split()
        if flags != "0x0":
            found[hardware] = address
    return found


def netstat() -> list[dict[str, str]]:
    """
    Open sockets: protocol, queues, addresses, state, owner, inode, program.

    CLI Example:

        salt '*' network.netstat
    """
    programs = _programs()
    rows = []
    for protocol in ("tcp", "tcp6", "udp", "udp6"):
        for entry in _sockets(protocol):
            state = {"state": _STATES.get(entry["state"], "UNKNOWN")} if protocol.startswith("tcp") else {}
            rows.append(
                {
                    "proto": protocol,
                    "recv-q": str(entry["recv"]),
                    "send-q": str(entry["send"]),
                    "local-address": _joined(*entry["local"]),
                    "remote-address": _joined(*entry["remote"]),
                    **state,
                    "user": entry["uid"],
                    "inode": entry["inode"],
                    "program": programs.get(entry["inode"], "-"),
                }
            )
    return rows


def active_tcp() -> dict[str, dict[str, Any]]:
    """
    Established TCP connections: `{number: {local_addr, local_port, remote_addr, remote_port}}`.

    CLI Example:

        salt '*' network.active_tcp
    """
    established = [
        e for protocol in ("tcp", "tcp6") for e in _sockets(protocol) if _STATES.get(e["state"]) == "ESTABLISHED"
    ]
    return {
        str(number): {
            "local_addr": entry["local"][0],
            "local_port": int(entry["local"][1]),
            "remote_addr": entry["remote"][0],
            "remote_port": int(entry["remote"][1]),
        }
        for number, entry in enumerate(established)
    }


def connect(host: str, port: int | None = None, **kwargs: Any) -> dict[str, Any]:
    """
    Whether a port can be reached; `proto` (tcp or udp), `timeout` (seconds), `family` (ipv4 or ipv6).

    CLI Example:

        salt '*' network.connect archlinux.org 80
    """
    if port is None:
        return {"result": False, "comment": "Required argument, port, is missing."}
    protocol = str(kwargs.get("proto", "tcp")).lower()
    family = {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}.get(str(kwargs.get("family")), socket.AF_UNSPEC)
    kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
    try:
        rows = socket.getaddrinfo(host, int(port), family, kind)
    except (OSError, ValueError) as exc:
        log.debug("%s is not resolved: %s", host, exc)
        return {"result": False, "comment": f"Unable to resolve host {host} on {protocol} port {port}"}
    address = rows[0][4][0]
    where = f"{host} ({address}) on {protocol} port {port}"
    try:
        with socket.socket(rows[0][0], kind) as sock:
            sock.settimeout(float(kwargs.get("timeout", 5)))
            sock.connect(rows[0][4])
            if protocol == "udp":
                sock.send(b"")
                sock.recv(1)
    except TimeoutError:
        if protocol == "udp":
            return {"result": True, "comment": f"Successfully connected to {where}"}
        return {"result": False, "comment": f"Unable to connect to {where}"}
    except OSError:
        return {"result": False, "comment": f"Unable to connect to {where}"}
    return {"result": True, "comment": f"Successfully connected to {where}"}


def ping(host: str, timeout: Any = False, return_boolean: bool = False) -> Any:
    """
    Ping a host: what the program printed, or whether it answered.

    CLI Example:

        salt '*' network.ping archlinux.org return_boolean=True
    """
    words = ["ping", *(["-W", str(int(timeout))] if timeout else []), "-c", "4", _host(host)]
    done = _program(words)
    return done["retcode"] == 0 if return_boolean else done["stdout"]


def traceroute(host: str) -> list[dict[str, Any]]:
    """
    The hops to a host: `{count, hostname, ip, ms1, ms2, ms3}`, a time that was not measured None; a hop that did not
    answer has the hostname `*` and nothing else.

    CLI Example:

        salt '*' network.traceroute archlinux.org
    """
    hops: list[dict[str, Any]] = []
    for line in _program(["traceroute", _host(host)])["stdout"].splitlines():
        if not (found := re.match(r"\s*(\d+)\s+(.*)", line)):
            continue
        hop = {"count": int(found[1]), "hostname": "*"}
        if named := re.match(r"(\S+)\s+\((\S+)\)(.*)", found[2].lstrip("* ")):
            hop |= {"hostname": named[1], "ip": named[2]}
            times = re.findall(r"([\d.]+) ms|\*", named[3])
            hop |= {f"ms{number}": float(time) if time else None for number, time in enumerate(times, 1)}
        hops.append(hop)
    return hops


def dig(host: str) -> str:
    """
    What the DNS says of a host, as the program prints it.

    CLI Example:

        salt '*' network.dig archlinux.org
    """
    return _program(["dig", _host(host)])["stdout"]


def wol(mac: str, bcast: str = "255.255.255.255", destport: int = 9) -> bool:
    """
    Wake a host by its hardware address.

    CLI Example:

        salt '*' network.wol 08:00:27:13:69:77
    """
    digits = re.sub(r"[.:-]", "", mac)
    if not re.fullmatch(r"[0-9A-Fa-f]{12}", digits):
        raise CommandError(f"Invalid MAC address: {mac}")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sock.sendto(b"\xff" * 6 + bytes.fromhex(digits) * 16, (bcast, int(destport)))
    return True


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


def _routes4() -> list[dict[str, str]]:
    rows = []
    for line in _lines("/proc/net/route")[1:]:
        name, destination, gateway, flags, _refs, _use, _metric, mask, *_rest = line.split()
        rows.append(
            {
                "addr_family": "inet",
                "destination": _little(destination),
                "gateway": _little(gateway),
                "netmask": _little(mask),
                "flags": _flags(flags),
                "interface": name,
            }
        )
    return rows


def _routes6() -> list[dict[str, str]]:
    rows = []
    for line in _lines("/proc/net/ipv6_route"):
        destination, length, _source, _slength, gateway, _metric, _refs, _use, flags, name = line.split()
        rows.append(
            {
                "addr_family": "inet6",
                "destination": f"{ipaddress.IPv6Address(int(destination, 16))}/{int(length, 16)}",
                "gateway": str(ipaddress.IPv6Address(int(gateway, 16))),
                "netmask": "",
                "flags": _flags(flags),
                "interface": name,
            }
        )
    return rows


def _flags(text: str) -> str:
    """A route's flags as netstat(8) writes them."""
    number = int(text, 16)
    marks = ((0x200, "!"), (0x1, "U"), (0x2, "G"), (0x4, "H"), (0x20_0000, "n"))
    return "".join(mark for bit, mark in marks if number & bit)


def _sockets(protocol: str) -> list[dict[str, Any]]:
    rows = []
    for line in _lines(f"/proc/net/{protocol}")[1:]:
        _number, local, remote, state, queues, _timer, _retransmits, uid, _timeout, inode, *_rest = line.split()
        send, recv = (int(part, 16) for part in queues.split(":"))
        rows.append(
            {
                "local": _endpoint(local),
                "remote": _endpoint(remote),
                "state": int(state, 16),
                "recv": recv,
                "send": send,
                "uid": uid,
                "inode": inode,
            }
        )
    return rows


def _endpoint(text: str) -> tuple[str, str]:
    address, port = text.split(":")
    if len(address) == 8:
        return _little(address), str(int(port, 16))
    # Four words of 32 bits, each in the host's order.
    packed = b"".join(bytes.fromhex(address[at : at + 8])[::-1] for at in range(0, 32, 8))
    return str(ipaddress.IPv6Address(packed)), str(int(port, 16))


def _joined(address: str, port: str) -> str:
    return f"{address}:{'*' if port == '0' else port}"


def _programs() -> dict[str, str]:
    """Which process holds which socket: `{inode: "pid/name"}`, as far as we may look."""
    import glob
    import os

    found: dict[str, str] = {}
    for path in glob.glob("/proc/[0-9]*/fd/*"):
        try:
            target = os.readlink(path)
        except OSError:
            continue
        if target.startswith("socket:["):
            pid = path.split("/")[2]
            name = "".join(_lines(f"/proc/{pid}/comm"))
            found[target[8:-1]] = f"{pid}/{name}"
    return found


def _little(text: str) -> str:
    return socket.inet_ntoa(bytes.fromhex(text)[::-1])


def _address(text: str) -> Any:
    try:
        return ipaddress.ip_address(text)
    except ValueError as exc:
        raise CommandError(str(exc)) from None


def _network(text: str) -> Any:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError as exc:
        raise CommandError(str(exc)) from None


def _host(text: str) -> str:
    # A name that begins with a dash would be an option of the program.
    if not _HOST.fullmatch(text) or text.startswith("-"):
        raise CommandError(f"Invalid host: {text!r}")
    return text


def _program(words: list[str]) -> dict[str, Any]:
    if not shutil.which(words[0]):
        raise CommandError(f"The program {words[0]} is not installed")
    return __utils__["command.execute"](words)


def _unknown(iface: str) -> str:
    names = ", ".join(f'"{name}"' for name in interfaces())
    return f'Interface "{iface}" not in available interfaces: {names}'


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().splitlines()
    except OSError:
        return []
