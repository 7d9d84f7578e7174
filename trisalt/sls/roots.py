"""The files below the roots of each environment: `pillar_roots`, or `file_roots` where they are on this machine.

Nothing outside the roots is ever named by an SLS name, an include or an import. Links inside a root are followed, as
they are the operator's own.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol

import attrs

from trisalt.errors import ConfigError

CATCH_ALL = "__env__"


@attrs.frozen(kw_only=True)
class Source:
    """A file's text, and the name by which messages and tracebacks call it."""

    text: str
    path: str


class Sources(Protocol):
    """Where templates of one environment come from: the roots on this machine, or a file client."""

    def read(self, path: str) -> Source | None:
        """The file at a path relative to the roots, or None."""


@attrs.frozen
class Sls:
    """An SLS file: `name` as it is written in a top file, `path` relative to its root, `file` on disk."""

    name: str
    path: str
    file: str


class Files:
    """The files of one environment, read and named alike wherever `find` finds them."""

    def __init__(self) -> None:
        self._read: dict[str, Source | None] = {}

    def find(self, path: str) -> str | None:
        """The file on disk, or None."""
        raise NotImplementedError

    def read(self, path: str) -> Source | None:
        """The text of a file, read once. Raises OSError and UnicodeDecodeError."""
        if path not in self._read:
            file = self.find(path)
            self._read[path] = None if file is None else Source(text=read_text(file), path=file)
        return self._read[path]

    def sls(self, name: str) -> Sls | None:
        """The file of an SLS name: `a.b` is `a/b.sls`, or else `a/b/init.sls`."""
        stem = name.replace(".", "/")
        for path in (f"{stem}.sls", f"{stem}/init.sls"):
            file = self.find(path)
            if file is not None:
                return Sls(name, path, file)
        return None


class Tree(Files):
    """The files of one environment. The first root that has a path decides."""

    def __init__(self, roots: Sequence[str]) -> None:
        super().__init__()
        self._roots = [str(root) for root in roots]

    def find(self, path: str) -> str | None:
        """The file on disk, or None: not there, no plain file, or not below the roots."""
        inside = confined(path)
        if inside is None:
            return None
        for root in self._roots:
            file = os.path.join(root, inside)
            if os.path.isfile(file):
                return file
        return None

    @cached_property
    def names(self) -> list[str]:
        """The SLS names there are, sorted."""
        found = set()
        for root in self._roots:
            # Links to folders are followed, but for one to a folder above itself, which would never end.
            ways: dict[str, tuple[tuple[int, int], ...]] = {}
            for folder, folders, files in os.walk(root, followlinks=True):
                info = os.stat(folder)
                key, above = (info.st_dev, info.st_ino), ways.get(os.path.dirname(folder), ways.get(root, ()))
                if key in above:
                    folders.clear()
                    continue
                ways[folder] = (*above, key)
                prefix = os.path.relpath(folder, root).replace(os.sep, "/")
                for file in files:
                    if file.endswith(".sls"):
                        found.add(_name(file if prefix == "." else f"{prefix}/{file}"))
        return sorted(found)


class Roots:
    """The environments and their roots."""

    def __init__(self, roots: Mapping[str, Any]) -> None:
        """Raises ConfigError when `roots` is not a map of environments to lists of folders."""
        if not isinstance(roots, Mapping) or not all(
            isinstance(folders, list | tuple) and all(isinstance(folder, str) for folder in folders)
            for folders in roots.values()
        ):
            raise ConfigError(f"roots are not a map of environments to lists of folders: {roots!r}")
        self._roots = {str(env): list(folders) for env, folders in roots.items()}
        self._trees: dict[str, Tree] = {}

    def environments(self) -> list[str]:
        """`base` first, then the others as they are configured."""
        return ["base", *(env for env in self._roots if env != "base")]

    def is_configured(self, env: str) -> bool:
        """Whether an environment has roots."""
        return bool(self._roots.get(env))

    def tree(self, env: str) -> Tree:
        """The files of an environment; none for an unknown one."""
        if env not in self._trees:
            self._trees[env] = Tree(self._roots.get(env, ()))
        return self._trees[env]

    def with_environment(self, env: str) -> Roots:
        """These roots, with those of `__env__` standing for `env` when that is not configured by name."""
        roots = dict(self._roots)
        catch_all = roots.pop(CATCH_ALL, None)
        # The name of an environment may come from a minion, and becomes part of a path.
        if catch_all is not None and env not in roots and env not in (".", "..") and "/" not in env and "\0" not in env:
            roots[env] = [folder.replace(CATCH_ALL, env) for folder in catch_all]
        return Roots(roots)


def confined(path: str) -> str | None:
    """A relative path, made plain; None for one that leads out, or is none."""
    if not path or "\0" in path or path.startswith("/"):
        return None
    plain = posixpath.normpath(path)
    return None if plain in (".", "..") or plain.startswith("../") else plain


def read_text(file: str) -> str:
    """The text of a template: UTF-8, with or without a byte order mark, its line ends as they are."""
    with open(file, encoding="utf-8-sig", newline="") as opened:
        return opened.read()


def _name(path: str) -> str:
    return path.removesuffix(".sls").removesuffix("/init").replace("/", ".")
