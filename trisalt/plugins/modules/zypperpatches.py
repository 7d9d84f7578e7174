"""Patches, and package files that were fetched: a part of the shelf `pkg` on SUSE's kin."""

from __future__ import annotations

import os
from typing import Any

from trisalt.errors import CommandError, InvocationError

__virtualname__ = "pkg"

_FETCHED = "/var/cache/zypp/packages"


def __virtual__() -> Any:
    return __utils__["zypper.virtual"](__grains__)


def list_patches(refresh: bool = False, root: str | None = None, **kwargs: Any) -> dict[str, dict[str, Any]]:
    """
    The patches that repositories have: `{id: {installed, summary}}`.

    CLI Example:

        salt '*' pkg.list_patches
    """
    if __utils__["packages.true"](refresh):
        __salt__["pkg.refresh_db"]()
    rows = __utils__["zypper.xml"](["list-patches", "--all"]).iter("update")
    patches = {
        row.get("name", ""): {"installed": row.get("status") == "applied", "summary": row.findtext("summary", "")}
        for row in rows
        if row.get("kind") == "patch"
    }
    return dict(sorted(patches.items()))


def list_installed_patches(root: str | None = None, **kwargs: Any) -> dict[str, dict[str, Any]]:
    """
    The patches that are installed: `{id: {installed, summary}}`.

    CLI Example:

        salt '*' pkg.list_installed_patches
    """
    return {id: patch for id, patch in list_patches().items() if patch["installed"]}


def list_downloaded(root: str | None = None, **kwargs: Any) -> dict[str, dict[str, dict[str, Any]]]:
    """
    The package files that were fetched: `{name: {version: {path, size, creation_date_time_t, creation_date_time}}}`.

    CLI Example:

        salt '*' pkg.list_downloaded
    """
    folder = _FETCHED if root is None else os.path.join(root, _FETCHED.lstrip("/"))
    return __utils__["packages.fetched"](folder, ".rpm", __utils__["rpms.told"])


def download(*packages: str, refresh: bool = False, root: str | None = None, **kwargs: Any) -> dict[str, Any]:
    """
    Fetch package files and install nothing: `{name: {path, repository-alias, repository-name}}`.

    CLI Example:

        salt '*' pkg.download httpd
    """
    __utils__["packages.checked"](packages)
    if not packages:
        raise InvocationError("No packages specified")
    if __utils__["packages.true"](refresh):
        __salt__["pkg.refresh_db"]()
    found: dict[str, Any] = {}
    for row in __utils__["zypper.xml"](["download", *packages]).iter("download-result"):
        repo, file = row.find("solvable/repository"), row.find("localfile")
        path = "" if file is None else file.get("path", "")
        if path and repo is not None and os.path.isfile(path):
            found[row.findtext("solvable/name", "")] = {
                "path": path,
                "repository-alias": repo.get("alias", ""),
                "repository-name": repo.get("name", ""),
            }
    if missing := [name for name in packages if name not in found]:
        raise CommandError(f"The following package(s) failed to download: {', '.join(missing)}")
    return found
