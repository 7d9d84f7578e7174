"""`trisalt.master.dispatch`: a closed table, and typed requests whatever is sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trisalt.bus import requests
from trisalt.master.dispatch import row_of

JID = "20261122130453717216"
COMMANDS = [
    "_return",
    "_syndic_return",
    "_minion_event",
    "_heartbeat",
    "_pillar",
    "_master_tops",
    "_mine",
    "_mine_get",
    "_mine_delete",
    "_mine_flush",
    "revoke_auth",
    "minion_pub",
    "_register_resources",
    *sorted(requests.FILE_COMMANDS),
]


def make(cmd, **load):
    return row_of(cmd).make("m1", {"cmd": cmd, "id": "m1", **load})


@pytest.mark.parametrize(
    "cmd", ["", "publish", "runner", "wheel", "_auth", "ping", "__init__", "run_func", "_ext_nodes"]
)
def test_what_is_not_in_the_table_is_not_asked(cmd):
    assert row_of(cmd) is None


def test_a_return_becomes_a_request_with_the_rest_beside_it():
    request = make(
        "_return", jid=JID, fun="test.ping", fun_args=["a"], **{"return": True}, retcode=0, success=True, out="x"
    )
    assert request == requests.ReturnRequest(
        id="m1", jid=JID, fun="test.ping", fun_args=["a"], result=True, retcode=0, success=True, load={"out": "x"}
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"jid": "../../evil"},
        {"jid": 5},
        {"jid": ""},
        {"jid": "nocache"},
        {"resource_id": "m2"},
        {"resource_id": None},
        {"fun": 5},
        {"fun": {"a": 1}},
    ],
)
def test_a_return_that_is_not_as_it_should_be_is_dropped(wrong):
    assert make("_return", **{"jid": JID, "fun": "test.ping", "return": 1} | wrong) is None
    assert row_of("_return").malformed is None


def test_a_return_without_a_return_is_dropped_and_a_scheduled_one_is_not():
    assert make("_return", jid=JID, fun="test.ping") is None
    assert make("_return", jid="req", fun="test.ping", **{"return": None}).jid == "req"


def test_grains_of_a_pillar_request_are_the_senders_own():
    request = make("_pillar", grains={"id": "liar", "os": "X"}, saltenv=["x"], pillar_override="enc", ver="2")
    assert request == requests.PillarRequest(id="m1", grains={"id": "m1", "os": "X"})
    assert row_of("_pillar").private
    assert make("_pillar", grains={}, clean_cache=True).clean_cache


@pytest.mark.parametrize(
    ("load", "wanted"),
    [
        ({"every": 60, "version": "3008.3"}, {"every": 60.0, "version": "3008.3"}),
        ({"every": 60, "version": 5, "latency": -1, "leaving": 1}, {"every": 60.0}),
        ({"every": 60, "latency": 0.5, "leaving": True}, {"every": 60.0, "latency": 0.5, "leaving": True}),
        (
            {"every": 60, "off": {"beacons": ["", "load", 7], "schedule": [], "other": ["x"]}},
            {"every": 60.0, "off": {"beacons": ["", "load"]}},
        ),
        ({"every": 60, "off": {}}, {"every": 60.0, "off": {}}),
        ({"every": 60, "off": {"beacons": ["x" * 300] * 200}}, {"every": 60.0, "off": {"beacons": ["x" * 200] * 100}}),
        ({"every": 60, "off": {"beacons": "all"}}, {"every": 60.0, "off": {}}),
        ({"every": "often"}, None),
        ({"every": -1}, None),
        ({"every": float("nan")}, None),
        ({"every": 1e9}, None),
        ({}, None),
    ],
)
def test_a_heartbeat_is_as_it_should_be_or_none(load, wanted):
    assert make("_heartbeat", **load) == (requests.HeartbeatRequest(id="m1", **wanted) if wanted else None)


def test_events_come_single_or_in_batches():
    assert make("_minion_event", tag="a", data={"n": 1}, pretag=None).tag == "a"
    assert make("_minion_event", events=[{"tag": "a"}]).events == [{"tag": "a"}]
    assert make("_minion_event", tag=5, events="x") is None


def test_the_minions_own_words_never_say_who_it_is():
    for cmd in COMMANDS:
        request = make(cmd, jid=JID, fun="f", tgt="*", data={}, tag="t", load=[], **{"return": 1, "id": "m2"})
        assert request is None or request.id == "m1"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
names = st.sampled_from(
    [
        "jid",
        "fun",
        "fun_args",
        "return",
        "tag",
        "events",
        "data",
        "grains",
        "saltenv",
        "tgt",
        "tgt_type",
        "load",
        "opts",
        "ts",
    ]
)


@given(st.sampled_from(COMMANDS), st.dictionaries(names, values))
def test_no_load_breaks_the_table(cmd, load):
    request = make(cmd, **load)
    assert request is None or isinstance(request, requests.Request)
