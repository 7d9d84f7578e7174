"""Advisories, and package files that were fetched: a part of the shelf `pkg` where dnf or yum is."""

from __future__ import annotations

import re
from typing import Any

from trisalt.errors import CommandError

__virtualname__ = "pkg"

# `i TS-2026-1 Important/Sec. one-2.0-1.noarch`, where the first says that it is installed.
_ROW = re.compile(r"(?P<installed>i?)\s*(?P<id>\S+)\s+(?P<kind>\S+)\s+(?P<package>\S+)")


def __virtual__() -> Any:
    return __utils__["dnf.virtual"](__grains__)


def list_patches(refresh: bool = False, **kwargs: Any) -> dict[str, dict[str, Any]]:
    """
    The advisories about packages of this host: `{id: {installed, summary}}`, the packages that mend it in `summary`.

    CLI Example:

        salt '*' pkg.list_patches
    """
    if __utils__["packages.true"](refresh):
        __salt__["pkg.refresh_db"]()
    words = ["list", "all"] if __utils__["dnf.program"]() == "yum" else ["list", "--all"]
    found = __utils__["dnf.run"](["--quiet", "updateinfo", *words], ignore_retcode=True)
    if found["retcode"]:
        raise CommandError(f"Unable to list the advisories: {__utils__['packages.said'](found)}")
    patches: dict[str, dict[str, Any]] = {}
    for row in filter(None, (_ROW.fullmatch(line.strip()) for line in found["stdout"].splitlines())):
        patch = patches.setdefault(row["id"], {"installed": False, "summary": []})
        patch["installed"] = patch["installed"] or bool(row["installed"])
        patch["summary"].append(row["package"])
    return dict(sorted(patches.items()))


def list_installed_patches(**kwargs: Any) -> dict[str, dict[str, Any]]:
    """
    The advisories that are installed: `{id: {installed, summary}}`.

    CLI Example:

        salt '*' pkg.list_installed_patches
    """
    return {id: patch for id, patch in list_patches().items() if patch["installed"]}


def list_downloaded(**kwargs: Any) -> dict[str, dict[str, dict[str, Any]]]:
    """
    The package files that were fetched: `{name: {version: {path, size, creation_date_time_t, creation_date_time}}}`.

    CLI Example:

        salt '*' pkg.list_downloaded
    """
    return __utils__["dnf.fetched"]()
