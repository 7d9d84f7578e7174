"""Clear, encrypted and signed envelopes around a load. What they seal is `handshake`'s and `session`'s."""

from __future__ import annotations

from typing import Any, Literal

import attrs

from trisalt.errors import RemoteProtocolError
from trisalt.wire import codec
from trisalt.wire.ids import valid_minion_id
from trisalt.wire.keys import DEFAULT_ENCRYPTION, DEFAULT_SIGNING, PrivateKey

VERSION = 3
MINIMUM_VERSION = 3
MAX_CLEAR = 1024 * 1024
# A sign-in holds an id, a key, and perhaps some grains; whatever is in it is told to others.
MAX_KNOCK = 32 * 1024
MAX_REQUEST = codec.MAX_SIZE
# Values in what strangers send, in what those with a session do, and in what stands around a ciphertext.
MAX_CLEAR_ITEMS, MAX_REQUEST_ITEMS, MAX_OUTER_ITEMS = 50_000, codec.MAX_ITEMS, 256

# Stock's words, which peers know. Source: stock Salt 3008.3.
BAD_LOAD = "bad load"
NOT_A_DICT = "payload and load must be a dict"
EXCEPTION = "Some exception handling minion payload"
UNREADABLE = {"error": "Routing error"}


@attrs.frozen(kw_only=True)
class Request:
    """One request as it came in. `load` is a map when `enc` is `clear`, the ciphertext when it is `aes`.

    `id` is who an encrypted request claims to be from; empty for a clear one, and for versions below 3, which name
    their sender inside only. `version` is 0 to 3: larger ones are spoken to as 3.
    """

    enc: Literal["clear", "aes"]
    load: Any = attrs.field(repr=False)
    version: int
    id: str
    enc_algo: str
    sig_algo: str


@attrs.frozen
class Knock:
    """A sign-in, read as far as is needed to have it wait its turn: there may be thousands of them.

    `id` and `pub` are whose it says to be, raw, and empty where they are no text.
    """

    id: bytes
    pub: bytes
    version: int
    _payload: bytes = attrs.field(repr=False)

    def read(self) -> Request:
        """All of it. Raises as `receive_request` does."""
        return _parse_clear(self._payload, self.version)


def receive_request(
    payload: bytes, *, minimum_version: int = MINIMUM_VERSION, max_clear: int = MAX_CLEAR, max_size: int = MAX_REQUEST
) -> Request | Knock:
    """Read one request. Raises RemoteProtocolError; its `refusal`, packed, is the whole answer.

    `max_clear` limits what strangers may send, in bytes; `max_size` what those with a session may.
    """
    if len(payload) > max_size:
        raise RemoteProtocolError(f"a request of {len(payload)} bytes")
    try:
        # Raw first: it is cheap, and a ciphertext is no text.
        most = MAX_CLEAR_ITEMS if len(payload) <= max_clear else MAX_OUTER_ITEMS
        outer = codec.unpack_raw(payload, max_size=max_size, max_items=most)
    except RemoteProtocolError as error:
        raise RemoteProtocolError(f"a request that does not decode: {error}", refusal=UNREADABLE) from error
    if not isinstance(outer, dict) or b"enc" not in outer or b"load" not in outer:
        raise RemoteProtocolError("a request without enc and load")
    version = _version(outer.get(b"version", 0))
    if version < minimum_version:
        raise RemoteProtocolError(f"protocol version {version}, when {minimum_version} is required")
    match outer[b"enc"]:
        case b"aes":
            return _parse_aes(outer, version)
        case b"clear":
            if len(payload) > max_clear:
                raise RemoteProtocolError(f"a clear request of {len(payload)} bytes, when {max_clear} are allowed")
            load = outer[b"load"]
            if isinstance(load, dict) and load.get(b"cmd") == b"_auth":
                if len(payload) > MAX_KNOCK:
                    raise RemoteProtocolError(f"a sign-in of {len(payload)} bytes, when {MAX_KNOCK} are allowed")
                return Knock(_raw(load.get(b"id")), _raw(load.get(b"pub")), version, payload)
            return _parse_clear(payload, version)
    raise RemoteProtocolError("an unknown enc")


def _version(value: object) -> int:
    """The sender's version, 0 to 3. Text that is no number counts as 0, as for stock."""
    if isinstance(value, bytes):
        value = int(value) if value.isdigit() and len(value) < 10 else 0
    if not isinstance(value, int) or value < 0:
        raise RemoteProtocolError(f"a version that is {type(value).__name__}")
    return min(int(value), VERSION)


def _parse_aes(outer: dict[bytes, Any], version: int) -> Request:
    ciphertext = outer[b"load"]
    if not isinstance(ciphertext, bytes):
        raise RemoteProtocolError("an encrypted load that is no ciphertext")
    id = text(outer.get(b"id"))
    if version >= 3 and not valid_minion_id(id):
        raise RemoteProtocolError("an encrypted request from an invalid id")
    return Request(
        enc="aes",
        load=ciphertext,
        version=version,
        id=id if version >= 3 else "",
        enc_algo=text(outer.get(b"enc_algo")) or DEFAULT_ENCRYPTION,
        sig_algo=text(outer.get(b"sig_algo")) or DEFAULT_SIGNING,
    )


def _parse_clear(payload: bytes, version: int) -> Request:
    # A key that was sent as bin is not the text it looks like.
    load = codec.unpack(payload).get("load")
    if not isinstance(load, dict):
        raise RemoteProtocolError("a clear load that is no map", refusal=NOT_A_DICT)
    id = load.get("id", "")
    if not isinstance(id, str):
        raise RemoteProtocolError("an id that is no text", refusal=f"bad load: id {str(id)[:80]} is not a string")
    if "\0" in id:
        raise RemoteProtocolError("an id with a null byte", refusal="bad load: id contains a null byte")
    return Request(
        enc="clear", load=load, version=version, id="", enc_algo=DEFAULT_ENCRYPTION, sig_algo=DEFAULT_SIGNING
    )


def _raw(value: object) -> bytes:
    return value if isinstance(value, bytes) else b""


def text(value: object) -> str:
    """A short text that came raw; empty for what is none."""
    if not isinstance(value, bytes):
        return ""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return ""


def pack_clear(load: object, *, version: int = VERSION) -> bytes:
    """A clear request."""
    return codec.pack({"enc": "clear", "load": load, "version": version})


def pack_aes(ciphertext: bytes, *, id: str, enc_algo: str, sig_algo: str, version: int = VERSION) -> bytes:
    """An encrypted request."""
    return codec.pack(
        {"enc": "aes", "load": ciphertext, "version": version, "id": id, "enc_algo": enc_algo, "sig_algo": sig_algo}
    )


def pack_signed(inner: dict[str, Any], key: PrivateKey, algo: str) -> bytes:
    """A clear reply whose load is packed and signed."""
    packed = codec.pack(inner)
    return codec.pack({"enc": "clear", "load": packed, "sig": key.sign(packed, algo)})
