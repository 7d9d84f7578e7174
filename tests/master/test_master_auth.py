"""`trisalt.master.auth`: sign-ins decided, keys moved, events told, the shared key rotated."""

from __future__ import annotations

import os
import threading
import time

import msgpack
import pytest
import structlog
import trio

from trisalt.bus.answers import Published
from trisalt.bus.bus import Bus
from trisalt.bus.events import AesRotated, AuthDecided, KeyChanged
from trisalt.bus.requests import AuthRequest, PublishRequest, RevokeRequest, RotateRequest
from trisalt.errors import RemoteProtocolError
from trisalt.master.auth import (
    PENDING_AGAIN_S,
    PENDING_FEW,
    PENDING_FORGOTTEN_S,
    STRANGERS_BURST,
    Allowance,
    KeyDesk,
    KeyRules,
    keep_keys,
    watch_drop_file,
)
from trisalt.master.identity import Identity
from trisalt.master.keyring import Keyring, State
from trisalt.master.lanes import STRANGERS
from trisalt.master.sessions import AcceptedKeys, Sessions
from trisalt.wire import codec
from trisalt.wire.envelope import pack_clear, receive_request
from trisalt.wire.handshake import Accepted, MinionHandshake, Pending, Refused, TooMany
from trisalt.wire.keys import PrivateKey

NOW = 1_800_000_000.0


@pytest.fixture(scope="module")
def pairs():
    return [PrivateKey.generate(1024) for _ in range(3)]


class Setup:
    def __init__(self, folder, pairs, **rules):
        self.master, self.key, self.other = pairs
        self.folder = folder
        self.bus = Bus()
        self.keyring = Keyring(folder / "pki")
        self.keyring.prepare()
        self.accepted = AcceptedKeys(folder / "pki" / State.ACCEPTED.value)
        self.identity = Identity(self.master, id="master")
        self.sessions = Sessions(folder / "sessions", self.identity.seal, lifetime=1000)
        self.rules = KeyRules(**rules)

    async def run(self, task_status):
        await keep_keys(
            self.bus,
            self.keyring,
            self.accepted,
            self.identity,
            self.sessions,
            rules=lambda: self.rules,
            task_status=task_status,
        )

    def knock(self, id="m1", key=None, pinned=True, **further):
        shake = MinionHandshake(
            id=id,
            key=key or self.key,
            master_pub=self.master.public if pinned else None,
            enc_algo="OAEP-SHA1",
            sig_algo="PKCS1v15-SHA1",
            nonce=os.urandom(16).hex(),
            token="t" * 76 if pinned else None,
        )
        load = codec.unpack(shake.request())["load"]
        return shake, receive_request(pack_clear(load | further))

    async def sign_in(self, *args, **kwargs):
        (result,) = await self.sign_in_all([self.knock(*args, **kwargs)])
        if isinstance(result, Exception):
            raise result
        return result

    async def sign_in_all(self, knocks, known=False):
        """What each of those that share a turn is told, or what was wrong with it."""
        asked = [(knock, "192.0.2.1") for _shake, knock in knocks]
        with trio.fail_after(5):
            answers = await self.bus.ask(AuthRequest(knocks=asked, known=known))
        return [
            answer if isinstance(answer, Exception) else shake.accept(answer[1])
            for (shake, _knock), answer in zip(knocks, answers, strict=True)
        ]

    def desk(self):
        return KeyDesk(self.keyring, self.accepted, self.identity, self.sessions, lambda: self.rules)

    async def told(self, subscription):
        await trio.testing.wait_all_tasks_blocked()
        events = await subscription.receive_all()
        return [(event.tag, event.act, event.id) for event in events]


@pytest.fixture
async def setup(tmp_path, pairs, nursery):
    setup = Setup(tmp_path, pairs)
    await nursery.start(setup.run)
    return setup


async def test_a_new_key_waits_and_once_accepted_comes_in(setup):
    async with setup.bus.subscribe((AuthDecided, KeyChanged), keep=False) as told:
        assert isinstance(await setup.sign_in(), Pending)
        assert await setup.told(told) == [("salt/key", "pending", "m1"), ("salt/auth", "pend", "m1")]
        assert isinstance(await setup.sign_in(), Pending)
        assert await setup.told(told) == [("salt/auth", "pend", "m1")]
        setup.keyring.accept("m1")
        accepted = await setup.sign_in()
        assert await setup.told(told) == [("salt/auth", "accept", "m1")]
    assert isinstance(accepted, Accepted)
    assert accepted.aes.key_string == setup.identity.shared.crypticle.key_string
    assert accepted.session.key_string == setup.sessions.find("m1", now=time.time()).key_string
    assert accepted.publish_port == 4505


async def test_another_key_for_a_known_id_is_denied_and_laid_aside(setup):
    setup.keyring.store("m1", setup.key.public.pem, State.ACCEPTED)
    async with setup.bus.subscribe((AuthDecided, KeyChanged), keep=False) as told:
        assert isinstance(await setup.sign_in(key=setup.other), Refused)
        assert await setup.told(told) == [("salt/key", "denied", "m1"), ("salt/auth", "denied", "m1")]
        assert isinstance(await setup.sign_in(key=setup.other), Refused)
        assert await setup.told(told) == [("salt/auth", "denied", "m1")]
    assert setup.keyring.read("m1", State.DENIED) == setup.other.public.pem
    assert isinstance(await setup.sign_in(), Accepted)


async def test_a_rejected_key_stays_out_and_no_session_is_made(setup):
    setup.keyring.store("m1", setup.key.public.pem, State.REJECTED)
    setup.rules = KeyRules(auto_accept=True)
    assert isinstance(await setup.sign_in(), Refused)
    assert not (setup.folder / "sessions/m1").exists()


async def test_rules_sign_on_and_reject(setup):
    (setup.folder / "sign").write_text("web*\n")
    (setup.folder / "reject").write_text("web9\n")
    for name in ("sign", "reject"):
        (setup.folder / name).chmod(0o600)
    setup.rules = KeyRules(autosign_file=str(setup.folder / "sign"), autoreject_file=str(setup.folder / "reject"))
    async with setup.bus.subscribe(KeyChanged, keep=False) as told:
        assert isinstance(await setup.sign_in("web1"), Accepted)
        assert isinstance(await setup.sign_in("web9"), Refused)
        assert isinstance(await setup.sign_in("db1"), Pending)
        assert [row[1:] for row in await setup.told(told)] == [
            ("accepted", "web1"),
            ("rejected", "web9"),
            ("pending", "db1"),
        ]
    setup.rules = KeyRules(auto_accept=True)
    assert isinstance(await setup.sign_in("db1"), Accepted)
    assert isinstance(await setup.sign_in("db2", key=setup.other), Accepted)


async def test_open_mode_overwrites(setup):
    setup.keyring.store("m1", setup.other.public.pem, State.ACCEPTED)
    setup.rules = KeyRules(open_mode=True)
    assert isinstance(await setup.sign_in(), Accepted)
    assert setup.keyring.read("m1", State.ACCEPTED) == setup.key.public.pem


async def test_a_sign_in_that_the_disk_does_not_take_is_refused_and_told(setup):
    folder = setup.folder / "pki/minions_pre"
    folder.rmdir()
    folder.touch()
    with structlog.testing.capture_logs() as lines, pytest.raises(RemoteProtocolError, match="cannot be kept"):
        await setup.sign_in()
    assert [line["reason"] for line in lines if line["event"] == "auth.not_kept"] == ["File exists"]
    folder.unlink()
    assert isinstance(await setup.sign_in(), Pending)


async def test_a_full_master_takes_no_more_and_keeps_whom_it_has(setup):
    setup.keyring.store("m1", setup.key.public.pem, State.ACCEPTED)
    setup.rules = KeyRules(max_minions=1, auto_accept=True)
    assert isinstance(await setup.sign_in("m2", key=setup.other), TooMany)
    assert isinstance(await setup.sign_in(), Accepted)
    assert setup.keyring.state("m2") is None


async def test_an_id_that_is_none_and_a_key_that_is_none_are_refused_signed_and_kept_nowhere(setup):
    setup.rules = KeyRules(auto_accept=True)
    before = sorted(setup.folder.rglob("*"))
    for id in ("../x", "a/b", "..", ""):
        try:
            assert isinstance(await setup.sign_in(id), Refused)
        except RemoteProtocolError:
            assert id == ""
    assert isinstance(await setup.sign_in("m3", pub="not a key"), Refused)
    assert sorted(setup.folder.rglob("*")) == before


async def test_events_can_be_turned_off(setup):
    setup.rules = KeyRules(auth_events=False)
    async with setup.bus.subscribe((AuthDecided, KeyChanged), keep=False) as told:
        await setup.sign_in()
        assert await setup.told(told) == [("salt/key", "pending", "m1")]


async def test_many_sign_ins_at_once_are_all_answered(setup):
    setup.rules = KeyRules(auto_accept=True)
    results = []

    async def one(id):
        results.append(await setup.sign_in(id))

    async with trio.open_nursery() as storm:
        for number in range(40):
            storm.start_soon(one, f"m{number % 20}")
    assert {type(result) for result in results} == {Accepted}
    assert len({result.session.key_string for result in results}) == 20


async def test_of_those_who_share_a_turn_one_that_fails_spares_the_others(setup):
    ids = [f"m{number}" for number in range(5)]
    for id in ids:
        setup.keyring.store(id, setup.key.public.pem, State.ACCEPTED)
    # The session of one cannot be written: something is in its place; and three say what is none.
    (setup.folder / "sessions/m3").mkdir()
    knocks = [setup.knock(id) for id in ids]
    # Names that were sent as binary are not the text they look like.
    outer = {"enc": "clear", "load": {b"cmd": b"_auth", b"id": b"m1"}, "version": 3}
    knocks.append((None, receive_request(msgpack.packb(outer, use_bin_type=True))))
    knocks[1] = setup.knock("m1", nonce="")
    knocks[2] = (None, receive_request(codec.pack({"enc": "clear", "load": {"cmd": "_auth"}, "version": 3})))
    async with setup.bus.subscribe(AuthDecided, keep=False) as told:
        results = await setup.sign_in_all(knocks, known=True)
        assert [id for _tag, _act, id in await setup.told(told)] == ["m0", "m4"]
    assert [type(result) for result in results] == [Accepted, *[RemoteProtocolError] * 3, Accepted, RemoteProtocolError]
    assert [str(result) for result in results[1:4]] == [
        "_auth without a nonce",
        "_auth without id or pub",
        "the sign-in of m3 cannot be kept",
    ]
    assert results[5].refusal == {}


@pytest.mark.parametrize(
    ("before", "act", "after"),
    [
        (None, "pend", State.PENDING),
        (State.REJECTED, "reject", State.REJECTED),
        ("other", "denied", State.ACCEPTED),
    ],
)
async def test_who_was_known_a_moment_ago_is_decided_by_the_files_of_now(setup, before, act, after):
    setup.keyring.store("m1", setup.key.public.pem, State.ACCEPTED)
    assert setup.accepted.offered("m1", setup.key.public.pem) is not None
    if before == "other":
        setup.keyring.store("m1", setup.other.public.pem, State.ACCEPTED)
    elif before is None:
        setup.keyring.delete("m1")
    else:
        # In both folders, as other tools may leave it.
        path = setup.folder / "pki" / before.value / "m1"
        path.write_text(setup.key.public.pem)
    async with setup.bus.subscribe(AuthDecided, keep=False) as told:
        (result,) = await setup.sign_in_all([setup.knock()], known=True)
        assert not isinstance(result, Accepted)
        assert await setup.told(told) == [("salt/auth", act, "m1")]
    assert setup.keyring.state("m1") is after


async def test_strangers_from_one_address_have_an_allowance(tmp_path, pairs):
    setup = Setup(tmp_path, pairs)
    setup.keyring.store("m1", setup.key.public.pem, State.ACCEPTED)
    desk = setup.desk()

    def sign_in(knock, peer):
        ((_hello, outcome),) = desk.sign_in([(knock, peer)], NOW)
        return outcome

    _shake, stranger = setup.knock("m2", key=setup.other, pinned=False)
    for _ in range(STRANGERS_BURST):
        assert desk._strangers.take("192.0.2.1", NOW)
    assert "too many" in str(sign_in(stranger, "192.0.2.1"))
    assert setup.keyring.state("m2") is None
    assert sign_in(stranger, "192.0.2.2").verdict.act == "pend"
    _shake, known = setup.knock("m1")
    assert sign_in(known, "192.0.2.1").verdict.accepted


async def test_a_fresh_pending_minion_may_ask_again_soon_while_there_are_few(tmp_path, pairs):
    setup = Setup(tmp_path, pairs)
    desk = setup.desk()

    def again(id, now):
        handshake, knock = setup.knock(id, key=setup.other, pinned=False, again=True)
        ((_hello, outcome),) = desk.sign_in([(knock, "192.0.2.1")], now)
        return handshake.accept(outcome.answer).again

    assert [again("n1", NOW + passed) for passed in (0, 50, 100, 150, 200)] == [PENDING_AGAIN_S] * 4 + [0]
    # Another one is fresh; with too many nobody is told to hurry, until they have gone.
    later = NOW + 210
    assert [again(f"m{number}", later) for number in range(PENDING_FEW + 5)][-1] == 0
    assert again("m0", later + 2) == 0
    assert again("m0", later + 2 + PENDING_FORGOTTEN_S) == PENDING_AGAIN_S


def test_an_allowance_fills_up_again_and_forgets_old_names():
    allowance = Allowance(burst=2, per_s=1, names=2)
    assert [allowance.take("a", NOW) for _ in range(3)] == [True, True, False]
    assert allowance.take("a", NOW + 1)
    assert not allowance.take("a", NOW + 1)
    for name in ("b", "c", "d"):
        assert allowance.take(name, NOW + 1)
    assert allowance.take("a", NOW + 1)
    assert allowance.take("a", NOW - 100)


# -- revocation and rotation -------------------------------------------------------------------------------------------


async def test_a_minion_gives_up_its_own_key_and_the_shared_key_is_a_new_one(setup):
    for id in ("m1", "m2"):
        setup.keyring.store(id, setup.key.public.pem, State.ACCEPTED)
        await setup.sign_in(id)
    old = setup.identity.shared.crypticle.key_string
    async with setup.bus.subscribe((KeyChanged, AesRotated), keep=False) as told:
        assert await setup.bus.ask(RevokeRequest(id="m1")) is True
        with trio.fail_after(5):
            assert [(await told.receive()).tag for _ in range(2)] == ["salt/key", "key"]
    assert (setup.keyring.state("m1"), setup.keyring.state("m2")) == (None, State.ACCEPTED)
    assert [path.name for path in (setup.folder / "sessions").iterdir()] == ["m2"]
    assert setup.identity.shared.crypticle.key_string != old


async def test_revocation_can_be_forbidden(setup):
    setup.keyring.store("m1", setup.key.public.pem, State.ACCEPTED)
    setup.rules = KeyRules(allow_minion_key_revoke=False)
    assert await setup.bus.ask(RevokeRequest(id="m1")) is False
    assert setup.keyring.state("m1") is State.ACCEPTED


async def test_a_rotation_makes_a_new_key_counts_anew_tells_and_pings_when_told(setup, nursery):
    setup.rules = KeyRules(ping_on_rotate=True, auto_accept=True)
    await setup.sign_in()
    setup.identity.shared.next_serial()
    old = setup.identity.shared
    pinged = []

    async def publisher(task_status):
        async with setup.bus.claim(PublishRequest) as requests:
            task_status.started()
            async for request, reply in requests:
                pinged.append((request.fun, request.tgt))
                reply.send(Published(jid=None, minions=[], missing=[]))

    await nursery.start(publisher)
    async with setup.bus.subscribe(AesRotated, keep=False) as told:
        with trio.fail_after(5):
            assert await setup.bus.ask(RotateRequest()) is True
            assert (await told.receive()).to_data()["rotate_aes_key"] is True
    assert setup.identity.shared.crypticle.key_string != old.crypticle.key_string
    assert setup.identity.shared.next_serial() == 1
    assert pinged == [("test.ping", "*")]


@pytest.mark.parametrize(
    ("ids", "rotated"), [(["m1"], True), (["m2", "m1"], True), (["m2"], False), ([], False), (None, True)]
)
async def test_a_key_is_replaced_when_somebody_who_has_it_goes(setup, ids, rotated):
    setup.rules = KeyRules(auto_accept=True)
    await setup.sign_in("m1")
    old = setup.identity.shared
    assert await setup.bus.ask(RotateRequest(ids=ids)) is True
    assert (setup.identity.shared is not old) is rotated
    fresh = setup.identity.shared
    assert await setup.bus.ask(RotateRequest(ids=ids)) is True
    assert setup.identity.shared is fresh


async def test_many_keys_that_go_one_after_the_other_cost_one_rotation(setup):
    setup.rules = KeyRules(auto_accept=True)
    ids = [f"m{number}" for number in range(6)]
    for id in ids:
        await setup.sign_in(id)
    async with setup.bus.subscribe(AesRotated, keep=False) as told:
        for id in ids[:4]:
            setup.keyring.delete(id)
            await setup.bus.ask(RotateRequest(ids=[id]))
        assert told.statistics().waiting == 1
        # Who stayed has signed in again: the next one to go has the key of now.
        for id in ids[4:]:
            await setup.sign_in(id)
        await setup.bus.ask(RotateRequest(ids=[ids[4]]))
        assert told.statistics().waiting == 2


async def test_a_rotation_does_not_wait_behind_sign_ins(setup, monkeypatch):
    setup.rules = KeyRules(auto_accept=True)
    await setup.sign_in("m1")
    hold, held = threading.Event(), threading.Semaphore(0)
    sign_in = KeyDesk.sign_in

    def slow(desk, *args):
        held.release()
        assert hold.wait(20)
        return sign_in(desk, *args)

    monkeypatch.setattr(KeyDesk, "sign_in", slow)
    try:
        async with trio.open_nursery() as storm:
            for number in range(2 * STRANGERS):
                storm.start_soon(setup.sign_in, f"n{number}")
            with trio.fail_after(10):
                for _ in range(STRANGERS):
                    await trio.to_thread.run_sync(held.acquire)
            old = setup.identity.shared
            with trio.fail_after(5):
                await setup.bus.ask(RotateRequest(ids=["m1"]))
            assert setup.identity.shared is not old
            assert not held.acquire(blocking=False)
            hold.set()
    finally:
        hold.set()


async def test_the_drop_file_asks_for_a_rotation(tmp_path, nursery, autojump_clock):
    bus, path, asked = Bus(), tmp_path / ".dfn", []

    async def claimant(task_status):
        async with bus.claim(RotateRequest) as requests:
            task_status.started()
            async for request, reply in requests:
                asked.append(request)
                reply.send(True)

    await nursery.start(claimant)
    await nursery.start(lambda task_status: watch_drop_file(bus, path, id="host_master", task_status=task_status))

    def drop(text, mode):
        path.unlink(missing_ok=True)
        path.write_text(text)
        path.chmod(mode)

    for text, mode in (("host_master", 0o600), ("other", 0o400), ("", 0o400)):
        drop(text, mode)
        await trio.sleep(10)
        assert path.exists()
    path.unlink()
    path.symlink_to("/etc/hostname")
    await trio.sleep(10)
    assert asked == []
    drop("host_master", 0o400)
    await trio.sleep(10)
    assert len(asked) == 1
    assert not path.exists()
