"""Who may come in, and under which key: the accepted keys and the session keys, by minion id.

The files are the truth and tools move them behind the daemon's back, so each is looked at (one `stat`) on every use, or
their folder is once for many (`look`, then `recent`); what is kept in memory is only what was parsed from them.
`master/auth` hands sessions out, `master/request_server` opens requests with them. Keys lie where stock has them
(`PKI/minions/<id>`); sessions in a folder of ours, sealed. Stock's, `CACHE/sessions/<id>`, are bare key strings: those
that it left are taken over.
"""

from __future__ import annotations

import errno
import itertools
import os
import tempfile
from pathlib import Path

import structlog

from trisalt.errors import ProtocolError
from trisalt.master.unchanged import Unchanged
from trisalt.wire.crypticle import Crypticle, generate_key_string
from trisalt.wire.ids import valid_minion_id
from trisalt.wire.keys import PublicKey, normalise
from trisalt.wire.seal import Seal

log = structlog.get_logger()

Mark = tuple[int, int, int]

_WRITE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
# What is read of a key, or of a session, at a time: more than either has.
_CHUNK = 64 * 1024


class Sessions:
    """Session keys by minion id, sealed. `lifetime` is `publish_session`: seconds from its file's mtime on."""

    def __init__(self, folder: Path, seal: Seal, *, lifetime: float) -> None:
        self._folder = folder
        # As text: each request makes a path of it.
        self._prefix = f"{folder}/"
        self._seal = seal
        self._lifetime = lifetime
        self._known: dict[str, tuple[Mark, Crypticle]] = {}
        self._unchanged: Unchanged[tuple[float, Crypticle]] = Unchanged(folder)
        self.look = self._unchanged.look
        # Of files that are not whole yet: an id may be as long as a name can be.
        self._number = itertools.count()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def find(self, id: str, *, now: float) -> Crypticle | None:
        """The live session of `id`; None when there is none or it is too old. Makes nothing."""
        return self._younger(id, self._lifetime, now)

    def recent(self, id: str, *, now: float) -> Crypticle | None:
        """As `find`, but of a file that is the same as its folder said in the last `look`."""
        noted = self._unchanged.found.get(id)
        if noted is not None and now - noted[0] <= self._lifetime:
            return noted[1]
        found = self.find(id, now=now)
        if found is not None:
            self._unchanged.note(id, (self._known[id][0][0] / 1e9, found))
        return found

    def _younger(self, id: str, age: float, now: float) -> Crypticle | None:
        path = self._prefix + id
        info = _stat(path)
        if info is None or now - info.st_mtime > age:
            self._known.pop(id, None)
            return None
        mark = _mark(info)
        known = self._known.get(id)
        if known is not None and known[0] == mark:
            return known[1]
        try:
            crypticle = Crypticle(self._seal.open(_read(path), name=id))
        except (OSError, ProtocolError) as exc:
            log.warning("session.unreadable", id=id, reason=str(exc))
            return None
        self._known[id] = (mark, crypticle)
        return crypticle

    def open(self, id: str, *, now: float) -> Crypticle:
        """The live session of `id`, made if there is none: only for an id whose key has been accepted, and by one
        thread at a time for each.

        A key that would age within a tenth of its lifetime is replaced now, while its minion is told anyway.
        """
        if not valid_minion_id(id):
            raise ValueError(f"not a minion id: {id!r}")
        found = self._younger(id, self._lifetime * 0.9, now)
        if found is not None:
            return found
        key_string = generate_key_string()
        mark = self._write(id, key_string)
        crypticle = Crypticle(key_string)
        self._known[id] = (mark, crypticle)
        return crypticle

    def forget(self, id: str) -> None:
        """Remove the session of `id`."""
        self._known.pop(id, None)
        self._unchanged.found.pop(id, None)
        if valid_minion_id(id):
            (self._folder / id).unlink(missing_ok=True)

    def forget_departed(self, accepted: Path) -> list[str]:
        """Remove the sessions whose key is not in the folder `accepted`, or is a younger one than they: at start.

        The ids. A session is opened after its key was accepted: one that is older was another key's.
        """
        departed = []
        for entry in _entries(self._folder):
            key = _stat(str(accepted / entry.name))
            if valid_minion_id(entry.name) and (key is None or key.st_mtime_ns > entry.stat().st_mtime_ns):
                self.forget(entry.name)
                departed.append(entry.name)
        return sorted(departed)

    def take_over(self, bare: Path) -> None:
        """Seal the sessions that stock Salt left in the folder `bare`, and remove them there: at start.

        Those that are younger than ours: a stock master has been here since. With their age.
        """
        for entry in _entries(bare):
            if not valid_minion_id(entry.name):
                continue
            try:
                info = entry.stat()
                ours = _stat(str(self._folder / entry.name))
                if ours is None or ours.st_mtime_ns < info.st_mtime_ns:
                    self._write(entry.name, Crypticle(Path(entry.path).read_bytes()).key_string)
                    os.utime(self._folder / entry.name, ns=(info.st_atime_ns, info.st_mtime_ns))
                os.unlink(entry.path)
            except (OSError, ProtocolError) as exc:
                log.warning("session.unreadable", id=entry.name, reason=str(exc))

    def _write(self, id: str, key_string: str) -> Mark:
        """A file that is whole or not there, with as few calls as can be: thousands may be wanted at once, and each
        call gives the interpreter away."""
        sealed = self._seal.seal(key_string.encode(), name=id)
        fresh = f"{self._prefix}.{next(self._number)}.new"
        fd = os.open(fresh, _WRITE, 0o600)
        try:
            try:
                if os.write(fd, sealed) != len(sealed):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), fresh)
                mark = _mark(os.fstat(fd))
            finally:
                os.close(fd)
            os.replace(fresh, self._prefix + id)
        except BaseException:
            os.unlink(fresh)
            raise
        return mark


class AcceptedKeys:
    """The accepted public keys, parsed once and believed only while their file is the same."""

    def __init__(self, folder: Path) -> None:
        self._prefix = f"{folder}/"
        self._known: dict[str, tuple[Mark, PublicKey]] = {}
        self._unchanged: Unchanged[PublicKey] = Unchanged(folder)
        self.look = self._unchanged.look

    def may_be(self, id: str, pub: bytes) -> bool:
        """Whether `pub` may be the accepted key of `id`: one look, at a file that is not read for it."""
        info = _stat(self._prefix + id) if valid_minion_id(id) else None
        if info is None:
            return False
        known = self._known.get(id)
        return known is None or known[0] != _mark(info) or known[1].pem == normalise(pub)

    def offered(self, id: object, pub: object) -> PublicKey | None:
        """The key that `pub` says, whoever it is that says so, if it is the accepted one of `id`."""
        if not isinstance(id, str) or not isinstance(pub, str) or not valid_minion_id(id):
            return None
        key = self.find(id)
        return key if key is not None and key.pem == normalise(pub) else None

    def recent(self, id: str) -> PublicKey | None:
        """As `find`, but of a file that is the same as its folder said in the last `look`."""
        key = self._unchanged.found.get(id)
        if key is None and (key := self.find(id)) is not None:
            self._unchanged.note(id, key)
        return key

    def find(self, id: str) -> PublicKey | None:
        """The accepted key of `id`, None if there is none now. `id` is a valid one."""
        path = self._prefix + id
        info = _stat(path)
        if info is None:
            self._known.pop(id, None)
            return None
        mark = _mark(info)
        known = self._known.get(id)
        if known is not None and known[0] == mark:
            return known[1]
        try:
            key = PublicKey.from_pem(_read(path))
        except (OSError, ProtocolError) as exc:
            log.warning("key.unreadable", id=id, reason=str(exc))
            return None
        self._known[id] = (mark, key)
        self._unchanged.found.pop(id, None)
        return key


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if entry.is_file(follow_symlinks=False)]
    except OSError:
        return []


def _mark(info: os.stat_result) -> Mark:
    return info.st_mtime_ns, info.st_ino, info.st_size


def _stat(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except OSError:
        return None


def _read(path: str) -> bytes:
    """A small file. Of `open` each look at the file is a turn of the interpreter that others take."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(fd, _CHUNK)
    finally:
        os.close(fd)


def write_private(
    path: Path, data: bytes, *, mode: int = 0o600, owner: tuple[int, int] | None = None, durable: bool = False
) -> None:
    """Write a file that is whole or not there, and was never readable by others; `durable`: after a power cut too."""
    fd, name = tempfile.mkstemp(dir=path.parent, prefix=".")
    try:
        with open(fd, "wb") as file:
            file.write(data)
            os.fchmod(fd, mode)
            if owner is not None:
                os.fchown(fd, *owner)
            if durable:
                file.flush()
                os.fsync(fd)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
    if durable:
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
