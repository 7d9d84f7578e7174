"""After the handshake: requests, their replies and publications, sealed and opened. Both ends.

The master's half refuses in stock's words; the minion's raises what tells it to sign in again.
Source: stock Salt 3008.3.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import deque
from collections.abc import Mapping
from typing import Any

import attrs

from trisalt.errors import RemoteProtocolError
from trisalt.wire import codec, envelope
from trisalt.wire.crypticle import Crypticle, WrongKey, generate_key_string
from trisalt.wire.envelope import MAX_REQUEST_ITEMS, Request
from trisalt.wire.ids import plain_name, valid_minion_id
from trisalt.wire.keys import PrivateKey, PublicKey

_MAX_NONCE = 128
_SLICES = 4
# Stock minions send the very same bytes again when these are not answered in time.
_REPEATABLE = frozenset({"_pillar", "_serve_file", "_dir_list", "_symlink_list", "_master_opts", "_master_tops"})
_REPEATABLE_PREFIX = "_file_"
# What the minion's own signature leaves out: the request server takes these away before anybody sees the load.
_UNSIGNED_KEYS = frozenset({"nonce", "tok", "sig"})


class SessionRefused(RemoteProtocolError):
    """The master did not take our request: sign in again and ask anew, once."""


# -- the master's end ----------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Opened:
    """An encrypted request, opened and proven. `load` has neither `tok` nor `nonce`; `nonce` is empty if none came."""

    load: dict[str, Any]
    nonce: str
    cmd: str


def open_request(request: Request, *, session: Crypticle, public_key: PublicKey, now: float, ttl: float = 0) -> Opened:
    """Open an encrypted request and check everything it claims.

    `session` is the key of `request.id`'s session (the shared one for versions below 3), `public_key` the accepted
    key of that id, `now` wall time in seconds. With `ttl`, `ts` must be there and not further away than that.
    Raises RemoteProtocolError with the refusal to send.
    """
    load = _open_load(request, session=session, public_key=public_key)
    id = load.get("id")
    if not isinstance(id, str) and request.version >= 3:
        raise RemoteProtocolError("an id that is no text", refusal=f"bad load: id {str(id)[:80]} is not a string")
    if isinstance(id, str) and "\0" in id:
        raise RemoteProtocolError("an id with a null byte", refusal="bad load: id contains a null byte")
    if id != request.id:
        raise RemoteProtocolError("the id inside is not the one outside")
    nonce = load.pop("nonce", "") if request.version >= 2 else ""
    if not isinstance(nonce, str) or len(nonce) > _MAX_NONCE:
        raise RemoteProtocolError("a nonce that is none")
    if ttl > 0 and request.version >= 3:
        ts = load.get("ts")
        if not isinstance(ts, int) or abs(now - ts) > ttl:
            raise RemoteProtocolError("a request that is too old, or of the future")
    cmd = load.get("cmd")
    return Opened(load=load, nonce=nonce, cmd=cmd if isinstance(cmd, str) else "")


def _open_load(request: Request, *, session: Crypticle, public_key: PublicKey) -> dict[str, Any]:
    """The load of an encrypted request, its `tok` checked and taken out."""
    packed = session.open(request.load)
    # The tok is one constant per key and the one binary field. With ASCII in its place, the rest takes the fast road;
    # only who knows the tok can have put it there.
    known = public_key.good_tok
    blanked = packed if known is None else packed.replace(known, b"-" * len(known), 1)
    load = codec.unpack(blanked, max_items=MAX_REQUEST_ITEMS)
    if not isinstance(load, dict):
        raise RemoteProtocolError("a load that is no map", refusal=envelope.NOT_A_DICT)
    tok = load.pop("tok", None)
    if blanked is not packed and tok == "-" * len(known or b""):
        return load
    if tok is None and request.version < 3:
        return load
    if isinstance(tok, str):
        tok = codec.to_bytes(tok)
    if not public_key.check_tok(tok):
        raise RemoteProtocolError("the tok is not this minion's")
    return load


def named_sender(request: Request, *, shared: Crypticle) -> Request:
    """A request of a version below 3 with the `id` filled in that it names inside only; nothing is proven by it.

    Raises RemoteProtocolError with the refusal to send.
    """
    load = shared.loads(request.load)
    id = load.get("id") if isinstance(load, dict) else None
    if not isinstance(id, str) or not valid_minion_id(id):
        raise RemoteProtocolError("an encrypted request from an invalid id")
    return attrs.evolve(request, id=id)


def seal_reply(value: object, *, session: Crypticle, nonce: str) -> bytes:
    """The reply to an encrypted request, packed. `nonce` is the request's own, or empty."""
    return codec.pack(session.dumps(value, nonce))


def seal_private_reply(
    value: object, *, public_key: PublicKey, master_key: PrivateKey, nonce: str, enc_algo: str, sig_algo: str
) -> bytes:
    """The reply to `_pillar`, packed: only the owner of `public_key` opens it. It signs: not for the Trio thread.

    Raises RemoteProtocolError with the refusal to send when the request had no nonce, or asks for algorithms unknown.
    """
    if not nonce:
        raise RemoteProtocolError("no nonce", refusal={"error": "Nonce not included in request"})
    once = Crypticle(generate_key_string())
    key = public_key.encrypt(once.key_string.encode(), enc_algo)
    data = codec.pack({"key": key, "pillar": value, "nonce": nonce})
    pillar = once.dumps({"data": data, "sig": master_key.sign(data, sig_algo)})
    return codec.pack({"key": key, "pillar": pillar})


def pillar_digest(pillar: object) -> str:
    """By what a minion tells its master which pillar it has: of what travels, and so the same on both sides."""
    return hashlib.sha256(codec.pack(pillar)).hexdigest()


def is_known(load: Mapping[str, Any], pillar: object) -> dict[str, str] | None:
    """What is answered, as any reply, to a minion that says in its request that it has this pillar already.

    A stock minion never says so, and a stock master does not look.
    """
    known = load.get("known")
    if not known or not isinstance(known, str):
        return None
    return {"known": known} if hmac.compare_digest(known.encode(), pillar_digest(pillar).encode()) else None


def says_known(payload: bytes, *, session: Crypticle, nonce: str, known: str) -> bool:
    """Whether a master answered to `_pillar` that the one that it was told of is it. Raises as `open_reply` does."""
    if not isinstance(codec.unpack_raw(payload), bytes):
        return False
    return bool(open_reply(payload, session=session, nonce=nonce) == {"known": known})


def verify_load(load: Mapping[str, Any], *, public_key: PublicKey, sig_algo: str) -> bool | None:
    """Whether the minion's own signature in a load (`minion_sign_messages`) holds; None if there is none.

    `load` is as `open_request` gives it: its keys in the order they came.
    """
    if "sig" not in load:
        return None
    try:
        return public_key.verify(_signed_part(load), codec.to_bytes(load["sig"]), sig_algo)
    except RemoteProtocolError:
        return False


def _signed_part(load: Mapping[str, Any]) -> bytes:
    return codec.pack_bin({key: value for key, value in load.items() if key not in _UNSIGNED_KEYS})


def may_repeat(cmd: str) -> bool:
    """Whether a request of this command may come twice: `_pillar` and files, of which stock minions send the very same
    bytes again."""
    return cmd in _REPEATABLE or cmd.startswith(_REPEATABLE_PREFIX)


class ReplayWindow:
    """Which requests were seen of late. Pure: the time is an argument.

    Remembers each (id, nonce) for at least `seconds`; twice the `ttl` of `open_request` leaves no gap.
    """

    def __init__(self, seconds: float) -> None:
        self._slice = seconds / _SLICES
        self._newest_since = float("-inf")
        # Hashes, not the strings: tens of bytes each, and str hashes are keyed, so nobody can make two that collide.
        self._seen: deque[set[int]] = deque(maxlen=_SLICES + 1)

    def __len__(self) -> int:
        """How many requests are remembered."""
        return sum(map(len, self._seen))

    def admit(self, id: str, nonce: str, *, cmd: str, now: float) -> None:
        """Note a request. Raises RemoteProtocolError if it is a repeat, or has no nonce to tell.

        What `may_repeat` is not noted.
        """
        if may_repeat(cmd):
            return
        if not nonce:
            raise RemoteProtocolError("a request without a nonce")
        self._turn(now)
        mark = hash((id, nonce))
        for seen in self._seen:
            if mark in seen:
                raise RemoteProtocolError("a request that was here before")
        self._seen[-1].add(mark)

    def _turn(self, now: float) -> None:
        age = now - self._newest_since
        if age < self._slice:
            return
        if age >= self._slice * (_SLICES + 1):
            self._seen.clear()
        self._seen.append(set())
        self._newest_since = now


def seal_publication(
    job: Mapping[str, Any], *, crypticle: Crypticle, serial: int | None, key: PrivateKey | None, algo: str
) -> bytes:
    """A job map, sealed for all minions, packed. `key` signs it, unless None; `serial` counts under one shared key."""
    load = {name: value for name, value in job.items() if name != "serial"}
    if serial is not None:
        load["serial"] = serial
    ciphertext = crypticle.dumps(load)
    payload: dict[str, Any] = {"enc": "aes", "load": ciphertext}
    if key is not None:
        payload["sig_algo"] = algo
        payload["sig"] = key.sign(ciphertext, algo)
    return codec.pack(payload)


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
    sealed = {name: value for name, value in load.items() if name not in _UNSIGNED_KEYS}
    sealed.update(nonce=nonce, ts=int(now), tok=key.tok, id=id)
    if sign:
        sealed["sig"] = key.sign(_signed_part(sealed), sig_algo)
    return envelope.pack_aes(session.dumps(sealed), id=id, enc_algo=enc_algo, sig_algo=sig_algo)


def open_reply(payload: bytes, *, session: Crypticle, nonce: str, raw: bool = False) -> Any:
    """What the master answered. `raw` leaves strings as bytes, for file contents.

    Raises SessionRefused for a refusal or a reply under another key, RemoteProtocolError for one to another request.
    """
    reply = codec.unpack_raw(payload)
    if not isinstance(reply, bytes):
        raise SessionRefused(f"the master answered in clear: {_shown(reply)}")
    try:
        return session.loads(reply, nonce, raw=raw)
    except WrongKey as error:
        if _readable(reply):
            raise SessionRefused(f"the master answered: {_shown(reply)}") from error
        raise SessionRefused("the reply is not sealed with our session key") from error


def open_private_reply(
    payload: bytes, *, key: PrivateKey, master_pub: PublicKey, nonce: str, enc_algo: str, sig_algo: str
) -> Any:
    """The pillar in a private reply, verified. Raises as `open_reply` does."""
    reply = codec.unpack(payload)
    if not isinstance(reply, dict) or "key" not in reply or "pillar" not in reply:
        raise SessionRefused(f"the master answered: {_shown(reply)}")
    wrapped = codec.to_bytes(reply["key"])
    once = Crypticle(key.decrypt(wrapped, enc_algo))
    body = once.loads(codec.to_bytes(reply["pillar"]))
    if not isinstance(body, dict) or "data" not in body or "sig" not in body:
        raise RemoteProtocolError("the pillar is not signed")
    data = codec.to_bytes(body["data"])
    if not master_pub.verify(data, codec.to_bytes(body["sig"]), sig_algo):
        raise RemoteProtocolError("the pillar's signature did not validate")
    inner = codec.unpack(data)
    if not isinstance(inner, dict) or "pillar" not in inner:
        raise RemoteProtocolError("there is no pillar in the reply")
    if codec.to_bytes(inner.get("key", b"")) != wrapped:
        raise RemoteProtocolError("the pillar was sealed with another key than it says")
    answered = inner.get("nonce")
    if not isinstance(answered, str) or not hmac.compare_digest(answered.encode(), nonce.encode()):
        raise RemoteProtocolError("the nonce is not ours")
    return inner["pillar"]


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
    # Raw: it is cheap, and a ciphertext is no text.
    outer = codec.unpack_raw(payload)
    if not isinstance(outer, dict) or outer.get(b"enc") != b"aes" or b"load" not in outer:
        raise RemoteProtocolError("no publication")
    ciphertext = codec.to_bytes(outer[b"load"])
    if b"sig" in outer:
        algo = envelope.text(outer.get(b"sig_algo"))
        if not master_pub.verify(ciphertext, codec.to_bytes(outer[b"sig"]), algo):
            raise RemoteProtocolError("the publication's signature did not validate")
    elif require_signature:
        raise RemoteProtocolError("the publication is not signed")
    job = crypticle.loads(ciphertext)
    if not isinstance(job, dict):
        raise RemoteProtocolError("the publication holds no map")
    _check_job(job)
    if "serial" in job:
        serial = job["serial"]
        if type(serial) is not int or serial <= last_serial:
            raise RemoteProtocolError(f"the publication's serial {_shown(serial)} is not above {last_serial}")
    return job


def _check_job(job: dict[str, Any]) -> None:
    fun = job.get("fun")
    well = (
        # Any plain name: callers of stock's API may choose their own.
        plain_name(job.get("jid"))
        and (isinstance(fun, str) or (isinstance(fun, list) and all(isinstance(name, str) for name in fun)))
        and isinstance(job.get("arg"), list)
        and job.get("tgt") is not None
    )
    if not well:
        raise RemoteProtocolError("the publication holds no job")


def _readable(reply: bytes) -> bool:
    return reply.isascii() and len(reply) < 200


def _shown(reply: object) -> str:
    text = reply.decode("ascii", "replace") if isinstance(reply, bytes) else str(reply)
    return text[:100]
