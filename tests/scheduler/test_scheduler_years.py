"""The schedule over years of a clock that is set, sleeps, and changes to summer time: nothing twice, nothing lost."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
import structlog
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from trisalt.scheduler.calendar import local
from trisalt.scheduler.due import BACK_AT_MOST, LATE_AT_MOST
from trisalt.scheduler.entry import Source
from trisalt.scheduler.scheduler import Schedule

BERLIN = ZoneInfo("Europe/Berlin")
HOUR, DAY = 3600.0, 86400.0


@pytest.fixture(autouse=True)
def quiet():
    with structlog.testing.capture_logs() as logs:
        yield logs


class World:
    """Two clocks and a schedule: time goes by from one look at the schedule to the next."""

    def __init__(self, start, *, zone=BERLIN, state=None, **entries):
        self.wall, self.trio, self.zone, self.state = at(start, zone), 1000.0, zone, state
        self.entries, self.runs = entries, []
        self.start()

    def start(self):
        """A daemon starts, perhaps once more."""
        self.schedule = Schedule(
            state=self.state, wall=lambda: self.wall, draw=lambda: 0.5, zone=lambda: self.zone, longest_sleep=DAY
        )
        self.schedule.load(
            {name: {"function": "test.ping", **item} for name, item in self.entries.items()}, source=Source.CONFIG
        )
        return self

    def run(self, seconds):
        """Let the service look as often as it wants to, for so long."""
        end = self.trio + seconds
        while True:
            wake = self.schedule.plan(self.trio)
            if wake > end:
                self.sleep(end - self.trio)
                return self
            self.sleep(max(wake - self.trio, 0))
            self.look()

    def look(self):
        taken = self.schedule.take_due(self.trio)
        self.runs += [(run.entry.name, self.wall) for run in taken]
        return self

    def sleep(self, seconds):
        """The host sleeps, or is busy: both clocks go on."""
        self.wall += seconds
        self.trio += seconds

    def set(self, seconds):
        """The clock on the wall is set."""
        self.wall += seconds
        return self

    def shown(self, name="one"):
        return [local(wall, self.zone).strftime("%m-%d %H:%M") for found, wall in self.runs if found == name]


def at(text, zone=BERLIN):
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"])
def test_two_years_of_nights(zone):
    zone = ZoneInfo(zone)
    world = World("2026-01-01T12:00", zone=zone, one={"cron": "30 2 * * *"}, two={"when": "2:30am"}).run(730 * DAY)
    for name in ("one", "two"):
        days = [local(wall, zone).date().toordinal() for found, wall in world.runs if found == name]
        assert days == list(range(days[0], days[0] + 730))


def test_two_years_of_intervals_and_days_of_the_month_beside_each_other():
    world = World(
        "2026-01-01T12:00",
        beat={"hours": 6, "run_on_start": False},
        month_end={"cron": "0 23 l * *"},
        leap={"when": "Feb 29 6am"},
        mondays={"when": ["Monday 9am", "Monday 5pm"]},
        christmas={"once": "2027-12-24T18:00:00"},
    ).run(3 * 365 * DAY)
    count = {name: sum(found == name for found, _ in world.runs) for name in world.entries}
    assert count == {"beat": 3 * 365 * 4, "month_end": 35, "leap": 1, "mondays": 2 * 156, "christmas": 1}
    assert world.shown("leap") == ["02-29 06:00"]


def test_summer_time_begins_and_ends_with_one_run_each():
    world = World("2026-03-28T12:00", one={"cron": "30 2 * * *"}).run(2 * DAY)
    assert world.shown() == ["03-29 03:00", "03-30 02:30"]
    world = World("2026-10-24T12:00", one={"cron": "30 2 * * *"}).run(2 * DAY)
    assert world.shown() == ["10-25 02:30", "10-26 02:30"]


def test_a_clock_set_back_repeats_nothing():
    world = World("2026-11-27T11:59", one={"cron": "0 * * * *"}).run(120).set(-HOUR).run(3 * HOUR)
    # 12:00 has been; the clock shows 11:01 and has it still to come.
    assert world.shown() == ["11-27 12:00", "11-27 13:00", "11-27 14:00"]


def test_a_clock_set_back_far_starts_anew():
    world = World("2026-11-27T11:59", one={"cron": "0 * * * *"}).run(120).set(-2 * DAY).run(HOUR)
    assert world.shown() == ["11-27 12:00", "11-25 13:00"]


def test_a_clock_set_forward_a_little_loses_nothing_and_far_lets_go():
    world = World("2026-11-27T11:58", one={"cron": "0 12 * * *"}).run(1).set(240).look()
    assert world.shown() == ["11-27 12:02"]
    world = World("2026-11-27T11:58", one={"cron": "0 12 * * *"}).run(1).set(HOUR).look().run(DAY)
    assert world.shown() == ["11-28 12:00"]


def test_a_host_that_slept_runs_one_of_many():
    world = World("2026-11-27T12:00:30", one={"cron": "* * * * *"}, two={"seconds": 60, "run_on_start": False}).run(1)
    world.sleep(6 * HOUR)
    world.look().run(150)
    assert world.shown() == ["11-27 18:00", "11-27 18:01", "11-27 18:02", "11-27 18:03"]
    assert len(world.shown("two")) == 3


def test_another_zone_makes_other_plans():
    world = World("2026-11-27T12:00", one={"cron": "0 13 * * *"}).run(60)
    world.zone = ZoneInfo("America/New_York")
    world.run(12 * HOUR)
    assert world.shown() == ["11-27 13:00"]
    assert world.wall - world.runs[0][1] == pytest.approx(12 * HOUR + 60 - 7 * HOUR)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("run"), st.floats(1, 4 * HOUR)),
            st.tuples(st.just("set"), st.floats(-BACK_AT_MOST, LATE_AT_MOST)),
            st.tuples(st.just("start"), st.none()),
            st.tuples(st.just("doze"), st.floats(1, LATE_AT_MOST)),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_whatever_small_thing_happens_no_moment_runs_twice_and_none_is_lost(tmp_path_factory, story):
    state = tmp_path_factory.mktemp("state") / "schedule.json"
    world = World("2026-11-27T12:00:30", state=state, one={"cron": "*/20 * * * *"})
    furthest = world.wall
    for step, value in story:
        match step:
            case "run":
                # No step of the clock is longer than what is made up for, so each moment that went by was run.
                for _ in range(int(value // 200) + 1):
                    world.run(200)
            case "set":
                world.run(1)
                # Of clocks that were set back, and not caught up, the next step would be a longer one.
                if world.wall + value > furthest - BACK_AT_MOST:
                    world.set(value)
                world.run(1)
            case "doze":
                world.sleep(value)
                world.look()
            case "start":
                keep(world)
                world.start().run(1)
        furthest = max(furthest, world.wall)
    world.run(1)
    beats = [wall - wall % 1200 for _, wall in world.runs]
    passed = [beat for beat in range(int(at("2026-11-27T12:20")), int(furthest) + 1, 1200)]
    assert beats == passed


def keep(world):
    """What the service does after each look."""
    trio.run(world.schedule.keep_state)


def test_what_was_pending_is_run_by_the_next_daemon_and_what_was_run_is_not(tmp_path):
    state = tmp_path / "schedule.json"
    world = World(
        "2026-11-27T11:59",
        state=state,
        one={"cron": "0 12 * * *", "splay": {"start": 0, "end": 1200}},
        two={"once": "2026-11-27T12:00:00"},
    ).run(120)
    keep(world)
    world.start().run(2 * HOUR)
    assert (world.shown("one"), world.shown("two")) == (["11-27 12:10"], ["11-27 12:00"])


def test_skips_and_runs_that_an_operator_asked_for_survive_a_restart(tmp_path):
    state = tmp_path / "schedule.json"
    world = World("2026-11-27T11:00", state=state, one={"cron": "0 * * * *"}).run(60)
    world.schedule.skip("one", at("2026-11-27T12:00"))
    world.schedule.run_at("one", at("2026-11-27T12:30"))
    keep(world)
    world.start().run(3 * HOUR)
    assert world.shown() == ["11-27 12:30", "11-27 13:00", "11-27 14:00"]


def test_entries_with_other_times_remember_nothing(tmp_path):
    state = tmp_path / "schedule.json"
    world = World("2026-11-27T11:00", state=state, one={"cron": "0 12 * * *"}).run(60)
    keep(world)
    world.entries = {"one": {"cron": "0 13 * * *"}}
    world.start().run(3 * HOUR)
    assert world.shown() == ["11-27 13:00"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 7}', '{"format": 1, "entries": {"one": {"due": 3}}}'])
def test_a_state_that_cannot_be_read_is_none(tmp_path, text):
    state = tmp_path / "schedule.json"
    state.write_text(text)
    assert World("2026-11-27T11:00", state=state, one={"cron": "0 12 * * *"}).run(2 * HOUR).shown() == ["11-27 12:00"]


def test_a_range_that_is_skipped_is_made_up_for_at_its_end():
    world = World(
        "2026-11-27T07:59",
        one={
            "cron": "*/30 * * * *",
            "skip_during_range": {"start": "8am", "end": "9:10am"},
            "run_after_skip_range": True,
        },
        two={"cron": "*/30 * * * *", "range": {"start": "8am", "end": "9:10am"}},
    ).run(2 * HOUR)
    assert world.shown("one") == ["11-27 09:10", "11-27 09:30"]
    assert world.shown("two") == ["11-27 08:00", "11-27 08:30", "11-27 09:00"]


def test_a_skipped_run_may_be_another_function_and_one_range_hold_for_all():
    world = World("2026-11-27T07:59", one={"cron": "*/30 * * * *"})
    world.schedule.load(
        {
            "skip_function": "test.fib",
            "skip_during_range": {"start": "8am", "end": "8:15am"},
            "one": {"function": "test.ping", "cron": "*/30 * * * *"},
        },
        source=Source.CONFIG,
    )
    world.schedule.plan(world.trio)
    world.sleep(60)
    assert [run.entry.function for run in world.schedule.take_due(world.trio)] == ["test.fib"]
    world.sleep(1800)
    assert [run.entry.function for run in world.schedule.take_due(world.trio)] == ["test.ping"]


def test_out_of_its_range_another_function_runs_and_the_status_says_why():
    world = World("2026-11-27T07:59", one={"cron": "0 * * * *"})
    entry = {"function": "test.ping", "cron": "0 * * * *", "range": {"start": "9am", "end": "10am"}}
    world.schedule.load({"skip_function": "test.fib", "one": entry}, source=Source.CONFIG)
    world.schedule.plan(world.trio)
    world.sleep(60)
    assert [run.entry.function for run in world.schedule.take_due(world.trio)] == ["test.fib"]
    assert world.schedule.skipped == {"one": ("not_in_range", at("2026-11-27T08:00"))}
    world.sleep(HOUR)
    assert [run.entry.function for run in world.schedule.take_due(world.trio)] == ["test.ping"]
    assert world.schedule.skipped == {}


def test_a_splay_for_all_is_for_those_without_one():
    world = World("2026-11-27T07:59")
    hourly = {"function": "test.ping", "cron": "0 * * * *"}
    entries = {"splay": {"start": 0, "end": 600}, "one": hourly, "two": {**hourly, "splay": {"start": 0, "end": 60}}}
    world.schedule.load(entries, source=Source.CONFIG)
    world.run(HOUR)
    assert (world.shown("one"), world.shown("two")) == (["11-27 08:05"], ["11-27 08:00"])
