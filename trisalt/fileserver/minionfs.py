"""Files that minions pushed (`cp.push`), served to all: `fileserver_backend: [roots, minionfs]`. Plain blocking code.

`salt://<minionfs_mountpoint>/<id>/<path>` is what `<id>` pushed. Only with `file_recv`. Each minion's folder is a root
of its own, and no link is followed out of it.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs

from trisalt.fileserver import urls
from trisalt.fileserver.fileserver import FileServer
from trisalt.fileserver.served import Found, Listing, Served, below, matches, words


class PushedFiles(Served):
    """What is below `folder/<id>/files` of each minion that the lists allow, in the environment `env`."""

    def __init__(
        self,
        folder: Path,
        *,
        env: str = "base",
        mountpoint: str = "",
        whitelist: Sequence[str] = (),
        blacklist: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.folder = folder
        self.env = env
        self.mountpoint = mountpoint.removeprefix("salt://").strip("/")
        self._whitelist, self._blacklist = list(whitelist), list(blacklist)

    @classmethod
    def from_opts(cls, opts: Mapping[str, Any]) -> PushedFiles:
        """From a master's options."""
        return cls(
            Path(str(opts["cachedir"])) / "minions",
            env=str(opts.get("minionfs_env") or "base"),
            mountpoint=str(opts.get("minionfs_mountpoint") or ""),
            whitelist=words(opts.get("minionfs_whitelist")),
            blacklist=words(opts.get("minionfs_blacklist")),
            hash_type=opts.get("hash_type") or "sha256",
            ignore_regex=words(opts.get("file_ignore_regex")),
            ignore_glob=words(opts.get("file_ignore_glob")),
            buffer_size=int(opts.get("file_buffer_size") or 1 << 20),
        )

    def envs(self) -> list[str]:
        """The one environment."""
        return [self.env]

    @contextmanager
    def opened(self, path: str, saltenv: str) -> Iterator[tuple[int, Found] | None]:
        """A handle of a file, open within the context; None: no such file."""
        named = self._named(path, saltenv)
        if named is None:
            yield None
            return
        id, rest, rel = named
        # After `|` it is a name and nothing else.
        with self._of(id).opened(f"|{rest}", self.env) as opened:
            yield opened and (opened[0], attrs.evolve(opened[1], rel=rel, back="minionfs"))

    def _named(self, path: str, saltenv: str) -> tuple[str, str, str] | None:
        try:
            url = urls.parse(path)
        except ValueError:
            return None
        rel = urls.clean(url.path)
        if rel is None or path.startswith("/") or (url.saltenv or saltenv) != self.env or self.ignored(rel):
            return None
        id, slash, rest = (below(self.mountpoint, rel) or "").partition("/")
        return (id, rest, rel) if slash and self._allows(id) else None

    def listing(self, saltenv: str) -> Listing:
        """All that was pushed."""
        files, dirs = [], []
        for id in self._ids() if saltenv == self.env else ():
            listing = self._of(id).listing(saltenv)
            files += [posixpath.join(self.mountpoint, id, name) for name in listing.files]
            dirs += [posixpath.join(self.mountpoint, id, name) for name in listing.dirs]
        return Listing(
            files=sorted(name for name in files if not self.ignored(name)),
            dirs=sorted(name for name in dirs if not self.ignored(name)),
            empty_dirs=[],
            links={},
        )

    def _ids(self) -> list[str]:
        try:
            names = os.listdir(self.folder)
        except OSError:
            return []
        return [id for id in sorted(names) if self._allows(id) and (self.folder / id / "files").is_dir()]

    def _allows(self, id: str) -> bool:
        return (not self._whitelist or matches(id, self._whitelist)) and not matches(id, self._blacklist)

    def _of(self, id: str) -> FileServer:
        root = str(self.folder / id / "files")
        return FileServer({self.env: [root]}, follow_symlinks=False, ignore_symlinks=True)
