"""A minimal master, with the wire made by hand: nothing of trisalt's is in it, so nothing is wrong in both.

It signs minions in as its `mode` says, serves an empty pillar and no files, and takes returns.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import time

import msgpack
import zmq
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

HASHES = {"SHA1": hashes.SHA1, "SHA224": hashes.SHA224}
# What stands in the place of a request that makes no sense.
BAD_LOAD = "bad load"
ANSWERS = {
    **dict.fromkeys(("_mine", "_mine_delete", "_mine_flush", "_register_resources"), True),
    "_file_list": [],
    "_dir_list": [],
    "_file_list_emptydirs": [],
    "_file_envs": ["base"],
    "_symlink_list": {},
    "_file_hash": "",
    "_file_find": {"path": "", "rel": ""},
    "_serve_file": {"data": "", "dest": ""},
    "_master_opts": {"file_roots": {"base": []}, "renderer": "jinja|yaml", "state_top": "top.sls", "nodegroups": {}},
    "_pillar": {},
}


def pack(obj):
    return msgpack.packb(obj, use_bin_type=False)


def unpack(data):
    return _decoded(msgpack.unpackb(data, raw=True, strict_map_key=False))


def _decoded(obj):
    if isinstance(obj, bytes):
        try:
            return obj.decode()
        except UnicodeDecodeError:
            return obj
    if isinstance(obj, dict):
        return {_decoded(key): _decoded(value) for key, value in obj.items()}
    return [_decoded(value) for value in obj] if isinstance(obj, list) else obj


def _bytes(value):
    return value if isinstance(value, bytes) else str(value).encode()


def clean_key(pem):
    return "\n".join(pem.decode().strip().splitlines())


def _hash(algo):
    return HASHES[algo.split("-", 1)[1]]()


def _oaep(algo):
    return padding.OAEP(mgf=padding.MGF1(_hash(algo)), algorithm=_hash(algo), label=None)


def _x931_sign(key, message):
    numbers = key.private_numbers()
    modulus = numbers.public_numbers.n
    size = (modulus.bit_length() + 7) // 8
    fill = size - len(message) - 2
    head = b"\x6a" if fill == 0 else b"\x6b" + b"\xbb" * (fill - 1) + b"\xba"
    signed = pow(int.from_bytes(head + message + b"\xcc", "big"), numbers.d, modulus)
    return min(signed, modulus - signed).to_bytes(size, "big")


def _x931_recover(key, signature):
    numbers = key.public_numbers()
    size = (numbers.n.bit_length() + 7) // 8
    message = pow(int.from_bytes(signature, "big"), numbers.e, numbers.n)
    raw = (message if message & 0xF == 0xC else numbers.n - message).to_bytes(size, "big")
    if len(signature) != size or raw[-1] != 0xCC or raw[0] not in (0x6A, 0x6B):
        raise ValueError("not signed by X9.31")
    return raw[1:-1] if raw[0] == 0x6A else raw[raw.index(b"\xba", 1) + 1 : -1]


class Crypticle:
    """A shared key: of an AES key and a MAC's, the wire's envelope."""

    def __init__(self):
        self.key_string = base64.b64encode(os.urandom(24 + 32))
        raw = base64.b64decode(self.key_string)
        self._aes, self._mac = raw[:-32], raw[-32:]

    def dumps(self, obj, nonce=""):
        data = b"pickle::" + (nonce or "").encode() + pack(obj)
        pad = 16 - len(data) % 16
        iv = os.urandom(16)
        cipher = Cipher(algorithms.AES(self._aes), modes.CBC(iv)).encryptor()
        body = iv + cipher.update(data + bytes([pad]) * pad) + cipher.finalize()
        return body + hmac.digest(self._mac, body, "sha256")

    def loads(self, blob):
        body, mac = blob[:-32], blob[-32:]
        if not hmac.compare_digest(hmac.digest(self._mac, body, "sha256"), mac):
            raise ValueError("another key's")
        cipher = Cipher(algorithms.AES(self._aes), modes.CBC(body[:16])).decryptor()
        data = cipher.update(body[16:]) + cipher.finalize()
        return unpack(data[: -data[-1]].removeprefix(b"pickle::"))


class FakeMaster:
    """Its two sockets and its keys. `mode`: `accept`, `pending`, `reject`, `full`, or what is wrong in its answers."""

    def __init__(self, *, publish_port, ret_port):
        self.mode, self._publish_port = "accept", publish_port
        self.key = rsa.generate_private_key(65537, 2048)
        self.pub_pem = clean_key(
            self.key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )
        self.aes, self.serial = Crypticle(), 0
        self.sessions, self.minions = {}, {}
        context = zmq.Context()
        self.pub, self.req = context.socket(zmq.XPUB), context.socket(zmq.ROUTER)
        self.pub.setsockopt(zmq.XPUB_VERBOSE, 1)
        for socket, port in ((self.pub, publish_port), (self.req, ret_port)):
            socket.setsockopt(zmq.LINGER, 500)
            socket.bind(f"tcp://127.0.0.1:{port}")

    def handle(self, payload):
        """The answer to one request."""
        version = int(payload.get("version", 0))
        if payload["enc"] == "clear":
            load = payload["load"]
            if load.get("cmd") == "_auth":
                return self.auth(load, version)
            return load if load.get("cmd") == "ping" else {}
        id = payload.get("id")
        if id not in self.sessions or version < 3:
            return BAD_LOAD
        load = self.sessions[id].loads(_bytes(payload["load"]))
        known = _x931_recover(self.minions[id], _bytes(load.pop("tok", b""))) == b"salt"
        nonce = load.pop("nonce", None)
        if load.get("id") != id or not known or abs(time.time() - load.get("ts", 0)) > 60:
            return BAD_LOAD
        if load.get("cmd") == "_return":
            self.got_return(id, load)
        answer = ANSWERS.get(load.get("cmd"), None if load.get("cmd") in ("_return", "_minion_event") else {})
        return (
            self._private(id, answer, nonce, payload)
            if load.get("cmd") == "_pillar"
            else self.sessions[id].dumps(answer, nonce)
        )

    def auth(self, load, version):
        """The answer to a sign-in."""
        mode, algo, enc = self.mode, load.get("sig_algo", "PKCS1v15-SHA1"), load.get("enc_algo", "OAEP-SHA1")
        if version < 3:
            return BAD_LOAD
        if mode in ("bad-enc-algo", "bad-sig-algo"):
            return {"enc": "clear", "load": {"ret": mode.replace("-", " ")}}
        nonce = "0" * 32 if mode == "bad-nonce" else load["nonce"]
        if mode in ("pending", "reject", "full"):
            return self._signed({"ret": {"pending": True, "reject": False, "full": "full"}[mode], "nonce": nonce}, algo)
        pub = self.minions[load["id"]] = serialization.load_pem_public_key(load["pub"].encode())
        session = self.sessions.setdefault(load["id"], Crypticle())
        answer = {"enc": "pub", "pub_key": self.pub_pem, "publish_port": self._publish_port, "nonce": nonce}
        if "token" in load:
            token = self.key.decrypt(_bytes(load["token"]), _oaep(enc))
            answer["token"] = pub.encrypt(token[::-1] if mode == "bad-token" else token, _oaep(enc))
        answer["aes"] = pub.encrypt(self.aes.key_string, _oaep(enc))
        answer["session"] = pub.encrypt(session.key_string, _oaep(enc))
        digest = hashlib.sha256(self.aes.key_string).hexdigest().encode()
        answer["sig"] = _x931_sign(self.key, digest[::-1] if mode == "bad-digest" else digest)
        return self._signed(answer, algo)

    def got_return(self, id, load):
        """A return has come."""

    def _signed(self, obj, algo):
        blob = pack(obj)
        signature = self.key.sign(blob, padding.PKCS1v15(), _hash(algo))
        if self.mode == "bad-sig":
            signature = bytes([signature[0] ^ 1]) + signature[1:]
        return {"enc": "clear", "load": blob, "sig": signature}

    def _private(self, id, answer, nonce, payload):
        once = Crypticle()
        key = self.minions[id].encrypt(once.key_string, _oaep(payload.get("enc_algo", "OAEP-SHA1")))
        data = pack({"key": key, "pillar": answer, "nonce": nonce})
        algo = payload.get("sig_algo", "PKCS1v15-SHA1")
        return {
            "key": key,
            "pillar": once.dumps({"data": data, "sig": self.key.sign(data, padding.PKCS1v15(), _hash(algo))}),
        }
