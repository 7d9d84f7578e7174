"""Public keys as OpenSSH writes them: authorized_keys and known_hosts as text and as data; for the shelf `ssh`."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import shutil
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from trisalt.errors import CommandError

_TYPE = re.compile(r"(?:sk-)?(?:ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-nistp\d+)(?:-cert-v01)?(?:@openssh\.com)?")
# What people call the types, beside their names.
_FAMILIES = {
    "ssh-rsa": ("rsa", "r", "ssh-rsa"),
    "ssh-dss": ("dsa", "dss", "d", "ssh-dss"),
    "ssh-ed25519": ("ed25519", "ssh-ed25519"),
    "ecdsa": ("ecdsa", "e"),
}


def virtual() -> Any:
    """What `__virtual__` of each file of the shelf `ssh` says."""
    if shutil.which("ssh-keygen"):
        return "ssh"
    return False, "The ssh execution module cannot be loaded: the ssh-keygen command is not available"


def type_of(key: str) -> str | None:
    """The type that a key's own bytes name; None for what is no key."""
    try:
        blob = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        return None
    length = int.from_bytes(blob[:4], "big")
    name = blob[4 : 4 + length].decode("ascii", "replace")
    return name if len(blob) > 4 + length and _TYPE.fullmatch(name) else None


def named_type(enc: str, key: str) -> str | None:
    """The type of a key that is called `enc`, however it is called; None when the key is none, or of another type.

    Raises CommandError when `enc` is the name of no type.
    """
    found = type_of(key)
    known = [name for name, words in _FAMILIES.items() if str(enc) in words]
    if not known and not _TYPE.fullmatch(str(enc)):
        raise CommandError(f"Incorrect encryption key type '{enc}'.")
    wanted = known[0] if known else str(enc)
    fits = found is not None and (found == wanted or (wanted == "ecdsa" and found.startswith("ecdsa-")))
    return found if fits else None


def fingerprint(key: str, kind: str | None = None) -> str | None:
    """A key's fingerprint, digits in pairs with colons; None for what is no base64."""
    name = (kind or "sha256").lower()
    if name not in hashlib.algorithms_guaranteed or name.startswith("shake"):
        raise CommandError(f"The fingerprint_hash_type {kind} is not supported.")
    try:
        blob = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        return None
    return hashlib.new(name, blob, usedforsecurity=False).digest().hex(":")


def same_fingerprint(given: str, found: str | None) -> bool:
    """Whether a fingerprint is the one that is given, in digits or as OpenSSH shows it: `SHA256:…`."""
    if given.startswith("SHA256:"):
        digest = bytes.fromhex((found or "").replace(":", ""))
        return base64.b64encode(digest).decode().rstrip("=") == given.removeprefix("SHA256:").rstrip("=")
    return given.lower() == found


# -- authorized_keys -------------------------------------------------------------------------------------------


def authorized(line: str) -> dict[str, Any] | None:
    """A line of authorized_keys: `{key, enc, comment, options}`; None for what is no key."""
    line = line.strip()
    if not line or line.startswith("#"):
        return None
    options: list[str] = []
    if not _TYPE.fullmatch(line.split(None, 1)[0]):
        end = _end_of_options(line)
        options, line = split_options(line[:end]), line[end:].strip()
    words = line.split(None, 2)
    if len(words) < 2 or not _TYPE.fullmatch(words[0]) or fingerprint(words[1]) is None:
        return None
    return {"key": words[1], "enc": words[0], "comment": words[2] if len(words) > 2 else "", "options": options}


def split_options(text: str) -> list[str]:
    """`no-pty,command="a, b"` as a list: a comma within quotes is none."""
    ends = [at for at in _outside_of_quotes(text) if text[at] == ","]
    options = [text[start:end] for start, end in zip([0, *(at + 1 for at in ends)], [*ends, len(text)], strict=True)]
    return [option for option in options if option]


def authorized_line(key: str, enc: str, comment: str = "", options: Any = None) -> str:
    """The line of a key. Raises CommandError for what would be another line, or another field."""
    given = [options] if isinstance(options, str) else list(options or [])
    text = ",".join(map(str, given))
    if "\n" in f"{key}{enc}{comment}{text}" or _end_of_options(f"{text} ") != len(text):
        raise CommandError("The options and the comment of a key are a part of one line")
    return " ".join(filter(None, [text, enc, key, str(comment).strip()]))


def _end_of_options(text: str) -> int:
    """Where the first white space outside of quotes is."""
    return next((at for at in _outside_of_quotes(text) if text[at].isspace()), len(text))


def _outside_of_quotes(text: str) -> Iterator[int]:
    quoted, at = False, 0
    while at < len(text):
        if text[at] == "\\" and quoted:
            at += 1
        elif text[at] == '"':
            quoted = not quoted
        elif not quoted:
            yield at
        at += 1


# -- known_hosts -----------------------------------------------------------------------------------------------


def known(line: str) -> dict[str, str] | None:
    """A line of known_hosts: `{hostname, enc, key}`; None for comments and for lines with a marker."""
    words = line.split()
    if len(words) < 3 or words[0][0] in "#@" or type_of(words[2]) is None:
        return None
    return {"hostname": words[0], "enc": words[1], "key": words[2]}


def host_of(hostname: str, port: Any = None) -> str:
    """A host as known_hosts names it: `host`, or `[host]:port` for another port than 22."""
    name = hostname.lower()
    if not name or any(letter in name for letter in ", \t\n|#@!*?"):
        raise CommandError(f"{hostname!r} is no name of a host")
    return name if port in (None, "", 22, "22") else f"[{name}]:{int(port)}"


def names_host(field: str, host: str) -> bool:
    """Whether the first field of a line of known_hosts names a host: by name, by pattern, or hashed."""
    if field.startswith("|1|"):
        try:
            salt, digest = (base64.b64decode(part, validate=True) for part in field.split("|")[2:4])
        except ValueError:
            return False
        return hmac.compare_digest(hmac.digest(salt, host.encode(), "sha1"), digest)
    patterns = field.lower().split(",")
    if any(pattern[0] == "!" and _fits(host, pattern[1:]) for pattern in patterns if pattern):
        return False
    return any(_fits(host, pattern) for pattern in patterns if pattern)


def hashed(host: str) -> str:
    """A host so that the file does not tell it."""
    salt = secrets.token_bytes(20)
    digest = hmac.digest(salt, host.encode(), "sha1")
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"


def hashed_file(text: str) -> str:
    """known_hosts with every name hashed. Patterns cannot be, nor need lines with a marker be."""
    lines = []
    for line in text.splitlines():
        field = line.split(None, 1)[0] if line.strip() else ""
        if known(line) is None or field.startswith("|") or any(letter in field for letter in "*?!"):
            lines.append(line)
        else:
            rest = line.split(None, 1)[1]
            lines += [f"{hashed(name.lower())} {rest}" for name in field.split(",")]
    return "".join(f"{line}\n" for line in lines)


def _fits(host: str, pattern: str) -> bool:
    # Brackets are a part of the name here: `[host]:port`.
    return fnmatchcase(host, pattern.replace("[", "[[]"))


# -- private keys ----------------------------------------------------------------------------------------------


def is_encrypted(text: str) -> bool:
    """Whether a private key wants a passphrase: PEM says so in its head, OpenSSH's own format inside."""
    if "-----BEGIN OPENSSH PRIVATE KEY-----" not in text:
        return "ENCRYPTED" in text
    body = "".join(line for line in text.splitlines() if not line.startswith("-----"))
    try:
        blob = base64.b64decode(body, validate=True).removeprefix(b"openssh-key-v1\0")
    except (binascii.Error, ValueError):
        return False
    return blob[4 : 4 + int.from_bytes(blob[:4], "big")] != b"none"
