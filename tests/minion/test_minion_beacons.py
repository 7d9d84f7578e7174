"""Beacons look when they are due, and what they see goes up; operators change them."""

from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio
import yaml

from trisalt.bus.bus import Bus
from trisalt.bus.events import BeaconsRefresh, FireMaster
from trisalt.errors import CommandError, WorkerDied
from trisalt.loader.dunders import Plugins
from trisalt.minion import beacons as beacons_module
from trisalt.minion.beacons import Beacons

COUNTS = """
def validate(config):
    flat = {k: v for part in config for k, v in part.items()}
    return ("limit" in flat, "there is a limit" if "limit" in flat else "no limit")

def beacon(config):
    __context__["looks"] = __context__.get("looks", 0) + 1
    return [{"tag": "seen", "number": __context__["looks"], "name": config[-1]["_beacon_name"]}]

def close(config):
    __context__["closed"] = __context__.get("closed", []) + [config[-1]["_beacon_name"]]
"""
RAISES = "def beacon(config):\n    raise ValueError('oops')\n"


class Resident:
    """A child in this process: it hangs, dies or works as the test says."""

    def __init__(self, plugins):
        self.plugins, self.mood, self.renewed = plugins, "works", 0

    async def run(self, function, *args):
        await trio.lowlevel.checkpoint()
        if self.mood == "hangs":
            await trio.sleep_forever()
        if self.mood == "died":
            raise WorkerDied("it died with signal 9")
        return function(*args, plugins=self.plugins)

    def renew(self):
        self.renewed += 1


class Room:
    def __init__(self, tmp_path):
        folder = tmp_path / "ext" / "beacons"
        folder.mkdir(parents=True)
        for name, text in (("counts", COUNTS), ("raises", RAISES)):
            (folder / f"{name}.py").write_text(text)
        self.child = Resident(Plugins({"extension_modules": str(tmp_path / "ext"), "id": "m1"}))
        self.path = tmp_path / "minion.d" / "beacons.conf"
        self.beacons = Beacons(self, path=self.path)
        self.bus = Bus()
        self.states = False

    @asynccontextmanager
    async def resident(self):
        yield self.child

    @asynccontextmanager
    async def running(self, **config):
        self.beacons.take(own=config, pillar={})
        async with self.bus.subscribe(FireMaster, keep=True, depth=50) as told, trio.open_nursery() as nursery:
            await nursery.start(partial(self.beacons.run, self.bus, "m1", lambda: self.states))
            yield told
            nursery.cancel_scope.cancel()


@pytest.fixture
def room(tmp_path):
    return Room(tmp_path)


LIMITED = [{"limit": 1}]


async def test_what_a_beacon_sees_goes_up_with_its_tag(room, autojump_clock):
    async with room.running(a=[{"beacon_module": "counts"}, *LIMITED]) as told:
        event = await told.receive()
        assert trio.current_time() == pytest.approx(1)
        assert event.events == [
            {
                "tag": "salt/beacon/m1/a/seen",
                "data": {"number": 1, "name": "a", "id": "m1"},
                "beacon_name": "a",
            }
        ]
        assert (await told.receive()).events[0]["data"]["number"] == 2


async def test_all_who_are_due_are_one_event(room, autojump_clock):
    both = [{"beacon_module": "counts"}, {"interval": 5}, *LIMITED]
    async with room.running(b=both, a=both) as told:
        assert [one["beacon_name"] for one in (await told.receive()).events] == ["a", "b"]
        assert trio.current_time() == pytest.approx(5)


@pytest.mark.parametrize(
    ("config", "wrong"),
    [
        ([{"beacon_module": "counts"}], "no limit"),
        ([{"beacon_module": "raises"}], "ValueError: oops"),
        ([{"beacon_module": "nosuch"}], "there is no such beacon on this host"),
    ],
)
async def test_what_is_wrong_is_told_once_and_stops_nobody(room, autojump_clock, monkeypatch, config, wrong):
    lines = []
    monkeypatch.setattr(beacons_module.log, "error", lambda event, **facts: lines.append((event, facts)))
    async with room.running(bad=config, counts=LIMITED) as told:
        for number in (1, 2, 3):
            assert (await told.receive()).events[0]["data"]["number"] == number
    assert lines == [("beacon.wrong", {"name": "bad", "reason": wrong})]


async def test_one_that_hangs_is_ended_and_the_others_go_on(room, autojump_clock):
    async with room.running(counts=LIMITED) as told:
        room.child.mood = "hangs"
        await trio.sleep(30)
        room.child.mood = "works"
        await told.receive()
        assert trio.current_time() == pytest.approx(1 + beacons_module.LOOK_WITHIN + 1, abs=1)


async def test_a_child_that_dies_is_no_end(room, autojump_clock):
    async with room.running(counts=LIMITED) as told:
        room.child.mood = "died"
        await trio.sleep(3.5)
        room.child.mood = "works"
        assert (await told.receive()).events[0]["data"]["number"] == 1


async def test_one_that_rests_while_states_run_lets_go(room, autojump_clock):
    async with room.running(counts=[*LIMITED, {"disable_during_state_run": True}]) as told:
        await told.receive()
        room.states = True
        await trio.sleep(1.5)
        assert room.child.plugins.context["closed"] == ["counts"]
        room.states = False
        await told.receive()


async def test_without_beacons_nothing_happens(room, autojump_clock):
    async with room.running():
        await trio.sleep(1000)
        assert room.child.plugins.context == {}


async def test_new_plugins_get_a_new_child(room, autojump_clock):
    async with room.running():
        await room.bus.publish(BeaconsRefresh())
        await trio.testing.wait_all_tasks_blocked()
        assert room.child.renewed == 1


async def test_a_beacon_that_is_added_looks_and_one_that_is_deleted_does_not(room, autojump_clock):
    async with room.running() as told:
        await trio.sleep(10)
        assert (await room.beacons.manage("add", {"name": "counts", "beacon_data": LIMITED}))["complete"]
        await told.receive()
        assert trio.current_time() == pytest.approx(11)
        assert (await room.beacons.manage("delete", {"name": "counts"}))["beacons"] == {}
        with trio.move_on_after(5) as scope:
            await told.receive()
        assert scope.cancelled_caught
        assert room.child.plugins.context["closed"] == ["counts"]


async def test_the_pillars_are_not_changed(room, autojump_clock):
    async with room.running():
        room.beacons.take(pillar={"counts": LIMITED})
        for op in ("add", "modify", "delete", "enable_beacon", "disable_beacon"):
            answer = await room.beacons.manage(op, {"name": "counts", "beacon_data": []})
            assert (answer["complete"], "configured in pillar" in answer["comment"]) == (False, True)
            assert answer["beacons"] == {"counts": LIMITED}


async def test_what_operators_made_is_kept_when_they_say_so(room, autojump_clock):
    async with room.running(a=LIMITED):
        room.beacons.take(pillar={"p": LIMITED})
        await room.beacons.manage("add", {"name": "b", "beacon_data": {"limit": 2}})
        assert not room.path.exists()
        assert (await room.beacons.manage("save", {}))["path"] == str(room.path)
        assert yaml.safe_load(room.path.read_text()) == {"beacons": {"a": LIMITED, "b": [{"limit": 2}]}}
        assert room.path.stat().st_mode & 0o777 == 0o600


async def test_a_file_that_cannot_be_written_is_said(room, autojump_clock):
    async with room.running():
        room.path.parent.write_text("no folder")
        with pytest.raises(CommandError, match="Unable to write to beacons file"):
            await room.beacons.manage("save", {})


@pytest.mark.parametrize(
    ("data", "valid", "said"),
    [
        ([{"limit": 1}], True, "there is a limit"),
        ({"limit": 1}, True, "there is a limit"),
        ([], False, "no limit"),
        ([{"beacon_module": "raises"}], True, "Beacon raises does not have a validate function, skipping validation."),
    ],
)
async def test_a_configuration_is_judged_by_its_beacon(room, autojump_clock, data, valid, said):
    async with room.running():
        answer = await room.beacons.manage("validate_beacon", {"name": "counts", "beacon_data": data})
        assert answer == {"complete": True, "valid": valid, "vcomment": said}


async def test_what_there_is_is_listed(room, autojump_clock):
    async with room.running():
        available = (await room.beacons.manage("list_available", {}))["beacons"]
        assert {"counts", "raises", "ps", "inotify"} <= set(available)
        with pytest.raises(CommandError, match="cannot dance"):
            await room.beacons.manage("dance", {})
