"""Packages that are only fetched, and patches, which are packages that mend what an advisory tells of.

httpd:
  pkg.downloaded:
    - version: 2.4.57-5

fixes:
  pkg.patch_installed:
    - advisory_ids: [SUSE-2026-12]
"""

from __future__ import annotations

from typing import Any

from trisalt.errors import TrisaltError
from trisalt.plugins.utils.statehelp import as_list, failed
from trisalt.state.result import returned

__virtualname__ = "pkg"

_ERROR = "An error was encountered while downloading package(s): {}"


def __virtual__() -> Any:
    if "pkg.install" in __salt__:
        return __virtualname__
    return False, "pkg module could not be loaded"


def downloaded(
    name: str,
    version: Any = None,
    pkgs: Any = None,
    fromrepo: str | None = None,
    ignore_epoch: Any = None,
    **kwargs: Any,
) -> dict[str, Any]:
    """
    The files of packages are there, and nothing is installed: of `name`, in `version` (a version, a glob, or a
    condition), or of all of `pkgs`. What else `pkg.install` takes can be given too.
    """
    if "pkg.list_downloaded" not in __salt__:
        return returned(name, False, "The pkg.downloaded state is not available on this platform")
    if pkgs == []:
        return returned(name, True, "No packages to download provided")
    try:
        wanted = __utils__["pkgspecs.named"](name, version, pkgs)
        targets = _not_fetched(wanted, ignore_epoch)
    except TrisaltError as exc:
        return returned(name, False, str(exc))
    if not targets:
        exact = any(spec is not None for spec in wanted.values())
        said = "All specified packages{} are already downloaded"
        return returned(name, True, said.format(" (matching specified versions)" if exact else ""))
    if __opts__["test"]:
        return returned(name, None, f"The following packages would be downloaded: {', '.join(targets)}")
    asked = [package if spec is None else {package: spec} for package, spec in targets.items()]
    options = {key: value for key, value in kwargs.items() if not key.startswith("__")}
    options |= {} if fromrepo is None else {"fromrepo": fromrepo}
    options |= {} if ignore_epoch is None else {"ignore_epoch": ignore_epoch}
    try:
        changes = __salt__["pkg.install"](name, pkgs=asked, downloadonly=True, **options)
        missing = _not_fetched({p: None if spec == "latest" else spec for p, spec in targets.items()}, ignore_epoch)
    except TrisaltError as exc:
        return failed(name, exc, _ERROR)
    if missing:
        told = ", ".join(__utils__["pkgspecs.exact"](package, spec) for package, spec in missing.items())
        return returned(name, False, f"The following packages failed to download: {told}", changes)
    # Where the manager tells what it fetched that says it; apt does not.
    return returned(name, True, "" if changes else f"Packages downloaded: {', '.join(targets)}", changes)


def patch_installed(name: str, advisory_ids: Any = None, downloadonly: Any = None, **kwargs: Any) -> dict[str, Any]:
    """
    What the advisories `advisory_ids`, or `name`, tell of is mended: their packages are installed, or with
    `downloadonly` fetched. What else `pkg.install` takes can be given too.
    """
    if "pkg.list_patches" not in __salt__:
        return returned(name, False, "The pkg.patch_installed state is not available on this platform")
    if advisory_ids is not None and not advisory_ids:
        return returned(name, True, "No advisory ids provided")
    wanted = [str(id) for id in as_list(advisory_ids or name)]
    options = {key: value for key, value in kwargs.items() if not key.startswith("__")}
    try:
        there = __salt__["pkg.list_installed_patches"]()
        targets = [id for id in wanted if id not in there]
        if not targets:
            one = len(wanted) == 1
            said = f"Advisory patch {wanted[0]} is" if one else "All specified advisory patches are"
            return returned(name, True, f"{said} already installed")
        if __opts__["test"]:
            return returned(name, None, f"The following advisory patches would be downloaded: {', '.join(targets)}")
        changes = __salt__["pkg.install"](name, advisory_ids=targets, downloadonly=downloadonly, **options)
    except TrisaltError as exc:
        return failed(name, exc, _ERROR)
    said = "" if changes else "Advisory patch is not needed or related packages are already downloaded"
    return returned(name, True, said, changes)


def patch_downloaded(name: str, advisory_ids: Any = None, **kwargs: Any) -> dict[str, Any]:
    """
    The packages that mend what the advisories `advisory_ids`, or `name`, tell of are fetched, and not installed.
    """
    if "pkg.list_patches" not in __salt__:
        return returned(name, False, "The pkg.patch_downloaded state is not available on this platform")
    return patch_installed(name, advisory_ids, **{**kwargs, "downloadonly": True})


def _not_fetched(wanted: dict[str, Any], ignore_epoch: Any) -> dict[str, Any]:
    """Of what is asked for that which was not fetched, or not in that version."""
    have = {package: list(versions) for package, versions in __salt__["pkg.list_downloaded"]().items()}
    return {
        package: spec
        for package, spec in wanted.items()
        if not __utils__["pkgspecs.fulfilled"](__utils__["pkgspecs.versions"](have, package), spec, False, ignore_epoch)
    }
