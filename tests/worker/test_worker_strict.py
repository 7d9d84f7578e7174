"""The child that is kept for what may do anything: what follows in it knows nothing of what was before, or it is gone."""

import signal
from functools import partial

import pytest
import trio

from tests.worker.conftest import alive, call, until
from trisalt.errors import WorkerDied
from trisalt.worker import pool

STRICT = {"warm": True, "strict": True}
# Says what it sees, and tries to leave something for whoever comes next.
NOSY = """
{%- set seen = [pillar.get('p'), pillar.get('own'), saltenv, opts.get('test'), opts.get('left'), grains.get('left')] %}
{%- do opts.update({'left': 1, 'test': 'changed'}) %}{% do grains.update({'left': 1}) %}{% do pillar.update({'own': 1}) %}
{%- do grains.setdefault('nested', grains.get('ipv4')).append(1) %}
nosy:
  test.nop:
    - seen: {{ (seen + [grains['nested']]) | tojson }}
"""


@pytest.fixture(autouse=True)
async def _deadline():
    with trio.fail_after(60):
        yield


@pytest.fixture
def states(lab):
    """A minion that has its files itself."""
    for env in ("base", "dev"):
        (lab.root / env).mkdir()
        (lab.root / env / "nosy.sls").write_text(NOSY)
        (lab.root / env / "code.sls").write_text("#!py\ndef run(): return {'one': {'test.nop': []}}\n")
        (lab.root / env / "site.sls").write_text("one: site.done\n")
    lab.write("site", "def done(name): return {'name': name, 'result': True, 'comment': '', 'changes': {}}\n", "states")

    def context(pillar=None, version=0, **opts):
        roots = {env: [str(lab.root / env)] for env in ("base", "dev")}
        opts |= {"file_client": "local", "file_roots": roots, "cachedir": str(lab.root / "cache")}
        grains = {"os": "Debian", "nested": []}
        lab.context = lab.make(opts=opts, grains=grains, pillar=pillar, version=version)

    lab.given = context
    context()
    lab.answers["running"] = []
    return lab


async def run(workers, fun, *arg, jid="1", kwarg=(), kind="modules", **how):
    """Run a function so, and where it ran."""
    pids = []
    job = call(fun, *arg, jid=jid, kwarg=dict(kwarg), kind=kind)
    outcome = await workers.run_job(job, on_start=pids.append, **{**STRICT, **how})
    return pids[-1], outcome


async def test_jobs_in_one_process_do_not_see_each_others(states):
    kwargs = [
        {"pillar": {"p": 1, "own": 2}, "saltenv": "dev", "test": True},
        {},
        {"pillar": {"p": 2}, "test": False},
        {"saltenv": "dev"},
    ]
    async with states.workers() as workers:
        kept = [await run(workers, "state.show_low_sls", "nosy", kwarg=kwarg) for kwarg in kwargs]
    assert len({pid for pid, _outcome in kept}) == 1
    assert [outcome.result[0]["seen"] for _pid, outcome in kept] == [
        [1, 2, "dev", True, None, None, [1]],
        [None, None, "base", None, None, None, [1]],
        [2, None, "base", False, None, None, [1]],
        [None, None, "dev", None, None, None, [1]],
    ]


async def test_what_a_master_shows_in_one_process_is_of_each_call(states):
    fun, kwargs = "state.orchestrate_show_sls", ({"pillar": {"p": 1, "own": 2}, "saltenv": "dev"}, {}, {"test": True})
    async with states.workers() as workers:
        found = [await run(workers, fun, "nosy", kwarg=kwarg, kind="runners") for kwarg in kwargs]
    assert len({pid for pid, _outcome in found}) == 1
    seen = [outcome.result["m1"]["nosy"]["test"][0]["seen"] for _pid, outcome in found]
    assert [each[:6] for each in seen] == [
        [1, 2, "dev", None, None, None],
        [None, None, "base", None, None, None],
        [None, None, "base", True, None, None],
    ]
    assert len({len(each[6]) for each in seen}) == 1


LEAVES = {
    "a state that changes nothing": ("state.single", ["test.nop", "one"], True),
    "files that say nothing wrong": ("state.sls", ["nosy"], True),
    "a change": ("state.single", ["test.succeed_with_changes", "one"], False),
    "a failed state": ("state.single", ["test.fail_without_changes", "one"], False),
    "files that cannot be compiled": ("state.sls", ["nosuch"], False),
    "a file that is Python": ("state.sls", ["code"], False),
    "a state module of the site": ("state.sls", ["site"], False),
    "a function that is not there": ("state.nosuch", [], False),
    "a variable in the environment": ("environ.setval", ["TRISALT_LEFT", "1"], False),
    "a module of the site": ("probe.pid", [], False),
}


async def test_a_process_in_which_something_is_left_is_not_used_again(states):
    found = {}
    async with states.workers() as workers:
        for what, (fun, arg, _kept) in LEAVES.items():
            first, _outcome = await run(workers, fun, *arg)
            second, outcome = await run(workers, "state.single", "test.nop", "one")
            assert outcome.retcode == 0
            found[what] = first == second
    assert found == {what: kept for what, (_fun, _arg, kept) in LEAVES.items()}


async def test_only_another_pillar_is_taken_into_a_process_that_is_kept(states):
    pids = []
    async with states.workers() as workers:
        for given in ({}, {"pillar": {"p": 1}}, {"renderer": "jinja|json"}, {"renderer": "jinja|json", "version": 1}):
            states.given(**given)
            pids.append((await run(workers, "state.single", "test.nop", "one"))[0])
    assert [pids[0] == pids[1], len(set(pids))] == [True, 3]


async def test_jobs_at_the_same_time_have_a_process_each_and_one_is_kept(states):
    async with states.workers() as workers, trio.open_nursery() as nursery:
        found = []

        async def sleep(jid):
            found.append((await run(workers, "test.sleep", 0.3, jid=jid))[0])

        for jid in ("1", "2"):
            nursery.start_soon(sleep, jid)
        await until(lambda: len(found) == 2, "both have run")
        assert len(set(found)) == 2
        assert workers.statistics()["warm"] == 1


async def test_short_functions_have_a_child_beside_it(states):
    async with states.workers(max_warm=1) as workers:
        found = [(await run(workers, "test.ping", strict=bool(n % 2)))[0] for n in range(4)]
    assert found[:2] == found[2:]
    assert len(set(found)) == 2


async def test_a_signal_to_a_job_ends_its_process_and_not_the_next_job(states):
    jids = map(str, range(100))
    async with states.workers() as workers:
        for signum, died in ((signal.SIGKILL, True), (signal.SIGTERM, True), (signal.SIGWINCH, False)):
            first, _outcome = await run(workers, "state.single", "test.nop", "one", jid=next(jids))
            jid, ended = next(jids), []

            async def second(jid=jid, ended=ended, seconds=60 if died else 0.3):
                try:
                    ended.append((await run(workers, "test.sleep", seconds, jid=jid))[0])
                except WorkerDied as exc:
                    ended.append(exc.status)

            async with trio.open_nursery() as nursery:
                nursery.start_soon(second)
                await until(lambda jid=jid: jid in workers.running(), "it runs")
                assert workers.signal(jid, signum) == first
            assert ended == [-signum if died else first]
            third, outcome = await run(workers, "state.single", "test.nop", "one", jid=next(jids))
            assert third != first
            assert outcome.retcode == 0


async def test_it_does_not_stay_for_long(states, monkeypatch):
    async with states.workers() as workers:
        monkeypatch.setattr(pool, "WARM_IDLE", 0.1)
        first, _outcome = await run(workers, "state.single", "test.nop", "one")
        await until(lambda: not alive(first), "nobody needed it")
        monkeypatch.setattr(pool, "STRICT_CALLS", 1)
        second, _outcome = await run(workers, "state.single", "test.nop", "one")
        await until(lambda: not alive(second), "it was used often enough")


async def test_a_job_in_it_outlives_its_daemon_is_adopted_and_is_the_last_there(states, tmp_path):
    go, spool = tmp_path / "go", tmp_path / "spool"
    async with states.workers(door=states.door) as workers, trio.open_nursery() as nursery:
        first, _outcome = await run(workers, "state.single", "test.nop", "one")
        shell = f"while ! [ -e {go} ]; do sleep 0.02; done"
        job = partial(run, workers, "cmd.run", shell, jid="2", kwarg={"python_shell": True}, spool=spool)
        nursery.start_soon(job)
        await until(lambda: workers.running() == {"2": first}, "it runs")
        await until((tmp_path / ".spool.new").exists, "it has begun")
        nursery.cancel_scope.cancel()
    assert alive(first)
    async with states.workers(door=states.door):
        go.touch()
        await until(spool.exists, "its return is there")
        await until(lambda: not alive(first), "its process has ended")
