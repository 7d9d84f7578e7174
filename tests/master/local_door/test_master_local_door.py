"""The local door: keys, the master's status, and questions that make no sense."""

import socket
import struct

import attrs
import msgpack
import pytest
import trio
import trio.testing

from tests.master.local_door.house import returned
from trisalt.bus.events import (
    JobReturned,
    KeyChanged,
    TaggedEvent,
)
from trisalt.bus.requests import (
    PublishRequest,
    RotateRequest,
    StatusRequest,
)
from trisalt.master import feed, following
from trisalt.wire.frames import FrameDecoder

# -- keys and facts -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("act", "rotations"), [("accepted", 0), ("rejected", 1), ("delete", 1)])
async def test_keys_that_changed_are_told_and_those_that_are_out_rotate_the_shared_key(master, act, rotations):
    heard = await master.hear(KeyChanged)
    rotated = await master.claim(RotateRequest, lambda request: None)
    async with master.caller() as caller:
        assert await caller.ask(op="key_changed", act=act, ids=["m1", "m2"]) == {"ok": True}
    await trio.testing.wait_all_tasks_blocked()
    assert [(event.act, event.id) for event in heard] == [(act, "m1"), (act, "m2")]
    assert len(rotated) == rotations


async def test_the_shared_key_stays_when_the_caller_says_so(master):
    rotated = await master.claim(RotateRequest, lambda request: None)
    for rotate in (False, None, True):
        async with master.caller() as caller:
            assert await caller.ask(op="key_changed", act="delete", ids=["m1"], rotate=rotate) == {"ok": True}
    assert len(rotated) == 2


async def test_the_shared_key_stays_when_the_master_is_told_not_to_rotate(door):
    master = await door(rotate_aes_key=False)
    async with master.caller() as caller:
        assert await caller.ask(op="key_changed", act="delete", ids=["m1"]) == {"ok": True}


async def test_the_status_is_what_the_daemon_says_of_itself_and_how_many_follow(master):
    await master.claim(StatusRequest, lambda request: {"version": "1"})
    async with master.caller() as caller, master.caller() as follower:
        await follower.ask(op="events")
        assert (await caller.ask(op="status"))["status"] == {"version": "1", "followers": 1}


# -- callers that break the rules ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "question",
    [
        {},
        {"op": "nosuch"},
        {"op": ["publish"]},
        {"op": "publish"},
        {"op": "publish", "tgt": 1, "fun": "test.ping"},
        {"op": "publish", "tgt": "*", "fun": ["test.ping", 1]},
        {"op": "publish", "tgt": "*", "fun": "test.ping", "arg": "x"},
        {"op": "publish", "tgt": "*", "fun": "test.ping", "timeout": "x"},
        {"op": "publish", "tgt": "*", "fun": "test.ping", "jid": "../../etc"},
        {"op": "runner", "fun": "test.arg", "jid": "x/y"},
        {"op": "runner", "fun": "test.arg", "kwarg": []},
        {"op": "events", "match": [1]},
        {"op": "fire", "tag": ""},
        {"op": "fire", "tag": "x", "data": [1]},
        {"op": "key_changed", "act": "burnt", "ids": []},
        {"op": "key_changed", "act": "delete", "ids": [1]},
        {"op": "follow_job"},
        {"op": "batch", "tgt": "*", "fun": "test.ping"},
        {"op": "batch", "tgt": "*", "fun": "test.ping", "size": 3},
        {"op": "batch", "tgt": "*", "fun": [1], "size": "3"},
        {"op": "batch", "tgt": "*", "fun": "test.ping", "size": "3", "wait": "long"},
        {"op": "match"},
        {"op": "mk_token"},
        {"op": "mk_token", "credentials": {"token": "x"}},
        {"op": "status", "credentials": {}},
        {"op": "status", "credentials": {"token": 5}},
        {"op": "status", "credentials": {"eauth": "pam", "username": "ann"}},
        {"op": "status", "credentials": {"token": "x", "username": "ann"}},
        {"op": "match", "tgt": "*", "tgt_type": 1},
    ],
    ids=str,
)
async def test_a_question_that_makes_no_sense_is_refused_in_words(master, question):
    async with master.caller() as caller:
        answer = await caller.ask(**question)
        assert answer["error"]["name"] == "ProtocolError"
        assert await caller.rest() == []


@pytest.mark.parametrize(
    "garbage",
    [b"\xff\xff\xff\xff", b"\x00\x00\x00\x01\xc1", b"\x00\x00\x00\x01\x01", b"GET / HTTP/1.1\r\n\r\n", b"\x00"],
    ids=repr,
)
async def test_garbage_costs_only_who_sends_it(master, garbage):
    heard = await master.hear(TaggedEvent)
    async with master.caller() as good, master.caller() as bad:
        await good.ask(op="events")
        await bad.stream.send_all(garbage)
        bad.stream.socket.shutdown(socket.SHUT_WR)
        with trio.fail_after(5):
            answers = await bad.rest()
        assert not answers or "error" in answers[0]
        await master.bus.publish(TaggedEvent(name="x", data={}))
        assert "events" in await good.next()
    assert heard


async def test_a_caller_that_says_nothing_is_sent_away(master, autojump_clock):
    async with master.caller() as caller:
        with trio.fail_after(60):
            assert await caller.rest() == []


async def test_a_claimant_that_fails_is_no_end_of_the_door(master):
    def answer(request):
        raise ZeroDivisionError

    await master.claim(PublishRequest, answer)
    for _ in range(2):
        async with master.caller() as caller:
            answer = await caller.ask(op="publish", tgt="*", fun="test.ping", follow=True)
            assert "log" in answer["error"]["message"]


def test_a_batch_is_framed_as_any_other_frame():
    events = [["a", 7, "user/root", {"x": 1}], ["b", 300, "master/", {}]]
    (frame,) = feed._frames(
        [(number, feed._item(tag, msgpack.packb(data), number, origin)) for tag, number, origin, data in events], 301
    )
    assert FrameDecoder().feed(frame) == [{"events": events, "at": 301}]
    assert struct.unpack(">I", frame[:4])[0] == len(frame) - 4


def test_job_returned_still_has_the_fields_that_are_told():
    told = following.return_map(returned("m1", out="nested"))
    named = {field.metadata.get("wire", field.name) for field in attrs.fields(JobReturned)}
    assert set(told) <= named
