"""Packages: an event for each that there is a newer version of.

beacons:
  pkg:
    - pkgs: [openssl, nginx]
    - refresh: True
    - interval: 3600
"""

from __future__ import annotations

from typing import Any

from trisalt.plugins.utils.beaconconfig import VALID, Verdict, flat, no_list


def __virtual__() -> Any:
    if "pkg.upgrade_available" in __salt__:
        return True
    return False, "pkg.upgrade_available is missing."


def validate(config: Any) -> Verdict:
    """
    `pkgs`, a list; `refresh` reads the lists of packages anew first.
    """
    wrong = no_list("pkg", config)
    if wrong:
        return wrong
    if not isinstance(flat(config).get("pkgs"), list):
        return False, "Configuration for pkg beacon requires list of pkgs."
    return VALID


def beacon(config: Any) -> list[dict[str, Any]]:
    """
    `pkg`, and the `version` that it could have; its `status` is `upgrade`, or `not-installed`.
    """
    given = flat(config)
    refresh = bool(given.get("refresh", False))
    seen = []
    for name in given["pkgs"]:
        installed = __salt__["pkg.version"](name)
        newest = __salt__["pkg.latest_version"](name, refresh=refresh)
        refresh = False
        if newest and newest != installed:
            seen.append({"pkg": name, "version": newest, "status": "upgrade" if installed else "not-installed"})
    return seen
