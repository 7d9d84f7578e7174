"""`trisalt.master.request_server`: who may come in, and that every payload is answered in stock's words."""

from __future__ import annotations

import os
import time

import pytest
import structlog
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import wait_all_tasks_blocked

from trisalt.bus.bus import Bus
from trisalt.bus.events import RequestAnswered
from trisalt.bus.requests import (
    AuthRequest,
    HeartbeatRequest,
    MineRequest,
    MinionEventRequest,
    PillarRequest,
    ReturnsRequest,
    RevokeRequest,
)
from trisalt.errors import RemoteProtocolError, StoreError
from trisalt.master.identity import Identity
from trisalt.master.request_server import NetworkDoor, RequestRules
from trisalt.master.sessions import AcceptedKeys, Sessions
from trisalt.transport.request import Asked
from trisalt.wire import codec, envelope
from trisalt.wire.crypticle import Crypticle, generate_key_string
from trisalt.wire.envelope import BAD_LOAD, EXCEPTION
from trisalt.wire.keys import PrivateKey
from trisalt.wire.session import open_private_reply, open_reply, pillar_digest, seal_request

JID = "20261122130453717216"
EVENT = {"cmd": "_minion_event", "tag": "t", "data": {"n": 1}}


@pytest.fixture(scope="module")
def pairs():
    return [PrivateKey.generate(1024) for _ in range(3)]


class NoClear:
    """Stands for the desk of clear commands."""

    async def answer(self, cmd, load, peer):
        await trio.lowlevel.checkpoint()
        return {"clear": cmd}


class FakePresence:
    """Notes who was heard, and who signed in."""

    def __init__(self):
        self.told = []

    def heard(self, id, peer, connection):
        self.told.append(("heard", id, peer, connection))

    def knocked(self, id):
        self.told.append(("knocked", id))


class Port:
    """Stands for the request server: what it is given to send, by the routing id of the request."""

    def __init__(self):
        self.sent = {}
        self.held = 0
        self.kept = set()
        self.done = trio.Event()

    def send(self, replies):
        for routing_id, empty, reply in replies:
            assert (empty, routing_id in self.sent) == (b"", False)
            self.sent[routing_id] = reply
        if not self.kept:
            self.done.set()


async def answers(door, *payloads, peer=""):
    """What the door answers to requests that come together."""
    port = Port()
    await door.handle([Asked(port, b"%d" % n, payload, peer) for n, payload in enumerate(payloads)])
    if port.kept:
        await port.done.wait()
    return [port.sent[b"%d" % n] for n in range(len(payloads))]


class Setup:
    """A door over a bus, one accepted minion `m1`, and what it sends."""

    def __init__(self, folder, pairs, **rules):
        self.master, self.key, self.other = pairs
        self.bus = Bus()
        self.identity = Identity(self.master, id="master")
        self.folder = folder
        (folder / "minions").mkdir()
        (folder / "minions/m1").write_text(self.key.public.pem)
        self.sessions = Sessions(folder / "sessions", self.identity.seal, lifetime=1000)
        self.session = self.sessions.open("m1", now=time.time())
        self.rules = RequestRules(**rules)
        self.presence = FakePresence()
        self.door = NetworkDoor(
            self.bus,
            self.identity,
            AcceptedKeys(folder / "minions"),
            self.sessions,
            NoClear(),
            rules=lambda: self.rules,
            presence=self.presence,
        )

    def seal(self, load, *, id="m1", session=None, key=None, nonce=None, now=None, **kwargs):
        self.nonce = nonce or os.urandom(16).hex()
        return seal_request(
            load,
            id=id,
            session=session or self.session,
            key=key or self.key,
            nonce=self.nonce,
            now=time.time() if now is None else now,
            enc_algo="OAEP-SHA1",
            sig_algo="PKCS1v15-SHA1",
            **kwargs,
        )

    async def send(self, payload, peer="192.0.2.1"):
        with trio.fail_after(5):
            (answer,) = await answers(self.door, payload, peer=peer)
            return answer

    async def ask(self, load, **kwargs):
        return open_reply(await self.send(self.seal(load, **kwargs)), session=self.session, nonce=self.nonce)


@pytest.fixture
def setup(tmp_path, pairs):
    return Setup(tmp_path, pairs)


def answering(bus, nursery, answer, *classes):
    """A claimant that answers with `answer(request)`, or fails with what it raises."""

    async def claimant(task_status):
        async with bus.claim(*classes) as requests:
            task_status.started()
            async for request, reply in requests:
                try:
                    reply.send(answer(request))
                except Exception as exc:
                    reply.fail(exc)

    return nursery.start(claimant)


async def test_a_minions_request_reaches_its_claimant_and_the_answer_is_sealed(setup, nursery):
    seen = []
    await answering(setup.bus, nursery, seen.append, MinionEventRequest)
    assert await setup.ask(EVENT) is None
    assert (seen[0].id, seen[0].tag, seen[0].data) == ("m1", "t", {"n": 1})
    assert setup.presence.told == [("heard", "m1", "192.0.2.1", -1)]


async def test_a_heartbeat_is_answered_and_is_no_event(setup, nursery):
    await answering(setup.bus, nursery, lambda request: {"every": request.every}, HeartbeatRequest)
    await answering(setup.bus, nursery, lambda _request: None, MinionEventRequest)
    async with setup.bus.subscribe(RequestAnswered, keep=True) as told:
        assert await setup.ask({"cmd": "_heartbeat", "every": 60}) == {"every": 60.0}
        await setup.ask(EVENT)
        assert [event.cmd for event in await told.receive_all()] == ["_minion_event"]
    assert [row[0] for row in setup.presence.told] == ["heard", "heard"]


async def test_an_unknown_command_is_an_empty_map_and_so_is_one_that_nobody_answers(setup):
    for cmd in ("no_such", "__init__", "publish"):
        assert await setup.ask({"cmd": cmd}) == {}
    assert await setup.ask({"cmd": "minion_pub", "fun": "test.ping"}) == {}
    assert await setup.ask({"cmd": "_mine", "data": 5}) is False
    assert await setup.ask({"cmd": "_register_resources"}) is True


@pytest.mark.parametrize(
    "how",
    [
        lambda s: {"session": Crypticle(generate_key_string())},
        lambda s: {"session": s.identity.shared.crypticle},
        lambda s: {"key": s.other},
        lambda s: {"id": "m2"},
        lambda s: {"id": "../m1"},
        lambda s: {"now": time.time() - 86400},
        lambda s: {"now": time.time() + 86400},
    ],
)
async def test_a_request_that_proves_nothing_is_refused(setup, how):
    assert codec.unpack(await setup.send(setup.seal(EVENT, **how(setup)))) == BAD_LOAD
    assert setup.presence.told == []


async def test_what_comes_again_is_done_once_and_gets_the_same_answer(setup, nursery):
    done = []
    await answering(setup.bus, nursery, lambda request: done.append(request) or {"a": 1}, MinionEventRequest)
    first = await setup.send(setup.seal(EVENT))
    heard = len(setup.presence.told)
    assert open_reply(first, session=setup.session, nonce=setup.nonce) == {"a": 1}
    # Another sealing of the same request, as a minion sends that never saw the answer.
    assert await setup.send(setup.seal(EVENT, nonce=setup.nonce)) == first
    assert len(done) == 1
    assert len(setup.presence.told) == heard, "it may be a recording of a try: no sign of life"


async def test_the_very_bytes_of_a_request_are_taken_once(setup, nursery):
    done = []
    await answering(setup.bus, nursery, lambda request: done.append(request) or {"a": 1}, MinionEventRequest)
    tries = [setup.seal(EVENT)]
    tries.append(setup.seal(EVENT, nonce=setup.nonce))
    assert len({await setup.send(sealed) for sealed in tries}) == 1
    assert [codec.unpack(await setup.send(sealed)) for sealed in tries] == [BAD_LOAD, BAD_LOAD]
    assert len(done) == 1


async def test_what_comes_again_while_it_is_done_waits_for_the_same_answer(setup, nursery):
    async with setup.bus.claim(MinionEventRequest) as requests:
        tries = [setup.seal(EVENT)]
        tries += [setup.seal(EVENT, nonce=setup.nonce) for _ in range(2)]
        replies = []

        async def send(sealed):
            replies.append(await setup.send(sealed))

        for sealed in tries:
            nursery.start_soon(send, sealed)
        _request, reply = await requests.receive()
        await wait_all_tasks_blocked()
        with pytest.raises(trio.WouldBlock):
            requests.receive_nowait()
        reply.send({"a": 2})
        await wait_all_tasks_blocked()
    assert len(replies) == 3
    assert len(set(replies)) == 1


async def test_what_was_forgotten_is_refused_and_not_done_again(setup, nursery):
    done = []
    await answering(setup.bus, nursery, lambda request: done.append(request) or "x" * 100_000, MinionEventRequest)
    event = setup.seal(EVENT)
    await setup.send(event)
    assert codec.unpack(await setup.send(event)) == BAD_LOAD
    assert len(done) == 1


async def test_a_pillar_and_files_may_come_as_often_as_stock_sends_them(setup, nursery):
    await answering(setup.bus, nursery, lambda _request: {"a": 1}, PillarRequest)
    pillar = setup.seal({"cmd": "_pillar", "grains": {}})
    for _ in range(2):
        assert set(codec.unpack(await setup.send(pillar))) == {"key", "pillar"}


async def test_a_stranger_leaves_nothing_behind(setup):
    before = sorted(setup.folder.rglob("*"))
    for id in ("ghost", "../evil", "", ".x"):
        payload = codec.pack({"enc": "aes", "load": os.urandom(96), "version": 3, "id": id})
        assert codec.unpack(await setup.send(payload)) == BAD_LOAD
    assert sorted(setup.folder.rglob("*")) == before


async def test_a_deleted_key_and_a_forgotten_session_are_out_at_once(setup, nursery):
    await answering(setup.bus, nursery, lambda _request: None, MinionEventRequest)
    await setup.ask(EVENT)
    key = setup.folder / "minions/m1"
    pem = key.read_text()
    key.unlink()
    assert codec.unpack(await setup.send(setup.seal(EVENT))) == BAD_LOAD
    key.write_text(pem)
    await setup.ask(EVENT)
    setup.sessions.forget("m1")
    assert codec.unpack(await setup.send(setup.seal(EVENT))) == BAD_LOAD


async def test_a_pillar_goes_to_its_owner_alone(setup, nursery):
    await answering(setup.bus, nursery, lambda request: {"for": request.id, "bin": b"\xff"}, PillarRequest)
    payload = await setup.send(setup.seal({"cmd": "_pillar", "grains": {"id": "liar"}}))
    pillar = open_private_reply(
        payload,
        key=setup.key,
        master_pub=setup.master.public,
        nonce=setup.nonce,
        enc_algo="OAEP-SHA1",
        sig_algo="PKCS1v15-SHA1",
    )
    assert pillar == {"for": "m1", "bin": b"\xff"}


async def test_a_pillar_that_its_owner_has_is_not_sent_again(setup, nursery):
    pillar = {"secret": "word"}
    await answering(setup.bus, nursery, lambda _request: pillar, PillarRequest)
    known = pillar_digest(pillar)
    assert await setup.ask({"cmd": "_pillar", "grains": {}, "known": known}) == {"known": known}
    for load in ({}, {"known": "0" * 64}):
        payload = codec.unpack(await setup.send(setup.seal({"cmd": "_pillar", "grains": {}, **load})))
        assert set(payload) == {"key", "pillar"}


async def test_a_failure_is_answered_as_stock_does_and_a_lost_return_is_not_acknowledged(setup, nursery):
    def fail(_request):
        raise StoreError("the disk is full")

    await answering(setup.bus, nursery, fail, MineRequest, ReturnsRequest, PillarRequest)
    assert await setup.ask({"cmd": "_mine", "data": {}}) == ""
    assert await setup.ask({"cmd": "_pillar", "grains": {}}) == ""
    lost = setup.seal({"cmd": "_return", "jid": JID, "fun": "test.ping", "return": True})
    assert codec.unpack(await setup.send(lost)) == EXCEPTION


async def test_returns_that_come_together_are_kept_together_and_each_gets_its_own_answer(setup, nursery):
    asked = []

    def keep(request):
        asked.append([one.jid for one in request.returns])
        return [one.result != "lost" for one in request.returns]

    await answering(setup.bus, nursery, keep, ReturnsRequest)
    await answering(setup.bus, nursery, lambda _request: None, MinionEventRequest)
    jids = [f"{20261122130453717216 + n}" for n in range(3)]
    loads = [{"cmd": "_return", "jid": jid, "fun": "test.ping", "return": True} for jid in jids]
    loads[1]["return"] = "lost"
    payloads, nonces = [], []
    for load in (loads[0], EVENT, loads[1], loads[2]):
        payloads.append(setup.seal(load))
        nonces.append(setup.nonce)
    again = setup.seal(loads[0], nonce=nonces[0])
    replies = await answers(setup.door, *payloads, b"garbage", again)
    assert asked == [jids]
    opened = [open_reply(replies[n], session=setup.session, nonce=nonces[n]) for n in (0, 1, 3)]
    assert opened == [None, None, None]
    # What could not be stored looks like no answer that a minion takes for one; what comes again is not stored again.
    assert codec.unpack(replies[2]) == EXCEPTION
    assert codec.unpack(replies[4]) == {"error": "Routing error"}
    assert replies[5] == replies[0]


async def test_a_claimant_that_never_answers_is_waited_for_one_minute(setup, autojump_clock):
    async with setup.bus.claim(MinionEventRequest) as requests, trio.open_nursery() as nursery:
        nursery.start_soon(requests.receive)
        began = trio.current_time()
        payload = setup.seal(EVENT)
        (answer,) = await answers(setup.door, payload)
        reply = open_reply(answer, session=setup.session, nonce=setup.nonce)
        assert (reply, round(trio.current_time() - began)) == ("", 60)


async def test_a_forbidden_revocation_gives_the_load_back(setup, nursery):
    await answering(setup.bus, nursery, lambda _request: False, RevokeRequest)
    assert (await setup.ask({"cmd": "revoke_auth"}))["cmd"] == "revoke_auth"


async def test_a_sign_in_is_asked_and_its_answer_sent_as_it_is(setup, nursery):
    def manager(request):
        ((knock, peer),) = request.knocks
        load = knock.read().load
        if load["sig_algo"] == "MD5":
            return [RemoteProtocolError("no", refusal={"no": "such"})]
        return [(load["id"], knock.id + peer.encode())]

    await answering(setup.bus, nursery, manager, AuthRequest)
    hello = {
        "cmd": "_auth",
        "id": "m9",
        "nonce": "0" * 32,
        "pub": setup.other.public.pem,
        "enc_algo": "OAEP-SHA1",
        "sig_algo": "PKCS1v15-SHA1",
    }
    assert await setup.send(envelope.pack_clear(hello), "peer") == b"m9peer"
    assert setup.presence.told == [("knocked", "m9")]
    bad = await setup.send(envelope.pack_clear({**hello, "sig_algo": "MD5"}))
    assert codec.unpack(bad) == {"no": "such"}
    assert setup.presence.told == [("knocked", "m9")]


async def test_clear_commands_are_the_desks_and_a_ping_is_echoed(setup):
    assert codec.unpack(await setup.send(envelope.pack_clear({"cmd": "ping", "x": 1}))) == {"cmd": "ping", "x": 1}
    assert codec.unpack(await setup.send(envelope.pack_clear({"cmd": "_return"}))) == {"clear": "_return"}
    assert codec.unpack(await setup.send(envelope.pack_clear({"x": 1}))) == {}
    big = envelope.pack_clear({"cmd": "ping", "x": "a" * (2 << 20)})
    assert codec.unpack(await setup.send(big)) == BAD_LOAD


@pytest.mark.parametrize("version", [None, 0, 1, 2, "three", [], {}])
async def test_an_old_version_is_refused(setup, version):
    outer = {"enc": "clear", "load": {"cmd": "ping"}, "version": version}
    assert codec.unpack(await setup.send(codec.pack(outer))) == BAD_LOAD


async def test_an_older_minion_comes_in_under_the_shared_key_when_allowed(tmp_path, pairs, nursery):
    setup = Setup(tmp_path, pairs, minimum_auth_version=2)
    await answering(setup.bus, nursery, lambda request: request.id == "m1", MineRequest)
    shared = setup.identity.shared.crypticle
    load = {"cmd": "_mine", "data": {}, "id": "m1", "nonce": "1" * 32, "tok": setup.key.tok}
    payload = codec.pack({"enc": "aes", "load": shared.dumps(load), "version": 2})
    assert open_reply(await setup.send(payload), session=shared, nonce="1" * 32) is True


async def test_signatures_count_only_when_the_master_is_told_so(tmp_path, pairs, nursery):
    setup = Setup(tmp_path, pairs)
    await answering(setup.bus, nursery, lambda _request: [True], ReturnsRequest)
    ret = {"cmd": "_return", "jid": JID, "fun": "test.ping", "return": True}
    assert await setup.ask(ret) is None
    setup.rules = RequestRules(require_minion_sign_messages=True)
    assert await setup.ask(ret) is False
    assert await setup.ask(ret, sign=True) is None
    setup.rules = RequestRules(drop_messages_signature_fail=True)
    assert await setup.ask(ret) is None


async def test_who_asked_what_is_told_when_somebody_listens(setup, nursery):
    await answering(setup.bus, nursery, lambda _request: None, MinionEventRequest)
    async with setup.bus.subscribe(RequestAnswered, keep=False) as events:
        await setup.ask(EVENT)
        event = await events.receive()
    assert (event.id, event.cmd, event.peer, event.ok) == ("m1", "_minion_event", "192.0.2.1", True)


@settings(max_examples=60, deadline=None)
@given(
    payload=st.binary(max_size=64)
    | st.recursive(
        st.none() | st.integers() | st.text(max_size=4) | st.binary(max_size=4) | st.just("aes") | st.just("clear"),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["enc", "load", "version", "id", "cmd", "key"]), inner, max_size=6)
        ),
        max_leaves=8,
    ).map(codec.pack)
)
def test_whatever_comes_is_answered(payload, pairs, tmp_path_factory):
    setup = Setup(tmp_path_factory.mktemp("door"), pairs)
    (answer,) = trio.run(answers, setup.door, payload)
    assert isinstance(answer, bytes)
    codec.unpack(answer)


async def test_a_hostile_peer_is_named_once_a_minute_and_an_ended_session_is_none(setup):
    ghost = codec.pack({"enc": "aes", "load": os.urandom(96), "version": 3, "id": "ghost"})
    with structlog.testing.capture_logs() as log:
        for peer in ("192.0.2.1", "192.0.2.1", "192.0.2.2"):
            await setup.send(ghost, peer)
        setup.sessions.forget("m1")
        assert codec.unpack(await setup.send(setup.seal(EVENT), "192.0.2.3")) == BAD_LOAD
    rows = [(row["log_level"], row["peer"]) for row in log if row["event"] == "request.refused"]
    assert rows == [
        ("warning", "192.0.2.1"),
        ("debug", "192.0.2.1"),
        ("warning", "192.0.2.2"),
        ("debug", "192.0.2.3"),
    ]


# -- lanes -------------------------------------------------------------------------------------------------------------


def hello(setup, id, nonce="0" * 32, key=None):
    load = {"cmd": "_auth", "id": id, "pub": (key or setup.key).public.pem, "nonce": nonce}
    return codec.pack({"enc": "clear", "load": load, "version": 3})


async def test_what_waits_in_one_lane_holds_up_no_other(setup, nursery):
    signing = []

    async def key_manager(task_status):
        async with setup.bus.claim(AuthRequest) as requests:
            task_status.started()
            async for request, reply in requests:
                if request.known:
                    reply.send([("m1", b"in")])
                else:
                    signing.append(reply)

    await nursery.start(key_manager)
    await answering(setup.bus, nursery, lambda request: None, MinionEventRequest)
    publish = codec.pack({"enc": "clear", "load": {"cmd": "publish"}, "version": 3})
    assert await setup.ask(EVENT) is None
    async with trio.open_nursery() as storm:
        for number in range(200):
            storm.start_soon(setup.send, hello(setup, f"n{number}"))
            # Nor those who say that they are somebody else: it is the key that counts.
            storm.start_soon(setup.send, hello(setup, "m1", key=setup.other), f"192.0.2.{number}")
        await trio.testing.wait_all_tasks_blocked()
        lanes = {lane.name: lane for lane in setup.door.statistics()}
        assert lanes["strangers"].running == len(signing)
        assert lanes["strangers"].running + lanes["strangers"].waiting == 400
        # Who is known, what they ask, and what is to go out.
        assert await setup.send(hello(setup, "m1")) == b"in"
        assert await setup.ask(EVENT) is None
        assert await setup.send(publish) == codec.pack({"clear": "publish"})
        storm.cancel_scope.cancel()
    done = {lane.name: lane.done for lane in setup.door.statistics()}
    assert (done["sign-ins"], done["events"], done["publications"]) == (1, 2, 1)


async def test_who_is_known_offers_the_accepted_key(setup, nursery):
    await answering(setup.bus, nursery, lambda request: [("x", b"%d" % request.known)], AuthRequest)
    # What the accepted key is has been looked at.
    await setup.ask(EVENT)
    assert await setup.send(hello(setup, "m1")) == b"1"
    assert await setup.send(hello(setup, "m1", key=setup.other)) == b"0"
    assert await setup.send(hello(setup, "m2")) == b"0"


async def test_a_sign_in_that_is_asked_anew_is_answered_once(setup, nursery):
    seen, first = [], trio.Event()

    async def key_manager(task_status):
        async with setup.bus.claim(AuthRequest) as requests:
            task_status.started()
            async for request, reply in requests:
                for knock, _peer in request.knocks:
                    seen.append((knock.id.decode(), knock.read().load["nonce"][0]))
                nursery.start_soon(later, request, reply)

    async def later(request, reply):
        await first.wait()
        reply.send([(knock.id.decode(), b"in") for knock, _peer in request.knocks])

    await nursery.start(key_manager)
    answers = {}

    async def sign_in(id, nonce):
        answers[id, nonce] = await setup.send(hello(setup, id, nonce * 32))

    async with trio.open_nursery() as storm:
        for number in range(16):
            storm.start_soon(sign_in, f"n{number}", "0")
        await trio.testing.wait_all_tasks_blocked()
        for nonce in "123":
            storm.start_soon(sign_in, "late", nonce)
            await trio.testing.wait_all_tasks_blocked()
        first.set()
    assert [nonce for id, nonce in seen if id == "late"] == ["3"]
    assert [answers["late", nonce] for nonce in "123"] == [codec.pack(BAD_LOAD), codec.pack(BAD_LOAD), b"in"]
