"""RSA pairs as Salt uses them: PEM, fingerprints, PKCS#1 v1.5 signatures, OAEP, and X9.31.

Where key files lie is `master/keyring`'s and `minion/link`'s to know.
"""

from __future__ import annotations

import hashlib
import hmac
from functools import cached_property

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from trisalt.errors import ConfigError, LocalProtocolError, RemoteProtocolError

DEFAULT_SIGNING = "PKCS1v15-SHA1"
DEFAULT_ENCRYPTION = "OAEP-SHA1"

# SHA-1 is what stock Salt signs and pads with unless it is configured otherwise.
_SIGNING_HASHES = {"PKCS1v15-SHA1": hashes.SHA1(), "PKCS1v15-SHA224": hashes.SHA224()}  # noqa: S303
_OAEP = {
    f"OAEP-{name}": padding.OAEP(mgf=padding.MGF1(algorithm), algorithm=algorithm, label=None)
    for name, algorithm in (("SHA1", hashes.SHA1()), ("SHA224", hashes.SHA224()))  # noqa: S303
}
_PKCS1V15 = padding.PKCS1v15()

SIGNING = frozenset(_SIGNING_HASHES)
ENCRYPTION = frozenset(_OAEP)

_MIN_BITS = 1024
_MAX_BITS = 16384
_MAX_EXPONENT = 1 << 33
_MAX_PEM = 16 * 1024
_TOK = b"salt"
_HASH_TYPES = frozenset({"md5", "sha1", "sha224", "sha256", "sha384", "sha512"})


def normalise(pem: str | bytes) -> str:
    """A public key's text as it is sent, stored and compared: stripped, `\\n` between lines, none at the end."""
    text = pem.decode("utf-8", "replace") if isinstance(pem, bytes) else pem
    return "\n".join(text.strip().splitlines())


def _signing_hash(algo: str) -> hashes.HashAlgorithm:
    try:
        return _SIGNING_HASHES[algo]
    except (KeyError, TypeError):
        raise RemoteProtocolError(f"unknown signing algorithm {str(algo)[:40]!r}") from None


def _oaep(algo: str) -> padding.OAEP:
    try:
        return _OAEP[algo]
    except (KeyError, TypeError):
        raise RemoteProtocolError(f"unknown encryption algorithm {str(algo)[:40]!r}") from None


class PublicKey:
    """Somebody else's key, or the public half of ours."""

    __slots__ = ("_exponent", "_good_tok", "_key", "_modulus", "_size", "pem")

    pem: str

    def __init__(self, key: rsa.RSAPublicKey, pem: str) -> None:
        numbers = key.public_numbers()
        self._key = key
        self._modulus, self._exponent = numbers.n, numbers.e
        self._size = (key.key_size + 7) // 8
        self._good_tok: bytes | None = None
        self.pem = pem

    @classmethod
    def from_pem(cls, pem: str | bytes) -> PublicKey:
        """Raises RemoteProtocolError if it is no RSA key of a sane size."""
        text = normalise(pem)
        if len(text) > _MAX_PEM:
            raise RemoteProtocolError("too long for a public key")
        try:
            key = serialization.load_pem_public_key(text.encode())
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise RemoteProtocolError("the public key does not parse") from error
        if not isinstance(key, rsa.RSAPublicKey):
            raise RemoteProtocolError("the public key is no RSA key")
        numbers = key.public_numbers()
        if not _MIN_BITS <= key.key_size <= _MAX_BITS or numbers.e > _MAX_EXPONENT:
            raise RemoteProtocolError(f"a public key of {key.key_size} bits is not taken")
        if numbers.n % 2 == 0:
            raise RemoteProtocolError("a public key whose modulus is even is none")
        return cls(key, text)

    def __repr__(self) -> str:
        return f"PublicKey({self.fingerprint()})"

    def verify(self, data: bytes, signature: bytes, algo: str) -> bool:
        """Whether `signature` is this key's over `data`. An unknown `algo` raises RemoteProtocolError."""
        try:
            self._key.verify(signature, data, _PKCS1V15, _signing_hash(algo))
        except (InvalidSignature, ValueError):
            return False
        return True

    def encrypt(self, data: bytes, algo: str) -> bytes:
        """OAEP under this key. Raises RemoteProtocolError for an unknown `algo`, or if the key is too small."""
        try:
            return self._key.encrypt(data, _oaep(algo))
        except ValueError as error:
            raise RemoteProtocolError(f"a key of {self._size} bytes is too small for {algo}") from error

    def x931_recover(self, signature: bytes) -> bytes:
        """What an X9.31 block holds. Raises RemoteProtocolError if it holds nothing."""
        if len(signature) != self._size:
            raise RemoteProtocolError("an X9.31 signature of the wrong size")
        opened = pow(int.from_bytes(signature), self._exponent, self._modulus)
        if opened & 0xF != 0xC:
            opened = self._modulus - opened
        block = opened.to_bytes(self._size)
        if block[-1] == 0xCC:
            if block[0] == 0x6A:
                return block[1:-1]
            fill, mark, data = block[1:-1].partition(b"\xba")
            if block[0] == 0x6B and mark and not fill.strip(b"\xbb"):
                return data
        raise RemoteProtocolError("no X9.31 block of this key")

    @property
    def good_tok(self) -> bytes | None:
        """The `tok` that was found good last: it is one constant per pair."""
        return self._good_tok

    def check_tok(self, tok: object) -> bool:
        """Whether `tok` was made with this key's private half. Cheap from the second time on: keep the object."""
        if not isinstance(tok, bytes):
            return False
        if self._good_tok is not None and hmac.compare_digest(self._good_tok, tok):
            return True
        try:
            good = hmac.compare_digest(self.x931_recover(tok), _TOK)
        except RemoteProtocolError:
            return False
        if good:
            self._good_tok = tok
        return good

    def fingerprint(self, hash_type: str = "sha256") -> str:
        """Colon-separated hex pairs, as `salt-key -f` and `master_finger` have them."""
        if hash_type not in _HASH_TYPES:
            raise ConfigError(f"hash_type: {hash_type!r} is none of {', '.join(sorted(_HASH_TYPES))}")
        lines = [line for line in self.pem.splitlines() if line.strip()]
        body = "".join(line + "\n" for line in lines[1:-1])
        return hashlib.new(hash_type, body.encode()).digest().hex(":")


class PrivateKey:
    """Our own pair."""

    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        self._key = key
        self._size = (key.key_size + 7) // 8

    @classmethod
    def generate(cls, bits: int = 2048) -> PrivateKey:
        """A new pair. It takes a while: not for the Trio thread."""
        return cls(rsa.generate_private_key(65537, bits))

    @classmethod
    def from_pem(cls, pem: bytes | str, passphrase: str | None = None) -> PrivateKey:
        """Raises ConfigError if it is no RSA private key, or none that this passphrase opens."""
        data = pem.encode() if isinstance(pem, str) else pem
        sealed = b"ENCRYPTED" in data
        try:
            key = serialization.load_pem_private_key(data, passphrase.encode() if passphrase and sealed else None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            why = f"wants {'another' if passphrase else 'a'} passphrase" if sealed else "does not parse"
            raise ConfigError(f"the private key {why}") from error
        if not isinstance(key, rsa.RSAPrivateKey):
            raise ConfigError("the private key is no RSA key")
        return cls(key)

    def __repr__(self) -> str:
        return f"PrivateKey({self.public.fingerprint()})"

    @property
    def pem(self) -> bytes:
        """PKCS#1, unencrypted, as stock Salt stores it."""
        return self.sealed_pem(None)

    def sealed_pem(self, passphrase: str | None) -> bytes:
        """The same under a passphrase, if there is one."""
        seal: serialization.KeySerializationEncryption = serialization.NoEncryption()
        if passphrase:
            seal = serialization.BestAvailableEncryption(passphrase.encode())
        return self._key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, seal)

    @cached_property
    def public(self) -> PublicKey:
        """The public half."""
        key = self._key.public_key()
        pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        return PublicKey(key, normalise(pem))

    @cached_property
    def tok(self) -> bytes:
        """X9.31 of `salt`: a constant, made once."""
        return self.x931_sign(_TOK)

    def sign(self, data: bytes, algo: str) -> bytes:
        """PKCS#1 v1.5 over `data`. An unknown `algo` raises RemoteProtocolError."""
        return self._key.sign(data, _PKCS1V15, _signing_hash(algo))

    def decrypt(self, data: bytes, algo: str) -> bytes:
        """Open OAEP. Raises RemoteProtocolError if it was not meant for this key."""
        try:
            return self._key.decrypt(data, _oaep(algo))
        except ValueError as error:
            raise RemoteProtocolError("not encrypted for this key") from error

    def x931_sign(self, data: bytes) -> bytes:
        """X9.31 without a hash: what stock calls encrypting with the private key. Milliseconds: cache the result."""
        fill = self._size - 2 - len(data)
        if fill < 0:
            raise LocalProtocolError("too long for an X9.31 block of this key")
        head = b"\x6a" if fill == 0 else b"\x6b" + b"\xbb" * (fill - 1) + b"\xba"
        message = int.from_bytes(head + data + b"\xcc")
        numbers = self._key.private_numbers()
        modulus, exponent = numbers.public_numbers.n, numbers.public_numbers.e
        # Chinese remainders, and a look at the result: one fault in either half would give the key away.
        half_p, half_q = pow(message, numbers.dmp1, numbers.p), pow(message, numbers.dmq1, numbers.q)
        signature = half_q + ((half_p - half_q) * numbers.iqmp % numbers.p) * numbers.q
        if pow(signature, exponent, modulus) != message:
            raise LocalProtocolError("the private key is damaged")
        return min(signature, modulus - signature).to_bytes(self._size)
