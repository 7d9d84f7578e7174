"""The mirrors of several repositories in one folder: fetched, locked and forgotten. Plain blocking code.

`gitfs` serves files out of them, `gitpillar` pillars; on a master `master/git_files` has them fetched.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import shutil
import time
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import attrs

from trisalt.errors import CommandError
from trisalt.fileserver.mirror import Mirror, Run, run_blocking
from trisalt.fileserver.remotes import REFSPECS, Remote

log = logging.getLogger(__name__)

# A mirror's folder.
NAME = re.compile(r"[0-9a-f]{40}")


@attrs.frozen(kw_only=True)
class Updated:
    """What came of a fetch: whether anything was new, and why a remote could not be fetched."""

    changed: bool
    problems: dict[str, str]


class Mirrors:
    """Remotes, each with its mirror below `folder`; those of one name, URL and refspecs share it."""

    def __init__(self, remotes: Sequence[Remote], folder: Path) -> None:
        self.folder = folder
        made: dict[str, Mirror] = {}
        self.remotes: list[tuple[Remote, Mirror]] = []
        for remote in remotes:
            name = _digest(remote)
            made.setdefault(name, Mirror(folder / name, remote.url, remote.sign_in, refspecs=remote.refspecs))
            self.remotes.append((remote, made[name]))

    def update(self, run: Run = run_blocking, *, only: Sequence[Remote] | None = None) -> Updated:
        """Fetch the remotes, or only these."""
        changed, problems, done = False, {}, set()
        for remote, mirror in self.remotes:
            if mirror in done or (only is not None and remote not in only):
                continue
            done.add(mirror)
            if mirror.locked:
                problems[remote.shown] = "it is locked; `salt-run fileserver.clear_lock` unlocks it"
                continue
            try:
                changed = mirror.fetch(run) or changed
            except (CommandError, OSError) as exc:
                problems[remote.shown] = str(exc)
        return Updated(changed=changed, problems=problems)

    def freshen(self) -> None:
        """Fetch what was not looked at for its interval: where nobody else does. What is wrong is told in the log."""
        late = [remote for remote, mirror in self.remotes if mirror.looked_at + remote.update_interval <= time.time()]
        for name, reason in (self.update(only=late).problems if late else {}).items():
            log.error("The git remote %s could not be fetched: %s", name, reason)

    def lock(self, name: str | None = None) -> list[str]:
        """Lock the remotes, or those of that name, or whose URL is like it; a line for each."""
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
            (remote, mirror)
            for remote, mirror in self.remotes
            if name is None or name in (remote.url, remote.name) or fnmatchcase(remote.url, name)
        ]


def _digest(remote: Remote) -> str:
    what = () if remote.refspecs == REFSPECS else remote.refspecs
    return hashlib.sha256("\n".join((remote.name, remote.url, *what)).encode()).hexdigest()[:40]
