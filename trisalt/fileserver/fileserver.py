"""Files for minions, from `file_roots`: find, list, hash and read them. Plain blocking code.

What a minion names is opened below a handle of its root. With `fileserver_followsymlinks: False` each component is
opened by itself, and a link that leads out of the root is not followed. `master/files` calls this in threads;
`salt-call --local` and the runners call it as it is.
Source of the rules: stock Salt 3008.3's roots backend.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from trisalt.fileserver import urls
from trisalt.fileserver.served import SETTLED_S, Found, Listing, Served, words

MAX_LINKS = 40


class FileServer(Served):
    """`file_roots`: environment -> directories; the first directory that has a file wins.

    `__env__` names a catch-all environment, and inside its directories the environment that is asked for.
    """

    def __init__(
        self,
        file_roots: Mapping[str, Sequence[str]],
        *,
        hash_type: str = "sha256",
        follow_symlinks: bool = True,
        ignore_symlinks: bool = False,
        ignore_regex: Sequence[str] = (),
        ignore_glob: Sequence[str] = (),
        buffer_size: int = 1 << 20,
        settled_s: float = SETTLED_S,
    ) -> None:
        super().__init__(
            hash_type=hash_type,
            ignore_regex=ignore_regex,
            ignore_glob=ignore_glob,
            buffer_size=buffer_size,
            settled_s=settled_s,
        )
        self.file_roots = {str(env): [str(root) for root in roots or ()] for env, roots in file_roots.items()}
        self._follow = follow_symlinks
        self._ignore_links = ignore_symlinks
        self._listings: dict[str, Listing] = {}

    @classmethod
    def from_opts(cls, opts: Mapping[str, Any]) -> FileServer:
        """From the options of a master, or of a minion that is its own file server."""
        return cls(
            opts.get("file_roots") or {"base": ["/srv/salt", "/srv/spm/salt"]},
            hash_type=opts.get("hash_type") or "sha256",
            follow_symlinks=bool(opts.get("fileserver_followsymlinks", True)),
            ignore_symlinks=bool(opts.get("fileserver_ignoresymlinks", False)),
            ignore_regex=words(opts.get("file_ignore_regex")),
            ignore_glob=words(opts.get("file_ignore_glob")),
            buffer_size=int(opts.get("file_buffer_size") or 1 << 20),
        )

    # -- what minions ask ---------------------------------------------------------------------------------------

    def envs(self) -> list[str]:
        """The environments, sorted."""
        return sorted(self.file_roots)

    # -- one file -----------------------------------------------------------------------------------------------

    @contextmanager
    def opened(self, path: str, saltenv: str) -> Iterator[tuple[int, Found] | None]:
        try:
            url = urls.parse(path)
        except ValueError:
            yield None
            return
        rel = urls.clean(url.path)
        if rel is None or path.startswith("/"):
            yield None
            return
        for root in self._roots(url.saltenv or saltenv):
            full = os.path.join(root, rel)
            if self.ignored(full):
                continue
            fd = self._open_below(root, rel)
            if fd is None:
                continue
            try:
                yield fd, Found(path=full, rel=rel, stat=list(os.fstat(fd)))
            finally:
                os.close(fd)
            return
        yield None

    def _roots(self, saltenv: str) -> list[str]:
        roots = self.file_roots.get(saltenv)
        if roots is not None:
            return roots
        if "__env__" not in self.file_roots or urls.clean_name(saltenv) is None:
            return []
        return [root.replace("__env__", saltenv) for root in self.file_roots["__env__"]]

    def _open_below(self, root: str, rel: str) -> int | None:
        """A handle of a regular file below `root`; None when there is none."""
        # O_NONBLOCK: a named pipe must not hold a thread.
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
        try:
            handle = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            fd = os.open(rel, flags, dir_fd=handle) if self._follow else _open_beneath(handle, rel, flags)
        except OSError:
            return None
        finally:
            os.close(handle)
        if fd is not None and not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            return None
        return fd

    # -- all files of an environment ----------------------------------------------------------------------------

    def listing(self, saltenv: str) -> Listing:
        """The listing of an environment: the last one while no directory in it has changed."""
        with self._lock:
            known = self._listings.get(saltenv)
        if known is not None and all(_changed(path) == when for path, when in known.seen.items()):
            return known
        now = time.time()
        listing = self._walk(saltenv)
        settled = all(when is not None and now - when[1] / 1e9 > self._settled_s for when in listing.seen.values())
        with self._lock:
            self._listings.pop(saltenv, None)
            if settled and listing.seen:
                self._listings[saltenv] = listing
        return listing

    def _walk(self, saltenv: str) -> Listing:
        files: set[str] = set()
        dirs: set[str] = set()
        empty: set[str] = set()
        links: dict[str, str] = {}
        seen: dict[str, tuple[int, int]] = {}
        for root in self._roots(saltenv):
            real_root = os.path.realpath(root)
            # By folder, itself and those above it: a link to one of these is a ring, to any other a second way in.
            ways: dict[str, tuple[tuple[int, int], ...]] = {root: _way(root, ()) or ()}
            for folder, names, leaves in os.walk(root, followlinks=self._follow):
                # Noted before the folder's entries are believed: a later change is then seen.
                if (when := _changed(folder)) is not None:
                    seen[folder] = when
                names[:] = [name for name in names if self._enter(folder, name, ways)]
                for target, items in ((dirs, names), (files, leaves)):
                    for name in items:
                        full = os.path.join(folder, name)
                        rel = os.path.relpath(full, root)
                        is_link = os.path.islink(full)
                        if (is_link and self._ignore_links) or self.ignored(rel):
                            continue
                        target.add(rel)
                        if target is dirs and _is_empty(full):
                            empty.add(rel)
                        if is_link and (to := self._link(full, real_root)) is not None:
                            links[rel] = to
        return Listing(
            files=sorted(files),
            dirs=sorted(dirs),
            empty_dirs=sorted(empty),
            links=dict(sorted(links.items())),
            seen=seen,
        )

    def _enter(self, folder: str, name: str, ways: dict[str, tuple[tuple[int, int], ...]]) -> bool:
        """Whether a directory is listed: each is, by whatever way one comes to it; a ring of links ends here."""
        full = os.path.join(folder, name)
        way = _way(full, ways[folder])
        if way is None or (self._follow and way[-1] in way[:-1]):
            return False
        ways[full] = way
        return True

    def _link(self, full: str, real_root: str) -> str | None:
        """Where a link points; links out of the root are named only when they are not followed."""
        try:
            to = os.readlink(full)
        except OSError:
            return None
        inside = os.path.realpath(full)
        if inside == real_root or inside.startswith(real_root + os.sep) or not self._follow:
            return to
        return None


def _way(path: str, above: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...] | None:
    """A directory at the end of those above it; None if it is not there."""
    try:
        info = os.stat(path)
    except OSError:
        return None
    return (*above, (info.st_dev, info.st_ino))


def _changed(path: str) -> tuple[int, int] | None:
    try:
        info = os.stat(path)
    except OSError:
        return None
    return info.st_ino, max(info.st_mtime_ns, info.st_ctime_ns)


def _is_empty(path: str) -> bool:
    try:
        with os.scandir(path) as entries:
            return next(entries, None) is None
    except OSError:
        return False


def _open_beneath(root: int, rel: str, flags: int) -> int | None:
    """Open `rel` below the directory handle `root`: links are followed as long as they stay below it.

    None when a link leads out, or there are too many of them. Raises OSError as `os.open` does.
    """
    trail: list[int] = []  # handles of the directories from the root down to where we are
    words = [word for word in reversed(rel.split("/")) if word not in ("", ".")]
    links = 0
    try:
        while words:
            word = words.pop()
            here = trail[-1] if trail else root
            if word == "..":
                if not trail:
                    return None
                os.close(trail.pop())
                continue
            last = not words
            try:
                fd = os.open(
                    word, (flags if last else os.O_RDONLY | os.O_DIRECTORY) | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here
                )
            except OSError as exc:
                # A link: ELOOP for a file; ENOTDIR where a directory was wanted.
                if exc.errno not in (errno.ELOOP, errno.ENOTDIR):
                    raise
                to = os.readlink(word, dir_fd=here)
                links += 1
                if links > MAX_LINKS or to.startswith("/"):
                    return None
                words.extend(part for part in reversed(to.split("/")) if part not in ("", "."))
                continue
            if last:
                return fd
            trail.append(fd)
        return None
    finally:
        for fd in trail:
            os.close(fd)
