"""Ways that break between a link and its master: real ZeroMQ, through a proxy; the master's mind is in memory."""

import os
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import pytest
import structlog
import trio

from tests.support.proxy import open_way
from trisalt.bus.bus import Bus
from trisalt.bus.events import Connected, Disconnected, JobReceived, MasterDoubted
from trisalt.bus.requests import MasterRequest
from trisalt.minion.asking import answer_requests
from trisalt.minion.dial import Dial
from trisalt.minion.link import Link, LinkOptions
from trisalt.minion.masters import Rota, named
from trisalt.minion.signin import SignInOptions
from trisalt.transport.publish import open_publisher, open_subscriber
from trisalt.transport.request import open_request_client, open_request_server
from trisalt.transport.zmq import Heartbeat, open_context

ANY = "tcp://127.0.0.1:0"
# What is noticed within 25 s in production is noticed within a quarter of a second here.
BEAT = Heartbeat(interval=100, timeout=150)
PATIENCE = 30


class Lab:
    """A link, what it says on its bus, and the ways to its master: port 4505's, and port 4506's of each name it has."""

    def __init__(self, bus, link, master, publisher, ways, said, jobs, context):
        self.bus, self.link, self.master, self.publisher = bus, link, master, publisher
        self.ways = ways
        self.context = context
        self._said, self._jobs = said, jobs

    def each(self, action):
        for way in self.ways:
            getattr(way, action)()

    async def says(self, cls):
        """Wait until the link says so."""
        while not isinstance(await self._said.receive(), cls):
            pass

    async def works(self):
        """A job arrives, and a question is answered."""
        self.master.answers["_mine"] = True
        assert await self.bus.ask(MasterRequest(load={"cmd": "_mine"}, timeout=1, tries=20)) is True
        job = self.master.job()
        self.publisher.send(self.master.sealed(job))
        while (await self._jobs.receive()).load["jid"] != job["jid"]:
            pass

    async def quiet(self, most):
        """Wait until the ways have no more than so many connections."""
        for way in self.ways:
            await way.wait_connections(most)


@pytest.fixture
def open_lab(master, identity, facts):
    @asynccontextmanager
    async def opened(beat=BEAT, masters=1):
        bus = Bus()
        names = []

        async def answer(number, together):
            async with trio.open_nursery() as nursery:
                for asked in together:
                    nursery.start_soon(one, number, asked)

        async def one(number, asked):
            # A master that does not answer forgets it some time.
            with trio.move_on_after(0.3):
                asked.answer(await master.request(asked.payload, names[number]))

        async def resolve(host, _port):
            await trio.lowlevel.checkpoint()
            return [host]

        with trio.fail_after(PATIENCE):
            async with (
                open_context() as context,
                open_publisher(ANY, context=context, heartbeat=beat) as publisher,
                open_way(publisher.port) as jobs_way,
                bus.subscribe((Connected, Disconnected), keep=True, depth=1000) as said,
                bus.subscribe(JobReceived, keep=True, depth=100) as jobs,
                AsyncExitStack() as doors,
            ):
                ways = []
                for number in range(masters):
                    server = open_request_server(
                        ANY, partial(answer, number), fallback=b"", grace=0, context=context, heartbeat=beat
                    )
                    door = await doors.enter_async_context(server)
                    ways.append(await doors.enter_async_context(open_way(door.port)))
                async with trio.open_nursery() as nursery:
                    master.port = jobs_way.port
                    dial = Dial(
                        client=partial(open_request_client, context=context, heartbeat=beat, reconnect_max=100),
                        subscriber=partial(
                            open_subscriber, context=context, heartbeat=beat, reconnect=20, reconnect_max=100
                        ),
                        resolve=resolve,
                    )
                    sign_in = SignInOptions(auth_timeout=1 if masters == 1 else 0.2, acceptance_wait_time=0.01)
                    rota = Rota(named([("127.0.0.1", way.port) for way in ways]))
                    names.extend(known.name for known in rota.order)
                    options = LinkOptions(sign_in=sign_in, random_reauth_delay=0.01)
                    link = Link(bus, rota, identity, facts, options, dial=dial)
                    await nursery.start(answer_requests, bus, [link])
                    nursery.start_soon(link.run)
                    lab = Lab(bus, link, master, publisher, (jobs_way, *ways), said, jobs, context)
                    with structlog.testing.capture_logs():
                        await lab.says(Connected)
                        await lab.works()
                        yield lab
                    nursery.cancel_scope.cancel()

    return opened


async def test_a_way_that_fell_silent_is_noticed_and_used_again_when_it_is_back(open_lab):
    async with open_lab() as lab:
        lab.each("blackhole")
        await lab.says(Disconnected)
        lab.each("restore")
        await lab.says(Connected)
        await lab.works()


async def test_a_way_that_forgot_its_connections_is_taken_anew(open_lab):
    async with open_lab() as lab:
        lab.each("forget")
        await lab.says(Connected)
        await lab.works()


@pytest.mark.parametrize("action", ["reset", "half_close"])
async def test_a_connection_that_is_cut_is_made_again(open_lab, action):
    async with open_lab() as lab:
        lab.each(action)
        await lab.says(Connected)
        await lab.works()


async def test_a_slow_way_is_no_broken_way(open_lab):
    async with open_lab(beat=Heartbeat(interval=50, timeout=5000)) as lab:
        for way in lab.ways:
            way.delay, way.rate = 0.1, 20_000
        with trio.move_on_after(0.5):
            await lab.says(Disconnected)
            pytest.fail("it hung up")
        await lab.works()


async def test_a_master_with_another_shared_key_is_signed_in_to_again(open_lab):
    async with open_lab() as lab:
        lab.each("blackhole")
        await lab.says(Disconnected)
        lab.master.rotate()
        lab.each("restore")
        await lab.says(Connected)
        await lab.works()
        assert lab.master.auths >= 2


async def test_fifty_broken_ways_and_changes_of_the_master_leave_no_socket_and_no_task(open_lab):
    async with open_lab(masters=2) as lab:
        await broken(lab, 5)
        sockets, tasks = counted()
        await broken(lab, 50)
        # Those tasks of the masters' count, too, that forget what they did not answer.
        await until(lambda: counted()[0] <= sockets + 3 and counted()[1] <= tasks + 3)


async def broken(lab, times):
    for number in range(times):
        if number % 5 == 4:
            # It keeps its connections and answers nothing: the next one is gone on to.
            lab.master.gone = {left := lab.link.master}
            while lab.link.master == left:
                await lab.bus.publish(MasterDoubted(master=""))
                with trio.move_on_after(0.5):
                    await lab.says(Disconnected)
        elif number % 25 == 12:
            lab.each("blackhole")
            await lab.says(Disconnected)
            lab.each("restore")
        else:
            lab.each("reset")
        await lab.says(Connected)
    lab.master.gone = set()
    await lab.works()
    # The proxy's own connections count, too: those that both ends have closed are gone soon.
    await lab.quiet(3)


async def until(condition):
    while not condition():  # noqa: ASYNC110 - the kernel tells nobody
        await trio.sleep(0.01)


def counted():
    return len(os.listdir("/proc/self/fd")), trio.lowlevel.current_statistics().tasks_living
