"""A way between two peers that a test can break: a TCP proxy on loopback, in Trio.

Everything goes through until the test says otherwise. What it can do to a way: `blackhole` (connections stay open and
not a byte moves, as when a cable is pulled), `forget` (the same, for the connections of now alone: a NAT that lost its
table), `reset` (RST both ways), `half_close` (FIN one way), `delay` (seconds, each chunk) and `rate` (bytes a second).

`open_way(port)` is for tests in Trio; `Ways` runs some in a thread, for tests of whole daemons.
"""

import contextlib
import math
import socket
import struct
import threading

import trio

CHUNK = 65536


class Way:
    """One listening port that leads to `target`; both are of loopback. `target` may be changed: later ones go there."""

    def __init__(self, target):
        self.target = target
        self.port = 0
        self.open = True
        self.delay = 0.0
        self.rate = math.inf
        self.accepted = 0
        self.bytes = 0
        self._streams = {}
        self._changed = trio.Event()
        self._gone = trio.lowlevel.ParkingLot()
        self._nursery = None

    @property
    def connections(self):
        """How many there are now."""
        return len(self._streams)

    # -- what a test does to it -----------------------------------------------------------------------------------

    def blackhole(self):
        """From now on no byte moves, on any connection; new ones are taken and lead nowhere."""
        self.open = False

    def restore(self):
        """Bytes move again, those too that were on their way."""
        self.open = True
        changed, self._changed = self._changed, trio.Event()
        changed.set()

    def forget(self):
        """The connections of now are dead, and nobody tells either end; new ones work."""
        for connection in self._streams:
            self._streams[connection] = True

    def reset(self):
        """Both ends of every connection get an RST."""
        for near, far in list(self._streams):
            for stream in (near, far):
                with contextlib.suppress(OSError):
                    stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                trio.lowlevel.notify_closing(stream.socket)
                stream.socket.close()

    def half_close(self):
        """Whoever connected hears that the other end will say no more, and may go on talking."""
        for near, _far in list(self._streams):
            with contextlib.suppress(OSError):
                near.socket.shutdown(socket.SHUT_WR)

    async def wait_connections(self, most):
        """Wait until there are no more connections than that."""
        while self.connections > most:
            await self._gone.park()

    # -- how it works ---------------------------------------------------------------------------------------------

    async def run(self, *, task_status=trio.TASK_STATUS_IGNORED):
        """Pass on until cancelled; started with the port."""
        async with trio.open_nursery() as self._nursery:
            (listener,) = await trio.open_tcp_listeners(self.port, host="127.0.0.1")
            self.port = listener.socket.getsockname()[1]
            task_status.started(self.port)
            async with listener:
                while True:
                    near = await listener.accept()
                    self.accepted += 1
                    self._nursery.start_soon(self._pass_on, near)

    async def _pass_on(self, near):
        async with near:
            try:
                far = await trio.open_tcp_stream("127.0.0.1", self.target)
            except OSError:
                return
            connection = near, far
            self._streams[connection] = False
            try:
                async with far, trio.open_nursery() as nursery:
                    nursery.start_soon(self._pump, connection, near, far, nursery.cancel_scope)
                    nursery.start_soon(self._pump, connection, far, near, nursery.cancel_scope)
            finally:
                del self._streams[connection]
                self._gone.unpark_all()

    async def _pump(self, connection, source, sink, both):
        try:
            while True:
                data = await source.receive_some(CHUNK)
                if self._streams[connection]:
                    await trio.sleep_forever()
                while not self.open:
                    await self._changed.wait()
                if self.delay or self.rate < math.inf:
                    await trio.sleep(self.delay + len(data) / self.rate)
                self.bytes += len(data)
                if not data:
                    await sink.send_eof()
                    return
                await sink.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            both.cancel()


@contextlib.asynccontextmanager
async def open_way(target):
    """A way to a port of loopback, for as long as the block."""
    way = Way(target)
    async with trio.open_nursery() as nursery:
        await nursery.start(way.run)
        yield way
        nursery.cancel_scope.cancel()


class Ways:
    """Ways of a test that is not in Trio: they run in a thread, and what is done to them is done there.

    `with Ways() as ways: way = ways.to(port); ways.do(way.blackhole)`.
    """

    def __enter__(self):
        ready = threading.Event()
        self._thread = threading.Thread(target=trio.run, args=(self._main, ready), daemon=True)
        self._thread.start()
        assert ready.wait(10), "the proxy's thread did not start"
        return self

    def __exit__(self, *_exc):
        self.do(self._nursery.cancel_scope.cancel)
        self._thread.join(10)

    async def _main(self, ready):
        self._token = trio.lowlevel.current_trio_token()
        async with trio.open_nursery() as self._nursery:
            ready.set()
            await trio.sleep_forever()

    def to(self, target):
        """A new way to a port."""

        async def opened():
            way = Way(target)
            await self._nursery.start(way.run)
            return way

        return trio.from_thread.run(opened, trio_token=self._token)

    def do(self, action, *args):
        """Do something to a way, in its thread."""
        return trio.from_thread.run_sync(action, *args, trio_token=self._token)
