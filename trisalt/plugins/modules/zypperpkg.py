"""Packages on SUSE's kin: zypper and rpm."""

from __future__ import annotations

import fnmatch
import functools
import logging
import os
import shutil
import time
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from typing import Any

from trisalt.errors import CommandError, InvocationError

log = logging.getLogger(__name__)

__virtualname__ = "pkg"

# Exit statuses that say what was found, and no failure. Source: zypper(8).
_FINE = {0, 100, 101, 102, 103, 106}
_LOCKED, _NOTHING = 7, 104
_PAUSE = 5


def __virtual__() -> Any:
    if __grains__.get("os_family") != "Suse":
        return False, "Module zypper: non SUSE OS not supported by zypper package manager"
    if shutil.which("zypper") is None:
        return False, "Module zypper: zypper package manager not found"
    return __virtualname__


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
    found = _xml(["list-updates", *repo])
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


def refresh_db(force: bool | None = None, root: str | None = None) -> dict[str, bool]:
    """
    Fetch the lists of packages: by repository whether that worked.

    CLI Example:

        salt '*' pkg.refresh_db
    """
    __utils__["packages.refreshed"]()
    if force is None:
        force = __salt__["config.get"]("zypper.refreshdb_force", True)
    found = _run(["refresh", *(["--force"] if force else [])], refresh=True)
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
    if found["retcode"] not in _FINE and not result:
        raise CommandError(_failure(found))
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
    Install packages: by name (`version` picks one, or is a condition such as `'>1.2'`; `pkgs` names several), or from
    files (`sources`: names and paths or URLs). Returns what changed: `{name: {old, new}}`.

    `fromrepo` prefers a repository, `skip_verify` takes what is not signed, `no_recommends` leaves recommended packages
    out, `ignore_repo_failure` goes on when one cannot be reached, `update_holds` changes held packages too.

    CLI Example:

        salt '*' pkg.install vim fromrepo=updates
    """
    if __utils__["packages.true"](refresh):
        refresh_db()
    targets, kind = __salt__["pkg_resource.parse_targets"](name, pkgs, sources, saltenv=kwargs.get("saltenv") or "base")
    old = __salt__["pkg.list_pkgs"]()
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
        if version and len(targets) == 1:
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
        *([] if kind == "file" else ["--name"]), "--oldpackage",
        *(["--download-only"] if downloadonly else []), *(["--no-recommends"] if no_recommends else []),
        *(["--from", fromrepo] if fromrepo else []), *words,
    ]  # fmt: skip
    held = sorted(set(names) & set(list_holds())) if kwargs.get("update_holds") else []
    try:
        if held:
            unhold(pkgs=held)
        found = _run(command, change=True, skip_verify=skip_verify, ignore_repo_failure=ignore_repo_failure)
    finally:
        if held:
            hold(pkgs=held)
    return _outcome(old, found, "Problem encountered installing package(s)")


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
    found = _run(
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
    if found["retcode"] not in _FINE:
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
    for lock in _xml(["locks"]).iter("lock"):
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


# -- repositories --------------------------------------------------------------------------------------------------


def list_repos(root: str | None = None, **kwargs: Any) -> dict[str, dict[str, Any]]:
    """
    The repositories, by alias.

    CLI Example:

        salt '*' pkg.list_repos
    """
    found = {}
    for repo in _xml(["lr"], nothing=6).iter("repo"):
        row: dict[str, Any] = {"alias": repo.get("alias", ""), "name": repo.get("name", "")}
        row |= {
            key: repo.get(key) == "1" for key in ("enabled", "autorefresh", "gpgcheck") if repo.get(key) is not None
        }
        row |= {"priority": int(repo.get("priority") or 99), "type": repo.get("type", "")}
        row["baseurl"] = (repo.findtext("url") or "").strip()
        found[row["alias"]] = row
    return found


def get_repo(repo: str, root: str | None = None, **kwargs: Any) -> dict[str, Any]:
    """
    One repository; empty where there is none.

    CLI Example:

        salt '*' pkg.get_repo updates
    """
    return list_repos().get(repo, {})


def mod_repo(repo: str, **kwargs: Any) -> dict[str, Any]:
    """
    Change a repository, or add it: a new one needs its `url` (or `baseurl`). `enabled` or `disabled`, `refresh`
    (autorefresh), `priority`, `gpgcheck`, `cache` and `humanname` change it. Returns the repository.

    CLI Example:

        salt '*' pkg.mod_repo internal url=https://example.org/sle15 refresh=True
    """
    __utils__["packages.checked"]([repo])
    true = __utils__["packages.true"]
    url = kwargs.get("url") or kwargs.get("baseurl") or kwargs.get("mirrorlist")
    known = list_repos()
    if repo not in known:
        if not url:
            raise CommandError(f"Repository '{repo}' not found, and neither 'baseurl' nor 'mirrorlist' was specified")
        if any(row["baseurl"].rstrip("/") == str(url).rstrip("/") for row in known.values()):
            raise CommandError(f"Repository with the URL {url} is there already")
        _must(["ar", "--", str(url), repo])
    elif url and known[repo]["baseurl"].rstrip("/") != str(url).rstrip("/"):
        # zypper changes no address: the repository is made again.
        kept = {key: known[repo][key] for key in ("enabled", "priority", "gpgcheck") if key in known[repo]}
        _must(["rr", "--", repo])
        _must(["ar", "--", str(url), repo])
        kwargs = {**kept, "refresh": known[repo].get("autorefresh", False), **kwargs}
    options = []
    if "enabled" in kwargs or "disabled" in kwargs:
        on = true(kwargs["enabled"]) if "enabled" in kwargs else not true(kwargs["disabled"])
        options.append("--enable" if on else "--disable")
    for key, option in (("refresh", "refresh"), ("cache", "keep-packages"), ("gpgcheck", "gpgcheck")):
        if key in kwargs:
            options.append(f"--{option}" if true(kwargs[key]) else f"--no-{option}")
    if "priority" in kwargs:
        options.append(f"--priority={int(kwargs['priority'])}")
    if kwargs.get("humanname"):
        options.append(f"--name={kwargs['humanname']}")
    if options:
        _must(["mr", *options, "--", repo])
    elif repo in known and not url:
        raise InvocationError("Specified arguments did not result in modification of repo")
    return get_repo(repo)


def del_repo(repo: str, root: str | None = None, **kwargs: Any) -> dict[str, Any]:
    """
    Remove a repository.

    CLI Example:

        salt '*' pkg.del_repo internal
    """
    if repo not in list_repos():
        raise CommandError(f"Repository '{repo}' not found.")
    found = _must(["rr", "--", repo])
    return {repo: True, "message": found["stdout"].strip().splitlines()[-1]}


# -- inside --------------------------------------------------------------------------------------------------------


def _run(
    words: list[str],
    *,
    xml: bool = False,
    refresh: bool = False,
    change: bool = False,
    skip_verify: bool = False,
    ignore_repo_failure: bool = False,
) -> dict[str, Any]:
    """zypper, without a question. While another has its lock it is tried again, for `zypper.lock_timeout` seconds."""
    argv = [
        "zypper", "--non-interactive", *(["--xmlout"] if xml else []), *(["--no-gpg-checks"] if skip_verify else []),
        *([] if refresh else ["--no-refresh"]), *words,
    ]  # fmt: skip
    if change:
        argv = __utils__["systemd.scoped"](argv)
    fine = _FINE if ignore_repo_failure else _FINE - {106}
    deadline = time.monotonic() + float(__salt__["config.get"]("zypper.lock_timeout", 120))
    while True:
        found = __salt__["cmd.run_all"](argv, python_shell=False, ignore_retcode=True)
        left = deadline - time.monotonic()
        if found["retcode"] != _LOCKED or left <= 0:
            break
        log.warning("Waiting for zypper's lock: retrying for another %d seconds", left)
        time.sleep(min(_PAUSE, left))
    if found["retcode"] not in fine and found["retcode"] != _NOTHING:
        log.error("Command 'zypper' failed with return code: %s", found["retcode"])
    return found


def _must(words: list[str]) -> dict[str, Any]:
    found = _run(words)
    if found["retcode"] not in _FINE:
        raise CommandError(_failure(found))
    return found


def _xml(words: list[str], nothing: int = _NOTHING) -> ET.Element:
    """What zypper says as XML. `nothing` is the exit status that says there is nothing."""
    found = _run(words, xml=True)
    try:
        root = ET.fromstring(found["stdout"])
    except ET.ParseError:
        raise CommandError(_failure(found)) from None
    if found["retcode"] not in _FINE and found["retcode"] != nothing:
        errors = [(row.text or "").strip() for row in root.iter("message") if row.get("type") == "error"]
        raise CommandError(f"Zypper command failure: {' '.join(errors) or found['retcode']}")
    return root


def _failure(found: Mapping[str, Any]) -> str:
    return f"Zypper command failure: {found['stderr']}{found['stdout']}".strip()


def _solvables(name: str, repo: str | None) -> list[dict[str, str]]:
    """The packages that repositories have: those of this name, or that match it as a glob, or all."""
    words = ["search", "--details", "--type", "package", "--match-exact", *(["--repo", repo] if repo else [])]
    rows = [dict(row.attrib) for row in _xml([*words, "--", *([name] if name else [])]).iter("solvable")]
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
    old = __salt__["pkg.list_pkgs"]()
    targets = sorted({match for target in names for match in fnmatch.filter(old, target)})
    if not targets:
        return {}
    found = _run(["remove", *options, *targets], change=True)
    return _outcome(old, found, "Problem encountered removing package(s)")


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
            _must([action, "--", target])
            old, new = ("", "hold") if action == "al" else ("hold", "")
            what = "now being held" if action == "al" else "no longer held"
            row |= {"changes": {"old": old, "new": new}, "comment": f"Package {target} is {what}."}
    return found


def _outcome(old: Mapping[str, Any], found: Mapping[str, Any], what: str) -> dict[str, Any]:
    """What changed; what zypper said, and what had changed by then, when it failed."""
    changed = _since(old)
    if found["retcode"] not in _FINE:
        if changed:
            __utils__["packages.failed"](what, changed, [_failure(found)])
        raise CommandError(_failure(found))
    return changed


def _since(old: Mapping[str, Any]) -> dict[str, Any]:
    """What changed since a listing."""
    __context__.pop("pkg.list_pkgs", None)
    return __utils__["packages.changes"](old, __salt__["pkg.list_pkgs"]())
