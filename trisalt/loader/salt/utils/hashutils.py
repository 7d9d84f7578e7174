"""Hashes."""

import base64
import hashlib
import hmac
import secrets

from salt.utils.stringutils import to_bytes, to_str


def get_hash(path, form="sha256", chunk_size=65536):
    """The hex digest of a file."""
    if form not in hashlib.algorithms_available:
        raise ValueError(f"Invalid hash type: {form}")
    digest = hashlib.new(form, usedforsecurity=False)
    with open(path, "rb") as file:
        while chunk := file.read(chunk_size):
            digest.update(chunk)
    return digest.hexdigest()


def _digest(form, instr):
    return hashlib.new(form, to_bytes(instr), usedforsecurity=False).hexdigest()


def md5_digest(instr):
    """The hex MD5 of a text."""
    return _digest("md5", instr)


def sha1_digest(instr):
    """The hex SHA-1 of a text."""
    return _digest("sha1", instr)


def sha256_digest(instr):
    """The hex SHA-256 of a text."""
    return _digest("sha256", instr)


def sha512_digest(instr):
    """The hex SHA-512 of a text."""
    return _digest("sha512", instr)


def base64_b64encode(instr):
    """A text in base 64, on one line."""
    return base64.b64encode(to_bytes(instr)).decode()


def base64_b64decode(instr):
    """What a text in base 64 says: text, or bytes where it is none."""
    return _text(base64.b64decode(to_bytes(instr)))


def base64_encodestring(instr):
    """A text in base 64, in lines."""
    return base64.encodebytes(to_bytes(instr)).decode()


def base64_decodestring(instr):
    """What such lines say."""
    return _text(base64.decodebytes(to_bytes(instr)))


def _text(data):
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def hmac_signature(string, shared_secret, challenge_hmac):
    """Whether a text is signed with a secret: `challenge_hmac` is in base 64."""
    made = hmac.new(to_bytes(shared_secret), to_bytes(string), hashlib.sha256).digest()
    return hmac.compare_digest(made, base64.b64decode(to_bytes(challenge_hmac)))


def hmac_compute(string, shared_secret):
    """The signature of a text with a secret, in hex."""
    return hmac.new(to_bytes(shared_secret), to_bytes(string), hashlib.sha256).hexdigest()


def random_hash(size=9999999999, hash_type=None):
    """The digest of a random number."""
    return hashlib.new(hash_type or "md5", to_bytes(str(secrets.SystemRandom().randint(0, size)))).hexdigest()


class DigestCollector:
    """The digest of several files together, with their sizes and names."""

    def __init__(self, form="sha256", buff=0x10000):
        if form not in hashlib.algorithms_available:
            raise ValueError(f"Invalid hash type: {form}")
        self._digest = hashlib.new(form, usedforsecurity=False)
        self._buff = buff

    def add(self, path):
        """Take another file in."""
        with open(path, "rb") as file:
            while chunk := file.read(self._buff):
                self._digest.update(chunk)

    def digest(self):
        """The hex digest so far."""
        return to_str(self._digest.hexdigest())
