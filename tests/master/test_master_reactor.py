"""The reactor: what an event has done, in whose name, how deep; that it sheds, ends loops, and survives bad files."""

from contextlib import asynccontextmanager

import attrs
import pytest
import structlog
import trio
from trio.testing import wait_all_tasks_blocked

from trisalt.bus.answers import Published
from trisalt.bus.bus import Bus
from trisalt.bus.event import Origin
from trisalt.bus.events import JobNew, JobReturned, Reacted, RequestAnswered, RunnerNew, TaggedEvent
from trisalt.bus.requests import PublishRequest, ReactorRequest, RunnerRequest, WheelRequest
from trisalt.errors import CommandError, WorkerDied
from trisalt.master.commands import Runs
from trisalt.master.reaction_files import render_files
from trisalt.master.reactor import HEARD, ReactorDesk, ReactorRules, react
from trisalt.worker.protocol import Failure, Outcome

FILES = {
    "ping.sls": "p:\n  local.test.ping:\n    - tgt: '{{ data.id }}'\n",
    "run.sls": "r:\n  runner.event.send:\n    - args:\n      - tag: '{{ tag }}/again'\n",
    "wheel.sls": "w:\n  wheel.key.accept:\n    - args:\n      - match: '{{ data.id }}'\n",
    "caller.sls": "c:\n  caller.test.ping: []\n",
    "both.sls": "slow:\n  runner.test.sleep: []\nquick:\n  local.test.ping:\n    - tgt: m1\n",
    "broken.sls": "x: {{ nope.there }}\n",
    "nowhere.sls": "n:\n  local.test.ping:\n    - tgt: nobody\n",
}


@attrs.define
class House:
    """A bus with its reactor; who is asked to do something notes it."""

    bus: Bus
    desk: ReactorDesk
    asked: list = attrs.field(factory=list)
    outcomes: dict = attrs.field(factory=dict)
    gates: dict = attrs.field(factory=dict)
    told: list = attrs.field(factory=list)
    dies: bool = False

    async def run(self, function, request, *, warm=False):
        await trio.lowlevel.checkpoint()
        if gate := request["data"].get("gate"):
            await self.gates[gate].wait()
        if self.dies:
            raise WorkerDied("it was killed", status=-9)
        return render_files(request, {"cachedir": "/nonexistent", "file_roots": {}})

    async def publish(self, request):
        await trio.lowlevel.checkpoint()
        self.asked.append(request)
        if request.tgt == "nobody":
            return Published(jid=None, minions=[], missing=[], error="no match")
        return Published(jid=str(len(self.asked)), minions=["m1"], missing=[])

    async def command(self, request):
        self.asked.append(request)
        if (gate := self.gates.get(request.fun)) is not None:
            await gate.wait()
        await trio.lowlevel.checkpoint()
        return self.outcomes.get(request.fun, Outcome(result=True))

    async def fire(self, *tags, depth=0, **data):
        for tag in tags:
            event = TaggedEvent(name=tag, data={"id": "m1", **data}, origin=Origin("plugin", "x", depth))
            await self.bus.publish(event)
        await wait_all_tasks_blocked()


@pytest.fixture
def open_house(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)

    @asynccontextmanager
    async def opened(reactor=None, **rules):
        rows = {name.removesuffix(".sls"): name for name in FILES} if reactor is None else reactor
        option = [{tag: str(tmp_path / name)} for tag, name in rows.items()]
        house = House(Bus(), ReactorDesk(option, ReactorRules(**rules)))
        answers = {PublishRequest: house.publish, RunnerRequest: house.command, WheelRequest: house.command}
        async with trio.open_nursery() as nursery:
            with house.bus.answering(answers), house.bus.listen(Reacted, house.told.append):
                await nursery.start(
                    lambda task_status: react(
                        house.bus, house, Runs(), house.desk, user="salt", task_status=task_status
                    )
                )
                await wait_all_tasks_blocked()
                yield house
                nursery.cancel_scope.cancel()

    return opened


async def test_a_job_goes_out_in_the_masters_name_and_what_it_causes_says_how_deep(open_house):
    async with open_house() as house:
        await house.fire("ping", id="web1")
        (request,) = house.asked
        assert (request.tgt, request.fun, request.arg, request.user) == ("web1", "test.ping", [], "salt")
        assert request.asker.trusted
        assert request.asker.origin == Origin("plugin", "reactor", 1)
        (told,) = house.told
        data = told.to_data()
        assert (data["to"], data["fun"], data["jid"], data["success"]) == ("ping", "local.test.ping", "1", True)
        assert data["reactor_depth"] == 1


async def test_runners_and_wheel_functions_are_run_by_the_reactor(open_house):
    async with open_house() as house:
        await house.fire("run", "wheel")
        run, wheel = sorted(house.asked, key=lambda request: request.CMD)
        assert (run.fun, run.kwarg, run.user) == ("event.send", {"tag": "run/again"}, "Reactor")
        assert (wheel.fun, wheel.kwarg, wheel.user) == ("key.accept", {"match": "m1"}, "Reactor")
        assert (type(run), type(wheel)) == (RunnerRequest, WheelRequest)
        assert run.jid != wheel.jid
        assert house.desk.counts.ran == 2


async def test_the_same_files_are_reacted_to_in_the_order_of_their_events_and_others_wait_for_nobody(open_house):
    async with open_house(renderers=3) as house:
        house.gates["slow"] = trio.Event()
        await house.fire("ping", id="first", gate="slow")
        await house.fire("ping", id="second")
        await house.fire("nowhere")
        assert [request.tgt for request in house.asked] == ["nobody"]
        house.gates["slow"].set()
        await wait_all_tasks_blocked()
        await house.fire("ping", id="third")
        assert [request.tgt for request in house.asked] == ["nobody", "first", "second", "third"]


async def test_a_slow_reaction_holds_nobody_else(open_house):
    async with open_house() as house:
        house.gates["test.sleep"] = trio.Event()
        await house.fire("both", "run", "ping")
        asked = sorted(request.fun for request in house.asked)
        assert asked == ["event.send", "test.ping", "test.ping", "test.sleep"]
        assert house.desk.counts.ran == 3
        house.gates["test.sleep"].set()
        await wait_all_tasks_blocked()
        assert house.desk.counts.ran == 4


@pytest.mark.parametrize(
    ("tag", "outcome", "error"),
    [
        ("run", Outcome(result="no", success=False, failure=Failure.MISSING), "function not available"),
        ("run", Outcome(result="Traceback …\nValueError: bad", success=False), "ValueError: bad"),
        ("caller", None, "what a minion calls by itself"),
    ],
)
async def test_what_fails_is_told_counted_and_logged_with_its_reason(open_house, tag, outcome, error):
    async with open_house() as house:
        house.outcomes["event.send"] = outcome
        with structlog.testing.capture_logs() as logs:
            await house.fire(tag, "ping")
        (failed,) = [told for told in house.told if not told.success]
        assert error in failed.error
        assert [entry["event"] for entry in logs] == ["reactor.failed"]
        assert error in logs[0]["reason"]
        assert (house.desk.counts.failed, house.desk.counts.ran) == (1, 1)


async def test_why_a_private_function_failed_is_told_to_nobody(open_house, tmp_path):
    (tmp_path / "pillar.sls").write_text("p:\n  runner.pillar.show_pillar: []\n")
    async with open_house({"private": "pillar.sls"}) as house:
        house.outcomes["pillar.show_pillar"] = Outcome(result="password: hunter2", success=False)
        with structlog.testing.capture_logs() as logs:
            await house.fire("private")
    assert "hunter2" not in f"{logs}{house.told[0].to_data()}"


async def test_a_bad_file_is_named_with_its_line_and_the_next_event_is_reacted_to(open_house, tmp_path):
    async with open_house() as house:
        with structlog.testing.capture_logs() as logs:
            await house.fire("broken", "ping")
        (entry,) = logs
        assert (entry["event"], entry["tag"]) == ("reactor.render_failed", "broken")
        assert entry["place"] == f"{tmp_path}/broken.sls:1"
        assert [request.fun for request in house.asked] == ["test.ping"]


async def test_a_missing_file_is_told_and_so_is_a_worker_that_died(open_house):
    async with open_house({"gone": "gone.sls", "ping": "ping.sls"}) as house:
        with structlog.testing.capture_logs() as logs:
            await house.fire("gone")
            house.dies = True
            await house.fire("ping")
            house.dies = False
            await house.fire("ping")
        assert [entry["event"] for entry in logs] == ["reactor.missing", "reactor.not_rendered"]
        assert len(house.asked) == 1


async def test_a_job_for_nobody_is_no_failure_and_is_said(open_house):
    async with open_house() as house:
        with structlog.testing.capture_logs() as logs:
            await house.fire("nowhere")
        assert [entry["event"] for entry in logs] == ["reactor.nobody"]
        assert house.told[0].jid is None
        assert house.desk.counts.failed == 0


async def test_a_loop_ends_with_one_line(open_house):
    async with open_house(max_depth=3) as house:
        with structlog.testing.capture_logs() as logs:
            await house.fire("run", depth=2)
            await house.fire("run", "run", depth=3)
        assert [request.asker.depth for request in house.asked] == [3]
        assert [(entry["event"], entry["depth"]) for entry in logs] == [("reactor.loop_ended", 3)]
        assert house.desk.counts.ended == 2


async def test_what_a_job_of_a_reaction_returns_is_as_deep_as_the_job(open_house):
    async with open_house({"salt/job/*/ret/*": "run.sls"}) as house:
        job = {"jid": "20261122124204617323", "fun": "test.ping", "arg": [], "user": "root"}
        await house.bus.publish(
            JobNew(**job, tgt="*", tgt_type="glob", minions=["m1"], missing=[], origin=Origin("plugin", "reactor", 4))
        )
        returned = JobReturned(id="m1", jid=job["jid"], fun="test.ping", fun_args=[], result=True)
        await house.bus.publish(returned)
        await wait_all_tasks_blocked()
        assert [request.asker.depth for request in house.asked] == [5]


async def test_what_the_reactor_runs_and_says_wakes_nothing(open_house):
    async with open_house({"salt/run/*": "run.sls", "trisalt/*": "run.sls"}) as house:
        facts = {"fun": "runner.test.arg", "jid": "1", "fun_args": []}
        await house.bus.publish(RunnerNew(**facts, user="Reactor"))
        await house.bus.publish(Reacted(to="x", sls="/x", reaction="r", fun="local.test.ping", success=True))
        await wait_all_tasks_blocked()
        assert house.asked == []
        await house.bus.publish(RunnerNew(**facts, user="root"))
        await wait_all_tasks_blocked()
        assert len(house.asked) == 1


def test_requests_of_minions_are_made_events_for_nobodys_reactor():
    assert RequestAnswered not in HEARD
    assert JobReturned in HEARD


async def test_more_than_may_wait_is_shed_and_counted(open_house):
    async with open_house(worker_threads=1, worker_hwm=1, renderers=1) as house:
        house.gates["event.send"] = trio.Event()
        with structlog.testing.capture_logs() as logs:
            await house.fire("run")
            await house.fire("run")
            await house.fire("run")
            await house.fire("run")
        assert house.desk.counts.shed == 2
        assert [entry["event"] for entry in logs] == ["reactor.shed"]


async def test_what_waits_when_the_master_ends_is_said_to_be_left(open_house):
    with structlog.testing.capture_logs() as logs:
        async with open_house(worker_threads=1) as house:
            house.gates["event.send"] = trio.Event()
            await house.fire("run")
            await house.fire("run")
    assert [(entry["event"], entry["count"]) for entry in logs if entry["event"] == "reactor.left"] == [
        ("reactor.left", 1)
    ]


async def test_who_has_no_reactors_hears_nothing_until_there_is_one(open_house, tmp_path):
    async with open_house({}) as house:
        assert not house.bus.wanted(TaggedEvent)
        with pytest.raises(CommandError, match="Reactor system is not running"):
            await house.bus.ask(ReactorRequest(op="list"))
        house.desk.load([{"ping": str(tmp_path / "ping.sls")}])
        await wait_all_tasks_blocked()
        await house.fire("ping")
        assert len(house.asked) == 1


async def test_the_map_is_listed_added_to_and_taken_from(open_house, tmp_path):
    async with open_house({"ping": "ping.sls"}) as house:
        ask, path = house.bus.ask, str(tmp_path / "ping.sls")
        assert await ask(ReactorRequest(op="add", event="new", reactors=[path])) == {
            "status": True,
            "comment": "Reactor added.",
        }
        assert (await ask(ReactorRequest(op="add", event="new", reactors=["/x"])))["status"] is False
        assert await ask(ReactorRequest(op="list")) == [{"ping": [path]}, {"new": [path]}]
        await house.fire("new")
        assert (await ask(ReactorRequest(op="delete", event="new")))["comment"] == "Reactor deleted."
        assert (await ask(ReactorRequest(op="delete", event="new")))["status"] is False
        await house.fire("new")
        assert len(house.asked) == 1


async def test_who_does_not_lead_does_not_react(open_house):
    async with open_house() as house:
        assert await house.bus.ask(ReactorRequest(op="is_leader")) is True
        assert await house.bus.ask(ReactorRequest(op="set_leader", value=False)) is False
        await house.fire("ping")
        assert house.asked == []
        assert await house.bus.ask(ReactorRequest(op="set_leader")) is True
        await house.fire("ping")
        assert len(house.asked) == 1


@pytest.mark.parametrize(
    ("text", "complaint"),
    [(None, "No such file"), ("- a: [\n", "map.yml:2: "), (b"\xff\xfe\xfa", "it is no text")],
)
def test_a_map_that_cannot_be_read_leaves_the_one_before(tmp_path, text, complaint):
    path = tmp_path / "map.yml"
    path.write_text("- tag: [/a.sls]\n")
    desk = ReactorDesk(str(path))
    assert desk.rows == [("tag", ["/a.sls"])]
    path.unlink()
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with structlog.testing.capture_logs() as logs:
        desk.load(str(path))
    assert [entry["event"] for entry in logs] == ["reactor.map_unreadable"]
    assert complaint in logs[0]["reason"]
    assert desk.rows == [("tag", ["/a.sls"])]
