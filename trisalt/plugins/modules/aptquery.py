"""Questions about packages on Debian and its kin, installed or not: files, owners, records, versions."""

from __future__ import annotations

import os
import re
import shutil
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import unquote

from trisalt.errors import CommandNotFound, InvocationError

__virtualname__ = "pkg"

# How apt names what it has fetched: `name_version_arch.deb`, with what is no part of a file's name as %XX.
_FETCHED = re.compile(r"(?P<name>[a-z0-9][a-z0-9+.-]+)_(?P<version>[A-Za-z0-9+.~%-]+)_[a-z0-9-]+\.deb")
_FROM_DUMP = re.compile(r"Package: (\S+)| Version: (\S+)")


def __virtual__() -> Any:
    if __grains__.get("os_family") == "Debian":
        return __virtualname__
    return False, "The pkg module could not be loaded: unsupported OS family"


def file_list(*packages: str, **kwargs: Any) -> Any:
    """
    The files of installed packages, of all where none is named: `{errors, files}`.

    CLI Example:

        salt '*' pkg.file_list hostname
    """
    return __salt__["lowpkg.file_list"](*packages)


def file_dict(*packages: str, **kwargs: Any) -> Any:
    """
    The files of installed packages by package: `{errors, packages}`.

    CLI Example:

        salt '*' pkg.file_dict hostname
    """
    return __salt__["lowpkg.file_dict"](*packages)


def owner(*paths: str, **kwargs: Any) -> Any:
    """
    The package that a file is of, or nothing; a map for several paths.

    CLI Example:

        salt '*' pkg.owner /bin/bash
    """
    if not paths:
        return ""
    found = {path: _owner(path) for path in paths}
    if "__pub_jid" in kwargs and not all(found.values()):
        __context__["retcode"] = 1
    return found[paths[0]] if len(paths) == 1 else found


def which(path: str) -> Any:
    """
    The package that a file is of; False where there is none.

    CLI Example:

        salt '*' pkg.which /bin/bash
    """
    return _owner(path) or False


def info_installed(*names: str, **kwargs: Any) -> dict[str, dict[str, Any]]:
    """
    What is known of installed packages, of all where none is named. `failhard=False` leaves out what is not there.

    CLI Example:

        salt '*' pkg.info_installed bash
    """
    failhard = kwargs.pop("failhard", True)
    unknown = [f"{key}={value}" for key, value in kwargs.items() if not key.startswith("__")]
    if unknown:
        raise InvocationError(f"The following keyword arguments are not valid: {', '.join(unknown)}")
    shown = {"maintainer": "packager", "section": "group", "homepage": "url", "package": "name"}
    rows = __salt__["lowpkg.info"](*names, failhard=failhard)
    return {
        name: {shown.get(key, key): value for key, value in row.items() if key != "status"}
        for name, row in rows.items()
    }


def show(*names: str, **kwargs: Any) -> dict[str, Any]:
    """
    The records of packages, installed or not: `{name: {version: {field: value}}}`. `filter` names the fields.

    CLI Example:

        salt '*' pkg.show nginx filter=description,depends
    """
    __utils__["packages.checked"](names)
    if __utils__["packages.true"](kwargs.get("refresh", False)):
        __salt__["pkg.refresh_db"]()
    wanted = kwargs.get("filter")
    fields = {word.strip().lower() for word in (wanted.split(",") if isinstance(wanted, str) else wanted or [])}
    found = __utils__["apt.run"](["apt-cache", "show", *names], ignore_retcode=True)
    if found["retcode"]:
        __context__["retcode"] = found["retcode"]
    records: dict[str, Any] = {}
    for stanza in __utils__["apt.stanzas"](found["stdout"]):
        if "Package" not in stanza or "Version" not in stanza:
            continue
        values = {
            field.removesuffix("-en"): value.partition("\n")[0]
            for field, value in stanza.items()
            if field not in ("Package", "Version")
        }
        records.setdefault(stanza["Package"], {})[stanza["Version"]] = {
            field: value for field, value in values.items() if not fields or field.lower() in fields
        }
    return records


def list_repo_pkgs(*args: str, **kwargs: Any) -> dict[str, list[str]]:
    """
    The versions that can be installed, newest first: of the packages that match these names or globs, else of all.

    CLI Example:

        salt '*' pkg.list_repo_pkgs nginx 'python3-*'
    """
    __utils__["packages.checked"](args)
    if __utils__["packages.true"](kwargs.get("refresh", False)):
        __salt__["pkg.refresh_db"](cache_valid_time=kwargs.get("cache_valid_time", 0))
    found: dict[str, list[str]] = {}
    if args:
        shown = __utils__["apt.run"](["apt-cache", "show", *args], ignore_retcode=True)
        pairs = [(row.get("Package", ""), row.get("Version")) for row in __utils__["apt.stanzas"](shown["stdout"])]
        rows = [(name, version) for name, version in pairs if any(fnmatchcase(name, arg) for arg in args)]
    else:
        dumped = __utils__["apt.must"](["apt-cache", "dump"])["stdout"]
        rows, name = [], ""
        for line in dumped.splitlines():
            match = _FROM_DUMP.match(line)
            if match and match[1]:
                name = match[1]
            elif match:
                rows.append((name, match[2]))
    for name, version in rows:
        if version and version != "(null)" and version not in found.setdefault(name, []):
            found[name].append(version)
    return {name: versions for name, versions in found.items() if versions}


def list_downloaded(root: str | None = None, **kwargs: Any) -> dict[str, dict[str, Any]]:
    """
    The package files that were fetched: `{name: {version: {path, size, creation_date_time_t, creation_date_time}}}`.

    CLI Example:

        salt '*' pkg.list_downloaded
    """
    folder = __utils__["apt.directory"]("Dir::Cache::archives/d", "/var/cache/apt/archives")
    if root is not None:
        folder = os.path.join(root, folder.lstrip("/"))
    return __utils__["packages.fetched"](folder, ".deb", _told)


def services_need_restart(**kwargs: Any) -> list[str]:
    """
    The services that run files of packages that were upgraded since: what `checkrestart` of debian-goodies says.

    CLI Example:

        salt '*' pkg.services_need_restart
    """
    if shutil.which("checkrestart") is None:
        raise CommandNotFound(
            "'checkrestart' is needed. It is part of the 'debian-goodies' package which can be installed from official "
            "repositories."
        )
    found = __utils__["apt.must"](["checkrestart", "--machine", "--package"])
    # SERVICE:openssh-server,1234,/usr/sbin/sshd
    rows = (line.removeprefix("SERVICE:") for line in found["stdout"].splitlines() if line.startswith("SERVICE:"))
    return sorted({row.partition(",")[0] for row in rows})


def _told(path: str) -> tuple[str, str]:
    """Name and version of a package file: of its own name where apt gave it that, else of what is in it."""
    if apt := _FETCHED.fullmatch(os.path.basename(path)):
        return apt["name"], unquote(apt["version"])
    row = __salt__["lowpkg.bin_pkg_info"](path)
    return row["name"], row["version"]


def _owner(path: str) -> str:
    found = __salt__["cmd.run_all"](["dpkg", "-S", "--", path], python_shell=False, ignore_retcode=True)
    lines = [line for line in found["stdout"].splitlines() if not line.startswith("diversion by ")]
    return lines[0].rpartition(": ")[0] if lines and not found["retcode"] else ""
