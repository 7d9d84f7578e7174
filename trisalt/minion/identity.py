"""The minion's key files: its own pair, the pinned master key, the key that signs master keys.

`PKI/minion.pem` and `minion.pub` (0400) are made at the first start; `minion_master.pub` (0644) is written by
`signin` after an answer has been verified, never before. All calls block on files; RSA runs in a thread.
Source of names and modes: stock Salt 3008.3.
"""

from __future__ import annotations

import os
from pathlib import Path

import attrs
import structlog
import trio

from trisalt.errors import ConfigError, RemoteProtocolError
from trisalt.wire.crypticle import generate_key_string
from trisalt.wire.keys import PrivateKey, PublicKey, normalise

log = structlog.get_logger()


@attrs.frozen(kw_only=True)
class Identity:
    """Who this minion is: its id, its pair, and the token of this process that proves a master knows its key."""

    id: str
    pki_dir: Path
    key: PrivateKey = attrs.field(repr=False)
    token: str = attrs.field(factory=generate_key_string, repr=False)

    @property
    def pinned_path(self) -> Path:
        """Where the master's key is pinned."""
        return self.pki_dir / "minion_master.pub"

    def pinned(self) -> PublicKey | None:
        """The pinned master key; None before the first sign-in. Raises ConfigError."""
        return _read_public(self.pinned_path)

    def pin(self, pem: str) -> None:
        """Pin the master's key, unless that very key is pinned. Raises ConfigError."""
        text = normalise(pem)
        try:
            if self.pinned_path.exists() and normalise(self.pinned_path.read_text()) == text:
                return
            _write(self.pinned_path, text.encode(), 0o644)
        except (OSError, UnicodeDecodeError) as exc:
            raise ConfigError(f"the master's key cannot be kept in {self.pinned_path}: {exc}") from exc

    def signing_key(self) -> PublicKey | None:
        """The public key that vouches for master keys (`master_sign.pub`); None if there is none."""
        return _read_public(self.pki_dir / "master_sign.pub")


async def open_identity(id: str, pki_dir: Path, *, keysize: int) -> Identity:
    """The minion's identity; its pair is made when it is not there. Raises ConfigError."""
    return await trio.to_thread.run_sync(_open, id, pki_dir, keysize)


def _open(id: str, pki_dir: Path, keysize: int) -> Identity:
    private, public = pki_dir / "minion.pem", pki_dir / "minion.pub"
    try:
        pki_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if private.exists():
            try:
                key = PrivateKey.from_pem(private.read_bytes())
            except ConfigError as exc:
                raise ConfigError(f"{private}: {exc}") from exc
        else:
            log.info("minion.keys_generated", pki_dir=str(pki_dir))
            key = PrivateKey.generate(keysize)
            # The private key last: a pair that was half written is made again.
            _write(public, key.public.pem.encode(), 0o400)
            _write(private, key.pem, 0o400)
        if not public.exists():
            _write(public, key.public.pem.encode(), 0o400)
    except OSError as exc:
        raise ConfigError(f"the minion's keys in {pki_dir} cannot be read or made: {exc}") from exc
    _ = key.tok  # One modular exponentiation, here in the thread; every request carries it.
    return Identity(id=id, pki_dir=pki_dir, key=key)


def _read_public(path: Path) -> PublicKey | None:
    try:
        return PublicKey.from_pem(path.read_text())
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, RemoteProtocolError) as exc:
        raise ConfigError(f"{path} holds no public key: {exc}") from exc


def _write(path: Path, data: bytes, mode: int) -> None:
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with open(descriptor, "wb") as out:
        os.fchmod(descriptor, mode)
        out.write(data)
        out.flush()
        os.fsync(descriptor)
    os.replace(fresh, path)
    # A pair that a power cut takes back makes this a stranger, to a master that knows the one it made first.
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
