"""What the newest highstates came to."""

import pytest

from tests.store.test_store_listed import BROKEN, CHANGED, WOULD, came, jid
from trisalt.store import highstates, outcomes
from trisalt.store.sqlite import open_store


@pytest.fixture
async def store(tmp_path):
    async with open_store(tmp_path / "trisalt.db") as opened:
        yield opened


async def kept(store, ids=None):
    return [
        (each.id, each.test, each.jid, each.outcome, each.states, each.changed, each.failed)
        for each in await store.read(lambda connection: highstates.read_all(connection, ids))
    ]


@pytest.mark.parametrize(
    ("value", "retcode", "test", "row"),
    [
        (CHANGED, 0, False, (False, outcomes.CHANGED, 2, 1, 0)),
        (BROKEN, 2, False, (False, outcomes.FAILED, 2, 1, 1)),
        (WOULD, 0, True, (True, outcomes.CHANGED, 1, 1, 0)),
        (WOULD, 0, False, (True, outcomes.CHANGED, 1, 1, 0)),
        ({**CHANGED, "x_|-x_|-x_|-y": 1}, 0, True, (True, outcomes.CHANGED, 2, 1, 0)),
        (["no such SLS"], 1, False, (False, outcomes.FAILED, 0, 0, 1)),
    ],
)
async def test_a_highstate_is_kept_by_what_it_came_to(store, value, retcode, test, row):
    await store.jobs.record_returns([came(1, "m1", value, retcode=retcode, highstate=test)])
    was_test, *rest = row
    assert await kept(store) == [("m1", was_test, jid(1), *rest)]


async def test_the_newest_is_kept_of_those_that_test_and_of_those_that_do(store):
    for number, test in ((3, False), (1, False), (2, True)):
        await store.jobs.record_returns([came(number, "m1", CHANGED, highstate=test)])
    await store.jobs.record_returns([came(4, "m2", CHANGED, highstate=False), came(5, "m1", CHANGED)])
    assert [row[:3] for row in await kept(store)] == [
        ("m1", False, jid(3)),
        ("m1", True, jid(2)),
        ("m2", False, jid(4)),
    ]
    assert [row[0] for row in await kept(store, ["m2", "m9"])] == ["m2"]


async def test_what_is_kept_of_minions_that_are_no_more_goes(store):
    for number, id in ((1, "m1"), (2, "m2")):
        await store.jobs.record_returns([came(number, id, CHANGED, highstate=False)])
    assert await store.jobs.forget_highstates(lambda: ["m2", "m3"]) == 1
    assert await store.jobs.forget_highstates(lambda: ["m2", "m3"]) == 0
    assert [row[0] for row in await kept(store)] == ["m2"]
