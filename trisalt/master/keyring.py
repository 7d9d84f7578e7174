"""The key files: accepted, pending, rejected, denied. Plain synchronous code, so `salt-key` works with the master down.

The files are the truth, and tools move them behind our back: everything is read anew, nothing is cached. No RSA in
here but `make_pair`: fingerprints are hashes of the PEM's body, and whether a file holds a public key is read off it.
Source of the layout and of the modes: stock Salt 3008.3.
"""

from __future__ import annotations

import binascii
import enum
import os
import stat
from collections.abc import Callable, Iterable, Mapping

from trisalt.errors import ConfigError, RemoteProtocolError
from trisalt.wire.ids import valid_minion_id

FOLDER_MODE = 0o700
KEY_MODE = 0o600
AUTOSIGN = "minions_autosign"
# No public key of 16384 bits is as long in PEM.
MAX_PEM = 16 * 1024
MAX_EXPONENT = 1 << 33

# rsaEncryption, as DER has it.
RSA_OID = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"

Ids = list[str]


class State(enum.Enum):
    """Where a key is. The value is the folder's name; in this order the commands print them."""

    ACCEPTED = "minions"
    DENIED = "minions_denied"
    PENDING = "minions_pre"
    REJECTED = "minions_rejected"


# What counts when an id is in several: a rejection before all else, a denied key beside anything.
_PRECEDENCE = (State.REJECTED, State.ACCEPTED, State.PENDING, State.DENIED)
_EXCLUSIVE = (State.ACCEPTED, State.PENDING, State.REJECTED)


class Keyring:
    """The minions' keys below one PKI folder. `hash_type` is that of the fingerprints."""

    def __init__(self, pki_dir: str | os.PathLike[str], *, hash_type: str = "sha256", permissive: bool = False) -> None:
        self.pki_dir = os.fspath(pki_dir)
        self._hash_type = hash_type
        self._permissive = permissive
        self._told: set[tuple[str, int]] = set()

    def prepare(self) -> None:
        """Make the folders that are missing, and give them their modes (0700; 0750 when `permissive`)."""
        mode = FOLDER_MODE | 0o050 if self._permissive else FOLDER_MODE
        for name in ("", *(state.value for state in State), AUTOSIGN):
            folder = os.path.join(self.pki_dir, name)
            os.makedirs(folder, mode, exist_ok=True)
            if stat.S_IMODE(os.stat(folder).st_mode) != mode:
                os.chmod(folder, mode)

    # -- reading ---------------------------------------------------------------------------------------------

    def state(self, id: str) -> State | None:
        """Where the key of `id` counts: rejected, else accepted, else pending, else denied only; None: unknown."""
        if not valid_minion_id(id):
            return None
        return next((state for state in _PRECEDENCE if self._has(id, state)), None)

    def has(self, id: str, state: State) -> bool:
        """Whether a key of `id` is there in one state, whatever else there is."""
        return valid_minion_id(id) and self._has(id, state)

    def _has(self, id: str, state: State) -> bool:
        return os.path.isfile(self._path(id, state))

    def read(self, id: str, state: State) -> str | None:
        """The stored PEM, stripped; None if there is none."""
        if not valid_minion_id(id):
            return None
        try:
            with open(self._path(id, state), "rb") as file:
                return file.read(MAX_PEM).decode("utf-8", "replace").replace("\r\n", "\n").strip()
        except OSError:
            return None

    def list(self, state: State) -> Ids:
        """The ids in one state, sorted; hidden files and names that are no ids are not there."""
        try:
            with os.scandir(os.path.join(self.pki_dir, state.value)) as entries:
                ids = [entry.name for entry in entries if valid_minion_id(entry.name) and entry.is_file()]
        except FileNotFoundError:
            return []
        return sorted(ids, key=lambda id: (id.lower(), id))

    def list_all(self) -> dict[State, Ids]:
        """The ids by state."""
        return {state: self.list(state) for state in State}

    def match(self, pattern: str, states: Iterable[State]) -> dict[State, Ids]:
        """The ids that a glob (or a comma separated list of globs) names, by state; states without any are left out."""
        wanted = _globs(pattern)
        found = {state: [id for id in self.list(state) if wanted(id)] for state in states}
        return {state: ids for state, ids in found.items() if ids}

    def fingerprint(self, id: str, state: State) -> str | None:
        """Colon-separated hex of the hash over the PEM's body."""
        pem = self.read(id, state)
        return None if pem is None else fingerprint(pem, self._hash_type)

    def local_keys(self) -> dict[str, str]:
        """The master's own public key files: name to PEM."""
        found = {}
        for name in sorted(os.listdir(self.pki_dir) if os.path.isdir(self.pki_dir) else ()):
            if name.endswith(".pub") and name[0] != ".":
                try:
                    with open(os.path.join(self.pki_dir, name), encoding="utf-8", errors="replace") as file:
                        found[name] = file.read(MAX_PEM).strip()
                except OSError:
                    continue
        return found

    def local_fingerprints(self, pattern: str = "*") -> dict[str, str]:
        """The fingerprints of the master's own key files, both halves: name to fingerprint. Links are left out.

        `pattern` is a glob, or several with commas. Source: what stock Salt 3008.3 lists as local keys.
        """
        wanted, found = _globs(pattern), {}
        for name in sorted(os.listdir(self.pki_dir) if os.path.isdir(self.pki_dir) else ()):
            path = os.path.join(self.pki_dir, name)
            if name[0] == "." or not name.endswith((".pem", ".pub")) or not wanted(name):
                continue
            if os.path.islink(path) or not os.path.isfile(path):
                continue
            with open(path, encoding="utf-8", errors="replace") as file:
                found[name] = fingerprint(file.read(MAX_PEM).strip(), self._hash_type)
        return found

    # -- changing --------------------------------------------------------------------------------------------

    def store(self, id: str, pem: str, state: State) -> None:
        """Write a key in one state; `DENIED` leaves other states alone, all others make it the only one but denied.

        Raises RemoteProtocolError for an id that may not be a file name, and for an accepted key that is none.
        """
        if not valid_minion_id(id):
            raise RemoteProtocolError("not a valid minion id")
        if state is State.ACCEPTED and not is_public_key(pem):
            raise RemoteProtocolError("the public key does not parse")
        self._make_folder(state)
        _write(self._path(id, state), pem.encode())
        if state is not State.DENIED:
            for other in _EXCLUSIVE:
                if other is not state:
                    _remove(self._path(id, other))

    def move(self, id: str, target: State, sources: Iterable[State]) -> State | None:
        """Move a key from the first of `sources` that has it; where it came from, or None."""
        if not valid_minion_id(id):
            return None
        for source in sources:
            if not os.path.lexists(self._path(id, source)):
                continue
            self._make_folder(target)
            try:
                os.replace(self._path(id, source), self._path(id, target))
            except FileNotFoundError:
                continue
            # The new place first: a crash between leaves two names, never none.
            _sync_folder(os.path.join(self.pki_dir, target.value))
            _sync_folder(os.path.join(self.pki_dir, source.value))
            if target is not State.DENIED:
                for other in _EXCLUSIVE:
                    if other is not target:
                        _remove(self._path(id, other))
            return source
        return None

    def accept(self, id: str, *, include_rejected: bool = False, include_denied: bool = False) -> State | None:
        """Accept a pending key (or a rejected, or a denied one, when included); where it came from, or None.

        Raises RemoteProtocolError when the file does not hold a public key in PEM: such a file is never accepted.
        """
        sources = [State.PENDING]
        sources += [State.REJECTED] if include_rejected else []
        sources += [State.DENIED] if include_denied else []
        return next((source for source in sources if self.accept_from(id, source)), None)

    def accept_from(self, id: str, source: State) -> bool:
        """Accept the key that is in one state; whether there was one. Raises as `accept` does."""
        pem = self.read(id, source)
        if pem is None:
            return False
        if not is_public_key(pem):
            raise RemoteProtocolError(f"the public key of {id} does not parse")
        return self.move(id, State.ACCEPTED, [source]) is not None

    def reject(self, id: str, *, include_accepted: bool = False, include_denied: bool = False) -> State | None:
        """Reject a pending key (or an accepted, or a denied one, when included); where it came from, or None."""
        sources = [State.PENDING]
        sources += [State.ACCEPTED] if include_accepted else []
        sources += [State.DENIED] if include_denied else []
        return self.move(id, State.REJECTED, sources)

    def delete(self, id: str, states: Iterable[State] = tuple(State)) -> tuple[State, ...]:
        """Remove a key from these states; those it was in."""
        if not valid_minion_id(id):
            return ()
        gone = tuple(state for state in states if _remove(self._path(id, state)))
        for state in gone:
            _sync_folder(os.path.join(self.pki_dir, state.value))
        return gone

    # -- signing on by rule ----------------------------------------------------------------------------------

    def autorejected(self, id: str, autoreject_file: str | None) -> bool:
        """Whether a line of `autoreject_file` names `id`."""
        return any(_names(line, id) for line in self._rules(autoreject_file))

    def autosigned(
        self,
        id: str,
        *,
        now: float,
        autosign_file: str | None = None,
        autosign_timeout: float = 120,
        autosign_grains_dir: str | None = None,
        grains: Mapping[str, object] | None = None,
    ) -> bool:
        """Whether a rule signs `id` on: a line of `autosign_file`, a stub in `minions_autosign/` (consumed; it lives
        `autosign_timeout` minutes of wall time `now`), or a grain whose value stands in `autosign_grains_dir/<grain>`.

        Files that others may write are ignored, and said so once.
        """
        if not valid_minion_id(id):
            return False
        if any(_names(line, id) for line in self._rules(autosign_file)):
            return True
        if self._take_stub(id, now - 60 * autosign_timeout if autosign_timeout > 0 else None):
            return True
        if not autosign_grains_dir or not grains:
            return False
        return any(
            str(value) in self._rules(os.path.join(autosign_grains_dir, name))
            for name, value in grains.items()
            if valid_minion_id(name)  # it is to be a file's name
        )

    def _rules(self, path: str | None) -> Ids:
        """The lines of a file of rules, without comments; none of one that others may write."""
        if not path:
            return []
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                if not self._trusted(path, os.fstat(file.fileno())):
                    return []
                lines = [line.strip() for line in file]
        except OSError:
            return []
        return [line for line in lines if line and line[0] != "#"]

    def _trusted(self, path: str, info: os.stat_result) -> bool:
        others = stat.S_IWOTH if self._permissive else stat.S_IWOTH | stat.S_IWGRP
        if not info.st_mode & others:
            return True
        if (path, info.st_ino) not in self._told:
            self._told.add((path, info.st_ino))
            # structlog costs more than all else a thin command does, and only a master comes this way.
            import structlog

            structlog.get_logger().warning("auth.rules_ignored", path=path, mode=oct(stat.S_IMODE(info.st_mode)))
        return False

    def _take_stub(self, id: str, oldest: float | None) -> bool:
        """Whether `minions_autosign/` held a stub for `id`, which is gone now, like all that are too old."""
        folder = os.path.join(self.pki_dir, AUTOSIGN)
        try:
            with os.scandir(folder) as entries:
                stubs = [(entry.name, entry.stat().st_mtime) for entry in entries if entry.is_file()]
        except OSError:
            return False
        found = False
        for name, written in stubs:
            expired = oldest is not None and written < oldest
            if expired or name == id:
                removed = _remove(os.path.join(folder, name))
                found = found or (removed and not expired)
        return found

    def _make_folder(self, state: State) -> None:
        """The folder of a state, should somebody have removed it; as its parent's owner has it."""
        folder = os.path.join(self.pki_dir, state.value)
        if os.path.isdir(folder):
            return
        os.makedirs(folder, FOLDER_MODE | 0o050 if self._permissive else FOLDER_MODE, exist_ok=True)
        owner = os.stat(self.pki_dir)
        if os.geteuid() == 0:
            os.chown(folder, owner.st_uid, owner.st_gid)

    def _path(self, id: str, state: State) -> str:
        return f"{self.pki_dir}/{state.value}/{id}"


def fingerprint(pem: str, hash_type: str = "sha256") -> str:
    """Colon-separated hex of the hash over the PEM's body: its lines between the first and the last, with line ends."""
    import hashlib  # `salt-key -L` does without

    lines = [line for line in pem.splitlines() if line.strip()]
    body = "".join(f"{line}\n" for line in lines[1:-1])
    try:
        return hashlib.new(hash_type, body.encode(), usedforsecurity=False).digest().hex(":")
    except (ValueError, TypeError):
        raise ConfigError(f"hash_type: {hash_type!r} is no hash for fingerprints") from None


def is_public_key(pem: str) -> bool:
    """Whether this is an RSA public key of 1024 to 16384 bits in PEM: as much as can be seen without doing RSA."""
    if len(pem) > MAX_PEM:
        return False
    first, _, text = pem.strip().partition("KEY-----")
    whole = first == "-----BEGIN PUBLIC "
    if not whole and first != "-----BEGIN RSA PUBLIC ":
        return False
    body, mark, _ = text.partition(f"{first.replace('BEGIN', 'END')}KEY-----")
    if not mark:
        return False
    try:
        # White space may be anywhere in it, as for the libraries that a sign-in reads it with.
        data = binascii.a2b_base64("".join(body.split()), strict_mode=True)
        if whole:
            algorithm, bits = _der(_der(data, 0x30)[0], 0x30)
            if _der(algorithm, 0x06)[0] != RSA_OID:
                return False
            data = _der(bits, 0x03)[0][1:]
        modulus, rest = _der(_der(data, 0x30)[0], 0x02)
        exponent = int.from_bytes(_der(rest, 0x02)[0])
    except (ValueError, IndexError):
        return False
    size = int.from_bytes(modulus).bit_length()
    sound = modulus[0] < 128 and modulus[-1] & 1 == 1 and exponent & 1 == 1
    return sound and 1024 <= size <= 16384 and 2 < exponent <= MAX_EXPONENT


def _der(data: bytes, tag: int) -> tuple[bytes, bytes]:
    """The content of the DER value that `data` begins with, and what follows it. Raises ValueError, IndexError."""
    if data[0] != tag:
        raise ValueError("another tag")
    length, start = data[1], 2
    if length & 0x80:
        start = 2 + (length & 0x7F)
        length = int.from_bytes(data[2:start])
    content = data[start : start + length]
    if len(content) != length:
        raise ValueError("cut short")
    return content, data[start + length :]


def make_pair(
    folder: str | os.PathLike[str], name: str, *, keysize: int = 2048, user: str | None = None
) -> tuple[str, str]:
    """Write a new RSA pair `<name>.pem` (0400) and `<name>.pub` (0644); their paths. `user` owns them then."""
    from trisalt.wire.keys import PrivateKey  # cryptography costs more than all else a thin command does

    if not valid_minion_id(name):
        raise RemoteProtocolError(f"{name!r} cannot name a pair of keys")
    key = PrivateKey.generate(keysize)
    paths = (os.path.join(folder, f"{name}.pem"), os.path.join(folder, f"{name}.pub"))
    for path, data, mode in zip(paths, (key.pem, key.public.pem.encode()), (0o400, 0o644), strict=True):
        _write(path, data, mode=mode, user=user)
    return paths


def request_rotation(cachedir: str | os.PathLike[str], master_id: str, *, user: str | None = None) -> None:
    """Leave stock's drop file `.dfn` (mode 0400, content = the master's id, owned by the master's user): the master
    makes a new shared key when it sees it."""
    _write(os.path.join(cachedir, ".dfn"), master_id.encode(), mode=0o400, user=user)


def _write(path: str, data: bytes, *, mode: int = KEY_MODE, user: str | None = None) -> None:
    """Write a file that is whole or not there, and was never readable by others."""
    new = os.path.join(os.path.dirname(path), f".{os.path.basename(path)[:200]}.{os.getpid()}.{os.urandom(4).hex()}")
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with open(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(fd, mode)
            if user and os.geteuid() == 0:
                os.fchown(fd, *_owner(user))
            os.fsync(fd)
        os.replace(new, path)
        _sync_folder(os.path.dirname(path))
    except BaseException:
        _remove(new)
        raise


def _sync_folder(folder: str) -> None:
    fd = os.open(folder or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _owner(user: str) -> tuple[int, int]:
    import pwd  # no account is looked up by a command that only reads

    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        raise ConfigError(f"user: this host has no account {user!r}") from None
    return entry.pw_uid, entry.pw_gid


def _remove(path: str) -> bool:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    return True


def _globs(pattern: str) -> Callable[[str], bool]:
    """Whether a name is one that a glob, or a list of globs with commas between, names."""
    from fnmatch import fnmatchcase  # with regular expressions it costs as much as all else `salt-key -L` does

    globs = pattern.split(",")
    return lambda name: any(fnmatchcase(name, glob) for glob in globs)


def _names(line: str, id: str) -> bool:
    """Whether a line of rules names `id`: exactly, as a glob, or as a regular expression for all of it."""
    import re  # only a master asks for rules
    from fnmatch import fnmatchcase

    if line == id or fnmatchcase(id, line):
        return True
    try:
        return re.fullmatch(line, id) is not None
    except re.error:
        return False
