"""The local door over a real unix socket, with claimants that answer as the rest of the master would."""

import os
import socket
import struct
import sys
from contextlib import asynccontextmanager
from functools import partial

import attrs
import msgpack
import pytest
import trio
import trio.testing

from trisalt.bus.bus import Bus
from trisalt.bus.events import (
    BatchLost,
    BatchSent,
    CommandRefused,
    JobReturned,
    JobSettled,
    KeyChanged,
    Origin,
    RequestAnswered,
    TaggedEvent,
)
from trisalt.bus.requests import (
    BatchLookup,
    BatchRequest,
    BatchView,
    Caller,
    DropTokenRequest,
    LoginRequest,
    Published,
    PublishRequest,
    Resolved,
    ResolveRequest,
    RotateRequest,
    RunnerRequest,
    StatusRequest,
    TokenRequest,
    WatchRequest,
    WheelRequest,
)
from trisalt.errors import CommandError, Denied, TargetError, Unauthenticated
from trisalt.master import feed, following
from trisalt.master.acl import Acl
from trisalt.master.local_door import PIECE_BYTES, caller_name, serve_local_door
from trisalt.store.sqlite import open_store
from trisalt.wire.codec import pack_bin
from trisalt.wire.frames import FrameDecoder, pack_frame
from trisalt.worker.protocol import Outcome, Packed

JID = "20261122124940743908"


class Jobs:
    """What the store keeps of one job."""

    def __init__(self):
        self.kept = {}

    async def returns(self, jid):
        await trio.lowlevel.checkpoint()
        return dict(self.kept)

    async def load(self, jid):
        await trio.lowlevel.checkpoint()
        return {"fun": "test.ping", "arg": []}


class Visitor:
    """The other end of the door."""

    def __init__(self, stream):
        self.stream = stream
        self._decoder = FrameDecoder()
        self._received = []

    async def ask(self, **question):
        await self.stream.send_all(pack_frame(question))
        return await self.next()

    async def next(self):
        while not self._received:
            data = await self.stream.receive_some(65536)
            if not data:
                return None
            self._received += self._decoder.feed(data)
        return self._received.pop(0)

    async def rest(self):
        found = []
        while (answer := await self.next()) is not None:
            found.append(answer)
        return found


class Master:
    def __init__(self, bus, jobs, path, nursery, log):
        self.bus, self.jobs, self.path, self.nursery, self.log = bus, jobs, path, nursery, log
        self.batches = {}

    @asynccontextmanager
    async def caller(self):
        async with await trio.open_unix_socket(self.path) as stream:
            yield Visitor(stream)

    async def claim(self, cls, answer):
        """Answer requests of a class by `answer(request)`; what was asked is kept in the list this returns."""
        asked = []

        async def serve(*, task_status):
            async with self.bus.claim(cls) as requests:
                task_status.started()
                async for request, reply in requests:
                    asked.append(request)
                    try:
                        result = answer(request)
                        reply.send(await result if hasattr(result, "__await__") else result)
                    except Exception as exc:
                        reply.fail(exc)

        await self.nursery.start(serve)
        return asked

    async def hear(self, pattern):
        """The events that match, in the list this returns."""
        heard = []

        async def listen(*, task_status):
            async with self.bus.subscribe(pattern, keep=False) as events:
                task_status.started()
                async for event in events:
                    heard.append(event)

        await self.nursery.start(listen)
        return heard


@asynccontextmanager
async def open_log(folder, bus):
    """A log that the bus is kept in."""
    async with open_store(folder / "trisalt.db") as store:
        store.log.tell = bus.tell
        bus.keep_in(store.log)
        yield store.log


@pytest.fixture
async def door(open_folder, nursery):
    """Open the door, with a bus that is kept in a log; a `Master` to ask by it."""
    bus, jobs, path = Bus(), Jobs(), str(open_folder / "master.sock")
    async with open_log(open_folder, bus) as log:

        async def start(acl=None, **options):
            service = partial(serve_local_door, bus, jobs, log, acl or Acl(), path=path, **options)
            await nursery.start(service)
            return Master(bus, jobs, path, nursery, log)

        yield start
        nursery.cancel_scope.cancel()


@pytest.fixture
async def master(door):
    house = await door()
    # No job is a batch, unless a test says so.
    await house.claim(BatchLookup, lambda request: house.batches.get(request.jid))
    return house


def returned(id, jid=JID, **more):
    return JobReturned(id=id, jid=jid, fun="test.ping", fun_args=[], result=True, **more)


def published(minions=("m1", "m2"), missing=()):
    return Published(jid=JID, minions=list(minions), missing=list(missing))


# -- jobs -------------------------------------------------------------------------------------------------------------


async def test_a_return_that_comes_before_the_publication_is_answered_is_not_missed(master):
    async def answer(request):
        await master.bus.publish(returned("m1"))
        return published(["m1"])

    await master.claim(PublishRequest, answer)
    async with master.caller() as caller:
        assert await caller.ask(op="publish", tgt="*", fun="test.ping", arg=[], follow=True) == {
            "published": {"jid": JID, "minions": ["m1"], "missing": []}
        }
        assert (await caller.next())["return"]["id"] == "m1"
        await master.bus.publish(JobSettled(jid=JID, missing={}))
        assert await caller.rest() == [{"settled": {"jid": JID, "missing": {}}}]


async def test_returns_come_as_they_are_then_why_the_others_are_missing(master):
    asked = await master.claim(PublishRequest, lambda request: published())
    async with master.caller() as caller:
        await caller.ask(
            op="publish", tgt=["m1", "m2"], tgt_type="list", fun="test.ping", arg=[1], timeout=3, follow=True
        )
        await master.bus.publish(returned("m1", jid="20260101000000000000"))
        await master.bus.publish(returned("m1", retcode=2, success=False, out="nested"))
        assert await caller.next() == {
            "return": {
                "id": "m1",
                "jid": JID,
                "fun": "test.ping",
                "fun_args": [],
                "return": True,
                "retcode": 2,
                "success": False,
                "out": "nested",
            }
        }
        await master.bus.publish(JobSettled(jid=JID, missing={"m2": "asleep"}))
        assert await caller.rest() == [{"settled": {"jid": JID, "missing": {"m2": "asleep"}}}]
    (request,) = asked
    assert (request.tgt, request.tgt_type, request.arg, request.timeout, request.watch) == (
        ["m1", "m2"],
        "list",
        [1],
        3,
        True,
    )
    assert request.user == caller_name(os.getuid())


async def test_a_long_answer_is_told_whole_before_anybody_returns(master):
    ids = [f"minion{number:06}.example.com" for number in range(100_000)]
    await master.claim(PublishRequest, lambda request: published(ids))
    async with master.caller() as caller:
        with trio.fail_after(20):
            answer = await caller.ask(op="publish", tgt="*", fun="test.ping", follow=True)
        assert answer["published"]["minions"] == ids


async def test_a_second_return_of_the_same_minion_is_not_told_again(master):
    await master.claim(PublishRequest, lambda request: published(["m1"]))
    async with master.caller() as caller:
        await caller.ask(op="publish", tgt="*", fun="test.ping", follow=True)
        await master.bus.publish(returned("m1"))
        await master.bus.publish(returned("m1", first=False))
        await master.bus.publish(JobSettled(jid=JID, missing={}))
        assert [next(iter(answer)) for answer in await caller.rest()] == ["return", "settled"]


async def test_without_follow_there_is_one_answer_and_no_watch(master):
    asked = await master.claim(PublishRequest, lambda request: published())
    async with master.caller() as caller:
        await caller.ask(op="publish", tgt="*", fun="test.ping", follow=False)
        assert await caller.rest() == []
    assert not asked[0].watch


async def test_when_nobody_matches_there_is_nothing_to_follow(master):
    await master.claim(
        PublishRequest, lambda request: Published(jid=None, minions=[], missing=[], error="nobody is called so")
    )
    async with master.caller() as caller:
        answer = await caller.ask(op="publish", tgt="nosuch", fun="test.ping", follow=True)
        assert answer == {"published": {"jid": None, "minions": [], "missing": [], "error": "nobody is called so"}}
        assert await caller.rest() == []


async def test_a_target_that_cannot_be_read_is_told_with_its_reason(master):
    def answer(request):
        raise TargetError("unclosed bracket at position 3", text="(", position=0)

    await master.claim(PublishRequest, answer)
    async with master.caller() as caller:
        answer = await caller.ask(op="publish", tgt="m1 and (", tgt_type="compound", fun="test.ping", follow=True)
        expected = {"name": "TargetError", "message": "unclosed bracket at position 3", "text": "(", "position": 0}
        assert answer == {"error": expected}


async def test_whom_a_target_names_is_told_and_nothing_is_sent(master):
    asked = await master.claim(ResolveRequest, lambda request: Resolved(minions=["m1", "m2"], missing=["m9"]))
    async with master.caller() as caller:
        answer = await caller.ask(op="match", tgt=["m1", "m2", "m9"], tgt_type="list", delimiter="|")
        assert answer == {"matched": {"minions": ["m1", "m2"], "missing": ["m9"]}}
        assert await caller.rest() == []
    assert asked == [ResolveRequest(tgt=["m1", "m2", "m9"], tgt_type="list", delimiter="|", exact=False)]


async def test_a_follower_that_was_too_slow_reads_what_it_missed_from_the_store(master, monkeypatch):
    monkeypatch.setattr(following, "DEPTH", 4)
    ids = [f"m{number:02}" for number in range(50)]
    watched = await master.claim(WatchRequest, lambda request: ids)

    async def answer(request):
        # More than the subscription holds, before the door gets to read.
        for id in ids:
            master.jobs.kept[id] = {"return": True, "retcode": 0, "success": True}
            await master.bus.publish(returned(id))
        return published(ids)

    await master.claim(PublishRequest, answer)
    async with master.caller() as caller:
        await caller.ask(op="publish", tgt="*", fun="test.ping", follow=True)
        told = [(await caller.next())["return"]["id"] for _ in ids]
        assert sorted(told) == ids
        assert [request.jid for request in watched] == [JID]
        await master.bus.publish(JobSettled(jid=JID, missing={}))
        assert await caller.rest() == [{"settled": {"jid": JID, "missing": {}}}]


ANN = Caller(name="ann", eauth="pam", groups=("ops",))
LOGIN = {"eauth": "pam", "username": "ann", "password": "right"}


def vouch(request):
    shown = request.token or request.password
    if shown.reveal() not in ("right", "a" * 64):
        raise Unauthenticated()
    return ANN


@pytest.mark.parametrize("shown", [LOGIN, {"token": "a" * 64}])
async def test_who_shows_credentials_is_who_these_say_even_where_the_kernel_knows_better(master, shown):
    asked = await master.claim(LoginRequest, vouch)
    published_ = await master.claim(PublishRequest, lambda request: published())
    async with master.caller() as caller:
        await caller.ask(op="publish", tgt="*", fun="test.ping", follow=False, credentials=shown, user_hint="root")
    assert [(request.user, request.caller) for request in published_] == [("ann", ANN)]
    assert asked[0].peer == f"uid {os.getuid()}"
    async with master.caller() as caller:
        answer = await caller.ask(op="runner", fun="test.arg", credentials=shown)
        assert answer["error"] == {"name": "AuthorizationError", "message": "Authorization error occurred."}
    for op in ("events", "status", "match"):
        async with master.caller() as caller:
            assert (await caller.ask(op=op, tgt="*", credentials=shown))["error"]["name"] == "AuthorizationError"


async def test_who_asks_is_told_who_they_are_and_what_they_may(door):
    acl = Acl(external_auth={"pam": {"ann": ["test.ping"], "ops%": [{"web*": ["state.apply"]}]}})
    master = await door(acl)
    await master.claim(LoginRequest, vouch)
    async with master.caller() as caller:
        assert (await caller.ask(op="whoami", credentials=LOGIN))["whoami"] == {
            "name": "ann",
            "eauth": "pam",
            "groups": ["ops"],
            "admin": False,
            "everything": False,
            "rooms": [],
            "master": "",
            "rows": ["test.ping", {"web*": ["state.apply"]}],
        }
    async with master.caller() as caller:
        told = (await caller.ask(op="whoami"))["whoami"]
        assert (told["name"], told["admin"], told["rows"]) == (caller_name(os.getuid()), True, [])


async def test_who_shows_wrong_credentials_is_nobody(master):
    await master.claim(LoginRequest, vouch)
    for shown in ({**LOGIN, "password": "wrong"}, {"token": "b" * 64}):
        async with master.caller() as caller:
            answer = await caller.ask(op="publish", tgt="*", fun="test.ping", credentials=shown)
            assert answer["error"] == {"name": "AuthenticationError", "message": "Authentication error occurred."}


async def test_a_token_is_made_at_the_door(master):
    asked = await master.claim(TokenRequest, lambda request: {"token": "a" * 64, "name": "ann"})
    async with master.caller() as caller:
        answer = await caller.ask(op="mk_token", credentials=LOGIN, token_expire=60)
        assert answer == {"token": {"token": "a" * 64, "name": "ann"}}
    assert (asked[0].username, asked[0].token_expire, asked[0].password.reveal()) == ("ann", 60, "right")


async def test_whoever_has_a_token_may_end_it(master):
    asked = await master.claim(DropTokenRequest, lambda request: True)
    async with master.caller() as caller:
        assert await caller.ask(op="del_token", credentials={"token": "a" * 64}) == {"dropped": True}
    assert [request.token.reveal() for request in asked] == ["a" * 64]
    async with master.caller() as caller:
        assert (await caller.ask(op="del_token", credentials=LOGIN))["error"]["name"] == "ProtocolError"


@pytest.mark.parametrize(
    ("said", "peer"),
    [("192.0.2.7", "192.0.2.7"), ("", None), ("x" * 65, None), ("a\nb", None), (["192.0.2.7"], None), (7, None)],
)
async def test_whoever_asks_for_others_may_say_where_these_are(master, said, peer):
    tokens = await master.claim(TokenRequest, lambda request: {"token": "a" * 64})
    logins = await master.claim(LoginRequest, vouch)
    for question in ({"op": "mk_token"}, {"op": "whoami"}):
        async with master.caller() as caller:
            await caller.ask(**question, credentials=LOGIN, place=said)
    assert [request.peer for request in tokens + logins] == [peer or f"uid {os.getuid()}"] * 2


async def test_who_follows_later_gets_what_has_returned_so_far_first(master):
    await master.claim(WatchRequest, lambda request: ["m1", "m2"])
    master.jobs.kept["m1"] = {"return": 1, "retcode": 0, "success": True}
    async with master.caller() as caller:
        assert (await caller.ask(op="follow_job", jid=JID))["return"]["id"] == "m1"
        await master.bus.publish(returned("m1"))
        await master.bus.publish(returned("m2"))
        assert (await caller.next())["return"]["id"] == "m2"
        await master.bus.publish(JobSettled(jid=JID, missing={}))
        assert await caller.rest() == [{"settled": {"jid": JID, "missing": {}}}]


async def test_a_job_that_nobody_knows_cannot_be_followed(master):
    await master.claim(WatchRequest, lambda request: None)
    async with master.caller() as caller:
        assert (await caller.ask(op="follow_job", jid=JID))["error"]["name"] == "TargetError"


async def test_a_caller_that_hangs_up_takes_only_its_following_with_it(master, autojump_clock):
    await master.claim(PublishRequest, lambda request: published(["m1"]))
    before = len(master.bus.statistics().subscriptions)
    async with master.caller() as other:
        await other.ask(op="publish", tgt="*", fun="test.ping", follow=True)
        async with master.caller() as caller:
            await caller.ask(op="publish", tgt="*", fun="test.ping", follow=True)
            assert len(master.bus.statistics().subscriptions) == before + 2
        with trio.fail_after(5):
            # The hanging up travels through the kernel; nothing else tells when it has arrived.
            while len(master.bus.statistics().subscriptions) > before + 1:  # noqa: ASYNC110
                await trio.sleep(0.01)
        await master.bus.publish(returned("m1"))
        assert (await other.next())["return"]["id"] == "m1"


# -- who may come in ----------------------------------------------------------------------------------------------


def test_callers_are_named_by_the_kernels_word(monkeypatch):
    assert caller_name(0) == "root"
    assert caller_name(0, "ann") == "sudo_ann"
    assert caller_name(0, "root") == "root"
    assert caller_name(0, b"ann") == "root"
    assert caller_name(0, "a\nb") == "root"
    assert caller_name(4_000_000) == "uid_4000000"


def test_an_account_cannot_be_named_like_an_administrator(monkeypatch):
    class Account:
        pw_name = "sudo_ann"

    monkeypatch.setattr("pwd.getpwuid", lambda uid: Account)
    assert caller_name(1000) == "uid_1000"
    Account.pw_name = "root"
    assert caller_name(1000) == "uid_1000"
    Account.pw_name = "ann"
    assert caller_name(1000, "root") == "ann"


ASK_AS_NOBODY = """
import os, socket, sys
from trisalt.store.sqlite import open_store
from trisalt.wire.frames import FrameDecoder, pack_frame
os.setgid(65534); os.setuid(65534)
for question in (
    {"op": "publish", "tgt": "*", "fun": "cmd.run", "arg": ["id"], "follow": True, "user_hint": "root"},
    {"op": "runner", "fun": "jobs.active"}, {"op": "wheel", "fun": "key.list_all"}, {"op": "events"},
    {"op": "fire", "tag": "x", "data": {}}, {"op": "key_changed", "act": "delete", "ids": ["m1"]},
    {"op": "status"}, {"op": "follow_job", "jid": "20261122124940743908"}, {"op": "match", "tgt": "*"},
):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(sys.argv[1])
        sock.sendall(pack_frame(question))
        (answer,) = FrameDecoder().feed(sock.recv(65536))
        print(question["op"], answer["error"]["name"])
"""


def refuse():
    raise Denied("Authorization error occurred.")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
async def test_somebody_else_is_refused_everything(master):
    refused = await master.hear(CommandRefused)
    published = await master.claim(PublishRequest, lambda request: refuse())
    with trio.fail_after(30):
        done = await trio.run_process([sys.executable, "-c", ASK_AS_NOBODY, master.path], capture_stdout=True)
    lines = done.stdout.decode().splitlines()
    assert len(lines) == 9
    assert {line.split()[1] for line in lines} == {"AuthorizationError"}
    await trio.testing.wait_all_tasks_blocked()
    assert [event.fun for event in refused] == ["runner.jobs.active", "wheel.key.list_all"]
    assert [request.asker.name for request in published] == [refused[0].user] != ["root"]


SAY_A_PLACE_AS_NOBODY = """
import os, socket, sys
from trisalt.wire.frames import pack_frame
os.setgid(65534); os.setuid(65534)
with socket.socket(socket.AF_UNIX) as sock:
    sock.connect(sys.argv[1])
    login = {"eauth": "pam", "username": "ann", "password": "right"}
    sock.sendall(pack_frame({"op": "mk_token", "credentials": login, "place": "192.0.2.7"}))
    sock.recv(65536)
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
async def test_somebody_else_is_where_the_kernel_says(master):
    asked = await master.claim(TokenRequest, lambda request: {"token": "a" * 64})
    with trio.fail_after(30):
        await trio.run_process([sys.executable, "-c", SAY_A_PLACE_AS_NOBODY, master.path])
    assert [request.peer for request in asked] == ["uid 65534"]


CROWD = """
import os, socket, sys
os.setgid(65534); os.setuid(65534)
socks = [socket.socket(socket.AF_UNIX) for _ in range(20)]
for sock in socks:
    sock.connect(sys.argv[1])
    sock.settimeout(10)
# Those that have no place are sent away at once; the others may speak.
print(sum(1 for sock in socks[16:] if sock.recv(1) == b""), flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
async def test_a_guest_cannot_take_everybodys_place(master):
    with trio.fail_after(30):
        command = [sys.executable, "-c", CROWD, master.path]
        process = await trio.lowlevel.open_process(command, stdin=-1, stdout=-1)
        async with process.stdin, process.stdout:
            assert (await process.stdout.receive_some()).strip() == b"4"
            async with master.caller() as caller:
                assert "whoami" in await caller.ask(op="whoami")
            await process.stdin.aclose()
            await process.wait()


# -- batches ----------------------------------------------------------------------------------------------------------


def view(**more):
    fields = {"minions": ["m1", "m2"], "down": ["m3"], "jids": [JID], "lost": {}, "ended": False, "halted": None}
    return BatchView(jid=JID, **{**fields, **more})


BATCH = {"op": "batch", "tgt": "*", "fun": "test.ping", "arg": [], "size": "1"}


async def test_a_batch_is_told_as_it_goes_and_to_its_end(master):
    asked = await master.claim(BatchRequest, lambda request: published(["m1", "m2", "m3"]))
    async with master.caller() as caller:
        began = await caller.ask(**BATCH, wait=1.5, failhard=True, timeout=2, follow=True)
        assert began == {"published": {"jid": JID, "minions": ["m1", "m2", "m3"], "missing": []}}
        await master.bus.publish(BatchSent(batch=JID, jid=JID, minions=["m1"]))
        assert await caller.next() == {"sent": ["m1"]}
        await master.bus.publish(returned("m1"))
        assert (await caller.next())["return"]["id"] == "m1"
        await master.bus.publish(BatchLost(batch=JID, lost={"m2": "asleep"}))
        assert await caller.next() == {"lost": {"m2": "asleep"}}
    (request,) = asked
    assert (request.size, request.wait, request.failhard, request.timeout) == ("1", 1.5, True, 2)
    assert request.user == caller_name(os.getuid())


async def test_a_batch_under_way_is_followed_from_its_first_return(master):
    master.batches[JID] = view(lost={"m2": "asleep"}, ended=True)
    master.jobs.kept = {"m1": {"return": True, "retcode": 0, "success": True}}
    async with master.caller() as caller:
        assert await caller.ask(op="follow_job", jid=JID) == {"batch": {"minions": ["m1", "m2"], "down": ["m3"]}}
        told = await caller.rest()
    assert [next(iter(frame)) for frame in told] == ["return", "lost", "settled"]
    assert told[-1] == {"settled": {"jid": JID, "missing": {"m2": "asleep"}, "halted": None}}


async def test_a_batch_of_a_size_that_is_none_is_refused(master):
    def refuse(request):
        raise CommandError("no size")

    await master.claim(BatchRequest, refuse)
    async with master.caller() as caller:
        assert (await caller.ask(**BATCH, follow=True))["error"]["message"] == "no size"
        assert await caller.next() is None


# -- runners and wheels -------------------------------------------------------------------------------------------


async def test_a_run_is_told_from_its_start_over_its_progress_to_its_result(master):
    async def answer(request):
        for percent in (1, 2):
            await master.bus.publish(TaggedEvent(name=f"salt/run/{request.jid}/progress", data={"percent": percent}))
        await master.bus.publish(TaggedEvent(name="salt/run/20260101000000000000/progress", data={"percent": 3}))
        return Outcome(result={"m1": 1}, out="highstate")

    asked = await master.claim(RunnerRequest, answer)
    async with master.caller() as caller:
        started = (await caller.ask(op="runner", fun="jobs.active", arg=[1], kwarg={"a": 2}))["started"]
        assert started["tag"] == f"salt/run/{started['jid']}"
        told = await caller.rest()
    assert [row["progress"]["percent"] for row in told[:-1]] == [1, 2]
    assert all(row["progress"]["_stamp"] for row in told[:-1])
    assert told[-1] == {"result": {"return": {"m1": 1}, "retcode": 0, "success": True, "out": "highstate"}}
    (request,) = asked
    assert (request.fun, request.arg, request.kwarg, request.jid) == ("jobs.active", [1], {"a": 2}, started["jid"])


async def test_a_large_result_comes_in_pieces_for_who_takes_them(master):
    data = pack_bin({str(number): "x" * 1000 for number in range(5000)})
    asked = await master.claim(RunnerRequest, lambda request: Outcome(result=Packed(data), out="nested"))
    async with master.caller() as caller:
        await caller.ask(op="runner", fun="jobs.list_jobs", pieces=True)
        *pieces, end = await caller.rest()
    assert len(pieces) == len(data) // PIECE_BYTES + 1
    assert b"".join(frame["piece"] for frame in pieces) == data
    assert end == {"result": {"return": None, "retcode": 0, "success": True, "out": "nested", "pieces": True}}
    for fields, packed in (({"pieces": True}, True), ({}, False), ({"pieces": True, "follow": False}, False)):
        async with master.caller() as caller:
            await caller.ask(op="runner", fun="jobs.active", **fields)
            await caller.rest()
        assert asked[-1].packed is packed


async def test_progress_comes_while_the_run_still_runs(master):
    go_on = trio.Event()

    async def answer(request):
        await master.bus.publish(TaggedEvent(name=f"salt/wheel/{request.jid}/progress", data={"percent": 1}))
        await go_on.wait()
        return Outcome(result=None)

    await master.claim(WheelRequest, answer)
    async with master.caller() as caller:
        assert (await caller.ask(op="wheel", fun="key.list_all"))["started"]["tag"].startswith("salt/wheel/")
        assert (await caller.next())["progress"]["percent"] == 1
        go_on.set()
        assert "result" in await caller.next()


async def test_a_run_that_nobody_follows_runs_on(master):
    done = trio.Event()
    go_on = trio.Event()

    async def answer(request):
        await go_on.wait()
        done.set()
        return Outcome(result=None)

    await master.claim(RunnerRequest, answer)
    async with master.caller() as caller:
        await caller.ask(op="runner", fun="jobs.active", follow=False)
        assert await caller.rest() == []
    go_on.set()
    with trio.fail_after(5):
        await done.wait()


async def test_runs_get_job_ids_of_their_own(master):
    asked = await master.claim(RunnerRequest, lambda request: Outcome(result=None))
    for _ in range(5):
        async with master.caller() as caller:
            await caller.ask(op="runner", fun="test.arg")
            await caller.rest()
    assert len({request.jid for request in asked}) == 5


# -- events -------------------------------------------------------------------------------------------------------


async def collect(caller, count):
    """Events until there are `count`, as `(tag, data)`."""
    events = []
    while len(events) < count:
        events += (await caller.next()).get("events", [])
    return [(tag, data) for tag, _number, _origin, data in events]


async def test_followers_get_every_event_from_ready_on_in_order(master):
    async with master.caller() as all, master.caller() as some:
        assert await all.ask(op="events", match=None) == {"ready": {"log": master.log.id, "at": 0}}
        assert "ready" in await some.ask(op="events", match=["my/*", "other"])
        for number in range(100):
            name = "other" if number == 50 else f"{'my' if number % 2 else 'your'}/{number}"
            await master.bus.publish(TaggedEvent(name=name, data={"number": number}))
        with trio.fail_after(5):
            events = await collect(all, 100)
            assert [data["number"] for _tag, data in events] == list(range(100))
            assert all_stamped(events)
            events = await collect(some, 51)
        assert [data["number"] for _tag, data in events] == sorted([*range(1, 100, 2), 50])


def all_stamped(events):
    return {len(data["_stamp"]) for _tag, data in events} == {32}


async def test_events_that_stay_inside_and_secrets_are_not_told(master):
    async with master.caller() as caller:
        await caller.ask(op="events")
        await master.bus.publish(BatchSent(batch=JID, jid=JID, minions=["m1"]))
        await master.bus.publish(TaggedEvent(name="broken", data={"value": object()}))
        await master.bus.publish(TaggedEvent(name="whole", data={}))
        with trio.fail_after(5):
            events = await collect(caller, 2)
    assert [tag for tag, _data in events] == ["broken", "whole"]
    assert events[0][1] == {}


async def test_a_follower_that_does_not_read_loses_nothing_and_nobody_waits_for_it(master, monkeypatch):
    monkeypatch.setattr(feed, "BACKLOG_BYTES", 64 * 1024)
    monkeypatch.setattr(feed, "GATHER", 0)
    total, data = 3000, {"filling": "x" * 1000}
    async with master.caller() as slow, master.caller() as quick:
        await slow.ask(op="events")
        await quick.ask(op="events")
        with trio.fail_after(20):
            for number in range(total):
                await master.bus.publish(TaggedEvent(name=str(number), data=data))
            for caller in (quick, slow):
                assert [tag for tag, _data in await collect(caller, total)] == [str(n) for n in range(total)]


async def test_followers_do_not_listen_on_the_bus(master):
    before = len(master.bus.statistics().subscriptions)
    async with master.caller() as caller:
        await caller.ask(op="events")
        assert len(master.bus.statistics().subscriptions) == before
        assert master.bus.wanted(RequestAnswered)
    await trio.testing.wait_all_tasks_blocked()
    assert not master.bus.wanted(RequestAnswered)


async def test_a_caller_may_fire_an_event(master):
    heard = await master.hear(TaggedEvent)
    async with master.caller() as caller:
        assert await caller.ask(op="fire", tag="my/tag", data={"a": 1}) == {"ok": True}
    await trio.testing.wait_all_tasks_blocked()
    assert (heard[0].tag, heard[0].data) == ("my/tag", {"a": 1})
    # As the kernel knows them.
    assert heard[0].origin == Origin("user", caller_name(os.getuid()))


async def test_what_was_fired_is_in_the_log_when_it_is_acknowledged(master):
    async with master.caller() as caller:
        await caller.ask(op="fire", tag="my/tag", data={"origin": "minion/m1"})
        (row,) = (await master.log.read(0, master.log.last)).rows
    assert (row.tag, row.origin) == ("my/tag", f"user/{caller_name(os.getuid())}")


# -- keys and facts -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("act", "rotations"), [("accepted", 0), ("rejected", 1), ("delete", 1)])
async def test_keys_that_changed_are_told_and_those_that_are_out_rotate_the_shared_key(master, act, rotations):
    heard = await master.hear(KeyChanged)
    rotated = await master.claim(RotateRequest, lambda request: None)
    async with master.caller() as caller:
        assert await caller.ask(op="key_changed", act=act, ids=["m1", "m2"]) == {"ok": True}
    await trio.testing.wait_all_tasks_blocked()
    assert [(event.act, event.id) for event in heard] == [(act, "m1"), (act, "m2")]
    assert len(rotated) == rotations


async def test_the_shared_key_stays_when_the_caller_says_so(master):
    rotated = await master.claim(RotateRequest, lambda request: None)
    for rotate in (False, None, True):
        async with master.caller() as caller:
            assert await caller.ask(op="key_changed", act="delete", ids=["m1"], rotate=rotate) == {"ok": True}
    assert len(rotated) == 2


async def test_the_shared_key_stays_when_the_master_is_told_not_to_rotate(door):
    master = await door(rotate_aes_key=False)
    async with master.caller() as caller:
        assert await caller.ask(op="key_changed", act="delete", ids=["m1"]) == {"ok": True}


async def test_the_status_is_what_the_daemon_says_of_itself_and_how_many_follow(master):
    await master.claim(StatusRequest, lambda request: {"version": "1"})
    async with master.caller() as caller, master.caller() as follower:
        await follower.ask(op="events")
        assert (await caller.ask(op="status"))["status"] == {"version": "1", "followers": 1}


# -- callers that break the rules ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "question",
    [
        {},
        {"op": "nosuch"},
        {"op": ["publish"]},
        {"op": "publish"},
        {"op": "publish", "tgt": 1, "fun": "test.ping"},
        {"op": "publish", "tgt": "*", "fun": ["test.ping", 1]},
        {"op": "publish", "tgt": "*", "fun": "test.ping", "arg": "x"},
        {"op": "publish", "tgt": "*", "fun": "test.ping", "timeout": "x"},
        {"op": "publish", "tgt": "*", "fun": "test.ping", "jid": "../../etc"},
        {"op": "runner", "fun": "test.arg", "jid": "x/y"},
        {"op": "runner", "fun": "test.arg", "kwarg": []},
        {"op": "events", "match": [1]},
        {"op": "fire", "tag": ""},
        {"op": "fire", "tag": "x", "data": [1]},
        {"op": "key_changed", "act": "burnt", "ids": []},
        {"op": "key_changed", "act": "delete", "ids": [1]},
        {"op": "follow_job"},
        {"op": "batch", "tgt": "*", "fun": "test.ping"},
        {"op": "batch", "tgt": "*", "fun": "test.ping", "size": 3},
        {"op": "batch", "tgt": "*", "fun": [1], "size": "3"},
        {"op": "batch", "tgt": "*", "fun": "test.ping", "size": "3", "wait": "long"},
        {"op": "match"},
        {"op": "mk_token"},
        {"op": "mk_token", "credentials": {"token": "x"}},
        {"op": "status", "credentials": {}},
        {"op": "status", "credentials": {"token": 5}},
        {"op": "status", "credentials": {"eauth": "pam", "username": "ann"}},
        {"op": "status", "credentials": {"token": "x", "username": "ann"}},
        {"op": "match", "tgt": "*", "tgt_type": 1},
    ],
    ids=str,
)
async def test_a_question_that_makes_no_sense_is_refused_in_words(master, question):
    async with master.caller() as caller:
        answer = await caller.ask(**question)
        assert answer["error"]["name"] == "ProtocolError"
        assert await caller.rest() == []


@pytest.mark.parametrize(
    "garbage",
    [b"\xff\xff\xff\xff", b"\x00\x00\x00\x01\xc1", b"\x00\x00\x00\x01\x01", b"GET / HTTP/1.1\r\n\r\n", b"\x00"],
    ids=repr,
)
async def test_garbage_costs_only_who_sends_it(master, garbage):
    heard = await master.hear(TaggedEvent)
    async with master.caller() as good, master.caller() as bad:
        await good.ask(op="events")
        await bad.stream.send_all(garbage)
        bad.stream.socket.shutdown(socket.SHUT_WR)
        with trio.fail_after(5):
            answers = await bad.rest()
        assert not answers or "error" in answers[0]
        await master.bus.publish(TaggedEvent(name="x", data={}))
        assert "events" in await good.next()
    assert heard


async def test_a_caller_that_says_nothing_is_sent_away(master, autojump_clock):
    async with master.caller() as caller:
        with trio.fail_after(60):
            assert await caller.rest() == []


async def test_a_claimant_that_fails_is_no_end_of_the_door(master):
    def answer(request):
        raise ZeroDivisionError

    await master.claim(PublishRequest, answer)
    for _ in range(2):
        async with master.caller() as caller:
            answer = await caller.ask(op="publish", tgt="*", fun="test.ping", follow=True)
            assert "log" in answer["error"]["message"]


def test_a_batch_is_framed_as_any_other_frame():
    events = [["a", 7, "user/root", {"x": 1}], ["b", 300, "master/", {}]]
    (frame,) = feed._frames(
        [(number, feed._item(tag, msgpack.packb(data), number, origin)) for tag, number, origin, data in events], 301
    )
    assert FrameDecoder().feed(frame) == [{"events": events, "at": 301}]
    assert struct.unpack(">I", frame[:4])[0] == len(frame) - 4


def test_job_returned_still_has_the_fields_that_are_told():
    told = following.return_map(returned("m1", out="nested"))
    named = {field.metadata.get("wire", field.name) for field in attrs.fields(JobReturned)}
    assert set(told) <= named
