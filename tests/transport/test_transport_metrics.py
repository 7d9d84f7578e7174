"""The metrics port over real sockets: figures for whoever asks rightly, and no patience for the others."""

from __future__ import annotations

import re
import sys

import pytest
import trio
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from trisalt.errors import ConfigError
from trisalt.meters import BOUNDS, Family, Histogram
from trisalt.transport import metrics
from trisalt.transport.metrics import serve_metrics

LOOPBACK = "127.0.0.1"


def figures():
    took = Histogram()
    for seconds in (0.0002, 0.3, 100):
        took.record(seconds)
    return [
        Family(name="x_bytes", kind="gauge", doc='Size, "in" bytes.', samples=[({}, 7)]),
        Family(name="x_done", kind="counter", doc="Done.", samples=[({"lane": 'a"b'}, 3), ({"lane": "c\n"}, 0)]),
        Family(name="x_seconds", kind="histogram", doc="Took.", samples=[({"lane": "a"}, took)]),
        Family(name="x_none", kind="gauge", doc="Nothing.", samples=[]),
    ]


@pytest.fixture
async def port(nursery):
    async def gather():
        return figures()

    return await nursery.start(serve_metrics, LOOPBACK, 0, gather)


async def ask(port, request):
    """All that is answered until the end: status, headers, body."""
    with trio.fail_after(20):
        async with await trio.open_tcp_stream(LOOPBACK, port) as stream:
            await stream.send_all(request)
            answer = b""
            while data := await stream.receive_some(65536):
                answer += data
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *headers = head.decode().split("\r\n")
    return int(first.split()[1]), dict(line.split(": ") for line in headers), body


async def test_figures_are_read_as_prometheus_reads_them(port):
    status, headers, body = await ask(port, b"GET /metrics?x=1 HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (status, headers["Content-Length"]) == (200, str(len(body)))
    families = {family.name: family for family in text_string_to_metric_families(body.decode())}
    assert {name: family.type for name, family in families.items()} == {
        "x_bytes": "gauge",
        "x_done": "counter",
        "x_seconds": "histogram",
        "x_none": "gauge",
    }
    assert [(row.labels, row.value) for row in families["x_done"].samples if row.name == "x_done_total"] == [
        ({"lane": 'a"b'}, 3),
        ({"lane": "c\n"}, 0),
    ]
    buckets = {row.labels["le"]: row.value for row in families["x_seconds"].samples if row.name == "x_seconds_bucket"}
    assert len(buckets) == len(BOUNDS) + 1
    assert (buckets["0.0001"], buckets["0.00025"], buckets["0.5"], buckets["60.0"], buckets["+Inf"]) == (0, 1, 2, 2, 3)
    (total,) = [row.value for row in families["x_seconds"].samples if row.name == "x_seconds_sum"]
    assert total == pytest.approx(100.3002)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 404),
        (b"GET /metrics/../etc HTTP/1.1\r\n\r\n", 404),
        (b"POST /metrics HTTP/1.1\r\n\r\n", 405),
        (b"\x00\xff\r\n\r\n", 405),
        (b"GET /metrics HTTP/1.1\r\nX: " + b"x" * metrics.MAX_REQUEST + b"\r\n", 400),
    ],
)
async def test_whatever_else_is_asked_is_refused(port, request_, status):
    assert (await ask(port, request_))[0] == status
    assert (await ask(port, b"GET /metrics HTTP/1.0\r\n\r\n"))[0] == 200


async def test_a_head_has_no_body(port):
    status, headers, body = await ask(port, b"HEAD /metrics HTTP/1.1\r\n\r\n")
    assert (status, body) == (200, b"")
    assert int(headers["Content-Length"]) > 100


async def test_readers_that_say_nothing_have_so_many_places_and_so_much_time(port, monkeypatch):
    monkeypatch.setattr(metrics, "PATIENCE", 0.5)
    async with trio.open_nursery() as nursery:
        streams = [await trio.open_tcp_stream(LOOPBACK, port) for _ in range(metrics.MAX_READERS + 3)]
        with trio.fail_after(20):
            for stream in streams:
                assert await stream.receive_some(1) == b""
                await stream.aclose()
        nursery.cancel_scope.cancel()
    assert (await ask(port, b"GET /metrics HTTP/1.1\r\n\r\n"))[0] == 200


async def test_figures_that_cannot_be_had_are_an_error_of_ours_and_a_line_in_the_log(nursery):
    async def gather():
        raise RuntimeError("no")

    port = await nursery.start(serve_metrics, LOOPBACK, 0, gather)
    with capture_logs() as logs:
        assert (await ask(port, b"GET /metrics HTTP/1.1\r\n\r\n"))[0] == 500
    assert [line["event"] for line in logs] == ["metrics.failed"]


async def test_what_is_missing_is_named_at_the_start(port, nursery, monkeypatch):
    for address, number, said in (
        (LOOPBACK, port, f"metrics_port: cannot listen at {LOOPBACK}:{port}: "),
        ("192.0.2.1", 0, "metrics_port: cannot listen at 192.0.2.1:0: "),
        (LOOPBACK, 70000, "metrics_port: 70000 is no port"),
    ):
        with trio.fail_after(10), pytest.raises(ConfigError, match=re.escape(said)):
            await serve_metrics(address, number, figures)
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with trio.fail_after(10), pytest.raises(ConfigError, match=r"pip install 'trisalt\[metrics\]'"):
        await serve_metrics(LOOPBACK, 0, figures)


@pytest.mark.parametrize(("address", "open_"), [("127.0.0.1", []), ("localhost", []), ("0.0.0.0", ["metrics.open"])])
async def test_a_port_that_others_reach_is_warned_of(nursery, address, open_, monkeypatch):
    # Bound to loopback all the same.
    listen = trio.open_tcp_listeners
    monkeypatch.setattr(trio, "open_tcp_listeners", lambda port, host: listen(port, host=LOOPBACK))
    with capture_logs() as logs:
        await nursery.start(serve_metrics, address, 0, figures)
    assert [line["event"] for line in logs if line["log_level"] == "warning"] == open_
