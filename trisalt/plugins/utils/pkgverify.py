"""`pkg_verify` of `pkg.installed`: packages of which files are not as they were installed are installed again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from trisalt.errors import TrisaltError
from trisalt.plugins.outputters.nested import indented
from trisalt.plugins.utils.statehelp import as_list

Altered = dict[str, dict[str, Any]]
"""`{package: {path: what is wrong with it}}`, as `pkg.verify` says it."""


def altered(packages: Iterable[str], how: Any) -> Altered:
    """Of these packages those with such files. `how` is True, or has `ignore_types` and `verify_options` in a list."""
    given = {key: value for item in as_list(how) if isinstance(item, Mapping) for key, value in item.items()}
    options = {key: as_list(given[key]) for key in ("ignore_types", "verify_options") if given.get(key)}
    found = {package: __salt__["pkg.verify"](package, **options) for package in packages}
    return {package: files for package, files in found.items() if files}


def told(found: Altered) -> list[str]:
    """What a preview says of each."""
    why = "would be reinstalled because the following files have been altered"
    return [f"Package '{package}' {why}:\n{_shown(files)}" for package, files in found.items()]


def remediated(ret: dict[str, Any], before: Altered, how: Any) -> dict[str, Any]:
    """What a state returns whose packages were installed again: with what has become of those files."""
    try:
        left = altered(before, how)
    except TrisaltError as exc:
        return _with(ret, [str(exc)], fine=False)
    done = "was reinstalled. The following files were remediated"
    lines = [f"Package {package} {done}:\n{_shown(files)}" for package, files in before.items() if package not in left]
    what = "The following files could not be remediated"
    lines += [
        f"Reinstall was not successful for package {package}. {what}:\n{_shown(files)}"
        for package, files in left.items()
    ]
    return _with(ret, lines, fine=not left)


def _with(ret: dict[str, Any], lines: list[str], *, fine: bool) -> dict[str, Any]:
    comment = "\n".join(filter(None, [ret["comment"], *lines]))
    return ret | {"result": ret["result"] if fine else False, "comment": comment}


def _shown(files: Mapping[str, Any]) -> str:
    return indented(files, {**__opts__, "color": False})
