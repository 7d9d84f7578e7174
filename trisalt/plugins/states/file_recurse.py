"""Whole trees of files from the file server.

/etc/app:
  file.recurse:
    - source: salt://app/conf
    - file_mode: '0644'
    - clean: True
"""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Mapping
from typing import Any

from trisalt.errors import TrisaltError
from trisalt.plugins.utils.statehelp import as_list, owner_of, unknown_owner
from trisalt.state.result import Result, returned

__virtualname__ = "file"


def __virtual__() -> str:
    return __virtualname__


def recurse(
    name: str,
    source: Any,
    keep_source: bool = True,
    clean: bool = False,
    require: Any = None,
    user: Any = None,
    group: Any = None,
    dir_mode: Any = None,
    file_mode: Any = None,
    sym_mode: Any = None,
    template: str | None = None,
    context: Any = None,
    replace: bool = True,
    defaults: Any = None,
    include_empty: bool = False,
    backup: Any = "",
    include_pat: str | None = None,
    exclude_pat: str | None = None,
    maxdepth: int | None = None,
    keep_symlinks: bool = False,
    force_symlinks: bool = False,
    merge: bool = False,
    **kwargs: Any,
) -> Result:
    """
    A directory holds what is below `source` (`salt://…`; of a list the first that there is, or all with `merge`), as
    far as `include_pat` and `exclude_pat` (globs, or `E@` and a regular expression) and `maxdepth` say. `clean` removes
    what else is there; `keep_symlinks` makes links of links; `include_empty` makes empty directories too.
    """
    name = os.path.expanduser(name)
    env = kwargs.get("saltenv") or __env__
    if "mode" in kwargs:
        return returned(name, False, "'mode' is not allowed in 'file.recurse'. Please use 'file_mode' and 'dir_mode'.")
    if not os.path.isabs(name):
        return returned(name, False, f"Specified file {name} is not an absolute path")
    user = owner_of(user, kwargs)
    # A preview cannot know whom an earlier state of the run would make.
    if not __opts__["test"] and (unknown := unknown_owner(__salt__, user, group)):
        return returned(name, False, unknown)
    try:
        sources = _sources(source, env, merge)
    except TrisaltError as exc:
        return returned(name, False, f"Recurse failed: {exc}")
    if os.path.lexists(name) and not os.path.isdir(name):
        return returned(name, False, f"The path {name} exists and is not a directory")
    called, name = name, name.rstrip("/")
    tree = _Tree(include_pat, exclude_pat, maxdepth)
    for place, source_env in sources:
        tree.read(name, place, source_env, keep_symlinks=keep_symlinks, include_empty=include_empty)
    ret = returned(called, True)
    parts: dict[str, list[str]] = {}

    def add(path: str, one: Result) -> None:
        """What came of one path, told under its name."""
        if one["result"] is False or (one["result"] is None and ret["result"] is True):
            ret["result"] = one["result"] if ret["result"] is not False else False
        if one["result"] is False or one["changes"]:
            parts.setdefault(path, []).append(one["comment"])
        if one["changes"]:
            ret["changes"][path] = one["changes"]

    managed = {"user": user, "group": group, "makedirs": True, "replace": replace, "dir_mode": dir_mode}
    rendered = {"template": template, "context": context, "defaults": defaults, "backup": backup, "saltenv": env}
    others = {key: value for key, value in kwargs.items() if key not in {"makedirs", "owner", *managed, *rendered}}
    for path in sorted(tree.folders):
        one = __states__["file.directory"](path, user=user, group=group, dir_mode=dir_mode, makedirs=True)
        add(path, one)
    for path, url in sorted(tree.files.items()):
        if os.path.isdir(path) and not os.path.islink(path) and clean:
            _cleared(path, ret, "Replaced directory with a new file")
        mode = {"mode": file_mode} if file_mode else {"mode": None}
        add(path, __states__["file.managed"](
            path, source=url, keep_source=keep_source, **mode, **managed, **rendered, **others
        ))  # fmt: skip
    for path, target in sorted(tree.links.items()):
        add(path, __states__["file.symlink"](
            path, target, makedirs=True, user=user, group=group, mode=sym_mode, force=force_symlinks
        ))  # fmt: skip
    if clean:
        kept = {*tree.files, *tree.folders, *tree.links}
        removed = _clean(name, kept, require, exclude_pat)
        if removed:
            ret["changes"]["removed"] = removed
            if __opts__["test"] and ret["result"]:
                ret["result"] = None
            if __opts__["test"]:
                parts.setdefault("removed", []).append("\n".join(removed))
    comment = "\n".join(
        f"\n#### {path} ####\n" + "\n".join(lines) for path, lines in parts.items() if any(lines)
    ).strip()
    if (not comment and ret["changes"]) or (ret["changes"] and ret["result"] is True):
        comment = f"Recursively updated {name}"
    if not comment and not ret["changes"] and ret["result"]:
        comment = f"The directory {name} is in the correct state"
    return ret | {"comment": comment}


# -- what there is on the file server --------------------------------------------------------------------------------


def _sources(source: Any, env: str, merge: bool) -> list[tuple[str, str]]:
    """`(path on the file server, environment)` of those sources that are there. Raises TrisaltError."""
    found = []
    for given in as_list(source):
        text = str(given)
        if not text.startswith("salt://"):
            raise TrisaltError(f"Invalid source '{text}' (must be a salt:// URI)")
        path, _mark, query = text.removeprefix("salt://").partition("?saltenv=")
        path, source_env = path.strip("/"), query or env
        below = __salt__["cp.list_master"](source_env, prefix=path)
        inside = not path or any(each.startswith(f"{path}/") for each in below)
        if inside or path in __salt__["cp.list_master_dirs"](source_env, prefix=path):
            found.append((path, source_env))
    if not found:
        raise TrisaltError("none of the specified sources were found")
    return found if merge else found[:1]


class _Tree:
    """What is to be below a directory: files with their URLs, directories, and links with what they point to."""

    def __init__(self, include: str | None, exclude: str | None, depth: int | None) -> None:
        self._include, self._exclude, self._depth = include, exclude, depth
        self.files: dict[str, str] = {}
        self.folders: set[str] = set()
        self.links: dict[str, str] = {}

    def read(self, name: str, place: str, env: str, *, keep_symlinks: bool, include_empty: bool) -> None:
        """Take in what is below a path of the file server."""
        prefix = f"{place}/" if place else ""
        links = __salt__["cp.list_master_symlinks"](env, prefix=place) if keep_symlinks else {}
        for path, target in links.items():
            inner = path.removeprefix(prefix)
            if path.startswith(prefix) and self._wanted(inner):
                self.links[os.path.join(name, inner)] = target
        for path in __salt__["cp.list_master"](env, prefix=place):
            if not path.startswith(prefix) or any(path == link or path.startswith(f"{link}/") for link in links):
                continue
            inner = path.removeprefix(prefix)
            if not inner.strip() or not self._wanted(inner):
                continue
            self.files[os.path.join(name, inner)] = f"salt://{path}?saltenv={env}" if "?" not in path else path
            folder = os.path.dirname(inner)
            while folder:
                self.folders.add(os.path.join(name, folder))
                folder = os.path.dirname(folder)
        if include_empty:
            for path in __salt__["cp.list_master_dirs"](env, prefix=place):
                inner = path.removeprefix(prefix)
                if path.startswith(prefix) and inner and self._wanted(inner):
                    self.folders.add(os.path.join(name, inner))
        self.folders.add(name)

    def _wanted(self, inner: str) -> bool:
        if self._depth is not None and inner.count("/") > self._depth:
            return False
        if self._include and not _matches(self._include, inner):
            return False
        return not (self._exclude and _matches(self._exclude, inner))


def _matches(pattern: str, inner: str) -> bool:
    if pattern.startswith("E@"):
        return re.search(pattern[2:], inner) is not None
    return fnmatch.fnmatch(inner, pattern)


# -- what else is there ----------------------------------------------------------------------------------------------


def _cleared(path: str, ret: Result, text: str) -> None:
    ret["changes"].setdefault(path, {"diff": text})
    if not __opts__["test"]:
        __salt__["file.remove"](path)


def _clean(name: str, kept: set[str], require: Any, exclude: str | None) -> list[str]:
    if not os.path.isdir(name):
        return []
    parents = {os.path.dirname(path) for path in kept}
    removed: list[str] = []
    for folder, folders, files in os.walk(name, topdown=True):
        for entry in sorted(files) + sorted(folders):
            path = os.path.join(folder, entry)
            if (
                path in kept
                or path in parents
                or _is_others(path)
                or (exclude and _matches(exclude, os.path.relpath(path, name)))
            ):
                continue
            removed.append(path)
            if entry in folders:
                folders.remove(entry)
            if not __opts__["test"]:
                __salt__["file.remove"](path, force=True)
    return removed


def _is_others(path: str) -> bool:
    """Whether another state of the run has put it there."""
    return any(
        isinstance(chunk, Mapping)
        and chunk.get("state") == "file"
        and os.path.expanduser(str(chunk.get("name"))) == path
        for chunk in __lowstate__
        if chunk.get("fun") not in ("absent", "missing")
    )
