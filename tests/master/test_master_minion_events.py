"""What minions fire: relayed in stock's two shapes, and not what they may not say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trisalt.bus.bus import Bus
from trisalt.bus.event import Event, Origin
from trisalt.bus.events import MinionEvent, TaggedEvent
from trisalt.bus.requests import MinionEventRequest
from trisalt.bus.tags import reserved
from trisalt.master import minion_events as room
from trisalt.master.minion_events import LONGEST_TAG, minion_events, relay_minion_events
from trisalt.wire.codec import pack_bin

LIMIT = 1048576


def events(limit=LIMIT, id="m1", **fields):
    return list(minion_events(MinionEventRequest(id=id, **fields), max_event_size=limit))


def body(event):
    data = event.to_data()
    del data["_stamp"]
    return data


async def test_each_request_is_answered_once_its_events_are_told(nursery):
    bus = Bus()
    await nursery.start(relay_minion_events, bus)
    async with bus.subscribe(Event, keep=True) as heard:
        assert await bus.ask(MinionEventRequest(id="m1", tag="my/tag", data={"a": 1})) is None
        assert (await heard.receive()).tag == "my/tag"
        batch = [{"tag": f"t{n}", "data": {"n": n}} for n in range(3)]
        assert await bus.ask(MinionEventRequest(id="m1", events=batch)) is None
        assert [event.tag for event in await heard.receive_all()] == ["t0", "t1", "t2"]
        assert await bus.ask(MinionEventRequest(id="m1", tag="salt/key", data={})) is None


def test_alone_the_whole_load_is_the_body():
    (event,) = events(tag="minion_start", data="Minion m1 started", ts=5, grains={"os": "Debian"})
    assert isinstance(event, MinionEvent)
    assert event.tag == "minion_start"
    assert body(event) == {
        "id": "m1",
        "cmd": "_minion_event",
        "pretag": None,
        "tag": "minion_start",
        "data": "Minion m1 started",
        "ts": 5,
        "grains": {"os": "Debian"},
    }


def test_in_a_batch_the_data_is_the_body():
    (event,) = events(events=[{"tag": "my/tag", "data": {"a": 1}}])
    assert isinstance(event, TaggedEvent)
    assert (event.tag, body(event)) == ("my/tag", {"a": 1})


def test_in_a_batch_an_event_without_data_is_its_own_body():
    (event,) = events(events=[{"tag": "my/tag", "a": 1}])
    assert body(event) == {"tag": "my/tag", "a": 1}


def test_whose_it_is_says_the_session_and_nothing_that_was_sent():
    forged = {"origin": {"kind": "user", "name": "root"}, "id": "m2", "user": "root"}
    alone = events(tag="x", data=forged)
    batch = events(events=[{"tag": "x", "data": forged, **forged}], pretag="p")
    assert len(alone + batch) == 3
    assert {event.origin for event in alone + batch} == {Origin("minion", "m1")}
    assert all("origin" not in body(event) for event in alone)


def test_a_pretag_adds_an_event():
    assert [event.tag for event in events(events=[{"tag": "b", "data": {}}], pretag="a")] == ["a/b", "b"]


@pytest.mark.parametrize(
    "tag",
    [
        "salt/key",
        "salt/auth",
        "salt/job/20261122124940743908/ret/m2",
        "salt/job/20261122124940743908/ret/m1",
        "salt/job/20261122124940743908/new",
        "salt/run/1/ret",
        "salt/wheel/1/ret",
        "salt/minion/m2/start",
        "salt/presence/change",
        "trisalt/job/1/settled",
    ],
)
def test_what_others_may_say_is_dropped_alone_and_in_a_batch(tag):
    assert events(tag=tag, data={}) == []
    assert [event.tag for event in events(events=[{"tag": tag, "data": {}}, {"tag": "ok", "data": {}}])] == ["ok"]
    head, _, rest = tag.partition("/")
    assert (
        events(events=[{"tag": rest, "data": {}}], pretag=head) == []
        or not rest
        or not any(event.tag == tag for event in events(events=[{"tag": rest, "data": {}}], pretag=head))
    )


@pytest.mark.parametrize("tag", ["", "a\n\nb", "a\x00", "ä", "x" * (LONGEST_TAG + 1), 5, None, ["a"]])
def test_a_tag_that_is_none_is_dropped(tag):
    assert events(events=[{"tag": tag, "data": {}}]) == []
    if tag is None or isinstance(tag, str):
        assert events(tag=tag, data={}) == []


@pytest.mark.parametrize("fired", ["text", 5, None, [], {"tag": "t", "data": "text"}, {"tag": "t", "data": [1]}])
def test_in_a_batch_what_is_no_map_is_dropped_alone(fired):
    assert [event.tag for event in events(events=[fired, {"tag": "ok", "data": {}}])] == ["ok"]


def test_too_many_at_once_are_refused(monkeypatch):
    monkeypatch.setattr(room, "MOST_EVENTS", 3)
    fired = [{"tag": "t", "data": {}}]
    assert len(events(events=fired * 3)) == 3
    assert events(events=fired * 4) == []


def test_the_biggest_values_go_first():
    (event,) = events(limit=1000, events=[{"tag": "t", "data": {"big": "x" * 2000, "small": 1, "bigger": "y" * 3000}}])
    assert body(event) == {"big": "VALUE_TRIMMED", "small": 1, "bigger": "VALUE_TRIMMED"}
    (event,) = events(limit=2500, events=[{"tag": "t", "data": {"big": "x" * 2000, "small": 1, "bigger": "y" * 3000}}])
    assert body(event) == {"big": "x" * 2000, "small": 1, "bigger": "VALUE_TRIMMED"}
    (event,) = events(limit=1000, tag="t", data="x" * 2000)
    assert event.data == "VALUE_TRIMMED"


@given(
    data=st.dictionaries(
        st.text(max_size=30), st.text(max_size=300) | st.lists(st.integers(), max_size=50), max_size=20
    ),
    limit=st.integers(100, 2000),
)
def test_what_is_told_fits(data, limit):
    for event in events(limit=limit, events=[{"tag": "t", "data": data}]):
        assert len(pack_bin(body(event))) <= limit + 5


FRAGMENTS = st.sampled_from(["salt", "job", "ret", "m1", "m2", "key", "minion", "start", "run", "x", "", "\n", "new"])
ANY = st.none() | st.integers() | st.text(max_size=10) | st.lists(st.integers(), max_size=3)


@given(
    tag=st.lists(FRAGMENTS, max_size=6).map("/".join) | st.text(max_size=20),
    pretag=st.none() | st.lists(FRAGMENTS, max_size=3).map("/".join),
    fired=st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "tag": st.lists(FRAGMENTS, max_size=6).map("/".join) | ANY,
                "data": st.dictionaries(st.text(), ANY) | ANY,
            },
        )
        | ANY,
        max_size=5,
    ),
)
def test_nothing_a_minion_sends_raises_or_speaks_for_others(tag, pretag, fired):
    for event in [*events(tag=tag, data=None, pretag=pretag), *events(events=fired, pretag=pretag)]:
        assert not reserved(event.tag, "m1")
        assert event.tag.isprintable()
        assert isinstance(event.to_data(), dict)
