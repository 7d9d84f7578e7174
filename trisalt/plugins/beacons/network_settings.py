"""Settings of network interfaces: an event for each interface of which one has changed.

beacons:
  network_settings:
    - interfaces:
        eth0:
          ipaddr:
          promiscuity:
            onvalue: 1
        eth*:
          operstate:
    - coalesce: True
"""

from __future__ import annotations

import fnmatch
import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from typing import Any

from trisalt.errors import CommandError
from trisalt.plugins.utils.beaconconfig import VALID, Verdict, flat, no_list

# Source of the names: stock Salt 3008.3. The first are the same for every interface, always.
_CONSTANT = {"family": 0, "ipdb_scope": "system", "ipdb_priority": 0}
_PLAIN = ("txqlen", "operstate", "ifname", "promiscuity", "broadcast", "address", "num_tx_queues", "qdisc", "mtu",
          "num_rx_queues")  # fmt: skip
_MADE = ("index", "group", "carrier_changes", "ipaddr", "neighbours", "linkmode", "kind", "carrier", "flags",
         "ifi_type", "ports")  # fmt: skip
_ATTRIBUTES = frozenset((*_CONSTANT, *_PLAIN, *_MADE))
_FLAGS = {
    "UP": 0x1, "BROADCAST": 0x2, "DEBUG": 0x4, "LOOPBACK": 0x8, "POINTOPOINT": 0x10, "NOTRAILERS": 0x20, "NOARP": 0x80,
    "PROMISC": 0x100, "ALLMULTI": 0x200, "MASTER": 0x400, "SLAVE": 0x800, "MULTICAST": 0x1000, "PORTSEL": 0x2000,
    "AUTOMEDIA": 0x4000, "DYNAMIC": 0x8000, "LOWER_UP": 0x10000, "DORMANT": 0x20000, "ECHO": 0x40000,
}  # fmt: skip
_TYPES = {"ether": 1, "loopback": 772, "ppp": 512, "ipip": 768, "sit": 776, "gre": 778, "none": 65534}


def __virtual__() -> Any:
    if shutil.which("ip"):
        return True
    return False, "The network_settings beacon cannot be loaded: iproute2 is not installed."


def validate(config: Any) -> Verdict:
    """
    `interfaces`: for each, or for those that a pattern with `*` names, the settings, and `onvalue` of one.
    """
    wrong = no_list("network_settings", config)
    if wrong:
        return wrong
    interfaces = flat(config).get("interfaces")
    if interfaces is None:
        return False, "Configuration for network_settings beacon must contain interfaces."
    if not isinstance(interfaces, dict):
        return False, "interfaces section for network_settings beacon must be a dictionary."
    for attributes in interfaces.values():
        if not isinstance(attributes, dict):
            return False, "Interface attributes for network_settings beacon must be a dictionary."
        if not all(key in _ATTRIBUTES for key in attributes):
            return False, "Invalid attributes in beacon configuration."
    return VALID


def beacon(config: Any) -> list[dict[str, Any]]:
    """
    `interface`, and as `change` its settings that are not as they were at the last look; with `coalesce` one event,
    with `changes` by interface.
    """
    given = flat(config)
    wanted = given.get("interfaces") or {}
    now = _settings(any("neighbours" in attributes for attributes in wanted.values()))
    key = f"network_settings.{given.get('_beacon_name', 'network_settings')}"
    before: Mapping[str, Any] | None = __context__.get(key)
    __context__[key] = now
    if before is None:
        return []
    changes: dict[str, dict[str, Any]] = {}
    for pattern, attributes in wanted.items():
        for name in fnmatch.filter(now, pattern):
            # An interface that is new has not changed.
            if name in before:
                changes.setdefault(name, {}).update(_changed(before[name], now[name], attributes))
    seen = [{"tag": name, "interface": name, "change": change} for name, change in sorted(changes.items()) if change]
    if not given.get("coalesce") or not seen:
        return seen
    return [{"tag": "result", "changes": {each["interface"]: each["change"] for each in seen}}]


def _changed(before: Mapping[str, Any], now: Mapping[str, Any], attributes: Mapping[str, Any]) -> dict[str, Any]:
    changed = {}
    for key, options in attributes.items():
        if now.get(key) == before.get(key):
            continue
        if isinstance(options, Mapping) and options.get("onvalue") is not None and now.get(key) != options["onvalue"]:
            continue
        changed[key] = now.get(key)
    return changed


def _settings(with_neighbours: bool) -> dict[str, dict[str, Any]]:
    rows = _asked("address")
    neighbours: dict[str, list[str]] = {}
    for row in _asked("neighbour") if with_neighbours else ():
        neighbours.setdefault(row.get("dev", ""), []).append(row.get("dst", ""))
    ports: dict[str, list[int]] = {}
    for row in rows:
        if "master" in row:
            ports.setdefault(row["master"], []).append(row["ifindex"])
    return {row["ifname"]: _row(row, neighbours, ports) for row in rows}


def _row(row: Mapping[str, Any], neighbours: Mapping[str, Any], ports: Mapping[str, Any]) -> dict[str, Any]:
    name, flags = row["ifname"], row.get("flags", [])
    return {
        **_CONSTANT,
        **{key: row.get(key) for key in _PLAIN},
        "index": row["ifindex"],
        "group": 0 if row.get("group") == "default" else row.get("group"),
        "carrier_changes": _number(os.path.join("/sys/class/net", name, "carrier_changes")),
        "ipaddr": [[each["local"], each["prefixlen"]] for each in row.get("addr_info", []) if "local" in each],
        "neighbours": sorted(neighbours.get(name, [])),
        "linkmode": int(row.get("linkmode") == "DORMANT"),
        "kind": row.get("linkinfo", {}).get("info_kind"),
        "carrier": int("LOWER_UP" in flags),
        "flags": _flags(flags),
        "ifi_type": _TYPES.get(row.get("link_type", ""), row.get("link_type")),
        "ports": sorted(ports.get(name, [])),
    }


def _flags(words: Iterable[str]) -> int:
    """The kernel's number. That an interface runs is what `ip` says nothing of."""
    bits = sum(_FLAGS.get(word, 0) for word in set(words))
    return bits | 0x40 if "UP" in words and "NO-CARRIER" not in words else bits


def _number(path: str) -> int | None:
    try:
        with open(path, encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return None


def _asked(what: str) -> list[dict[str, Any]]:
    argv = ["ip", "-details", "-json", what, "show"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    try:
        rows = json.loads(done.stdout or "[]")
    except ValueError:
        rows = None
    if done.returncode or not isinstance(rows, list):
        raise CommandError(f"ip {what} show: {done.stderr.strip() or done.stdout[:200]}")
    # What is none of an address is an empty map.
    return [row for row in rows if row]
