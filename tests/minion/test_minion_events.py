"""Events on the host: what goes up, what comes from plugins, and the closed table of upcalls."""

import os
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest
import structlog
import trio
from trio.testing import wait_all_tasks_blocked

from trisalt.bus.bus import Bus
from trisalt.bus.events import (
    BeaconsRefresh,
    Connected,
    EnvironSet,
    FireMaster,
    GrainsRefresh,
    MineData,
    ModuleRefresh,
    PillarRefresh,
    TaggedEvent,
)
from trisalt.bus.requests import MasterRequest
from trisalt.errors import CommandError, RemoteProtocolError, RequestTimeout
from trisalt.minion.facts import Facts
from trisalt.minion.local_events import announce, relay_events, to_event
from trisalt.minion.proc import Proc, Running
from trisalt.minion.upcalls import Upcalls
from trisalt.scheduler.scheduler import Schedule
from trisalt.worker.protocol import Upcall, UpcallKind


class Room:
    """A bus with a master behind it that answers what the test says."""

    def __init__(self):
        self.bus = Bus()
        self.facts = Facts(id="m1", opts={}, grains={"os": "Debian"})
        self.asked = []
        self.answers = {}
        self.down = False

    @asynccontextmanager
    async def open(self, *services):
        async with trio.open_nursery() as nursery:
            await nursery.start(self._claim)
            for service in services:
                await nursery.start(service)
            yield self
            nursery.cancel_scope.cancel()

    async def _claim(self, *, task_status):
        async with self.bus.claim(MasterRequest) as requests, trio.open_nursery() as nursery:
            task_status.started()
            async for request, reply in requests:
                nursery.start_soon(self._answer, request, reply)

    async def _answer(self, request, reply):
        await trio.lowlevel.checkpoint()
        self.asked.append(request)
        if self.down:
            await trio.sleep(request.timeout * request.tries)
            reply.fail(RequestTimeout("no answer"))
            return
        answer = self.answers.get(request.load["cmd"])
        reply.send(answer(request.load) if callable(answer) else answer)

    def loads(self):
        return [request.load for request in self.asked]


@pytest.fixture
def room():
    return Room()


@pytest.mark.parametrize(
    ("tag", "data", "wanted"),
    [
        ("_minion_mine", {"data": {"a": 1}, "cmd": "_mine"}, MineData(data={"a": 1})),
        ("_minion_mine", {"data": {"a": 1}, "clear": True}, MineData(data={"a": 1}, clear=True)),
        ("fire_master", {"tag": "x/y", "data": {"a": 1}}, FireMaster(name="x/y", data={"a": 1})),
        ("fire_master", {"events": [{"tag": "x", "data": {}}], "pretag": "p"}, FireMaster(events=[{"tag": "x", "data": {}}], pretag="p")),
        ("pillar_refresh", {}, PillarRefresh()),
        ("grains_refresh", {}, GrainsRefresh()),
        ("beacons_refresh", {}, BeaconsRefresh()),
        ("module_refresh", {}, ModuleRefresh()),
        ("environ_setenv", {"environ": {"A": "1", "B": False}}, EnvironSet(environ={"A": "1", "B": ""})),
        ("environ_setenv", {"environ": {"B": False}, "false_unsets": True}, EnvironSet(environ={"B": None})),
        ("my/tag", {"a": 1}, TaggedEvent(name="my/tag", data={"a": 1})),
    ],
)  # fmt: skip
def test_a_tag_means_an_event_of_the_catalogue(tag, data, wanted):
    assert to_event(tag, data) == wanted


@pytest.mark.parametrize(
    ("tag", "data"),
    [
        ("_minion_mine", {}),
        ("_minion_mine", {"data": []}),
        ("fire_master", {}),
        ("fire_master", {"tag": 7}),
        ("fire_master", {"tag": "x", "pretag": []}),
        ("fire_master", {"events": [1]}),
        ("fire_master", {"events": {"tag": "x"}}),
        ("environ_setenv", {}),
        ("environ_setenv", {"environ": {"A": 5}}),
        ("environ_setenv", {"environ": {"A=B": "x"}}),
        ("environ_setenv", {"environ": {"": "x"}}),
        ("environ_setenv", {"environ": {"A": "x\0"}}),
    ],
)
def test_data_that_does_not_fit_is_refused(tag, data):
    with pytest.raises(RemoteProtocolError):
        to_event(tag, data)


async def test_events_go_up_in_order_and_in_stocks_shape(room):
    async with room.open(lambda task_status: relay_events(room.bus, "m1", ["salt"], task_status=task_status)):
        await room.bus.publish(FireMaster(name="one", data={"n": 1}))
        await room.bus.publish(FireMaster(events=[{"tag": "two", "data": {}}], pretag="p"))
        await room.bus.publish(FireMaster(name="three"))
        await wait_all_tasks_blocked()
    assert room.loads() == [
        {"cmd": "_minion_event", "id": "m1", "pretag": None, "tag": "one", "data": {"n": 1}},
        {"cmd": "_minion_event", "id": "m1", "pretag": "p", "events": [{"tag": "two", "data": {}}]},
        {"cmd": "_minion_event", "id": "m1", "pretag": None, "tag": "three", "data": {}},
    ]


async def test_while_the_master_is_away_events_wait_and_then_are_shed_aloud(room, autojump_clock):
    room.down = True
    with structlog.testing.capture_logs() as logs:
        async with room.open(lambda task_status: relay_events(room.bus, "m1", ["salt"], task_status=task_status)):
            for number in range(2000):
                await room.bus.publish(FireMaster(name=str(number)))
            await trio.sleep(35)
            room.down = False
            await trio.sleep(35)
    assert room.asked[-1].load["tag"] == "1024"
    assert [line["missed"] for line in logs if line["event"] == "events.shed"] == [975]


async def test_each_master_is_told_once_and_only_when_we_are_ready(room):
    ready = trio.Event()

    async def start(task_status):
        await announce(room.bus, room.facts, ready=ready, grains=["os", "no"], wall=lambda: 0, task_status=task_status)

    async with room.open(start):
        await room.bus.publish(Connected(master="a"))
        await wait_all_tasks_blocked()
        assert room.asked == []
        ready.set()
        await room.bus.publish(Connected(master="b"))
        await room.bus.publish(Connected(master="a"))
        await wait_all_tasks_blocked()
    assert sorted((request.master, request.load["tag"]) for request in room.asked) == [
        (master, tag) for master in "ab" for tag in ("minion_start", "salt/minion/m1/start")
    ]
    assert room.asked[0].load["data"].startswith("Minion m1 started at ")
    assert room.asked[0].load["grains"] == {"os": "Debian"}


# -- upcalls -------------------------------------------------------------------------------------------------------


@pytest.fixture
def ask(room):
    upcalls = Upcalls(room.bus, room.facts, Schedule())

    async def asked(kind, /, jid="20261122000000000000", **fields):
        return await upcalls(Upcall(kind=kind, fields=fields, jid=jid))

    return asked


def test_every_kind_of_upcall_is_answered(room):
    assert set(Upcalls(room.bus, room.facts, Schedule())._table) == set(UpcallKind)


async def test_a_plugin_fires_here_and_above(room, ask):
    async with room.open(), room.bus.subscribe("my/*", keep=True) as mine:
        assert await ask("fire_event", tag="my/tag", data={"a": 1}) is True
        assert (await mine.receive()).tag == "my/tag"
        assert await ask("fire_master", tag="up", data={"b": 2}, events=None, pretag=None) is True
        assert await ask("progress", data={"return": 1}, number=3, tag=None) is True
    assert room.loads() == [
        {"cmd": "_minion_event", "id": "m1", "pretag": None, "tag": "up", "data": {"b": 2}},
        {
            "cmd": "_minion_event", "id": "m1", "pretag": None,
            "tag": "salt/job/20261122000000000000/prog/m1/3", "data": {"return": 1},
        },
    ]  # fmt: skip


async def test_a_job_of_an_earlier_daemon_is_answered_when_those_who_answer_are_there(room, nursery):
    upcalls = Upcalls(room.bus, room.facts, Schedule())
    upcalls.staffed = trio.Event()
    answers = []

    async def ask(jid):
        answers.append((jid, await upcalls(Upcall(kind="fire_event", fields={"tag": "my/tag", "data": {}}, jid=jid))))

    async with room.open():
        nursery.start_soon(ask, "20261122000000000000")
        # Who gathers grains has no jid, and comes first.
        await ask("")
        await wait_all_tasks_blocked()
        assert answers == [("", True)]
        upcalls.staffed.set()
        await wait_all_tasks_blocked()
        assert answers == [("", True), ("20261122000000000000", True)]


async def test_what_a_job_is_at_is_noted_here_and_sent_nowhere(room, tmp_path):
    upcalls = Upcalls(room.bus, room.facts, Schedule())

    async def doing(jid, text):
        return await upcalls(Upcall(kind="doing", fields={"text": text}, jid=jid))

    async with room.open():
        assert await doing("1", "grains come before jobs do") is False
        upcalls.jobs = SimpleNamespace(proc=Proc(tmp_path))
        upcalls.jobs.proc.put(Running(job={"jid": "1"}, pid=os.getpid(), on_disk=False))
        assert await doing("1", "state a") is True
        assert await doing("2", "state a") is False
        assert await doing("1", 5) is False
    assert upcalls.jobs.proc.find("1")["trisalt"]["doing"] == "state a"
    assert room.loads() == []


async def test_an_event_that_the_master_did_not_get_is_false_and_no_error(room, ask, autojump_clock):
    room.down = True
    async with room.open():
        assert await ask("fire_master", tag="up", data={}) is False


async def test_a_plugin_asks_the_master_as_itself_and_not_to_sign_in(room, ask):
    room.answers["_mine_get"] = {"m2": 1}
    async with room.open():
        assert await ask("ask_master", cmd="_mine_get", load={"tgt": "*", "id": "liar"}, timeout=9) == {"m2": 1}
        with pytest.raises(CommandError):
            await ask("ask_master", cmd="_auth", load={})
    assert room.loads() == [{"cmd": "_mine_get", "tgt": "*", "id": "m1"}]
    assert room.asked[0].timeout == 9


async def test_publishing_waits_for_the_returns(room, ask, autojump_clock):
    returns = [{}, {"m2": {"ret": True}}, {"m2": {"ret": True}, "m3": {"ret": False, "out": "nested"}}]
    room.answers["minion_pub"] = {"jid": "77", "minions": ["m2", "m3"]}
    room.answers["pub_ret"] = lambda _load: returns.pop(0)
    async with room.open():
        answer = await ask("publish", tgt="*", fun="test.ping", arg=[1], kwarg={"a": 2}, options={"delimiter": "|"})
    assert answer["returns"] == {"m2": {"return": True}, "m3": {"return": False, "out": "nested"}}
    assert room.loads()[0]["arg"] == [1, {"__kwarg__": True, "a": 2}]
    assert room.loads()[0]["delimiter"] == "|"


async def test_publishing_that_is_not_allowed_is_nobody(room, ask):
    room.answers["minion_pub"] = {}
    async with room.open():
        assert await ask("publish", tgt="*", fun="test.ping") == {
            "jid": None,
            "minions": [],
            "missing": [],
            "returns": {},
        }


async def test_the_schedule_is_managed(room, ask):
    async with room.open():
        added = await ask("schedule", op="add", name="j1", schedule={"function": "test.ping", "seconds": 5})
        assert list(added["schedule"]) == ["j1"]
        assert list((await ask("schedule", op="list"))["schedule"]) == ["j1"]


@pytest.mark.parametrize(
    ("op", "tag"),
    [
        ("add", "add_complete"),
        ("enable_job", "enabled_job_complete"),
        ("disable_job", "disabled_job_complete"),
        ("enable", "enabled_complete"),
        ("disable", "disabled_complete"),
        ("save_schedule", "saved"),
        ("get_next_fire_time", "next_fire_time_complete"),
        ("job_status", "job_status_complete"),
        ("skip_job", "skip_job_complete"),
        ("delete", "delete_complete"),
    ],
)
async def test_what_is_done_to_the_schedule_is_told_under_stocks_tag(room, ask, op, tag):
    entry = {"function": "test.ping", "seconds": 5}
    async with room.open(), room.bus.subscribe("/salt/minion/*", keep=True) as told:
        if op != "add":
            await ask("schedule", op="add", name="j1", schedule=entry)
            await told.receive()
        await ask("schedule", op=op, name="j1", schedule=entry, time="2030-01-01T00:00:00")
        event = await told.receive()
        assert event.tag == f"/salt/minion/minion_schedule_{tag}"
        assert event.to_data()["complete"] is True


@pytest.mark.parametrize(
    ("what", "wanted"),
    [("grains", GrainsRefresh), ("pillar", PillarRefresh), ("modules", ModuleRefresh), ("beacons", BeaconsRefresh)],
)
async def test_refreshing_tells_who_keeps_it(room, ask, what, wanted):
    async with room.open(), room.bus.subscribe(wanted, keep=True) as told:
        assert await ask("refresh", what=what, wait=False, timeout=30) is True
        await told.receive()


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("no_such_kind", {}),
        ("fire_event", {"tag": 7, "data": {}}),
        ("fire_event", {"tag": "x", "data": "text"}),
        ("refresh", {"what": "coffee"}),
        ("command", {"kind": "wheel", "fun": "key.accept"}),
        ("schedule", {"op": "dance"}),
        ("beacons", {"op": "list"}),
        ("presence", {"ids": None}),
    ],
)
async def test_what_cannot_be_answered_is_an_error_of_ours(room, ask, kind, fields):
    async with room.open():
        with pytest.raises(CommandError):
            await ask(kind, **fields)
