"""Names of hosts in the hosts file.

db1:
  host.present:
    - ip: 10.0.0.5
"""

from __future__ import annotations

import ipaddress
from typing import Any

from trisalt.plugins.utils.statehelp import as_list
from trisalt.state.result import returned


def present(name: str, ip: Any, comment: str = "", clean: bool = False) -> dict[str, Any]:
    """
    An address has a name, or each of several addresses; with `clean` no other address has it.
    """
    wanted = [str(address) for address in as_list(ip)]
    there = _addresses(name)
    lines, warnings, result = [], [], True
    changes: dict[str, Any] = {}
    for address in [address for address in there if address in wanted]:
        lines.append(f"Host {name} ({address}) already present")
        result = _comment(lines, changes, address, comment, result) if comment else result
    for address in [address for address in wanted if address not in there]:
        if not _valid(address):
            lines.append(f"Invalid IP Address for {name} ({address})")
            result = False
        elif __opts__["test"]:
            lines.append(f"Host {name} ({address}) would be added")
            changes.setdefault("added", {}).setdefault(address, []).append(name)
            result = None if result else result
        elif __salt__["hosts.add_host"](address, name):
            lines.append(f"Added host {name} ({address})")
            changes.setdefault("added", {}).setdefault(address, []).append(name)
        else:
            lines.append(f"Failed to add host {name} ({address})")
            result = False
        if comment and result is not False:
            result = _comment(lines, changes, address, comment, result)
    for address in [address for address in there if address not in wanted]:
        if clean:
            result = _taken(lines, changes, name, address, result)
        else:
            warnings.append(
                f"Host {name} present for IP address {address}. To get rid of this warning, either run this state with "
                f"'clean' set to True to remove {name} from {address}, or add {address} to the 'ip' argument."
            )
    ret = returned(name, result, "\n".join(lines), changes)
    return ret | {"warnings": warnings} if warnings else ret


def absent(name: str, ip: Any) -> dict[str, Any]:
    """
    An address has not this name, or none of several has it.
    """
    lines, result = [], True
    changes: dict[str, Any] = {}
    for address in map(str, as_list(ip)):
        if not __salt__["hosts.has_pair"](address, name):
            lines.append(f"Host {name} ({address}) already absent")
        elif __opts__["test"]:
            lines.append(f"Host {name} ({address}) needs to be removed")
            result = None if result else result
        elif __salt__["hosts.rm_host"](address, name):
            lines.append(f"Removed host {name} ({address})")
            changes = {"host": name}
        else:
            lines.append("Failed to remove host")
            result = False
    return returned(name, result, "\n".join(lines), changes)


def only(name: str, hostnames: Any) -> dict[str, Any]:
    """
    An address has these names and no others; without any it is not there.
    """
    new = " ".join(map(str, as_list(hostnames)))
    old = " ".join(__salt__["hosts.get_alias"](name))
    if old == new:
        return returned(name, True, f'IP address {name} already set to "{new}"')
    changes = {name: {"old": old, "new": new}}
    if __opts__["test"]:
        return returned(name, None, f'Would change {name} from "{old}" to "{new}"', changes)
    if __salt__["hosts.set_host"](name, new):
        return returned(name, True, f'successfully changed {name} from "{old}" to "{new}"', changes)
    return returned(name, False, f'hosts.set_host failed to change {name} from "{old}" to "{new}"')


def _addresses(name: str) -> list[str]:
    return [ip for ip, entry in __salt__["hosts.list_hosts"]().items() if name in entry.get("aliases", ())]


def _valid(address: str) -> bool:
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return True


def _taken(lines: list[str], changes: dict[str, Any], name: str, address: str, result: bool | None) -> bool | None:
    """Take a name from an address that is not asked for."""
    if __opts__["test"]:
        lines.append(f"Host {name} ({address}) would be removed")
        changes.setdefault("removed", {}).setdefault(address, []).append(name)
        return None if result else result
    if __salt__["hosts.rm_host"](address, name):
        lines.append(f"Removed host {name} ({address})")
        changes.setdefault("removed", {}).setdefault(address, []).append(name)
        return result
    lines.append(f"Failed to remove host {name} ({address})")
    return False


def _comment(lines: list[str], changes: dict[str, Any], address: str, comment: str, result: bool | None) -> bool | None:
    if __salt__["hosts.list_hosts"]().get(address, {}).get("comment") == comment:
        return result
    if __opts__["test"]:
        lines.append(f"Comment for {address} ({comment}) would be added")
        changes.setdefault("comment_added", {}).setdefault(address, []).append(comment)
        return None if result else result
    if __salt__["hosts.set_comment"](address, comment):
        lines.append(f"Set comment for host {address} ({comment})")
        changes.setdefault("comment_added", {}).setdefault(address, []).append(comment)
        return result
    lines.append(f"Failed to add comment for host {address} ({comment})")
    return False
