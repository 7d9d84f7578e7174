"""Our minion against a master that lies, stammers or was replaced: each is refused and told once, and the minion goes on."""

from __future__ import annotations

import os
import queue
import threading
import time

import pytest
import zmq
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.support.fakemaster import FakeMaster, clean_key, pack, unpack
from tests.support.lab import open_lab

pytestmark = [pytest.mark.whole, pytest.mark.timeout(120)]


class Fake(FakeMaster):
    """The fake master in a thread of its own, told what to send by the test."""

    def __init__(self, lab):
        super().__init__(publish_port=lab.publish_port, ret_port=lab.ret_port)
        self.returns = {}
        self.answer = None
        self.another = False
        self.answered = 0
        self.to_publish = queue.Queue()
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.loop, daemon=True)
        self.thread.start()

    def auth(self, load, version):
        try:
            return self.answer if self.answer is not None else self._authenticated(load, version)
        finally:
            # Counted when it is made up: the test changes what is said next.
            self.answered += 1

    def _authenticated(self, load, version):
        if self.another:
            # It cannot open what is sealed for the one it pretends to be, and says nothing of it.
            load = {name: value for name, value in load.items() if name != "token"}
        return super().auth(load, version)

    def got_return(self, mid, load):
        self.returns.setdefault(load.get("jid"), []).append(load)

    def loop(self):
        poller = zmq.Poller()
        poller.register(self.pub, zmq.POLLIN)
        poller.register(self.req, zmq.POLLIN)
        while not self.ended.is_set():
            for sock, _ in poller.poll(20):
                frames = sock.recv_multipart()
                if sock is self.req and len(frames) == 3:
                    try:
                        reply = pack(self.handle(unpack(frames[2])))
                    except Exception:
                        reply = pack("bad load")
                    sock.send_multipart([frames[0], b"", reply])
            while not self.to_publish.empty():
                self.pub.send(self.to_publish.get())
        context = self.req.context
        self.pub.close(0)
        self.req.close(0)
        context.term()

    def sealed(self, *, serial=None, key=None, aes=None, signed=True, **changes):
        """A publication, wrong where the caller says so; its jid."""
        if serial is None:
            self.serial += 1
            serial = self.serial
        now = time.time()
        jid = time.strftime("%Y%m%d%H%M%S", time.localtime(now)) + f"{int(now * 1e6) % 1000000:06d}"
        load = {"fun": "test.ping", "arg": [], "tgt": "*", "tgt_type": "glob", "jid": jid, "ret": "", "user": "root"}
        load |= {"serial": serial, **changes}
        body = (aes or self.aes).dumps({name: value for name, value in load.items() if value is not ...})
        outer = {"enc": "aes", "load": body}
        if signed:
            outer["sig_algo"] = "PKCS1v15-SHA1"
            outer["sig"] = (key or self.key).sign(body, padding.PKCS1v15(), hashes.SHA1())
        return load["jid"], pack(outer)


@pytest.fixture(scope="module")
def house():
    with open_lab() as lab:
        fake = Fake(lab)
        fake.mode = BAD_ANSWERS[0]
        lab.fake = fake
        lab.start_minion(
            "m1",
            level="info",
            acceptance_wait_time=0.2,
            auth_timeout=2,
            random_reauth_delay=0,
            mine_interval=0,
            request_channel_timeout=3,
        )
        try:
            yield lab
        finally:
            fake.ended.set()
            fake.thread.join(5)


@pytest.fixture
def lab(house):
    yield house
    # Whatever came: it lives, is signed in, and the next good job is done.
    house.fake.answer, house.fake.mode = None, "accept"
    good(house)
    assert "Traceback" not in house.daemons["m1"].text()


def good(lab):
    """A job that is answered; minions that wait before they sign in again get another one."""
    jids = []

    def answered():
        if not jids or time.monotonic() - good.last > 1:
            good.last = time.monotonic()
            jid, payload = lab.fake.sealed()
            jids.append(jid)
            lab.fake.to_publish.put(payload)
        return [jid for jid in jids if jid in lab.fake.returns]

    lab.wait(answered, "the return of a good job", 25)
    assert lab.fake.returns[answered()[0]][0]["return"] is True


def sign_in_anew(lab):
    """Have the minion sign in again: its session is forgotten, and it comes with a return."""
    lab.fake.sessions.clear()
    lab.fake.to_publish.put(lab.fake.sealed()[1])


def text(lab):
    return lab.daemons["m1"].text()


BAD_ANSWERS = ["bad-sig", "bad-nonce", "bad-digest", "bad-enc-algo", "bad-sig-algo", "full", "pending"]


RAW_ANSWERS = {
    "text": "bad load",
    "empty": "",
    "number": 7,
    "list": [1, 2],
    "map": {},
    "nothing": False,
    "garbage": b"\xc1\xff\x00" * 40,
    "half": {"enc": "clear", "load": b"\x81", "sig": b""},
    "unsigned": {"enc": "pub", "aes": b"x", "pub_key": "no key", "publish_port": "none"},
}


def test_a_sign_in_that_is_not_answered_well_is_tried_again(house):
    lab, fake = house, house.fake
    for mode in BAD_ANSWERS:
        fake.mode, before = mode, fake.answered
        lab.wait(lambda before=before: fake.answered >= before + 2, f"two sign-ins answered with {mode}", 15)
    for name, answer in RAW_ANSWERS.items():
        fake.answer, before = answer, fake.answered
        lab.wait(lambda before=before: fake.answered >= before + 2, f"two sign-ins answered with {name}", 15)
    assert "Authentication with master at" not in text(lab)
    assert not list((lab.root / "m1/pki").glob("minion_master.pub")), "a key was pinned that nobody vouched for"
    fake.answer, fake.mode = None, "accept"
    good(lab)
    assert "Authentication with master at 127.0.0.1 successful!" in text(lab)
    assert "Traceback" not in text(lab)


@pytest.mark.parametrize("mode", ["bad-token", "bad-sig", "bad-nonce"])
def test_a_master_that_answers_badly_the_second_time_is_not_believed(lab, mode):
    fake = lab.fake
    fake.mode, before, told = mode, fake.answered, text(lab).count("[ERROR   ]")
    sign_in_anew(lab)
    lab.wait(lambda: fake.answered >= before + 2, "two sign-ins", 15)
    assert text(lab).count("[ERROR   ]") > told


def test_a_master_with_another_key_is_refused_until_it_is_the_old_one(lab):
    fake = lab.fake
    key, pem, before = fake.key, fake.pub_pem, fake.answered
    pinned = (lab.root / "m1/pki/minion_master.pub").read_text()
    fake.another = True
    fake.key = rsa.generate_private_key(65537, 2048)
    fake.pub_pem = clean_key(
        fake.key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    fake.sessions.clear()
    try:
        fake.to_publish.put(fake.sealed(key=key)[1])
        lab.wait(lambda: fake.answered >= before + 2, "two sign-ins", 15)
    finally:
        fake.key, fake.pub_pem, fake.another = key, pem, False
    assert "The Salt Master server's public key did not authenticate!" in text(lab)
    assert (lab.root / "m1/pki/minion_master.pub").read_text() == pinned


def test_publications_that_are_none_of_its_masters_are_refused_and_told_once(lab):
    fake = lab.fake
    good(lab)
    stranger = rsa.generate_private_key(65537, 2048)
    done, again = fake.sealed()
    fake.to_publish.put(again)
    lab.wait(lambda: done in fake.returns, "the job", 10)
    bad = {
        "garbage": b"\xc1" * 50,
        "empty": b"",
        "no map": pack([1, 2]),
        "no load": pack({"enc": "aes"}),
        "deep": b"\x91" * 5000,
        "clear": pack({"enc": "clear", "load": {"fun": "test.ping"}}),
        "unsigned": fake.sealed(signed=False)[1],
        "foreign": fake.sealed(key=stranger)[1],
        "replayed": again,
        "serial": fake.sealed(serial=1)[1],
        "no serial's type": fake.sealed(serial="7")[1],
        "no jid": fake.sealed(jid=...)[1],
        "path": fake.sealed(jid="../../etc/passwd")[1],
        "no function": fake.sealed(fun=7)[1],
        "old": fake.sealed(jid="20200101000000000000")[1],
        "repeated": fake.sealed(jid=done)[1],
    }
    before = len(text(lab).splitlines())
    jobs = set(fake.returns)
    for _ in range(25):
        for payload in bad.values():
            fake.to_publish.put(payload)
    good(lab)
    assert len(fake.returns[done]) == 1
    assert {jid for jid in fake.returns if jid not in jobs and not str(jid).startswith("20")} == set()
    assert "20200101000000000000" not in fake.returns
    lines = text(lab).splitlines()[before:]
    assert len(lines) < 60, "\n".join(lines)
    for reason in ("signature did not validate", "is not signed", "serial", "holds no job"):
        told = [line for line in text(lab).splitlines() if "A publication of the master" in line and reason in line]
        assert len(told) == 1, (reason, told)


def test_a_publication_that_is_too_large_ends_nothing(lab):
    before = lab.daemons["m1"].pid
    lab.fake.to_publish.put(b"\xc6\x04\x00\x00\x00" + os.urandom(64 * 1024 * 1024))
    lab.fake.to_publish.put(lab.fake.sealed(arg=["x" * 30_000_000], fun="test.echo")[1])
    good(lab)
    assert lab.daemons["m1"].pid == before
