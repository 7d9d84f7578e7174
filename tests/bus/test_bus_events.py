"""The catalogue: tags, payloads, and what must never travel."""

import pickle
from datetime import UTC, datetime, timedelta
from string import Formatter

import attrs
import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trisalt.bus import events
from trisalt.bus.event import Event, Secret, stamped
from trisalt.bus.events import AuthDecided, JobReceived, JobReturned, MinionDataRefreshed, MinionEvent, TaggedEvent
from trisalt.errors import LocalProtocolError

CATALOGUE = [
    cls for cls in vars(events).values() if isinstance(cls, type) and issubclass(cls, Event) and cls is not Event
]


@pytest.mark.parametrize("cls", CATALOGUE, ids=lambda cls: cls.__name__)
def test_every_field_of_a_tag_template_is_a_field_of_its_class(cls):
    names = {field.name for field in attrs.fields(cls)}
    assert {name for _text, name, _spec, _conversion in Formatter().parse(cls.TAG) if name} <= names


def test_a_return_travels_under_salts_names_and_leaves_out_what_is_not_set():
    event = JobReturned(id="m1", jid="20261122130453712716", fun="test.ping", fun_args=[], result=True, stamp=0)
    assert event.tag == "salt/job/20261122130453712716/ret/m1"
    assert event.to_data() == {
        "cmd": "_return",
        "id": "m1",
        "jid": "20261122130453712716",
        "fun": "test.ping",
        "fun_args": [],
        "return": True,
        "retcode": 0,
        "success": True,
        "_stamp": "1970-01-01T00:00:00.000000+00:00",
    }


def test_a_tag_whose_field_holds_braces_is_taken_as_it_is():
    event = TaggedEvent(name="odd/{jid}/%s", data={"a": 1}, stamp=0)
    assert event.tag == "odd/{jid}/%s"
    assert event.to_data() == {"a": 1, "_stamp": stamped(0)}


def test_a_minion_event_wraps_the_users_data():
    event = MinionEvent(name="my/tag", id="m1", data={"n": 1}, stamp=0)
    assert event.tag == "my/tag"
    assert event.to_data() == {
        "tag": "my/tag",
        "id": "m1",
        "data": {"n": 1},
        "cmd": "_minion_event",
        "pretag": None,
        "_stamp": stamped(0),
    }


def test_a_refresh_is_stocks_one_sentence():
    assert MinionDataRefreshed(id="m1", stamp=0).to_data() == {"Minion data cache refresh": "m1", "_stamp": stamped(0)}


def test_a_payload_is_packed_once_and_one_of_its_own_for_what_an_event_becomes():
    packs = []

    def pack(data):
        packs.append(data)
        return b"%d" % len(packs)

    event = MinionDataRefreshed(id="m1", stamp=0)
    assert [event.packed(pack), event.packed(pack)] == [b"1", b"1"]
    assert packs == [event.to_data()]
    assert attrs.evolve(event, id="m2").packed(pack) == b"2"
    assert event == MinionDataRefreshed(id="m1", stamp=0)


def test_an_event_without_a_tag_stays_inside():
    assert not JobReceived.leaves_process()
    assert AuthDecided.leaves_process()


def test_a_secret_is_neither_printed_nor_serialised():
    secret = Secret("hunter2")
    assert "hunter2" not in f"{secret} {secret!r}"
    with pytest.raises(TypeError):
        msgpack.packb({"key": secret})
    with pytest.raises(LocalProtocolError):
        pickle.dumps(secret)
    assert secret.reveal() == "hunter2"


@given(st.floats(-1e9, 4e9) | st.integers(0, 4_000_000_000) | st.sampled_from([1.9999999, 0.9999994999, 1e9 + 0.5e-6]))
def test_a_stamp_is_the_time_as_iso_8601_has_it(seconds):
    written = datetime.fromisoformat(stamped(seconds))
    assert abs(written - datetime.fromtimestamp(seconds, UTC)) <= timedelta(microseconds=1)
    assert len(stamped(seconds)) == len("2026-11-22T12:49:40.743908+00:00")
