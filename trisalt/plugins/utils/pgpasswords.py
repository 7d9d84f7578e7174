"""Passwords of PostgreSQL's roles: made into what the server keeps of them, and compared with it. Pure but for chance.

Used by `postgres_roles`, which imports it. Source: PostgreSQL's manual, `pg_authid`; RFC 5802, RFC 7677.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import unicodedata
from typing import Any

from trisalt.errors import CommandError

_SCRAM = re.compile(r"SCRAM-SHA-256\$(\d+):([^$]+)\$([^:]+):(.+)")
_MD5 = re.compile(r"md5[0-9a-f]{32}")
_ROUNDS = 4096


def kept(role: str, password: Any, method: Any) -> str:
    """What the server is to keep of a password; one that is in that form already stays. No password is kept as none."""
    text = str(password)
    if not text or _SCRAM.fullmatch(text) or _MD5.fullmatch(text):
        return text
    if method in (True, "md5"):
        return _md5(role, text)
    if method == "scram-sha-256":
        return _scram(text, secrets.token_bytes(16), _ROUNDS)
    if method is False:
        return text
    raise CommandError(f"Unknown password algorithm: {method}")


def is_same(role: str, password: Any, there: str | None, method: Any) -> bool:
    """Whether the server keeps this password, and in this way."""
    text = str(password)
    if not there or text == there:
        return text == (there or "")
    scram = _SCRAM.fullmatch(there)
    if scram is not None:
        if method not in (None, "scram-sha-256") or _MD5.fullmatch(text) or _SCRAM.fullmatch(text):
            return False
        try:
            salt = base64.b64decode(scram[2], validate=True)
        except ValueError:
            return False
        return hmac.compare_digest(_scram(text, salt, int(scram[1])), there)
    return method in (None, True, "md5") and hmac.compare_digest(kept(role, text, "md5"), there)


def _md5(role: str, password: str) -> str:
    return "md5" + hashlib.md5(f"{password}{role}".encode(), usedforsecurity=False).hexdigest()


def _scram(password: str, salt: bytes, rounds: int) -> str:
    prepared = unicodedata.normalize("NFKC", password).encode()
    salted = hashlib.pbkdf2_hmac("sha256", prepared, salt, rounds)
    client = hmac.digest(salted, b"Client Key", "sha256")
    stored, server = hashlib.sha256(client).digest(), hmac.digest(salted, b"Server Key", "sha256")
    texts = [base64.b64encode(each).decode() for each in (salt, stored, server)]
    return f"SCRAM-SHA-256${rounds}:{texts[0]}${texts[1]}:{texts[2]}"
