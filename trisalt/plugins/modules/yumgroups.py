"""dnf's and yum's groups of packages: which there are, what is in one, and installing it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from trisalt.errors import CommandError, InvocationError

__virtualname__ = "pkg"

_KINDS = ("mandatory", "optional", "default", "conditional")
_HEADINGS = {
    "installed groups:": "installed",
    "available groups:": "available",
    "installed environment groups:": "installed environments",
    "available environment groups:": "available environments",
    "available language groups:": "available languages",
}
# dnf has a heading of its own line for the members, dnf5 the first of them beside it.
_MEMBERS = re.compile(r"(mandatory|optional|default|conditional) (?:groups|packages)\s*:\s*(.*)", re.IGNORECASE)
_FIRST = re.compile(r"(environment group|group)\s*:\s*(.+)|(id)\s+:\s*(.+)", re.IGNORECASE)
_REPOS = ("fromrepo", "enablerepo", "disablerepo")


def __virtual__() -> Any:
    return __utils__["dnf.virtual"](__grains__)


def group_list() -> dict[str, Any]:
    """
    The groups there are: `{installed, available, installed environments, available environments, available languages}`,
    hidden ones too. dnf5 names groups by their ids, and environments not at all.

    CLI Example:

        salt '*' pkg.group_list
    """
    found: dict[str, Any] = {key: [] for key in _HEADINGS.values()} | {"available languages": {}}
    five = __utils__["dnf.program"]() == "dnf5"
    words = ["group", "list", "--hidden"] if five else ["grouplist", "hidden"]
    section = None
    for line in _told(words).splitlines():
        if five:
            row = line.split()
            if len(row) > 2 and row[-1] in ("yes", "no"):
                found["installed" if row[-1] == "yes" else "available"].append(row[0])
        elif not line[:1].isspace():
            # What is no heading is what dnf says of itself; after it nothing belongs to the heading before.
            section = _HEADINGS.get(line.strip().lower())
        elif section == "available languages":
            if language := re.fullmatch(r"(.+) \[(.+)\]", line.strip()):
                found[section][line.strip()] = {"name": language[1], "language": language[2]}
        elif section and line.strip():
            found[section].append(line.strip())
    return found


def group_info(
    name: str, expand: bool = False, ignore_groups: list[str] | None = None, **kwargs: Any
) -> dict[str, Any]:
    """
    What is in a group: `{type, group, id, description, mandatory, optional, default, conditional}`. The members of an
    environment are groups; with `expand` the packages of these, but for those in `ignore_groups`. `fromrepo`,
    `enablerepo` and `disablerepo` say which repositories are asked.

    CLI Example:

        salt '*' pkg.group_info 'Perl Support'
    """
    found, members = _group(name, kwargs)
    if __utils__["packages.true"](expand) and found["type"] == "environment group":
        seen = ignore_groups if ignore_groups is not None else []
        groups = [group for kind in _KINDS for group in members[kind] if group not in seen]
        seen += groups
        members = _packages(groups, kwargs)
    return found | {kind: sorted(set(members[kind])) for kind in _KINDS}


def group_diff(name: str, **kwargs: Any) -> dict[str, dict[str, list[str]]]:
    """
    Which packages of a group, or of the groups of an environment, are installed: `{kind: {installed, not installed}}`.
    `fromrepo`, `enablerepo` and `disablerepo` say which repositories are asked.

    CLI Example:

        salt '*' pkg.group_diff 'Perl Support'
    """
    group = group_info(name, expand=True, **kwargs)
    there = __salt__["pkg.list_pkgs"]()
    return {
        kind: {
            "installed": [package for package in group[kind] if package in there],
            "not installed": [package for package in group[kind] if package not in there],
        }
        for kind in _KINDS
    }


def group_install(name: Any, skip: Any = (), include: Any = (), **kwargs: Any) -> dict[str, Any]:
    """
    Install what is mandatory and what is default in groups (several by commas, or as a list), without the defaults in
    `skip`, and with the packages in `include`. Takes what `pkg.install` takes: what changed, `{name: {old, new}}`.

    CLI Example:

        salt '*' pkg.group_install 'Perl Support' skip=perl-doc include=perl-Test-Pod
    """
    groups, left_out, more = (
        _listed(value, text)
        for value, text in ((name, "'groups' must be a list"), (skip, "'skip' must be a list"),
                            (include, "'include' must be a list"))
    )  # fmt: skip
    if not groups:
        raise InvocationError("no groups specified")
    wanted: list[str] = []
    for group in groups:
        found, members = _group(group, kwargs)
        if found["type"] == "environment group":
            members = _packages([*members["mandatory"], *members["default"]], kwargs)
        wanted += [*members["mandatory"], *(package for package in members["default"] if package not in left_out)]
    there = __salt__["pkg.list_pkgs"]()
    targets = sorted({package for package in [*wanted, *more] if package not in there})
    return __salt__["pkg.install"](pkgs=targets, **kwargs) if targets else {}


groupinstall = group_install


# -- inside --------------------------------------------------------------------------------------------------------


def _told(words: list[str], **options: Any) -> str:
    return str(__utils__["dnf.run"](words, ignore_retcode=True, **options)["stdout"])


def _group(name: str, kwargs: dict[str, Any], within: bool = False) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """What dnf says of a group, and its members by their kinds. `within` an environment there are no environments."""
    __utils__["packages.checked"]([str(name)])
    ask = ["group", "info"] if __utils__["dnf.program"]() == "dnf5" else ["groupinfo"]
    repos = __utils__["dnf.options"]({key: kwargs[key] for key in _REPOS if kwargs.get(key)})
    groups = list(_groups(_told(["--quiet", *repos, *ask, str(name)])))
    # One name may be an environment's and a group's.
    wanted = "package group" if within else "environment group"
    found = next((group for group in groups if group[0]["type"] == wanted), groups[0] if groups else None)
    if found is None:
        raise CommandError(f"Group '{name}' not found")
    return found


def _packages(groups: list[str], kwargs: dict[str, Any]) -> dict[str, list[str]]:
    """What is in all of these groups of an environment."""
    found: dict[str, list[str]] = {kind: [] for kind in _KINDS}
    for group in groups:
        for kind, packages in _group(group, kwargs, within=True)[1].items():
            found[kind] += packages
    return found


def _groups(text: str) -> Iterator[tuple[dict[str, Any], dict[str, list[str]]]]:
    """The groups that `groupinfo` prints, for a name may match several."""
    found: dict[str, Any] = {}
    members: dict[str, list[str]] = {}
    kind = ""
    for line in text.splitlines():
        first, heading = _FIRST.fullmatch(line), _MEMBERS.fullmatch(line.strip())
        if first:
            if found:
                yield found, members
            whole = (first[1] or "").lower() == "environment group"
            found = {
                "type": "environment group" if whole else "package group",
                "group": first[2], "id": first[4], "description": "",
            }  # fmt: skip
            members, kind = {kind: [] for kind in _KINDS}, ""
        elif not found:
            continue
        elif heading:
            kind = heading[1].lower()
            members[kind] += [heading[2]] if heading[2] else []
        elif kind:
            # yum marks a package by what would become of it; dnf5 has a colon before each.
            if member := line.strip().lstrip(":+-= "):
                members[kind].append(member)
        else:
            key, colon, value = (part.strip() for part in line.partition(":"))
            key = key.lower().removeprefix("environment-").removeprefix("group-")
            if colon and key in ("id", "description"):
                found[key] = value
            elif colon and key == "name":
                found["group"] = value
    if found:
        yield found, members


def _listed(value: Any, text: str) -> list[str]:
    if isinstance(value, str):
        return [word for word in value.split(",") if word]
    if not isinstance(value, list | tuple):
        raise InvocationError(text)
    return [str(word) for word in value]
