"""Zones and services of firewalld.

public:
  firewalld.present:
    - services:
      - http
      - ssh
    - prune_services: True
    - ports:
      - 8443/tcp
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from trisalt.errors import CommandError, TrisaltError
from trisalt.plugins.outputters.nested import indented
from trisalt.plugins.utils.statehelp import as_list
from trisalt.state.result import returned


@attrs.frozen
class _Kind:
    """What a zone has several of: how it stands in a description of the zone, and which functions change it."""

    shown: str
    add: str
    remove: str


# By the names that changes have.
_KINDS = {
    "icmp_types": _Kind("icmp-blocks", "block_icmp", "allow_icmp"),
    "ports": _Kind("ports", "add_port", "remove_port"),
    "port_fwd": _Kind("forward-ports", "add_port_fwd", "remove_port_fwd"),
    "services": _Kind("services", "add_service", "remove_service"),
    "interfaces": _Kind("interfaces", "add_interface", "remove_interface"),
    "sources": _Kind("sources", "add_source", "remove_source"),
    "rich_rules": _Kind("rich rules", "add_rich_rule", "remove_rich_rule"),
}
_FORWARD = ("Source port", "Destination port", "Protocol", "Destination address")


def __virtual__() -> Any:
    if "firewalld.list_all" in __salt__:
        return True
    return False, "firewalld module could not be loaded: firewall-cmd is not available"


def present(
    name: str,
    block_icmp: Any = None,
    prune_block_icmp: bool = False,
    default: bool | None = None,
    masquerade: bool | None = None,
    ports: Any = None,
    prune_ports: bool = False,
    port_fwd: Any = None,
    prune_port_fwd: bool = False,
    services: Any = None,
    prune_services: bool = False,
    interfaces: Any = None,
    prune_interfaces: bool = False,
    sources: Any = None,
    prune_sources: bool = False,
    rich_rules: Any = None,
    prune_rich_rules: bool = False,
) -> dict[str, Any]:
    """
    A zone is there, and has this; with `prune_…` it has nothing else of that kind.
    """
    wanted = {
        "icmp_types": (block_icmp, prune_block_icmp),
        "ports": (ports, prune_ports),
        "port_fwd": (port_fwd, prune_port_fwd),
        "services": (services, prune_services),
        "interfaces": (interfaces, prune_interfaces),
        "sources": (sources, prune_sources),
        "rich_rules": (rich_rules, prune_rich_rules),
    }
    done: dict[str, Any] = {}
    try:
        zones = __salt__["firewalld.get_zones"]()
        has = _zone(name) if name in zones else {kind: [] for kind in _KINDS} | {"masquerade": False}
        changes = {} if name in zones else {name: {"old": zones, "new": name}}
        if default and (before := __salt__["firewalld.default_zone"]()) != name:
            changes["default"] = {"old": before, "new": name}
        if masquerade is not None and bool(masquerade) != has["masquerade"]:
            said = "Masquerading successfully " + ("set." if masquerade else "disabled.")
            changes["masquerade"] = {"old": has["masquerade"], "new": said}
        for kind, (given, prune) in wanted.items():
            asked = _normal(kind, as_list(given))
            there = has[kind]
            if (prune and any(each not in asked for each in there)) or any(each not in there for each in asked):
                kept = [] if prune else there
                new = asked + [each for each in kept if each not in asked]
                # firewalld keeps words in no order of ours.
                changes[kind] = {"old": there, "new": new if kind in ("port_fwd", "rich_rules") else sorted(new)}
        if not changes:
            return returned(name, True, f"'{name}' is already in the desired state.")
        if __opts__["test"]:
            shown = indented(changes, {**__opts__, "color": False})
            return returned(name, None, f"Configuration for '{name}' will change:\n{shown}", changes)
        _change(name, changes, done)
    except TrisaltError as exc:
        return returned(name, False, f"Error: {exc}", done)
    return returned(name, True, f"'{name}' was configured.", changes)


def service(name: str, ports: Any = None, protocols: Any = None) -> dict[str, Any]:
    """
    A service is described, and has these ports and protocols, and no others.
    """
    done: dict[str, Any] = {}
    try:
        known = name in __salt__["firewalld.get_services"]()
        has = {
            "ports": __salt__["firewalld.get_service_ports"](name) if known else [],
            "protocols": __salt__["firewalld.get_service_protocols"](name) if known else [],
        }
        wanted = {"ports": list(map(str, as_list(ports))), "protocols": list(map(str, as_list(protocols)))}
        pairs = {kind: {"old": has[kind], "new": new} for kind, new in wanted.items() if set(has[kind]) != set(new)}
        changes = pairs if known or pairs else {name: {"old": None, "new": name}}
        if not changes:
            return returned(name, True, f"'{name}' is already in the desired state.")
        if __opts__["test"]:
            return returned(name, None, f"Configuration for '{name}' will change.", changes)
        if not known:
            __salt__["firewalld.new_service"](name, restart=False)
        for kind, change in pairs.items():
            for verb, values in _steps(change):
                for value in values:
                    __salt__[f"firewalld.{verb}_service_{kind.removesuffix('s')}"](name, value)
            done[kind] = change
        __salt__["firewalld.reload_rules"]()
    except TrisaltError as exc:
        return returned(name, False, f"Error: {exc}", done)
    return returned(name, True, f"'{name}' was configured.", changes)


def _zone(name: str) -> dict[str, Any]:
    """What a zone has for good, by kinds. Its rules are lines, all else is words."""
    found = next(iter(__salt__["firewalld.list_all"](name).values()))
    has: dict[str, Any] = {"masquerade": found.get("masquerade") == ["yes"]}
    for kind, how in _KINDS.items():
        lines = [line for line in found.get(how.shown, ()) if line]
        if kind == "port_fwd":
            # A description says `port=80:proto=tcp:toport=443:toaddr=`.
            fields = (dict(part.split("=", 1) for part in line.split(":", 3)) for line in lines)
            has[kind] = [
                dict(zip(_FORWARD, (each["port"], each["toport"], each["proto"], each["toaddr"]), strict=True))
                for each in fields
            ]
        else:
            has[kind] = lines if kind == "rich_rules" else sorted(word for line in lines for word in line.split())
    return has


def _normal(kind: str, values: Sequence[Any]) -> list[Any]:
    """As firewalld itself says it. Raises CommandError for what cannot be meant."""
    match kind:
        case "port_fwd":
            return [_forward(str(each)) for each in values]
        case "rich_rules":
            return [_quoted(str(each)) for each in values]
        case "icmp_types":
            known = __salt__["firewalld.get_icmp_types"]() if values else []
            odd = [str(each) for each in values if str(each) not in known]
            if odd:
                raise CommandError(f"Invalid ICMP type: {', '.join(odd)}")
    return [str(each) for each in values]


def _forward(text: str) -> dict[str, str]:
    """`80:443:tcp`, or with an address at the end."""
    parts = text.split(":", 3)
    if len(parts) < 3:
        raise CommandError(f"A port is forwarded as SOURCE:DESTINATION:PROTOCOL[:ADDRESS], not as {text!r}")
    return dict(zip(_FORWARD, [*parts, ""][:4], strict=True))


def _quoted(rule: str) -> str:
    """A rule in the rich language, with each value in quotes."""
    words = []
    inside = False
    for word in rule.split(" "):
        plain = not inside and "=" in word and '"' not in word
        words.append(word.replace("=", '="', 1) + '"' if plain else word)
        inside ^= word.count('"') % 2 == 1
    return " ".join(words)


def _steps(change: dict[str, Any]) -> list[tuple[str, list[Any]]]:
    """What is added, and what is then removed."""
    old, new = change["old"], change["new"]
    return [("add", [each for each in new if each not in old]), ("remove", [each for each in old if each not in new])]


def _change(name: str, changes: dict[str, Any], done: dict[str, Any]) -> None:
    """Make the changes, and note each in `done`; what is kept is in force at the end."""
    if name in changes:
        __salt__["firewalld.new_zone"](name, restart=False)
        done[name] = changes[name]
    for kind, change in changes.items():
        if kind == "masquerade":
            __salt__[f"firewalld.{'remove' if change['old'] else 'add'}_masquerade"](name)
        elif kind in _KINDS:
            how = _KINDS[kind]
            for function, values in zip((how.add, how.remove), (each for _, each in _steps(change)), strict=True):
                for value in values:
                    _call(function, name, value)
        done[kind] = change
    __salt__["firewalld.reload_rules"]()
    if "default" in changes:
        # A zone is the default one once it is in force.
        __salt__["firewalld.set_default_zone"](name)


def _call(function: str, name: str, value: Any) -> None:
    match function:
        case "add_service" | "remove_service":
            __salt__[f"firewalld.{function}"](value, name)
        case "add_port_fwd" | "remove_port_fwd":
            __salt__[f"firewalld.{function}"](name, *(value[key] for key in _FORWARD))
        case _:
            __salt__[f"firewalld.{function}"](name, value)
