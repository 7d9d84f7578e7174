"""Runners and wheels run, are told of, noted and answered."""

from functools import partial

import pytest
import trio
import trio.testing
from structlog.testing import capture_logs

from tests.master.commands.house import JID, OTHER, PRIVATE, Banks, Jobs, outcome, within
from trisalt.bus.bus import Bus
from trisalt.bus.event import Event
from trisalt.bus.events import CommandRefused, RunnerNew, RunnerReturned, WheelReturned
from trisalt.bus.requests import (
    RunnerRequest,
    WheelRequest,
)
from trisalt.errors import CommandError, Denied, WorkerDied
from trisalt.lines import STOCK_LINES
from trisalt.loader.dunders import Plugins
from trisalt.master.commands import HIDDEN, public
from trisalt.master.reading import READING, RENDERING
from trisalt.master.unended import INTERRUPTED, tell_unended
from trisalt.worker.protocol import Outcome, Packed, UpcallKind


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


@pytest.mark.parametrize(
    ("cls", "fun", "line"),
    [
        (RunnerRequest, "test.arg", f"Runner completed: {JID}"),
        (WheelRequest, "key.list", f"Wheel function completed: {JID}"),
    ],
)
async def test_the_log_says_in_a_sentence_who_runs_what_and_that_it_is_done(master, cls, fun, line):
    with capture_logs() as logged:
        await master.run(cls, fun)
    rows = {row["event"]: row for row in logged}
    name = f"{'runner' if cls is RunnerRequest else 'wheel'}.completed"
    assert STOCK_LINES[name].format_map(rows[name]) == line
    kind = "runner" if cls is RunnerRequest else "wheel"
    assert STOCK_LINES["command.started"].format_map(rows["command.started"]) == f"User ann runs {kind}.{fun} as {JID}"


async def test_a_wheel_function_runs_as_one(master):
    master.workers.answer = outcome(result={"minions": ["m1"]})
    await master.run(WheelRequest, "key.list", arg=["acc"])
    assert master.workers.calls[0].kind == "wheel"
    assert (await master.told(WheelReturned))[0].fun == "wheel.key.list"


@pytest.mark.parametrize("how", [{"kwarg": {"ext_source": "db"}}, {"arg": [{"__kwarg__": True, "ext_source": "db"}]}])
async def test_a_reader_that_asks_somebody_elses_returner_has_a_child_of_its_own(master, how):
    await master.run(RunnerRequest, "jobs.list_jobs", **how)
    assert not master.workers.warm


@pytest.mark.parametrize(
    ("cls", "fun", "warm", "strict"),
    [
        (RunnerRequest, "jobs.list_jobs", True, False),
        (WheelRequest, "key.list_all", True, False),
        (RunnerRequest, "key.list_all", False, False),
        (WheelRequest, "key.accept", False, False),
        (RunnerRequest, "manage.down", False, False),
        (RunnerRequest, "state.orchestrate", False, False),
        (RunnerRequest, "state.orchestrate_show_sls", True, True),
    ],
)
async def test_what_only_reads_or_shows_runs_in_a_child_that_is_used_again(master, cls, fun, warm, strict):
    await master.run(cls, fun)
    assert (master.workers.warm, master.workers.strict) == (warm, strict)


def test_what_only_reads_is_there():
    plugins = Plugins({})
    for name in READING | RENDERING:
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


async def test_a_run_is_always_among_those_that_run_or_those_that_are_kept(master, monkeypatch):
    found = []

    async def record_return(jobs, jid, id, body):
        found.append(list(master.runs.running))

    monkeypatch.setattr(Jobs, "record_return", record_return)
    async with master.bus.subscribe(RunnerReturned, keep=True) as events:
        await master.run()
        await events.receive()
    assert found == [[JID]]
    assert master.runs.running == {}


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


@pytest.mark.parametrize("cls", [RunnerRequest, WheelRequest])
async def test_who_may_not_run_it_is_told_so_and_it_does_not_start(master, cls):
    with pytest.raises(Denied, match="Authorization error occurred"):
        await master.bus.ask(cls(fun="test.arg", jid=JID, user="bob", arg=["s3cret"]))
    (refused,) = await master.told(CommandRefused)
    assert (refused.user, refused.fun.partition(".")[2]) == ("bob", "test.arg")
    assert "s3cret" not in str(await master.told(Event))
    assert master.workers.calls == []


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
