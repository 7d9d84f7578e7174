"""Files for minions, from `file_roots`: find, list, hash and read them. Plain blocking code.

Paths are opened below a directory handle, component by component, so neither `..` nor a link leads out of its root
(links may with `fileserver_followsymlinks`, inside the rules of the roots backend). `master/files` calls this in
threads; `salt-call --local` and the runners call it as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs


@attrs.frozen(kw_only=True)
class Found:
    """A file: `path` on this host, `rel` inside its environment, `stat` as `os.stat` gives it, as a list."""

    path: str
    rel: str
    stat: list[int]


class FileServer:
    """`file_roots`: environment -> directories; the first directory that has a file wins."""

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
    ) -> None: ...

    @classmethod
    def from_opts(cls, opts: Mapping[str, Any]) -> FileServer:
        """From the options of a master, or of a minion that is its own file server."""
        raise NotImplementedError

    def envs(self) -> list[str]:
        """The environments, sorted."""
        raise NotImplementedError

    def find(self, path: str, saltenv: str) -> Found | None:
        """Where a file is; None when it is not there, ignored, or outside its root."""
        raise NotImplementedError

    def read(self, path: str, saltenv: str, loc: int = 0, size: int | None = None) -> bytes | None:
        """Bytes of a file from offset `loc`, `buffer_size` at most unless `size` says otherwise; None: no such file."""
        raise NotImplementedError

    def hash(self, path: str, saltenv: str) -> tuple[str, list[int]] | None:
        """The hex digest by `hash_type`, and the stat of the file it was made from."""
        raise NotImplementedError

    def files(self, saltenv: str, prefix: str = "") -> list[str]:
        """The files of an environment below `prefix`, sorted."""
        raise NotImplementedError

    def dirs(self, saltenv: str, prefix: str = "") -> list[str]:
        """The directories, sorted; the root is not named."""
        raise NotImplementedError

    def empty_dirs(self, saltenv: str, prefix: str = "") -> list[str]:
        """The directories that hold nothing, sorted."""
        raise NotImplementedError

    def symlinks(self, saltenv: str, prefix: str = "") -> dict[str, str]:
        """The links and where they point."""
        raise NotImplementedError
