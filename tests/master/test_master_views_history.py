"""Pages of events of the past: of everybody, of a minion, of a job, as far as somebody may see them."""

import pytest

from tests.support.views import jid, open_house, user
from trisalt.bus.events import TaggedEvent
from trisalt.errors import NotFound, RemoteProtocolError
from trisalt.master.views import history
from trisalt.store.store import NewReturn


@pytest.fixture
async def house(tmp_path):
    async with open_house(tmp_path) as opened:
        opened.desk.store.log._clock = opened.clock
        opened.desk.bus.keep_in(opened.desk.store.log)
        yield opened


async def fire(house, *events):
    for tag, data in events:
        await house.desk.bus.publish(TaggedEvent(name=tag, data=data))
        await house.desk.bus.flush()


async def tags(house, op, caller=None, **question):
    """Of all pages, the newest first."""
    found = []
    while True:
        page = await (house.ask(op, caller, **question) if caller else house.ask(op, **question))
        found += [item["tag"] for item in page["items"]]
        if page["next"] is None:
            return found
        question["cursor"] = page["next"]


PAST = (
    ("salt/minion/web1/start", {}),
    (f"salt/job/{jid(1)}/new", {"minions": ["web1", "db1"]}),
    (f"salt/job/{jid(1)}/ret/db1", {"id": "db1", "return": "web1"}),
    (f"salt/job/{jid(1)}/ret/web1", {"id": "web1", "return": 7}),
    ("salt/beacon/web1/ps/", {"n": 1}),
    ("salt/beacon/web10/ps/", {"n": 2}),
    ("deploy/done", {"text": "web1"}),
    ("minion_start", {"id": "web1"}),
)
OF_WEB1 = [
    "minion_start",
    "salt/beacon/web1/ps/",
    f"salt/job/{jid(1)}/ret/web1",
    f"salt/job/{jid(1)}/new",
    "salt/minion/web1/start",
]


@pytest.mark.parametrize("window", [2, history.WINDOW])
@pytest.mark.parametrize("limit", [1, 3, 100])
async def test_a_minions_events_are_those_that_are_about_it_newest_first(house, monkeypatch, window, limit):
    monkeypatch.setattr(history, "WINDOW", window)
    await fire(house, *PAST)
    assert await tags(house, "minion_events", id="web1", limit=limit) == OF_WEB1
    assert await tags(house, "minion_events", id="web1", limit=limit, tag="salt/beacon/*,minion_*") == OF_WEB1[:2]
    assert await tags(house, "minion_events", id="web2", limit=limit) == []


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ({}, [tag for tag, _ in reversed(PAST)]),
        ({"tag": "salt/beacon/*,deploy/*"}, ["deploy/done", "salt/beacon/web10/ps/", "salt/beacon/web1/ps/"]),
        ({"minion": "web1"}, OF_WEB1),
        ({"filter": "WEB10/PS"}, ["salt/beacon/web10/ps/"]),
        ({"filter": '"id":"web1"', "tag": "salt/*"}, [f"salt/job/{jid(1)}/ret/web1"]),
        ({"filter": "nowhere"}, []),
    ],
)
@pytest.mark.parametrize("window", [3, history.WINDOW])
async def test_the_events_of_everybody_are_found_by_tag_minion_and_text(house, monkeypatch, window, question, expected):
    monkeypatch.setattr(history, "WINDOW", window)
    await fire(house, *PAST)
    assert await tags(house, "kept_events", limit=2, **question) == expected


async def test_a_page_that_takes_too_long_is_short_and_the_next_goes_on(house, monkeypatch):
    monkeypatch.setattr(history, "WINDOW", 2)
    monkeypatch.setattr(history, "SCAN_S", 0.0)
    await fire(house, *PAST)
    page = await house.ask("minion_events", id="web1")
    assert ([item["tag"] for item in page["items"]], page["total"]) == (OF_WEB1[:1], None)
    assert page["next"]
    assert await tags(house, "minion_events", id="web1") == OF_WEB1


async def test_a_stretch_of_time_is_from_one_moment_to_another(house):
    await fire(house, *PAST)
    items = (await house.ask("minion_events", id="web1"))["items"]
    at = {item["tag"]: item["at"] for item in items}
    since, until = at[OF_WEB1[3]], at[OF_WEB1[1]]
    assert await tags(house, "minion_events", id="web1", since=since, until=until, limit=2) == OF_WEB1[1:4]
    assert items[0]["id"] == f"{house.desk.store.log.id}:8"
    assert (items[0]["data"]["id"], items[0]["origin"]) == ("web1", "master/")


async def test_a_jobs_events_are_those_of_its_id(house):
    await house.run(1, ["web1", "db1"])
    await fire(house, *PAST, (f"salt/job/{jid(2)}/new", {}))
    assert await tags(house, "job_events", jid=jid(1), limit=2) == [
        f"salt/job/{jid(1)}/ret/web1",
        f"salt/job/{jid(1)}/ret/db1",
        f"salt/job/{jid(1)}/new",
    ]
    with pytest.raises(NotFound):
        await house.ask("job_events", jid=jid(2))


async def test_nobody_is_told_of_what_they_may_not_see(house):
    await house.run(1, ["web1"], "cmd.run")
    await house.run(2, ["web1"], by=user("web"))
    await fire(
        house,
        (f"salt/job/{jid(1)}/ret/web1", {"id": "web1"}),
        (f"salt/job/{jid(2)}/ret/web1", {"id": "web1"}),
        ("deploy/web1", {"id": "web1"}),
        ("salt/beacon/web1/x", {}),
    )
    assert await tags(house, "minion_events", user("web"), id="web1") == [
        "salt/beacon/web1/x",
        f"salt/job/{jid(2)}/ret/web1",
    ]
    assert await tags(house, "kept_events", user("web")) == await tags(house, "minion_events", user("web"), id="web1")
    assert len(await tags(house, "minion_events", user("ann"), id="web1")) == 4
    for op, question in (("minion_events", {"id": "db1"}), ("job_events", {"jid": jid(1)})):
        with pytest.raises(NotFound):
            await house.ask(op, user("web"), **question)


async def test_events_that_are_gone_end_the_list(house):
    await fire(house, *PAST)
    page = await house.ask("minion_events", id="web1", limit=1)
    await house.desk.store.log.expire(house.now, limit=100)
    rest = await house.ask("minion_events", id="web1", cursor=page["next"])
    assert (rest["items"], rest["next"]) == ([], None)


async def test_returns_that_came_by_the_store_are_among_them(house):
    await house.run(1, ["web1"])
    event = TaggedEvent(name=f"salt/job/{jid(1)}/ret/web1", data={"id": "web1"})
    body = {"return": 1, "retcode": 0, "success": True}
    await house.desk.store.jobs.record_returns([NewReturn(jid=jid(1), id="web1", body=body)], events=[event])
    assert await tags(house, "job_events", jid=jid(1)) == [f"salt/job/{jid(1)}/ret/web1"]


@pytest.mark.parametrize(
    "question", [{"tag": 7}, {"since": "x"}, {"until": True}, {"cursor": "WyJ4IiwxXQ"}, {"limit": 0}]
)
async def test_a_question_that_means_nothing_is_refused(house, question):
    with pytest.raises(RemoteProtocolError):
        await house.ask("minion_events", id="web1", **question)


@pytest.mark.parametrize("question", [{"filter": 7}, {"minion": ["web1"]}])
async def test_text_and_minion_are_texts(house, question):
    with pytest.raises(RemoteProtocolError):
        await house.ask("kept_events", **question)
