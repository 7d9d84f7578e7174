"""What the modules of package managers share: reading what they were asked for, and shaping what they found."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from trisalt.errors import CommandError, InvocationError


def pack_sources(sources: Any, normalize: bool = True) -> dict[str, str]:
    """
    From `[{name: place}, …]` to one map.

    CLI Example:

        salt '*' pkg_resource.pack_sources '[{"foo": "salt://foo.deb"}, {"bar": "salt://bar.deb"}]'
    """
    packed: dict[str, str] = {}
    for source in _listed(sources, "sources"):
        if not isinstance(source, Mapping) or len(source) != 1:
            raise InvocationError(f"Invalid format of sources: {source}. Each is a package's name and where it is")
        ((name, place),) = source.items()
        packed[_normal(str(name), normalize)] = str(place)
    return packed


def parse_targets(
    name: str | None = None,
    pkgs: Any = None,
    sources: Any = None,
    saltenv: str = "base",
    normalize: bool = True,
    **kwargs: Any,
) -> tuple[Any, str | None]:
    """
    What is to be installed: `({name: version}, "repository")`, or `([path], "file")` for `sources`, which are fetched.

    CLI Example:

        salt '*' pkg_resource.parse_targets pkgs='[foo, {bar: 1.2.3}]'
    """
    if pkgs and sources:
        raise InvocationError('Only one of "pkgs" and "sources" can be used.')
    if sources:
        fetched = [_fetched(name, place, saltenv) for name, place in pack_sources(sources, normalize).items()]
        return fetched, "file"
    if pkgs:
        targets: dict[str, Any] = {}
        for item in _listed(pkgs, "pkgs"):
            for key, version in item.items() if isinstance(item, Mapping) else [(item, None)]:
                key = _normal(str(key), normalize)
                if key in targets:
                    raise InvocationError(
                        f"You are passing a list of packages that contains duplicated packages names: {pkgs}. This "
                        "cannot be processed. In case you are targeting different versions of the same package, "
                        "please target them individually"
                    )
                targets[key] = None if version is None else str(version)
        return targets, "repository"
    if name:
        return {_normal(word.strip(), normalize): None for word in str(name).split(",") if word.strip()}, "repository"
    raise InvocationError("No package sources provided")


def version(*names: str, **kwargs: Any) -> Any:
    """
    The versions of installed packages: a text for one name, a map for several, or where a name is a glob.

    CLI Example:

        salt '*' pkg_resource.version vim
    """
    as_list = bool(kwargs.get("versions_as_list"))
    listing = {"use_context": kwargs["use_context"]} if "use_context" in kwargs else {}
    installed = __salt__["pkg.list_pkgs"](versions_as_list=True, **listing) if names else {}
    found: dict[str, Any] = {}
    globbed = False
    for name in names:
        if "*" in name:
            globbed = True
            found |= {match: installed[match] for match in fnmatch.filter(installed, name)}
        else:
            found[name] = installed.get(name, [])
    if not as_list:
        stringify(found)
    return next(iter(found.values())) if len(names) == 1 and not globbed else found


def add_pkg(pkgs: dict[str, list[Any]], name: str, pkgver: Any) -> None:
    """
    Add a version to a listing whose values are lists.

    CLI Example:

        salt '*' pkg_resource.add_pkg '{}' bind 9
    """
    versions = pkgs.setdefault(name, [])
    if pkgver not in versions:
        versions.append(pkgver)


def sort_pkglist(pkgs: dict[str, list[Any]]) -> None:
    """
    Order the versions in a listing.

    CLI Example:

        salt '*' pkg_resource.sort_pkglist '["3.45", "2.13"]'
    """
    for versions in pkgs.values():
        versions[:] = sorted(set(versions), key=str)


def stringify(pkgs: dict[str, Any]) -> None:
    """
    From lists of versions to texts: commas between several.

    CLI Example:

        salt '*' pkg_resource.stringify '{vim: [7.127]}'
    """
    for name, versions in pkgs.items():
        pkgs[name] = ",".join(map(str, versions)) if isinstance(versions, list) else versions


def format_pkg_list(packages: Mapping[str, list[Any]], versions_as_list: bool, attr: Any) -> dict[str, Any]:
    """
    Shape a listing whose values are lists of maps: only versions, or with the attributes that `attr` names.

    CLI Example:

        salt '*' pkg_resource.format_pkg_list '{vim: [{version: "7.4"}]}' True None
    """
    if attr:
        wanted = {"version", *(str(attr).split(",") if isinstance(attr, str) else attr)}
        whole = "all" in wanted
        return {
            name: [{key: row[key] for key in row if whole or key in wanted} for row in rows]
            for name, rows in packages.items()
        }
    shaped: dict[str, Any] = {
        name: [_full(row) if isinstance(row, Mapping) else row for row in rows] for name, rows in packages.items()
    }
    if not versions_as_list:
        stringify(shaped)
    return shaped


def format_version(epoch: Any, version: str, release: str) -> str:
    """
    `epoch:version-release`; an epoch of 0 and an empty release are left out.

    CLI Example:

        salt '*' pkg_resource.format_version 1 2.0 3
    """
    before = f"{epoch}:" if epoch and str(epoch) not in ("0", "(none)") else ""
    return f"{before}{version}-{release}" if release else f"{before}{version}"


def check_extra_requirements(pkgname: str, pkgver: str) -> Any:
    """
    Whether a package's own manager finds more to ask of it than its version.

    CLI Example:

        salt '*' pkg_resource.check_extra_requirements vim 7.4
    """
    if "pkg.check_extra_requirements" in __salt__:
        return __salt__["pkg.check_extra_requirements"](pkgname, pkgver)
    return True


def version_clean(verstr: str) -> str:
    """
    A version without what its own manager adds to it.

    CLI Example:

        salt '*' pkg_resource.version_clean 1:2.0-3
    """
    if verstr and "pkg.version_clean" in __salt__:
        return __salt__["pkg.version_clean"](verstr)
    return verstr


def version_compare(ver1: str, oper: str, ver2: str, ignore_epoch: bool = False) -> bool:
    """
    Whether `ver1 oper ver2` holds, as this host's package manager orders versions.

    CLI Example:

        salt '*' pkg_resource.version_compare 1.0 '>=' 1.1
    """

    def compare(one: str, two: str) -> int | None:
        return __salt__["pkg.version_cmp"](one, two, ignore_epoch=ignore_epoch)

    return __utils__["packages.fulfils"](f"{oper}{ver2}", ver1, compare)


def _listed(value: Any, what: str) -> Iterable[Any]:
    if isinstance(value, str | Mapping):
        value = [value]
    if not isinstance(value, list | tuple):
        raise InvocationError(f"Invalid format of {what}: {value}")
    return value


def _normal(name: str, normalize: bool) -> str:
    __utils__["packages.checked"]([name])
    normal: Callable[[str], str] | None = (
        __salt__["pkg.normalize_name"] if normalize and "pkg.normalize_name" in __salt__ else None
    )
    return normal(name) if normal else name


def _fetched(name: str, place: str, saltenv: str) -> str:
    """The path of a package file on this host."""
    if "://" not in place:
        return place
    if "cp.cache_file" not in __salt__:
        raise CommandError(f"{place}: this minion cannot fetch files")
    path = __salt__["cp.cache_file"](place, saltenv)
    if not path:
        raise CommandError(f"Unable to cache source {place} for package {name}")
    return path


def _full(row: Mapping[str, Any]) -> str:
    return format_version(row.get("epoch"), row["version"], row.get("release") or "")
