"""The packages of rpm, without dnf, yum or zypper: files, owners, and what is in a package file."""

from __future__ import annotations

import os
import shutil
import time
from typing import Any

from trisalt.errors import CommandError, InvocationError

__virtualname__ = "lowpkg"

_INFO = {
    "name": "NAME", "epoch": "EPOCHNUM", "version": "VERSION", "release": "RELEASE", "arch": "ARCH", "vendor": "VENDOR",
    "build_date_time_t": "BUILDTIME", "install_date_time_t": "INSTALLTIME", "build_host": "BUILDHOST",
    "group": "GROUP", "source_rpm": "SOURCERPM", "size": "LONGSIZE", "license": "LICENSE",
    "signature": "DSAHEADER:pgpsig", "packager": "PACKAGER", "url": "URL", "summary": "SUMMARY",
    "description": "DESCRIPTION",
}  # fmt: skip
_FIELD, _RECORD = "\x1f", "\x1e"
_ROW = "%{NAME}\\t%{EPOCHNUM}\\t%{VERSION}\\t%{RELEASE}\\t%{ARCH}\\t%{INSTALLTIME}\\n"
_MODIFIED = {"size": "size", "mode": "mode", "md5sum": "checksum", "device major/minor number": "device",
             "readlink path": "symlink", "user": "owner", "group": "group", "mtime": "time",
             "capabilities": "capabilities"}  # fmt: skip


def __virtual__() -> Any:
    if __grains__.get("os_family") == "Debian":
        return False, "The rpm execution module failed to load: Debian keeps its packages with dpkg"
    if shutil.which("rpm") is None:
        return False, "The rpm execution module failed to load: the rpm binary is not in the path."
    return __virtualname__


def bin_pkg_info(path: str, saltenv: str = "base") -> dict[str, Any]:
    """
    What a package file says of itself: `{name, version, arch, …}`.

    CLI Example:

        salt '*' lowpkg.bin_pkg_info /srv/packages/tree-2.1.0-1.noarch.rpm
    """
    place = __salt__["cp.cache_file"](path, saltenv) if "://" in path else path
    if not place or not os.path.isabs(place):
        raise CommandError(f"{path} is not an absolute path or a URL that can be fetched")
    found = _rpm(["-qp", "--nosignature", "--queryformat", _ROW, place])
    words = found["stdout"].split("\t")
    if found["retcode"] or len(words) != 6:
        raise CommandError(f"Unable to get info for {path}: {found['stderr'] or found['stdout']}")
    return {
        "name": words[0],
        "version": __salt__["pkg_resource.format_version"](*words[1:4]),
        "arch": words[4],
        "repoid": "none",
        "install_date": None,
        "install_date_time_t": None,
    }


def list_pkgs(*packages: str, **kwargs: Any) -> dict[str, str]:
    """
    The installed packages: `{name: version}`, of those that are named or of all.

    CLI Example:

        salt '*' lowpkg.list_pkgs httpd
    """
    rows = _rpm(["-q", "--queryformat", "%{NAME}\\t%{VERSION}\\n", *packages] if packages
                else ["-qa", "--queryformat", "%{NAME}\\t%{VERSION}\\n"], packages)  # fmt: skip
    pairs = (line.partition("\t") for line in rows["stdout"].splitlines() if "\t" in line)
    return {name: version for name, _, version in pairs}


def rows(**kwargs: Any) -> dict[str, list[dict[str, Any]]]:
    """
    The installed packages with what rpm lists of each: `{name: [{version, epoch, release, arch, install_date, …}]}`.
    The keys that rpm itself keeps as packages are left out.

    CLI Example:

        salt '*' lowpkg.rows
    """
    found = _rpm(["-qa", "--nodigest", "--nosignature", "--queryformat", _ROW])
    if found["retcode"]:
        raise CommandError(f"Unable to list the packages: {found['stderr'] or found['stdout']}")
    listing: dict[str, list[dict[str, Any]]] = {}
    for line in found["stdout"].splitlines():
        words = line.split("\t")
        if len(words) != 6 or words[0].startswith("gpg-pubkey"):
            continue
        installed = int(words[5]) if words[5].isdigit() else 0
        name = (
            words[0]
            if words[4] == "(none)"
            else __utils__["rpms.normal"](f"{words[0]}.{words[4]}", __grains__.get("osarch", ""))
        )
        listing.setdefault(name, []).append(
            {
                "version": words[2],
                "epoch": words[1] if words[1] != "0" else None,
                "release": words[3],
                "arch": words[4],
                "install_date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(installed)),
                "install_date_time_t": installed,
            }
        )
    return listing


def file_list(*packages: str, **kwargs: Any) -> dict[str, list[str]]:
    """
    The files of installed packages, of all where none is named: `{errors, files}`.

    CLI Example:

        salt '*' lowpkg.file_list httpd
    """
    found = file_dict(*packages)
    return {
        "errors": found["errors"],
        "files": sorted({path for files in found["packages"].values() for path in files}),
    }


def file_dict(*packages: str, **kwargs: Any) -> dict[str, Any]:
    """
    The files of installed packages by package: `{errors, packages}`.

    CLI Example:

        salt '*' lowpkg.file_dict httpd
    """
    errors: list[str] = []
    files: dict[str, list[str]] = {}
    layout = "[%{=NAME}\\t%{FILENAMES}\\n]"
    for words in [["-q", "--queryformat", layout, name] for name in packages] or [["-qa", "--queryformat", layout]]:
        found = _rpm(words, packages)
        for line in found["stdout"].splitlines():
            name, tab, path = line.partition("\t")
            if tab:
                files.setdefault(name, []).append(path)
            elif found["retcode"]:
                errors.append(line)
    return {"errors": errors, "packages": files}


def owner(*paths: str, **kwargs: Any) -> Any:
    """
    The package that a file is of, or nothing; a map for several paths.

    CLI Example:

        salt '*' lowpkg.owner /usr/bin/apachectl
    """
    if not paths:
        return ""
    found = {}
    for path in paths:
        said = _rpm(["-qf", "--queryformat", "%{NAME}\\n", "--", path])
        found[path] = "" if said["retcode"] else said["stdout"].splitlines()[0]
    if "__pub_jid" in kwargs and not all(found.values()):
        __context__["retcode"] = 1
    return found[paths[0]] if len(paths) == 1 else found


def info(*packages: str, **kwargs: Any) -> dict[str, dict[str, Any]]:
    """
    What rpm knows of installed packages, of all where none is named; `attr` names what is wanted of it.

    CLI Example:

        salt '*' lowpkg.info httpd attr=version,vendor
    """
    wanted = __utils__["packages.words"](kwargs["attr"]) if kwargs.get("attr") else None
    known = {*_INFO, "build_date", "install_date"}
    unknown = sorted(set(wanted or ()) - known)
    if unknown:
        raise InvocationError(f"Unknown attributes: {', '.join(unknown)}. They are {', '.join(sorted(known))}")
    layout = "".join(f"%{{{tag}}}{_FIELD}" for tag in _INFO.values()) + _RECORD
    # As it is printed: these separators are space to Python, and the last one would be lost.
    found = _rpm(["-q" if packages else "-qa", "--queryformat", layout, *packages], packages, rstrip=False)
    rows: dict[str, dict[str, Any]] = {}
    for record in found["stdout"].split(_RECORD):
        values = record.split(_FIELD)
        if len(values) != len(_INFO) + 1:
            continue
        row: dict[str, Any] = {key: value for key, value in zip(_INFO, values, strict=False) if value != "(none)"}
        name = row["name"].rpartition("\n")[2]  # what is not installed is said in a line before it
        row["name"] = name
        for key in ("build_date", "install_date"):
            if row.get(f"{key}_time_t", "").isdigit():
                row[f"{key}_time_t"] = int(row[f"{key}_time_t"])
                row[key] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(row[f"{key}_time_t"]))
        if row.get("epoch") == "0":
            del row["epoch"]
        rows[name] = {key: value for key, value in row.items() if wanted is None or key in wanted}
    missing = [name for name in packages if not any(name in (row, f"{row}.{rows[row].get('arch')}") for row in rows)]
    if missing and kwargs.get("failhard", True):
        raise CommandError(f"Error getting packages information: {', '.join(missing)} not installed")
    return rows


def verify(*packages: str, **kwargs: Any) -> dict[str, Any]:
    """
    What differs from what the packages brought: `{path: {mismatch, type}}`. `ignore_types` leaves kinds of files out
    (`config`), `verify_options` leaves tests out (`nodeps`).

    CLI Example:

        salt '*' lowpkg.verify httpd ignore_types='[config]'
    """
    ignored = set(__utils__["packages.words"](kwargs.get("ignore_types") or []))
    options = [f"--{word.lstrip('-')}" for word in __utils__["packages.words"](kwargs.get("verify_options") or [])]
    found = _rpm(["-V" if packages else "-Va", *options, *packages], packages)
    if found["stderr"] and not found["stdout"]:
        raise CommandError(found["stderr"])
    rows = __utils__["rpms.verified"](found["stdout"])
    return {path: row for path, row in rows.items() if row.get("type", "") not in ignored}


def modified(*packages: str, **flags: Any) -> dict[str, list[str]]:
    """
    The files that were changed since their package brought them, and what of each.

    CLI Example:

        salt '*' lowpkg.modified httpd
    """
    found = _rpm(["-V" if packages else "-Va", *packages], packages)
    return {
        path: [_MODIFIED[word] for word in row.get("mismatch", [])] + ([row["type"]] if "type" in row else [])
        for path, row in __utils__["rpms.verified"](found["stdout"]).items()
        if "missing" not in row
    }


def version_cmp(ver1: str, ver2: str, ignore_epoch: bool = False) -> int:
    """
    -1, 0 or 1: how rpm orders two versions.

    CLI Example:

        salt '*' lowpkg.version_cmp 0.2-001 0.2.0.1-002
    """
    return __utils__["rpms.compare"](ver1, ver2, ignore_epoch)


def _rpm(words: list[str], names: tuple[str, ...] = (), **options: Any) -> dict[str, Any]:
    __utils__["packages.checked"](names)
    return __salt__["cmd.run_all"](
        ["rpm", *words], python_shell=False, ignore_retcode=True, output_loglevel="trace", **options
    )
