"""Who this master is: its RSA pair, the shared AES key with its serial, and the root key of the local commands.

The files are stock Salt's, so a machine can change hands both ways. Signing in and rotation are `master/auth`'s,
publications `master/publisher`'s; both hold the one `Identity` that `master/daemon` opens.
"""

from __future__ import annotations

from pathlib import Path

from trisalt.wire.crypticle import Crypticle
from trisalt.wire.keys import PrivateKey


class Identity:
    """The master's pair and its shared AES key.

    `id` is the master's id option (`<host>_master` by default); `digest_sig` the X9.31 signature of the shared
    key's digest, made once per key.
    """

    def __init__(self, key: PrivateKey, *, id: str) -> None: ...

    id: str
    key: PrivateKey
    aes: Crypticle
    digest_sig: bytes

    def next_serial(self) -> int:
        """The number of the next publication under the present shared key: 1, 2, 3, …"""
        raise NotImplementedError

    def rotate(self) -> None:
        """Make a new shared key and count from 1 again. Two RSA operations' time: call it in a thread or at start."""
        raise NotImplementedError


def open_identity(pki_dir: Path, *, id: str, keysize: int = 2048) -> Identity:
    """The master's identity from `pki_dir`; its pair is made there if there is none."""
    raise NotImplementedError


def open_root_key(cachedir: Path, user: str) -> str:
    """The text of `CACHE/.<user>_key` (mode 0600), made if there is none."""
    raise NotImplementedError
