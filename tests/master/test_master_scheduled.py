"""The master's schedule: what is asked of `commands`, what is told, and who is given the return."""

from contextlib import asynccontextmanager
from functools import partial

import attrs
import pytest
import structlog
import trio
from trio.testing import wait_all_tasks_blocked

from trisalt.bus.bus import Bus
from trisalt.bus.events import ScheduleDue, ScheduleReturned
from trisalt.bus.requests import RunnerRequest, WheelRequest
from trisalt.errors import CommandError
from trisalt.master.commands import HIDDEN, Runs
from trisalt.master.scheduled import run_due
from trisalt.scheduler.entry import Entry
from trisalt.worker.protocol import Failure, Outcome


@attrs.define
class House:
    """A bus, commands that answer as they are told, and workers for returners."""

    bus: Bus = attrs.field(factory=Bus)
    answer: object = attrs.field(factory=lambda: Outcome(result="done"))
    asked: list = attrs.field(factory=list)
    given: list = attrs.field(factory=list)
    let: trio.Event = attrs.field(factory=trio.Event)

    async def run_job(self, call, *, outlives):
        self.given.append((call.fun, call.kind, call.arg[0]))
        return Outcome(result="no such", failure=Failure.MISSING) if "nosuch" in call.fun else Outcome(result=None)

    async def commands(self, *, task_status):
        async with self.bus.claim(RunnerRequest, WheelRequest) as requests, trio.open_nursery() as nursery:
            task_status.started()
            async for request, reply in requests:
                self.asked.append(request)
                nursery.start_soon(self._reply, reply)

    async def _reply(self, reply):
        await self.let.wait()
        reply.fail(self.answer) if isinstance(self.answer, Exception) else reply.send(self.answer)

    @asynccontextmanager
    async def open(self):
        self.let.set()
        async with trio.open_nursery() as nursery:
            await nursery.start(self.commands)
            await nursery.start(
                partial(run_due, self.bus, self, Runs(), master_id="m_master", user="root", wall=lambda: 0.0)
            )
            async with self.bus.subscribe(ScheduleReturned, keep=True) as returns:
                yield returns
            nursery.cancel_scope.cancel()

    async def due(self, function="test.arg", **mapping):
        entry = Entry.from_config("one", {"function": function, "seconds": 5, **mapping})
        await self.bus.publish(ScheduleDue(name="one", entry=entry))


@pytest.fixture
def house():
    return House()


async def test_a_runner_is_asked_for_and_its_return_is_told(house):
    async with house.open() as returns:
        await house.due(args=["a"], kwargs={"b": 1}, metadata={"why": "x"})
        data = (await returns.receive()).to_data()
    request = house.asked[0]
    assert (type(request), request.fun, request.arg, request.kwarg) == (RunnerRequest, "test.arg", ["a"], {"b": 1})
    assert request.user == "root"
    assert data.pop("_stamp")
    assert data.pop("metadata").keys() == {"why", "_TOS", "_TS", "_TT"}
    assert data == {
        "cmd": "_return", "id": "m_master", "fun": "test.arg", "fun_args": ["a", {"__kwarg__": True, "b": 1}],
        "schedule": "one", "jid": "req", "return": "done", "success": True, "retcode": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("function", "cls", "fun"),
    [
        ("wheel.key.list_all", WheelRequest, "key.list_all"),
        ("runner.test.arg", RunnerRequest, "test.arg"),
        ("key.list_all", RunnerRequest, "key.list_all"),
        ("wheel.key", RunnerRequest, "wheel.key"),
    ],
)
async def test_a_wheel_function_says_that_it_is_one(house, function, cls, fun):
    async with house.open() as returns:
        await house.due(function)
        await returns.receive()
    assert [(type(request), request.fun) for request in house.asked] == [(cls, fun)]


async def test_what_is_refused_is_a_return(house):
    house.answer = CommandError("no")
    with structlog.testing.capture_logs() as log:
        async with house.open() as returns:
            await house.due()
            load = (await returns.receive()).load
    assert (load["return"], load["success"], load["retcode"]) == ("no", False, 1)
    assert [row["log_level"] for row in log if row["event"] == "scheduler.job_failed"] == ["warning"]


async def test_without_return_job_nothing_is_told(house):
    async with house.open() as returns:
        await house.due("test.quiet", return_job=False)
        await wait_all_tasks_blocked()
        await house.due("test.told")
        assert (await returns.receive()).load["fun"] == "test.told"
    assert [request.fun for request in house.asked] == ["test.quiet", "test.told"]


async def test_no_more_runs_than_maxrunning_are_under_way(house):
    async with house.open() as returns:
        house.let = trio.Event()
        with structlog.testing.capture_logs() as log:
            for _ in range(3):
                await house.due(maxrunning=2)
            await wait_all_tasks_blocked()
        assert [row["event"] for row in log].count("scheduler.job_skipped") == 1
        house.let.set()
        await returns.receive()
        await returns.receive()
        await house.due(maxrunning=2)
        await returns.receive()
    assert len(house.asked) == 3


async def test_secrets_go_to_the_returner_and_not_to_the_bus(house):
    house.answer = Outcome(result={"db_password": "s3cret"})
    async with house.open() as returns:
        await house.due("pillar.show_pillar", returner="local", return_config="other", return_kwargs={"a": 1})
        assert (await returns.receive()).load["return"] == HIDDEN
        with structlog.testing.capture_logs() as log:
            await house.due("test.arg", returner=["nosuch", "local"])
            assert (await returns.receive()).load["return"] == {"db_password": HIDDEN}
            await wait_all_tasks_blocked()
    assert [(fun, kind) for fun, kind, _ret in house.given] == [
        ("local.returner", "returners"), ("nosuch.returner", "returners"), ("local.returner", "returners"),
    ]  # fmt: skip
    first = house.given[0][2]
    assert (first["return"], first["ret_config"], first["ret_kwargs"]) == (
        {"db_password": "s3cret"}, "other", {"a": 1},
    )  # fmt: skip
    assert [row["returner"] for row in log if row["event"] == "returner.missing"] == ["nosuch"]
