"""Random numbers, texts and choices, password hashes, and numbers that stay the same for a minion."""

from __future__ import annotations

import base64
import hashlib
import random
import secrets
import string
from collections.abc import Sequence
from typing import Any

from trisalt.errors import CommandError, InvocationError

__virtualname__ = "random"


def __virtual__() -> str:
    return __virtualname__


def hash(value: Any, algorithm: str = "sha512") -> str:
    """
    The digest of a text by any algorithm of this host's library, in hexadecimal.

    CLI Example:

        salt '*' random.hash 'some text' sha256
    """
    if algorithm not in hashlib.algorithms_available or algorithm.startswith("shake"):
        raise CommandError("You must specify a valid algorithm.")
    return hashlib.new(algorithm, str(value).encode(), usedforsecurity=False).hexdigest()


def str_encode(value: Any, encoder: str = "base64") -> str:
    """
    A text in an encoding that is text as well: `base64`, `hex`, `rot13` and their like.

    CLI Example:

        salt '*' random.str_encode 'some text'
    """
    import codecs

    text = str(value)
    if str(encoder).lower() == "base64":
        return base64.b64encode(text.encode()).decode()
    try:
        try:
            found = codecs.encode(text.encode(), encoder)
        except (TypeError, AttributeError):
            # Some of them go from text to text.
            found = codecs.encode(text, encoder)
        return found.decode("ascii") if isinstance(found, bytes) else str(found)
    except (LookupError, TypeError, ValueError) as exc:
        raise InvocationError("Value must be an encode-able string") from exc


def get_str(
    length: int = 20,
    chars: str | None = None,
    lowercase: bool = True,
    uppercase: bool = True,
    digits: bool = True,
    punctuation: bool = True,
    whitespace: bool = False,
    printable: bool = False,
) -> str:
    """
    A random text, good enough for a password. `chars` are the characters it is made of; without them the kinds are.

    CLI Example:

        salt '*' random.get_str 32
        salt '*' random.get_str 16 punctuation=False
        salt '*' random.get_str 8 chars=0123456789abcdef
    """
    kinds = (
        (lowercase, string.ascii_lowercase),
        (uppercase, string.ascii_uppercase),
        (digits, string.digits),
        (punctuation, string.punctuation),
        (whitespace, string.whitespace),
        (printable, string.printable),
    )
    alphabet = sorted(set(str(chars) if chars is not None else "".join(kind for wanted, kind in kinds if wanted)))
    try:
        size = int(length)
    except (TypeError, ValueError) as exc:
        raise CommandError(str(exc)) from None
    if not alphabet:
        raise CommandError("There are no characters to choose from")
    return "".join(secrets.choice(alphabet) for _ in range(size))


def shadow_hash(crypt_salt: str | None = None, password: str | None = None, algorithm: str = "sha512") -> str:
    """
    The hash of a password, as it stands in /etc/shadow; without a password, of a random one.

    CLI Example:

        salt '*' random.shadow_hash 'My5alT' 'the password' md5
    """
    return __utils__["crypted.hashed"](get_str() if password is None else str(password), crypt_salt, algorithm)


def rand_int(start: int = 1, end: int = 10, seed: Any = None) -> int:
    """
    A random number from `start` to `end`, both of them included; with `seed` the same one each time.

    CLI Example:

        salt '*' random.rand_int 1 10
    """
    try:
        return _source(seed).randint(int(start), int(end))
    except (TypeError, ValueError):
        raise InvocationError(f"There is no number from {start!r} to {end!r}") from None


def seed(range: int = 10, hash: Any = None) -> int:
    """
    A number from 0 to below `range` that stays the same for this minion, or for the text `hash`: to spread what
    many minions do at the same time.

    CLI Example:

        salt '*' random.seed 60
    """
    try:
        return random.Random(str(hash) if hash is not None else __opts__["id"]).randrange(int(range))
    except (TypeError, ValueError):
        raise InvocationError(f"There is no number below {range!r}") from None


def sample(value: Sequence[Any], size: int, seed: Any = None) -> Any:
    """
    So many of a list, chosen at random; with `seed` the same ones each time.

    CLI Example:

        salt '*' random.sample '["one", "two", "three"]' 2
    """
    values = _listed(value)
    try:
        return _source(_digest(seed)).sample(values, int(size))
    except (TypeError, ValueError) as exc:
        raise InvocationError(f"{size!r} of {len(values)}: {exc}") from None


def shuffle(value: Sequence[Any], seed: Any = None) -> Any:
    """
    A list in a random order; with `seed` in the same one each time.

    CLI Example:

        salt '*' random.shuffle '["one", "two", "three"]'
    """
    values = _listed(value)
    return _source(_digest(seed)).sample(values, len(values))


def _source(seed: Any) -> random.Random:
    """Without a seed the system's own source, which nobody can foretell."""
    return random.SystemRandom() if seed is None else random.Random(seed)


def _digest(seed: Any) -> str | None:
    """Where a choice of a list starts from: the whole fleet chooses the same for one seed."""
    return None if seed is None else hash(seed)


def _listed(value: Any) -> list[Any]:
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        raise InvocationError("This is not a list to choose from")
    return list(value)
