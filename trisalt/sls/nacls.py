"""Boxes of NaCl, where its library is there (`trisalt[nacl]`): sealed for a public key, or by a secret that both know.

The renderer `nacl` opens those that stand in values as `NACL[…]`, and the module `nacl` makes and opens them. What is
configured is `nacl.config`: `box_type` (`sealedbox`, or `secretbox`), `sk_file` and `pk_file`, or the keys themselves
as `sk` and `pk`. Files have one key each, as Base64. Source: stock Salt 3008.3, the renderer and the module `nacl`.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Mapping
from typing import Any

import nacl.exceptions
import nacl.public
import nacl.secret

from trisalt.sls.failure import SlsError

BOXES = ("sealedbox", "secretbox")
VALUE = re.compile(r"NACL\[\s*(?P<box>[A-Za-z0-9+/=\s]*?)\s*\]\s*", re.DOTALL)
KEY_SIZE = 32


def configured(opts: Mapping[str, Any], given: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """`nacl.config`, with what a call says over it. Raises SlsError for a box that there is none of."""
    config = opts.get("nacl.config") or {}
    folder = str(opts.get("pki_dir") or "/etc/salt/pki/master")
    found: dict[str, Any] = {"box_type": "sealedbox", "sk_file": os.path.join(folder, "nacl"), "sk": None, "pk": None}
    found |= {key: value for part in (config, given or {}) for key, value in part.items() if value is not None}
    found.setdefault("pk_file", f"{found['sk_file']}.pub")
    if found["box_type"] not in BOXES:
        raise SlsError(f"box_type is one of {', '.join(BOXES)}, not {found['box_type']!r}")
    return found


def encrypt(data: bytes, config: Mapping[str, Any]) -> str:
    """The box that has `data`, as Base64. Raises SlsError without a key."""
    if config["box_type"] == "secretbox":
        box: bytes = nacl.secret.SecretBox(_secret(config)).encrypt(data)
    else:
        box = nacl.public.SealedBox(nacl.public.PublicKey(_public(config))).encrypt(data)
    return base64.b64encode(box).decode()


def decrypt(box: str | bytes, config: Mapping[str, Any]) -> bytes:
    """What a box has. Raises SlsError when it cannot be opened; what was in it is in no message."""
    try:
        raw = base64.b64decode("".join(_text(box).split()), validate=True)
    except (binascii.Error, ValueError):
        raise SlsError("nacl: what is to be decrypted is not Base64") from None
    try:
        if config["box_type"] == "secretbox":
            return nacl.secret.SecretBox(_secret(config)).decrypt(raw)
        return nacl.public.SealedBox(nacl.public.PrivateKey(_secret(config))).decrypt(raw)
    except (nacl.exceptions.CryptoError, TypeError, ValueError):
        raise SlsError("nacl: the box is damaged, or is not for this key") from None


def pair() -> tuple[bytes, bytes]:
    """A new pair, secret and public, as Base64."""
    key = nacl.public.PrivateKey.generate()
    return base64.b64encode(bytes(key)), base64.b64encode(bytes(key.public_key))


def public_of(secret: str | bytes) -> bytes:
    """The public key of a secret one, both as Base64. Raises SlsError when it is none."""
    return base64.b64encode(bytes(nacl.public.PrivateKey(_key(secret, "sk")).public_key))


def decrypt_values(data: Any, config: Mapping[str, Any]) -> Any:
    """`data` with each value that is a whole `NACL[…]` decrypted; the rest as it is."""
    if isinstance(data, dict):
        return type(data)((key, decrypt_values(each, config)) for key, each in data.items())
    if isinstance(data, list):
        return type(data)(decrypt_values(each, config) for each in data)
    match = VALUE.fullmatch(data) if isinstance(data, str) else None
    if match is None:
        return data
    made = decrypt(match["box"], config)
    try:
        return made.decode()
    except UnicodeDecodeError:
        return made


def _public(config: Mapping[str, Any]) -> bytes:
    return _key(config.get("pk") or _read(config["pk_file"]) or _missing("no pubkey or pk_file found"), "pk")


def _secret(config: Mapping[str, Any]) -> bytes:
    return _key(config.get("sk") or _read(config["sk_file"]) or _missing("no key or sk_file found"), "sk")


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:
            return file.read().strip()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as exc:
        raise SlsError(f"nacl: {path} cannot be read: {getattr(exc, 'strerror', None) or exc}") from exc


def _missing(text: str) -> str:
    raise SlsError(text)


def _key(text: str | bytes, name: str) -> bytes:
    try:
        key = base64.b64decode(_text(text).strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_SIZE:
        raise SlsError(f"nacl: {name} is no key of {KEY_SIZE} bytes, as Base64")
    return key


def _text(value: str | bytes) -> str:
    return value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)
