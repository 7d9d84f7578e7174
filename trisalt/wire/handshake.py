"""`_auth`, both ends: the master decides and answers, the minion asks and checks.

Both are pure: nonces, tokens and keys come in, verdicts and bytes go out. Key files are `master/keyring`'s and
`minion/link`'s; every RSA operation here is meant for a thread, one call at a time.
"""

from __future__ import annotations

import enum
from typing import Any, ClassVar

import attrs

from trisalt.wire.crypticle import Crypticle
from trisalt.wire.keys import PrivateKey, PublicKey

# -- the master's end ----------------------------------------------------------------------------------------------


class KeyState(enum.Enum):
    """In which of the keyring's folders an id has its key."""

    UNKNOWN = "unknown"
    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    DENIED = "denied"


@attrs.frozen(kw_only=True)
class Hello:
    """What a minion says when it signs in. `pub` is the normalised text, `key` None if that is no key.

    `id` may be one that no minion may have: `decide` refuses it, signed, as stock does.
    """

    id: str
    pub: str
    key: PublicKey | None
    version: int
    nonce: str
    enc_algo: str
    sig_algo: str
    token: bytes | None = None
    autosign_grains: dict[str, Any] | None = None

    @classmethod
    def from_load(cls, load: dict[str, Any], version: int) -> Hello:
        """Check a clear `_auth` load. Raises RemoteProtocolError with the refusal to send."""
        raise NotImplementedError


@attrs.frozen(kw_only=True)
class Policy:
    """What the master's configuration and files say about the one who signs in."""

    auto_accept: bool = False
    open_mode: bool = False
    autosign: bool = False
    autoreject: bool = False
    max_minions_reached: bool = False


@attrs.frozen(kw_only=True)
class Verdict:
    """What becomes of a Hello.

    `act` is the event's: accept, pend, reject, denied, full, error. `ret` is what `refused_answer` carries, None when
    accepted. `store` is the state the offered key is to be written in (ACCEPTED and REJECTED take it out of the others;
    DENIED stands beside the key that is known), None to leave the files alone.
    """

    act: str
    ret: bool | str | None
    store: KeyState | None = None

    @property
    def accepted(self) -> bool:
        """Whether `accepted_answer` is due."""
        return self.ret is None


def decide(hello: Hello, state: KeyState, stored_pem: str | None, policy: Policy) -> Verdict:
    """Decide on a Hello. `state` and `stored_pem` are what the keyring has for its id."""
    raise NotImplementedError


def aes_digest_signature(master_key: PrivateKey, aes_key_string: str) -> bytes:
    """The master's word for the shared key. Milliseconds, and the same until rotation: make it once."""
    raise NotImplementedError


def accepted_answer(
    hello: Hello,
    *,
    master_key: PrivateKey,
    aes_key_string: str,
    aes_digest_sig: bytes,
    session_key_string: str,
    publish_port: int,
    pub_sig: str | None = None,
) -> bytes:
    """The answer to an accepted Hello, packed. `pub_sig` is `public_key_signature`'s, when it is configured."""
    raise NotImplementedError


def refused_answer(hello: Hello, ret: bool | str, master_key: PrivateKey) -> bytes:
    """The answer to any other Hello, packed: True is pending, False rejected or denied, `full` full."""
    raise NotImplementedError


def public_key_signature(sign_key: PrivateKey, master_pub_pem: str, algo: str) -> str:
    """The signing key's word for the master's public key (`master_sign_pubkey`), in base64."""
    raise NotImplementedError


# -- the minion's end ----------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Accepted:
    """We are in. `master_pub_pem` is verified: store it when `new_key`."""

    aes: Crypticle
    session: Crypticle
    publish_port: int
    master_pub_pem: str
    new_key: bool


@attrs.frozen(kw_only=True)
class Pending:
    """Our key waits to be accepted. `verified` is False when no master key is known yet: anybody may have said so."""

    verified: bool


@attrs.frozen(kw_only=True)
class Refused:
    """Our key was rejected or denied. `verified` as for Pending."""

    verified: bool


@attrs.frozen(kw_only=True)
class TooMany:
    """The master takes no more minions. `verified` as for Pending."""

    verified: bool


@attrs.frozen(kw_only=True)
class MinionHandshake:
    """One attempt to sign in: `request` goes out, `accept` reads the answer. A new attempt takes a new nonce.

    `master_pub` is the key that is pinned, None on first contact; `token` a random key string made once per process,
    sent only to a master whose key is known. `master_finger` pins a first contact, `sign_pub` is
    `master_sign.pub` when `verify_master_pubkey_sign` is configured.
    """

    id: str
    key: PrivateKey
    master_pub: PublicKey | None
    enc_algo: str
    sig_algo: str
    nonce: str
    token: str | None = None
    autosign_grains: dict[str, Any] | None = None
    master_finger: str | None = None
    hash_type: str = "sha256"
    sign_pub: PublicKey | None = None

    VERSION: ClassVar[int] = 3

    def request(self) -> bytes:
        """The `_auth` request, packed."""
        raise NotImplementedError

    def accept(self, payload: bytes) -> Accepted | Pending | Refused | TooMany:
        """Read the answer, in the order that trusts nothing before it is verified.

        Raises KeyChanged when the master shows another key than the pinned one, RemoteProtocolError for everything
        else that does not hold; its text is fit for a log.
        """
        raise NotImplementedError
