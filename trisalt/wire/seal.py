"""Secrets at rest: sealed with AES-256-GCM under a key that is made from another secret, and bound to their name.

What it is worth is what that other secret's place is worth. The master's is its private key: a copy of the cache, a
backup of it or its database alone, opens nothing; whoever can read `pki_dir` too is the master anyway.
"""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from trisalt.errors import RemoteProtocolError

_MARK = b"tri1"
_NONCE_SIZE = 12


class Seal:
    """Seals and opens under a key derived from `secret`."""

    __slots__ = ("_cipher",)

    def __init__(self, secret: bytes) -> None:
        key = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"trisalt: secrets at rest").derive(secret)
        self._cipher = AESGCM(key)

    def __repr__(self) -> str:
        return "Seal(…)"

    def seal(self, secret: bytes, *, name: str) -> bytes:
        """`secret`, sealed: it opens under this `name` only."""
        nonce = os.urandom(_NONCE_SIZE)
        return _MARK + nonce + self._cipher.encrypt(nonce, secret, name.encode())

    def open(self, sealed: bytes, *, name: str) -> bytes:
        """What `seal` sealed. Raises RemoteProtocolError if it was not sealed so."""
        nonce, body = sealed[len(_MARK) : len(_MARK) + _NONCE_SIZE], sealed[len(_MARK) + _NONCE_SIZE :]
        if not sealed.startswith(_MARK) or len(nonce) != _NONCE_SIZE:
            raise RemoteProtocolError("it is not sealed")
        try:
            return self._cipher.decrypt(nonce, body, name.encode())
        except InvalidTag:
            raise RemoteProtocolError("it does not open: it was sealed under another key, or changed") from None
