"""Salt's symmetric envelope: AES-192-CBC, then HMAC-SHA256, around `pickle::`, a nonce in replies, and msgpack."""

from __future__ import annotations

from typing import Any

from trisalt.errors import RemoteProtocolError


class WrongKey(RemoteProtocolError):
    """It was sealed with another key, or changed on its way."""


def generate_key_string() -> str:
    """A new key string: base64 of 24 bytes AES key and 32 bytes HMAC key."""
    raise NotImplementedError


class Crypticle:
    """Seals and opens under one key string. Keep it: making one costs more than using it."""

    key_string: str

    def __init__(self, key_string: str | bytes) -> None:
        """Raises RemoteProtocolError if the text is no key string."""
        raise NotImplementedError

    def encrypt(self, data: bytes) -> bytes:
        """IV, ciphertext, MAC."""
        raise NotImplementedError

    def decrypt(self, data: bytes) -> bytes:
        """Raises WrongKey if the MAC does not fit, RemoteProtocolError if what it guards is no padded text."""
        raise NotImplementedError

    def dumps(self, obj: object, nonce: str = "") -> bytes:
        """Seal `obj`; `nonce` is the request's own, in replies."""
        raise NotImplementedError

    def loads(self, data: bytes, nonce: str | None = None, *, raw: bool = False) -> Any:
        """Open what `dumps` sealed. A `nonce` that is not the sealed one raises RemoteProtocolError.

        `raw` leaves every string as bytes.
        """
        raise NotImplementedError
