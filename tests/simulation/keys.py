"""Keys of a run: a pair that is made once in a process, and arithmetic that costs nothing.

With `quick` keys what is signed, encrypted and opened under RSA keeps its shape and its meaning: only the owner of a pair
signs and opens, and what was changed is refused. A sixth of a short run would be spent on the real thing.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives import serialization

from tests.simulation.platform import current
from trisalt.errors import RemoteProtocolError
from trisalt.wire.keys import PrivateKey, PublicKey

BITS = 1024


_generate = PrivateKey.generate


@lru_cache
def pair(id: str, number: int) -> bytes:
    """The PEM of the pair that a host makes, for the so many-th time: small, so that nobody waits for it."""
    return _generate(BITS).pem


# Parsing a key checks it, which takes longer than all that is done with it in a run. A pair keeps what it has signed:
# there are two of each, one quick and one real.
_parse = PrivateKey.from_pem
_parsed = {quick: lru_cache(lambda pem, passphrase=None: _parse(pem, passphrase)) for quick in (False, True)}
serialization.load_pem_public_key = lru_cache(serialization.load_pem_public_key)  # type: ignore[assignment]


@contextmanager
def quick_keys(wanted: bool) -> Iterator[None]:
    """Have keys be quick, or real; what a host makes is the same in each run."""
    made: Counter[str] = Counter()

    def generate(_bits: int = BITS) -> PrivateKey:
        id = str(current.get()).partition("#")[0]
        made[id] += 1
        return PrivateKey.from_pem(pair(id, made[id] - 1))

    PrivateKey.generate = generate  # type: ignore[method-assign, assignment]
    PrivateKey.from_pem = _parsed[wanted]  # type: ignore[method-assign]
    kept = {(cls, name): cls.__dict__[name] for cls, name in QUICK}
    for (cls, name), method in QUICK.items() if wanted else ():
        setattr(cls, name, method)
    try:
        yield
    finally:
        for (cls, name), method in kept.items():
            setattr(cls, name, method)


def _mark(key: PublicKey, *of: bytes) -> bytes:
    return hashlib.sha256(b"\0".join((key._modulus.to_bytes(key._size), *of))).digest()


def _sign(self: PrivateKey, data: bytes, algo: str) -> bytes:
    return _mark(self.public, algo.encode(), data) * (self._size // 32)


def _verify(self: PublicKey, data: bytes, signature: bytes, algo: str) -> bool:
    return signature == _mark(self, algo.encode(), data) * (self._size // 32)


def _seal(key: PublicKey, what: bytes, data: bytes, salt: bytes = b"") -> bytes:
    salt = salt or os.urandom(8)
    return (salt + _mark(key, what, salt, data)[:16] + len(data).to_bytes() + data).ljust(key._size, b"\0")


def _open(key: PublicKey, what: bytes, sealed: bytes) -> bytes:
    salt, mark, data = sealed[:8], sealed[8:24], sealed[25 : 25 + sealed[24]] if len(sealed) == key._size else b""
    if not data or _mark(key, what, salt, data)[:16] != mark:
        raise RemoteProtocolError("not of this key")
    return data


QUICK: dict[tuple[type, str], Callable[..., Any]] = {
    (PrivateKey, "sign"): _sign,
    (PublicKey, "verify"): _verify,
    (PublicKey, "encrypt"): lambda self, data, algo: _seal(self, algo.encode(), data),
    (PrivateKey, "decrypt"): lambda self, data, algo: _open(self.public, algo.encode(), data),
    # Always the same for the same, as the real one is; what a key keeps of it is of any run.
    (PrivateKey, "x931_sign"): lambda self, data: _seal(self.public, b"x931", data, salt=bytes(8)),
    (PublicKey, "x931_recover"): lambda self, signature: _open(self, b"x931", signature),
}
