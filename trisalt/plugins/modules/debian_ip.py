"""Interfaces and routes as Debian's ifupdown reads them in `/etc/network`, and taking them up and down."""

from __future__ import annotations

import os
import re
import shutil
from typing import Any

from trisalt.errors import CommandError
from trisalt.plugins.utils import ifupdown

__virtualname__ = "ip"

_INTERFACES = "/etc/network/interfaces"
_ROUTES = {"add": "/etc/network/if-up.d/route-{}", "del": "/etc/network/if-down.d/route-{}"}
_BOND = "/etc/modprobe.d/{}.conf"
_NETWORKING = "/etc/default/networking"
_HOSTNAME = "/etc/hostname"
_RESOLV = "/etc/resolv.conf"
# What a type of interface needs to be described at all.
_PACKAGES = {"bridge": ("brctl", "bridge-utils"), "pppoe": ("pppd", "ppp"), "bond": ("ifenslave", "ifenslave")}
_BOND_ORDER = ("mode", "miimon", "downdelay", "updelay", "arp_ip_target", "arp_interval", "primary", "lacp_rate",
               "ad_select", "use_carrier", "xmit_hash_policy")  # fmt: skip
_NETWORKING_TEXT = """# Configuration for networking init script being run during
# the boot sequence

# Set to 'no' to skip interfaces configuration on boot
CONFIGURE_INTERFACES={}

# Don't configure these interfaces. Shell wildcards supported/
#EXCLUDE_INTERFACES=

# Set to 'yes' to enable additional verbosity
#VERBOSE=no
"""


def __virtual__() -> Any:
    if __grains__.get("os_family") == "Debian":
        return __virtualname__
    return False, "The debian_ip execution module failed to load: only available on Debian and its kin."


def build_interface(iface: str, iface_type: str, enabled: Any, **settings: Any) -> list[str]:
    """
    Describe an interface in `/etc/network/interfaces`, and leave the others as they are; with `test=True` only say
    what would be there. `proto`, `ipaddr`, `netmask`, `gateway`, `dns`, `mtu` and their kin, in two families with
    `enable_ipv6` and `ipv6proto`; `master` of a slave, `slaves` and `mode` of a bond, `ports` of a bridge.

    CLI Example:

        salt '*' ip.build_interface eth0 eth True proto=static ipaddr=10.1.0.1/24 test=True
    """
    try:
        lines = ifupdown.described(iface, iface_type.lower(), enabled, _plain(settings))
    except ifupdown.BadOption as exc:
        raise CommandError(str(exc)) from exc
    if settings.get("test"):
        return lines
    program, package = _PACKAGES.get(iface_type.lower(), ("", ""))
    if program and shutil.which(program) is None and "pkg.install" in __salt__:
        __salt__["pkg.install"](package)
    with __utils__["rewrite.locked"](_INTERFACES):
        text = __utils__["rewrite.read"](_INTERFACES) or ""
        new = ifupdown.replaced(text, iface, lines)
        if new != text:
            # Options may hold passwords of wireless networks: a new file with some is its owner's alone.
            secret = "wpa-" in new and not os.path.exists(_INTERFACES)
            os.makedirs(os.path.dirname(_INTERFACES), exist_ok=True)
            __utils__["rewrite.replace"](_INTERFACES, new, mode=0o600 if secret else None)
    return lines


def get_interface(iface: str) -> list[str]:
    """
    The lines of `/etc/network/interfaces` that describe an interface.

    CLI Example:

        salt '*' ip.get_interface eth0
    """
    return ifupdown.found(__utils__["rewrite.read"](_INTERFACES) or "", iface)


def build_bond(iface: str, **settings: Any) -> list[str]:
    """
    Tell the kernel's module of bonds about one, in `/etc/modprobe.d`; with `test=True` only say what would be there.

    CLI Example:

        salt '*' ip.build_bond bond0 mode=balance-alb test=True
    """
    try:
        options = ifupdown.bond_options(_named(iface), _plain(settings))
    except ifupdown.BadOption as exc:
        raise CommandError(str(exc)) from exc
    words = " ".join(f"{key}={options[key]}" for key in _BOND_ORDER if key in options)
    lines = [f"alias {iface} bonding\n", f"options {iface} {words} "]
    if not settings.get("test"):
        __utils__["rewrite.replace"](_BOND.format(iface), "".join(lines))
    return lines


def get_bond(iface: str) -> Any:
    """
    The lines by which the kernel's module of bonds was told about one.

    CLI Example:

        salt '*' ip.get_bond bond0
    """
    text = __utils__["rewrite.read"](_BOND.format(_named(iface)))
    return "" if text is None else text.splitlines(keepends=True)


def build_routes(iface: str, **settings: Any) -> list[str]:
    """
    Write the scripts that set the routes of an interface when it goes up, and remove them when it goes down; with
    `test=True` only say what would be in them. `routes` is a list of maps: `name`, `ipaddr`, `netmask`, `gateway`,
    `metric`.

    CLI Example:

        salt '*' ip.build_routes eth0 routes='[{ipaddr: 10.5.0.0, netmask: 255.255.255.0, gateway: 10.1.0.1}]' test=True
    """
    routes = settings.get("routes")
    if not isinstance(routes, list) or not all(isinstance(each, dict) for each in routes):
        raise CommandError(f"Invalid option -- Route interface: {iface}, Option: routes, Expected: [List of routes]")
    scripts = {command: _script(command, _named(iface), routes) for command in _ROUTES}
    if not settings.get("test"):
        for command, lines in scripts.items():
            path = _ROUTES[command].format(iface)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            __utils__["rewrite.replace"](path, "".join(lines), mode=0o755)
    return [line for lines in scripts.values() for line in lines]


def get_routes(iface: str) -> Any:
    """
    The lines of the scripts that set and remove the routes of an interface.

    CLI Example:

        salt '*' ip.get_routes eth0
    """
    texts = [__utils__["rewrite.read"](path.format(_named(iface))) for path in _ROUTES.values()]
    lines = [line for text in texts for line in (text or "").splitlines(keepends=True)]
    return lines or ""


def up(iface: str, iface_type: str) -> Any:
    """
    Take an interface up; a slave goes up with its bond.

    CLI Example:

        salt '*' ip.up eth0 eth
    """
    return _switched("ifup", iface, iface_type)


def down(iface: str, iface_type: str) -> Any:
    """
    Take an interface down; a slave goes down with its bond.

    CLI Example:

        salt '*' ip.down eth0 eth
    """
    return _switched("ifdown", iface, iface_type)


def get_network_settings() -> list[str]:
    """
    What is set for the whole host: whether interfaces are configured at the start, its name, and what names are
    looked for in.

    CLI Example:

        salt '*' ip.get_network_settings
    """
    found = {}
    networking = re.findall(r"^CONFIGURE_INTERFACES=(\S+)", __utils__["rewrite.read"](_NETWORKING) or "", re.M)
    if networking:
        found["NETWORKING"] = networking[-1].strip("\"'")
    hostname = (__utils__["rewrite.read"](_HOSTNAME) or "").strip()
    if hostname:
        found["HOSTNAME"] = hostname
    for word, value in re.findall(r"^(domain|search)[ \t]+(.+)$", __utils__["rewrite.read"](_RESOLV) or "", re.M):
        found[word.upper()] = value.strip()
    return _told(found)


def build_network_settings(**settings: Any) -> list[str]:
    """
    Set for the whole host whether interfaces are configured at the start (`enabled`), its name (`hostname`), and
    what names are looked for in (`domain`, `search`); with `test=True` only say what would be. What is not given
    stays, except that `enabled` or `networking` has to be said once.

    CLI Example:

        salt '*' ip.build_network_settings enabled=True hostname=web1 domain=example.org test=True
    """
    found = dict(line.rstrip("\n").split("=", 1) for line in get_network_settings())
    word = settings.get("enabled", settings.get("networking", found.get("NETWORKING")))
    try:
        enabled = ifupdown.truth("", "networking", word)
    except ifupdown.BadOption:
        wanted = ifupdown.SAID_OF_TRUTH
        raise CommandError(f"Invalid network setting -- Setting: networking, Expected: [{wanted}]") from None
    found["NETWORKING"] = "yes" if enabled else "no"
    for key in ("hostname", "domain", "search"):
        if settings.get(key):
            value = " ".join(settings[key]) if isinstance(settings[key], list) else str(settings[key])
            if not re.fullmatch(r"[\w.:-]+( [\w.:-]+)*", value):
                raise CommandError(f"Invalid network setting -- Setting: {key}, Expected: [a name]")
            found[key.upper()] = value
    # Names are looked for in one or the other: the last one counts.
    if settings.get("search") and not settings.get("domain"):
        found.pop("DOMAIN", None)
    lines = _told(found)
    if not settings.get("test") and lines != get_network_settings():
        _settle(found)
    return lines


def apply_network_settings(**settings: Any) -> bool:
    """
    Start the host's network anew; with `require_reboot` that is left to the next start.

    CLI Example:

        salt '*' ip.apply_network_settings
    """
    if settings.get("require_reboot"):
        return True
    return bool(__salt__["service.restart"]("networking"))


# -- inside ------------------------------------------------------------------------------------------------------------


def _plain(settings: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if not key.startswith("__")}


def _named(iface: str) -> str:
    """The names of files are made of it."""
    if not re.fullmatch(r"[^\s/]{1,15}", iface) or iface in (".", ".."):
        raise CommandError(f"This is no name of an interface: {iface}")
    return iface


def _switched(program: str, iface: str, iface_type: str) -> Any:
    if str(iface_type).lower() == "slave":
        return None
    found = __utils__["tool.run"]([program, _named(iface)])
    if found["retcode"]:
        raise CommandError(f"{program} {iface}: {found['stderr'] or found['stdout']}")
    return found["stdout"]


def _script(command: str, iface: str, routes: list[dict[str, Any]]) -> list[str]:
    lines = ["#!/bin/sh\n", f"# {command}\n", f'test "${{IFACE}}" = "{iface}" || exit 0\n']
    for route in routes:
        for key in ("ipaddr", "netmask", "gateway", "metric"):
            if not re.fullmatch(r"[\w.:/]*", str(route.get(key) or "")):
                raise CommandError(f"Invalid option -- Route interface: {iface}, Option: {key}, Expected: [an address]")
        if not route.get("ipaddr"):
            raise CommandError(f"Invalid option -- Route interface: {iface}, Option: ipaddr, Expected: [an address]")
        if route.get("name"):
            lines.append(f"# {' '.join(str(route['name']).split())}\n")
        words = f"ip route {command} {route['ipaddr']}"
        words += f"/{route['netmask']}" if route.get("netmask") else ""
        words += f" via {route['gateway']}" if route.get("gateway") else ""
        words += f" dev {iface}"
        lines.append(f"{words} metric {route['metric']}\n" if route.get("metric") else f"{words}\n")
    return lines


def _told(found: dict[str, str]) -> list[str]:
    return [f"{key}={found[key]}\n" for key in ("NETWORKING", "HOSTNAME", "DOMAIN", "SEARCH") if key in found]


def _settle(found: dict[str, str]) -> None:
    """Write what is set where the host looks for it; other lines of those files stay as they are."""
    text = __utils__["rewrite.read"](_NETWORKING)
    line = f"CONFIGURE_INTERFACES={found['NETWORKING']}"
    if text is None:
        __utils__["rewrite.replace"](_NETWORKING, _NETWORKING_TEXT.format(found["NETWORKING"]))
    else:
        _line(_NETWORKING, r"^CONFIGURE_INTERFACES=.*$", line)
    if found.get("HOSTNAME") and (__utils__["rewrite.read"](_HOSTNAME) or "").strip() != found["HOSTNAME"]:
        __utils__["rewrite.replace"](_HOSTNAME, f"{found['HOSTNAME']}\n")
    for word in ("domain", "search"):
        value = found.get(word.upper())
        _line(_RESOLV, rf"^{word}[ \t].*$", f"{word} {value}" if value else None)


def _line(path: str, pattern: str, line: str | None) -> None:
    """Have one line of this pattern in a file, where there was one before; or none."""
    old = (__utils__["rewrite.read"](path) or "").splitlines()
    places = [number for number, each in enumerate(old) if re.match(pattern, each)]
    new = [each for number, each in enumerate(old) if number not in places]
    if line is not None:
        new.insert(places[0] if places else len(new), line)
    if new != old:
        __utils__["rewrite.replace"](path, "".join(f"{each}\n" for each in new))
