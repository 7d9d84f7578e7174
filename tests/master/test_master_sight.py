"""What somebody may see: minions, jobs, events, by the permissions that they have."""

import pytest

from tests.support.clock import Clock
from tests.support.views import ROOT, RULES, user
from trisalt.bus.caller import Caller
from trisalt.master.acl import Acl
from trisalt.master.sight import FRESH_S, Sights

GROUPS = {"web*": ["web1", "web2"], "db*": ["db1"]}


class Targets:
    def __init__(self):
        self.asked = []

    async def within(self, place):
        self.asked.append(place)
        return GROUPS.get(place, [])


@pytest.fixture
def sights():
    found = Sights(Acl(external_auth={"pam": RULES}), Targets(), clock=Clock(0.0))
    return found


@pytest.mark.parametrize(
    ("name", "web1", "db1", "jobs", "events", "keys"),
    [
        ("root", True, True, True, True, True),
        ("ann", True, True, False, True, False),
        ("jim", False, False, True, True, False),
        ("web", True, False, False, False, False),
        ("all", True, True, False, False, False),
        ("run", False, False, False, False, False),
        ("key", True, True, False, False, True),
        ("nobody", False, False, False, False, False),
    ],
)
async def test_who_sees_which_minions_and_whether_all_jobs_and_events(sights, name, web1, db1, jobs, events, keys):
    sight = await sights.of(ROOT if name == "root" else user(name))
    assert (sight.sees_minion("web1"), sight.sees_minion("db1")) == (web1, db1)
    assert (sight.all_jobs, sight.all_events, sight.keys) == (jobs, events, keys)


@pytest.mark.parametrize(
    ("name", "fun", "arg", "minions", "seen"),
    [
        ("ann", "cmd.run", ["id"], ["web1", "db1"], True),
        ("ann", "runner.manage.up", [], ["m_master"], False),
        ("jim", "runner.manage.up", [], ["m_master"], True),
        ("jim", "cmd.run", ["id"], ["db1"], True),
        ("run", "runner.manage.up", [], ["m_master"], True),
        ("run", "runner.manage.down", [], ["m_master"], False),
        ("web", "test.ping", [], ["web1", "web2"], True),
        ("web", "test.ping", [], ["web1", "db1"], False),
        ("web", "cmd.run", ["id"], ["web1"], False),
        ("web", "state.apply", ["nginx", {"__kwarg__": True, "test": True}], ["web1"], True),
        ("web", "state.apply", ["nginx"], ["web1"], False),
        ("web", ["test.ping", "cmd.run"], [[], ["id"]], ["web1"], False),
        ("web", ["test.ping", "test.version"], [[], []], ["web1"], True),
        ("web", None, [], ["web1"], False),
        ("nobody", "test.ping", [], ["web1"], False),
    ],
)
async def test_a_job_is_seen_by_who_could_have_sent_it(sights, name, fun, arg, minions, seen):
    sight = await sights.of(user(name))
    assert sight.sees_job({"fun": fun, "arg": arg, "user": "root"}, minions) is seen


@pytest.mark.parametrize(
    ("load", "seen"),
    [
        ({"user": "web", "eauth": "pam"}, True),
        ({"user": "web"}, False),
        ({"user": "web", "eauth": "file"}, False),
        ({"user": "ann", "eauth": "pam"}, False),
    ],
)
async def test_a_job_is_seen_by_who_started_it_and_by_nobody_of_the_same_name(sights, load, seen):
    sight = await sights.of(user("web"))
    assert sight.sees_job({"fun": "cmd.run", "arg": [], **load}, ["db1"]) is seen


async def test_why_somebody_may_not_send_a_job_names_whom_it_would_reach(sights):
    sight = await sights.of(user("web"))
    assert sight.why_not("test.ping", [], ["web1", "db1"]) == "db1 is not within web*"
    assert sight.why_not("cmd.run", [], ["web1"]) == "cmd.run is not granted"
    assert sight.why_not("test.ping", [], ["web1"]) == ""


async def test_whom_a_target_names_is_looked_up_again_after_a_while(sights):
    targets, clock = sights._targets, sights._clock
    await sights.of(user("web"))
    await sights.of(user("web"))
    assert targets.asked == ["web*"]
    clock.now += FRESH_S + 1
    await sights.of(user("web"))
    assert targets.asked == ["web*"] * 2


async def test_two_tokens_of_one_name_are_two_people(sights):
    few = Caller(name="ann", eauth="pam", rows=[{"db*": ["test.ping"]}])
    assert (await sights.of(user("ann"))).sees_minion("web1")
    assert not (await sights.of(few)).sees_minion("web1")
    assert (await sights.of(few)).sees_minion("db1")
