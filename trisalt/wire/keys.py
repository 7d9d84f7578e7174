"""RSA pairs as Salt uses them: PEM, fingerprints, PKCS#1 v1.5 signatures, OAEP, and X9.31.

Where key files lie is `master/keyring`'s and `minion/link`'s to know.
"""

from __future__ import annotations

from functools import lru_cache

SIGNING = frozenset({"PKCS1v15-SHA1", "PKCS1v15-SHA224"})
ENCRYPTION = frozenset({"OAEP-SHA1", "OAEP-SHA224"})
DEFAULT_SIGNING = "PKCS1v15-SHA1"
DEFAULT_ENCRYPTION = "OAEP-SHA1"


def normalise(pem: str | bytes) -> str:
    """A public key's text as it is sent, stored and compared: stripped, `\\n` between lines, none at the end."""
    raise NotImplementedError


class PublicKey:
    """Somebody else's key, or the public half of ours."""

    pem: str

    @classmethod
    def from_pem(cls, pem: str | bytes) -> PublicKey:
        """Raises RemoteProtocolError if it is no RSA key of a sane size."""
        raise NotImplementedError

    def verify(self, data: bytes, signature: bytes, algo: str) -> bool:
        """Whether `signature` is this key's over `data`. An unknown `algo` raises RemoteProtocolError."""
        raise NotImplementedError

    def encrypt(self, data: bytes, algo: str) -> bytes:
        """OAEP under this key. An unknown `algo` raises RemoteProtocolError."""
        raise NotImplementedError

    def x931_recover(self, signature: bytes) -> bytes:
        """What an X9.31 block holds. Raises RemoteProtocolError if it holds nothing."""
        raise NotImplementedError

    def check_tok(self, tok: object) -> bool:
        """Whether `tok` was made with this key's private half. Cheap from the second time on: keep the object."""
        raise NotImplementedError

    def fingerprint(self, hash_type: str = "sha256") -> str:
        """Colon-separated hex pairs, as `salt-key -f` and `master_finger` have them."""
        raise NotImplementedError


@lru_cache(maxsize=16384)
def known_key(pem: str) -> PublicKey:
    """The parsed key of a file in the keyring; parsed once, since each request asks for it again.

    Not for keys that strangers present: those would push the known ones out. Raises RemoteProtocolError.
    """
    return PublicKey.from_pem(pem)


class PrivateKey:
    """Our own pair."""

    @classmethod
    def generate(cls, bits: int = 2048) -> PrivateKey:
        """A new pair. It takes a while: not for the Trio thread."""
        raise NotImplementedError

    @classmethod
    def from_pem(cls, pem: bytes | str) -> PrivateKey:
        """Raises ConfigError if it is no unencrypted RSA private key."""
        raise NotImplementedError

    @property
    def pem(self) -> bytes:
        """PKCS#1, unencrypted, as stock Salt stores it."""
        raise NotImplementedError

    @property
    def public(self) -> PublicKey:
        """The public half."""
        raise NotImplementedError

    @property
    def tok(self) -> bytes:
        """X9.31 of `salt`: a constant, made once."""
        raise NotImplementedError

    def sign(self, data: bytes, algo: str) -> bytes:
        """PKCS#1 v1.5 over `data`. An unknown `algo` raises RemoteProtocolError."""
        raise NotImplementedError

    def decrypt(self, data: bytes, algo: str) -> bytes:
        """Open OAEP. Raises RemoteProtocolError if it was not meant for this key."""
        raise NotImplementedError

    def x931_sign(self, data: bytes) -> bytes:
        """X9.31 without a hash: what stock calls encrypting with the private key. Milliseconds: cache the result."""
        raise NotImplementedError
