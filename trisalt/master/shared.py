"""The shared AES key that publications are sealed with, and how it survives a restart: in one file, sealed.

A minion drops a serial that it has had under the same key, so the file says up to where serials may have been given
out. `master/identity` holds the key of now, `master/auth` decides when there must be another.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import attrs
import structlog

from trisalt.errors import ProtocolError, RemoteProtocolError
from trisalt.master.sessions import write_private
from trisalt.wire import codec
from trisalt.wire.crypticle import Crypticle, generate_key_string
from trisalt.wire.handshake import aes_digest_signature
from trisalt.wire.keys import PrivateKey
from trisalt.wire.seal import Seal

log = structlog.get_logger()

# Serials that are written down as given out, before they are: one write for so many publications.
RESERVED = 1_000_000
# How often the file is told that the key is in use, as a part of how long it may lie unused.
TOUCH = 24
NAME = "shared key"


@attrs.define(kw_only=True, eq=False)
class SharedKey:
    """One key. `digest_sig` is the master's word for it, made once.

    `holders` are the minions that were given it; None after a restart, when anybody may have been. `reserve` is called
    before a serial above `reserved` is given out.
    """

    crypticle: Crypticle
    digest_sig: bytes
    serial: int = 0
    holders: set[str] | None = attrs.field(factory=set)
    reserved: int = RESERVED
    reserve: Callable[[SharedKey], object] | None = None

    def next_serial(self) -> int:
        """The number of the next publication under this key: 1, 2, 3, …; with a gap after a restart."""
        self.serial += 1
        if self.serial > self.reserved:
            self.reserved += RESERVED
            if self.reserve is not None:
                self.reserve(self)
        return self.serial


def new_shared_key(key: PrivateKey) -> SharedKey:
    """Another shared key, vouched for by `key`. It signs: milliseconds, so in a thread once all runs."""
    key_string = generate_key_string()
    return SharedKey(crypticle=Crypticle(key_string), digest_sig=aes_digest_signature(key, key_string))


class KeptKey:
    """The file at `path` with the shared key in it. One that lay unused for longer than `lifetime` seconds is not
    taken up again: no session has lived as long. Blocking."""

    def __init__(self, path: Path, seal: Seal, *, lifetime: float) -> None:
        self.touch_every = max(lifetime / TOUCH, 1.0)
        self._path = path
        self._seal = seal
        self._lifetime = lifetime

    def take_up(self, key: PrivateKey) -> SharedKey | None:
        """The key of the run before, its further serials reserved; None where there is none that may be used."""
        try:
            idle = time.time() - os.stat(self._path).st_mtime
            load = codec.unpack(self._seal.open(self._path.read_bytes(), name=NAME))
            if idle > self._lifetime:
                log.info("aes_key.too_old", path=str(self._path), idle_s=round(idle))
                return None
            match load:
                case {"key": str() as key_string, "reserved": int() as serial}:
                    taken = SharedKey(
                        crypticle=Crypticle(key_string),
                        digest_sig=aes_digest_signature(key, key_string),
                        serial=serial,
                        holders=None,
                        reserved=serial + RESERVED,
                    )
                    return taken if self.keep(taken) else None
            raise RemoteProtocolError("it holds no key")
        except FileNotFoundError:
            return None
        except (OSError, ProtocolError) as exc:
            log.warning("aes_key.not_taken_up", path=str(self._path), reason=str(exc))
            return None

    def keep(self, shared: SharedKey) -> bool:
        """Write the key down, in the place of the one before. Where that fails, neither is there, as far as we can."""
        shared.reserve = self.keep
        load = codec.pack_bin({"key": shared.crypticle.key_string, "reserved": shared.reserved})
        try:
            write_private(self._path, self._seal.seal(load, name=NAME), durable=True)
        except OSError as exc:
            log.error("aes_key.not_kept", path=str(self._path), reason=exc.strerror)
            self._drop()
            return False
        return True

    def touch(self) -> None:
        """The key is in use: it may be taken up again from now on for as long as a session lives."""
        try:
            os.utime(self._path)
        except OSError as exc:
            log.debug("aes_key.untouched", path=str(self._path), reason=exc.strerror)

    def _drop(self) -> None:
        try:
            os.unlink(self._path)
        except FileNotFoundError:
            pass
        except OSError as exc:
            log.error("aes_key.not_dropped", path=str(self._path), reason=exc.strerror)
