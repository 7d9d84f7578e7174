"""Packages of Node.js, in a folder or for all of the host, by its own program npm."""

from __future__ import annotations

import json
import logging
import shutil
from typing import Any

from trisalt.errors import CommandError

log = logging.getLogger(__name__)

__func_alias__ = {"list_": "list"}


def __virtual__() -> Any:
    if shutil.which("npm"):
        return True
    return False, "npm execution module could not be loaded because the npm binary could not be located"


def install(
    pkg: str | None = None,
    pkgs: Any = None,
    dir: str | None = None,
    runas: str | None = None,
    registry: str | None = None,
    env: Any = None,
    dry_run: bool = False,
    silent: bool = True,
) -> Any:
    """
    Install packages for all of the host, or in a folder; without any, those that the folder's package.json names.

    With `silent=False` what npm says that it has done, as data.

    CLI Example:

        salt '*' npm.install coffee-script
        salt '*' npm.install dir=/path/to/package.json/folder
    """
    words = ["install", "--json", "--loglevel=error", *([f"--registry={registry}"] if registry else [])]
    words += ["--dry-run"] if dry_run else []
    wanted = [pkg] if pkg else list(pkgs or ())
    found = _run([*words, *_where(dir), "--", *map(str, wanted)], dir, runas, env)
    if found["retcode"]:
        raise CommandError(_complaint(found))
    return "" if silent else _data(found["stdout"])


def uninstall(pkg: str, dir: str | None = None, runas: str | None = None, env: Any = None) -> bool:
    """
    Remove a package.

    CLI Example:

        salt '*' npm.uninstall coffee-script
    """
    if not pkg:
        log.error("Package name must be specified")
        return False
    found = _run(["uninstall", "--loglevel=error", *_where(dir), "--", str(pkg)], dir, runas, env)
    return __utils__["tool.passed"](found, ["npm"])


def list_(
    pkg: str | None = None,
    dir: str | None = None,
    runas: str | None = None,
    env: Any = None,
    depth: int | None = None,
) -> dict[str, Any]:
    """
    The packages that are installed, or one, by name: `{name: {version, …}}`.

    CLI Example:

        salt '*' npm.list
    """
    words = ["list", "--json", "--loglevel=error", *([f"--depth={int(depth)}"] if depth is not None else [])]
    found = _run([*words, *_where(dir), "--", *([str(pkg)] if pkg else [])], dir, runas, env)
    data = _data(found["stdout"])
    # It fails when a package is not there, and when one lacks what it needs: either way it tells what there is.
    if not isinstance(data, dict):
        raise CommandError(_complaint(found))
    return data.get("dependencies") or {}


def cache_clean(path: str | None = None, runas: str | None = None, env: Any = None, force: bool = False) -> bool:
    """
    Empty the cache of packages; npm wants `force` for that.

    CLI Example:

        salt '*' npm.cache_clean force=True
    """
    words = ["cache", "clean", *(["--force"] if force else []), "--", *([str(path)] if path else [])]
    return _run(words, None, runas, env)["retcode"] == 0


def cache_list(path: str | None = None, runas: str | None = None, env: Any = None) -> str:
    """
    What is in the cache of packages.

    CLI Example:

        salt '*' npm.cache_list
    """
    found = _run(["cache", "ls", "--", *([str(path)] if path else [])], None, runas, env)
    if found["retcode"] and found["stderr"]:
        raise CommandError(_complaint(found))
    return found["stdout"]


def cache_path(runas: str | None = None, env: Any = None) -> str:
    """
    Where the cache of packages is.

    CLI Example:

        salt '*' npm.cache_path
    """
    found = _run(["config", "get", "cache"], None, runas, env)
    return found["stdout"] or found["stderr"]


def _where(dir: str | None) -> list[str]:
    return [] if dir else ["--global"]


def _run(words: list[str], dir: str | None, runas: str | None, env: Any) -> dict[str, Any]:
    return __utils__["tool.run"](["npm", *words], cwd=dir, runas=runas, env=env, ignore_retcode=True)


def _complaint(found: dict[str, Any]) -> str:
    """What npm says is wrong: in words, or in its data."""
    error = _data(found["stdout"])
    told = error.get("error") if isinstance(error, dict) else None
    summary = told.get("summary") if isinstance(told, dict) else None
    return str(summary or found["stderr"] or found["stdout"] or f"npm failed: retcode {found['retcode']}")


def _data(text: str) -> Any:
    """The data that npm printed, after what programs of packages may have printed; else the text."""
    for start in sorted(place for place in (text.find("{"), text.find("[")) if place >= 0):
        try:
            return json.loads(text[start:])
        except ValueError:
            continue
    return text
