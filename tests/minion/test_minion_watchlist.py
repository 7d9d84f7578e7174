"""Which beacons there are, and which look when."""

import math

import pytest

from trisalt.minion.watchlist import Watchlist, as_list, completion, setting, with_setting


def names(beacons):
    return [one.name for one in beacons]


def watchlist(own=None, pillar=None, **how):
    made = Watchlist(**how)
    made.take(0, own=own or {}, pillar=pillar or {})
    return made


def looks(listed, *moments, state_runs=False):
    return [names(listed.now(moment, state_runs=state_runs).due) for moment in moments]


def test_a_beacon_looks_first_when_its_interval_is_over():
    listed = watchlist({"a": [{"interval": 3}], "b": []})
    assert listed.next() == 1
    assert looks(listed, 0.5, 1, 2, 3, 4) == [[], ["b"], ["b"], ["a", "b"], ["b"]]


def test_beats_that_were_missed_are_not_made_up_for():
    listed = watchlist({"a": [{"interval": 2}]})
    assert looks(listed, 9, 10, 11) == [["a"], [], ["a"]]


def test_no_beacon_looks_more_often_than_the_minion():
    assert watchlist({"a": [{"interval": 0.01}]}, every=5).next() == 5


@pytest.mark.parametrize(
    "config",
    [
        {"a": [{"enabled": False}]},
        {"a": [], "enabled": False},
        {"a": {"enabled": False}},
    ],
)
def test_what_is_disabled_does_not_look(config):
    listed = watchlist(config)
    assert looks(listed, 1, 2) == [[], []]
    assert listed.next() == math.inf


def test_one_that_is_to_run_once_does():
    assert looks(watchlist({"a": [{"run_once": True}]}), 1, 2, 3) == [["a"], [], []]


def test_one_may_rest_while_states_run():
    listed = watchlist({"a": [{"disable_during_state_run": True}], "b": []})
    look = listed.now(1, state_runs=True)
    assert (names(look.due), names(look.resting)) == (["b"], ["a"])
    assert looks(listed, 2) == [["a", "b"]]


def test_the_pillars_stand_over_the_others():
    listed = watchlist({"a": [{"interval": 1}], "b": []}, {"a": [{"interval": 9}]})
    assert listed.listed == {"a": [{"interval": 9}], "b": []}
    assert looks(listed, 1, 9) == [["b"], ["a", "b"]]


def test_a_change_leaves_the_beats_of_the_others():
    listed = watchlist({"a": [{"interval": 4}], "b": [{"interval": 4}]})
    listed.take(3, own={"a": [{"interval": 4}], "b": [{"interval": 4}, {"x": 1}]})
    assert looks(listed, 3.5, 4, 7) == [[], ["a"], ["b"]]


@pytest.mark.parametrize("own", [{}, {"a": [{"x": 2}]}, {"a": [{"enabled": False}]}])
def test_what_is_gone_or_other_is_let_go_of_once(own):
    listed = watchlist({"a": [{"x": 1}]})
    listed.take(0.2, own=own)
    assert listed.next() < 0.2
    look = listed.now(0.3, state_runs=False)
    assert [(one.name, one.config) for one in look.resting] == [("a", [{"x": 1}])]
    assert listed.now(0.4, state_runs=False).resting == []


def test_the_module_that_looks_may_have_another_name():
    listed = watchlist({"mine": [{"beacon_module": "ps"}], "ps": []})
    assert [one.call()[:2] for one in listed.now(1, state_runs=False).due] == [("mine", "ps"), ("ps", "ps")]


@pytest.mark.parametrize("wrong", [["a"], "a", 7])
def test_what_is_no_mapping_is_no_beacons(wrong):
    listed = watchlist(wrong, wrong)
    assert (listed.listed, listed.next()) == ({}, math.inf)


@pytest.mark.parametrize("config", [None, 7, "x", {"interval": "often"}, [{"interval": -3}], [7, "x"]])
def test_odd_configurations_are_beacons_that_can_be_asked(config):
    (beacon,) = watchlist({"a": config}).now(1, state_runs=False).due
    assert (beacon.interval, beacon.module, isinstance(beacon.config, list)) == (1, "a", True)


def test_settings_are_found_and_replaced_in_both_forms():
    assert setting([{"a": 1}, {"b": 2}], "b") == 2
    assert setting({"b": 2}, "b") == 2
    assert setting(None, "b") is None
    assert with_setting([{"a": 1}], "enabled", False) == [{"a": 1}, {"enabled": False}]
    assert with_setting([{"enabled": True}, {"a": 1}], "enabled", False) == [{"enabled": False}, {"a": 1}]
    assert as_list({"a": 1, "b": 2}) == [{"a": 1}, {"b": 2}]


@pytest.mark.parametrize(
    ("op", "tag"),
    [
        ("list", "beacons_list"),
        ("add", "beacon_add"),
        ("enable", "beacons_enabled"),
        ("disable_beacon", "beacon_disabled"),
        ("validate_beacon", "beacon_validation"),
    ],
)
def test_each_operation_has_its_event(op, tag):
    assert completion(op) == f"/salt/minion/minion_{tag}_complete"


def test_what_is_off_is_named_and_all_of_it_by_an_empty_name():
    one = Watchlist()
    one.take(0.0, own={"load": [{"enabled": False}], "ps": []}, pillar={"disk": {"enabled": False}})
    assert sorted(one.off) == ["disk", "load"]
    one.take(0.0, own={"enabled": False, "load": []}, pillar={})
    assert one.off == [""]
