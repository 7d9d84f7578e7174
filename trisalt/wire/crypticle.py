"""Salt's symmetric envelope: AES-192-CBC, then HMAC-SHA256, around `pickle::`, a nonce in replies, and msgpack."""

from __future__ import annotations

import base64
import binascii
import hmac
import os
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from trisalt.errors import RemoteProtocolError
from trisalt.wire import codec

_AES_SIZE = 24
_MAC_SIZE = 32
_BLOCK = 16
# Stock's prefix; nothing is ever unpickled.
_PREFIX = b"pickle::"
_PADS = [b"", *(bytes([n]) * n for n in range(1, _BLOCK + 1))]


class WrongKey(RemoteProtocolError):
    """It was sealed with another key, or changed on its way."""


def generate_key_string() -> str:
    """A new key string: base64 of 24 bytes AES key and 32 bytes HMAC key."""
    return base64.b64encode(os.urandom(_AES_SIZE + _MAC_SIZE)).decode()


class Crypticle:
    """Seals and opens under one key string. Keep it: making one costs more than using it."""

    __slots__ = ("_decryptor", "_encryptor", "_mac", "key_string")

    key_string: str

    def __init__(self, key_string: str | bytes) -> None:
        """Raises RemoteProtocolError if the text is no key string."""
        try:
            text = key_string.decode("ascii") if isinstance(key_string, bytes) else key_string
            raw = base64.b64decode(text.strip(), validate=True)
        except (binascii.Error, ValueError) as error:
            raise RemoteProtocolError("no key string") from error
        if len(raw) != _AES_SIZE + _MAC_SIZE:
            raise RemoteProtocolError("a key string of the wrong size")
        self.key_string = text.strip()
        # Made once: making them costs several times what they do with a load. CBC ties each block to the one before it
        # and to nothing else, so that a context that has been used goes on from wherever it is.
        cipher = Cipher(algorithms.AES(raw[:_AES_SIZE]), modes.CBC(bytes(_BLOCK)))
        self._encryptor = cipher.encryptor()
        self._decryptor = cipher.decryptor()
        self._mac = HMAC(raw[_AES_SIZE:], SHA256())

    def __repr__(self) -> str:
        return "Crypticle(…)"

    def encrypt(self, data: bytes) -> bytes:
        """IV, ciphertext, MAC."""
        # A random block is as random when it has gone through the cipher: that makes it the IV of those behind it.
        body = self._encryptor.update(os.urandom(_BLOCK) + data + _PADS[_BLOCK - len(data) % _BLOCK])
        return body + self._digest(body)

    def decrypt(self, data: bytes) -> bytes:
        """Raises WrongKey if the MAC does not fit, RemoteProtocolError if what it guards is no padded text."""
        body, mac = data[:-_MAC_SIZE], data[-_MAC_SIZE:]
        if not hmac.compare_digest(self._digest(body), mac):
            raise WrongKey("the MAC does not fit")
        if len(body) < 2 * _BLOCK or len(body) % _BLOCK:
            raise RemoteProtocolError("a ciphertext of the wrong size")
        # The IV goes first, as any block that the next one is tied to; what itself becomes means nothing.
        padded = self._decryptor.update(body)[_BLOCK:]
        pad = padded[-1]
        if not 1 <= pad <= _BLOCK or not padded.endswith(_PADS[pad]):
            raise RemoteProtocolError("bad padding")
        return padded[:-pad]

    def _digest(self, body: bytes) -> bytes:
        mac = self._mac.copy()
        mac.update(body)
        return mac.finalize()

    def seal(self, packed: bytes, nonce: str = "") -> bytes:
        """Seal what is packed already."""
        return self.encrypt(_PREFIX + nonce.encode() + packed)

    def open(self, data: bytes, nonce: str | None = None) -> bytes:
        """Open what `seal` sealed, still packed. Raises as `loads` does."""
        plain = self.decrypt(data)
        if not plain.startswith(_PREFIX):
            raise RemoteProtocolError("no load under the seal")
        start = len(_PREFIX)
        if nonce:
            expected = nonce.encode()
            found = plain[start : start + len(expected)]
            if not hmac.compare_digest(found, expected):
                raise RemoteProtocolError("the nonce is not ours")
            start += len(expected)
        return plain[start:]

    def dumps(self, obj: object, nonce: str = "") -> bytes:
        """Seal `obj`; `nonce` is the request's own, in replies."""
        return self.seal(codec.pack(obj), nonce)

    def loads(self, data: bytes, nonce: str | None = None, *, raw: bool = False) -> Any:
        """Open what `dumps` sealed. A `nonce` that is not the sealed one raises RemoteProtocolError.

        `raw` leaves every string as bytes. Raises WrongKey if it was sealed with another key.
        """
        packed = self.open(data, nonce)
        return codec.unpack_raw(packed) if raw else codec.unpack(packed)
