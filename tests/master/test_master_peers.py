"""Minions that ask for others: what is asked of the gate in their name, and what they are answered."""

from __future__ import annotations

import pytest
import trio

from trisalt.bus.answers import Published
from trisalt.bus.bus import Bus
from trisalt.bus.caller import Caller
from trisalt.bus.events import JobReturned, JobSettled
from trisalt.bus.requests import MinionPublishRequest, PublishRequest, RunnerRequest
from trisalt.errors import Denied, TargetError
from trisalt.master.peers import serve_peers
from trisalt.worker.protocol import Outcome

JID = "20261122130453717216"
LOAD = {"tgt": "*", "tgt_type": "glob", "fun": "test.ping", "arg": [], "ret": "", "tmo": 5, "tok": b"x"}
WEB1 = Caller(name="web1", minion=True)


class Jobs:
    async def load(self, jid):
        await trio.lowlevel.checkpoint()
        return {JID: {"jid": JID, "fun": "test.ping", "arg": [], "id": "web1"}}.get(jid)

    async def returns(self, jid):
        await trio.lowlevel.checkpoint()
        return {"m1": {"return": True, "retcode": 0, "out": "nested"}, "m2": {"return": 1, "retcode": 0}}


class Master:
    def __init__(self, nursery):
        self.bus, self.nursery, self.asked = Bus(), nursery, []
        self.answer = Published(jid=JID, minions=["m1", "m2"], missing=[])

    async def claim(self, task_status):
        async with self.bus.claim(PublishRequest, RunnerRequest) as requests:
            task_status.started()
            async for request, reply in requests:
                self.asked.append(request)
                if isinstance(self.answer, Exception):
                    reply.fail(self.answer)
                    continue
                reply.send(self.answer)
                if getattr(request, "watch", False):
                    for id in ("m1", "m2"):
                        await self.bus.publish(
                            JobReturned(id=id, jid=JID, fun="test.ping", fun_args=[], result=id.upper())
                        )
                    await self.bus.publish(JobSettled(jid=JID, missing={}))

    async def ask(self, cmd="minion_pub", id="web1", **load):
        with trio.fail_after(5):
            return await self.bus.ask(MinionPublishRequest(id=id, cmd=cmd, load={**LOAD, **load}))


@pytest.fixture
async def master(nursery):
    master = Master(nursery)
    await nursery.start(serve_peers, master.bus, Jobs())
    await nursery.start(master.claim)
    yield master
    nursery.cancel_scope.cancel()


async def test_a_minion_publishes_in_its_own_name_and_the_job_says_whose_it_is(master):
    assert await master.ask(arg=["3", "a=b", [1]], delimiter="|") == {"jid": JID, "minions": ["m1", "m2"]}
    (request,) = master.asked
    assert request.asker == WEB1
    assert request.arg == [3, [1], {"__kwarg__": True, "a": "b"}]
    assert request.kwargs == {"id": "web1", "delimiter": "|"}
    assert (request.user, request.timeout, request.watch) == ("root", 5.0, False)


async def test_several_functions_have_arguments_of_their_own(master):
    await master.ask(fun="test.ping,test.echo", arg=[[], "hello k=1"])
    (request,) = master.asked
    assert (request.fun, request.arg) == (["test.ping", "test.echo"], [[], ["hello", {"__kwarg__": True, "k": 1}]])


@pytest.mark.parametrize("answer", [Denied("no"), TargetError("bad"), Published(jid=None, minions=[], missing=[])])
@pytest.mark.parametrize("cmd", ["minion_pub", "minion_publish"])
async def test_who_may_not_and_who_reaches_nobody_is_answered_with_nothing(master, cmd, answer):
    master.answer = answer
    assert await master.ask(cmd) == {}
    assert len(master.asked) == 1


@pytest.mark.parametrize(
    "load", [{"fun": 5}, {"fun": None}, {"arg": 5}, {"tgt": None}, {"tgt_type": 5}, {"fun": "a.b,c.d", "arg": [5]}]
)
async def test_what_is_no_publication_is_asked_of_nobody(master, load):
    assert await master.ask(**load) == {}
    assert master.asked == []


async def test_a_minion_may_wait_for_the_returns(master):
    assert await master.ask("minion_publish") == {"m1": "M1", "m2": "M2"}
    full = await master.ask("minion_publish", form="full")
    assert full["__jid__"] == JID
    assert full["m1"]["ret"] == "M1"


async def test_only_the_minion_that_published_a_job_gets_its_returns(master):
    assert await master.ask("pub_ret", jid=JID) == {"m1": {"ret": True, "out": "nested"}, "m2": {"ret": 1}}
    assert await master.ask("pub_ret", id="web2", jid=JID) == {}
    for jid in ("20260101000000000000", "../x", 5, None):
        assert await master.ask("pub_ret", jid=jid) == ""


async def test_a_minion_has_a_runner_run(master):
    master.answer = Outcome(result={"up": ["m1"]})
    assert await master.ask("minion_runner", fun="manage.status", arg=["a", "timeout=3"]) == {"up": ["m1"]}
    (request,) = master.asked
    assert (request.fun, request.arg, request.kwarg, request.asker) == ("manage.status", ["a"], {"timeout": 3}, WEB1)
    master.answer = Denied("no")
    assert await master.ask("minion_runner", fun="manage.status") == {}
    assert await master.ask("minion_runner", fun=5) == {}
