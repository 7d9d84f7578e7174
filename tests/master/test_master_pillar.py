"""`_pillar`: compiled for the minion that asks, kept, and told; what fails is the minion's to know, not to see."""

from __future__ import annotations

import inspect

import attrs
import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from trisalt.bus.bus import Bus
from trisalt.bus.events import MinionDataRefreshed
from trisalt.bus.requests import PillarRequest, TopsRequest
from trisalt.errors import CommandError, StoreError, WorkerDied
from trisalt.master.pillar import FAILED, serve_pillar
from trisalt.store.sqlite import open_store
from trisalt.wire.codec import pack_bin, unpack_bin

TREE = {
    "top.sls": "base:\n  '*': [common]\n  'os:Debian':\n    - match: grain\n    - debian\n  m1: [secret]\n",
    "common.sls": "id: {{ grains.id }}\nenv: {{ saltenv }}\nover: {{ pillar.get('o') }}\n",
    "debian.sls": "packages: apt\n",
    "secret.sls": "password: hunter2\n",
    "broken.sls": "password: hunter3\nx: {{ nope }}\n",
}


@attrs.define
class Child:
    opts: dict


@attrs.define
class Workers:
    """Runs functions here, their arguments and results as they come through a socket."""

    opts: dict
    running: int = 0
    most: int = 0
    warm: list = attrs.field(factory=list)
    raises: Exception | None = None
    door: trio.Event = attrs.field(factory=trio.Event)

    async def run(self, function, *args, warm=False):
        self.warm.append(warm)
        self.running += 1
        self.most = max(self.most, self.running)
        await self.door.wait()
        self.running -= 1
        if self.raises is not None:
            raise self.raises
        assert "context" in inspect.signature(function).parameters
        return unpack_bin(pack_bin(function(*unpack_bin(pack_bin(args)), context=Child(self.opts))))


@pytest.fixture
def opts(tmp_path):
    for name, text in TREE.items():
        (tmp_path / "pillar").mkdir(exist_ok=True)
        (tmp_path / "pillar" / name).write_text(text)
    return {"pillar_roots": {"base": [str(tmp_path / "pillar")]}, "extension_modules": str(tmp_path / "extmods")}


@pytest.fixture
async def house(nursery, tmp_path, opts):
    async with open_store(tmp_path / "trisalt.db") as store:
        bus, workers = Bus(), Workers(opts)
        workers.door.set()
        await nursery.start(
            lambda task_status: serve_pillar(bus, store.banks, workers, opts, max_running=2, task_status=task_status)
        )
        yield bus, store.banks, workers
        nursery.cancel_scope.cancel()


def asked(id="m1", **fields):
    return PillarRequest(id=id, grains={"os": "Debian", "id": "root-of-all", **fields.pop("grains", {})}, **fields)


async def test_the_id_is_the_authenticated_one(house):
    bus, banks, _ = house
    assert await bus.ask(asked("m1")) == {
        "id": "m1",
        "env": "base",
        "over": "None",
        "packages": "apt",
        "password": "hunter2",
    }
    assert await bus.ask(asked("m2", grains={"id": "m1"})) == {
        "id": "m2",
        "env": "base",
        "over": "None",
        "packages": "apt",
    }
    assert (await banks.fetch("grains", "m2"))["id"] == "m2"


async def test_grains_and_pillar_are_kept_and_told(house):
    bus, banks, _ = house
    async with bus.subscribe(MinionDataRefreshed, keep=True) as told:
        pillar = await bus.ask(asked("m1"))
        event = await told.receive()
    assert (event.tag, event.id) == ("minion/refresh/m1", "m1")
    assert await banks.fetch("pillar", "m1") == pillar
    assert await banks.fetch("grains", "m1") == {"os": "Debian", "id": "m1"}


async def test_an_override_is_laid_over(house):
    bus, _, _ = house
    pillar = await bus.ask(asked(pillar_override={"packages": "mine", "new": 1}))
    assert (pillar["packages"], pillar["new"]) == ("mine", 1)


@pytest.fixture
def caching(opts):
    opts |= {"pillar_cache": True, "pillar_cache_ttl": 60}


async def test_a_cached_pillar_is_given_again_until_it_is_old(caching, house, tmp_path, autojump_clock):
    bus, banks, workers = house
    first = await bus.ask(asked())
    (tmp_path / "pillar" / "debian.sls").write_text("packages: other\n")
    compiled = len(workers.warm)
    assert await bus.ask(asked(grains={"os": "Debian", "new": 1})) == first
    assert len(workers.warm) == compiled
    assert (await banks.fetch("grains", "m1"))["new"] == 1
    await trio.sleep(61)
    assert (await bus.ask(asked()))["packages"] == "other"


@pytest.mark.parametrize(
    "fields", [{"clean_cache": True}, {"pillarenv": "base"}, {"pillar_override": {"packages": "other"}}, {"id": "m2"}]
)
async def test_a_cached_pillar_is_not_given_for_another_question(caching, house, tmp_path, fields):
    bus, _, _ = house
    await bus.ask(asked())
    (tmp_path / "pillar" / "debian.sls").write_text("packages: other\n")
    assert (await bus.ask(asked(**fields)))["packages"] == "other"


async def test_a_cache_that_is_cleared_is_empty(caching, house, tmp_path):
    bus, banks, _ = house
    await bus.ask(asked())
    (tmp_path / "pillar" / "debian.sls").write_text("packages: other\n")
    await banks.flush("pillar", "m1")
    assert (await bus.ask(asked()))["packages"] == "other"


async def test_a_pillar_with_errors_is_not_cached(caching, house, tmp_path):
    bus, _, _ = house
    (tmp_path / "pillar" / "debian.sls").write_text("{{ nope }}\n")
    assert "_errors" in await bus.ask(asked())
    (tmp_path / "pillar" / "debian.sls").write_text("packages: mended\n")
    assert (await bus.ask(asked()))["packages"] == "mended"


async def test_what_was_not_kept_is_not_given_again(caching, house, tmp_path):
    bus, banks, _ = house
    await bus.ask(asked(pillar_override={"packages": "over"}))
    assert (await bus.ask(asked()))["packages"] == "apt"
    (tmp_path / "pillar" / "debian.sls").write_text("packages: other\n")

    async def store_all(_rows):
        raise StoreError("no space left on device")

    keep, banks.store_all = banks.store_all, store_all
    assert (await bus.ask(asked(clean_cache=True)))["packages"] == "other"
    banks.store_all = keep
    (tmp_path / "pillar" / "debian.sls").write_text("packages: third\n")
    assert (await bus.ask(asked()))["packages"] == "third"


async def test_without_the_option_each_pillar_is_compiled(house, tmp_path):
    bus, _, _ = house
    await bus.ask(asked())
    (tmp_path / "pillar" / "debian.sls").write_text("packages: other\n")
    assert (await bus.ask(asked()))["packages"] == "other"


async def test_what_fails_is_in_errors_without_the_reason(house, opts, tmp_path):
    bus, _, _ = house
    (tmp_path / "pillar" / "top.sls").write_text("base:\n  '*': [broken, common, gone]\n")
    pillar = await bus.ask(asked())
    assert pillar["id"] == "m1"
    assert pillar["_errors"] == [
        "Rendering SLS 'broken' failed. Please see master log for details.",
        "Specified SLS 'gone' in environment 'base' is not available on the salt master",
    ]


async def test_the_log_names_file_and_line_and_no_value(house, tmp_path, capsys):
    bus, _, _ = house
    (tmp_path / "pillar" / "top.sls").write_text("base:\n  '*': [broken]\n")
    await bus.ask(asked())
    said = capsys.readouterr().out
    assert "pillar.render_failed" in said
    assert str(tmp_path / "pillar" / "broken.sls") in said
    assert "line=2" in said
    assert "'nope' is undefined" in said
    assert "hunter" not in said


async def test_so_many_at_once_and_no_more(house):
    bus, _, workers = house
    workers.door = trio.Event()
    async with trio.open_nursery() as nursery:
        for number in range(6):
            nursery.start_soon(bus.ask, asked(f"m{number}"))
        await wait_all_tasks_blocked()
        assert workers.running == 2
        workers.door.set()
    assert workers.most == 2


async def test_a_worker_that_died_leaves_the_request_unanswered(house):
    bus, banks, workers = house
    workers.raises = WorkerDied("died with signal 9", status=-9)
    with pytest.raises(WorkerDied):
        await bus.ask(asked())
    assert await banks.fetch("pillar", "m1") is None
    workers.raises = None
    assert (await bus.ask(asked()))["id"] == "m1"


async def test_a_compilation_that_cannot_be_is_answered_with_an_error(house):
    bus, _, workers = house
    workers.raises = CommandError("pillar_roots is no map")
    assert await bus.ask(asked()) == {"_errors": [FAILED]}


async def test_the_minion_gets_its_pillar_when_the_store_is_full(house, tmp_path):
    bus, _, _ = house
    (tmp_path / "trisalt.db").unlink()
    assert (await bus.ask(asked()))["id"] == "m1"


async def test_nothing_of_one_minion_is_there_for_the_next(house, tmp_path):
    bus, _, _ = house
    (tmp_path / "pillar" / "common.sls").write_text(
        "{% do opts.update({'left': grains.id}) %}{% do grains.update({'more': 1}) %}{% do pillar.update({'l': 1}) %}"
        "{% do opts.pillar_roots.base.append('/tmp') %}\n"
        "{% set ns = namespace(x=grains.id) %}seen: {{ [grains.id, ns.x] | json }}\n"
    )
    (tmp_path / "pillar" / "debian.sls").write_text(
        "left: {{ opts.get('left') }}\nroots: {{ opts.pillar_roots.base | length }}\np: {{ pillar | json }}\n"
    )
    first, second = [await bus.ask(asked(id)) for id in ("m2", "m3")]
    assert first == {"seen": ["m2", "m2"], "left": "m2", "roots": 2, "p": {"l": 1}, "l": 1}
    assert second == {"seen": ["m3", "m3"], "left": "m3", "roots": 2, "p": {"l": 1}, "l": 1}


async def test_plugin_code_runs_in_a_process_of_its_own(house, tmp_path):
    bus, _, workers = house
    await bus.ask(asked("m1"))
    assert workers.warm == [True]
    (tmp_path / "pillar" / "common.sls").write_text("id: {{ salt['test.echo'](grains.id) }}\n")
    assert (await bus.ask(asked("m1")))["id"] == "m1"
    assert workers.warm == [True, True, False]
    await bus.ask(asked("m1"))
    assert workers.warm == [True, True, False, False]
    await bus.ask(asked("m2"))
    assert workers.warm[4:] == [True, False]


@pytest.mark.parametrize(
    "text",
    [
        "x: {{ salt.test.ping() }}",
        "x: {{ 'test.ping' in salt }}",
        "x: {% for name in salt %}{% endfor %}",
        "x: {{ salt | length }}",
        "x: {{ salt['no.such']() }}",
        "#!somebodys|yaml\nx: 1",
        "#!py\ndef run():\n    return {'x': 1}",
    ],
)
async def test_a_shared_process_runs_no_plugin_code(house, tmp_path, text):
    bus, _, workers = house
    (tmp_path / "pillar" / "common.sls").write_text(text + "\n")
    await bus.ask(asked("m1"))
    assert workers.warm == [True, False]


async def test_reading_pillar_and_grains_is_no_reason_for_a_process(house, tmp_path):
    bus, _, workers = house
    text = "os: {{ salt['grains.get']('os') }}{{ salt.pillar.get('o', 5) }}\n"
    (tmp_path / "pillar" / "common.sls").write_text(text)
    assert (await bus.ask(asked("m1")))["os"] == "Debian5"
    assert workers.warm == [True]


@pytest.mark.parametrize("option", [{"ext_pillar": [{"x": 1}]}, {"module_dirs": ["/x"]}])
async def test_the_operators_own_code_runs_in_a_process_of_its_own(house, opts, option):
    bus, _, workers = house
    opts.update(option)
    await bus.ask(asked("m1"))
    assert workers.warm == [True, False]


async def test_master_tops_are_merged(house, opts, tmp_path):
    bus, _, _ = house
    assert await bus.ask(TopsRequest(id="m1", opts={"id": "m1"})) == {}
    (tmp_path / "extmods" / "tops").mkdir(parents=True)
    for name, text in {
        "one": "def top(**kwargs):\n    return {'base': [kwargs['opts']['id'], 'a']}\n",
        "two": "def top(**kwargs):\n    return {'base': ['a', 'b'], 'dev': [kwargs['grains']['os']]}\n",
        "bad": "def top(**kwargs):\n    raise ValueError('no')\n",
    }.items():
        (tmp_path / "extmods" / "tops" / f"{name}.py").write_text(text)
    opts["master_tops"] = {"one": {}, "bad": {}, "two": {}, "gone": {}}
    found = await bus.ask(TopsRequest(id="m1", opts={"id": "liar", "grains": {"os": "Debian"}}))
    assert found == {"base": ["m1", "a", "b"], "dev": ["Debian"]}
