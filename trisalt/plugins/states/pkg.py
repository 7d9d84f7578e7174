"""Packages of this host: installed, newest, removed, held.

nginx:
  pkg.installed:
    - version: '>=1.20'

tools:
  pkg.installed:
    - pkgs: [curl, jq, {vim: '2:9.*'}]
"""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Mapping
from typing import Any

from trisalt.errors import InvocationError, TrisaltError
from trisalt.plugins.utils.modbeacon import watched
from trisalt.plugins.utils.statehelp import as_list, failed
from trisalt.state.result import returned

Wanted = dict[str, Any]

_INSTALL_ERROR = "An error was encountered while installing package(s): {}"


def __virtual__() -> Any:
    if "pkg.install" in __salt__:
        return "pkg"
    return False, "pkg module could not be loaded"


# -- what is there ---------------------------------------------------------------------------------------------------


def installed(
    name: str,
    version: Any = None,
    refresh: Any = None,
    fromrepo: str | None = None,
    skip_verify: bool = False,
    skip_suggestions: bool = False,
    pkgs: Any = None,
    sources: Any = None,
    allow_updates: bool = False,
    pkg_verify: Any = False,
    normalize: bool = True,
    ignore_epoch: Any = None,
    reinstall: bool = False,
    update_holds: bool = False,
    **kwargs: Any,
) -> dict[str, Any]:
    """
    Packages are installed: `name`, in `version` (a version, a glob, or conditions like `>=1.2,<2`), or all of `pkgs`,
    or the files of `sources` (`{name: path}`). `allow_updates` accepts any newer version; `refresh` fetches the lists
    first; `hold` keeps the packages at their version; `reinstall` installs what is there again, `pkg_verify` (True, or
    a list with `ignore_types` and `verify_options`) that of which files were altered.
    """
    if pkgs is not None and sources is not None:
        return returned(name, False, 'Only one of "pkgs" and "sources" is permitted.')
    if pkgs == [] or sources == []:
        return returned(name, True, "No packages to install provided")
    try:
        files = __utils__["pkgspecs.files"](sources)
        wanted = {} if files else __utils__["pkgspecs.named"](name, version, pkgs)
    except InvocationError as exc:
        return returned(name, False, str(exc))
    if pkg_verify and "pkg.verify" not in __salt__:
        return returned(name, False, "pkg.verify not implemented")
    hold = kwargs.pop("hold", None)
    refresh = _refresh(refresh)
    if refresh and not files:
        __salt__["pkg.refresh_db"](**_only(kwargs, "cache_valid_time"))
        refresh = False
    options = kwargs | {"fromrepo": fromrepo, "skip_verify": skip_verify, "ignore_epoch": ignore_epoch}
    try:
        wanted = __utils__["pkgspecs.newest"](wanted, **_given(fromrepo=fromrepo))
        targets = (
            __utils__["pkgspecs.missing_files"](files, allow_updates, ignore_epoch)
            if sources is not None
            else __utils__["pkgspecs.missing"](wanted, allow_updates, ignore_epoch)
        )
        there = [package for package in wanted if package not in targets]
        altered = {} if reinstall or not pkg_verify else __utils__["pkgverify.altered"](there, pkg_verify)
    except TrisaltError as exc:
        return returned(name, False, str(exc))
    again = there if reinstall else list(altered)
    if not targets and not again:
        exact = any(version is not None for version in wanted.values()) and not files
        said = f"All specified packages are already installed{' and are at the desired version' if exact else ''}"
        result, lines, changes = _holds(wanted or files, hold, {})
        return returned(name, result, ".\n".join([said, *lines.values()]), changes)
    if __opts__["test"]:
        return _previewed(name, targets, again, altered, options)
    ret = _install(name, wanted, files, targets, again, reinstall, update_holds, hold, options)
    return __utils__["pkgverify.remediated"](ret, altered, pkg_verify) if altered else ret


def latest(
    name: str,
    refresh: Any = None,
    fromrepo: str | None = None,
    skip_verify: bool = False,
    pkgs: Any = None,
    watch_flags: bool = True,
    **kwargs: Any,
) -> dict[str, Any]:
    """
    Packages are installed in the newest version that can be had: `name`, or all of `pkgs`.
    """
    if kwargs.get("sources"):
        return returned(name, False, 'The "sources" parameter is not supported.')
    if pkgs == []:
        return returned(name, True, "No packages to install provided")
    try:
        names = list(__utils__["pkgspecs.named"](name, None, pkgs))
    except InvocationError as exc:
        return returned(name, False, str(exc))
    try:
        newest = __salt__["pkg.latest_version"](*names, refresh=_refresh(refresh), **_given(fromrepo=fromrepo))
        newest = {names[0]: newest} if isinstance(newest, str) else newest
        have = {package: __salt__["pkg.version"](package) for package in names}
    except TrisaltError as exc:
        text = f"An error was encountered while checking the newest available version of package(s): {exc}"
        return returned(name, False, text)
    unknown = [package for package in names if not newest.get(package) and not have[package]]
    if unknown:
        return returned(name, False, " ".join(f"No information found for '{package}'." for package in unknown))
    targets = {package: version for package, version in newest.items() if version}
    current = [package for package in names if package not in targets]
    if not targets:
        if len(names) == 1:
            return returned(name, True, f"Package {names[0]} is already up-to-date")
        listed = f"All packages are up-to-date ({', '.join(sorted(names))})."
        return returned(name, True, listed if len(names) <= 10 else f"All {len(names)} packages are up-to-date.")
    if __opts__["test"]:
        lines = ["The following packages would be installed/upgraded: " + ", ".join(sorted(targets))]
        if current:
            told = ", ".join(f"{package} ({have[package]})" for package in sorted(current))
            short = len(current) <= 10
            lines.append(
                f"The following packages are already up-to-date: {told}"
                if short
                else f"{len(current)} packages are already up-to-date"
            )
        preview = {package: {"new": version, "old": have[package]} for package, version in targets.items()}
        return returned(name, None, "\n".join(lines), preview)
    try:
        asked = list(targets)
        changes = __salt__["pkg.install"](
            name, refresh=False, pkgs=asked, skip_verify=skip_verify, **_given(fromrepo=fromrepo), **kwargs
        )
    except TrisaltError as exc:
        changed = (getattr(exc, "info", None) or {}).get("changes")
        return returned(name, False, _INSTALL_ERROR.format(exc), changed)
    unmet = [package for package in targets if package not in changes]
    done = [package for package in targets if package in changes]
    lines = []
    if unmet:
        lines.append(f"The following packages failed to update: {', '.join(sorted(unmet))}")
    if done:
        lines.append(f"The following packages were successfully installed/upgraded: {', '.join(sorted(done))}")
    if current:
        short = len(current) <= 10
        told = f"The following packages were already up-to-date: {', '.join(sorted(current))}"
        lines.append(told if short else f"{len(current)} packages were already up-to-date ")
    return returned(name, not unmet, " ".join(lines), changes)


def uptodate(name: str, refresh: Any = False, pkgs: Any = None, **kwargs: Any) -> dict[str, Any]:
    """
    Every package, or each of `pkgs`, is as new as it can be.
    """
    if "pkg.list_upgrades" not in __salt__:
        return returned(name, False, "State pkg.uptodate is not available")
    if not isinstance(refresh, bool):
        return returned(name, False, "refresh must be either True or False")
    names = None if pkgs is None else [package for package in __utils__["pkgspecs.named"](name, None, pkgs)]
    try:
        upgrades = __salt__["pkg.list_upgrades"](refresh=refresh, **kwargs)
    except TrisaltError as exc:
        return returned(name, False, str(exc))
    preview = {
        package: {"new": version, "old": __salt__["pkg.version"](package)}
        for package, version in upgrades.items()
        if names is None or package in names
    }
    if not preview:
        return returned(name, True, "System is already up-to-date")
    if __opts__["test"]:
        return returned(name, None, "System update will be performed", preview)
    try:
        changes = __salt__["pkg.upgrade"](refresh=False, **_given(pkgs=names), **kwargs)
    except TrisaltError as exc:
        return failed(name, exc, "An error was encountered while updating packages: {}")
    missing = [package for package in preview if package not in changes]
    if missing:
        text = f"The following package(s) failed to update: {', '.join(sorted(missing))}"
        return returned(name, False, text, changes)
    return returned(name, True, "Upgrade ran successfully", changes)


# -- what the engine calls -------------------------------------------------------------------------------------------


def mod_init(low: Mapping[str, Any]) -> bool:
    """The lists are refreshed once in a run: the first state that installs does it, unless it says `refresh: False`."""
    if low["fun"] in ("installed", "latest") or low.get("refresh"):
        path = os.path.join(__opts__["cachedir"], "pkg_refresh")
        try:
            with open(path, "a", encoding="ascii"):
                pass
        except OSError:
            return False
    return True


def mod_aggregate(low: dict[str, Any], chunks: list[dict[str, Any]], running: Mapping[str, Any]) -> dict[str, Any]:
    """Take the packages of other states of the same function into this one: one transaction in place of many."""
    if low.get("fun") not in ("installed", "latest", "removed", "purged") or low.get("sources"):
        return low
    mine = as_list(low["pkgs"]) if "pkgs" in low else [_one(low)]
    gathered = list(mine)
    for chunk in chunks:
        if chunk is low or chunk.get("__agg__") or chunk.get("sources") or chunk.get("hold"):
            continue
        if (
            chunk.get("state") != "pkg"
            or chunk.get("fun") != low["fun"]
            or chunk.get("fromrepo") != low.get("fromrepo")
        ):
            continue
        chunk["__agg__"] = True
        gathered += as_list(chunk["pkgs"]) if "pkgs" in chunk else [_one(chunk)]
    if len(gathered) > len(mine):
        low["pkgs"] = list({repr(item): item for item in gathered}.values())
    return low


def mod_watch(name: str, **kwargs: Any) -> dict[str, Any]:
    """
    What is watched has changed: the packages are seen to again.
    """
    function = kwargs.pop("sfun", None)
    kwargs.pop("__reqs__", None)
    if function in ("installed", "latest", "removed", "purged"):
        return __states__[f"pkg.{function}"](name, **kwargs)
    return returned(name, False, f"pkg.{function} does not work with the watch requisite")


def mod_beacon(name: str, **kwargs: Any) -> dict[str, Any]:
    """
    `beacon: True` of `installed` and `removed`: the beacon `pkg` watches for newer versions.
    """
    config = {"pkgs": as_list(kwargs.get("pkgs") or name)}
    functions = ("installed", "removed")
    what = "mod_beacon"
    return watched(__states__, name, kwargs, functions=functions, kind="pkg", module="pkg", config=config, what=what)


def _one(low: Mapping[str, Any]) -> Any:
    return {low["name"]: low["version"]} if low.get("version") is not None else low["name"]


# -- installing ------------------------------------------------------------------------------------------------------


def _previewed(
    name: str, targets: Wanted, again: list[str], altered: Mapping[str, Any], options: Mapping[str, Any]
) -> dict[str, Any]:
    lines, preview = [], {}
    if targets:
        lines.append(f"The following packages would be installed/updated: {', '.join(targets)}")
        newest = _candidates(targets, options)
        preview = {package: {"new": newest.get(package) or "installed", "old": ""} for package in targets}
    lines += __utils__["pkgverify.told"](altered)
    preview |= {package: {} for package in altered}
    if again and not altered:
        lines.append(f"The following packages would be reinstalled: {', '.join(again)}")
        preview |= {package: {"new": "installed", "old": ""} for package in again}
    return returned(name, None, "\n".join(lines), preview)


def _candidates(targets: Wanted, options: Mapping[str, Any]) -> dict[str, str]:
    """The versions that would be installed, as far as they are known: the newest ones, and those that are named."""
    newest = [package for package, spec in targets.items() if spec is None]
    found: dict[str, str] = {}
    try:
        if newest:
            known = __salt__["pkg.latest_version"](*newest, refresh=False, **_given(fromrepo=options.get("fromrepo")))
            found = {newest[0]: known} if isinstance(known, str) else dict(known)
        for package, spec in targets.items():
            if spec is not None and "pkg.list_repo_pkgs" in __salt__:
                offered = __salt__["pkg.list_repo_pkgs"](package).get(package, ())
                found[package] = next((version for version in offered if fnmatch.fnmatch(version, spec)), "")
    except TrisaltError:
        pass  # a name that is unknown is told when it is installed
    return found


def _install(
    name: str,
    wanted: Wanted,
    files: Mapping[str, str],
    targets: Wanted,
    again: list[str],
    reinstall: bool,
    update_holds: bool,
    hold: Any,
    options: dict[str, Any],
) -> dict[str, Any]:
    given = _given(**options)
    try:
        if files:
            changes = __salt__["pkg.install"](name, refresh=False, sources=[{p: targets[p]} for p in targets], **given)
        else:
            asked = [package if spec is None else {package: spec} for package, spec in targets.items()]
            asked += [package for package in again if package not in targets]
            changes = __salt__["pkg.install"](
                name, refresh=False, pkgs=asked, reinstall=bool(again), update_holds=update_holds, **given
            )
    except TrisaltError as exc:
        return failed(name, exc, _INSTALL_ERROR)
    there = __salt__["pkg.list_pkgs"](versions_as_list=True)
    unmet = [
        package
        for package, spec in targets.items()
        if not (
            package in changes
            if files
            else __utils__["pkgspecs.fulfilled"](__utils__["pkgspecs.versions"](there, package), spec, False, None)
        )
        if not (spec == "latest" and package in there)
    ]
    done = [package for package in targets if package not in unmet]
    before = changes
    result, held, changes = _holds(wanted or files, None if unmet else hold, changes)
    fresh = [package for package in held if changes.get(package) != before.get(package)]
    lines = []
    if done:
        lines.append(
            _counted(
                {package: targets[package] for package in done},
                "The following packages were installed/updated: {}",
                "installed/updated",
                10,
            )
        )
    lines += [held[package] for package in fresh]
    if rest := {package: wanted[package] for package in wanted if package not in targets and package not in again}:
        lines.append(_counted(rest, "The following packages were already installed: {}", "already installed", 20))
    lines += [said for package, said in held.items() if package not in fresh]
    if unmet:
        lines.append(f"The following packages failed to install/update: {_summary(unmet)}")
    for package in again if reinstall else ():
        lines.append(f"Package {package} was reinstalled.")
        changes.setdefault(package, {"old": __utils__["pkgspecs.versions"](there, package)[:1], "new": "reinstalled"})
    return returned(name, result and not unmet, "\n".join(lines), changes)


def _counted(names: Any, sentence: str, done: str, most: int) -> str:
    if len(names) <= most:
        return sentence.format(_summary(names))
    dot = "." if done.startswith("installed") else ""
    return f"{len(names)} targeted packages were {done}{dot}"


def _summary(names: Any) -> str:
    if isinstance(names, Mapping):
        return ", ".join(
            package if spec is None or "/" in spec else __utils__["pkgspecs.exact"](package, spec)
            for package, spec in names.items()
        )
    return ", ".join(names)


# -- holding ---------------------------------------------------------------------------------------------------------


def _holds(
    packages: Mapping[str, Any], hold: Any, changes: Mapping[str, Any]
) -> tuple[bool | None, dict[str, str], dict[str, Any]]:
    """`hold: True` or `False` of a state that installs: how it went, what is said of each package, and all changes."""
    changed = dict(changes)
    if hold is None or "pkg.hold" not in __salt__:
        return True, {}, changed
    try:
        found = __salt__["pkg.hold" if hold else "pkg.unhold"](name=None, pkgs=list(packages))
    except TrisaltError as exc:
        return False, dict.fromkeys(list(packages)[:1], str(exc)), changed
    for package, one in found.items():
        if one["changes"]:
            # Its version, and then whether it stays.
            version = changed.get(package) or {}
            changed[package] = {
                side: f"{version[side]}\n{word}" if version.get(side) else word for side, word in one["changes"].items()
            }
    results = {one["result"] for one in found.values()}
    result = False if False in results else None if None in results else True
    return result, {package: one["comment"] for package, one in found.items()}, changed


# -- arguments -------------------------------------------------------------------------------------------------------


def _refresh(given: Any) -> bool:
    """Whether the lists are to be fetched: when it is said, or when nobody did since the run began."""
    if given is not None:
        return bool(__utils__["packages.true"](given))
    path = os.path.join(__opts__["cachedir"], "pkg_refresh")
    return os.path.isfile(path)


def _given(**options: Any) -> dict[str, Any]:
    return {key: value for key, value in options.items() if value not in (None, False)}


def _only(kwargs: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: kwargs[name] for name in names if name in kwargs}
