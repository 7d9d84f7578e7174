"""Files for minions out of git repositories (`gitfs_remotes`): a branch or tag is an environment. Plain blocking code.

A name from a minion is looked up in the list of a commit's files: it never is a path on this host. Links are followed
inside their repository.
"""

from __future__ import annotations

import os
import posixpath
import stat
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from trisalt.fileserver import urls
from trisalt.fileserver.mirror import Entry, Mirror
from trisalt.fileserver.mirrors import Mirrors
from trisalt.fileserver.remotes import Place, Remote, read_remotes
from trisalt.fileserver.served import Found, Listing, Served, below, words

MAX_LINKS = 40
LISTINGS_KEPT = 32


class GitFiles(Served, Mirrors):
    """Environments out of mirrors in `folder`; the first remote that has a file wins."""

    def __init__(self, remotes: Sequence[Remote], folder: Path, **kwargs: Any) -> None:
        Served.__init__(self, **kwargs)
        Mirrors.__init__(self, remotes, folder)
        self._listed: OrderedDict[tuple[object, ...], Listing] = OrderedDict()

    @classmethod
    def from_opts(cls, opts: Mapping[str, Any]) -> GitFiles:
        """From a master's options. Raises ConfigError."""
        return cls(
            read_remotes(opts),
            Path(str(opts["cachedir"])) / "gitfs" / "mirrors",
            hash_type=opts.get("hash_type") or "sha256",
            ignore_regex=words(opts.get("file_ignore_regex")),
            ignore_glob=words(opts.get("file_ignore_glob")),
            buffer_size=int(opts.get("file_buffer_size") or 1 << 20),
        )

    def envs(self) -> list[str]:
        """The environments, sorted."""
        return sorted(set().union(*(remote.envs(mirror.refs()) for remote, mirror in self.remotes)))

    @contextmanager
    def opened(self, path: str, saltenv: str) -> Iterator[tuple[int, Found] | None]:
        """A handle of a file, open within the context; None: no such file."""
        file = self._file(path, saltenv)
        if file is None:
            yield None
            return
        mirror, entry, rel = file
        blob = mirror.blob(entry.oid)
        fd = os.open(blob, os.O_RDONLY | os.O_CLOEXEC)
        try:
            yield fd, Found(path=str(blob), rel=rel, stat=[entry.mode], back="gitfs")
        finally:
            os.close(fd)

    def _file(self, path: str, saltenv: str) -> tuple[Mirror, Entry, str] | None:
        try:
            url = urls.parse(path)
        except ValueError:
            return None
        rel = urls.clean(url.path)
        if rel is None or path.startswith("/") or self.ignored(rel):
            return None
        for mirror, commit, place in self._commits(url.saltenv or saltenv):
            inside = below(place.mountpoint, rel)
            if inside is None:
                continue
            entry = _followed(mirror, commit, posixpath.join(place.root, inside))
            if entry is not None:
                return mirror, entry, rel
        return None

    def _commits(self, saltenv: str) -> Iterator[tuple[Mirror, str, Place]]:
        for remote, mirror in self.remotes:
            place = remote.place(saltenv)
            if place and remote.all_saltenvs and saltenv not in self.envs():
                continue  # one ref for all environments that there are, in whichever repository
            for ref in place.refs if place else ():
                commit = mirror.commit(ref, remote.ref_types)
                if place and commit is not None:
                    yield mirror, commit, place
                    break

    def listing(self, saltenv: str) -> Listing:
        """All that an environment holds."""
        commits = list(self._commits(saltenv))
        key = tuple((mirror.folder, commit, place.root, place.mountpoint) for mirror, commit, place in commits)
        with self._lock:
            known = self._listed.get(key)
        if known is not None:
            return known
        files: set[str] = set()
        dirs: set[str] = set()
        links: dict[str, str] = {}
        for mirror, commit, place in commits:
            for path, entry in mirror.tree(commit).items():
                inside = below(place.root, path)
                if inside is None:
                    continue
                rel = posixpath.join(place.mountpoint, inside)
                if self.ignored(rel):
                    continue
                files.add(rel)
                folder = posixpath.dirname(rel)
                while len(folder) >= max(len(place.mountpoint), 1) and folder not in dirs:
                    dirs.add(folder)
                    folder = posixpath.dirname(folder)
                if stat.S_ISLNK(entry.mode) and rel not in links:
                    links[rel] = mirror.blob(entry.oid).read_bytes().decode(errors="replace")
        listing = Listing(files=sorted(files), dirs=sorted(dirs), empty_dirs=[], links=dict(sorted(links.items())))
        with self._lock:
            self._listed[key] = listing
            while len(self._listed) > LISTINGS_KEPT:
                self._listed.popitem(last=False)
        return listing


def _followed(mirror: Mirror, commit: str, path: str) -> Entry | None:
    """What is at a path, at the end of its links; None when that is nothing, or not in the repository."""
    tree = mirror.tree(commit)
    for _ in range(MAX_LINKS):
        entry = tree.get(path)
        if entry is None or not stat.S_ISLNK(entry.mode):
            return entry
        to = os.fsdecode(mirror.blob(entry.oid).read_bytes())
        if to.startswith("/"):
            return None
        path = posixpath.normpath(posixpath.join(posixpath.dirname(path), to))
    return None
