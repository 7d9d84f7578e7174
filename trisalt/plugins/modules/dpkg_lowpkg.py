"""The packages of dpkg, without apt: files, owners, and what is in a package file."""

from __future__ import annotations

import os
import time
from typing import Any

from trisalt.errors import CommandError

__virtualname__ = "lowpkg"

_END = "*/~^\\*"
_FIELDS = {
    "package": "Package", "revision": "binary:Revision", "architecture": "Architecture", "maintainer": "Maintainer",
    "summary": "Summary", "source": "source:Package", "version": "Version", "section": "Section",
    "installed_size": "Installed-size", "size": "Size", "MD5": "MD5sum", "SHA1": "SHA1", "SHA256": "SHA256",
    "origin": "Origin", "homepage": "Homepage", "status": "db:Status-Abbrev", "install_date": "db-fsys:Last-Modified",
    "description": "Description",
}  # fmt: skip
# Fields that a listing leaves out, because nobody reads the size that a control file claims.
_SILENT = ("installed_size",)


def __virtual__() -> Any:
    if __grains__.get("os_family") == "Debian":
        return __virtualname__
    return False, "The dpkg execution module cannot be loaded: only works on Debian family systems."


def bin_pkg_info(path: str, saltenv: str = "base") -> dict[str, str]:
    """
    What a package file says of itself: `{name, version, arch}`.

    CLI Example:

        salt '*' lowpkg.bin_pkg_info /srv/packages/tree-2.1.0.deb
    """
    place = __salt__["cp.cache_file"](path, saltenv) if "://" in path else path
    if not place or not os.path.isabs(place):
        raise CommandError(f"{path} is not an absolute path or a URL that can be fetched")
    found = _run(["dpkg", "-I", place])
    if found["retcode"]:
        raise CommandError(f"Unable to get info for {path}: {found['stderr']}")
    names = {"Package": "name", "Version": "version", "Architecture": "arch"}
    row = {}
    for line in found["stdout"].splitlines():
        field, _, value = line.strip().partition(":")
        if field in names:
            row[names[field]] = value.strip()
    return row


def list_pkgs(*packages: str, **kwargs: Any) -> Any:
    """
    The installed packages: `{name: version}`, of those that are named or of all.

    CLI Example:

        salt '*' lowpkg.list_pkgs hostname
    """
    found = _query("${db:Status-Status}\t${binary:Package}\t${Version}\n", packages)
    if found["retcode"]:
        return _error(found)
    rows = [line.split("\t") for line in found["stdout"].splitlines()]
    return {row[1]: row[2] for row in rows if len(row) == 3 and row[0] == "installed"}


def file_list(*packages: str, **kwargs: Any) -> Any:
    """
    The files of installed packages, of all where none is named: `{errors, files}`.

    CLI Example:

        salt '*' lowpkg.file_list hostname
    """
    found = file_dict(*packages)
    if isinstance(found, str):
        return found
    return {
        "errors": found["errors"],
        "files": sorted({path for files in found["packages"].values() for path in files}),
    }


def file_dict(*packages: str, **kwargs: Any) -> Any:
    """
    The files of installed packages by package: `{errors, packages}`.

    CLI Example:

        salt '*' lowpkg.file_dict hostname
    """
    found = _query("${db:Status-Status}\t${binary:Package}\n", packages)
    if found["retcode"]:
        return _error(found)
    rows = [line.split("\t") for line in found["stdout"].splitlines()]
    names = sorted({row[1] for row in rows if row[0] == "installed"})
    errors: list[str] = []
    files: dict[str, list[str]] = {}
    for name in names:
        listed = _run(["dpkg", "-L", name], ignore_retcode=True)
        if listed["retcode"]:
            errors.append(listed["stderr"])
        files[name] = [line for line in listed["stdout"].splitlines() if line.startswith("/")]
    return {"errors": errors, "packages": files}


def info(*packages: str, **kwargs: Any) -> dict[str, dict[str, Any]]:
    """
    What dpkg knows of installed packages, of all where none is named. `failhard=False` leaves out what is not there.

    CLI Example:

        salt '*' lowpkg.info bash
    """
    layout = "".join(f"{name}:${{{field}}}\\n" for name, field in _FIELDS.items()) + f"\\n{_END}\\n".replace(
        "\\*", "\\\\*"
    )
    found = _query(layout, packages)
    if found["retcode"]:
        if kwargs.get("failhard", True):
            raise CommandError(f"Error getting packages information: {found['stderr']}")
        __context__["retcode"] = found["retcode"]
    rows: dict[str, dict[str, Any]] = {}
    for block in found["stdout"].split(_END):
        head, _, description = block.lstrip("\n").partition("\ndescription:")
        row = dict(line.split(":", 1) for line in head.splitlines() if ":" in line)
        if not row.get("package") or not row.get("status", "").startswith(("ii", "hi")):
            continue
        row = {key: value.strip() for key, value in row.items() if value.strip() and key not in _SILENT}
        if row.get("install_date", "").isdigit():
            row["install_date"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(row["install_date"])))
        row["description"] = description.rstrip("\n") + "\n"
        if licence := _licence(row["package"]):
            row["license"] = licence
        rows[row["package"]] = row
    return rows


def unpurge(*packages: str) -> dict[str, Any]:
    """
    Select packages that were to be purged for installation again: what changed.

    CLI Example:

        salt '*' lowpkg.unpurge hostname
    """
    if not packages:
        return {}
    __utils__["packages.checked"](packages)
    old = __salt__["pkg.list_pkgs"](purge_desired=True)
    found = __utils__["apt.run"](["dpkg", "--set-selections"], stdin="".join(f"{name} install\n" for name in packages))
    if found["retcode"]:
        raise CommandError(f"dpkg failed: {__utils__['packages.said'](found)}")
    __context__.pop("pkg.list_pkgs", None)
    return __utils__["packages.changes"](old, __salt__["pkg.list_pkgs"](purge_desired=True))


def _query(layout: str, packages: tuple[str, ...]) -> dict[str, Any]:
    __utils__["packages.checked"](packages)
    return _run(["dpkg-query", f"-f={layout}", "-W", *packages], ignore_retcode=True)


def _run(words: list[str], **kwargs: Any) -> dict[str, Any]:
    return __salt__["cmd.run_all"](words, python_shell=False, output_loglevel="trace", **kwargs)


def _error(found: dict[str, Any]) -> str:
    __context__["retcode"] = found["retcode"]
    return f"Error:  {found['stderr']}"


def _licence(package: str) -> str:
    """The licences that a package's copyright file names, if machines can read it."""
    try:
        with open(f"/usr/share/doc/{package}/copyright", encoding="utf-8", errors="replace") as file:
            return ", ".join(sorted({line.split(":", 1)[1].strip() for line in file if line.startswith("License:")}))
    except OSError:
        return ""
