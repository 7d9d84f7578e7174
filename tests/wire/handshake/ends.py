"""Both ends of `_auth` without a socket, and what an answer says inside."""

from __future__ import annotations

from tests.support.knocks import parse_request
from trisalt.errors import RemoteProtocolError
from trisalt.wire import codec
from trisalt.wire.crypticle import generate_key_string
from trisalt.wire.handshake import (
    Hello,
    KeyState,
    Policy,
    accepted_answer,
    aes_digest_signature,
    decide,
    refused_answer,
)
from trisalt.wire.keys import PrivateKey

SHA1 = ("OAEP-SHA1", "PKCS1v15-SHA1")


NONCE = "8baf8abded522dabdb016a0a76aabc47"


SESSION, TOKEN = generate_key_string(), "x" * 76


class Master:
    """The master's half, as `master/auth` will drive it."""

    def __init__(self, key: PrivateKey) -> None:
        self.key = key
        self.aes = generate_key_string()
        self.digest = aes_digest_signature(key, self.aes)
        self.state = KeyState.UNKNOWN
        self.stored: str | None = None
        self.policy = Policy()
        self.pub_sig: str | None = None
        self.heartbeat: float = 0
        self.clock: float | None = None

    def answer(self, payload: bytes, minimum_version: int = 0) -> bytes:
        try:
            request = parse_request(payload, minimum_version=minimum_version)
            hello = Hello.from_load(request.load, request.version)
        except RemoteProtocolError as error:
            return codec.pack(error.refusal)
        verdict = decide(hello, self.state, self.stored, self.policy)
        self.verdict = verdict
        if not verdict.accepted:
            return refused_answer(hello, verdict.ret, self.key)
        return accepted_answer(
            hello,
            master_key=self.key,
            aes_key_string=self.aes,
            aes_digest_sig=self.digest,
            session_key_string=SESSION,
            publish_port=4505,
            pub_sig=self.pub_sig,
            heartbeat=self.heartbeat,
            clock=self.clock,
        )


def inner_of(answer: bytes) -> dict:
    return codec.unpack(codec.to_bytes(codec.unpack(answer)["load"]))


def signed_by(key: PrivateKey, inner: object) -> bytes:
    packed = codec.pack(inner)
    return codec.pack({"enc": "clear", "load": packed, "sig": key.sign(packed, SHA1[1])})
