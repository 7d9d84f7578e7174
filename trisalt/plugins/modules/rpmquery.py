"""What Red Hat's and SUSE's kin share of `pkg`: installed packages, their files, names and versions, as rpm knows them.

Installing is `yumpkg`'s and `zypperpkg`'s.
"""

from __future__ import annotations

import shutil
from typing import Any

__virtualname__ = "pkg"

_FAMILIES = ("RedHat", "Mandriva", "Mendel", "Suse")


def __virtual__() -> Any:
    if __grains__.get("os_family") not in _FAMILIES:
        return False, "Module rpmquery: this host's packages are not rpm's"
    if shutil.which("rpm") is None:
        return False, "Module rpmquery: the rpm binary is not in the path"
    return __virtualname__


def list_pkgs(versions_as_list: bool = False, **kwargs: Any) -> dict[str, Any]:
    """
    The installed packages: `{name: version}`; with `attr` more of each (`epoch, release, arch, install_date,
    install_date_time_t`, or `all`). On SUSE's kin `includes=pattern` lists installed patterns too, as `pattern:name`.

    CLI Example:

        salt '*' pkg.list_pkgs attr=version,arch
    """
    if any(kwargs.get(kind) for kind in ("removed", "purge_desired")):
        return {}
    known = __context__.get("pkg.list_pkgs") if kwargs.get("use_context", True) else None
    if known is None:
        known = __context__["pkg.list_pkgs"] = __salt__["lowpkg.rows"]()
    if "pattern" in __utils__["packages.words"](kwargs.get("includes") or []) and "pkg.list_patterns" in __salt__:
        known = {**known, **__utils__["patterns.rows"]()}
    return __salt__["pkg_resource.format_pkg_list"](known, versions_as_list, kwargs.get("attr"))


def version(*names: str, **kwargs: Any) -> Any:
    """
    The version of an installed package, or nothing; a map for several names, or where a name is a glob.

    CLI Example:

        salt '*' pkg.version bash
    """
    return __salt__["pkg_resource.version"](*names, **kwargs)


def version_cmp(pkg1: str, pkg2: str, ignore_epoch: bool = False, **kwargs: Any) -> int | None:
    """
    -1, 0 or 1: how rpm orders two versions.

    CLI Example:

        salt '*' pkg.version_cmp 0.2-001 0.2.0.1-002
    """
    return __salt__["lowpkg.version_cmp"](pkg1, pkg2, ignore_epoch=ignore_epoch)


def normalize_name(name: str) -> str:
    """
    A name without its architecture, where that is this host's.

    CLI Example:

        salt '*' pkg.normalize_name zsh.x86_64
    """
    return __utils__["rpms.normal"](name, __grains__.get("osarch", ""))


def parse_arch(name: str) -> dict[str, str | None]:
    """
    A name in two: `{name, arch}`.

    CLI Example:

        salt '*' pkg.parse_arch zsh.x86_64
    """
    base, arch = __utils__["rpms.architecture"](name)
    return {"name": base, "arch": arch}


def file_list(*packages: str, **kwargs: Any) -> dict[str, Any]:
    """
    The files of installed packages, of all where none is named: `{errors, files}`.

    CLI Example:

        salt '*' pkg.file_list httpd
    """
    return __salt__["lowpkg.file_list"](*packages)


def file_dict(*packages: str, **kwargs: Any) -> dict[str, Any]:
    """
    The files of installed packages by package: `{errors, packages}`.

    CLI Example:

        salt '*' pkg.file_dict httpd
    """
    return __salt__["lowpkg.file_dict"](*packages)


def owner(*paths: str, **kwargs: Any) -> Any:
    """
    The package that a file is of, or nothing; a map for several paths.

    CLI Example:

        salt '*' pkg.owner /usr/bin/apachectl
    """
    return __salt__["lowpkg.owner"](*paths, **kwargs)


def verify(*names: str, **kwargs: Any) -> dict[str, Any]:
    """
    What differs from what the packages brought: `{path: {mismatch, type}}`.

    CLI Example:

        salt '*' pkg.verify httpd
    """
    return __salt__["lowpkg.verify"](*names, **kwargs)


def modified(*packages: str, **flags: Any) -> dict[str, list[str]]:
    """
    The files that were changed since their package brought them, and what of each.

    CLI Example:

        salt '*' pkg.modified httpd
    """
    return __salt__["lowpkg.modified"](*packages, **flags)


def info_installed(*names: str, **kwargs: Any) -> dict[str, dict[str, Any]]:
    """
    What is known of installed packages, of all where none is named; `attr` names what is wanted of it.

    CLI Example:

        salt '*' pkg.info_installed httpd attr=version,vendor
    """
    rows = __salt__["lowpkg.info"](*names, **kwargs)
    return {name: {"source" if key == "source_rpm" else key: row[key] for key in row} for name, row in rows.items()}
