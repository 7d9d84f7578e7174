"""The metrics port: figures for Prometheus, over as little HTTP as that takes.

Both daemons open it where `metrics_port` is set. The text is the `prometheus_client` library's (`trisalt[metrics]`).
There are no secrets in it, and nobody logs in; who may read it from elsewhere the operator says (`metrics_address`).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import structlog
import trio

from trisalt.errors import ConfigError
from trisalt.meters import BOUNDS, Family, Histogram, Sample

log = structlog.get_logger()

# Seconds a reader has for its question, and for taking the answer.
PATIENCE = 5.0
# Bytes of a question, and readers at a time.
MAX_REQUEST = 16 * 1024
MAX_READERS = 8

Gather = Callable[[], Awaitable[Sequence[Family]]]


async def serve_metrics(
    address: str,
    port: int,
    gather: Gather,
    *,
    task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Answer `GET /metrics` at `address` until cancelled; `started()` with the port.

    Raises ConfigError when the library is not installed, or the port is in use.
    """
    if not 0 <= port <= 65535:
        # The resolver would take what is left of it.
        raise ConfigError(f"metrics_port: {port} is no port")
    render = await trio.to_thread.run_sync(_renderer)
    try:
        listeners = await trio.open_tcp_listeners(port, host=address)
    except OSError as exc:
        raise ConfigError(f"metrics_port: cannot listen at {address}:{port}: {exc.strerror or exc}") from exc
    if not _is_loopback(address):
        log.warning("metrics.open", address=address, port=port)
    places = trio.CapacityLimiter(MAX_READERS)
    handle = partial(_answer, gather, render, places)
    async with trio.open_nursery() as nursery:
        await nursery.start(trio.serve_listeners, handle, listeners)
        log.info("metrics.bound", address=address, port=listeners[0].socket.getsockname()[1])
        task_status.started(listeners[0].socket.getsockname()[1])


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


async def _answer(
    gather: Gather, render: Callable[[Sequence[Family]], bytes], places: trio.CapacityLimiter, stream: trio.SocketStream
) -> None:
    """One reader: one question, one answer, and the end."""
    async with stream:
        try:
            places.acquire_nowait()
        except trio.WouldBlock:
            return
        try:
            with trio.move_on_after(PATIENCE):
                await stream.send_all(await _reply(gather, render, stream))
        except trio.BrokenResourceError:
            return
        finally:
            places.release()


async def _reply(gather: Gather, render: Callable[[Sequence[Family]], bytes], stream: trio.SocketStream) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head:
        data = await stream.receive_some(4096)
        head += data
        if not data or len(head) > MAX_REQUEST:
            return _response(400, b"")
    method, _, rest = head.partition(b" ")
    path = rest.partition(b" ")[0].partition(b"?")[0]
    if method not in (b"GET", b"HEAD"):
        return _response(405, b"")
    if path != b"/metrics":
        return _response(404, b"")
    try:
        body = await trio.to_thread.run_sync(render, await gather())
    except Exception as exc:  # the boundary of one reader
        log.error("metrics.failed", exc_info=exc)
        return _response(500, b"")
    return _response(200, body, empty=method == b"HEAD")


_REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 500: "Internal Server Error"}


def _response(status: int, body: bytes, *, empty: bool = False) -> bytes:
    head = (
        f"HTTP/1.1 {status} {_REASONS[status]}\r\n"
        "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + (b"" if empty else body)


def _renderer() -> Callable[[Sequence[Family]], bytes]:
    """The library's text of figures. Imported only here: most daemons have no metrics port."""
    try:
        from prometheus_client import CollectorRegistry, generate_latest
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
    except ImportError as exc:
        raise ConfigError(
            "metrics_port: the library prometheus_client is not installed: pip install 'trisalt[metrics]'"
        ) from exc
    kinds = {"gauge": GaugeMetricFamily, "counter": CounterMetricFamily, "histogram": HistogramMetricFamily}

    class Once:
        """What the library calls a collector."""

        def __init__(self, families: Sequence[Family]) -> None:
            self._families = families

        def collect(self) -> Iterator[Any]:
            for family in self._families:
                names = list(family.samples[0][0]) if family.samples else []
                metric = kinds[family.kind](family.name, family.doc, labels=names)
                for labels, value in family.samples:
                    metric.add_metric(list(labels.values()), **_value((labels, value)))
                yield metric

    def render(families: Sequence[Family]) -> bytes:
        registry = CollectorRegistry()
        registry.register(Once(families))
        text: bytes = generate_latest(registry)
        return text

    return render


def _value(sample: Sample) -> Mapping[str, Any]:
    value = sample[1]
    if not isinstance(value, Histogram):
        return {"value": value}
    buckets, below = [], 0
    for count, bound in zip(value.counts, (*map(str, BOUNDS), "+Inf"), strict=True):
        below += count
        buckets.append((bound, below))
    return {"buckets": buckets, "sum_value": value.total}
