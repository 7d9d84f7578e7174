"""Which beacons and schedules are off on minions, by what came back from them and by their pillar."""

import pytest

from tests.support.views import open_house, user
from trisalt.bus.requests import HeartbeatRequest
from trisalt.master.views.switches import disabled

DONE = {"result": True, "comment": "so"}


@pytest.fixture
async def house(tmp_path):
    async with open_house(tmp_path) as opened:
        yield opened


async def did(house, number, fun, *arg, ids=("web1",), value=DONE, **more):
    await house.run(number, list(ids), fun, arg=arg)
    for id in ids:
        await house.came(number, id, value, **more)


async def told(house, caller=None):
    found = await (house.ask("issues", caller) if caller else house.ask("issues"))
    return {item["text"]: item for item in found["items"] if item["kind"].endswith("_disabled")}


async def test_what_was_disabled_is_an_issue_until_it_is_enabled(house):
    await did(house, 1, "beacons.disable", ids=("web1", "web2"))
    await did(house, 2, "schedule.disable_job", "highstate")
    await did(house, 3, "beacons.disable_beacon", "name=load")
    found = await told(house)
    assert set(found) == {
        "web1, web2: beacons are disabled",
        "web1: the job highstate of the schedule is disabled",
        "web1: the beacon load is disabled",
    }
    one = found["web1: the job highstate of the schedule is disabled"]
    assert (one["remedy"]["fun"], one["remedy"]["arg"], one["remedy"]["tgt"]) == (
        "schedule.enable_job",
        ("highstate",),
        ["web1"],
    )
    assert (one["kind"], one["link"]) == ("schedule_disabled", "/app/minions/web1?tab=schedules")
    await did(house, 4, "beacons.enable", ids=("web2",))
    await did(house, 5, "schedule.delete", "highstate")
    await did(house, 6, "beacons.enable_beacon", "load")
    assert set(await told(house)) == {"web1: beacons are disabled"}


async def test_what_was_only_tested_or_failed_changed_nothing(house):
    await did(house, 1, "schedule.disable", "test=True")
    await did(house, 2, "schedule.disable", value={"result": False})
    await did(house, 3, "beacons.disable", value="'beacons.disable' is not available.", retcode=254)
    assert await told(house) == {}


async def test_a_list_says_how_it_is(house):
    await did(house, 1, "schedule.disable")
    await did(house, 2, "schedule.list", value={"a": {"function": "x.y", "enabled": False}, "b": {"enabled": True}})
    await did(house, 3, "beacons.list", value={"enabled": False, "ps": [{"salt": "up"}, {"enabled": False}]})
    assert set(await told(house)) == {
        "web1: the job a of the schedule is disabled",
        "web1: beacons are disabled",
        "web1: the beacon ps is disabled",
    }


async def test_what_the_pillar_disables_is_told_without_a_command(house):
    await house.desk.store.banks.store("pillar", "web1", {"schedule": {"enabled": False}, "beacons": {"ps": []}})
    found = (await told(house))["web1: the schedule is disabled in the pillar"]
    assert found["remedy"] is None


async def test_it_is_told_to_who_might_ask_for_the_list(house):
    await did(house, 1, "schedule.disable")
    assert await told(house, user("web")) == {}
    assert set(await told(house, user("ann"))) == {"web1: the schedule is disabled"}


@pytest.mark.parametrize("odd", [None, [], "text", {"ps": None}, {"ps": [7]}, {1: {"enabled": True}}])
def test_what_is_no_configuration_disables_nothing(odd):
    assert not [*disabled("beacons", odd), *disabled("schedule", odd)]


async def beats(house, id, **off):
    await house.desk.presence.beat(HeartbeatRequest(id=id, every=60.0, off=off))


async def test_a_minion_that_says_what_is_off_is_believed_before_all_else(house):
    await did(house, 1, "schedule.disable", ids=("web1", "db1"))
    await house.desk.store.banks.store("pillar", "web1", {"beacons": {"load": [{"enabled": False}]}})
    await beats(house, "web1", beacons=["load"], schedule=["nightly"])
    await beats(house, "db1")
    found = await told(house)
    assert set(found) == {
        "web1: the beacon load is disabled in the pillar",
        "web1: the job nightly of the schedule is disabled",
    }
    since = found["web1: the job nightly of the schedule is disabled"]["since"]
    await beats(house, "web1", schedule=["", "nightly"])
    found = await told(house)
    assert set(found) == {"web1: the schedule is disabled", "web1: the job nightly of the schedule is disabled"}
    assert found["web1: the job nightly of the schedule is disabled"]["since"] == since
    await beats(house, "web1")
    assert await told(house) == {}
