"""`schedule.*` beside stock's: one master, a minion of each, the same calls in one job, and what each answers.

`CALLS` is the table, in order: each row finds the schedule as the rows before it left it. Where ours answers something
else on purpose, `ours` says what, and `why`.
"""

import pytest

from tests.interop import beside, staterows_schedule
from tests.interop.beside import agree, each
from tests.interop.staterows_schedule import ROWS
from tests.interop.states import compare
from tests.support.lab import open_lab
from trisalt.client.door import Door
from trisalt.client.jobs import publish

pytestmark = [pytest.mark.interop, pytest.mark.timeout(180)]

PILLAR = "schedule:\n  p:\n    function: test.ping\n    hours: 2\n    run_on_start: false\n"
IN_PILLAR = "Cannot modify job p, it's in the pillar!"
FORBIDDEN = "a job of the pillar stays as it is, and that is said"


class Call(beside.Call):
    """One row: a function of the shelf by its last name."""

    def __init__(self, fun, *args, **kwargs):
        super().__init__(f"schedule.{fun}", *args, **kwargs)


def refused(comment, **more):
    return ({"comment": comment, "result": False, **more}, 1)


def done(comment, **more):
    return ({"comment": comment, "result": True, **more}, 0)


def without_names(found):
    """Stock writes an entry's name into it when it first looks at it."""
    return {name: {k: v for k, v in item.items() if k != "name"} for name, item in found.items() if name != "enabled"}


HOURLY = {"function": "test.ping", "seconds": 3600, "run_on_start": False}
CALLS = [
    Call("list", return_yaml=False, only=without_names),
    Call("list", where="pillar", return_yaml=False, only=without_names),
    Call("add", "j1", **HOURLY, test=True),
    Call("add", "j1", **HOURLY),
    Call("add", "j1", **HOURLY),
    Call("add", "j2", function="test.ping", seconds=3600, cron="* * * * *"),
    Call("add", "j2", function="test.ping", when="5pm", cron="* * * * *"),
    Call("add", "j2", function="test.ping", when="gurka"),
    Call("add", "j2", function="test.ping", seconds=60, job_args="x"),
    Call("add", "j2", function="test.ping", seconds=60, job_kwargs="x"),
    Call("add", "", function="test.ping", seconds=60),
    Call(
        "add", "bad", function="test.ping", cron="bad cron",
        ours=refused(
            "schedule entry 'bad': cron 'bad cron': Exactly 5, 6 or 7 columns has to be specified for iterator"
            " expression.", changes={},
        ), why="what can never run is not taken",
    ),
    Call(
        "add", "bad", function="nosuch.fun", hours=3,
        ours=refused("Function nosuch.fun is not available.", changes={}), why="nor what does not exist",
    ),
    Call("delete", "bad", ours=refused("Job bad does not exist.", changes={}), why="so it is not there"),
    Call(
        "add", "j3", function="test.echo", hours=6, run_on_start=False, job_args=["a"], job_kwargs={"b": 1},
        splay={"start": 1, "end": 5}, until="12/31/2030 11:59pm", range={"start": "8:00am", "end": "5:00pm"},
        maxrunning=2, metadata={"a": 1}, return_job="nocache", enabled=False,
    ),
    Call("add", "j4", function="test.ping", when=["5pm", "Monday 9am"], skip_during_range={"start": "1am", "end": "2am"}),
    Call("add", "j5", function="test.ping", once="2030-01-01T00:00:00", persist=False),
    Call("add", "p", **HOURLY),
    Call("list", return_yaml=False, only=without_names),
    Call("list", show_disabled=False, return_yaml=False, only=lambda found: sorted(found)),
    Call("list", offline=True, return_yaml=False, only=lambda found: sorted(found.get("j3", {}))),
    Call("is_enabled"),
    Call("is_enabled", "j1"),
    Call("is_enabled", "nope"),
    Call("job_status", "j1", only=lambda found: {key: found[key] for key in ("function", "seconds", "enabled")}),
    Call("job_status", "nope"),
    # Stock knows of it a second later.
    Call("show_next_fire_time", "j1", only=sorted),
    Call("show_next_fire_time", "nope"),
    Call("show_next_fire_time", ""),
    Call("run_job", "nope"),
    Call("run_job", "j1"),
    Call("run_job", "j3"),
    Call("run_job", "j3", force=True),
    Call("modify", "nope", function="test.ping", seconds=60),
    Call("modify", "j1", **HOURLY),
    Call("modify", "j1", function="test.ping", seconds=3660, test=True),
    Call("modify", "j1", seconds=3660, run_on_start=False),
    Call("modify", "j1", function="test.ping", seconds=3660, when="5pm"),
    Call("modify", "j1", function="test.ping", job_args="x", minutes=4),
    Call(
        "modify", "p", function="test.ping", hours=3,
        ours=refused(IN_PILLAR, changes={}), why=FORBIDDEN,
    ),
    Call("disable_job", "j1", test=True),
    Call("disable_job", "j1"),
    Call("disable_job", "nope"),
    Call("disable_job", "p", ours=refused(IN_PILLAR, changes={}), why=FORBIDDEN),
    Call("show_next_fire_time", "j1", only=sorted),
    Call("is_enabled", "j1"),
    Call(
        "enable_job", "j1", test=True,
        ours=done("Job: j1 would be enabled in schedule.", changes={}), why="a test changes nothing",
    ),
    Call("enable_job", "j1"),
    Call("enable_job", "nope"),
    Call(
        "skip_job", "j1", "2030-01-01T00:00:00", test=True,
        ours=done("Job: j1 would be skipped in schedule."), why="a test changes nothing",
    ),
    Call("skip_job", "j1", "2030-01-01T00:00:00"),
    Call("skip_job", "j1", "2030-01-01 00:00", time_fmt="%Y-%m-%d %H:%M"),
    Call("skip_job", "j1", "nonsense"),
    Call("skip_job", "nope", "2030-01-01T00:00:00"),
    Call("postpone_job", "j1", "2030-01-01T00:00:00", "2030-01-01T01:00:00"),
    Call("postpone_job", "j1", "2030-01-01T00:00:00", "garbage"),
    Call("postpone_job", "j1", "", "2030-01-01T00:00:00"),
    Call("postpone_job", "j1", "2030-01-01T00:00:00", ""),
    Call("postpone_job", "", "2030-01-01T00:00:00", "2030-01-01T00:00:00"),
    Call("postpone_job", "nope", "2030-01-01T00:00:00", "2030-01-01T01:00:00"),
    Call("disable", test=True),
    Call("disable"),
    Call("is_enabled"),
    Call("enable"),
    Call("list", where="opts", return_yaml=False, only=lambda found: found["enabled"]),
    Call("save", test=True),
    Call("save"),
    Call("build_schedule_item", "x", function="test.ping", seconds=60),
    Call("build_schedule_item", "x", function="test.ping", when="junk"),
    Call("build_schedule_item", "x", function="test.ping", seconds=60, cron="x"),
    Call("build_schedule_item", "", function="test.ping"),
    Call("delete", "j4", test=True),
    Call("delete", "j4"),
    Call("delete", "j4"),
    Call("delete", "p"),
    Call("add", "off", function="test.ping", seconds=60, offline=True),
    Call(
        "disable_job", "off", offline=True,
        ours=done("Disabled Job off in schedule.", changes={"off": "disabled"}), why="what is on disk is found there",
    ),
    Call("delete", "off", offline=True),
    Call("move", "nope", "nobody"),
    Call("move", "j1", "nobody", test=True),
    Call("copy", "j1", "nobody", test=True),
    Call("purge", test=True, only=lambda found: sorted(found["comment"])[0]),
    Call("purge", only=lambda found: sorted(found["changes"])),
    Call("list", show_disabled=False, return_yaml=False, only=without_names),
]  # fmt: skip


@pytest.fixture(scope="module")
def lab():
    with open_lab() as lab:
        folder = lab.configure_master()
        (folder / "pillar" / "top.sls").write_text("base:\n  '*':\n    - site\n")
        (folder / "pillar" / "site.sls").write_text(PILLAR)
        (folder / "srv" / "jobs.sls").write_text(staterows_schedule.sls())
        lab.start_master("ours", timeout=2, gather_job_timeout=2)
        conf = {"conf": {"function": "test.ping", "hours": 1, "run_on_start": False}}
        for kind in ("stock", "ours"):
            lab.start_minion(kind, kind, schedule=conf, multifunc_ordered=True, mine_enabled=False)
        lab.accept("stock", "ours")
        yield lab


@pytest.fixture(scope="module")
def answers(lab):
    """`{minion: [(return, retcode) of each row]}`."""
    door = Door(str(lab.master_dir() / "run" / "master.sock"))
    arg = [[*call.args, *([{"__kwarg__": True, **call.kwargs}] if call.kwargs else [])] for call in CALLS]
    with publish(door, "*", [call.fun for call in CALLS], arg, timeout=100) as job:
        found = {body["id"]: (body["return"], body["retcode"]) for body in job}
    return {
        id: [(values[str(number)], codes[str(number)]) for number in range(len(CALLS))]
        if "0" in values
        else [(values[number], codes[number]) for number in range(len(CALLS))]
        for id, (values, codes) in found.items()
    }


@each(CALLS)
def test_ours_answers_as_stock_does(answers, number):
    call = CALLS[number]
    stock, ours = (answers[kind][number] for kind in ("stock", "ours"))
    if call.only:
        stock, ours = ((call.only(value), code) for value, code in (stock, ours))
    agree(call, stock, ours)


def test_stocks_own_salt_call_manages_the_schedule_of_a_minion_of_ours(lab):
    done = lab.run(
        "salt-call", "--local", "schedule.add", "theirs", "function=test.ping", "days=3", minion="ours", kind="stock"
    )
    assert (done.returncode, "Added job: theirs to schedule." in done.stdout) == (0, True), done.stdout + done.stderr
    assert "theirs:" in lab.salt("ours", "schedule.list")["ours"]


@pytest.fixture(scope="module")
def states(lab, answers):
    """What the states answered, after all the calls: `{minion: [{phase: answer} of each row]}`."""
    door = Door(str(lab.master_dir() / "run" / "master.sock"))
    jobs = [[name, {"__kwarg__": True, **job}] for name, job in staterows_schedule.THERE.items()]
    with publish(door, "*", ["schedule.add"] * len(jobs), jobs, timeout=60) as job:
        assert len(list(job)) == 2
    found = {"stock": [{} for _ in ROWS], "ours": [{} for _ in ROWS]}
    for phase in ("preview", "applied", "again"):
        arg = ["jobs", {"__kwarg__": True, "test": phase == "preview"}]
        with publish(door, "*", "state.apply", arg, timeout=60) as job:
            for body in job:
                told = staterows_schedule.answers(body["return"])
                for row, each in zip(found[body["id"]], told, strict=True):
                    row[phase] = each
    return found


each_state = pytest.mark.parametrize("number", range(len(ROWS)), ids=[f"{n}-{row}" for n, row in enumerate(ROWS)])


@each_state
def test_our_state_does_as_stocks_does(states, number):
    compare(ROWS, states, number, "applied")


@each_state
def test_a_preview_says_in_stocks_words_what_would_change(states, number):
    ours, stock = (states[kind][number] for kind in ("ours", "stock"))
    if ours["applied"]["result"]:
        assert (ours["preview"]["result"] is None) == bool(ours["applied"]["changes"])
    if ours["preview"]["result"] is None:
        assert ours["preview"]["comment"] == stock["preview"]["comment"]


@each_state
def test_a_second_run_changes_nothing(states, number):
    again, applied = states["ours"][number]["again"], states["ours"][number]["applied"]
    assert (again["result"], again["changes"]) == (applied["result"], {})
