"""What a master of ours tells of many files at once, so that a run need not ask for each: a minion's side of it.

A run knows its files before it begins (`wanted`). What the master says of them is believed for a while, as long as
nothing was changed here, and forgotten where a file turns out to be another. A stock master is not asked:
`_master_opts` says who is there.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from trisalt.errors import CommandError
from trisalt.fileserver import urls
from trisalt.worker import upcall

# Seconds for which an answer is believed: a run may take hours, and files change.
FRESH_S = 30.0
# One file alone is asked for as ever.
WORTH_ASKING = 2

LISTS = {
    "_file_list": "files",
    "_dir_list": "dirs",
    "_file_list_emptydirs": "empty_dirs",
    "_symlink_list": "links",
}


class Manifest:
    """What one job has been told. `envs`: the environments that its master has, where it said so."""

    def __init__(self, envs: list[str] | None = None) -> None:
        self.envs = envs
        self._files: dict[tuple[str, str], tuple[dict[str, str], list[Any]] | None] = {}
        self._lists: dict[tuple[str, str], Mapping[str, Any]] = {}
        self._until = 0.0
        # The files that somebody wanted to know of, by environment: a run of the same will want them, too.
        self.wanted: dict[str, dict[str, None]] = {}

    def ask(self, saltenv: str, paths: Iterable[str], folders: Iterable[str]) -> None:
        """Ask the master for the hashes of files, and for all that is below folders. One that fails tells nothing."""
        try:
            answer = upcall.ask_master("_file_manifest", saltenv=saltenv, paths=list(paths), folders=list(folders))
        except CommandError:
            return
        self.take(saltenv, answer)

    def take(self, saltenv: str, answer: Any) -> None:
        """Believe what the master has told of an environment."""
        if not isinstance(answer, Mapping):
            return
        kind, files, lists = (answer.get(key) for key in ("hash_type", "files", "lists"))
        if not isinstance(kind, str) or not isinstance(files, Mapping) or not isinstance(lists, Mapping):
            return
        now = time.monotonic()
        if now > self._until:
            self._files.clear()
            self._lists.clear()
            self._until = now + FRESH_S
        for path, said in files.items():
            if said is None:
                self._files[saltenv, path] = None
            elif isinstance(said, list) and len(said) == 2 and isinstance(said[0], str) and isinstance(said[1], list):
                self._files[saltenv, path] = {"hsum": said[0], "hash_type": kind}, said[1]
        self._lists.update({(saltenv, folder): names for folder, names in lists.items() if isinstance(names, Mapping)})

    def hash(self, path: str, saltenv: str) -> tuple[bool, tuple[dict[str, str], list[Any]] | None]:
        """Whether it is known what the master would say of a file, and what that is."""
        self.wanted.setdefault(saltenv, {})[path] = None
        if (saltenv, path) not in self._files or time.monotonic() > self._until:
            return False, None
        return True, self._files[saltenv, path]

    def names(self, cmd: str, saltenv: str, prefix: str) -> Any:
        """The names that the request `cmd` would answer; None when that is not known."""
        if not self._lists or time.monotonic() > self._until:
            return None
        prefix = prefix.strip("/")
        said = self._lists.get((saltenv, prefix))
        return None if said is None else said.get(LISTS[cmd])

    def forget(self, path: str, saltenv: str) -> None:
        """The file is being fetched: what it is now, the master says."""
        self._files.pop((saltenv, path), None)


def wanted(chunks: Iterable[Mapping[str, Any]]) -> dict[str, tuple[list[str], list[str]]]:
    """Of each environment the files, and the folders with all that is below, that states name as their `source`."""
    found: dict[str, tuple[dict[str, None], dict[str, None]]] = {}
    for chunk in chunks:
        source = chunk.get("source")
        env = str(chunk.get("saltenv") or chunk.get("__env__") or "base")
        whole = chunk.get("state") == "file" and chunk.get("fun") == "recurse"
        for item in source if isinstance(source, list) else [source]:
            name = next(iter(item), None) if isinstance(item, Mapping) else item
            if not isinstance(name, str) or not name.startswith("salt://"):
                continue
            try:
                url = urls.parse(name)
            except ValueError:
                continue
            files, folders = found.setdefault(url.saltenv or env, ({}, {}))
            if whole:
                folders[url.path.strip("/")] = None
            else:
                files[url.path] = None
    return {env: (list(files), list(folders)) for env, (files, folders) in found.items()}


def expect(manifest: Manifest, chunks: Iterable[Mapping[str, Any]]) -> None:
    """Ask for all files that states name, each environment's at once, as far as they are not known."""
    for env, (named, folders) in wanted(chunks).items():
        files = [path for path in named if not manifest.hash(path, env)[0]]
        if folders or len(files) >= WORTH_ASKING:
            manifest.ask(env, files, folders)
