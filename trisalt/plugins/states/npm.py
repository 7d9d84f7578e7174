"""Packages of Node.js.

forever:
  npm.installed: []

/srv/app:
  npm.bootstrap:
    - user: app
"""

from __future__ import annotations

import re
from typing import Any

from trisalt.errors import TrisaltError
from trisalt.plugins.utils.statehelp import as_list
from trisalt.state.result import returned

# A name, with the scope that it may be in, and what it is to be a version of.
_NAMED = re.compile(r"(?P<name>(?:@[^/@]+/)?[^/@]+)(?:@(?P<version>.+))?")
_EXACT = re.compile(r"v?\d+\.\d+\.\d+(?:[-+].+)?")


def __virtual__() -> Any:
    if "npm.list" in __salt__:
        return "npm"
    return False, "npm module could not be loaded"


def installed(
    name: str,
    pkgs: Any = None,
    dir: str | None = None,
    user: str | None = None,
    force_reinstall: bool = False,
    registry: str | None = None,
    env: Any = None,
) -> dict[str, Any]:
    """
    Packages are there, for all of the host or in a folder; `name@1.2.3` in that version.
    """
    wanted = [str(each) for each in (as_list(pkgs) if pkgs is not None else [name])]
    named = ", ".join(wanted)
    try:
        there = __salt__["npm.list"](dir=dir, runas=user, env=env, depth=0)
        satisfied = {} if force_reinstall else {each: found for each in wanted if (found := _satisfies(each, there))}
        missing = [each for each in wanted if each not in satisfied]
        if not missing:
            text = f"Package(s) '{named}' satisfied by {', '.join(satisfied.values())}"
            return returned(name, True, text)
        changes = {"old": [], "new": missing}
        if __opts__["test"]:
            return returned(name, None, f"NPM package(s) '{', '.join(missing)}' are set to be installed", changes)
        __salt__["npm.install"](pkgs=missing, dir=dir, runas=user, registry=registry, env=env)
    except TrisaltError as exc:
        return returned(name, False, f"Error installing '{named}': {exc}")
    return returned(name, True, f"Package(s) '{named}' successfully installed", changes)


def removed(name: str, dir: str | None = None, user: str | None = None) -> dict[str, Any]:
    """
    A package is not there.
    """
    try:
        if name not in __salt__["npm.list"](dir=dir, runas=user, depth=0):
            return returned(name, True, f"Package '{name}' is not installed")
        if __opts__["test"]:
            return returned(name, None, f"Package '{name}' is set to be removed", {name: "Removed"})
        if __salt__["npm.uninstall"](pkg=name, dir=dir, runas=user):
            return returned(name, True, f"Package '{name}' was successfully removed", {name: "Removed"})
    except TrisaltError as exc:
        return returned(name, False, f"Error removing package '{name}': {exc}")
    return returned(name, False, f"Error removing package '{name}'")


def bootstrap(name: str, user: str | None = None, silent: bool = True) -> dict[str, Any]:
    """
    A folder has what its package.json names.
    """
    try:
        found = __salt__["npm.install"](dir=name, runas=user, dry_run=True, silent=False)
        counts = {key: found.get(key) for key in ("added", "changed", "removed")} if isinstance(found, dict) else {}
        if not any(counts.values()):
            return returned(name, True, "Directory is already bootstrapped")
        changes = {name: "Bootstrapped"}
        if __opts__["test"]:
            return returned(name, None, f"Directory {name} is set to be bootstrapped", changes)
        __salt__["npm.install"](dir=name, runas=user, silent=silent)
    except TrisaltError as exc:
        return returned(name, False, f"Error Bootstrapping '{name}': {exc}")
    return returned(name, True, "Directory was successfully bootstrapped", changes)


def _satisfies(wanted: str, there: dict[str, Any]) -> str | None:
    """What is there of what is wanted: only a whole version is compared, for what else it may be is npm's to know."""
    match = _NAMED.fullmatch(wanted)
    if match is None or match["name"] not in there:
        return None
    version = str(there[match["name"]].get("version"))
    if match["version"] and _EXACT.fullmatch(match["version"]) and match["version"].lstrip("v") != version:
        return None
    return f"{match['name']}@{version}"
