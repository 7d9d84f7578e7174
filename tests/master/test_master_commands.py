"""Runners and wheels: what is told, what is answered, and what their plugins may ask, with workers that only pretend."""

from functools import partial

import attrs
import pytest
import trio
import trio.testing

from trisalt.bus.bus import Bus
from trisalt.bus.events import (
    CommandRefused,
    Event,
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
    Presence,
    PresenceRequest,
    Published,
    PublishRequest,
    Resolved,
    ResolveRequest,
    RotateRequest,
    RunnerRequest,
    TokenRequest,
    WheelRequest,
)
from trisalt.errors import CommandError, Denied, StoreError, Unauthenticated, WorkerDied
from trisalt.loader.dunders import Plugins
from trisalt.master.acl import Acl
from trisalt.master.commands import HIDDEN, Runs, answer_upcall, public, serve_commands
from trisalt.master.reading import READING
from trisalt.master.unended import INTERRUPTED, tell_unended
from trisalt.worker.protocol import Outcome, Packed, Upcall, UpcallKind

JID, OTHER = "20261122124940743908", "20261122124940743909"
GRANTED = {"ann": ["@runner", "@wheel"]}
PRIVATE = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----"


@attrs.define
class Workers:
    """Runs calls by a function of the test's own."""

    answer: object = None
    calls: list = attrs.field(factory=list)
    signals: list = attrs.field(factory=list)
    packed: bool = False
    warm: bool = False

    async def run_job(self, call, *, warm, on_start, outlives, packed):
        assert not outlives
        self.packed, self.warm = packed, warm
        self.calls.append(call)
        on_start(4711)
        return await self.answer(call)

    def signal(self, jid, signum):
        self.signals.append((jid, signum))
        return 4711


@attrs.define
class Jobs:
    """What was kept."""

    loads: list = attrs.field(factory=list)
    returns_: list = attrs.field(factory=list)
    broken: bool = False

    async def record_job(self, load, minions, *, events=()):
        if self.broken:
            raise StoreError("disk full")
        self.loads.append((load, minions))

    async def record_return(self, jid, id, body):
        self.returns_.append((jid, id, body))

    async def returns(self, jid):
        return {}

    async def returned(self, jid):
        return {id for of, id, _body in self.returns_ if of == jid}


@attrs.define
class Banks:
    kept: dict = attrs.field(factory=dict)

    async def store(self, bank, key, value):
        self.kept[bank, key] = value

    async def fetch_all(self, bank):
        return {key: value for (of, key), value in self.kept.items() if of == bank}

    async def flush(self, bank, key=None):
        self.kept = {at: value for at, value in self.kept.items() if at[0] != bank or key not in (None, at[1])}


@attrs.define
class Master:
    bus: Bus
    workers: Workers
    jobs: Jobs
    runs: Runs
    heard: list
    banks: Banks = attrs.field(factory=Banks)

    async def run(self, cls=RunnerRequest, fun="test.arg", **fields):
        return await self.bus.ask(cls(fun=fun, jid=JID, user="ann", **fields))

    async def upcall(self, asked, /, *, of=JID, **fields):
        return await answer_upcall(
            self.bus, self.jobs, self.banks, self.runs, Upcall(kind=asked, fields=fields, jid=of)
        )

    async def told(self, cls):
        await trio.testing.wait_all_tasks_blocked()
        return [event for event in self.heard if isinstance(event, cls)]


@pytest.fixture
async def master(nursery):
    bus, workers, jobs, banks, runs, heard = Bus(), Workers(), Jobs(), Banks(), Runs(), []

    async def listen(*, task_status):
        async with bus.subscribe(Event, keep=False, depth=1000) as events:
            task_status.started()
            async for event in events:
                heard.append(event)

    await nursery.start(listen)
    await nursery.start(
        partial(
            serve_commands, bus, workers, runs, Acl(publisher_acl=GRANTED),
            jobs=jobs, banks=banks, master_id="box_master",
        )
    )  # fmt: skip
    yield Master(bus, workers, jobs, runs, heard, banks)
    nursery.cancel_scope.cancel()


def outcome(**fields):
    async def answer(call):
        await trio.lowlevel.checkpoint()
        return Outcome(**fields)

    return answer


async def test_a_run_is_told_when_it_starts_and_when_it_ends_and_answered(master):
    master.workers.answer = outcome(result={"a": 1})
    assert (await master.run(arg=[1], kwarg={"b": 2})).result == {"a": 1}
    (new,), (ended,) = await master.told(RunnerNew), await master.told(RunnerReturned)
    assert new.tag == f"salt/run/{JID}/new"
    assert {key: value for key, value in new.to_data().items() if key != "_stamp"} == {
        "fun": "runner.test.arg",
        "jid": JID,
        "user": "ann",
        "fun_args": [1, {"__kwarg__": True, "b": 2}],
    }
    assert (ended.tag, ended.result, ended.success, ended.retcode) == (f"salt/run/{JID}/ret", {"a": 1}, True, 0)
    (call,) = master.workers.calls
    assert (call.fun, call.kind, call.arg, call.kwarg) == ("test.arg", "runners", [1], {"b": 2})


async def test_a_wheel_function_runs_as_one(master):
    master.workers.answer = outcome(result={"minions": ["m1"]})
    await master.run(WheelRequest, "key.list", arg=["acc"])
    assert master.workers.calls[0].kind == "wheel"
    assert (await master.told(WheelReturned))[0].fun == "wheel.key.list"


@pytest.mark.parametrize(
    ("cls", "fun", "warm"),
    [
        (RunnerRequest, "jobs.list_jobs", True),
        (WheelRequest, "key.list_all", True),
        (RunnerRequest, "key.list_all", False),
        (WheelRequest, "key.accept", False),
        (RunnerRequest, "manage.down", False),
        (RunnerRequest, "state.orchestrate", False),
    ],
)
async def test_what_only_reads_runs_in_a_child_that_is_used_again(master, cls, fun, warm):
    await master.run(cls, fun)
    assert master.workers.warm is warm


def test_what_only_reads_is_there():
    plugins = Plugins({})
    for name in READING:
        kind, _, fun = name.partition(".")
        assert plugins.loader("runners" if kind == "runner" else kind).built_in(fun), name


async def test_a_private_key_goes_to_the_caller_and_not_to_the_bus_nor_to_the_store(master):
    master.workers.answer = outcome(result={"priv": PRIVATE, "pub": "public", "deep": [{"x": f"see {PRIVATE}"}]})
    for cls in (WheelRequest, RunnerRequest):
        answer = await master.run(cls, "key.gen", kwarg={"password": "hunter2", "keysize": 2048})
        assert answer.result["priv"] == PRIVATE
    await trio.testing.wait_all_tasks_blocked()
    told = repr([event.to_data() for event in master.heard]) + repr(master.jobs)
    assert "hunter2" not in told
    assert "PRIVATE KEY" not in told
    assert "public" in told
    assert "2048" in told


async def test_a_large_list_of_what_is_kept_is_neither_told_nor_kept_again(master):
    master.workers.answer = outcome(result=Packed(b"\x90"), out="nested")
    answer = await master.run(fun="jobs.list_jobs", packed=True)
    assert (answer.result, master.workers.packed) == (Packed(b"\x90"), True)
    assert (await master.told(RunnerReturned))[0].result == "VALUE_TRIMMED"
    assert master.jobs.returns_[0][2]["return"] == "VALUE_TRIMMED"


@pytest.mark.parametrize(
    ("fun", "packed"), [("jobs.list_jobs", False), ("jobs.list_job", True), ("state.orchestrate", True)]
)
async def test_other_results_are_looked_into_before_they_are_told(master, fun, packed):
    master.workers.answer = outcome(result={"password": "hunter2"})
    await master.run(fun=fun, packed=packed)
    assert not master.workers.packed
    assert (await master.told(RunnerReturned))[0].result == {"password": HIDDEN}


@pytest.mark.parametrize("fun", ["cache.pillar", "cache.fetch", "pillar.show_pillar"])
async def test_pillar_goes_to_the_caller_alone(master, fun):
    master.workers.answer = outcome(result={"m1": {"colour": "blue"}})
    assert (await master.run(fun=fun)).result == {"m1": {"colour": "blue"}}
    assert (await master.told(RunnerReturned))[0].result == HIDDEN
    assert "blue" not in repr(master.jobs)


async def test_a_plugins_no_is_an_answer_with_a_retcode(master):
    master.workers.answer = outcome(result="'nosuch.fun' is not available.", retcode=1, success=False)
    answer = await master.run(fun="nosuch.fun")
    assert (answer.retcode, answer.success) == (1, False)
    (ended,) = await master.told(RunnerReturned)
    assert (ended.retcode, ended.success) == (1, False)


async def test_an_exception_is_told_as_a_runners(master):
    text = "The minion function caused an exception: Traceback (most recent call last):\nValueError: boo"
    master.workers.answer = outcome(result=text, retcode=1, success=False, failure="exception")
    assert (await master.run()).result == (
        "Exception occurred in runner test.arg: Traceback (most recent call last):\nValueError: boo"
    )


@pytest.mark.parametrize(("status", "retcode"), [(-9, 137), (3, 3), (None, 1)])
async def test_a_worker_that_dies_is_answered_for(master, status, retcode):
    async def die(call):
        raise WorkerDied("died with signal 9", status=status)

    master.workers.answer = die
    answer = await master.run()
    assert (answer.result, answer.retcode, answer.success) == ("died with signal 9", retcode, False)
    assert await master.told(RunnerReturned)


async def test_a_pool_that_fails_is_no_end_of_the_service(master):
    async def fail(call):
        raise ZeroDivisionError

    master.workers.answer = fail
    for _ in range(2):
        assert (await master.run()).success is False


async def test_runs_stand_in_the_job_list_as_the_masters_own_jobs(master):
    master.workers.answer = outcome(result=1, out="nested")
    await master.run(arg=["x"])
    ((load, minions),) = master.jobs.loads
    assert (load["fun"], load["tgt"], load["tgt_type"], load["user"], load["arg"]) == (
        "runner.test.arg",
        "box_master",
        "list",
        "ann",
        ["x"],
    )
    assert minions == ["box_master"]
    assert master.jobs.returns_ == [(JID, "box_master", {"return": 1, "retcode": 0, "success": True, "out": "nested"})]


async def test_a_store_that_cannot_write_costs_no_answer(master):
    master.jobs.broken = True
    master.workers.answer = outcome(result=1)
    assert (await master.run()).result == 1


async def test_runs_do_not_wait_for_each_other(master):
    go_on = trio.Event()

    async def answer(call):
        if call.fun == "test.sleep":
            await go_on.wait()
        return Outcome(result=call.fun)

    master.workers.answer = answer
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(master.run, fun="test.sleep"))
        await trio.testing.wait_all_tasks_blocked()
        other = RunnerRequest(fun="test.arg", jid="20261122124940743909", user="ann")
        with trio.fail_after(1):
            assert (await master.bus.ask(other)).result == "test.arg"
        go_on.set()


async def test_a_jid_that_runs_already_is_refused(master):
    go_on = trio.Event()

    async def answer(call):
        await go_on.wait()
        return Outcome(result=1)

    master.workers.answer = answer
    async with trio.open_nursery() as nursery:
        nursery.start_soon(master.run)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(CommandError, match="in use"):
            await master.run()
        assert list(master.runs.running) == [JID]
        go_on.set()


# -- upcalls ------------------------------------------------------------------------------------------------------


async def within(master, ask, cls=RunnerRequest):
    """What `ask()` gives while a run is going on."""
    found = []

    async def answer(call):
        found.append(await ask())
        return Outcome(result=None)

    master.workers.answer = answer
    await master.run(cls)
    return found[0]


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


@pytest.mark.parametrize("cls", [RunnerRequest, WheelRequest])
async def test_who_may_not_run_it_is_told_so_and_it_does_not_start(master, cls):
    with pytest.raises(Denied, match="Authorization error occurred"):
        await master.bus.ask(cls(fun="test.arg", jid=JID, user="bob", arg=["s3cret"]))
    (refused,) = await master.told(CommandRefused)
    assert (refused.user, refused.fun.partition(".")[2]) == ("bob", "test.arg")
    assert "s3cret" not in str(await master.told(Event))
    assert master.workers.calls == []


async def test_a_runner_may_run_another_in_the_same_name(master):
    async def answer(call):
        if call.fun == "inner.fun":
            return Outcome(result=call.arg, retcode=3, success=False)
        inner = await master.upcall(UpcallKind.COMMAND, kind="runner", fun="inner.fun", arg=["x"], kwarg={})
        return Outcome(result=inner)

    master.workers.answer = answer
    result = (await master.run()).result
    assert result == {"return": ["x"], "retcode": 3, "success": False}
    inner = (await master.told(RunnerNew))[1]
    assert (inner.fun, inner.user) == ("runner.inner.fun", "ann")
    assert inner.jid != JID
    with pytest.raises(CommandError):
        await master.upcall(UpcallKind.COMMAND, kind="module", fun="x.y", arg=[], kwarg={})


async def test_what_runs_is_told_but_for_who_asks(master):
    async def ask():
        return await master.upcall(UpcallKind.RUNNING), await master.upcall(UpcallKind.RUNNING, of="")

    own, all = await within(master, ask)
    assert own == []
    (row,) = all
    assert {key: value for key, value in row.items() if key != "_stamp"} == {
        "jid": JID,
        "fun": "runner.test.arg",
        "fun_args": [],
        "user": "ann",
        "pid": 4711,
    }


async def test_a_run_can_be_signalled(master):
    assert await master.upcall(UpcallKind.SIGNAL_JOB, jid=JID, signum=15) == 4711
    assert master.workers.signals == [(JID, 15)]


@pytest.mark.parametrize("kind", [UpcallKind.ASK_MASTER, UpcallKind.SCHEDULE, UpcallKind.REFRESH])
async def test_what_only_a_minion_has_is_refused(master, kind):
    with pytest.raises(CommandError):
        await master.upcall(kind)


def test_public_hides_secrets_by_name_and_by_look():
    assert public({"git_pillar_password": "x", "tokens": "y", "Token": "z", "consul.token": "t"}) == {
        "consul.token": HIDDEN,
        "git_pillar_password": HIDDEN,
        "tokens": "y",
        "Token": HIDDEN,
    }
    value = {
        "token": "abc",
        "password": "",
        "n": {"secret": 5, "priv": b"x"},
        "l": [PRIVATE, "fine"],
        "t": ({"token": "x"},),
    }
    assert public(value) == {
        "token": HIDDEN,
        "password": "",
        "n": {"secret": 5, "priv": HIDDEN},
        "l": [HIDDEN, "fine"],
        "t": [{"token": HIDDEN}],
    }


# -- a master that ends meanwhile -------------------------------------------------------------------------------------


async def test_a_run_is_noted_while_it_runs_without_its_secrets(master):
    noted = []

    async def look(_call):
        await trio.testing.wait_all_tasks_blocked()
        noted.append(dict(master.banks.kept))
        return outcome(result=1)

    master.workers.answer = look
    await master.run(fun="x.y", arg=["a"], kwarg={"password": "p"})
    await trio.testing.wait_all_tasks_blocked()
    facts = {"fun": "runner.x.y", "user": "ann", "fun_args": ["a", {"__kwarg__": True, "password": HIDDEN}]}
    assert noted == [{("runs", JID): facts}]
    assert master.banks.kept == {}


@pytest.mark.parametrize(("fun", "cls"), [("runner.x.y", RunnerReturned), ("wheel.x.y", WheelReturned)])
async def test_the_next_master_tells_of_what_was_interrupted(fun, cls):
    bus, jobs, banks, heard = Bus(), Jobs(), Banks(), []
    facts = {"fun": fun, "user": "ann", "fun_args": ["a"]}
    banks.kept = {("runs", JID): facts, ("runs", OTHER): facts}
    # This one had ended: only that was not noted any more.
    jobs.returns_ = [(OTHER, "box_master", {"return": 1})]
    with bus.listen(cls, heard.append):
        await tell_unended(bus, jobs, banks, "box_master")
    assert [(load["jid"], load["fun"], load["arg"], minions) for load, minions in jobs.loads] == [
        (JID, fun, ["a"], ["box_master"])
    ]
    body = {"return": INTERRUPTED, "retcode": 1, "success": False}
    assert jobs.returns_[1:] == [(JID, "box_master", body)]
    assert [(event.jid, event.fun, event.result, event.success) for event in heard] == [(JID, fun, INTERRUPTED, False)]
    assert banks.kept == {}


async def test_what_cannot_be_told_now_is_left_to_the_next_master():
    bus, jobs, banks = Bus(), Jobs(broken=True), Banks()
    banks.kept = {("runs", JID): {"fun": "runner.x.y", "user": "ann", "fun_args": []}}
    await tell_unended(bus, jobs, banks, "box_master")
    assert list(banks.kept) == [("runs", JID)]
