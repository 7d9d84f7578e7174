"""What the tests of the local door share: who asks at it, and the rest of the master in a few lines."""

from contextlib import asynccontextmanager

import trio
import trio.testing

from trisalt.bus.answers import Published
from trisalt.bus.events import (
    JobReturned,
)
from trisalt.store.sqlite import open_store
from trisalt.wire.frames import FrameDecoder, pack_frame

JID = "20261122124940743908"


class Jobs:
    """What the store keeps of one job."""

    def __init__(self):
        self.kept = {}

    async def returns(self, jid):
        await trio.lowlevel.checkpoint()
        return dict(self.kept)

    async def load(self, jid):
        await trio.lowlevel.checkpoint()
        return {"fun": "test.ping", "arg": []}


class Visitor:
    """The other end of the door."""

    def __init__(self, stream):
        self.stream = stream
        self._decoder = FrameDecoder()
        self._received = []

    async def ask(self, **question):
        await self.stream.send_all(pack_frame(question))
        return await self.next()

    async def next(self):
        while not self._received:
            data = await self.stream.receive_some(65536)
            if not data:
                return None
            self._received += self._decoder.feed(data)
        return self._received.pop(0)

    async def rest(self):
        found = []
        while (answer := await self.next()) is not None:
            found.append(answer)
        return found


class Master:
    def __init__(self, bus, jobs, path, nursery, log):
        self.bus, self.jobs, self.path, self.nursery, self.log = bus, jobs, path, nursery, log
        self.batches = {}

    @asynccontextmanager
    async def caller(self):
        async with await trio.open_unix_socket(self.path) as stream:
            yield Visitor(stream)

    async def claim(self, cls, answer):
        """Answer requests of a class by `answer(request)`; what was asked is kept in the list this returns."""
        asked = []

        async def serve(*, task_status):
            async with self.bus.claim(cls) as requests:
                task_status.started()
                async for request, reply in requests:
                    asked.append(request)
                    try:
                        result = answer(request)
                        reply.send(await result if hasattr(result, "__await__") else result)
                    except Exception as exc:
                        reply.fail(exc)

        await self.nursery.start(serve)
        return asked

    async def hear(self, pattern):
        """The events that match, in the list this returns."""
        heard = []

        async def listen(*, task_status):
            async with self.bus.subscribe(pattern, keep=False) as events:
                task_status.started()
                async for event in events:
                    heard.append(event)

        await self.nursery.start(listen)
        return heard


@asynccontextmanager
async def open_log(folder, bus):
    """A log that the bus is kept in."""
    async with open_store(folder / "trisalt.db") as store:
        store.log.tell = bus.tell
        bus.keep_in(store.log)
        yield store.log


def returned(id, jid=JID, **more):
    return JobReturned(id=id, jid=jid, fun="test.ping", fun_args=[], result=True, **more)


def published(minions=("m1", "m2"), missing=()):
    return Published(jid=JID, minions=list(minions), missing=list(missing))
