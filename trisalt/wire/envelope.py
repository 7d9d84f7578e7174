"""Clear, encrypted and signed envelopes around a load. What they seal is `handshake`'s and `session`'s."""

from __future__ import annotations

from typing import Any, Literal

import attrs

from trisalt.wire.keys import PrivateKey

MINIMUM_VERSION = 3
VERSION = 3
MAX_CLEAR = 1024 * 1024
MAX_REQUEST = 128 * 1024 * 1024

BAD_LOAD = "bad load"
EXCEPTION = "Some exception handling minion payload"


@attrs.frozen(kw_only=True)
class Request:
    """One request as it came in. `load` is a map when `enc` is `clear`, the ciphertext when it is `aes`.

    `id` is who an encrypted request claims to be from; empty for a clear one, and for versions below 3, which name
    their sender inside only. `version` is 0 to 3: larger ones are spoken to as 3.
    """

    enc: Literal["clear", "aes"]
    load: Any
    version: int
    id: str
    enc_algo: str
    sig_algo: str


def parse_request(
    payload: bytes, *, minimum_version: int = MINIMUM_VERSION, max_clear: int = MAX_CLEAR, max_size: int = MAX_REQUEST
) -> Request:
    """Read one request. Raises RemoteProtocolError; its `refusal`, packed, is the whole answer.

    `max_clear` limits what strangers may send, in bytes; `max_size` what those with a session may.
    """
    raise NotImplementedError


def pack_clear(load: object, *, version: int = VERSION) -> bytes:
    """A clear request."""
    raise NotImplementedError


def pack_aes(ciphertext: bytes, *, id: str, enc_algo: str, sig_algo: str, version: int = VERSION) -> bytes:
    """An encrypted request."""
    raise NotImplementedError


def pack_clear_reply(load: object) -> bytes:
    """`{"enc": "clear", "load": load}`, as `publish` and some refusals of `_auth` are answered."""
    raise NotImplementedError


def pack_signed(inner: dict[str, Any], key: PrivateKey, algo: str) -> bytes:
    """A clear reply whose load is packed and signed."""
    raise NotImplementedError
