"""`_auth`, both ends: the master decides and answers, the minion asks and checks.

Both are pure: nonces, tokens and keys come in, verdicts and bytes go out. Key files are `master/keyring`'s and
`minion/link`'s; every RSA operation here is meant for a thread, one call at a time.
Source: stock Salt 3008.3.
"""

from __future__ import annotations

import base64
import binascii
import enum
import hashlib
import hmac
from typing import Any, ClassVar

import attrs

from trisalt.errors import KeyChanged, RemoteProtocolError
from trisalt.wire import codec, envelope
from trisalt.wire.crypticle import Crypticle
from trisalt.wire.ids import valid_minion_id
from trisalt.wire.keys import (
    DEFAULT_ENCRYPTION,
    DEFAULT_SIGNING,
    ENCRYPTION,
    SIGNING,
    PrivateKey,
    PublicKey,
    normalise,
)

_SIGNED_SINCE = 2
_MAX_NONCE = 128
_MAX_ANSWER = 64 * 1024

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

    `id` may be one that no minion may have: `decide` refuses it, signed, as stock does. `takes_again`: it knows what
    `again` in an answer means, which nobody else is told (`refused_answer`).
    """

    id: str
    pub: str
    key: PublicKey | None
    version: int
    nonce: str
    enc_algo: str
    sig_algo: str
    token: bytes | None = attrs.field(default=None, repr=False)
    autosign_grains: dict[str, Any] | None = attrs.field(default=None, repr=False)
    takes_again: bool = False

    @classmethod
    def from_load(cls, load: dict[str, Any], version: int, *, known: PublicKey | None = None) -> Hello:
        """Check a clear `_auth` load. Raises RemoteProtocolError with the refusal to send.

        `known` is a key that was parsed before: taken when it is the one that is offered.
        """
        id, pub = load.get("id"), load.get("pub")
        if not isinstance(id, str) or not isinstance(pub, str):
            raise RemoteProtocolError("_auth without id or pub", refusal=envelope.EXCEPTION)
        nonce = load.get("nonce", "")
        if not isinstance(nonce, str) or len(nonce) > _MAX_NONCE or (version >= _SIGNED_SINCE and not nonce):
            raise RemoteProtocolError("_auth without a nonce", refusal=envelope.EXCEPTION)
        token = load.get("token")
        token = None if token is None else codec.to_bytes(token)
        enc_algo, sig_algo = load.get("enc_algo", DEFAULT_ENCRYPTION), load.get("sig_algo", DEFAULT_SIGNING)
        if not isinstance(sig_algo, str) or sig_algo not in SIGNING:
            raise RemoteProtocolError("_auth with an unknown sig_algo", refusal=_unsigned("bad sig algo"))
        if not isinstance(enc_algo, str) or enc_algo not in ENCRYPTION:
            refusal = envelope.EXCEPTION if token is None else _unsigned("bad enc algo")
            raise RemoteProtocolError("_auth with an unknown enc_algo", refusal=refusal)
        pub = normalise(pub)
        key = known if known is not None and known.pem == pub else _parsed(pub)
        grains = load.get("autosign_grains")
        return cls(
            id=id,
            pub=pub,
            key=key,
            version=version,
            nonce=nonce,
            enc_algo=enc_algo,
            sig_algo=sig_algo,
            token=token,
            autosign_grains=grains if isinstance(grains, dict) else None,
            takes_again=load.get("again") is True,
        )


def _parsed(pub: str) -> PublicKey | None:
    try:
        return PublicKey.from_pem(pub)
    except RemoteProtocolError:
        return None


def _unsigned(ret: bool | str) -> dict[str, Any]:
    return {"enc": "clear", "load": {"ret": ret}}


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
    """Decide on a Hello. `state` and `stored_pem` are what the keyring has for its id.

    A key that was only ever denied is as good as unknown: it was never anybody's.
    """
    if hello.key is None or not valid_minion_id(hello.id):
        return Verdict(act="error", ret=False)
    if policy.max_minions_reached:
        return Verdict(act="full", ret="full")
    same = stored_pem is not None and normalise(stored_pem) == hello.pub
    if policy.open_mode:
        known = same and state is KeyState.ACCEPTED
        return Verdict(act="accept", ret=None, store=None if known else KeyState.ACCEPTED)
    autosign = policy.auto_accept or policy.autosign
    match state:
        case KeyState.REJECTED:
            return Verdict(act="reject", ret=False)
        case KeyState.ACCEPTED:
            return Verdict(act="accept", ret=None) if same else _DENIED
        case KeyState.PENDING if policy.autoreject:
            return Verdict(act="reject", ret=False, store=KeyState.REJECTED)
        case KeyState.PENDING if not same:
            return _DENIED
        case KeyState.PENDING if not autosign:
            return Verdict(act="pend", ret=True)
        case KeyState.PENDING:
            return Verdict(act="accept", ret=None, store=KeyState.ACCEPTED)
    if policy.autoreject:
        return Verdict(act="reject", ret=False, store=KeyState.REJECTED)
    if not autosign:
        return Verdict(act="pend", ret=True, store=KeyState.PENDING)
    return Verdict(act="accept", ret=None, store=KeyState.ACCEPTED)


_DENIED = Verdict(act="denied", ret=False, store=KeyState.DENIED)


def aes_digest_signature(master_key: PrivateKey, aes_key_string: str) -> bytes:
    """The master's word for the shared key. Milliseconds, and the same until rotation: make it once."""
    return master_key.x931_sign(hashlib.sha256(aes_key_string.encode()).hexdigest().encode())


def accepted_answer(
    hello: Hello,
    *,
    master_key: PrivateKey,
    aes_key_string: str,
    aes_digest_sig: bytes,
    session_key_string: str,
    publish_port: int,
    pub_sig: str | None = None,
    heartbeat: float = 0,
    clock: float | None = None,
) -> bytes:
    """The answer to an accepted Hello, packed. `pub_sig` is `public_key_signature`'s, when it is configured.

    `heartbeat`: how many seconds apart a sign of life is wanted; `clock`: our wall time, by which a minion whose own is
    off can date its requests. Minions of ours know what is meant, others pass it by.

    A token that does not open is not answered to, and the minion will not take that for an answer.
    Raises RemoteProtocolError, with the refusal to send, if the minion's key is too small for what it asks for.
    """
    if hello.key is None:
        raise RemoteProtocolError("a key that does not parse", refusal=_unsigned(False))
    inner: dict[str, Any] = {"enc": "pub", "pub_key": master_key.public.pem, "publish_port": publish_port}
    if pub_sig is not None:
        inner["pub_sig"] = pub_sig
    if heartbeat > 0:
        inner["heartbeat"] = heartbeat
    if clock is not None:
        inner["clock"] = clock
    if hello.token is not None:
        try:
            inner["token"] = hello.key.encrypt(master_key.decrypt(hello.token, hello.enc_algo), hello.enc_algo)
        except RemoteProtocolError:
            pass
    inner["aes"] = hello.key.encrypt(aes_key_string.encode(), hello.enc_algo)
    inner["session"] = hello.key.encrypt(session_key_string.encode(), hello.enc_algo)
    inner["sig"] = aes_digest_sig
    if hello.version < _SIGNED_SINCE:
        return codec.pack(inner)
    inner["nonce"] = hello.nonce
    return envelope.pack_signed(inner, master_key, hello.sig_algo)


def refused_answer(hello: Hello, ret: bool | str, master_key: PrivateKey, *, again: float = 0) -> bytes:
    """The answer to any other Hello, packed: True is pending, False rejected or denied, `full` full.

    `again`: after how many seconds a pending minion may ask again, if that is sooner than it would; told to those that
    take it, which are ours.
    """
    if hello.version < _SIGNED_SINCE:
        return codec.pack(_unsigned(ret))
    inner: dict[str, Any] = {"ret": ret, "nonce": hello.nonce}
    if again > 0 and hello.takes_again:
        inner["again"] = again
    return envelope.pack_signed(inner, master_key, hello.sig_algo)


def public_key_signature(sign_key: PrivateKey, master_pub_pem: str, algo: str) -> str:
    """The signing key's word for the master's public key (`master_sign_pubkey`): base64 and a newline."""
    return binascii.b2a_base64(sign_key.sign(normalise(master_pub_pem).encode(), algo)).decode()


# -- the minion's end ----------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Accepted:
    """We are in. `master_pub_pem` is verified: store it when `new_key`. `heartbeat`, `clock`: see `accepted_answer`."""

    aes: Crypticle
    session: Crypticle
    publish_port: int
    master_pub_pem: str
    new_key: bool
    heartbeat: float = 0
    clock: float | None = None


@attrs.frozen(kw_only=True)
class Pending:
    """Our key waits to be accepted. `verified` is False when no master key is known yet: anybody may have said so.

    `again`: see `refused_answer`.
    """

    verified: bool
    again: float = 0


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
    `master_sign.pub` when `verify_master_pubkey_sign` is configured. `takes_again`: it was pending before, and would be
    told when to ask again; a first request is stock's.
    """

    id: str
    key: PrivateKey
    master_pub: PublicKey | None
    enc_algo: str
    sig_algo: str
    nonce: str
    token: str | None = attrs.field(default=None, repr=False)
    autosign_grains: dict[str, Any] | None = attrs.field(default=None, repr=False)
    master_finger: str | None = None
    hash_type: str = "sha256"
    sign_pub: PublicKey | None = None
    takes_again: bool = False

    VERSION: ClassVar[int] = envelope.VERSION

    @property
    def _sends_token(self) -> bool:
        return self.token is not None and self.master_pub is not None

    def request(self) -> bytes:
        """The `_auth` request, packed."""
        load: dict[str, Any] = {
            "cmd": "_auth",
            "id": self.id,
            "nonce": self.nonce,
            "pub": self.key.public.pem,
            "enc_algo": self.enc_algo,
            "sig_algo": self.sig_algo,
        }
        if self.takes_again:
            # Stock's masters pass it by.
            load["again"] = True
        if self.autosign_grains is not None:
            load["autosign_grains"] = self.autosign_grains
        if self.token is not None and self.master_pub is not None:
            load["token"] = self.master_pub.encrypt(self.token.encode(), self.enc_algo)
        return envelope.pack_clear(load, version=self.VERSION)

    def accept(self, payload: bytes) -> Accepted | Pending | Refused | TooMany:
        """Read the answer, in the order that trusts nothing before it is verified.

        Raises KeyChanged when the master shows another key than the pinned one, RemoteProtocolError for everything
        else that does not hold; its text is fit for a log.
        """
        packed, signature = self._open_envelope(payload)
        inner = codec.unpack(packed)
        if not isinstance(inner, dict):
            raise RemoteProtocolError("the master's answer holds no map")
        master_pub = self._choose_key(inner)
        if master_pub is not None and not master_pub.verify(packed, signature, self.sig_algo):
            raise RemoteProtocolError("the payload signature did not validate")
        nonce = inner.get("nonce")
        if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), self.nonce.encode()):
            raise RemoteProtocolError("the payload nonce did not validate")
        if "ret" in inner:
            # A key that comes with a refusal proves nothing on first contact.
            again = wanted if isinstance(wanted := inner.get("again"), int | float) and wanted > 0 else 0
            return self._read_refusal(inner["ret"], verified=self.master_pub is not None, again=again)
        if master_pub is None or "pub_key" not in inner:
            raise RemoteProtocolError("the master's answer holds neither ret nor pub_key")
        return self._open_credentials(inner, master_pub)

    def _open_envelope(self, payload: bytes) -> tuple[bytes, bytes]:
        outer = codec.unpack(payload, max_size=_MAX_ANSWER)
        if not isinstance(outer, dict):
            raise RemoteProtocolError(f"the sign-in attempt failed: {str(outer)[:100]}")
        load = outer.get("load")
        if isinstance(load, dict):
            raise RemoteProtocolError(f"the master refused, unsigned: {str(load.get('ret'))[:100]}")
        if load is None or outer.get("sig") is None:
            raise RemoteProtocolError(f"the master's answer is not signed: {str(outer)[:100]}")
        return codec.to_bytes(load), codec.to_bytes(outer["sig"])

    def _choose_key(self, inner: dict[str, Any]) -> PublicKey | None:
        """The key the answer must be signed with; None if none is known and none is offered."""
        if "pub_key" not in inner:
            return self.master_pub
        offered = PublicKey.from_pem(_expect_text(inner, "pub_key"))
        if "pub_sig" in inner and self.sign_pub is None:
            raise RemoteProtocolError("the master signs its public key, but we are not told to verify that")
        if self.sign_pub is not None:
            self._verify_pub_sig(inner, offered, self.sign_pub)
            return offered
        if self.master_pub is None:
            if self.master_finger and offered.fingerprint(self.hash_type) != self.master_finger.strip().lower():
                raise KeyChanged(
                    f"the master's key {offered.fingerprint(self.hash_type)} is not the one of master_finger"
                )
        elif offered.pem != self.master_pub.pem:
            raise KeyChanged(
                f"the master key has changed: {offered.fingerprint(self.hash_type)}, "
                f"when {self.master_pub.fingerprint(self.hash_type)} is known"
            )
        return offered

    def _verify_pub_sig(self, inner: dict[str, Any], offered: PublicKey, sign_pub: PublicKey) -> None:
        if "pub_sig" not in inner:
            raise RemoteProtocolError("the master does not sign its public key, but we are told to verify that")
        try:
            signature = base64.b64decode(codec.to_bytes(inner["pub_sig"]))
        except (binascii.Error, ValueError) as error:
            raise RemoteProtocolError("the signature of the master's public key does not decode") from error
        # A signature made beforehand is by the algorithm the master was told, not by the one we asked for.
        if not any(sign_pub.verify(offered.pem.encode(), signature, algo) for algo in SIGNING):
            raise RemoteProtocolError("the signature of the master's public key did not validate")

    def _read_refusal(self, ret: object, *, verified: bool, again: float) -> Pending | Refused | TooMany:
        match ret:
            case True:
                return Pending(verified=verified, again=again)
            case False:
                return Refused(verified=verified)
            case "full":
                return TooMany(verified=verified)
        raise RemoteProtocolError(f"the master's answer is {str(ret)[:100]}")

    def _open_credentials(self, inner: dict[str, Any], master_pub: PublicKey) -> Accepted:
        aes = self._decrypt(inner, "aes")
        session = self._decrypt(inner, "session")
        digest = hashlib.sha256(aes).hexdigest().encode()
        if not hmac.compare_digest(master_pub.x931_recover(_expect_bytes(inner, "sig")), digest):
            raise RemoteProtocolError("the digest of the shared key did not validate")
        # A master with `auth_mode: 2` returns the token inside.
        aes, _mark, echoed = aes.partition(b"_|-")
        if self._sends_token:
            assert self.token is not None
            echoed = echoed or self._decrypt(inner, "token")
            if not hmac.compare_digest(echoed, self.token.encode()):
                raise RemoteProtocolError("the master did not return our token")
        port = inner.get("publish_port")
        if type(port) is not int or not 0 < port < 65536:
            raise RemoteProtocolError(f"no publish_port: {str(port)[:40]}")
        return Accepted(
            aes=Crypticle(aes),
            session=Crypticle(session),
            publish_port=port,
            master_pub_pem=master_pub.pem,
            new_key=self.master_pub is None or self.master_pub.pem != master_pub.pem,
            heartbeat=float(wanted) if isinstance(wanted := inner.get("heartbeat"), int | float) and wanted > 0 else 0,
            clock=_clock(inner.get("clock")),
        )

    def _decrypt(self, inner: dict[str, Any], name: str) -> bytes:
        try:
            return self.key.decrypt(_expect_bytes(inner, name), self.enc_algo)
        except RemoteProtocolError as error:
            raise RemoteProtocolError(f"the master's {name} does not open: {error}") from error


def _expect_text(inner: dict[str, Any], name: str) -> str:
    value = inner.get(name)
    if not isinstance(value, str):
        raise RemoteProtocolError(f"the master's answer holds no {name}")
    return value


def _clock(value: object) -> float | None:
    """A wall time that dates can say, which is before the year 10000."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 < value < 253_402_300_800 else None


def _expect_bytes(inner: dict[str, Any], name: str) -> bytes:
    if name not in inner:
        raise RemoteProtocolError(f"the master's answer holds no {name}")
    return codec.to_bytes(inner[name])
