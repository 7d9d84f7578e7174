"""The list of jobs, one of them, and its returns."""

import pytest

from tests.support.views import jid, open_house, user
from trisalt.errors import NotFound, RemoteProtocolError, TargetError
from trisalt.master.arguments import MASK
from trisalt.master.commands import Run
from trisalt.master.views import jobs
from trisalt.store import listing


@pytest.fixture
async def house(tmp_path, monkeypatch):
    # However busy this machine is, a page is whole.
    monkeypatch.setattr(listing, "SCAN_S", 60.0)
    async with open_house(tmp_path) as opened:
        yield opened


@pytest.fixture
async def busy(house):
    await house.run(1, ["web1", "web2"], by=user("web"))
    await house.run(2, ["db1"], "cmd.run", arg=["id", {"__kwarg__": True, "password": "x", "cwd": "/"}])
    await house.run(3, ["web1", "db1"], "state.apply", arg=["nginx"], tgt=["web1", "db1"], tgt_type="list")
    await house.run(4, ["m_master"], "runner.manage.up", by=user("jim"), tgt="m_master", tgt_type="list")
    await house.run(5, ["web1"], ["test.ping", "test.version"], arg=[[], []])
    await house.came(1, "web1")
    await house.came(1, "web2")
    await house.came(2, "db1", "no", retcode=1)
    await house.came(4, "m_master", ["web1"])
    return house


async def test_a_job_is_listed_with_how_it_stands_and_without_its_secrets(busy):
    item = (await busy.ask("jobs", fun="cmd.*"))["items"][0]
    assert item.pop("end") - item.pop("start") == item.pop("duration")
    assert item == {
        "jid": jid(2),
        "fun": "cmd.run",
        "arg": ["id", f"password={MASK}", "cwd=/"],
        "tgt": "*",
        "tgt_type": "glob",
        "user": "root",
        "state": "failed",
        "minions": 1,
        "ok": 0,
        "changed": 0,
        "failed": 1,
        "missing": 0,
    }


async def test_who_was_named_and_has_no_key_is_among_the_missing_with_the_reason(busy):
    await busy.run(6, ["web1"], tgt=["web1", "nope"], tgt_type="list", missing=["nope"])
    await busy.came(6, "web1")
    job = await busy.ask("job", jid=jid(6))
    assert [job[name] for name in ("state", "minions", "ok", "missing", "ids")] == [
        "partial",
        2,
        1,
        1,
        ["nope", "web1"],
    ]
    (returned, absent) = (await busy.ask("returns", jid=jid(6)))["items"]
    assert (returned["id"], absent["id"], absent["missing"]) == ("web1", "nope", True)
    assert absent["reason"].endswith("No accepted key had this name when the job was published.")


async def test_how_many_jobs_there_are_is_told_on_every_page_to_who_may_see_only_some(busy, monkeypatch):
    monkeypatch.setattr(listing, "COUNT_S", 60.0)
    first = await busy.ask("jobs", user("web"), limit=1)
    second = await busy.ask("jobs", user("web"), limit=1, cursor=first["next"])
    assert (first["total"], second["total"]) == (2, 2)
    assert len(await busy.ids("jobs", user("web"))) == 2


@pytest.mark.parametrize(
    ("question", "numbers"),
    [
        ({}, [5, 4, 3, 2, 1]),
        ({"housekeeping": 0}, [5, 3, 2, 1]),
        ({"fun": "test.*,state.*"}, [5, 3, 1]),
        ({"user": "root"}, [5, 3, 2]),
        ({"state": "failed"}, [2]),
        ({"state": "running,failed"}, [5, 3, 2]),
        ({"minion": "db1"}, [3, 2]),
        ({"minion": "web1", "fun": "test.ping"}, [5, 1]),
        ({"q": "ping"}, [5, 1]),
        ({"q": "fun:state.* db1"}, [3]),
        ({"q": "-minion:web1 user:root"}, [2]),
        ({"q": "-state:running -fun:runner.*"}, [2, 1]),
        ({"q": "tgt:web1*"}, [3]),
        ({"q": "/^CMD/i"}, [2]),
        ({"q": f"jid:{jid(3)}"}, [3]),
        ({"q": "nothing"}, []),
        ({"since": 1_700_000_003.0, "until": 1_700_000_004.0}, [4, 3]),
    ],
)
async def test_which_jobs_a_question_finds(busy, question, numbers):
    for limit in (1, 50):
        assert await busy.ids("jobs", limit=limit, **question) == [jid(number) for number in numbers]


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("ann", [5, 3, 2, 1]),
        ("jim", [5, 4, 3, 2, 1]),
        ("web", [5, 1]),
        ("all", [1]),
        ("run", [4]),
    ],
)
async def test_who_sees_which_jobs(busy, name, numbers):
    assert await busy.ids("jobs", user(name)) == [jid(number) for number in numbers]
    for number in range(1, 6):
        if number in numbers:
            assert (await busy.ask("job", user(name), jid=jid(number)))["jid"] == jid(number)
        else:
            for question in ("job", "returns"):
                with pytest.raises(NotFound):
                    await busy.ask(question, user(name), jid=jid(number))


async def test_a_job_tells_its_minions_and_its_keywords(busy):
    await busy.run(6, ["web2", "web1"], arg=["a", "token=1"], metadata={"why": "x", "secret": "y"})
    found = await busy.ask("job", jid=jid(6))
    assert found["ids"] == ["web1", "web2"]
    assert (found["arg"], found["kwargs"]) == (["a"], {"token": MASK})
    assert found["metadata"] == {"why": "x", "secret": MASK}


async def test_returns_come_in_pages_then_who_is_missing_and_why(house):
    await house.run(1, ["web1", "web2", "web3", "db1"])
    for id, retcode in (("web2", 0), ("web1", 1), ("db1", 0)):
        await house.came(1, id, f"of {id}", retcode=retcode)
    first = await house.ask("returns", jid=jid(1), limit=2)
    assert ([item["id"] for item in first["items"]], first["total"]) == (["web2", "web1"], 4)
    assert first["items"][1] == {
        "id": "web1",
        "return": "of web1",
        "retcode": 1,
        "success": False,
        "at": first["items"][1]["at"],
        "fun": "test.ping",
        "out": None,
    }
    rest = await house.ask("returns", jid=jid(1), limit=2, cursor=first["next"])
    assert [item["id"] for item in rest["items"]] == ["db1", "web3"]
    assert (rest["items"][1], rest["next"]) == ({"id": "web3", "missing": True, "reason": ""}, None)
    await house.desk.store.jobs.mark_settled(jid(1), {"web3": "It is away."})
    failed = await house.ask("returns", jid=jid(1), failed=1)
    assert [(item["id"], item.get("reason")) for item in failed["items"]] == [("web1", None), ("web3", "It is away.")]
    assert failed["total"] == 2
    assert [item["id"] for item in (await house.ask("returns", jid=jid(1), id="db1"))["items"]] == ["db1"]


async def test_a_page_of_big_returns_is_short(house, monkeypatch):
    monkeypatch.setattr(jobs, "RETURN_BYTES", 1000)
    await house.run(1, ["web1", "web2", "web3"])
    for id in ("web1", "web2", "web3"):
        await house.came(1, id, "x" * 700)
    assert len((await house.ask("returns", jid=jid(1)))["items"]) == 1
    assert await house.ids("returns", jid=jid(1)) == ["web1", "web2", "web3"]


async def test_who_looks_at_a_job_that_should_be_over_has_it_watched(house):
    await house.run(1, ["web1"])
    await house.run(2, ["web1"])
    await house.came(2, "web1")
    await house.ask("jobs")
    assert house.watched == []
    house.now += jobs.OVERDUE_S + 10
    await house.ask("jobs")
    await house.ask("job", jid=jid(2))
    assert house.watched == [jid(1)]


@pytest.mark.parametrize(
    ("question", "error"),
    [
        ({"state": "odd"}, RemoteProtocolError),
        ({"q": "state:odd"}, RemoteProtocolError),
        ({"q": "os:Debian"}, TargetError),
        ({"q": "N@webs"}, TargetError),
        ({"q": "up"}, TargetError),
        ({"q": "minion:a minion:b"}, RemoteProtocolError),
        ({"since": "yesterday"}, RemoteProtocolError),
        ({"cursor": "x"}, RemoteProtocolError),
        ({"fun": 7}, RemoteProtocolError),
    ],
)
async def test_a_question_that_means_nothing_is_refused(house, question, error):
    with pytest.raises(error):
        await house.ask("jobs", **question)


async def test_a_runner_that_runs_is_told_of_before_it_is_kept(house):
    house.desk.runs.running[jid(7)] = Run(
        kind="runner", fun="runner.manage.up", user="jim", fun_args=["x"], started=5.0, master_id="m_master"
    )
    item = await house.ask("job", jid=jid(7))
    assert (item["state"], item["fun"], item["arg"], item["ids"], item["end"]) == (
        "running", "runner.manage.up", ["x"], ["m_master"], None,
    )  # fmt: skip
    returns = await house.ask("returns", jid=jid(7))
    assert returns["items"] == [{"id": "m_master", "missing": True, "reason": ""}]
    assert house.watched == [], "no minion is to be asked for it"
    del house.desk.runs.running[jid(7)]
    with pytest.raises(NotFound):
        await house.ask("job", jid=jid(7))
