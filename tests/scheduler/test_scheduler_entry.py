"""What a schedule entry may say, and how it is refused."""

import time
from datetime import datetime

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from trisalt.errors import ConfigError
from trisalt.scheduler.entry import Entry, Source


def entry(**mapping):
    return Entry.from_config("one", {"function": "test.ping", "seconds": 10, **mapping})


def test_intervals_are_summed():
    one = Entry.from_config("one", {"function": "test.ping", "seconds": 1, "minutes": 2, "hours": 3, "days": 4})
    assert one.interval == 1 + 120 + 3 * 3600 + 4 * 86400


def test_defaults_are_stocks():
    one = entry()
    assert (one.maxrunning, one.enabled, one.return_job, one.jid_include, one.run_on_start) == (
        1,
        True,
        True,
        True,
        True,
    )
    assert one.source is Source.CONFIG


def test_args_and_kwargs_have_old_names_too():
    one = entry(job_args=[1, 2], job_kwargs={"a": 3})
    assert one.args == (1, 2)
    assert one.kwargs == {"a": 3}
    assert entry(kwargs=[{"a": 1}, {"b": 2}]).kwargs == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    ("splay", "wanted"), [(None, None), (0, None), (10, (1.0, 10.0)), ({"start": 5, "end": 8}, (5.0, 8.0))]
)
def test_splay(splay, wanted):
    assert entry(splay=splay).splay == wanted


@pytest.mark.parametrize(
    "mapping",
    [
        {"function": None},
        {"function": "ping"},
        {"seconds": 0},
        {"seconds": -5},
        {"seconds": "often"},
        {"seconds": True},
        {"seconds": float("nan")},
        {"splay": -1},
        {"splay": True},
        {"splay": {"start": 9, "end": 3}},
        {"maxrunning": 0},
        {"maxrunning": True},
        {"enabled": "no"},
        {"return_job": "sometimes"},
        {"args": {"a": 1}},
        {"kwargs": [1]},
        {"kwargs": {1: 2}},
        {"until": "soon"},
        {"metadata": []},
        {"returner": 3},
    ],
)
def test_what_cannot_be_obeyed_is_refused_by_name(mapping):
    with pytest.raises(ConfigError, match="'one'"):
        entry(**mapping)


def test_an_entry_without_a_time_is_refused():
    with pytest.raises(ConfigError, match="says not when"):
        Entry.from_config("one", {"function": "test.ping"})
    with pytest.raises(ConfigError, match="once; secnds means nothing"):
        Entry.from_config("one", {"function": "test.ping", "secnds": 3})


@pytest.mark.parametrize(
    "mapping",
    [
        {"cron": "0 13 * * *", "seconds": 3},
        {"cron": "0 13 * * *", "when": "5pm"},
        {"when": "5pm", "once": "2026-12-24"},
        {"cron": "61 * * * *"},
        {"cron": ["* * * * *"]},
        {"when": "gurka"},
        {"when": []},
        # YAML makes a number of 17:00.
        {"when": 1020},
        {"once": "tomorrow or so"},
        {"once": "24.12.2026", "once_fmt": "%Y-%m-%d"},
        {"cron": "* * * * *", "range": "8am-5pm"},
        {"cron": "* * * * *", "range": {"start": "8am"}},
        {"cron": "* * * * *", "range": {"start": "10pm", "end": "4am"}},
        {"cron": "* * * * *", "range": {"start": "10pm", "end": "2026-01-01T00:00+00:00"}},
        {"cron": "* * * * *", "skip_during_range": {"start": "x", "end": "y"}},
        {"cron": "* * * * *", "run_after_skip_range": "yes"},
        {"cron": "* * * * *", "skip_explicit": [{"time": "never"}]},
        {"cron": "* * * * *", "return_config": 3},
        {"cron": "* * * * *", "return_kwargs": []},
    ],
)
def test_times_that_cannot_be_obeyed_are_refused_by_name(mapping):
    with pytest.raises(ConfigError, match="'one'"):
        Entry.from_config("one", {"function": "test.ping", **mapping})


def test_only_an_interval_runs_on_start():
    assert entry().run_on_start
    assert not Entry.from_config("one", {"function": "test.ping", "cron": "* * * * *"}).run_on_start


@pytest.mark.parametrize("key", ["function", "func", "fun"])
def test_the_function_has_three_names(key):
    assert Entry.from_config("one", {key: "test.ping", "seconds": 1}).function == "test.ping"


def test_times_may_have_names():
    whens = {"tea time": "4:30pm"}
    one = Entry.from_config("one", {"function": "test.ping", "when": ["tea time", "5pm"]}, whens=whens)
    assert one.when == ("4:30pm", "5pm")


def test_what_yaml_makes_of_a_time_is_a_time():
    loaded = yaml.safe_load("{function: test.ping, when: 2026-12-24 18:00:00, until: 2027-01-01}")
    one = Entry.from_config("one", loaded)
    assert (one.when, one.until) == (("2026-12-24T18:00:00",), datetime(2027, 1, 1))


def test_unknown_keys_are_named():
    assert entry(colour="red", minuts=3, run=True, _splay=None, name="one").unknown == ("colour", "minuts")


@given(
    st.dictionaries(
        st.sampled_from(["function", "seconds", "splay", "args", "kwargs", "until", "cron", "when", "once", "range"]),
        st.none()
        | st.integers()
        | st.text()
        | st.floats()
        | st.lists(st.integers())
        | st.dictionaries(st.text(), st.integers()),
    )
)
def test_anything_is_an_entry_or_a_config_error(mapping):
    try:
        Entry.from_config("any", mapping)
    except ConfigError:
        pass


def test_metadata_goes_with_the_time_of_the_run_in_stocks_forms(monkeypatch):
    monkeypatch.setenv("TZ", "America/St_Johns")
    time.tzset()
    try:
        stamped = entry(metadata={"why": "x"}).stamped_metadata(1795853084.5)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert stamped == {
        "why": "x",
        "_TOS": "-0330",
        "_TS": "Sat Nov 28 04:34:44 2026",
        # Hours and months: stock Salt 3008.3 has no minutes there.
        "_TT": "2026 November 28 Sat 08 11",
    }
