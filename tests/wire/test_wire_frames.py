from __future__ import annotations

import struct
import subprocess
import sys
from datetime import datetime
from itertools import pairwise

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trisalt.bus.event import Secret
from trisalt.errors import LocalProtocolError, RemoteProtocolError
from trisalt.wire import codec, frames

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=10) | st.binary(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=15,
)
maps = st.dictionaries(st.text(max_size=6), values, max_size=5)


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[start:end] for start, end in pairwise(edges)]


places = st.lists(st.integers(0, 10_000), max_size=6)


@given(st.lists(maps, max_size=3), places)
def test_frames_come_back_however_the_stream_is_cut(messages, places):
    decoder = frames.FrameDecoder()
    received = []
    for chunk in cut(b"".join(map(frames.pack_frame, messages)), places):
        received += decoder.feed(chunk)
    assert received == messages
    assert decoder.pending == 0


def test_a_cut_frame_is_pending():
    decoder = frames.FrameDecoder()
    assert decoder.feed(frames.pack_frame({"a": 1}) + frames.pack_frame({"b": 2})[:-1]) == [{"a": 1}]
    assert decoder.pending == len(frames.pack_frame({"b": 2})) - 1


def test_a_frame_too_long_is_refused_before_it_arrives():
    decoder = frames.FrameDecoder(max_size=100)
    with pytest.raises(RemoteProtocolError, match="101 bytes"):
        decoder.feed(struct.pack(">I", 101))


@pytest.mark.parametrize(
    "body", [b"", b"\xc1", b"\x01", b"\x90", b"\x80\x80", b"\x81\x90\x01", b"\x81\xa1a" + b"\x91" * 200 + b"\xc0"]
)
def test_a_frame_that_holds_no_map_is_refused(body):
    with pytest.raises(RemoteProtocolError):
        frames.FrameDecoder().feed(struct.pack(">I", len(body)) + body)


@given(st.binary(max_size=60))
def test_garbage_raises_nothing_but_a_remote_error(data):
    for decoder in (frames.FrameDecoder(1000), frames.StreamDecoder(1000)):
        try:
            decoder.feed(data)
        except RemoteProtocolError:
            pass
    for body in (data, b"tag\n\n" + data):
        try:
            frames.split_event(body)
        except RemoteProtocolError:
            pass


def test_a_secret_cannot_be_framed():
    with pytest.raises(LocalProtocolError):
        frames.pack_frame({"key": Secret("x")})


def test_dates_sets_and_big_numbers_are_framed_as_stock_does():
    moment = datetime(2026, 11, 22, 12, 47, 14, 45046)
    packed = frames.pack_frame({"a": moment, "b": {1}, "c": 2**64, "d": (1,)})
    assert packed[4:] == codec.pack_bin({"a": moment, "b": {1}, "c": 2**64, "d": (1,)})
    assert frames.FrameDecoder().feed(packed) == [{"a": moment, "b": [1], "c": str(2**64), "d": [1]}]


# -- stock's event sockets -----------------------------------------------------------------------------------------


def test_what_is_written_to_the_pull_socket_is_the_recorded_frame(vectors):
    recorded = bytes.fromhex(vectors["bus_push_frame"])
    (message,) = frames.FrameDecoder().feed(recorded)
    body = frames.body_of(message)
    assert frames.split_event(body) == ("vec/test", {"n": 1, "_stamp": "2026-01-01T00:00:00+00:00"})
    assert frames.pack_pull(body) == recorded


def test_what_readers_of_the_pub_socket_get_is_the_recorded_stream(vectors):
    recorded = bytes.fromhex(vectors["bus_return_event"]["head_body_msgpack"])
    (body,) = frames.StreamDecoder().feed(recorded)
    assert body == bytes.fromhex(vectors["bus_return_event"]["body"])
    assert frames.pack_pub(body) == recorded
    tag, data = frames.split_event(body)
    assert tag == f"salt/job/{data['jid']}/ret/vec1"
    assert data["return"] is True
    assert frames.pack_event(tag, data) == body


@given(st.lists(maps, max_size=3), places)
def test_events_come_back_however_the_stream_is_cut(payloads, places):
    stream = b"".join(frames.pack_pub(frames.pack_event("a/b", payload)) for payload in payloads)
    decoder = frames.StreamDecoder()
    received = []
    for chunk in cut(stream, places):
        received += decoder.feed(chunk)
    assert [frames.split_event(body) for body in received] == [("a/b", payload) for payload in payloads]


def test_a_body_of_a_writer_without_bin_types_is_read():
    body = b"a/b\n\n" + msgpack.packb({"n": "ü"}, use_bin_type=False)
    message = msgpack.packb({"head": {}, "body": body}, use_bin_type=False)
    assert frames.StreamDecoder().feed(message) == [body]
    assert frames.split_event(body) == ("a/b", {"n": "ü"})


def test_the_tag_ends_at_the_first_empty_line():
    assert frames.split_event(frames.pack_event("a", {"b": "c\n\nd"})) == ("a", {"b": "c\n\nd"})
    with pytest.raises(RemoteProtocolError, match="without a tag"):
        frames.split_event(b"a\n\x80")
    with pytest.raises(RemoteProtocolError, match="no text"):
        frames.split_event(b"\xff\n\n\x80")


def test_an_event_too_large_is_trimmed_where_it_is_largest():
    data = {"jid": "1", "small": "x" * 10, "return": {"a": "y" * 5000, "b": 1}, "list": ["z" * 900] * 2}
    assert frames.split_event(frames.pack_event("t", data, max_size=10_000))[1] == data
    trimmed = frames.split_event(frames.pack_event("t", data, max_size=4000))[1]
    assert trimmed == {**data, "return": {"a": "VALUE_TRIMMED", "b": 1}}
    trimmed = frames.split_event(frames.pack_event("t", data, max_size=1000))[1]
    assert trimmed == {**data, "return": {"a": "VALUE_TRIMMED", "b": 1}, "list": "VALUE_TRIMMED"}


def test_a_pull_frame_without_an_event_is_refused():
    for message in ({}, {"head": {}}, {"head": {}, "body": 5}):
        with pytest.raises(RemoteProtocolError, match="without an event"):
            frames.body_of(message)


def test_thin_commands_import_nothing_heavy():
    script = (
        "import sys, trisalt.wire.frames; print(*(set(sys.modules) & {'trio','attrs','attr','cryptography','yaml'}))"
    )
    assert (
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.strip() == ""
    )
