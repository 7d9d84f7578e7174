"""A master in memory: both ends of the wire, no socket. It signs in, answers and publishes as it is told."""

import math
from collections import deque
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock

from tests.support.knocks import parse_request
from trisalt.bus.bus import Bus
from trisalt.errors import RemoteProtocolError
from trisalt.minion.asking import answer_requests
from trisalt.minion.dial import Dial
from trisalt.minion.facts import Facts
from trisalt.minion.identity import Identity
from trisalt.minion.link import Link, LinkOptions
from trisalt.minion.masters import Rota, named
from trisalt.minion.signin import SignInOptions
from trisalt.transport.publish import Notice
from trisalt.wire import codec
from trisalt.wire.crypticle import Crypticle, generate_key_string
from trisalt.wire.handshake import Hello, accepted_answer, aes_digest_signature, refused_answer
from trisalt.wire.keys import PrivateKey
from trisalt.wire.session import is_known, open_request, seal_private_reply, seal_publication, seal_reply


@pytest.fixture(scope="session")
def keys():
    """Three pairs: the minion's, the master's, somebody else's. Small, so that nobody waits for them."""
    return [PrivateKey.generate(1024) for _ in range(3)]


@pytest.fixture
def patient_clock(monkeypatch):
    """Jumps when nobody has anything to do. Work for threads is done at once: a clock does not see them.

    Each test names it itself, or pytest-trio does not take it.
    """

    async def run_sync(function, *args, **_how):
        await trio.lowlevel.checkpoint()
        return function(*args)

    monkeypatch.setattr(trio.to_thread, "run_sync", run_sync)
    return MockClock(autojump_threshold=0)


class FakeSubscriber:
    """What `open_subscriber` gives: payloads and notices come from the test."""

    def __init__(self):
        self.send, self.payloads = trio.open_memory_channel(100)
        self.notify, self.notices = trio.open_memory_channel(10)
        self.connected = True

    async def wait_connected(self):
        await trio.lowlevel.checkpoint()

    async def receive_all(self):
        return [await self.payloads.receive()]


class OneOfSeveral:
    """The request port of one of the masters that a `FakeMaster` stands for."""

    def __init__(self, master, host):
        self._master, self._host = master, host

    async def request(self, payload, *, deadline=math.inf):
        return await self._master.request(payload, self._host, deadline=deadline)


class FakeMaster:
    """A master. `mode` is accept, pending, reject, full, silent, forged or garbage; `answers` what each cmd gives."""

    def __init__(self, key):
        self.key = key
        self.mode = "accept"
        self.again = 0.0
        self.aes = Crypticle(generate_key_string())
        self.session = Crypticle(generate_key_string())
        self.port = 4505
        self.serial = 0
        self.auths = 0
        self.hellos = []
        self.loads = []
        self.nonces = []
        self.answers = {}
        self.silent = set()
        self.dialled = []
        self.subscribers = []
        self.latency = 0.0
        # Whether it says of a pillar that the minion has it; one of stock's sends it again.
        self.knows = True
        # Its wall clock: it refuses what is off by five minutes, as one of ours does. None: as one of stock's.
        self.clock = None
        # A job that whoever subscribes from now on hears.
        self.greeting = None
        self.unknown_hosts = deque()
        self.addresses = {host: [f"192.0.2.1{number}"] for number, host in enumerate("abc", 1)}
        # Of several masters that this one stands for, by name: those that do not answer, where the key is
        # pending, and where it was rejected.
        self.gone = set()
        self.pending = set()
        self.rejecting = set()

    # -- what the link is given ---------------------------------------------------------------------------------

    def dial(self):
        return Dial(client=self._client, subscriber=self._subscriber, resolve=self._resolve)

    async def _resolve(self, host, port):
        await trio.lowlevel.checkpoint()
        if self.unknown_hosts:
            self.unknown_hosts.popleft()
            raise OSError("unknown host")
        return self.addresses.get(host, ["192.0.2.1"])

    @asynccontextmanager
    async def _client(self, address):
        self.dialled.append(address)
        yield OneOfSeveral(self, self.host(address))

    def host(self, address):
        """The name of the master at an address."""
        found = {addresses[0]: host for host, addresses in self.addresses.items()}
        return found.get(address.removeprefix("tcp://").partition(":")[0], "")

    def dials(self, port=4506):
        """The names of the masters that were dialled at a port, in order."""
        return [self.host(address) for address in self.dialled if address.endswith(f":{port}")]

    @asynccontextmanager
    async def _subscriber(self, address):
        self.dialled.append(address)
        subscriber = FakeSubscriber()
        self.subscribers.append(subscriber)
        if self.greeting is not None:
            self.publish(self.greeting)
        yield subscriber

    # -- requests -----------------------------------------------------------------------------------------------

    async def request(self, payload, host="", *, deadline=math.inf):
        with trio.fail_at(deadline):
            return await self._answered(payload() if callable(payload) else payload, host)

    async def _answered(self, payload, host):
        await trio.sleep(self.latency)
        if host in self.gone:
            await trio.sleep_forever()
        request = parse_request(payload)
        if request.enc == "clear" and host in self.pending | self.rejecting:
            return refused_answer(Hello.from_load(request.load, request.version), host in self.pending, self.key)
        if request.enc == "clear":
            return await self._auth(Hello.from_load(request.load, request.version))
        try:
            opened = open_request(
                request, session=self.session, public_key=self.minion_key,
                now=self.clock() if self.clock is not None else 0, ttl=300 if self.clock is not None else 0,
            )  # fmt: skip
        except RemoteProtocolError as exc:
            return codec.pack(exc.refusal)
        self.nonces.append(opened.nonce)
        self.loads.append(opened.load)
        if opened.cmd in self.silent:
            await trio.sleep_forever()
        answer = self.answers.get(opened.cmd)
        if callable(answer):
            answer = answer(opened.load)
        if isinstance(answer, bytes):
            return answer
        if opened.cmd == "_pillar":
            if self.knows and (known := is_known(opened.load, answer)):
                return seal_reply(known, session=self.session, nonce=opened.nonce)
            return seal_private_reply(
                answer, public_key=self.minion_key, master_key=self.key, nonce=opened.nonce,
                enc_algo=request.enc_algo, sig_algo=request.sig_algo,
            )  # fmt: skip
        return seal_reply(answer, session=self.session, nonce=opened.nonce)

    async def _auth(self, hello):
        self.auths += 1
        self.hellos.append(hello)
        self.minion_key = hello.key
        match self.mode:
            case "silent":
                await trio.sleep_forever()
            case "garbage":
                return b"\xc1garbage"
            case "pending" | "reject" | "full":
                ret = {"pending": True, "reject": False, "full": "full"}[self.mode]
                return refused_answer(hello, ret, self.key, again=self.again)
        answer = accepted_answer(
            hello,
            master_key=self.key,
            aes_key_string=self.aes.key_string,
            aes_digest_sig=aes_digest_signature(self.key, self.aes.key_string),
            session_key_string=self.session.key_string,
            publish_port=self.port,
            clock=self.clock() if self.clock is not None else None,
        )
        if self.mode == "forged":
            outer = codec.unpack_raw(answer)
            outer[b"sig"] = bytes([outer[b"sig"][0] ^ 1]) + outer[b"sig"][1:]
            return codec.pack(outer)
        return answer

    # -- publications -------------------------------------------------------------------------------------------

    def job(self, fun="test.ping", arg=(), tgt="*", jid=None, **more):
        self.serial += 1
        return {
            "fun": fun, "arg": list(arg), "tgt": tgt, "tgt_type": "glob", "ret": "", "user": "root",
            "jid": jid or f"{20261122124000000000 + self.serial}", **more,
        }  # fmt: skip

    def publish(self, job=None, **how):
        payload = self.sealed(job, **how)
        self.subscribers[-1].send.send_nowait(payload)
        return payload

    def sealed(self, job=None, *, key="own", crypticle=None, serial="next"):
        """A publication, as it goes over the wire."""
        return seal_publication(
            job or self.job(),
            crypticle=crypticle or self.aes,
            serial=self.serial if serial == "next" else serial,
            key=self.key if key == "own" else key,
            algo="PKCS1v15-SHA1",
        )

    def rotate(self):
        self.aes, self.serial = Crypticle(generate_key_string()), 0

    def notice(self, notice: Notice):
        self.subscribers[-1].connected = notice is Notice.CONNECTED
        self.subscribers[-1].notify.send_nowait(notice)


@pytest.fixture
def master(keys):
    return FakeMaster(keys[1])


@pytest.fixture
def identity(keys, tmp_path):
    pki = tmp_path / "pki"
    pki.mkdir()
    return Identity(id="m1", pki_dir=pki, key=keys[0])


@pytest.fixture
def facts():
    return Facts(id="m1", opts={}, grains={"id": "m1", "os": "Debian"})


@pytest.fixture
def open_link(master, identity, facts):
    """Opens a link to the fake master on a bus: `async with open_link() as (bus, link)`."""

    @asynccontextmanager
    async def opened(bus=None, hosts=("salt",), sign_in=None, **options):
        bus = bus or Bus()
        options = LinkOptions(sign_in=SignInOptions(**(sign_in or {})), **options)
        rota = Rota(named((host, 4506) for host in hosts))
        link = Link(bus, rota, identity, facts, options, dial=master.dial())
        async with trio.open_nursery() as nursery:
            await nursery.start(answer_requests, bus, [link])
            nursery.start_soon(link.run)
            yield bus, link
            nursery.cancel_scope.cancel()

    return opened
