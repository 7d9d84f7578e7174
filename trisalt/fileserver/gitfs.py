"""Files for minions out of git repositories (`gitfs_remotes`): a branch or tag is an environment. Plain blocking code.

A name from a minion is looked up in the list of a commit's files: it never is a path on this host. Links are followed
inside their repository.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import re
import shutil
import stat
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs

from trisalt.errors import CommandError
from trisalt.fileserver import urls
from trisalt.fileserver.mirror import Entry, Mirror, Run, run_blocking
from trisalt.fileserver.remotes import Place, Remote, read_remotes
from trisalt.fileserver.served import Found, Listing, Served, below, words

MAX_LINKS = 40
# A mirror's folder.
NAME = re.compile(r"[0-9a-f]{40}")
LISTINGS_KEPT = 32


@attrs.frozen(kw_only=True)
class Updated:
    """What came of a fetch: whether anything was new, and why a remote could not be fetched."""

    changed: bool
    problems: dict[str, str]


class GitFiles(Served):
    """Environments out of mirrors in `folder`; the first remote that has a file wins."""

    def __init__(self, remotes: Sequence[Remote], folder: Path, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.folder = folder
        self.remotes = [(remote, Mirror(folder / _digest(remote), remote.url, remote.sign_in)) for remote in remotes]
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
            if place and remote.all_saltenvs and saltenv not in remote.envs(mirror.refs()):
                continue  # one ref for all environments that there are
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

    # -- the mirrors --------------------------------------------------------------------------------------------

    def update(self, run: Run = run_blocking, *, only: Sequence[Remote] | None = None) -> Updated:
        """Fetch the remotes, or only these."""
        changed, problems = False, {}
        for remote, mirror in self.remotes:
            if only is not None and remote not in only:
                continue
            if mirror.locked:
                problems[remote.shown] = "it is locked; `salt-run fileserver.clear_lock` unlocks it"
                continue
            try:
                changed = mirror.fetch(run) or changed
            except (CommandError, OSError) as exc:
                problems[remote.shown] = str(exc)
        return Updated(changed=changed, problems=problems)

    def lock(self, name: str | None = None) -> list[str]:
        """Lock the remotes, or the one of that URL or name; a line for each."""
        found = []
        for remote, mirror in self._named(name):
            mirror.lock()
            found.append(f"Set update lock for gitfs remote '{remote.shown}'")
        return found

    def unlock(self, name: str | None = None) -> list[str]:
        """Take the locks away; a line for each that was there."""
        return [
            f"Removed update lock for gitfs remote '{remote.shown}'"
            for remote, mirror in self._named(name)
            if mirror.unlock()
        ]

    def clear(self) -> None:
        """Forget what was fetched. Raises CommandError while it is being fetched."""
        for _remote, mirror in self.remotes:
            mirror.clear()

    def forget_others(self) -> list[str]:
        """Take away the mirrors of remotes that are no longer configured; their names."""
        kept = {mirror.folder.name for _remote, mirror in self.remotes}
        gone = []
        for entry in os.scandir(self.folder) if self.folder.is_dir() else ():
            if entry.name not in kept and NAME.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path)
                gone.append(entry.name)
        return gone

    def _named(self, name: str | None) -> list[tuple[Remote, Mirror]]:
        return [
            (remote, mirror) for remote, mirror in self.remotes if name is None or name in (remote.url, remote.name)
        ]


def _digest(remote: Remote) -> str:
    return hashlib.sha256(f"{remote.name}\n{remote.url}".encode()).hexdigest()[:40]


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
