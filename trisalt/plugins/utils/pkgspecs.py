"""Packages as states ask for them: names with versions or conditions, and which of them are there.

Used by `pkg` among the states.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from typing import Any

from trisalt.errors import InvocationError, TrisaltError

Wanted = dict[str, Any]
"""`{name: version or condition, or None for any}`."""

_MALFORMED = "Invalidly formatted {} parameter. See minion log."


def named(name: str, version: Any, pkgs: Any) -> Wanted:
    """What `name` and `version` say, or `pkgs` (names, and maps of a name to a version). Raises InvocationError."""
    if pkgs is None:
        return {name: _spec(version)}
    if not isinstance(pkgs, list | tuple):
        raise InvocationError(_MALFORMED.format('"pkgs"'))
    wanted: Wanted = {}
    for item in pkgs:
        if isinstance(item, Mapping):
            wanted |= {str(package): _spec(condition) for package, condition in item.items()}
        elif isinstance(item, str | int | float):
            wanted[str(item)] = None
        else:
            raise InvocationError(_MALFORMED.format('"pkgs"'))
    return wanted


def files(sources: Any) -> dict[str, str]:
    """`{name: path}` of a list of such maps. Raises InvocationError."""
    if sources is None:
        return {}
    items = sources if isinstance(sources, list | tuple) else None
    if items is None or not all(isinstance(item, Mapping) for item in items):
        raise InvocationError(_MALFORMED.format("'sources'"))
    return {str(package): str(path) for item in items for package, path in item.items()}


def _spec(version: Any) -> str | None:
    return None if version in (None, "") else str(version)


def missing(wanted: Wanted, allow_updates: bool, ignore_epoch: Any) -> Wanted:
    """Of what is asked for that which is not there, or not in that version."""
    have = __salt__["pkg.list_pkgs"](versions_as_list=True)
    return {
        name: spec
        for name, spec in wanted.items()
        if not fulfilled(versions(have, name), spec, allow_updates, ignore_epoch)
    }


def versions(have: Mapping[str, list[str]], name: str) -> list[str]:
    """The versions of a package in a listing, by its name or by what the package manager calls it."""
    if name in have:
        return list(have[name])
    if "pkg.normalize_name" in __salt__:
        return list(have.get(__salt__["pkg.normalize_name"](name), ()))
    return []


def fulfilled(there: list[str], spec: str | None, allow_updates: bool = False, ignore_epoch: Any = None) -> bool:
    """Whether one of the versions that are there is the one that is asked for, or fulfils the condition."""
    if not there or spec is None:
        return bool(there)
    if spec == "latest":
        return False
    if not __utils__["packages.has_operator"](spec):
        if any(fnmatch.fnmatch(version, spec) for version in there):
            return True
        spec = f">={spec}" if allow_updates else f"=={spec}"

    def compare(one: str, two: str) -> int | None:
        options = {} if ignore_epoch is None else {"ignore_epoch": ignore_epoch}
        return __salt__["pkg.version_cmp"](one, two, **options)

    return any(__utils__["packages.fulfils"](spec, version, compare) for version in there)


def exact(package: str, spec: str | None) -> str:
    """A package with what is asked of its version, as comments of states have it."""
    if spec is None:
        return package
    return f"{package}{spec}" if __utils__["packages.has_operator"](spec) else f"{package}={spec}"


def newest(wanted: Wanted, **options: Any) -> Wanted:
    """The same with versions in place of `latest`: the one that can be installed, or the one that is there."""
    found = dict(wanted)
    for name in [name for name, spec in wanted.items() if spec == "latest"]:
        latest = __salt__["pkg.latest_version"](name, refresh=False, **options)
        found[name] = latest or __salt__["pkg.version"](name) or None
    return found


def missing_files(wanted: Mapping[str, str], allow_updates: bool, ignore_epoch: Any) -> Wanted:
    """Of the packages that come from files those that are not there, or not in the file's version."""
    have = __salt__["pkg.list_pkgs"](versions_as_list=True)

    def there(name: str, path: str) -> bool:
        if not (found := versions(have, name)):
            return False
        try:
            version = __salt__["lowpkg.bin_pkg_info"](path)["version"]
        except TrisaltError:
            return False  # what is wrong with the file is said when it is installed
        return fulfilled(found, version, allow_updates, ignore_epoch)

    return {name: path for name, path in wanted.items() if not there(name, path)}


def held() -> list[str] | None:
    """Which packages are held; None where this host knows no holding."""
    if "pkg.hold" not in __salt__:
        return None
    if "pkg.list_holds" in __salt__:
        return [str(package) for package in __salt__["pkg.list_holds"](full=False)]
    return [str(package) for package in __salt__["pkg.get_selections"](state="hold").get("hold", ())]
