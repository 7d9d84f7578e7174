"""Password hashes by the host's own libcrypt.

Python's `crypt` is gone in 3.13, and what took its place on PyPI is either no longer kept or a wrapper of the same
library; the host's is the one that will check the password at the next login, and knows what that host allows.

Used by `shadow` and `random`.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import secrets
import threading
from functools import cache

from trisalt.errors import CommandError, InvocationError

# In the order in which they are told.
ALGORITHMS = {"sha512": "$6$", "sha256": "$5$", "blowfish": "$2b$", "md5": "$1$", "crypt": ""}
_ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LENGTH = {"sha512": 16, "sha256": 16, "blowfish": 22, "md5": 8, "crypt": 2}
_BLOWFISH_COST = "12$"
# crypt(3) answers in memory of its own.
_LOCK = threading.Lock()


def hashed(password: str, salt: str | None = None, algorithm: str = "sha512") -> str:
    """A password's hash, as it stands in /etc/shadow. Raises CommandError for what the host's library refuses."""
    if algorithm not in ALGORITHMS:
        raise InvocationError(
            f"Cannot hash using '{algorithm}' hash algorithm. Supported algorithms are: {list(ALGORITHMS)}."
        )
    if salt is None:
        salt = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH[algorithm]))
        if algorithm == "blowfish":
            salt = _BLOWFISH_COST + salt
    try:
        key, setting = password.encode(), (ALGORITHMS[algorithm] + salt).encode("ascii")
        if b"\0" in key or b"\0" in setting:
            raise ValueError
    except ValueError:
        raise CommandError("Neither a password nor a salt holds a null character, and a salt is plain text") from None
    with _LOCK:
        found = _library().crypt(key, setting)
    # `*0` and `*1` are libcrypt's way to say no.
    if not found or found.startswith(b"*"):
        raise CommandError(f"This host makes no {algorithm} hash with the salt {salt!r}")
    return found.decode("ascii")


@cache
def _library() -> ctypes.CDLL:
    # To find out what there is takes other programs: the two names that are in use come first.
    for find in (lambda: "libcrypt.so.1", lambda: "libcrypt.so.2", lambda: ctypes.util.find_library("crypt")):
        try:
            if name := find():
                library = ctypes.CDLL(name)
                library.crypt.restype = ctypes.c_char_p
                library.crypt.argtypes = [ctypes.c_char_p, ctypes.c_char_p]
                return library
        except OSError:
            continue
    raise CommandError("There is no libcrypt on this host")
