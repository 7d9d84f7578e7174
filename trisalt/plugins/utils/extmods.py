"""Sync plugins from the file server into `extension_modules`, for `saltutil.sync_*` of a minion and of a master."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from trisalt.errors import CommandError
from trisalt.fileserver import urls
from trisalt.fileserver.client import FileClient
from trisalt.loader.kinds import KINDS

log = logging.getLogger(__name__)

# What is code; other files on the way stay on the file server. Source: stock Salt 3008.3, the same.
_CODE = (".py", ".pyx", ".so", ".zip")


def sync(
    opts: Mapping[str, Any], command: str, saltenv: Any = None, whitelist: Any = None, blacklist: Any = None
) -> list[str]:
    """Make `extension_modules/<kind>` what the file server has; the names of those that are new or other than before.

    What the file server has no more is removed, and not named. The lists are those of the call, else of `opts`.
    """
    row = next(row for row in KINDS.values() if row.command == command)
    target = Path(opts["extension_modules"], row.folder)
    only = _names("extmod_whitelist", whitelist, row.folder, opts)
    never = _names("extmod_blacklist", blacklist, row.folder, opts) or []
    client = FileClient(opts)
    wanted: dict[str, tuple[str, str]] = {}
    for env in _environments(saltenv):
        for path in client.file_list(env, row.sync):
            name = _relative(path, row.sync)
            if name is None or _named(name, never) or not (only is None or _named(name, only)):
                continue
            wanted.setdefault(name, (path, env))
    changed = []
    for name, (path, env) in sorted(wanted.items()):
        if _fetch(client, path, env, target / name):
            log.info("Copying '%s' to '%s'", path, target / name)
            changed.append(f"{row.folder}.{_dotted(name)}")
    if opts.get("clean_dynamic_modules", True):
        _remove_others(target, wanted)
    return changed


def _environments(saltenv: Any) -> list[str]:
    if not saltenv:
        return ["base"]
    return [env.strip() for env in saltenv.split(",")] if isinstance(saltenv, str) else list(saltenv)


def _relative(path: object, prefix: str) -> str | None:
    """The path below a kind's folder; None for one that is no code, is not there, or leads elsewhere."""
    parts = str(path).split("/")
    if parts[0] != prefix or len(parts) < 2 or any(part in ("", ".", "..", "__pycache__") for part in parts):
        return None
    return "/".join(parts[1:]) if parts[-1].endswith(_CODE) else None


def _dotted(name: str) -> str:
    return os.path.splitext(name)[0].replace("/", ".")


def _named(name: str, globs: Iterable[str]) -> bool:
    """Whether a plugin, or the package it is in, is named."""
    name = _dotted(name)
    package = name.partition(".")[0]
    return any(fnmatchcase(name, glob) or fnmatchcase(package, glob) for glob in globs)


def _names(option: str, given: Any, folder: str, opts: Mapping[str, Any]) -> list[str] | None:
    """What one of the lists says of a kind; None when it says nothing of it: an empty list means none at all."""
    said = (opts.get(option) or {}) if given is None else given
    if isinstance(said, str | list | tuple):
        said = {folder: said}
    if not isinstance(said, Mapping):
        raise CommandError(f"{option} must be a string or dictionary: {said}")
    names = said.get(folder)
    if names is None:
        return None
    return [name.strip() for name in names.split(",")] if isinstance(names, str) else [str(name) for name in names]


def _fetch(client: FileClient, path: str, env: str, target: Path) -> bool:
    """Copy a file of the file server; whether it is other than before."""
    before = target.read_bytes() if target.is_file() else None
    if not client.get_file(urls.create(path, env), str(target), True, env):
        raise CommandError(f"The file server has no salt://{path}")
    return target.read_bytes() != before


def _remove_others(target: Path, wanted: Mapping[str, Any]) -> None:
    if not target.is_dir():
        return
    for path in sorted(target.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif path.relative_to(target).as_posix() not in wanted:
            path.unlink()
