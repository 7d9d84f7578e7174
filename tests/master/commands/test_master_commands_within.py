"""What a plugin asks of the master while it runs."""

from functools import partial

import attrs
import pytest

from tests.master.commands.house import JID, outcome, within
from trisalt.bus.answers import Presence, Published, Resolved
from trisalt.bus.event import Event
from trisalt.bus.events import (
    JobReturned,
    JobSettled,
    KeyChanged,
    RunnerNew,
    RunnerReturned,
    TaggedEvent,
    WheelReturned,
)
from trisalt.bus.requests import (
    DropTokenRequest,
    PresenceRequest,
    PublishRequest,
    ResolveRequest,
    RotateRequest,
    TokenRequest,
    WheelRequest,
)
from trisalt.errors import CommandError, Unauthenticated
from trisalt.master.commands import HIDDEN
from trisalt.worker.protocol import Outcome, UpcallKind


async def test_plugins_change_banks_and_nothing_else(master):
    assert await master.upcall("bank", op="store", bank="b", key="k", data=[1]) is True
    assert await master.upcall("bank", op="store", bank="b", key="l", data=2) is True
    assert await master.upcall("bank", op="flush", bank="b", key="k", data=None) is True
    assert master.banks.kept == {("b", "l"): 2}
    for wrong in ({"op": "store", "bank": "b", "key": None}, {"op": "drop", "bank": "b"}, {"op": "flush", "bank": ""}):
        with pytest.raises(CommandError):
            await master.upcall("bank", **wrong)


async def test_what_is_written_into_pillar_and_banks_stays_off_the_bus(master):
    master.workers.answer = outcome(result="done")
    await master.run(WheelRequest, "pillar_roots.write", arg=["password: x", "top.sls"])
    await master.run(fun="cache.store", arg=["pillar", "m1", {"a": 1}])
    assert [event.fun_args for event in await master.told((WheelReturned, RunnerReturned))] == [[HIDDEN], [HIDDEN]]


@pytest.mark.parametrize(
    ("fun", "fields", "hidden"),
    [
        ("salt.execute", {"arg": ["*", "pillar.items"]}, True),
        ("salt.execute", {"kwarg": {"tgt": "*", "fun": "pillar.get"}}, True),
        ("salt.cmd", {"arg": ["pillar.raw"]}, True),
        ("survey.hash", {"arg": ["*", "pillar.get", "a"]}, True),
        ("salt.execute", {"arg": ["*", "test.ping"]}, False),
        ("test.arg", {"arg": ["pillar.items"]}, False),
    ],
)
async def test_pillar_that_is_asked_by_way_of_a_runner_stays_off_the_bus(master, fun, fields, hidden):
    master.workers.answer = outcome(result={"m1": "value"})
    assert (await master.run(fun=fun, **fields)).result == {"m1": "value"}
    assert [event.result for event in await master.told(RunnerReturned)] == [HIDDEN if hidden else {"m1": "value"}]


async def test_progress_is_told_under_the_runs_tag(master):
    assert await within(
        master, partial(master.upcall, UpcallKind.PROGRESS, data={"message": "1%"}, number=None, tag=None)
    )
    assert await within(
        master, partial(master.upcall, UpcallKind.PROGRESS, data=7, number=3, tag=None), cls=WheelRequest
    )
    first, second = await master.told(TaggedEvent)
    assert (first.tag, first.data) == (f"salt/run/{JID}/progress", {"message": "1%"})
    assert (second.tag, second.data) == (f"salt/wheel/{JID}/prog/3", {"return": 7})
    assert {event.origin.kind for event in (first, second)} == {"plugin"}
    assert [event.origin.name.partition(".")[0] for event in (first, second)] == ["runner", "wheel"]


async def test_progress_of_nothing_that_runs_is_told_nobody(master):
    assert await master.upcall(UpcallKind.PROGRESS, data={}) is False
    assert await master.told(TaggedEvent) == []


async def test_events_are_fired_as_they_are(master):
    assert await master.upcall(UpcallKind.FIRE_EVENT, tag="my/tag", data={"a": 1}) is True
    assert await master.upcall(UpcallKind.FIRE_MASTER, tag="b", data={}, events=None, pretag="a") is True
    rows = [{"tag": "c", "data": {"x": 1}}, {"tag": "d", "data": "text"}]
    assert await master.upcall(UpcallKind.FIRE_MASTER, tag=None, data=None, events=rows, pretag=None) is True
    assert [(event.tag, event.data) for event in await master.told(TaggedEvent)] == [
        ("my/tag", {"a": 1}),
        ("a/b", {}),
        ("c", {"x": 1}),
        ("d", {"data": "text"}),
    ]
    with pytest.raises(CommandError):
        await master.upcall(UpcallKind.FIRE_EVENT, tag="", data={})


async def test_what_a_plugin_does_to_keys_is_heeded(master, nursery):
    rotated = []

    async def serve(*, task_status):
        async with master.bus.claim(RotateRequest) as requests:
            task_status.started()
            async for request, reply in requests:
                rotated.append(request)
                reply.send(None)

    await nursery.start(serve)
    change = {"result": True, "act": "accepted", "id": "m1", "pub": "PEM"}
    await master.upcall(UpcallKind.FIRE_EVENT, tag="salt/key", data=change)
    await master.upcall(UpcallKind.FIRE_EVENT, tag="key", data={"rotate_aes_key": True})
    (changed,) = await master.told(KeyChanged)
    assert (changed.act, changed.id, changed.pub) == ("accepted", "m1", "PEM")
    assert len(rotated) == 1


async def publisher(bus, asked, *, task_status):
    async with bus.claim(PublishRequest) as requests:
        task_status.started()
        async for request, reply in requests:
            asked.append(request)
            await bus.publish(
                JobReturned(id="m1", jid="20261122000000000000", fun=request.fun, fun_args=[], result=True)
            )
            reply.send(Published(jid="20261122000000000000", minions=["m1", "m2"], missing=["m9"]))
            await bus.publish(JobSettled(jid="20261122000000000000", missing={"m2": "asleep"}))


async def test_a_plugin_publishes_in_its_callers_name_and_waits_for_the_returns(master, nursery):
    asked = []
    await nursery.start(publisher, master.bus, asked)
    fields = {
        "tgt": "*",
        "fun": "test.ping",
        "arg": [1],
        "kwarg": {"a": 2},
        "tgt_type": "glob",
        "ret": "",
        "jid": "",
        "timeout": 3,
        "wait": True,
        "options": {"gather_job_timeout": 4, "metadata": {"x": 1}},
    }
    answer = await within(master, partial(master.upcall, UpcallKind.PUBLISH, **fields))
    assert (answer["jid"], answer["minions"], answer["missing"]) == ("20261122000000000000", ["m1", "m2"], ["m9"])
    assert answer["returns"]["m1"]["return"] is True
    assert set(answer["returns"]) == {"m1"}
    (request,) = asked
    assert (request.user, request.arg, request.watch, request.timeout, request.gather_job_timeout, request.kwargs) == (
        "ann",
        [1, {"__kwarg__": True, "a": 2}],
        True,
        3,
        4,
        {"metadata": {"x": 1}},
    )


async def resolver(bus, asked, *, task_status):
    async with bus.claim(ResolveRequest) as requests:
        task_status.started()
        async for request, reply in requests:
            asked.append(request)
            reply.send(Resolved(minions=["m1"], missing=[]))


async def test_a_plugin_asks_whom_a_target_names(master, nursery):
    asked = []
    await nursery.start(resolver, master.bus, asked)
    answer = await master.upcall(UpcallKind.MATCH, tgt="os|Debian", tgt_type="grain", delimiter="|")
    assert answer == {"minions": ["m1"], "missing": []}
    assert asked == [ResolveRequest(tgt="os|Debian", tgt_type="grain", delimiter="|")]


async def test_a_plugin_asks_who_is_here(master):
    asked = []

    async def answer(request):
        asked.append(request)
        return {"m1": Presence(present=True, version="3008.3")}

    with master.bus.answering({PresenceRequest: answer}):
        known = await master.upcall(UpcallKind.PRESENCE, ids=["m1"], ask=True, patience=3)
        await master.upcall(UpcallKind.PRESENCE, ids=None, ask=False, patience="long")
    assert known["m1"] == {**attrs.asdict(Presence(present=True)), "version": "3008.3"}
    assert asked == [PresenceRequest(ids=["m1"], ask=True, patience=3.0), PresenceRequest()]


async def logins(bus, asked, *, task_status):
    async with bus.claim(TokenRequest, DropTokenRequest) as requests:
        task_status.started()
        async for request, reply in requests:
            asked.append(request)
            if isinstance(request, DropTokenRequest):
                reply.send(request.token.reveal() == "t" * 64)
            elif request.password.reveal() == "right":
                reply.send({"token": "t" * 64, "name": "ann"})
            else:
                reply.fail(Unauthenticated())


async def test_a_runner_makes_a_token_and_drops_it(master, nursery):
    asked = []
    await nursery.start(logins, master.bus, asked)
    shown = {"eauth": "pam", "username": "ann", "password": "right", "token_expire": 60}
    assert (await master.upcall(UpcallKind.TOKEN, op="make", **shown))["token"] == "t" * 64
    assert asked[0].token_expire == 60
    assert await master.upcall(UpcallKind.TOKEN, op="make", **{**shown, "password": "wrong"}) == {}
    assert await master.upcall(UpcallKind.TOKEN, op="drop", token="t" * 64) is True
    assert await master.upcall(UpcallKind.TOKEN, op="drop", token="x") is False
    assert "right" not in repr(asked)
    with pytest.raises(CommandError):
        await master.upcall(UpcallKind.TOKEN, op="make", eauth="pam")


async def test_what_a_runner_of_tokens_is_given_and_gives_is_not_told(master):
    master.workers.answer = outcome(result={"token": "t" * 64, "name": "ann"})
    await master.run(fun="auth.mk_token", kwarg={"username": "ann", "password": "right"})
    await master.run(fun="auth.del_token", arg=["t" * 64])
    told = str([event.to_data() for event in await master.told(Event)]) + str(master.jobs.loads)
    assert "t" * 64 not in told
    assert "right" not in told


@pytest.mark.parametrize("bank", ["tokens", "tokens/x"])
@pytest.mark.parametrize("op", ["store", "flush"])
async def test_no_plugin_writes_tokens(master, op, bank):
    with pytest.raises(CommandError, match="the master's own"):
        await master.upcall(UpcallKind.BANK, op=op, bank=bank, key="k", data={"name": "root"})


async def test_a_plugin_need_not_wait(master, nursery):
    asked = []
    await nursery.start(publisher, master.bus, asked)
    answer = await master.upcall(UpcallKind.PUBLISH, tgt="*", fun="test.ping", wait=False)
    assert set(answer) == {"jid", "minions", "missing"}
    assert not asked[0].watch


async def test_a_runner_may_run_another_in_the_same_name(master):
    async def answer(call):
        if call.fun == "inner.fun":
            return Outcome(result=call.arg, retcode=3, success=False)
        inner = await master.upcall(UpcallKind.COMMAND, kind="runner", fun="inner.fun", arg=["x"], kwarg={})
        return Outcome(result=inner)

    master.workers.answer = answer
    result = (await master.run()).result
    assert result.pop("jid")
    assert result == {"return": ["x"], "retcode": 3, "success": False}
    inner = (await master.told(RunnerNew))[1]
    assert (inner.fun, inner.user) == ("runner.inner.fun", "ann")
    assert inner.jid != JID
    with pytest.raises(CommandError):
        await master.upcall(UpcallKind.COMMAND, kind="module", fun="x.y", arg=[], kwarg={})
