"""Packages that are not there, or that stay as they are.

telnetd:
  pkg.purged: []

linux-image-amd64:
  pkg.held: []
"""

from __future__ import annotations

from typing import Any

from trisalt.errors import InvocationError, TrisaltError
from trisalt.plugins.utils.statehelp import failed
from trisalt.state.result import returned

__virtualname__ = "pkg"


def __virtual__() -> Any:
    if "pkg.install" in __salt__:
        return __virtualname__
    return False, "pkg module could not be loaded"


def removed(
    name: str, version: Any = None, pkgs: Any = None, normalize: bool = True, ignore_epoch: Any = None, **kwargs: Any
) -> dict[str, Any]:
    """
    Packages are not installed; what they were configured with may be left. With `version` only that one is removed.
    """
    return _uninstall("remove", name, version, pkgs, kwargs)


def purged(
    name: str, version: Any = None, pkgs: Any = None, normalize: bool = True, ignore_epoch: Any = None, **kwargs: Any
) -> dict[str, Any]:
    """
    Packages are not installed, and nothing of their configuration is left.
    """
    return _uninstall("purge", name, version, pkgs, kwargs)


# -- held ------------------------------------------------------------------------------------------------------------


def held(name: str, version: Any = None, pkgs: Any = None, replace: bool = False, **kwargs: Any) -> dict[str, Any]:
    """
    Packages stay at the version that they have: `name`, or all of `pkgs`; with `replace` these and no others.
    """
    if pkgs == []:
        return returned(name, True, "No packages to be held provided")
    try:
        wanted = list(__utils__["pkgspecs.named"](name, version, pkgs))
    except InvocationError as exc:
        return returned(name, False, str(exc))
    now = __utils__["pkgspecs.held"]()
    if now is None:
        return _no_locks(name)
    return _change_holds(
        name,
        hold=[package for package in wanted if package not in now],
        release=[package for package in now if package not in wanted] if replace else [],
    )


def unheld(
    name: str,
    version: Any = None,
    pkgs: Any = None,
    all: bool = False,
    **kwargs: Any,
) -> dict[str, Any]:
    """
    Packages may change their version again: `name`, or each of `pkgs`, or with `all` every one that is held.
    """
    if pkgs == [] and not all:
        return returned(name, True, "No packages to be unheld provided")
    try:
        wanted = list(__utils__["pkgspecs.named"](name, version, pkgs))
    except InvocationError as exc:
        return returned(name, False, str(exc))
    now = __utils__["pkgspecs.held"]()
    if now is None:
        return _no_locks(name)
    return _change_holds(name, hold=[], release=[package for package in now if all or package in wanted])


def _uninstall(action: str, name: str, version: Any, pkgs: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
    try:
        wanted = __utils__["pkgspecs.named"](name, version, pkgs)
    except InvocationError as exc:
        return returned(name, False, f"An error was encountered while parsing targets: {exc}")
    have = __salt__["pkg.list_pkgs"](versions_as_list=True, **kwargs)
    rest = __salt__["pkg.list_pkgs"](versions_as_list=True, removed=True, **kwargs) if action == "purge" else {}
    targets = sorted(
        package
        for package, spec in wanted.items()
        if __utils__["pkgspecs.fulfilled"](__utils__["pkgspecs.versions"](have, package), spec, False, None)
        or package in rest
    )
    if not targets:
        if action == "purge":
            return returned(name, True, "None of the targeted packages are installed or partially installed")
        exact = (
            " (matching specified versions)" if any(package in have for package in wanted if wanted[package]) else ""
        )
        return returned(name, True, f"All specified packages{exact} are already absent")
    done = f"{action}d"
    if __opts__["test"]:
        preview = {package: {"new": done, "old": ""} for package in targets}
        return returned(name, None, f"The following packages will be {done}: {', '.join(targets)}.", preview)
    try:
        changes = __salt__[f"pkg.{action}"](name, pkgs=targets, **kwargs)
    except TrisaltError as exc:
        verb = "removing" if action == "remove" else "purging"
        return failed(name, exc, f"An error was encountered while {verb} package(s): {{}}")
    there = __salt__["pkg.list_pkgs"](versions_as_list=True, **kwargs)
    left = [package for package in targets if __utils__["pkgspecs.versions"](there, package)]
    if left:
        return returned(name, False, f"The following packages failed to {action}: {', '.join(left)}.", changes)
    lines = []
    absent = sorted(package for package in wanted if package not in targets)
    if absent:
        lines += [f"The following packages were not installed: {', '.join(absent)}"]
        lines += [f"The following packages were {done}: {', '.join(targets)}."]
    else:
        lines.append(f"All targeted packages were {done}.")
    return returned(name, True, " ".join(lines), changes)


def _no_locks(name: str) -> dict[str, Any]:
    text = (
        "No any function to get the list of held packages available.\n"
        "Check if the package manager supports package locking."
    )
    return returned(name, False, text)


def _change_holds(name: str, hold: list[str], release: list[str]) -> dict[str, Any]:
    lines, changes, result = [], {}, True
    for package, taken in [*((package, True) for package in hold), *((package, False) for package in release)]:
        word = "held" if taken else "unheld"
        change = {"new": "hold", "old": ""} if taken else {"new": "", "old": "hold"}
        if __opts__["test"]:
            lines.append(f"The following package would be {word}: {package}")
            changes[package] = change
            continue
        found = __salt__["pkg.hold" if taken else "pkg.unhold"](name=package).get(package, {})
        if found.get("result"):
            changes[package] = found
            lines.append(f"Package {package} is now being held" if taken else found.get("comment", ""))
        else:
            result = False
            lines.append(found.get("comment") or f"Package {package} was not {word}")
    if not lines:
        return returned(name, True, "No changes made")
    return returned(name, None if __opts__["test"] and result else result, "\n".join(lines), changes)
