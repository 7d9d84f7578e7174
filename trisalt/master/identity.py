"""Who this master is: its RSA pair, the shared AES key of now, and the keys of the local commands.

The files are stock Salt's, so a machine can change hands both ways. Signing in and rotation are `master/auth`'s,
publications `master/publisher`'s; both hold the one `Identity` that `master/daemon` opens.
"""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import structlog

from trisalt.errors import ConfigError
from trisalt.master.sessions import write_private
from trisalt.master.shared import KeptKey, new_shared_key
from trisalt.wire.crypticle import Crypticle, generate_key_string
from trisalt.wire.handshake import public_key_signature
from trisalt.wire.ids import plain_name
from trisalt.wire.keys import SIGNING, PrivateKey, normalise
from trisalt.wire.seal import Seal

log = structlog.get_logger()


class Identity:
    """The master's pair and its present shared key.

    `id` is the master's id option (`<host>_master` by default); `pub_sigs` the signing key's word for the public key,
    by each algorithm that a minion may want it by; none unless `master_sign_pubkey` is on. The shared key is a new one:
    `kept` (see `master/shared`) has it survive.
    """

    def __init__(self, key: PrivateKey, *, id: str, pub_sigs: Mapping[str, str] | None = None) -> None:
        self.id = id
        self.key = key
        self.pub_sigs = pub_sigs or {}
        self.kept: KeptKey | None = None
        self.shared = new_shared_key(key)

    @cached_property
    def seal(self) -> Seal:
        """What this master's secrets at rest are sealed with."""
        return Seal(self.key.pem)

    def keep_shared_key(self, kept: KeptKey, *, fresh: bool) -> None:
        """Have the shared key survive the daemon. The one of an earlier run is taken up again, unless `fresh`."""
        self.kept = kept
        again = None if fresh else kept.take_up(self.key)
        if again is None:
            kept.keep(self.shared)
        else:
            self.shared = again

    def rotate(self) -> None:
        """Another shared key, from the next publication on. Blocking: it signs, and it is on the disk when it counts.

        Never the other way round: a master that is started again must not go back to a key that was replaced.
        """
        fresh = new_shared_key(self.key)
        if self.kept is not None:
            self.kept.keep(fresh)
        self.shared = fresh


def open_identity(
    pki_dir: Path,
    *,
    id: str,
    keysize: int = 2048,
    sign_key_name: str | None = None,
    signature_name: str | None = None,
    key_pass: str | None = None,
    signing_key_pass: str | None = None,
) -> Identity:
    """The master's identity from `pki_dir`; its pair is made there if there is none.

    `sign_key_name` (`master_sign_pubkey`) names the pair that signs the public key, made if there is none;
    `signature_name` (`master_use_pubkey_signature`) a file with a signature that was made elsewhere. `key_pass` and
    `signing_key_pass` are what the private keys are encrypted with, if they are.
    Raises ConfigError for a key or signature that cannot be read.
    """
    key = _open_pair(pki_dir, id.removesuffix("_master"), keysize, key_pass)
    pub_sigs: dict[str, str] = {}
    if signature_name:
        pub_sigs = dict.fromkeys(SIGNING, _read(pki_dir / signature_name).decode().strip())
    elif sign_key_name:
        sign_key = _named_pair(pki_dir, sign_key_name, keysize, signing_key_pass)
        pub_sigs = {algo: public_key_signature(sign_key, key.public.pem, algo) for algo in SIGNING}
    return Identity(key, id=id, pub_sigs=pub_sigs)


def _open_pair(pki_dir: Path, name: str, keysize: int, passphrase: str | None) -> PrivateKey:
    """The pair as stock Salt 3008 lays it out: `<name>.pem`, and `master.pem` a link to it. Before 3008 `master.pem`
    was the file itself: such a pair is used as it lies, so the older Salt may have it back."""
    old = pki_dir / "master.pem"
    if not (pki_dir / f"{name}.pem").exists() and old.exists():
        return _named_pair(pki_dir, "master", keysize, passphrase)
    key = _named_pair(pki_dir, name, keysize, passphrase)
    for suffix in (".pem", ".pub"):
        link = pki_dir / f"master{suffix}"
        if not os.path.lexists(link):
            link.symlink_to(f"{name}{suffix}")
    return key


def _named_pair(pki_dir: Path, name: str, keysize: int, passphrase: str | None) -> PrivateKey:
    path = pki_dir / f"{name}.pem"
    if path.exists():
        data = _read(path)
        try:
            key = PrivateKey.from_pem(data, passphrase)
        except ConfigError as exc:
            raise ConfigError(f"{path}: {exc}") from exc
    else:
        log.info("master.keys_generated", path=str(pki_dir), name=name)
        key = PrivateKey.generate(keysize)
        _write_pair(path, key.sealed_pem(passphrase))
    pub = pki_dir / f"{name}.pub"
    if not pub.exists() or normalise(_read(pub)) != key.public.pem:
        _write_pair(pub, key.public.pem.encode())
    return key


def _write_pair(path: Path, data: bytes) -> None:
    """Minions pin the key at once: it is the same one after a power cut."""
    with _writing(path):
        write_private(path, data, mode=0o400, durable=True)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise ConfigError(f"{path} cannot be written: {exc.strerror}") from exc


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise ConfigError(f"{path}: {exc.strerror}") from exc


# -- the keys of the local commands ------------------------------------------------------------------------------


def open_user_keys(cachedir: Path, *, user: str, acl_users: Iterable[str] = (), verify: bool = True) -> dict[str, str]:
    """`{user: key string}`: `CACHE/.<user>_key`, 0600, kept over restarts and made where there is none.

    One for `user`, the account the master runs as, and one for each account of this host whose name matches a
    pattern of `acl_users` (`publisher_acl`); those files belong to their users. A key that is readable by others, or
    no key string, is replaced. Without `verify` (`client_acl_verify`) the accounts are not gone through: for a host
    whose directory has very many, each name of `acl_users` is one, or is none of this host.
    """
    keys = {user: _user_key(cachedir, user, owner=None)}
    patterns = list(acl_users)
    if not verify:
        for name in patterns:
            if name != user and plain_name(name):
                keys[name] = _user_key(cachedir, name, owner=_account(name))
    elif patterns:
        for entry in pwd.getpwall():
            if entry.pw_name != user and any(_names(pattern, entry.pw_name) for pattern in patterns):
                keys[entry.pw_name] = _user_key(cachedir, entry.pw_name, owner=entry)
    return keys


def _account(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _names(pattern: str, name: str) -> bool:
    try:
        return re.fullmatch(pattern, name) is not None
    except re.error:
        return pattern == name


def _user_key(cachedir: Path, user: str, *, owner: pwd.struct_passwd | None) -> str:
    path = cachedir / f".{user}_key"
    try:
        with open(
            os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), encoding="ascii", errors="replace"
        ) as file:
            if not os.fstat(file.fileno()).st_mode & 0o077:
                text = file.read().strip()
                Crypticle(text)
                return text
    except Exception as exc:
        # Missing, unreadable, or no key string: this is where a new one is made.
        log.debug("master.user_key_made", user=user, reason=str(exc))
    text = generate_key_string()
    ids = (owner.pw_uid, owner.pw_gid) if owner is not None and os.geteuid() == 0 else None
    with _writing(path):
        write_private(path, text.encode(), owner=ids)
    return text
