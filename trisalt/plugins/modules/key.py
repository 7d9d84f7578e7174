"""Fingerprints of the keys that this minion and its master know each other by."""

from __future__ import annotations

import os

from trisalt.errors import CommandError
from trisalt.master.keyring import fingerprint


def finger(hash_type: str | None = None) -> str:
    """
    The fingerprint of this minion's public key; empty where it has none yet.

    CLI Example:

        salt '*' key.finger
    """
    return _fingerprint("minion.pub", hash_type)


def finger_master(hash_type: str | None = None) -> str:
    """
    The fingerprint of the master's public key, as this minion knows it; empty where it knows none.

    CLI Example:

        salt '*' key.finger_master
    """
    return _fingerprint("minion_master.pub", hash_type)


def _fingerprint(name: str, hash_type: str | None) -> str:
    path = os.path.join(__opts__["pki_dir"], name)
    try:
        with open(path, encoding="ascii") as file:
            pem = file.read()
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as exc:
        raise CommandError(f"Unable to read {path}: {exc}") from exc
    return fingerprint(pem, str(hash_type or __opts__.get("hash_type") or "sha256"))
