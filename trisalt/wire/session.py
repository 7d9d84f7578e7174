"""After the handshake: requests, their replies and publications, sealed and opened. Both ends.

The master's half refuses in stock's words; the minion's raises what tells it to sign in again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from trisalt.errors import RemoteProtocolError
from trisalt.wire.crypticle import Crypticle
from trisalt.wire.envelope import Request
from trisalt.wire.keys import PrivateKey, PublicKey


class SessionRefused(RemoteProtocolError):
    """The master did not take our request: sign in again and ask anew, once."""


# -- the master's end ----------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Opened:
    """An encrypted request, opened and proven. `load` has neither `tok` nor `nonce`; `nonce` is empty if it had none."""

    load: dict[str, Any]
    nonce: str
    cmd: str


def open_request(request: Request, *, session: Crypticle, public_key: PublicKey, now: float, ttl: float = 0) -> Opened:
    """Open an encrypted request and check everything it claims.

    `session` is the key of `request.id`'s session (the shared one for versions below 3), `public_key` the accepted
    key of that id, `now` wall time in seconds. With `ttl`, `ts` must be there and not further away than that.
    Raises RemoteProtocolError with the refusal to send.
    """
    raise NotImplementedError


def named_sender(request: Request, *, shared: Crypticle) -> Request:
    """A request of a version below 3 with the `id` filled in that it names inside only; nothing is proven by it."""
    raise NotImplementedError


def seal_reply(value: object, *, session: Crypticle, nonce: str) -> bytes:
    """The reply to an encrypted request, packed. `nonce` is the request's own, or empty."""
    raise NotImplementedError


def seal_private_reply(
    value: object, *, public_key: PublicKey, master_key: PrivateKey, nonce: str, enc_algo: str, sig_algo: str
) -> bytes:
    """The reply to `_pillar`, packed: only the owner of `public_key` opens it. It signs: not for the Trio thread."""
    raise NotImplementedError


def verify_load(load: Mapping[str, Any], *, public_key: PublicKey, sig_algo: str) -> bool | None:
    """Whether the minion's own signature in a load (`minion_sign_messages`) holds; None if there is none."""
    raise NotImplementedError


class ReplayWindow:
    """Which requests were seen of late. Pure: the time is an argument.

    Remembers each (id, nonce) for at least `seconds`; twice the `ttl` of `open_request` leaves no gap.
    """

    def __init__(self, seconds: float) -> None:
        raise NotImplementedError

    def admit(self, id: str, nonce: str, *, cmd: str, now: float) -> None:
        """Note a request. Raises RemoteProtocolError if it is a repeat, or has no nonce to tell.

        `_pillar` and the file commands may repeat: stock minions send the very same bytes again.
        """
        raise NotImplementedError


def seal_publication(
    job: Mapping[str, Any], *, crypticle: Crypticle, serial: int | None, key: PrivateKey | None, algo: str
) -> bytes:
    """A job map, sealed for all minions, packed. `key` signs it, unless None; `serial` counts under one shared key."""
    raise NotImplementedError


# -- the minion's end ----------------------------------------------------------------------------------------------


def seal_request(
    load: Mapping[str, Any],
    *,
    id: str,
    session: Crypticle,
    key: PrivateKey,
    nonce: str,
    now: float,
    enc_algo: str,
    sig_algo: str,
    sign: bool = False,
) -> bytes:
    """An encrypted request, packed. `nonce` is fresh, 32 hex digits; `now` wall time; `sign` adds our signature."""
    raise NotImplementedError


def open_reply(payload: bytes, *, session: Crypticle, nonce: str, raw: bool = False) -> Any:
    """What the master answered. `raw` leaves strings as bytes, for file contents.

    Raises SessionRefused for a refusal or a reply under another key, RemoteProtocolError for one to another request.
    """
    raise NotImplementedError


def open_private_reply(
    payload: bytes, *, key: PrivateKey, master_pub: PublicKey, nonce: str, enc_algo: str, sig_algo: str
) -> Any:
    """The pillar in a private reply, verified. Raises as `open_reply` does."""
    raise NotImplementedError


def open_publication(
    payload: bytes,
    *,
    crypticle: Crypticle,
    master_pub: PublicKey,
    last_serial: int = 0,
    require_signature: bool = True,
) -> dict[str, Any]:
    """The job map in a publication, verified. Its `serial` is left in: the next `last_serial` under this key.

    Raises WrongKey if it is well signed but sealed with another shared key (try the other one, then sign in again),
    RemoteProtocolError for everything that is to be dropped.
    """
    raise NotImplementedError
