"""Hashes."""

import base64
import hashlib


def get_hash(path, form="sha256", chunk_size=65536):
    """The hex digest of a file."""
    digest = hashlib.new(form)
    with open(path, "rb") as file:
        while chunk := file.read(chunk_size):
            digest.update(chunk)
    return digest.hexdigest()


def _digest(form, instr):
    return hashlib.new(form, instr if isinstance(instr, bytes) else str(instr).encode()).hexdigest()


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
    """A text in base 64."""
    return base64.b64encode(instr if isinstance(instr, bytes) else instr.encode()).decode()


def base64_b64decode(instr):
    """What a text in base 64 says: text, or bytes where it is none."""
    data = base64.b64decode(instr)
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data
