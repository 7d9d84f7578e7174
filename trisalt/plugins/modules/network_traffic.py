"""What goes over the network: routes, neighbours, sockets, and asking others; and the host's own name on it."""

from __future__ import annotations

import ipaddress
import logging
import os
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
__virtualname__ = "network"

_HOST = re.compile(r"[A-Za-z0-9_.:%-]+")
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


def __virtual__() -> str:
    return __virtualname__


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
    address = str(__utils__["interfaces.address"](ip))
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


def ip_neighs() -> dict[str, str]:
    """
    The neighbours by IPv4 in the kernel's table: `{hardware address: address}`.

    CLI Example:

        salt '*' network.ip_neighs
    """
    return arp()


ipneighs = ip_neighs


def ip_neighs6() -> dict[str, str]:
    """
    The neighbours by IPv6 in the kernel's table: `{hardware address: address}`.

    CLI Example:

        salt '*' network.ip_neighs6
    """
    found = {}
    for line in __utils__["tool.checked"](["ip", "-6", "neigh", "show"], "The neighbours cannot be read").splitlines():
        words = line.split()
        if "lladdr" in words[:-1]:
            found[words[words.index("lladdr") + 1]] = words[0]
    return found


ipneighs6 = ip_neighs6


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
    if not host:
        return {"result": False, "comment": "Required argument, host, is missing."}
    if not port:
        return {"result": False, "comment": "Required argument, port, is missing."}
    protocol = str(kwargs.get("proto", "tcp")).lower()
    family = {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}.get(str(kwargs.get("family")), socket.AF_UNSPEC)
    kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
    try:
        rows = socket.getaddrinfo(str(host), int(port), family, kind)
    except (OSError, ValueError, TypeError, OverflowError) as exc:
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
    except (OSError, ValueError, TypeError, OverflowError):
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


def mod_hostname(hostname: str | None) -> bool:
    """
    Give this host another name, now and for the next start: by `hostnamectl` where systemd runs, else in
    /etc/hostname and, where the old one stands there, in /etc/hosts.

    CLI Example:

        salt '*' network.mod_hostname web1.example.org
    """
    if hostname is None:
        return False
    if len(hostname) > 253 or not all(_LABEL.fullmatch(label) for label in hostname.split(".")):
        raise CommandError(f"{hostname!r} is no name of a host")
    if os.path.isdir("/run/systemd/system") and shutil.which("hostnamectl"):
        return bool(__utils__["tool.succeeds"](["hostnamectl", "set-hostname", hostname]))
    old = socket.gethostname()
    __utils__["rewrite.replace"]("/etc/hostname", f"{hostname}\n")
    with __utils__["rewrite.locked"]("/etc/hosts"):
        hosts = __utils__["rewrite.read"]("/etc/hosts") or ""
        fresh = _renamed(hosts, old, hostname)
        if fresh != hosts:
            __utils__["rewrite.replace"]("/etc/hosts", fresh)
    try:
        socket.sethostname(hostname)
    except OSError as exc:
        raise CommandError(f"The name cannot be set: {exc.strerror}") from exc
    return True


def get_bufsize(iface: str) -> dict[str, Any]:
    """
    The sizes of an interface's ring buffers, those it could have (`rx-max`) among them.

    CLI Example:

        salt '*' network.get_bufsize eth0
    """
    found = _ethtool(["-g", iface])
    if found["retcode"]:
        return _refused(found)
    sizes, suffix = {}, "-max"
    for line in found["stdout"].splitlines():
        name, _colon, value = line.partition(":")
        if name.startswith("Current"):
            suffix = ""
        elif value.strip().isdigit() and name.startswith(("RX", "TX")):
            sizes[name.lower().replace(" ", "-") + suffix] = int(value)
    return {"result": True, **sizes}


def mod_bufsize(iface: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """
    Change the sizes of an interface's ring buffers: those that are then.

    CLI Example:

        salt '*' network.mod_bufsize eth0 rx=512 tx=512
    """
    wanted = {name: kwargs[name] for name in ("rx", "tx", "rx-mini", "rx-jumbo") if name in kwargs}
    if not wanted or args:
        return {"result": False, "comment": "Requires rx=<val> tx==<val> rx-mini=<val> and/or rx-jumbo=<val>"}
    if not all(str(size).isdigit() for size in wanted.values()):
        raise CommandError("The size of a buffer is a number")
    done = _ethtool(["-G", iface, *(str(word) for pair in wanted.items() for word in pair)])
    return _refused(done) if done["retcode"] else get_bufsize(iface)


def _ethtool(words: list[str]) -> dict[str, Any]:
    if words[1].startswith("-"):
        raise CommandError(f"{words[1]!r} is no name of an interface")
    return dict(__utils__["tool.run"](["ethtool", *words]))


def _refused(done: dict[str, Any]) -> dict[str, Any]:
    __context__["retcode"] = done["retcode"]
    return {"result": False, "comment": done["stderr"] or done["stdout"]}


def _renamed(hosts: str, old: str, new: str) -> str:
    """A hosts file in which the host's own names are the new ones; comments and addresses stay."""
    names = {old: new, old.partition(".")[0]: new.partition(".")[0]}
    lines = []
    for line in hosts.splitlines(keepends=True):
        entry, mark, comment = line.partition("#")
        address, *rest = re.split(r"(\s+)", entry)
        lines.append("".join([address, *(names.get(word, word) for word in rest)]) + mark + comment)
    return "".join(lines)


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


def _host(text: str) -> str:
    # A name that begins with a dash would be an option of the program.
    if not _HOST.fullmatch(text) or text.startswith("-"):
        raise CommandError(f"Invalid host: {text!r}")
    return text


def _program(words: list[str]) -> dict[str, Any]:
    if not shutil.which(words[0]):
        raise CommandError(f"The program {words[0]} is not installed")
    return __utils__["command.execute"](words)


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().splitlines()
    except OSError:
        return []
