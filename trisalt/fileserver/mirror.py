"""A bare mirror of a git repository: fetched, and read by the git program; there is never a working tree.

Its folder holds `repo.git`; `refs.json`, which names what has been fetched whole, so that a reader in another process
sees a new commit after all of its objects; `blobs/`, the files that were asked for, by their object's name; and
`update.lk` when an operator has locked it. What git runs with comes from the configuration only.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shlex
import shutil
import subprocess
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

import attrs

from trisalt.errors import CommandError
from trisalt.fileserver.remotes import FOLDERS, REFSPECS, SignIn
from trisalt.fileserver.replace import replacing

FETCH_S = 600.0
READ_S = 60.0
TREES_KEPT = 64
# A file that was asked for is kept so long; then it is taken out of the repository anew.
BLOBS_KEPT_S = 7 * 86400.0

REF_FORMAT = "%(objecttype) %(objectname) %(refname) %(*objecttype) %(*objectname)"
# What ssh runs to be told a passphrase.
TOLD_BY = "TRISALT_GIT_PASSPHRASE"
ASK = b'#!/bin/sh\nprintf "%s\\n" "$' + TOLD_BY.encode() + b'"\n'
# What would have git look elsewhere.
STRAY = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE", "GIT_COMMON_DIR")

Run = Callable[[Sequence[str], Mapping[str, str], float], "subprocess.CompletedProcess[bytes]"]
"""Runs a program with an environment, for so many seconds at most."""


@attrs.frozen
class Entry:
    """A file or link of a tree."""

    mode: int
    oid: str


def run_blocking(
    argv: Sequence[str], env: Mapping[str, str], patience: float, *, stdout: int | BinaryIO = subprocess.PIPE
) -> subprocess.CompletedProcess[bytes]:
    """Run git, without a terminal that it could ask for a password."""
    return subprocess.run(
        argv, env=env, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, timeout=patience,
        start_new_session=True, check=False,
    )  # fmt: skip


class Mirror:
    """The mirror of `url` in `folder`. Several processes may use one; safe in threads."""

    def __init__(
        self, folder: Path, url: str, sign_in: SignIn | None = None, *, refspecs: Sequence[str] = REFSPECS
    ) -> None:
        self.folder = folder
        self.url = url
        self._refspecs = tuple(refspecs)
        self._sign_in = sign_in or SignIn()
        self._repo = folder / "repo.git"
        self._lock = threading.Lock()
        self._refs: tuple[object, dict[str, str]] = (None, {})
        self._trees: OrderedDict[str, dict[str, Entry]] = OrderedDict()
        self._shas: dict[str, bool] = {}

    # -- what is there ------------------------------------------------------------------------------------------

    def refs(self) -> dict[str, str]:
        """`heads/…` and `tags/…`, and the commit of each; empty before the first fetch."""
        path = self.folder / "refs.json"
        try:
            info = os.stat(path)
            stamp = (info.st_ino, info.st_mtime_ns)
            with self._lock:
                if self._refs[0] == stamp:
                    return self._refs[1]
            refs = {str(ref): str(oid) for ref, oid in json.loads(path.read_bytes()).items()}
        except (OSError, ValueError, AttributeError):
            return {}
        with self._lock:
            self._refs = (stamp, refs)
            self._shas.clear()
        return refs

    def commit(self, ref: str, ref_types: Sequence[str]) -> str | None:
        """The commit of a branch, tag or, with `sha` among the types, of a full name that some ref leads to."""
        refs = self.refs()
        for kind in ref_types:
            if kind in FOLDERS:
                if (oid := refs.get(FOLDERS[kind] + ref)) is not None:
                    return oid
            elif refs and re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", ref) and self._contains(ref):
                return ref
        return None

    def _contains(self, sha: str) -> bool:
        with self._lock:
            known = self._shas.get(sha)
        if known is None:
            done = self._git(("for-each-ref", "--count=1", f"--contains={sha}", "--format=%(refname)"))
            known = done.returncode == 0 and bool(done.stdout.strip())
            with self._lock:
                if len(self._shas) < 1024:
                    self._shas[sha] = known
        return known

    def tree(self, commit: str) -> dict[str, Entry]:
        """The files and links of a commit; those whose names are no UTF-8 are left out."""
        with self._lock:
            if (known := self._trees.get(commit)) is not None:
                self._trees.move_to_end(commit)
                return known
        tree = {}
        for row in self._output(("ls-tree", "-r", "-z", "--full-tree", commit)).split(b"\0"):
            about, tab, name = row.partition(b"\t")
            mode, kind, oid = about.decode().split() if tab else ("", "", "")
            if kind == "blob":
                try:
                    tree[name.decode()] = Entry(int(mode, 8), oid)
                except UnicodeDecodeError:
                    continue
        with self._lock:
            self._trees[commit] = tree
            while len(self._trees) > TREES_KEPT:
                self._trees.popitem(last=False)
        return tree

    def archive(self, commit: str, file: BinaryIO) -> None:
        """Write all files of a commit, as tar has them. Raises CommandError."""
        self._output(("archive", "--format=tar", commit), run=partial(run_blocking, stdout=file))

    @property
    def looked_at(self) -> float:
        """When it was fetched, or when somebody last tried."""
        try:
            return os.stat(self.folder / "fetching").st_mtime
        except OSError:
            return 0.0

    def blob(self, oid: str) -> Path:
        """The file with what an object holds. Raises CommandError."""
        path = self.folder / "blobs" / oid
        if not path.exists():
            os.makedirs(path.parent, 0o700, exist_ok=True)
            with replacing(str(path), mode=0o600) as file:
                self._output(("cat-file", "blob", oid), run=partial(run_blocking, stdout=file))
        return path

    # -- what changes it ----------------------------------------------------------------------------------------

    @property
    def locked(self) -> bool:
        """Whether an operator has locked it."""
        return (self.folder / "update.lk").exists()

    def lock(self) -> None:
        """Have no fetch change it until `unlock`."""
        os.makedirs(self.folder, 0o700, exist_ok=True)
        (self.folder / "update.lk").touch()

    def unlock(self) -> bool:
        """Whether it was locked."""
        try:
            (self.folder / "update.lk").unlink()
        except FileNotFoundError:
            return False
        return True

    def clear(self) -> None:
        """Forget all that was fetched."""
        with self._alone():
            # First what readers go by.
            (self.folder / "refs.json").unlink(missing_ok=True)
            for name in ("repo.git", "blobs"):
                if (self.folder / name).exists():
                    shutil.rmtree(self.folder / name)

    def fetch(self, run: Run = run_blocking) -> bool:
        """Bring what is new; whether anything was. One at a time, in all processes. Raises CommandError."""
        with self._alone():
            if not (self._repo / "HEAD").exists():
                self._output(("init", "--quiet", "--bare", str(self._repo)), run=run)
            # Of some branches only, git brings the tags that lead to what it fetches.
            tags = ("--no-tags",) if self._refspecs == REFSPECS else ()
            self._output(
                ("-c", "gc.autoDetach=false", "fetch", "--quiet", "--prune", *tags, "--force",
                 "--no-write-fetch-head", "--no-recurse-submodules", "origin", *self._refspecs),
                run=run, patience=FETCH_S,
            )  # fmt: skip
            refs = _refs(self._output(("for-each-ref", f"--format={REF_FORMAT}"), run=run).decode(errors="replace"))
            self._expire()
            if refs == self.refs() and (self.folder / "refs.json").exists():
                return False
            with replacing(str(self.folder / "refs.json"), mode=0o600, sync=True) as file:
                file.write(json.dumps(refs).encode())
            return True

    def _expire(self) -> None:
        try:
            for entry in os.scandir(self.folder / "blobs"):
                if time.time() - entry.stat().st_mtime > BLOBS_KEPT_S:
                    os.unlink(entry.path)
        except FileNotFoundError:
            return

    @contextmanager
    def _alone(self) -> Iterator[None]:
        os.makedirs(self.folder, 0o700, exist_ok=True)
        fd = os.open(self.folder / "fetching", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise CommandError("another process is fetching it") from None
            os.utime(fd)
            yield
        finally:
            os.close(fd)

    # -- git ----------------------------------------------------------------------------------------------------

    def _output(self, args: Sequence[str], *, run: Run = run_blocking, patience: float = READ_S) -> bytes:
        done = self._git(args, run=run, patience=patience)
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip()
            for secret in (signed_in(self.url, self._sign_in), self.url):
                said = said.replace(secret, "the remote")
            for secret in filter(None, (self._sign_in.password, self._sign_in.passphrase)):
                said = said.replace(secret, "**********").replace(quote(secret, safe=""), "**********")
            raise CommandError(f"git {next(arg for arg in args if arg.isalpha())} failed: {said}")
        return done.stdout or b""

    def _ssh(self) -> dict[str, str]:
        """The environment in which ssh signs in with a key of its own, and asks nobody at a terminal."""
        words = ["ssh", "-i", self._sign_in.privkey, "-o", "IdentitiesOnly=yes"]
        if not self._sign_in.passphrase:
            return {"GIT_SSH_COMMAND": shlex.join([*words, "-o", "BatchMode=yes"])}
        # ssh has a program tell it the passphrase; that has it from its environment.
        ask = self.folder / "passphrase"
        if not ask.exists():
            os.makedirs(self.folder, 0o700, exist_ok=True)
            with replacing(str(ask), mode=0o700) as file:
                file.write(ASK)
        return {
            "GIT_SSH_COMMAND": shlex.join([*words, "-o", "NumberOfPasswordPrompts=1"]),
            "SSH_ASKPASS": str(ask),
            "SSH_ASKPASS_REQUIRE": "force",
            TOLD_BY: self._sign_in.passphrase,
        }

    def _git(
        self, args: Sequence[str], *, run: Run = run_blocking, patience: float = READ_S
    ) -> subprocess.CompletedProcess[bytes]:
        env = {name: value for name, value in os.environ.items() if name not in STRAY}
        env |= {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C.UTF-8", "GIT_DIR": str(self._repo)}
        # Not in the arguments, which everybody on the host may read: a URL may have a password in it.
        config = {"remote.origin.url": signed_in(self.url, self._sign_in)}
        if not self._sign_in.ssl_verify:
            config["http.sslVerify"] = "false"
        if self._sign_in.proxy:
            config["http.proxy"] = self._sign_in.proxy
        env["GIT_CONFIG_COUNT"] = str(len(config))
        for number, (name, text) in enumerate(config.items()):
            env |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": text}
        if self._sign_in.privkey:
            env |= self._ssh()
        try:
            return run(("git", *args), env, patience)
        except FileNotFoundError:
            raise CommandError("The program git is not installed") from None
        except subprocess.TimeoutExpired:
            raise CommandError(f"git did not end within {patience:g} seconds") from None


def signed_in(url: str, sign_in: SignIn) -> str:
    """The URL with who signs in: git gives a password of a URL to that host, and to none that it is led on to."""
    if not sign_in.user:
        return url
    scheme, mark, rest = url.partition("://")
    who = quote(sign_in.user, safe="") + (":" + quote(sign_in.password, safe="") if sign_in.password else "")
    return f"{scheme}{mark}{who}@{rest.rpartition('@')[2]}"


def _refs(text: str) -> dict[str, str]:
    """Refs by name without `refs/`, each with its commit; what leads to no commit is left out."""
    found = {}
    for line in text.splitlines():
        kind, oid, ref, *peeled = line.split()
        if peeled:
            kind, oid = peeled
        if kind == "commit":
            found[ref.removeprefix("refs/")] = oid
    return found
