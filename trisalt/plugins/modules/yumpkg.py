"""Packages on Red Hat's kin: dnf, or yum where there is no dnf, and rpm."""

from __future__ import annotations

import fnmatch
import functools
import logging
import os
import re
from collections.abc import Mapping
from typing import Any

from trisalt.errors import CommandError, InvocationError

log = logging.getLogger(__name__)

__virtualname__ = "pkg"

# What `versionlock list` prints: dnf's `name-0:1.0-1.*`, yum's `0:name-1.0-1.*`, dnf5's `Package name: name`.
_LOCK = re.compile(
    r"(?:(?P<five>Package name: (?P<named>\S+))|(?:(?P<yum>\d+):)?(?P<name>\S+?)-(?:\d+:)?[^-\s:]+-[^-\s]+\.(?:\*|\w+))"
)


def __virtual__() -> Any:
    return __utils__["dnf.virtual"](__grains__)


# -- what is there -------------------------------------------------------------------------------------------------


def latest_version(*names: str, **kwargs: Any) -> Any:
    """
    The version that could be installed, and nothing where the newest is; a map for several names. `fromrepo`,
    `enablerepo` and `disablerepo` say which repositories are asked; `refresh=False` takes the lists as they are.

    CLI Example:

        salt '*' pkg.latest_version httpd
    """
    __utils__["packages.checked"](names)
    if not names:
        return ""
    if __utils__["packages.true"](kwargs.pop("refresh", True)):
        refresh_db(check_update=False, **kwargs)
    there = __salt__["pkg.list_pkgs"](versions_as_list=True)
    found = __utils__["dnf.run"](
        ["--quiet", *__utils__["dnf.options"](kwargs), "list", "available", *names], ignore_retcode=True
    )
    latest = dict.fromkeys(names, "")
    for _heading, full, candidate, _repo in __utils__["rpms.listed"](found["stdout"]):
        name = next(
            (n for n in (full, __salt__["pkg.normalize_name"](full), full.rpartition(".")[0]) if n in latest), None
        )
        if name is None:
            continue
        newest = [latest[name], *there.get(name, there.get(__salt__["pkg.normalize_name"](name), []))]
        if all(not known or __salt__["pkg.version_cmp"](known, candidate) == -1 for known in newest):
            latest[name] = candidate
    return latest[names[0]] if len(names) == 1 else latest


available_version = latest_version


def upgrade_available(name: str, **kwargs: Any) -> bool:
    """
    Whether a newer version of a package can be installed.

    CLI Example:

        salt '*' pkg.upgrade_available httpd
    """
    return bool(latest_version(name, **kwargs))


def list_upgrades(refresh: bool = True, **kwargs: Any) -> dict[str, str]:
    """
    What an upgrade would install: `{name: version}`.

    CLI Example:

        salt '*' pkg.list_upgrades
    """
    if __utils__["packages.true"](refresh):
        refresh_db(check_update=False, **kwargs)
    words = ["updates"] if __utils__["dnf.program"]() == "yum" else ["--upgrades"]
    found = __utils__["dnf.run"](["--quiet", *__utils__["dnf.options"](kwargs), "list", *words], ignore_retcode=True)
    # Where there is nothing to list dnf says so, and ends with 1.
    if found["retcode"] and "No matching" not in found["stderr"] + found["stdout"]:
        raise CommandError(__utils__["packages.said"](found))
    rows = __utils__["rpms.listed"](found["stdout"])
    return {
        __salt__["pkg.normalize_name"](name): version
        for head, name, version, _ in rows
        if not head.startswith("Obsolet")
    }


list_updates = list_upgrades


def list_repo_pkgs(*args: str, **kwargs: Any) -> dict[str, Any]:
    """
    The versions that can be installed, newest first: of the packages that match these names or globs, else of all. With
    `byrepo` by repository.

    CLI Example:

        salt '*' pkg.list_repo_pkgs 'samba*' byrepo=True
    """
    __utils__["packages.checked"](args)
    byrepo = __utils__["packages.true"](kwargs.pop("byrepo", False))
    found = __utils__["dnf.run"](
        ["--quiet", "--showduplicates", *__utils__["dnf.options"](kwargs), "list", *args], ignore_retcode=True
    )
    repos: dict[str, dict[str, list[str]]] = {}
    for heading, full, version, repo in __utils__["rpms.listed"](found["stdout"]):
        if not heading.startswith("Installed"):
            versions = repos.setdefault(repo, {}).setdefault(__salt__["pkg.normalize_name"](full), [])
            if version not in versions:
                versions.append(version)
    newest = functools.cmp_to_key(lambda one, two: -(__salt__["pkg.version_cmp"](one, two) or 0))
    if byrepo:
        return {repo: {name: sorted(rows[name], key=newest) for name in rows} for repo, rows in repos.items()}
    names: dict[str, set[str]] = {}
    for rows in repos.values():
        for name, versions in rows.items():
            names.setdefault(name, set()).update(versions)
    return {name: sorted(versions, key=newest) for name, versions in names.items()}


def refresh_db(**kwargs: Any) -> bool | None:
    """
    Fetch the lists of packages: True where there is something to update, nothing where not, False when it failed.

    CLI Example:

        salt '*' pkg.refresh_db
    """
    __utils__["packages.refreshed"]()
    options = __utils__["dnf.options"](kwargs)
    __utils__["dnf.run"](["--quiet", "--assumeyes", "clean", "expire-cache", *options])
    if not __utils__["packages.true"](kwargs.get("check_update", True)):
        return True
    found = __utils__["dnf.run"](["--quiet", "--assumeyes", "check-update", *options], ignore_retcode=True)
    if found["retcode"] in (0, 100):
        return True if found["retcode"] else None
    log.error("%s check-update: %s", __utils__["dnf.program"](), __utils__["packages.said"](found))
    if "__pub_jid" in kwargs:
        __context__["retcode"] = found["retcode"]
    return False


clean_metadata = refresh_db


# -- changes -------------------------------------------------------------------------------------------------------


def install(
    name: str | None = None,
    refresh: bool = False,
    skip_verify: bool = False,
    pkgs: Any = None,
    sources: Any = None,
    downloadonly: bool = False,
    reinstall: bool = False,
    normalize: bool = True,
    update_holds: bool = False,
    saltenv: str = "base",
    ignore_epoch: bool = False,
    **kwargs: Any,
) -> dict[str, Any]:
    """
    Install packages: by name (`version` picks one; `pkgs` names several, each with a version or a condition such as
    `'>1.2'`), or from files (`sources`: names and paths or URLs). Returns what changed: `{name: {old, new}}`.

    `fromrepo`, `enablerepo`, `disablerepo` and `disableexcludes` say where from; `setopt` sets options; `skip_verify`
    takes what is not signed; `update_holds` changes held packages too; `reinstall` installs what is there again;
    `downloadonly` only fetches, and tells which files came. `advisory_ids` in place of names mends what those tell of.

    CLI Example:

        salt '*' pkg.install httpd fromrepo=updates
    """
    if __utils__["packages.true"](refresh):
        refresh_db(check_update=False, **kwargs)
    options = [
        *__utils__["dnf.options"](kwargs),
        *(["--nogpgcheck"] if skip_verify else []),
        *(["--downloadonly"] if downloadonly else []),
    ]
    fetched = __salt__["pkg.list_downloaded"]() if downloadonly else None
    old = __salt__["pkg.list_pkgs"]()
    if kwargs.get("advisory_ids"):
        return _mend(__utils__["packages.words"](kwargs["advisory_ids"]), options, old, fetched)
    targets, kind = __salt__["pkg_resource.parse_targets"](name, pkgs, sources, saltenv=saltenv, normalize=normalize)
    wanted: list[tuple[str, str, str]] = []
    errors: list[str] = []
    if kind == "file":
        for path in targets:
            if not os.path.isfile(path):
                raise CommandError(f"{path} does not exist on minion")
            row = __salt__["lowpkg.bin_pkg_info"](path)
            wanted.append((__salt__["pkg.normalize_name"](row["name"]), row["version"], path))
    else:
        if kwargs.get("version") and len(targets) == 1:
            targets = {next(iter(targets)): str(kwargs["version"])}
        for target, asked in targets.items():
            picked = _pick(target, asked, ignore_epoch, kwargs, errors)
            base, arch = __utils__["rpms.architecture"](target)
            whole = f"{base}-{picked}.{arch}" if arch else f"{target}-{picked}"
            wanted.append((target, picked, whole if picked else target))
    if errors:
        __utils__["packages.failed"]("Error occurred installing package(s)", {}, errors)
    actions: dict[str, list[str]] = {"install": [], "downgrade": [], "reinstall": []}
    for target, asked, word in wanted:
        actions[_action(old.get(target, ""), asked, reinstall, ignore_epoch)].append(word)
    held = _held(wanted, old)
    if held and not update_holds:
        __utils__["packages.failed"](
            "Error occurred installing package(s)",
            {},
            [
                "The following package(s) could not be updated because they are being held: "
                f"{', '.join(held)}. Set 'update_holds' to True to temporarily unhold these packages so that they can "
                "be updated."
            ],
        )
    best = ["--best", "--allowerasing"] if __utils__["dnf.program"]() != "yum" else []
    try:
        if held:
            unhold(pkgs=held)
        for action, words in actions.items():
            if words:
                found = __utils__["dnf.change"](
                    ["-y", *(best if action == "install" else []), *options, action, *words]
                )
                if found["retcode"]:
                    errors.append(found["stdout"])
    finally:
        if held:
            hold(pkgs=held)
    changed = _since(old, fetched)
    if errors:
        __utils__["packages.failed"]("Error occurred installing package(s)", changed, errors)
    again = [name for name, _, word in wanted if word in actions["reinstall"] and name not in changed]
    return changed | {name: {"old": old[name], "new": old[name]} for name in again}


def remove(name: str | None = None, pkgs: Any = None, **kwargs: Any) -> dict[str, Any]:
    """
    Remove packages: what changed, `{name: {old, new}}`.

    CLI Example:

        salt '*' pkg.remove httpd
    """
    names = [__salt__["pkg.normalize_name"](word) for word in __utils__["packages.names"](name, pkgs)]
    if not names:
        raise InvocationError("No package sources provided")
    old = __salt__["pkg.list_pkgs"]()
    targets = sorted({match for target in names for match in fnmatch.filter(old, target)})
    if not targets:
        return {}
    found = __utils__["dnf.change"](["-y", *__utils__["dnf.options"](kwargs), "remove", *targets])
    changed = _since(old)
    if found["retcode"]:
        __utils__["packages.failed"]("Error occurred removing package(s)", changed, [found["stdout"]])
    return changed


purge = remove


def upgrade(
    name: str | None = None,
    pkgs: Any = None,
    refresh: bool = True,
    skip_verify: bool = False,
    normalize: bool = True,
    minimal: bool = False,
    obsoletes: bool = True,
    **kwargs: Any,
) -> dict[str, Any]:
    """
    Upgrade all packages, or those that are named: what changed. `minimal` goes no further than the last fix, `security`
    takes only security's, `obsoletes=False` replaces no package by another.

    CLI Example:

        salt '*' pkg.upgrade
    """
    if __utils__["packages.true"](refresh):
        refresh_db(check_update=False, **kwargs)
    names = __utils__["packages.names"](name, pkgs) if name or pkgs else []
    old = __salt__["pkg.list_pkgs"]()
    found = __utils__["dnf.change"](
        [
            "--quiet", "-y", *__utils__["dnf.options"](kwargs), *(["--nogpgcheck"] if skip_verify else []),
            *(["--security"] if kwargs.get("security") else []), *([] if obsoletes else ["--setopt=obsoletes=False"]),
            "upgrade-minimal" if minimal else "upgrade", *names,
        ]
    )  # fmt: skip
    changed = _since(old)
    if found["retcode"]:
        raise CommandError("Problem encountered upgrading packages", info={"changes": changed, "result": found})
    return changed


update = upgrade


# -- holds ---------------------------------------------------------------------------------------------------------


def hold(name: str | None = None, pkgs: Any = None, sources: Any = None, **kwargs: Any) -> dict[str, Any]:
    """
    Keep packages at the version they have, by the versionlock plugin: `{name: {name, changes, result, comment}}`.

    CLI Example:

        salt '*' pkg.hold httpd
    """
    return _hold("add", name, pkgs, sources, "__pub_jid" in kwargs)


def unhold(name: str | None = None, pkgs: Any = None, sources: Any = None, **kwargs: Any) -> dict[str, Any]:
    """
    Let packages be upgraded again: `{name: {name, changes, result, comment}}`.

    CLI Example:

        salt '*' pkg.unhold httpd
    """
    return _hold("delete", name, pkgs, sources, "__pub_jid" in kwargs)


def list_holds(pattern: str | None = None, full: bool = True) -> list[str]:
    """
    The packages that are held; with `full=False` only their names.

    CLI Example:

        salt '*' pkg.list_holds full=False
    """
    found = __utils__["dnf.run"](["versionlock", "list"], ignore_retcode=True)
    if found["retcode"]:
        raise CommandError(_no_lock(found))
    rows = []
    for line in found["stdout"].splitlines():
        match = _LOCK.fullmatch(line.strip())
        if match:
            rows.append(((match["named"] or match["name"]), match["named"] or line.strip()))
    return [whole if full else name for name, whole in rows]


get_locked_packages = list_holds


# -- inside --------------------------------------------------------------------------------------------------------


def _pick(target: str, wanted: str | None, ignore_epoch: bool, kwargs: Mapping[str, Any], errors: list[str]) -> str:
    """The version to ask for: what was named, or the newest that fulfils a condition."""
    if wanted in (None, "", "latest"):
        return ""
    if not __utils__["packages.has_operator"](wanted):
        return str(wanted)

    def compare(one: str, two: str) -> int | None:
        return __salt__["pkg.version_cmp"](one, two, ignore_epoch=ignore_epoch)

    repos = {key: kwargs[key] for key in ("fromrepo", "enablerepo", "disablerepo") if kwargs.get(key)}
    there = list_repo_pkgs(target, **repos).get(target, [])
    for candidate in there:
        if __utils__["packages.fulfils"](wanted, candidate, compare):
            return candidate
    errors.append(f"No version matching '{target}{wanted}' could be found (available: {', '.join(there) or None})")
    return ""


def _action(installed: str, wanted: str, reinstall: bool, ignore_epoch: bool) -> str:
    """What has to be done to have a version: dnf has a word for each direction."""
    if not installed:
        return "install"
    newest = installed.split(",")[-1]
    order = __salt__["pkg.version_cmp"](wanted, newest, ignore_epoch=ignore_epoch) if wanted else 0
    if order == 0:
        return "reinstall" if reinstall else "install"
    return "downgrade" if order == -1 else "install"


def _held(wanted: list[tuple[str, str, str]], old: Mapping[str, Any]) -> list[str]:
    """The installed packages among these that are held at another version."""
    there = [name for name, version, _ in wanted if name in old and version != old[name]]
    locking = any(name == "dnf5" or name.endswith("plugin-versionlock") for name in old)
    return sorted(set(there) & set(list_holds(full=False))) if there and locking else []


def _hold(action: str, name: str | None, pkgs: Any, sources: Any, asked: bool) -> dict[str, Any]:
    if name is None and pkgs is None and sources is None:
        raise InvocationError("One of name, pkgs, or sources must be specified.")
    if pkgs is not None and sources is not None:
        raise InvocationError("Only one of pkgs or sources can be specified.")
    given = list(__salt__["pkg_resource.pack_sources"](sources)) if sources is not None else pkgs
    names = __utils__["packages.names"](name, given)
    held = set(list_holds(full=False))
    found: dict[str, Any] = {}
    for target in names:
        row = found[target] = {"name": target, "changes": {}, "result": True, "comment": ""}
        if (target in held) == (action == "add"):
            is_held = f"Package {target} is already set to be held."
            row["comment"] = is_held if action == "add" else f"Package {target} is not being held."
        elif __opts__.get("test"):
            row |= {
                "result": None,
                "comment": f"Package {target} is set to be {'held' if action == 'add' else 'unheld'}.",
            }
        else:
            done = __utils__["dnf.run"](["versionlock", action, target], ignore_retcode=True)
            # An exclude of a name that no package has is a success to dnf, and holds nothing.
            now = set(list_holds(full=False)) if done["retcode"] == 0 else held
            if (target in now) == (action == "add"):
                word = ("", "hold") if action == "add" else ("hold", "")
                what = "now being held" if action == "add" else "no longer held"
                row |= {"changes": {"old": word[0], "new": word[1]}, "comment": f"Package {target} is {what}."}
            else:
                what = "held" if action == "add" else "unheld"
                row |= {"result": False, "comment": f"Package {target} was unable to be {what}."}
    if asked and any(row["result"] is False for row in found.values()):
        __context__["retcode"] = 1
    return found


def _no_lock(found: Mapping[str, Any]) -> str:
    text = found["stderr"] + found["stdout"]
    if "No such command" in text or "Unknown argument" in text:
        package = "yum-plugin-versionlock" if __utils__["dnf.program"]() == "yum" else "python3-dnf-plugin-versionlock"
        return f"Cannot proceed, {package} is not installed."
    return __utils__["packages.said"](found)


def _mend(
    ids: list[str], options: list[str], old: Mapping[str, Any], fetched: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Install, or fetch, what mends what advisories tell of: what changed."""
    known = __salt__["pkg.list_patches"]()
    for id in ids:
        if id not in known:
            raise CommandError(f'Advisory id "{id}" not found')
    found = __utils__["dnf.change"](["-y", *options, *(f"--advisory={id}" for id in ids), "update"])
    changed = _since(old, fetched)
    if found["retcode"]:
        __utils__["packages.failed"]("Error occurred installing package(s)", changed, [found["stdout"]])
    return changed


def _since(old: Mapping[str, Any], fetched: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What changed since a listing: of what is installed, or of what was fetched."""
    if fetched is not None:
        return __utils__["packages.changes"](fetched, __salt__["pkg.list_downloaded"]())
    __context__.pop("pkg.list_pkgs", None)
    return __utils__["packages.changes"](old, __salt__["pkg.list_pkgs"]())
