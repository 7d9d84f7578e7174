"""Groups of packages that are installed.

Perl Support:
  pkg.group_installed:
    - skip:
      - perl-doc
"""

from __future__ import annotations

from typing import Any

from trisalt.errors import TrisaltError
from trisalt.plugins.utils.statehelp import failed
from trisalt.state.result import returned

__virtualname__ = "pkg"

_ERROR = "An error was encountered while installing/updating group '{}': {{}}"


def __virtual__() -> Any:
    if "pkg.install" in __salt__:
        return __virtualname__
    return False, "pkg module could not be loaded"


def group_installed(name: str, skip: Any = None, include: Any = None, **kwargs: Any) -> dict[str, Any]:
    """
    What is mandatory and what is default in a group is installed, without the defaults in `skip`, and with the packages
    in `include`. `fromrepo`, `enablerepo` and `disablerepo` say which repositories are asked; what else `pkg.install`
    takes can be given too.
    """
    if "pkg.group_diff" not in __salt__:
        return returned(name, False, "pkg.group_install not available for this platform")
    for what, value in (("skip", skip), ("include", include)):
        if value is not None and not isinstance(value, list):
            return returned(name, False, f"{what} must be formatted as a list")
    left_out, more = ([str(package) for package in value or []] for value in (skip, include))
    options = {key: value for key, value in kwargs.items() if not key.startswith("__")}
    try:
        diff = __salt__["pkg.group_diff"](name, **options)
    except TrisaltError as exc:
        return returned(name, False, _ERROR.format(name).format(exc) + ".")
    mandatory = diff["mandatory"]
    kept = [package for package in mandatory["installed"] + mandatory["not installed"] if package in left_out]
    if kept:
        return returned(name, False, f"The following mandatory packages cannot be skipped: {', '.join(kept)}")
    needed = [*mandatory["not installed"], *more]
    defaults = [package for package in diff["default"]["not installed"] if package not in left_out]
    if not needed and not defaults:
        return returned(name, True, f"Group '{name}' is already installed")
    partly = any(diff[kind]["installed"] for kind in ("mandatory", "default", "optional"))
    if __opts__["test"]:
        what = "is partially installed and will be updated" if partly else "will be installed"
        return returned(name, None, f"Group '{name}' {what}")
    try:
        changes = __salt__["pkg.install"](pkgs=list(dict.fromkeys([*needed, *defaults])), **options)
    except TrisaltError as exc:
        return failed(name, exc, _ERROR.format(name))
    there = __salt__["pkg.list_pkgs"]()
    if missing := [package for package in needed if package not in there]:
        return returned(name, False, f"Failed to install the following packages: {', '.join(missing)}", changes)
    return returned(name, True, f"Group '{name}' was {'updated' if partly else 'installed'}", changes)
