"""Who of several masters: names, orders, tries; and what a minion of several does apart for each of them."""

import json
import zlib
from contextlib import asynccontextmanager

import pytest
import structlog
import trio

from trisalt.bus.bus import Bus
from trisalt.bus.events import Connected, PillarRefresh
from trisalt.bus.requests import MasterRequest
from trisalt.config.read import read_minion
from trisalt.errors import ConfigError, MasterNotFound, Rejected, RequestTimeout, WorkerDied
from trisalt.minion.daemon import _keep
from trisalt.minion.facts import Facts
from trisalt.minion.masters import Rota, masters_of, named, rotas, watch_jobs
from trisalt.minion.pillar import Pillar, PillarOptions, keep_pillar
from trisalt.minion.upcalls import Upcalls
from trisalt.scheduler.entry import Entry, Source
from trisalt.scheduler.scheduler import Schedule
from trisalt.worker.protocol import Outcome, Upcall

ABC = named([("a", 4506), ("b", 4506), ("c", 4506)])


def names(rota):
    found = []
    for _ in range(3):
        found.append(rota.current.name)
        rota.failed()
    return "".join(found)


# -- names and orders ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        ([("a", 4506), ("b", 5506)], ["a", "b"]),
        ([("a", 4506), ("a", 5506), ("b", 4506)], ["a:4506", "a:5506", "b"]),
        ([("::1", 4506), ("::1", 5506)], ["[::1]:4506", "[::1]:5506"]),
        ([("a", 4506), ("a", 4506)], ["a"]),
    ],
)
def test_each_master_has_a_name_of_its_own(addresses, expected):
    assert [master.name for master in named(addresses)] == expected


@pytest.mark.parametrize(("said", "meant"), [("::1", True), ("[::1]:4506", True), ("[::1]:1", False), ("", False)])
def test_a_master_is_known_by_its_host_or_by_host_and_port(said, meant):
    assert named([("::1", 4506)])[0].called(said) is meant


@pytest.mark.parametrize(
    ("master_type", "orders"),
    [("str", ["aaa", "bbb", "ccc"]), ("func", ["aaa", "bbb", "ccc"]), ("failover", ["abc"]), ("disable", [])],
)
def test_the_type_says_which_links_there_are(master_type, orders):
    assert [names(rota) for rota in rotas(ABC, master_type=master_type, id="m1")] == orders


def test_a_distributed_minion_has_the_master_that_is_its_ids():
    for id in ("m1", "m2", "web7"):
        (rota,) = rotas(ABC, master_type="distributed", id=id, shuffle=True)
        assert (rota.current, rota.several) == (ABC[zlib.crc32(id.encode()) % 3], False)


def test_another_type_is_refused():
    with pytest.raises(ConfigError, match="master_type: standard is not supported"):
        rotas(ABC, master_type="standard", id="m1")


def test_shuffled_masters_come_in_every_order_and_the_one_to_go_back_to_stays_first():
    seen = {names(rotas(ABC, master_type="failover", id="m1", shuffle=True)[0]) for _ in range(300)}
    assert len(seen) == 6
    kept = {names(rotas(ABC, master_type="failover", id="m1", shuffle=True, keep_first=True)[0]) for _ in range(100)}
    assert kept == {"abc", "acb"}


def test_a_round_is_over_when_all_have_failed_and_none_is_counted_when_one_answers():
    rota = Rota(ABC)
    assert [rota.failed() for _ in range(6)] == [False, False, True, False, False, True]
    assert rota.rounds == 2
    rota.answered()
    assert rota.rounds == 0


# -- what is configured --------------------------------------------------------------------------------------------


def configured(tmp_path, **options):
    (tmp_path / "minion").write_text(json.dumps({"root_dir": str(tmp_path), "id": "m1", **options}))
    return read_minion(tmp_path)


@pytest.mark.parametrize(
    ("master", "more", "expected"),
    [
        (["a", "b:5506"], {}, [("a", 4506), ("b", 5506)]),
        (["[2001:db8::1]:5506", "2001:db8::2"], {}, [("2001:db8::1", 5506), ("2001:db8::2", 4506)]),
        (["2001:db8::5506"], {"master_uri_format": "ip_only"}, [("2001:db8::5506", 4506)]),
        ("192.0.2.1:7", {"master_uri_format": "ip_only"}, [("192.0.2.1:7", 4506)]),
    ],
)
def test_where_masters_are(tmp_path, master, more, expected):
    assert configured(tmp_path, master=master, **more).masters == expected


def test_what_is_configured_about_masters_is_of_effect(tmp_path):
    config = configured(
        tmp_path, master=["a", "b"], master_type="failover", master_alive_interval=30, master_failback=True,
        master_tries=3, master_uri_format="default", retry_dns_count=5, master_shuffle=True,
        zmq_heartbeat_ivl=1000, zmq_heartbeat_timeout=2000,
    )  # fmt: skip
    assert config.warnings == []
    assert config.master_failback_interval == 30
    assert config.random_master is True


def test_a_form_of_masters_that_is_not_known_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="master_uri_format"):
        configured(tmp_path, master_uri_format="url")


def test_the_jobs_that_look_after_masters_are_stocks():
    (rota,) = rotas(ABC, master_type="failover", id="m1")
    rota.failed()
    jobs = watch_jobs([rota], alive_interval=30, failback_interval=60)
    assert jobs == {
        "__master_alive_b": {
            "function": "status.master", "seconds": 30, "jid_include": True, "maxrunning": 1, "return_job": False,
            "kwargs": {"master": "b", "connected": True},
        },
        "__master_failback": {
            "function": "status.ping_master", "seconds": 60, "jid_include": True, "maxrunning": 1, "return_job": False,
            "kwargs": {"master": "a:4506"},
        },
    }  # fmt: skip
    for name, mapping in jobs.items():
        assert Entry.from_config(name, mapping, source=Source.INTERNAL).interval in (30, 60)
    assert watch_jobs([rota], alive_interval=0, failback_interval=0) == {}


class Workers:
    """A worker in which the function that names masters gives one thing after the other."""

    def __init__(self, *given):
        self.given = list(given)

    async def run_job(self, call, **_how):
        await trio.lowlevel.checkpoint()
        assert call.fun == "site.master"
        given = self.given.pop(0)
        if isinstance(given, Exception):
            raise given
        return given


@pytest.mark.parametrize(
    ("given", "expected"),
    [("a", [("a", 4506)]), (["a:7", "[::1]"], [("a", 7), ("::1", 4506)])],
)
async def test_a_function_gives_a_master_or_several(tmp_path, given, expected):
    config = configured(tmp_path, master="site.master", master_type="func")
    assert await masters_of(Workers(Outcome(result=given)), config, wait=30) == expected


async def test_a_function_that_gives_none_is_asked_again_and_the_log_says_why(tmp_path, autojump_clock):
    config = configured(tmp_path, master="site.master", master_type="func")
    workers = Workers(
        Outcome(result="no such function", success=False), Outcome(result=[]), Outcome(result=[7]),
        Outcome(result=None), WorkerDied("it ended", status=1), Outcome(result="a"),
    )  # fmt: skip
    with structlog.testing.capture_logs() as logs:
        assert await masters_of(workers, config, wait=30) == [("a", 4506)]
    assert trio.current_time() == 150
    assert [line["event"] for line in logs] == ["master.function_failed"] * 5


class Ending:
    """A link that ends with an error."""

    def __init__(self, error):
        self.master, self._error = "a", error

    async def run(self):
        await trio.lowlevel.checkpoint()
        raise self._error


@pytest.mark.parametrize("error", [Rejected("no"), MasterNotFound("nowhere")])
async def test_a_link_that_ends_leaves_the_others_and_the_last_one_ends_the_minion(error):
    links = [Ending(error), Ending(ExceptionGroup("of a nursery", [error]))]
    kept = set(links)
    with structlog.testing.capture_logs() as logs:
        await _keep(links[0], kept)
        with pytest.RaisesGroup(type(error)):
            await _keep(links[1], kept)
    assert [line["others"] for line in logs if line["event"] == "master.left"] == [1]


async def test_a_link_that_breaks_ends_the_minion_whatever_the_others_do():
    link = Ending(ZeroDivisionError("a bug"))
    with pytest.raises(ZeroDivisionError):
        await _keep(link, {link, Ending(None)})


# -- what is apart -------------------------------------------------------------------------------------------------


class Masters:
    """Several masters at the other end of the bus; those that are `gone` do not answer."""

    def __init__(self):
        self.bus = Bus()
        self.facts = Facts(
            id="m1", opts={"master": ["a", "b"], "x": 1}, grains={"id": "m1"}, masters=frozenset({"a", "b"})
        )
        self.standing = ["a", "b"]
        self.gone = set()
        self.asked = []

    @asynccontextmanager
    async def open(self):
        with self.bus.answering({MasterRequest: self._answer}):
            yield self

    async def _answer(self, request):
        await trio.lowlevel.checkpoint()
        self.asked.append((request.master, request.load["cmd"]))
        if request.master in self.gone:
            raise RequestTimeout("no answer")
        return {"of": request.master or "any"}

    def pillar(self):
        return Pillar(self.bus, self.facts, PillarOptions(), lambda: self.standing)


@pytest.fixture
def masters():
    return Masters()


async def test_each_masters_jobs_see_its_pillar_and_no_other_master(masters):
    async with masters.open():
        assert await masters.pillar().refresh()
    facts = masters.facts
    assert facts.pillar == {"of": "a"}
    context = facts.context("b")
    assert (context.pillar, context.opts, context.grains["master"]) == ({"of": "b"}, {"master": "b", "x": 1}, "b")
    assert facts.context("b") is context
    assert facts.context().opts["master"] == ["a", "b"]
    assert facts.context("elsewhere") is facts.context()


async def test_a_master_without_a_pillar_to_give_leaves_the_others(masters):
    masters.gone = {"a"}
    async with masters.open():
        assert await masters.pillar().refresh()
        assert masters.facts.pillar == {"of": "b"}
        masters.gone = {"a", "b"}
        assert not await masters.pillar().refresh()
    assert masters.facts.pillars == {"b": {"of": "b"}}


async def test_a_master_that_stands_later_is_asked_for_its_pillar_once(masters, autojump_clock):
    masters.standing = ["a"]
    async with masters.open(), trio.open_nursery() as nursery:
        pillar = masters.pillar()
        await nursery.start(keep_pillar, masters.bus, pillar)
        masters.standing = ["a", "b"]
        for _ in range(3):
            await masters.bus.publish(Connected(master="b"))
            await trio.sleep(1)
        assert masters.facts.pillars["b"] == {"of": "b"}
        assert masters.asked.count(("b", "_pillar")) == 1
        await masters.bus.publish(PillarRefresh())
        await trio.sleep(1)
        nursery.cancel_scope.cancel()
    assert masters.asked.count(("b", "_pillar")) == 2


async def test_what_a_plugin_fires_goes_to_every_master_that_is_there(masters):
    upcalls = Upcalls(masters.bus, masters.facts, Schedule())
    upcalls.standing = lambda: masters.standing
    fire = Upcall(kind="fire_master", fields={"tag": "deployed", "data": {}})
    async with masters.open():
        masters.gone = {"a"}
        assert await upcalls(fire) is True
        masters.gone = {"a", "b"}
        assert await upcalls(fire) is False
    assert sorted(masters.asked) == [("a", "_minion_event")] * 2 + [("b", "_minion_event")] * 2


async def test_a_plugin_may_ask_one_master(masters):
    upcalls = Upcalls(masters.bus, masters.facts, Schedule())
    async with masters.open():
        asked = Upcall(kind="ask_master", fields={"cmd": "_file_envs", "load": {}, "master": "b"})
        assert await upcalls(asked) == {"of": "b"}
