"""The shell: an hour of schedule at once."""

import json
from datetime import UTC

import pytest
import structlog
import trio
import yaml
from trio.testing import wait_all_tasks_blocked

from trisalt.bus.bus import Bus
from trisalt.bus.events import ScheduleDue
from trisalt.errors import CommandError
from trisalt.scheduler.desk import listing, manage
from trisalt.scheduler.entry import Entry, Source
from trisalt.scheduler.persist import read_schedule
from trisalt.scheduler.scheduler import Schedule, run_schedule


class Ran:
    """Runs a schedule and notes what was due when, in seconds since the start."""

    def __init__(self, schedule):
        self.schedule = schedule
        self.runs = []

    async def __call__(self, seconds):
        bus = Bus()
        start = trio.current_time()
        async with bus.subscribe(ScheduleDue, keep=True) as due, trio.open_nursery() as nursery:
            await nursery.start(run_schedule, bus, self.schedule)
            with trio.move_on_after(seconds):
                async for event in due:
                    self.runs.append((event.name, round(trio.current_time() - start)))
            nursery.cancel_scope.cancel()
        return self.runs


def make(**entries):
    schedule = Schedule(draw=lambda: 0.0)
    schedule.load({name: {"function": "test.ping", **item} for name, item in entries.items()}, source=Source.CONFIG)
    return schedule


async def test_entries_run_on_their_beats(autojump_clock):
    runs = await Ran(make(fast={"minutes": 10}, slow={"minutes": 25, "run_on_start": False}))(3599)
    assert runs == [
        ("fast", 0), ("fast", 600), ("fast", 1200), ("slow", 1500), ("fast", 1800), ("fast", 2400),
        *sorted([("fast", 3000), ("slow", 3000)]),
    ]  # fmt: skip


async def test_a_disabled_entry_does_not_run_nor_catch_up(autojump_clock):
    schedule = make(one={"seconds": 10, "enabled": False})
    runs = Ran(schedule)
    assert await runs(25) == []
    await manage(schedule, "enable_job", {"name": "one", "persist": False})
    assert await runs(4) == []
    assert await runs(6) == [("one", 1)]


async def test_switching_the_whole_schedule_off_and_on_makes_up_for_nothing(autojump_clock):
    schedule = make(one={"seconds": 10})
    runs = Ran(schedule)
    await runs(1)
    await manage(schedule, "disable", {})
    await runs(24)
    await manage(schedule, "enable", {})
    runs.runs.clear()
    assert await runs(8) == [("one", 5)]


async def test_a_new_entry_wakes_the_sleeper(autojump_clock):
    schedule = make(slow={"hours": 5, "run_on_start": False})
    bus = Bus()
    start = trio.current_time()
    async with bus.subscribe(ScheduleDue, keep=True) as due, trio.open_nursery() as nursery:
        await nursery.start(run_schedule, bus, schedule)
        await wait_all_tasks_blocked()
        schedule.put(Entry.from_config("new", {"function": "test.ping", "seconds": 3}))
        assert (await due.receive()).name == "new"
        assert trio.current_time() - start < 1
        nursery.cancel_scope.cancel()


async def test_until_is_kept_by_the_wall_clock(autojump_clock):
    start = trio.current_time()
    schedule = Schedule(wall=lambda: 1_000_000 + trio.current_time() - start, draw=lambda: 0.0)
    until = "1970-01-12T13:47:05+00:00"
    schedule.load({"one": {"function": "test.ping", "seconds": 10, "until": until}}, source=Source.CONFIG)
    entry = schedule.get("one")
    assert entry.until.timestamp() == 1_000_025
    assert [at for _, at in await Ran(schedule)(120)] == [0, 10, 20]


async def test_an_entry_that_cannot_be_obeyed_is_a_warning_and_the_others_run(autojump_clock):
    with structlog.testing.capture_logs() as logs:
        schedule = make(good={"seconds": 10}, bad={"cron": "* * *"})
    refused = [line for line in logs if line["event"] == "scheduler.entry_refused"]
    assert [line["name"] for line in refused] == ["bad"]
    assert "cron" in refused[0]["reason"]
    assert await Ran(schedule)(5) == [("good", 0)]


async def test_loading_again_drops_what_is_gone_and_keeps_the_beat_of_the_rest(autojump_clock):
    schedule = make(one={"seconds": 10}, two={"seconds": 10})
    runs = Ran(schedule)
    await runs(5)
    runs.runs.clear()
    schedule.load({"one": {"function": "test.ping", "seconds": 10}}, source=Source.CONFIG)
    assert await runs(8) == [("one", 5)]


async def test_the_lines_an_operator_knows(autojump_clock):
    with structlog.testing.capture_logs() as logs:
        await Ran(make(one={"seconds": 10}))(1)
    assert [(line["event"], line["name"]) for line in logs] == [
        ("scheduler.job_added", "one"),
        ("scheduler.job_run", "one"),
    ]


async def test_operators_entries_are_kept_and_no_others(tmp_path):
    path = tmp_path / "minion.d" / "_schedule.conf"
    schedule = Schedule(path=path)
    schedule.load({"mine": {"function": "mine.update", "minutes": 60}}, source=Source.CONFIG)
    schedule.load({"__mine_interval": {"function": "mine.update", "minutes": 60}}, source=Source.INTERNAL)
    await manage(
        schedule, "add", {"name": "j1", "schedule": {"j1": {"function": "test.ping", "seconds": 5, "run": True}}}
    )
    assert yaml.safe_load(path.read_text()) == {"schedule": {"j1": {"function": "test.ping", "seconds": 5}}}
    assert read_schedule(path) == {"j1": {"function": "test.ping", "seconds": 5}}
    await manage(schedule, "delete", {"name": "j1"})
    assert not path.exists()


async def test_pillar_entries_cannot_be_changed_by_hand():
    schedule = Schedule()
    schedule.load({"p": {"function": "test.ping", "seconds": 5}}, source=Source.PILLAR)
    with pytest.raises(CommandError, match="in the pillar"):
        await manage(schedule, "delete", {"name": "p"})
    with pytest.raises(CommandError, match="in the pillar"):
        await manage(schedule, "add", {"name": "p", "schedule": {"function": "test.ping", "seconds": 9}})
    assert list(listing(schedule, "pillar")) == ["p"]
    assert listing(schedule, "opts") == {}


@pytest.mark.parametrize(
    ("op", "fields"),
    [
        ("modify", {"name": "no", "schedule": {"function": "a.b", "seconds": 1}}),
        ("delete", {"name": "no"}),
        ("delete", {}),
        ("add", {"name": "x", "schedule": {"function": "a.b", "cron": "*"}}),
        ("skip_job", {"name": "x", "time": "2030-01-01T00:00:00"}),
        ("postpone_job", {"name": "x", "time": "2030-01-01T00:00:00", "new_time": "2030-01-01T01:00:00"}),
        ("get_next_fire_time", {}),
        ("dance", {"name": "x"}),
    ],
)
async def test_what_cannot_be_done_is_said(op, fields):
    with pytest.raises(CommandError):
        await manage(Schedule(), op, fields)


async def test_next_fire_time_is_wall_time(autojump_clock):
    start = trio.current_time()
    schedule = Schedule(wall=lambda: 5000 + trio.current_time() - start)
    schedule.load({"one": {"function": "test.ping", "seconds": 30, "run_on_start": False}}, source=Source.CONFIG)
    schedule.plan(trio.current_time())
    assert schedule.next_fire_time("one") == pytest.approx(5030)
    answer = await manage(schedule, "get_next_fire_time", {"name": "one"})
    assert answer["complete"] is True
    assert json.dumps(answer)


async def test_cancelled_in_the_middle_of_a_full_bus_nothing_is_lost_twice(autojump_clock):
    schedule = make(one={"seconds": 10})
    bus = Bus()
    async with bus.subscribe(ScheduleDue, keep=True, depth=1) as due:
        await bus.publish(ScheduleDue(name="filler", entry=None))
        with trio.move_on_after(5) as scope:
            await run_schedule(bus, schedule)
        assert scope.cancelled_caught
        assert (await due.receive()).name == "filler"
        with pytest.raises(trio.TooSlowError):
            with trio.fail_after(1):
                await due.receive()


async def test_an_operator_runs_an_entry_now_and_its_beat_stays(autojump_clock):
    schedule = make(one={"seconds": 10}, off={"seconds": 10, "enabled": False})
    runs = Ran(schedule)
    await runs(3)
    await manage(schedule, "run_job", {"name": "one"})
    await manage(schedule, "run_job", {"name": "off", "force": True})
    with pytest.raises(CommandError, match="disabled"):
        await manage(schedule, "run_job", {"name": "off"})
    runs.runs.clear()
    assert await runs(8) == [("one", 0), ("off", 0), ("one", 7)]


async def test_an_entry_that_the_pillar_has_too_is_the_pillars_and_comes_back_with_the_operators_changes(tmp_path):
    path = tmp_path / "_schedule.conf"
    schedule = Schedule(path=path)
    conf = {"a": {"function": "x.conf", "hours": 1}, "b": {"function": "x.conf", "hours": 1}}
    schedule.load(conf, source=Source.CONFIG)
    await manage(schedule, "modify", {"name": "b", "schedule": {"function": "x.mine", "hours": 1}})
    schedule.load({name: {"function": "x.pillar", "hours": 2} for name in "ab"}, source=Source.PILLAR)
    assert {entry.function for entry in schedule.entries} == {"x.pillar"}
    schedule.load(conf, source=Source.CONFIG)
    assert {entry.function for entry in schedule.entries} == {"x.pillar"}
    await manage(schedule, "save_schedule", {})
    assert read_schedule(path) == {"b": {"function": "x.mine", "hours": 1}}
    schedule.load({}, source=Source.PILLAR)
    assert [entry.function for entry in schedule.entries] == ["x.conf", "x.mine"]


async def test_an_entry_that_is_gone_from_the_configuration_does_not_come_back_with_the_pillar():
    schedule = Schedule()
    schedule.load({"a": {"function": "x.conf", "hours": 1}}, source=Source.CONFIG)
    schedule.load({"a": {"function": "x.pillar", "hours": 2}}, source=Source.PILLAR)
    schedule.load({}, source=Source.CONFIG)
    schedule.load({}, source=Source.PILLAR)
    assert schedule.entries == ()


async def test_named_times_that_come_later_make_entries_that_were_refused(autojump_clock):
    with structlog.testing.capture_logs() as logs:
        schedule = make(tea={"when": "tea time"})
    assert [line["event"] for line in logs] == ["scheduler.entry_refused"]
    schedule.name_times({"tea time": "4:30pm"})
    assert schedule.get("tea").when == ("4:30pm",)
    schedule.name_times({"tea time": "5:30pm"})
    assert schedule.get("tea").when == ("5:30pm",)
    schedule.name_times({})
    assert schedule.get("tea") is None


def test_what_is_said_of_all_entries_is_the_pillars_first_and_gone_when_it_is_gone():
    schedule = Schedule()
    window = {"start": "1am", "end": "2am"}
    schedule.load({"skip_function": "x.conf", "skip_during_range": window}, source=Source.CONFIG)
    schedule.load({"skip_function": "x.pillar"}, source=Source.PILLAR)
    assert (schedule.whole.skip_function, schedule.whole.skip_during_range.start) == ("x.pillar", "1am")
    schedule.load({}, source=Source.PILLAR)
    assert schedule.whole.skip_function == "x.conf"
    with structlog.testing.capture_logs() as logs:
        schedule.load({"skip_during_range": {"start": "2am", "end": "1am"}}, source=Source.CONFIG)
    assert [line["event"] for line in logs] == ["scheduler.entry_refused"]
    assert (schedule.whole.skip_function, schedule.whole.skip_during_range) == (None, None)


async def test_an_entry_of_the_configuration_that_an_operator_deleted_stays_deleted(tmp_path):
    path = tmp_path / "_schedule.conf"
    conf = {"a": {"function": "x.conf", "hours": 1}, "b": {"function": "x.conf", "hours": 1}}
    schedule = Schedule(path=path)
    schedule.load(conf, source=Source.CONFIG)
    await manage(schedule, "delete", {"name": "a"})
    again = Schedule(path=path)
    again.take_kept()
    # As the configuration is read with the drop-in over it.
    again.load({**conf, "a": None}, source=Source.CONFIG)
    assert [entry.name for entry in again.entries] == ["b"]
    await manage(again, "add", {"name": "a", "schedule": {"function": "x.mine", "hours": 1}})
    assert read_schedule(path) == {"a": {"function": "x.mine", "hours": 1}}
    await manage(again, "delete", {"name": "b"})
    assert read_schedule(path) == {"a": {"function": "x.mine", "hours": 1}, "b": None}


async def test_the_status_of_an_entry_says_when_it_ran_and_when_it_runs(autojump_clock):
    start = trio.current_time()
    schedule = Schedule(wall=lambda: 1_000_000 + trio.current_time() - start, draw=lambda: 0.0, zone=lambda: UTC)
    schedule.load({"one": {"function": "test.ping", "seconds": 30}}, source=Source.CONFIG)
    await Ran(schedule)(40)
    found = (await manage(schedule, "job_status", {"name": "one"}))["data"]
    assert (found["_last_run"], found["_next_fire_time"]) == ("1970-01-12T13:47:10", "1970-01-12T13:47:40")
    assert (await manage(schedule, "job_status", {"name": "no"}))["data"] == {}
