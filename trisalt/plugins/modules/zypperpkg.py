"""Packages on SUSE's kin: zypper and rpm."""

from __future__ import annotations

import fnmatch
import functools
import logging
import os
from collections.abc import Mapping, Sequence
from typing import Any

from trisalt.errors import CommandError, InvocationError
from trisalt.plugins.utils.zypper import FINE

log = logging.getLogger(__name__)

__virtualname__ = "pkg"


def __virtual__() -> Any:
    return __utils__["zypper.virtual"](__grains__)


# -- what is there -------------------------------------------------------------------------------------------------


def latest_version(*names: str, **kwargs: Any) -> Any:
    """
    The version that could be installed, and nothing where the newest is; a map for several names. `refresh=False` takes
    the lists as they are.

    CLI Example:

        salt '*' pkg.latest_version vim
    """
    __utils__["packages.checked"](names)
    if not names:
        return ""
    if __utils__["packages.true"](kwargs.get("refresh", True)):
        refresh_db()
    there = __salt__["pkg.list_pkgs"](versions_as_list=True)
    latest = {}
    for name in names:
        candidate = next(iter(_available(name, kwargs.get("fromrepo")).get(name, [])), "")
        newer = all(__salt__["pkg.version_cmp"](known, candidate) == -1 for known in there.get(name, []))
        latest[name] = candidate if newer else ""
    return latest[names[0]] if len(names) == 1 else latest


available_version = latest_version


def upgrade_available(name: str, **kwargs: Any) -> bool:
    """
    Whether a newer version of a package can be installed.

    CLI Example:

        salt '*' pkg.upgrade_available vim
    """
    return bool(latest_version(name, **kwargs))


def list_upgrades(refresh: bool = True, root: str | None = None, **kwargs: Any) -> dict[str, str]:
    """
    What an upgrade would install: `{name: version}`.

    CLI Example:

        salt '*' pkg.list_upgrades
    """
    if __utils__["packages.true"](refresh):
        refresh_db()
    repo = ["--repo", kwargs["fromrepo"]] if kwargs.get("fromrepo") else []
    found = __utils__["zypper.xml"](["list-updates", *repo])
    return {row.get("name", ""): row.get("edition", "") for row in found.iter("update") if row.get("kind") == "package"}


list_updates = list_upgrades


def list_repo_pkgs(*args: str, **kwargs: Any) -> dict[str, Any]:
    """
    The versions that can be installed, newest first: of the packages that match these names or globs, else of all. With
    `byrepo` by repository.

    CLI Example:

        salt '*' pkg.list_repo_pkgs 'samba*' byrepo=True
    """
    __utils__["packages.checked"](args)
    if not __utils__["packages.true"](kwargs.get("byrepo", False)):
        found: dict[str, Any] = {}
        for name in args or ("",):
            found |= _available(name, kwargs.get("fromrepo"))
        return found
    repos: dict[str, dict[str, list[str]]] = {}
    for name in args or ("",):
        for row in _solvables(name, kwargs.get("fromrepo")):
            repos.setdefault(row["repository"], {}).setdefault(row["name"], []).append(row["edition"])
    return {repo: {name: _newest(rows[name]) for name in rows} for repo, rows in repos.items()}


def refresh_db(
    force: bool | None = None, root: str | None = None, gpgautoimport: bool = False, **kwargs: Any
) -> dict[str, bool]:
    """
    Fetch the lists of packages: by repository whether that worked. `gpgautoimport` trusts the keys of repositories that
    are new here.

    CLI Example:

        salt '*' pkg.refresh_db
    """
    __utils__["packages.refreshed"]()
    if force is None:
        force = __salt__["config.get"]("zypper.refreshdb_force", True)
    trust = ["--gpg-auto-import-keys"] if __utils__["packages.true"](gpgautoimport) else []
    found = __utils__["zypper.run"]([*trust, "refresh", *(["--force"] if force else [])], refresh=True)
    result = {}
    for line in found["stdout"].splitlines():
        for start, end, fine in (
            ("Repository '", "' is up to date.", True),
            ("Retrieving repository '", "' metadata", True),
            ("Building repository '", "' cache", True),
            ("Skipping repository '", "' because", False),
        ):
            if line.startswith(start) and end in line:
                name = line.removeprefix(start).partition(end)[0]
                result[name] = fine and "error" not in line.partition(end)[2]
    if found["retcode"] not in FINE and not result:
        raise CommandError(__utils__["zypper.failure"](found))
    return result


# -- changes -------------------------------------------------------------------------------------------------------


def install(
    name: str | None = None,
    refresh: bool = False,
    fromrepo: str | None = None,
    pkgs: Any = None,
    sources: Any = None,
    downloadonly: bool | None = None,
    skip_verify: bool = False,
    version: str | None = None,
    ignore_repo_failure: bool = False,
    no_recommends: bool = False,
    root: str | None = None,
    **kwargs: Any,
) -> dict[str, Any]:
    """
    Install packages, or patterns as `pattern:name`: by name (`version` picks one, or is a condition such as `'>1.2'`;
    `pkgs` names several), or from files (`sources`: names and paths or URLs). Returns what changed, `{name: {old,
    new}}`.

    `fromrepo` prefers a repository, `skip_verify` takes what is not signed, `no_recommends` leaves recommended packages
    out, `ignore_repo_failure` goes on when one cannot be reached, `update_holds` changes held packages too;
    `downloadonly` only fetches, and tells which files came. `advisory_ids` in place of names installs those patches.

    CLI Example:

        salt '*' pkg.install vim fromrepo=updates
    """
    if __utils__["packages.true"](refresh):
        refresh_db()
    if kwargs.get("advisory_ids"):
        targets, kind = _patches(__utils__["packages.words"](kwargs["advisory_ids"])), "patch"
    else:
        targets, kind = __salt__["pkg_resource.parse_targets"](
            name, pkgs, sources, saltenv=kwargs.get("saltenv") or "base"
        )
    kinds = __utils__["patterns.kinds"](targets)
    fetched = __salt__["pkg.list_downloaded"](root=root) if downloadonly else None
    old = __salt__["pkg.list_pkgs"](includes=kinds)
    words: list[str] = []
    names: list[str] = []
    errors: list[str] = []
    if kind == "file":
        for path in targets:
            if not os.path.isfile(path):
                raise CommandError(f"{path} does not exist on minion")
            names.append(__salt__["lowpkg.bin_pkg_info"](path)["name"])
            words.append(path)
    else:
        if version and len(targets) == 1 and kind != "patch":
            targets = {next(iter(targets)): str(version)}
        for target, asked in targets.items():
            picked = _pick(target, asked, fromrepo, errors)
            names.append(target)
            words.append(f"{target}={picked}" if picked else target)
    if errors:
        __utils__["packages.failed"]("Problem encountered installing package(s)", {}, errors)
    command = [
        "install", "--auto-agree-with-licenses",
        # A version that is older is what was asked for. A file has no name to look for.
        *([] if kind == "file" else ["--name"]), *([] if kind == "patch" else ["--oldpackage"]),
        *(["--download-only"] if downloadonly else []), *(["--no-recommends"] if no_recommends else []),
        *(["--from", fromrepo] if fromrepo else []), *words,
    ]  # fmt: skip
    held = sorted(set(names) & set(list_holds())) if kwargs.get("update_holds") else []
    try:
        if held:
            unhold(pkgs=held)
        found = __utils__["zypper.run"](
            command, change=True, skip_verify=skip_verify, ignore_repo_failure=ignore_repo_failure
        )
    finally:
        if held:
            hold(pkgs=held)
    return _outcome(old, found, "Problem encountered installing package(s)", kinds, fetched)


def remove(name: str | None = None, pkgs: Any = None, root: str | None = None, **kwargs: Any) -> dict[str, Any]:
    """
    Remove packages: what changed, `{name: {old, new}}`.

    CLI Example:

        salt '*' pkg.remove vim
    """
    return _uninstall(name, pkgs, [])


def purge(name: str | None = None, pkgs: Any = None, root: str | None = None, **kwargs: Any) -> dict[str, Any]:
    """
    Remove packages, and those that came as their dependencies: what changed, `{name: {old, new}}`.

    CLI Example:

        salt '*' pkg.purge vim
    """
    return _uninstall(name, pkgs, ["--clean-deps"])


def upgrade(
    name: str | None = None,
    pkgs: Any = None,
    refresh: bool = True,
    dryrun: bool = False,
    dist_upgrade: bool = False,
    fromrepo: str | None = None,
    skip_verify: bool = False,
    no_recommends: bool = False,
    root: str | None = None,
    **kwargs: Any,
) -> dict[str, Any]:
    """
    Upgrade all packages, or those that are named: what changed. With `dist_upgrade` to another version of the system.

    CLI Example:

        salt '*' pkg.upgrade
    """
    if __utils__["packages.true"](refresh):
        refresh_db()
    names = __utils__["packages.names"](name, pkgs) if name or pkgs else []
    old = __salt__["pkg.list_pkgs"]()
    found = __utils__["zypper.run"](
        [
            "dist-upgrade" if dist_upgrade else "update", "--auto-agree-with-licenses",
            *(["--dry-run"] if dryrun else []),
            *(["--from" if dist_upgrade else "--repo", fromrepo] if fromrepo else []),
            *(["--no-recommends"] if no_recommends else []), *names,
        ],
        change=True,
        skip_verify=skip_verify,
    )  # fmt: skip
    changed = _since(old)
    if found["retcode"] not in FINE:
        raise CommandError("Problem encountered upgrading packages", info={"changes": changed, "result": found})
    return changed


# -- holds ---------------------------------------------------------------------------------------------------------


def hold(name: str | None = None, pkgs: Any = None, root: str | None = None, **kwargs: Any) -> dict[str, Any]:
    """
    Keep packages at the version they have: `{name: {name, changes, result, comment}}`.

    CLI Example:

        salt '*' pkg.hold vim
    """
    return _hold("al", name, pkgs)


def unhold(name: str | None = None, pkgs: Any = None, root: str | None = None, **kwargs: Any) -> dict[str, Any]:
    """
    Let packages be upgraded again: `{name: {name, changes, result, comment}}`.

    CLI Example:

        salt '*' pkg.unhold vim
    """
    return _hold("rl", name, pkgs)


def list_locks(root: str | None = None) -> dict[str, dict[str, Any]]:
    """
    The locks, by name: `{type}`, and the repository where one is named.

    CLI Example:

        salt '*' pkg.list_locks
    """
    found: dict[str, dict[str, Any]] = {}
    for lock in __utils__["zypper.xml"](["locks"]).iter("lock"):
        parts = {part.tag: (part.text or "").strip() for part in lock}
        name = parts.pop("name", "")
        if name:
            found[name] = parts
    return found


def list_holds(pattern: str | None = None, full: bool = True, root: str | None = None, **kwargs: Any) -> list[str]:
    """
    The packages that are held.

    CLI Example:

        salt '*' pkg.list_holds
    """
    names = sorted(list_locks())
    return fnmatch.filter(names, pattern) if pattern else names


# -- inside --------------------------------------------------------------------------------------------------------


def _solvables(name: str, repo: str | None) -> list[dict[str, str]]:
    """The packages that repositories have: those of this name, or that match it as a glob, or all."""
    words = ["search", "--details", "--type", "package", "--match-exact", *(["--repo", repo] if repo else [])]
    rows = [
        dict(row.attrib) for row in __utils__["zypper.xml"]([*words, "--", *([name] if name else [])]).iter("solvable")
    ]
    return [row for row in rows if row.get("repository") != "(System Packages)" and "edition" in row]


def _available(name: str, repo: str | None = None) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in _solvables(name, repo):
        found.setdefault(row["name"], []).append(row["edition"])
    return {key: _newest(versions) for key, versions in found.items()}


def _newest(versions: list[str]) -> list[str]:
    newest = functools.cmp_to_key(lambda one, two: -(__salt__["pkg.version_cmp"](one, two) or 0))
    return sorted(set(versions), key=newest)


def _pick(target: str, wanted: str | None, repo: str | None, errors: list[str]) -> str:
    """The version to ask for: what was named, or the newest that fulfils a condition."""
    if wanted in (None, "", "latest"):
        return ""
    if not __utils__["packages.has_operator"](wanted):
        return str(wanted)
    there = _available(target, repo).get(target, [])
    for candidate in there:
        if __utils__["packages.fulfils"](wanted, candidate, __salt__["pkg.version_cmp"]):
            return candidate
    errors.append(f"No version matching '{target}{wanted}' could be found (available: {', '.join(there) or None})")
    return ""


def _uninstall(name: str | None, pkgs: Any, options: list[str]) -> dict[str, Any]:
    names = [__salt__["pkg.normalize_name"](word) for word in __utils__["packages.names"](name, pkgs)]
    if not names:
        raise InvocationError("No package sources provided")
    kinds = __utils__["patterns.kinds"](names)
    old = __salt__["pkg.list_pkgs"](includes=kinds)
    targets = sorted({match for target in names for match in fnmatch.filter(old, target)})
    if not targets:
        return {}
    found = __utils__["zypper.run"](["remove", *options, *targets], change=True)
    return _outcome(old, found, "Problem encountered removing package(s)", kinds)


def _hold(action: str, name: str | None, pkgs: Any) -> dict[str, Any]:
    if name is None and pkgs is None:
        raise InvocationError("One of name, pkgs must be specified.")
    held = set(list_locks())
    found: dict[str, Any] = {}
    for target in __utils__["packages.names"](name, pkgs):
        row = found[target] = {"name": target, "changes": {}, "result": True, "comment": ""}
        if (target in held) == (action == "al"):
            what = "is already set to be held" if action == "al" else "was already unheld"
            row["comment"] = f"Package {target} {what}."
        elif __opts__.get("test"):
            what = "held" if action == "al" else "unheld"
            row |= {"result": None, "comment": f"Package {target} is set to be {what}."}
        else:
            __utils__["zypper.must"]([action, "--", target])
            old, new = ("", "hold") if action == "al" else ("hold", "")
            what = "now being held" if action == "al" else "no longer held"
            row |= {"changes": {"old": old, "new": new}, "comment": f"Package {target} is {what}."}
    return found


def _patches(ids: list[str]) -> dict[str, None]:
    """Patches as `zypper install` names them. Raises CommandError for one that no repository has."""
    known = __salt__["pkg.list_patches"]()
    for id in ids:
        if id not in known:
            raise CommandError(f'Advisory id "{id}" not found')
    return {f"patch:{id}": None for id in ids}


def _outcome(
    old: Mapping[str, Any],
    found: Mapping[str, Any],
    what: str,
    includes: list[str],
    fetched: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What changed; what zypper said, and what had changed by then, when it failed."""
    if fetched is None:
        changed = _since(old, includes)
    else:
        changed = __utils__["packages.changes"](fetched, __salt__["pkg.list_downloaded"]())
    if found["retcode"] not in FINE:
        if changed:
            __utils__["packages.failed"](what, changed, [__utils__["zypper.failure"](found)])
        raise CommandError(__utils__["zypper.failure"](found))
    return changed


def _since(old: Mapping[str, Any], includes: Sequence[str] = ()) -> dict[str, Any]:
    """What changed since a listing."""
    __context__.pop("pkg.list_pkgs", None)
    return __utils__["packages.changes"](old, __salt__["pkg.list_pkgs"](includes=includes))
