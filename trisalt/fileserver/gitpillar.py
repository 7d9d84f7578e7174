"""Pillar out of git repositories: `ext_pillar: [git: [BRANCH URL, …]]`. Plain blocking code.

Each entry is a branch of a repository, and an environment of the pillar. Mirrors are those of `gitfs`, in a folder of
their own; the files of a commit are laid out below `trees/`, once, and the pillar is compiled of them as of any roots.
Source of the rules: stock Salt 3008.3's manual, `git_pillar`.
"""

from __future__ import annotations

import logging
import os
import posixpath
import shutil
import tarfile
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from trisalt.errors import CommandError, ConfigError
from trisalt.fileserver.mirror import Mirror
from trisalt.fileserver.mirrors import Mirrors
from trisalt.fileserver.remotes import Remote, read_remote

log = logging.getLogger(__name__)

CURRENT = "__env__"
"""As a branch: the one that is called like the environment that is asked for."""

# A tree that no branch leads to any more stays so long: somebody may be reading it.
TREES_KEPT_S = 3600.0


@attrs.frozen(kw_only=True)
class Entry:
    """One entry of the configuration. `env` is empty where the branch says which it is."""

    remote: Remote
    branch: str
    env: str = ""

    @property
    def shown(self) -> str:
        return f"{self.branch} {self.remote.shown}"


def read_entries(repos: Iterable[Any], opts: Mapping[str, Any]) -> list[Entry]:
    """The entries of a `git` external pillar. Raises ConfigError."""
    entries = []
    for repo in repos:
        text, own = next(iter(repo.items())) if isinstance(repo, Mapping) and len(repo) == 1 else (repo, None)
        branch, _blank, url = text.strip().partition(" ") if isinstance(text, str) else ("", "", "")
        if branch and not url:
            branch, url = str(opts.get("git_pillar_branch") or "master"), branch
        if not url or branch.startswith("-"):
            raise ConfigError("git_pillar: an entry is a branch and a URL, or these with their options")
        options = own if isinstance(own, list) else [own] if isinstance(own, Mapping) else []
        if own is not None and not options:
            raise ConfigError(f"git_pillar: {branch}: options are a list of `name: value`")
        said = {name: value for item in options for name, value in item.items()}
        env, branch = str(said.pop("env", "") or opts.get("git_pillar_env") or ""), str(said.pop("branch", branch))
        entries.append(Entry(remote=read_remote(url.strip(), said, opts, "git_pillar"), branch=branch, env=env))
    return entries


def configured_entries(opts: Mapping[str, Any]) -> list[Entry]:
    """Those of all `git` external pillars of a master. Raises ConfigError."""
    pillars = opts.get("ext_pillar")
    return [
        entry
        for pillar in (pillars if isinstance(pillars, list) else ())
        if isinstance(pillar, Mapping) and isinstance(pillar.get("git"), list)
        for entry in read_entries(pillar["git"], opts)
    ]


class GitPillars(Mirrors):
    """The repositories of some entries."""

    def __init__(self, entries: Iterable[Entry], folder: Path) -> None:
        self.entries = list(entries)
        super().__init__([entry.remote for entry in self.entries], folder)
        self._mirrors = [mirror for _remote, mirror in self.remotes]

    @classmethod
    def from_opts(cls, opts: Mapping[str, Any], entries: Iterable[Entry] | None = None) -> GitPillars:
        """Those of a master's options, or some of them. Raises ConfigError."""
        folder = Path(str(opts["cachedir"])) / "git_pillar"
        return cls(configured_entries(opts) if entries is None else entries, folder)

    def roots(
        self, wanted: str | None, *, current: str | None = None, includes: bool = True
    ) -> list[tuple[str, list[str]]]:
        """The environment of each entry, and the folders that its files are in: its own, then those of the others.

        `wanted` is the only environment that is asked for, if one is, and `current` that of the minion's states. An
        entry whose branch is not there is left out. Raises CommandError for a repository that was never fetched.
        """
        found = []
        for entry, mirror in zip(self.entries, self._mirrors, strict=True):
            env, ref = _place(entry, wanted or current)
            if wanted is None or env == wanted:
                folder = _checkout(mirror, entry, ref, self.folder / "trees")
                found += [] if folder is None else [(env, folder)]
        if not includes:
            return [(env, [folder]) for env, folder in found]
        return [
            (env, list(dict.fromkeys([folder, *(other for its, other in found if its == env)])))
            for env, folder in found
        ]


def _place(entry: Entry, current: str | None) -> tuple[str, str]:
    """The environment of an entry, and the ref that it is of."""
    base = entry.remote.base
    branch = entry.branch
    if branch == CURRENT:
        branch = current if current and current != "base" else base
    return entry.env or ("base" if branch == base else branch), entry.remote.all_saltenvs or branch


def _checkout(mirror: Mirror, entry: Entry, ref: str, trees: Path) -> str | None:
    """The folder with the files of a branch or tag, below the entry's `root` and at its `mountpoint`."""
    remote = entry.remote
    refs = [name for name in (ref, remote.fallback) if name]
    commit = next((oid for name in refs if (oid := mirror.commit(name, remote.ref_types)) is not None), None)
    if commit is None:
        if not mirror.refs():
            raise CommandError(f"{remote.shown} was not fetched yet")
        log.error("git_pillar: there is no %s in %s", ref, remote.shown)
        return None
    name = f"{mirror.folder.name}-{commit}"
    if remote.root or remote.mountpoint:
        name += "-" + (f"{remote.root}@{remote.mountpoint}").encode().hex()[:100]
    tree = trees / name
    if not tree.is_dir():
        os.makedirs(trees, 0o700, exist_ok=True)
        made = tempfile.mkdtemp(prefix=".new-", dir=trees)
        try:
            _lay_out(mirror, commit, remote, made)
            try:
                os.rename(made, tree)
            except OSError:
                if not tree.is_dir():
                    raise
        finally:
            shutil.rmtree(made, ignore_errors=True)
        _tidy(trees, tree)
    else:
        os.utime(tree)
    return str(tree)


def _lay_out(mirror: Mirror, commit: str, remote: Remote, folder: str) -> None:
    with tempfile.TemporaryFile() as file:
        mirror.archive(commit, file)
        file.seek(0)
        with tarfile.open(fileobj=file, mode="r:") as packed:
            for member in packed:
                inside = posixpath.relpath(member.name, remote.root or ".")
                if inside.startswith("../") or inside in (".", "..") or posixpath.isabs(member.name):
                    continue
                path = posixpath.join(folder, remote.mountpoint, inside)
                if member.isfile() and (source := packed.extractfile(member)) is not None:
                    os.makedirs(posixpath.dirname(path), 0o700, exist_ok=True)
                    with source, open(path, "wb") as target:
                        shutil.copyfileobj(source, target)
                elif member.issym() and _stays(member.name, member.linkname, remote.root):
                    os.makedirs(posixpath.dirname(path), 0o700, exist_ok=True)
                    os.symlink(member.linkname, path)


def _stays(name: str, to: str, root: str) -> bool:
    """Whether a link leads to something below the root."""
    path = posixpath.normpath(posixpath.join(posixpath.dirname(name), to))
    inside = posixpath.relpath(path, root or ".")
    return not posixpath.isabs(to) and not inside.startswith("..")


def _tidy(trees: Path, kept: Path) -> None:
    """Remove trees that nobody has asked for of late."""
    for entry in os.scandir(trees):
        if entry.name != kept.name and time.time() - entry.stat(follow_symlinks=False).st_mtime > TREES_KEPT_S:
            shutil.rmtree(entry.path, ignore_errors=True)
