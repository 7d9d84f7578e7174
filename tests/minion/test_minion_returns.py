"""Returns: on disk before they are sent, gone when they are home, and there once."""

import os
import time
from contextlib import asynccontextmanager

import pytest
import structlog
import trio
from trio.testing import wait_all_tasks_blocked

from trisalt.bus.bus import Bus
from trisalt.bus.events import Connected, Disconnected
from trisalt.bus.requests import MasterRequest
from trisalt.errors import RemoteProtocolError, RequestTimeout
from trisalt.minion.returns import AGAIN_AFTER, Returns, keep_returns
from trisalt.minion.spool import Spool


class Home:
    """The master's end of the bus: takes returns, or does not."""

    def __init__(self, folder, masters=()):
        self.bus = Bus()
        self.returns = Returns(Spool(folder / "spool"), masters)
        self.got = []
        self.requests = []
        self.answer = None
        self.away = False
        self.gone = set()

    @asynccontextmanager
    async def open(self, linked=True, **options):
        async with trio.open_nursery() as nursery:
            await nursery.start(self._claim)
            await nursery.start(self._keep, options)
            if linked:
                await self.bus.publish(Connected(master="salt"))
                await wait_all_tasks_blocked()
            yield self
            nursery.cancel_scope.cancel()

    async def _keep(self, options, *, task_status):
        await keep_returns(self.bus, self.returns, task_status=task_status, **options)

    async def _claim(self, *, task_status):
        async with self.bus.claim(MasterRequest) as requests, trio.open_nursery() as nursery:
            task_status.started()
            async for request, reply in requests:
                nursery.start_soon(self._take, request, reply)

    async def _take(self, request, reply):
        self.requests.append(request)
        if self.away or request.master in self.gone:
            await trio.sleep(request.timeout)
            reply.fail(RequestTimeout("no answer"))
            return
        self.got.append(request.load)
        reply.send(self.answer)

    def finished(self, jid, **more):
        self.returns.spool.write(jid, {"cmd": "_return", "jid": jid, "fun": "test.ping", "return": True, **more})
        self.returns.post(jid)


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path)


async def test_a_return_goes_home_and_its_file_with_it(home):
    async with home.open():
        home.finished("1", _trisalt={"master": "salt"})
        await wait_all_tasks_blocked()
    assert home.got == [{"cmd": "_return", "jid": "1", "fun": "test.ping", "return": True}]
    assert home.requests[0].master == "salt"
    assert home.returns.spool.names() == []


async def test_a_minion_may_return_to_no_master(tmp_path):
    home = Home(tmp_path)
    home.returns = Returns(home.returns.spool, pub_ret=False)
    home.returns.spool.write("1", {"cmd": "_return", "jid": "1"})
    async with home.open():
        home.finished("2")
        await home.returns.bring("3", home.returns.spool.write("3", {"cmd": "_return", "jid": "3"}))
        await wait_all_tasks_blocked()
    assert home.requests == []
    assert home.returns.spool.names() == []
    assert "2" not in home.returns


async def test_what_a_previous_daemon_left_is_sent(home):
    home.returns.spool.write("1", {"jid": "1"})
    home.returns.spool.write("2", {"jid": "2"})
    async with home.open():
        await wait_all_tasks_blocked()
    assert sorted(load["jid"] for load in home.got) == ["1", "2"]


async def test_it_is_tried_three_times_for_five_to_ten_seconds_then_waits(home, autojump_clock):
    home.away = True
    with structlog.testing.capture_logs() as logs:
        async with home.open():
            home.finished("1")
            await trio.sleep(40)
    assert len(home.requests) == 3
    (patience,) = {request.timeout for request in home.requests}
    assert 5 <= patience <= 10
    assert {request.tries for request in home.requests} == {1}
    assert home.returns.spool.names() == ["1"]
    assert [line["event"] for line in logs] == ["job.returning", "job.return_failed"]


async def test_what_waits_is_sent_once_when_the_link_stands_again(home, autojump_clock):
    home.away = True
    async with home.open():
        for number in range(30):
            home.finished(str(number))
        await trio.sleep(100)
        home.away = False
        home.requests.clear()
        await home.bus.publish(Connected(master="salt"))
        await wait_all_tasks_blocked()
        await home.bus.publish(Connected(master="salt"))
        await wait_all_tasks_blocked()
    assert sorted(int(load["jid"]) for load in home.got) == list(range(30))
    assert home.returns.spool.names() == []


async def test_without_a_link_nothing_is_tried_nor_said(home, autojump_clock):
    with structlog.testing.capture_logs() as logs:
        async with home.open(linked=False):
            for number in range(30):
                home.finished(str(number))
            await trio.sleep(1000)
            assert home.requests == []
            await home.bus.publish(Connected(master="salt"))
            await wait_all_tasks_blocked()
            assert len(home.got) == 30
            await home.bus.publish(Disconnected(master="salt"))
            await wait_all_tasks_blocked()
            home.finished("31")
            await trio.sleep(1000)
            assert len(home.got) == 30
    assert {line["event"] for line in logs if line["log_level"] != "debug"} == {"job.returning"}


async def test_what_waits_is_tried_again_without_a_new_link_too(home, autojump_clock):
    home.away = True
    async with home.open():
        home.finished("1")
        await trio.sleep(40)
        home.away = False
        await trio.sleep(AGAIN_AFTER + 1)
    assert len(home.got) == 1


@pytest.mark.parametrize("answer", ["", False])
async def test_an_answer_that_means_no_keeps_it(home, answer):
    home.answer = answer
    async with home.open():
        home.finished("1")
        await wait_all_tasks_blocked()
    assert home.returns.spool.names() == ["1"]


async def test_posted_twice_it_is_sent_once(home):
    async with home.open():
        home.finished("1")
        home.returns.post("1")
        await wait_all_tasks_blocked()
    assert len(home.got) == 1


async def test_a_file_that_is_no_return_does_not_stop_the_others(home):
    home.returns.spool.path("0").write_bytes(b"\xc1")
    home.returns.spool.write("1", {"jid": "1"})
    with structlog.testing.capture_logs() as logs:
        async with home.open():
            await wait_all_tasks_blocked()
    assert [load["jid"] for load in home.got] == ["1"]
    assert "return.unreadable" in [line["event"] for line in logs]
    assert home.returns.spool.names() == []


async def test_a_clock_that_was_set_forward_loses_no_return(home):
    home.returns.spool.write("1", {"jid": "1", "fun": "test.ping"})
    os.utime(home.returns.spool.path("1"), (1000, 1000))
    async with home.open():
        await wait_all_tasks_blocked()
    assert [load["jid"] for load in home.got] == ["1"]


async def test_after_a_week_of_refusals_it_is_given_up_aloud(home):
    home.answer = False
    home.returns.spool.write("1", {"jid": "1", "fun": "test.ping"})
    old = time.time() - 8 * 86400
    os.utime(home.returns.spool.path("1"), (old, old))
    with structlog.testing.capture_logs() as logs:
        async with home.open():
            await wait_all_tasks_blocked()
    assert [line["log_level"] for line in logs if line["event"] == "return.given_up"] == ["error"]
    assert home.returns.spool.names() == []


async def test_tries_without_an_answer_have_one_nonce_and_a_refusal_begins_anew(home, autojump_clock):
    home.away = True
    async with home.open():
        home.finished("1")
        await trio.sleep(60)
        home.away, home.answer = False, False
        await trio.sleep(AGAIN_AFTER)
    silent, refused = home.requests[:3], home.requests[3:6]
    assert len({request.nonce for request in silent}) == 1
    assert len({request.nonce for request in refused}) == 3


async def test_a_refusal_that_is_an_error_begins_anew_too_and_is_tried_again_once_another_was_taken(home):
    refusing = True

    async def take(request, reply):
        home.requests.append(request)
        if refusing:
            reply.fail(RemoteProtocolError("the master did not take it"))
        else:
            reply.send(None)

    home._take = take
    async with home.open():
        home.finished("1")
        await wait_all_tasks_blocked()
        assert len({request.nonce for request in home.requests}) == 3
        refusing = False
        home.finished("2")
        await wait_all_tasks_blocked()
    assert home.returns.spool.names() == []


# -- several masters -----------------------------------------------------------------------------------------------


@pytest.fixture
def homes(tmp_path):
    """Two masters, `a` and `b`, each with a link; only `a`'s stands."""
    return Home(tmp_path, ("a", "b"))


@asynccontextmanager
async def a_stands(homes):
    async with homes.open(linked=False):
        await homes.bus.publish(Connected(master="a"))
        await wait_all_tasks_blocked()
        yield


def sent(home):
    return [(request.master, request.load["jid"]) for request in home.requests]


async def test_a_return_waits_for_the_master_that_asked_and_holds_nobody_up(homes, autojump_clock):
    homes.gone = {"b"}
    async with a_stands(homes):
        for number in range(100):
            homes.finished(f"b{number}", _trisalt={"master": "b"})
        homes.finished("a1", _trisalt={"master": "a"})
        began = trio.current_time()
        await wait_all_tasks_blocked()
        assert sent(homes) == [("a", "a1")]
        await trio.sleep(AGAIN_AFTER * 3)
        assert trio.current_time() - began >= AGAIN_AFTER * 3
        assert sent(homes) == [("a", "a1")]
        homes.gone.clear()
        await homes.bus.publish(Connected(master="b"))
        await wait_all_tasks_blocked()
    assert len(sent(homes)) == 101
    assert homes.returns.spool.names() == []


async def test_a_return_for_a_master_that_is_no_longer_configured_goes_to_one_that_is(homes):
    async with a_stands(homes):
        homes.finished("1", _trisalt={"master": "gone"})
        await wait_all_tasks_blocked()
    assert sent(homes) == [("gone", "1")]
    assert homes.returns.spool.names() == []


async def test_what_the_schedule_asked_for_goes_to_every_master_once(homes):
    async with a_stands(homes):
        homes.finished("1", schedule="nap")
        await wait_all_tasks_blocked()
        assert sent(homes) == [("a", "1")]
        assert homes.returns.spool.names() == ["1"]
        await homes.bus.publish(Connected(master="b"))
        await wait_all_tasks_blocked()
    assert sent(homes) == [("a", "1"), ("b", "1")]
    assert all("_trisalt" not in load for load in homes.got)
    assert homes.returns.spool.names() == []


async def test_cancelled_while_sending_the_file_stays(home, autojump_clock):
    home.away = True
    async with home.open():
        home.finished("1")
        await trio.sleep(2)
    assert home.returns.spool.names() == ["1"]


def test_what_cannot_be_packed_returns_a_text_that_says_so(home):
    home.returns.spool.write("1", {"jid": "1", "return": object()})
    load = home.returns.spool.read("1")
    assert "cannot be sent" in load["return"]
    assert load["success"] is False
