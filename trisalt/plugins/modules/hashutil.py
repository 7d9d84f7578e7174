"""Digests, Base64 and signatures by a shared secret, of text and of files."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Any

from trisalt.errors import CommandError, InvocationError
from trisalt.fileserver.replace import replacing

# Source: stock Salt 3008.3, `hashutil.digest`.
_CHECKSUMS = ("md5", "sha256", "sha512")
_CHUNK = 1 << 20


def digest(instr: str, checksum: str = "md5") -> str:
    """
    The digest of a text, in hexadecimal: md5, sha256 or sha512.

    CLI Example:

        salt '*' hashutil.digest 'some text' sha256
    """
    return _digest(checksum, _bytes(instr))


def digest_file(infile: str, checksum: str = "md5") -> str:
    """
    The digest of a file, in hexadecimal: md5, sha256 or sha512.

    CLI Example:

        salt '*' hashutil.digest_file /etc/motd sha256
    """
    found = _new(checksum)
    try:
        with open(infile, "rb") as file:
            while chunk := file.read(_CHUNK):
                found.update(chunk)
    except FileNotFoundError:
        raise CommandError(f"File path '{infile}' not found.") from None
    except OSError as exc:
        raise CommandError(f"{infile} cannot be read: {exc.strerror}") from exc
    return found.hexdigest()


def base64_b64encode(instr: str) -> str:
    """
    A text in Base64, in one line.

    CLI Example:

        salt '*' hashutil.base64_b64encode 'some text'
    """
    return base64.b64encode(_bytes(instr)).decode()


def base64_b64decode(instr: str) -> str | bytes:
    """
    What a text in Base64 says: text, or bytes where it is none.

    CLI Example:

        salt '*' hashutil.base64_b64decode 'c29tZSB0ZXh0'
    """
    return _text_or_bytes(_decoded(instr))


def base64_encodestring(instr: str) -> str:
    """
    A text in Base64, in lines of 76 characters.

    CLI Example:

        salt '*' hashutil.base64_encodestring 'some text'
    """
    return base64.encodebytes(_bytes(instr)).decode()


def base64_decodestring(instr: str) -> str | bytes:
    """
    What lines of Base64 say: text, or bytes where it is none.

    CLI Example:

        salt '*' hashutil.base64_decodestring 'c29tZSB0ZXh0'
    """
    return _text_or_bytes(_decoded(instr))


def base64_encodefile(fname: str) -> str:
    """
    A file in Base64, in lines of 76 characters.

    CLI Example:

        salt '*' hashutil.base64_encodefile /etc/motd
    """
    try:
        with open(fname, "rb") as file:
            return base64.encodebytes(file.read()).decode()
    except OSError as exc:
        raise CommandError(f"{fname} cannot be read: {exc.strerror}") from exc


def base64_decodefile(instr: str, outfile: str) -> bool:
    """
    Write what a text in Base64 says to a file, which is replaced as a whole.

    CLI Example:

        salt '*' hashutil.base64_decodefile 'c29tZSB0ZXh0' /tmp/text
    """
    data = _decoded(instr)
    try:
        with replacing(outfile) as file:
            file.write(data)
    except OSError as exc:
        raise CommandError(f"{outfile} cannot be written: {exc.strerror}") from exc
    return True


def md5_digest(instr: str) -> str:
    """
    The md5 digest of a text, in hexadecimal.

    CLI Example:

        salt '*' hashutil.md5_digest 'some text'
    """
    return digest(instr, "md5")


def sha256_digest(instr: str) -> str:
    """
    The sha256 digest of a text, in hexadecimal.

    CLI Example:

        salt '*' hashutil.sha256_digest 'some text'
    """
    return digest(instr, "sha256")


def sha512_digest(instr: str) -> str:
    """
    The sha512 digest of a text, in hexadecimal.

    CLI Example:

        salt '*' hashutil.sha512_digest 'some text'
    """
    return digest(instr, "sha512")


def hmac_signature(string: str, shared_secret: str, challenge_hmac: str) -> bool:
    """
    Whether a signature (HMAC-SHA256, in Base64) is that of a text under a shared secret.

    CLI Example:

        salt '*' hashutil.hmac_signature 'some text' 'the secret' '4mDcDkKoWRPQrYnQ7LPBPNC0DKS3QVFSl8Z2gEG9IKw='
    """
    found = hmac.digest(_bytes(shared_secret), _bytes(string), "sha256")
    try:
        return hmac.compare_digest(found, base64.b64decode(_bytes(challenge_hmac)))
    except binascii.Error:
        return False


def hmac_compute(string: str, shared_secret: str) -> str:
    """
    The signature of a text under a shared secret: HMAC-SHA256, in hexadecimal.

    CLI Example:

        salt '*' hashutil.hmac_compute 'some text' 'the secret'
    """
    return hmac.digest(_bytes(shared_secret), _bytes(string), "sha256").hex()


def github_signature(string: str, shared_secret: str, challenge_hmac: str) -> bool:
    """
    Whether a signature as GitHub sends it with a call (`sha256=…`, in hexadecimal) is that of the call's body.

    CLI Example:

        salt '*' hashutil.github_signature '{"ref": "x"}' 'the secret' 'sha1=bc6550fc290acf5b42283fa8deaf55cea0f8c206'
    """
    algorithm, mark, challenge = str(challenge_hmac).partition("=")
    if not mark or algorithm not in hashlib.algorithms_guaranteed or algorithm.startswith("shake"):
        raise InvocationError(f"{algorithm!r} is no algorithm of a signature: it reads sha1=… or sha256=…")
    found = hmac.digest(_bytes(shared_secret), _bytes(string), algorithm).hex()
    return hmac.compare_digest(found.encode(), challenge.encode())


def _new(checksum: str) -> Any:
    if checksum not in _CHECKSUMS:
        raise CommandError(f"Hash func '{checksum}' is not supported.")
    return hashlib.new(checksum)


def _digest(checksum: str, data: bytes) -> str:
    found = _new(checksum)
    found.update(data)
    return str(found.hexdigest())


def _bytes(text: Any) -> bytes:
    """Words of a command line come as numbers where they look like some."""
    return text if isinstance(text, bytes) else str(text).encode()


def _decoded(text: Any) -> bytes:
    try:
        return base64.b64decode(_bytes(text))
    except binascii.Error as exc:
        raise CommandError(f"This is no Base64: {exc}") from None


def _text_or_bytes(data: bytes) -> str | bytes:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data
