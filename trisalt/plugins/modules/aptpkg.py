"""Packages on Debian and its kin: apt-get, apt-cache and dpkg."""

from __future__ import annotations

import fnmatch
import os
import time
from collections.abc import Mapping
from typing import Any

from trisalt.errors import CommandError, InvocationError

__virtualname__ = "pkg"

_LISTING = "dpkg-query --showformat='${Status} ${Package} ${Version} ${Architecture}\\n' -W"
_KEEP_CONFIG = ["-o", "DPkg::Options::=--force-confold", "-o", "DPkg::Options::=--force-confdef"]
_NEW_CONFIG = ["-o", "DPkg::Options::=--force-confnew"]
_KINDS = ("installed", "removed", "purge_desired")


def __virtual__() -> Any:
    if __grains__.get("os_family") == "Debian":
        return __virtualname__
    return False, "The pkg module could not be loaded: unsupported OS family"


# -- what is there -------------------------------------------------------------------------------------------------


def list_pkgs(
    versions_as_list: bool = False, removed: bool = False, purge_desired: bool = False, **kwargs: Any
) -> dict[str, Any]:
    """
    The installed packages: `{name: version}`. With `removed` those that left their configuration behind, with
    `purge_desired` those that are installed and selected to be purged.

    CLI Example:

        salt '*' pkg.list_pkgs
    """
    known = __context__.get("pkg.list_pkgs") if kwargs.get("use_context", True) else None
    if known is None:
        known = __context__["pkg.list_pkgs"] = _listing()
    kind = "removed" if removed else "purge_desired" if purge_desired else "installed"
    found = {name: list(versions) for name, versions in known[kind].items()}
    if not versions_as_list:
        __salt__["pkg_resource.stringify"](found)
    return found


def version(*names: str, **kwargs: Any) -> Any:
    """
    The version of an installed package, or nothing; a map for several names, or where a name is a glob.

    CLI Example:

        salt '*' pkg.version bash
    """
    return __salt__["pkg_resource.version"](*names, **kwargs)


def latest_version(*names: str, **kwargs: Any) -> Any:
    """
    The version that could be installed, and nothing where the newest is; a map for several names. The lists are
    refreshed first (`refresh=False` says no); `fromrepo` asks one release only, `show_installed` always names it.

    CLI Example:

        salt '*' pkg.latest_version nginx fromrepo=unstable
    """
    __utils__["packages.checked"](names)
    if not names:
        return ""
    if __utils__["packages.true"](kwargs.get("refresh", True)):
        _refresh(kwargs.get("cache_valid_time", 0))
    release = kwargs.get("fromrepo") or kwargs.get("repo")
    option = ["-o", f"APT::Default-Release={release}"] if release else []
    found = __utils__["apt.run"](["apt-cache", "-q", "policy", *names, *option])
    if found["retcode"]:
        raise CommandError(__utils__["packages.said"](found))
    policies = __utils__["apt.policies"](found["stdout"])
    latest = {}
    for name in names:
        installed, candidate = policies.get(name) or policies.get(normalize_name(name), ("", ""))
        newer = not installed or (candidate != installed and version_cmp(installed, candidate) == -1)
        latest[name] = candidate if newer or kwargs.get("show_installed") else ""
    return latest[names[0]] if len(names) == 1 else latest


available_version = latest_version


def upgrade_available(name: str, **kwargs: Any) -> bool:
    """
    Whether a newer version of a package can be installed.

    CLI Example:

        salt '*' pkg.upgrade_available nginx
    """
    return bool(latest_version(name, refresh=kwargs.get("refresh", True)))


def list_upgrades(refresh: bool = True, dist_upgrade: bool = True, **kwargs: Any) -> dict[str, str]:
    """
    What an upgrade would install: `{name: version}`.

    CLI Example:

        salt '*' pkg.list_upgrades
    """
    if __utils__["packages.true"](refresh):
        _refresh(kwargs.get("cache_valid_time", 0))
    words = ["apt-get", "--just-print", "dist-upgrade" if dist_upgrade else "upgrade"]
    if kwargs.get("fromrepo"):
        words[2:2] = ["-o", f"APT::Default-Release={kwargs['fromrepo']}"]
    found = __utils__["apt.run"](words)
    if found["retcode"]:
        raise CommandError(f"Problem encountered listing upgrades: {__utils__['packages.said'](found)}")
    return __utils__["apt.simulated"](found["stdout"])


def refresh_db(cache_valid_time: int = 0, failhard: bool = False, **kwargs: Any) -> dict[str, bool | None]:
    """
    Fetch the lists of packages: by source True where it was fetched, None where nothing was new, False where that
    failed. With `failhard` a failure is an error; lists younger than `cache_valid_time` seconds are left as they are.

    CLI Example:

        salt '*' pkg.refresh_db
    """
    sources, failures = _refresh(cache_valid_time)
    if failures and failhard:
        raise CommandError(f"Error getting repos: {', '.join(failures)}")
    if failures and "__pub_jid" in kwargs:
        __context__["retcode"] = 1
    return sources


# -- changes -------------------------------------------------------------------------------------------------------


def install(
    name: str | None = None,
    refresh: bool = False,
    fromrepo: str | None = None,
    skip_verify: bool = False,
    debconf: str | None = None,
    pkgs: Any = None,
    sources: Any = None,
    reinstall: bool = False,
    downloadonly: bool = False,
    ignore_epoch: bool = False,
    normalize: bool = True,
    **kwargs: Any,
) -> dict[str, Any]:
    """
    Install packages: by name (`version` picks one; `pkgs` names several, each with a version or a condition such as
    `'>1.2'`), or from files (`sources`: names and paths or URLs). Returns what changed: `{name: {old, new}}`.

    `refresh` fetches the lists first; `fromrepo` prefers a release; `hold` holds them afterwards; `only_upgrade`
    installs nothing new; `reinstall` installs what is there again; `downloadonly` only fetches; `skip_verify` takes
    what is not signed; `install_recommends=False` leaves recommended packages out; `force_conf_new` takes the
    package's configuration files, instead of those that are there; `debconf` is a file of answers for debconf.

    CLI Example:

        salt '*' pkg.install nginx
    """
    failures = _refresh(kwargs.get("cache_valid_time", 0))[1] if __utils__["packages.true"](refresh) else []
    if debconf:
        _answer(debconf, kwargs.get("saltenv") or "base")
    targets, kind = __salt__["pkg_resource.parse_targets"](
        name, pkgs, sources, saltenv=kwargs.get("saltenv") or "base", normalize=normalize
    )
    old = list_pkgs()
    again: list[str] = []
    options: list[str] = []
    errors: list[str] = []
    if kind == "file":
        words, chosen = _files(targets)
    else:
        if kwargs.get("version") and len(targets) == 1:
            targets = {next(iter(targets)): str(kwargs["version"])}
        words, chosen = [], {}
        for target, wanted in targets.items():
            known = len(errors)
            picked = _pick(target, wanted, ignore_epoch, errors)
            if len(errors) == known:  # one that cannot be had keeps none of the others away
                chosen[target] = picked
                words.append(f"{target}={picked}" if picked else target)
        if errors and not words:
            __utils__["packages.failed"]("Problem encountered installing package(s)", {}, errors)
    installed = {target: old[target] for target in chosen if target in old}
    if reinstall:
        again = [t for t in installed if chosen[t] is None or version_cmp(chosen[t], old[t], ignore_epoch) == 0]
        options += ["--reinstall"] if again else []
    if kind == "repository" and any(
        chosen[t] and version_cmp(chosen[t], old[t], ignore_epoch) == -1 for t in installed
    ):
        options.append("--allow-downgrades")
    command = [
        "apt-get", "-q", "-y", *(_NEW_CONFIG if kwargs.get("force_conf_new") else _KEEP_CONFIG),
        *(["--allow-downgrades", "--allow-remove-essential", "--allow-change-held-packages"]
          if kwargs.get("force_yes") else []),
        *([] if kwargs.get("install_recommends", True) else ["--no-install-recommends"]),
        *(["--only-upgrade"] if kwargs.get("only_upgrade") else []),
        *(["--allow-unauthenticated"] if skip_verify else []),
        *(["--download-only"] if downloadonly or kwargs.get("download_only") else []),
        *(["-t", fromrepo] if fromrepo and kind == "repository" else []),
        *options, "install", *words,
    ]  # fmt: skip
    holds = __salt__["pkg.get_selections"](state="hold").get("hold", [])
    held = sorted({normalize_name(name) for name in holds} & {normalize_name(name) for name in chosen})
    try:
        if held:
            __salt__["pkg.unhold"](pkgs=held)
        found = __utils__["apt.run"](command, scope=True)
    finally:
        if held:
            __salt__["pkg.hold"](pkgs=held)
    changed = _since(old)
    if found["retcode"]:
        errors.append(__utils__["packages.said"](found))
        if failures:
            errors.append(f"Error getting repos: {', '.join(failures)}")
    if errors:
        __utils__["packages.failed"]("Problem encountered installing package(s)", changed, errors)
    if kwargs.get("hold") and chosen:
        __salt__["pkg.hold"](pkgs=list(chosen))
    return changed | {target: {"old": old[target], "new": old[target]} for target in again if target not in changed}


def remove(name: str | None = None, pkgs: Any = None, **kwargs: Any) -> dict[str, Any]:
    """
    Remove packages and leave their configuration: what changed, `{name: {old, new}}`.

    CLI Example:

        salt '*' pkg.remove nginx
    """
    return _uninstall("remove", name, pkgs)


def purge(name: str | None = None, pkgs: Any = None, **kwargs: Any) -> dict[str, Any]:
    """
    Remove packages with their configuration: `{installed: …, removed: …}`, what was installed before, and what had
    only its configuration left.

    CLI Example:

        salt '*' pkg.purge nginx
    """
    return _uninstall("purge", name, pkgs)


def autoremove(list_only: bool = False, purge: bool = False) -> Any:
    """
    Remove packages that came as dependencies and that nothing needs any more; with `list_only` their names.

    CLI Example:

        salt '*' pkg.autoremove list_only=True
    """
    options = ["--purge"] if purge else []
    if list_only:
        found = __utils__["apt.run"](["apt-get", "--assume-no", *options, "autoremove"], ignore_retcode=True)
        _, _, listed = found["stdout"].partition("will be REMOVED:\n")
        rows = listed.splitlines()
        end = next((number for number, row in enumerate(rows) if not row.startswith(" ")), len(rows))
        return sorted(word.rstrip("*") for row in rows[:end] for word in row.split())
    old = list_pkgs()
    found = __utils__["apt.run"](["apt-get", "--assume-yes", *options, "autoremove"], scope=True)
    changed = _since(old)
    if found["retcode"]:
        __utils__["packages.failed"](
            "Problem encountered removing package(s)", changed, [__utils__["packages.said"](found)]
        )
    return changed


def upgrade(refresh: bool = True, dist_upgrade: bool = False, **kwargs: Any) -> dict[str, Any]:
    """
    Upgrade all packages: what changed. With `dist_upgrade` others may come and go for it.

    CLI Example:

        salt '*' pkg.upgrade
    """
    if __utils__["packages.true"](refresh):
        _refresh(kwargs.get("cache_valid_time", 0))
    old = list_pkgs()
    found = __utils__["apt.run"](
        [
            "apt-get", "-q", "-y", *(_NEW_CONFIG if kwargs.get("force_conf_new") else _KEEP_CONFIG),
            *(["--allow-downgrades", "--allow-remove-essential", "--allow-change-held-packages"]
              if kwargs.get("force_yes") else []),
            *(["--allow-unauthenticated"] if kwargs.get("skip_verify") else []),
            *(["--download-only"] if kwargs.get("download_only") or kwargs.get("downloadonly") else []),
            *(["--allow-downgrades"] if kwargs.get("allow_downgrades") else []),
            *(["-t", kwargs["fromrepo"]] if kwargs.get("fromrepo") else []),
            "dist-upgrade" if dist_upgrade else "upgrade",
        ],
        scope=True,
    )  # fmt: skip
    changed = _since(old)
    if found["retcode"]:
        raise CommandError("Problem encountered upgrading packages", info={"changes": changed, "result": found})
    return changed


# -- versions and names --------------------------------------------------------------------------------------------


def version_cmp(pkg1: str, pkg2: str, ignore_epoch: bool = False, **kwargs: Any) -> int | None:
    """
    -1, 0 or 1: how dpkg orders two versions; nothing where one of them is none.

    CLI Example:

        salt '*' pkg.version_cmp 0.2.4-0ubuntu1 0.2.4.1-0ubuntu1
    """
    one, two = (
        str(text).partition(":")[2] if ignore_epoch and ":" in str(text) else str(text) for text in (pkg1, pkg2)
    )
    for oper, order in (("lt", -1), ("eq", 0), ("gt", 1)):
        found = __salt__["cmd.run_all"](
            ["dpkg", "--compare-versions", one, oper, two],
            python_shell=False,
            ignore_retcode=True,
            output_loglevel="trace",
        )
        if found["retcode"] == 0:
            return order
        if found["retcode"] > 1:
            break
    return None


def normalize_name(name: str) -> str:
    """
    A name without its architecture, where that is this host's.

    CLI Example:

        salt '*' pkg.normalize_name zsh:amd64
    """
    base, _, arch = str(name).rpartition(":")
    return base if base and arch in (_architecture(), "all", "any") else name


def parse_arch(name: str) -> dict[str, str | None]:
    """
    A name in two: `{name, arch}`.

    CLI Example:

        salt '*' pkg.parse_arch zsh:amd64
    """
    base, _, arch = str(name).rpartition(":")
    return {"name": base, "arch": arch} if base else {"name": name, "arch": None}


# -- inside --------------------------------------------------------------------------------------------------------


def _refresh(cache_valid_time: Any = 0) -> tuple[dict[str, bool | None], list[str]]:
    """Fetch the lists: what each source did, and those that failed."""
    __utils__["packages.refreshed"]()
    if cache_valid_time:
        try:
            age = (
                time.time() - os.stat(__utils__["apt.directory"]("Dir::State::lists/d", "/var/lib/apt/lists")).st_mtime
            )
        except OSError:
            age = float("inf")
        if age <= float(cache_valid_time):
            return {}, []
    found = __utils__["apt.run"](["apt-get", "-q", "update"])
    sources, failures = __utils__["apt.fetched"](found["stdout"])
    # With a source that is none; of one that cannot be reached now apt only warns.
    if found["retcode"]:
        raise CommandError(__utils__["packages.said"](found))
    return sources, failures


def _listing() -> dict[str, dict[str, list[str]]]:
    found = __salt__["cmd.run_all"](_LISTING, python_shell=False, output_loglevel="trace")
    if found["retcode"]:
        raise CommandError(f"Unable to list the packages: {__utils__['packages.said'](found)}")
    listing: dict[str, dict[str, list[str]]] = {kind: {} for kind in _KINDS}
    native = _architecture()
    for line in found["stdout"].splitlines():
        words = line.split(" ")
        if len(words) != 6:
            continue
        want, _, state, name, version, arch = words
        if arch not in (native, "all"):
            name += f":{arch}"
        if state == "installed":
            kind = "purge_desired" if want == "purge" else "installed"
        elif state == "config-files":
            kind = "removed"
        else:
            continue
        __salt__["pkg_resource.add_pkg"](listing[kind], name, version)
    return listing


def _since(old: Mapping[str, Any], *, removed: bool = False) -> dict[str, Any]:
    """What changed since a listing."""
    __context__.pop("pkg.list_pkgs", None)
    return __utils__["packages.changes"](old, list_pkgs(removed=removed))


def _uninstall(action: str, name: str | None, pkgs: Any) -> dict[str, Any]:
    names = [normalize_name(word) for word in __utils__["packages.names"](name, pkgs)]
    if not names:
        raise InvocationError("No package sources provided")
    old, leftover = list_pkgs(), list_pkgs(removed=True)
    marked = list_pkgs(purge_desired=True)
    there = {**old, **marked, **leftover} if action == "purge" else {**old, **marked}
    targets = sorted({match for target in names for match in fnmatch.filter(there, target)})
    if not targets:
        return {}
    found = __utils__["apt.run"](["apt-get", "-q", "-y", action, *targets], scope=True)
    changed = _since(old)
    if action == "purge":
        changed = {"removed": __utils__["packages.changes"](leftover, list_pkgs(removed=True)), "installed": changed}
    if found["retcode"]:
        __utils__["packages.failed"](
            "Problem encountered removing package(s)", changed, [__utils__["packages.said"](found)]
        )
    return changed


def _pick(target: str, wanted: str | None, ignore_epoch: bool, errors: list[str]) -> str | None:
    """The version to ask for: what was named, or the newest that fulfils a condition."""
    if wanted in (None, "", "latest"):
        return None
    if not __utils__["packages.has_operator"](wanted):
        return wanted

    def compare(one: str, two: str) -> int | None:
        return version_cmp(one, two, ignore_epoch=ignore_epoch)

    there = __salt__["pkg.list_repo_pkgs"](target).get(target, [])
    for candidate in there:
        if __utils__["packages.fulfils"](wanted, candidate, compare):
            return candidate
    errors.append(f"No version matching '{target}{wanted}' could be found (available: {', '.join(there) or None})")
    return None


def _files(paths: list[str]) -> tuple[list[str], dict[str, str | None]]:
    """The paths of package files as apt takes them, and the versions in them by name."""
    chosen: dict[str, str | None] = {}
    for path in paths:
        if not os.path.isabs(path):
            raise InvocationError(f"{path} is not an absolute path")
        if not os.path.isfile(path):
            raise CommandError(f"{path} does not exist on minion")
        row = __salt__["lowpkg.bin_pkg_info"](path)
        chosen[normalize_name(row["name"])] = row["version"]
    return list(paths), chosen


def _answer(place: str, saltenv: str) -> None:
    """Give debconf the answers in a file, before it asks."""
    path = __salt__["cp.cache_file"](place, saltenv) if "://" in place else place
    if not path or not os.path.isfile(path):
        raise CommandError(f"Unable to cache debconf file {place}")
    __utils__["apt.must"](["debconf-set-selections", path])


def _architecture() -> str:
    """This host's architecture as dpkg names it."""
    if "pkg.architecture" not in __context__:
        grain = __grains__.get("osarch")
        __context__["pkg.architecture"] = (
            grain or __utils__["apt.must"](["dpkg", "--print-architecture"])["stdout"].strip()
        )
    return __context__["pkg.architecture"]
