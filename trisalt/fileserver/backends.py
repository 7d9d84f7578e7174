"""`fileserver_backend`: the backends of a master as one file server. Each is asked in its turn, and the first that has
a file serves it; what environments there are, and what is in them, is what all have together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from trisalt.fileserver.fileserver import FileServer
from trisalt.fileserver.minionfs import PushedFiles
from trisalt.fileserver.served import Found, Listing, Served, words

if TYPE_CHECKING:
    from trisalt.fileserver.gitfs import GitFiles

NAMES = {"roots": "roots", "file": "roots", "git": "gitfs", "gitfs": "gitfs", "minionfs": "minionfs"}
"""What each is called in a configuration, and what it is."""


class Backends(Served):
    """The backends `served`, by name, as one."""

    def __init__(self, served: Mapping[str, Served], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.served = dict(served)

    @classmethod
    def from_opts(cls, opts: Mapping[str, Any], only: Sequence[str] | None = None) -> Backends:
        """The backends that a master's options name, or those of them in `only`. Raises ConfigError."""
        names = [name for name in configured(opts) if only is None or name in only]
        makers: dict[str, Callable[[Mapping[str, Any]], Served]] = {
            "roots": FileServer.from_opts,
            "gitfs": _git_files,
            "minionfs": PushedFiles.from_opts,
        }
        return cls(
            {name: makers[name](opts) for name in names},
            hash_type=opts.get("hash_type") or "sha256",
            buffer_size=int(opts.get("file_buffer_size") or 1 << 20),
        )

    @property
    def git(self) -> GitFiles | None:
        """The one that fetches, where it is configured and has something to fetch."""
        git = cast("GitFiles | None", self.served.get("gitfs"))
        return git if git is not None and git.remotes else None

    def envs(self) -> list[str]:
        """The environments of all, sorted."""
        return sorted(set().union(*(served.envs() for served in self.served.values())))

    @contextmanager
    def opened(self, path: str, saltenv: str) -> Iterator[tuple[int, Found] | None]:
        """A handle of a file, of the first backend that has it, open within the context."""
        for served in self.served.values():
            with served.opened(path, saltenv) as opened:
                if opened is not None:
                    yield opened
                    return
        yield None

    def listing(self, saltenv: str) -> Listing:
        """All that an environment holds in any of them."""
        listings = [served.listing(saltenv) for served in self.served.values()]
        if len(listings) == 1:
            return listings[0]
        links: dict[str, str] = {}
        for listing in reversed(listings):
            links |= listing.links
        dirs = sorted({name for listing in listings for name in listing.dirs})
        filled = {name for listing in listings for name in set(listing.dirs) - set(listing.empty_dirs)}
        return Listing(
            files=sorted({name for listing in listings for name in listing.files}),
            dirs=dirs,
            empty_dirs=[name for name in dirs if name not in filled],
            links=dict(sorted(links.items())),
        )


def configured(opts: Mapping[str, Any]) -> list[str]:
    """The backends of a configuration that there are here, in their order: pushed files only where they are taken."""
    names = dict.fromkeys(NAMES[name] for name in _given(opts) if name in NAMES)
    return [name for name in names if name != "minionfs" or opts.get("file_recv")]


def unknown(opts: Mapping[str, Any]) -> list[str]:
    """Those that it names and that are not here."""
    return [name for name in _given(opts) if name not in NAMES]


def _given(opts: Mapping[str, Any]) -> list[str]:
    return words(opts.get("fileserver_backend")) or ["roots"]


def _git_files(opts: Mapping[str, Any]) -> Served:
    from trisalt.fileserver.gitfs import GitFiles  # what it imports costs a command; few hosts have repositories

    return GitFiles.from_opts(opts)
