"""Which events somebody is told who may not see all."""

from contextlib import asynccontextmanager

import pytest
import trio

from tests.support.views import jid, open_house, user
from trisalt.bus.events import TaggedEvent
from trisalt.errors import Denied
from trisalt.master.feed import Feed
from trisalt.master.following_events import Span
from trisalt.master.views import events
from trisalt.master.views.events import Eyes, admit_to_job, tell_seen
from trisalt.wire.frames import FrameDecoder, pack_frame


class Wire:
    """A caller's end of the door."""

    def __init__(self):
        self.frames = []
        self.arrived = trio.Event()
        self._decoder = FrameDecoder()

    async def send(self, message):
        await self.send_bytes(pack_frame(message))

    async def send_bytes(self, data):
        await trio.lowlevel.checkpoint()
        self.frames += self._decoder.feed(data)
        self.arrived.set()
        self.arrived = trio.Event()

    async def until(self, condition):
        with trio.fail_after(20):
            while not condition(self):
                await self.arrived.wait()

    @property
    def tags(self):
        return [item[0] for frame in self.frames for item in frame.get("events", ())]


@pytest.fixture
async def house(tmp_path):
    async with open_house(tmp_path) as opened:
        yield opened


@asynccontextmanager
async def follow(house, name, wire):
    store, bus = house.desk.store, house.desk.bus
    store.log.tell = bus.tell
    bus.keep_in(store.log)
    async with trio.open_nursery() as nursery:
        feed = Feed(store.log)
        await nursery.start(feed.run)
        nursery.start_soon(tell_seen, house.desk, feed, user(name), wire, Span())
        await wire.until(lambda wire: wire.frames)
        yield
        nursery.cancel_scope.cancel()


async def fire(house, *tags, **data):
    await house.desk.bus.publish_all([TaggedEvent(name=tag, data=data) for tag in tags])
    await house.desk.bus.flush()


SALT_JOB = f"salt/job/{jid(1)}"
CASES = [
    (f"{SALT_JOB}/new", {}, {"ann", "jim", "web"}),
    (f"{SALT_JOB}/ret/web1", {}, {"ann", "jim", "web"}),
    (f"trisalt/job/{jid(1)}/settled", {}, {"ann", "jim", "web"}),
    (f"salt/job/{jid(2)}/ret/db1", {}, {"ann", "jim"}),
    (f"salt/job/{jid(9)}/new", {}, set()),
    ("salt/job/error", {"fun": "test.ping"}, set()),
    (f"salt/run/{jid(5)}/new", {"fun": "runner.manage.up", "fun_args": []}, {"run"}),
    (f"salt/run/{jid(6)}/new", {"fun": "runner.manage.down", "fun_args": []}, set()),
    (f"salt/run/{jid(7)}/new", {"fun": "wheel.key.list_all", "fun_args": []}, set()),
    (f"salt/wheel/{jid(8)}/ret", {"fun": "wheel.key.list_all", "fun_args": []}, {"key"}),
    ("salt/minion/web1/start", {}, {"ann", "web", "all", "key"}),
    ("trisalt/minion/db1/absent", {}, {"ann", "all", "key"}),
    ("salt/beacon/web2/load/", {}, {"ann", "web", "all", "key"}),
    ("minion/refresh/web2", {}, {"ann", "web", "all", "key"}),
    ("minion_start", {"id": "web1"}, {"ann", "web", "all", "key"}),
    ("minion_start", {}, set()),
    ("salt/auth", {"id": "web1"}, {"key"}),
    ("salt/key", {}, {"key"}),
    ("salt/presence/present", {"present": ["db1"]}, set()),
    ("salt/netapi/hook/x", {"body": "y"}, set()),
    ("my/own/tag", {}, set()),
    ("file.managed", {}, set()),
    ("salt/job", {}, set()),
]


@pytest.mark.parametrize("name", ["web", "all", "run", "key"])
async def test_an_event_is_seen_by_who_may_see_what_it_is_about(house, name):
    await house.run(1, ["web1", "web2"], "test.version")
    await house.run(2, ["db1"], "cmd.run")
    eyes = Eyes(house.desk, user(name))
    assert [tag for tag, data, _who in CASES if await eyes.see(tag, data)] == [
        tag for tag, _data, who in CASES if name in who
    ]


@pytest.mark.parametrize("visibility", ["permitted", "own"])
async def test_that_something_waits_for_consent_is_seen_by_who_asked_and_who_may_consent(tmp_path, visibility):
    rules = {"pam": {"eve": [{"@approve": ["test.*"]}], "kim": ["@approver"], "web": ["test.*"]}}
    asked = {"state": "waiting", "fun": "test.ping", "user": "eve", "eauth": "pam"}
    async with open_house(tmp_path, external_auth=rules, event_visibility=visibility) as house:
        seeing = [
            await Eyes(house.desk, user(name)).see("trisalt/approval/1f", asked) for name in ("eve", "kim", "web")
        ]
        assert seeing == [True, True, False]
        assert not await Eyes(house.desk, user("eve")).see("trisalt/approval/1f", asked | {"eauth": "file"})


async def test_a_run_is_followed_by_what_its_first_event_said(house):
    eyes = Eyes(house.desk, user("run"))
    assert await eyes.see(f"salt/run/{jid(5)}/new", {"fun": "runner.manage.up", "fun_args": []})
    assert await eyes.see(f"salt/run/{jid(5)}/progress", {"data": "50 %"})
    assert not await eyes.see(f"salt/run/{jid(6)}/progress", {"data": "50 %"})


async def test_own_events_are_of_jobs_that_one_started(tmp_path):
    async with open_house(tmp_path, event_visibility="own") as house:
        await house.run(1, ["web1"], by=user("web"))
        await house.run(2, ["web1"])
        eyes = Eyes(house.desk, user("web"))
        tags = [f"salt/job/{jid(1)}/new", f"salt/job/{jid(2)}/new", "salt/minion/web1/start"]
        assert [await eyes.see(tag, {}) for tag in tags] == [True, False, False]


async def test_how_many_jobs_are_remembered_is_bounded(house, monkeypatch):
    monkeypatch.setattr(events, "JOBS", 2)
    eyes = Eyes(house.desk, user("web"))
    for number in range(9):
        await eyes.see(f"salt/job/{jid(number)}/new", {})
    assert len(eyes._jobs) == 2


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("web", ["salt/minion/web1/start", "salt/minion/web2/start"]),
        ("ann", ["salt/minion/db1/start", "salt/minion/web1/start", "other", "salt/minion/web2/start"]),
    ],
)
async def test_a_follower_is_told_in_order_and_of_nothing_else(house, name, told):
    wire = Wire()
    async with follow(house, name, wire):
        await fire(house, "salt/minion/db1/start", "salt/minion/web1/start", "other", number=7)
        await fire(house, "salt/minion/web2/start")
        await wire.until(lambda wire: "salt/minion/web2/start" in wire.tags)
    assert wire.tags == told
    assert [item[3]["number"] for frame in wire.frames for item in frame.get("events", ()) if "number" in item[3]]


async def test_where_others_do_all_the_talking_a_cursor_goes_on(house, monkeypatch):
    monkeypatch.setattr(events, "POSITION_EVERY_S", 0.0)
    wire = Wire()
    async with follow(house, "web", wire):
        await fire(house, "other")
        await wire.until(lambda wire: "at" in wire.frames[-1])
    assert wire.frames[-1] == {"at": wire.frames[0]["ready"]["at"] + 1}


async def test_everybody_sees_all_where_the_option_says_so(tmp_path):
    async with open_house(tmp_path, event_visibility="all") as house:
        wire = Wire()
        async with follow(house, "run", wire):
            await fire(house, "other")
            await wire.until(lambda wire: wire.tags)


async def test_who_may_nothing_is_told_nothing(house):
    with pytest.raises(Denied):
        await tell_seen(house.desk, Feed(house.desk.store.log), user("nobody"), Wire(), Span())


async def test_a_job_is_followed_by_who_may_see_it(house):
    await house.run(1, ["web1"])
    await admit_to_job(house.desk, user("web"), jid(1))
    for name, number in (("run", 1), ("web", 2)):
        with pytest.raises(Denied):
            await admit_to_job(house.desk, user(name), jid(number))
