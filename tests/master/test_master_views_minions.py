"""The list of minions, one of them, and previews of targets."""

import pytest

from tests.support.views import open_house, user
from trisalt.errors import Denied, NotFound, RemoteProtocolError, TargetError
from trisalt.master.keyring import State
from trisalt.master.mine import ACL_MARK
from trisalt.master.views import minions


@pytest.fixture
async def house(tmp_path):
    async with open_house(tmp_path, nodegroups={"webs": "web*"}) as opened:
        yield opened


async def test_a_minion_is_listed_with_what_is_known_of_it(house):
    await house.run(1, ["db1"], "state.highstate")
    chunk = {"file_|-a_|-a_|-managed": {"result": True, "changes": {"x": 1}}}
    await house.came(1, "db1", chunk, highstate=False)
    page = await house.ask("minions", fields=["osrelease", "kernel.name", "none"])
    assert (page["total"], page["next"]) == (4, None)
    first = page["items"][0]
    assert first.pop("since") == pytest.approx(first.pop("last_seen"), abs=1)
    assert first == {
        "id": "db1",
        "status": "up",
        "address": "10.0.0.3",
        "version": "3008.3",
        "os": "Debian",
        "osrelease": "12",
        "grains": {"osrelease": "12", "kernel.name": "Linux", "none": None},
        "highstate": {"jid": "20261122124940000001", "state": "changed", "at": house.now},
    }
    assert [item["status"] for item in page["items"]] == ["up", "up", "down", "never"]


@pytest.mark.parametrize(
    ("question", "ids"),
    [
        ({}, ["db1", "web1", "web2", "web3"]),
        ({"q": "os:Debian up"}, ["db1", "web1"]),
        ({"q": "-up"}, ["web2", "web3"]),
        ({"q": "N@webs down"}, ["web2"]),
        ({"q": "never"}, ["web3"]),
        ({"sort": "-id"}, ["web3", "web2", "web1", "db1"]),
        ({"sort": "os"}, ["web3", "db1", "web1", "web2"]),
        ({"sort": "-osrelease"}, ["web2", "web1", "db1", "web3"]),
        ({"sort": "version"}, ["web3", "web2", "db1", "web1"]),
        ({"sort": "status"}, ["web2", "web3", "db1", "web1"]),
        ({"sort": "address", "q": "web"}, ["web3", "web1", "web2"]),
    ],
)
async def test_a_list_is_the_same_in_pages_of_any_size(house, question, ids):
    for limit in (1, 3, 100):
        assert await house.ids("minions", limit=limit, **question) == ids


async def test_keys_that_are_not_accepted_are_listed_for_who_may_see_keys(house):
    house.key("new", State.PENDING)
    house.key("old", State.REJECTED)
    house.key("db1", State.DENIED)
    assert await house.ids("minions", q="pending") == ["new"]
    assert await house.ids("minions", user("key")) == ["db1", "new", "old", "web1", "web2", "web3"]
    assert await house.ids("minions", user("ann")) == ["db1", "web1", "web2", "web3"]
    assert (await house.ask("minion", id="old"))["status"] == "rejected"
    with pytest.raises(NotFound):
        await house.ask("minion", user("ann"), id="old")


async def test_who_may_address_some_minions_sees_those(house):
    page = await house.ask("minions", user("web"))
    assert ([item["id"] for item in page["items"]], page["total"]) == (["web1", "web2", "web3"], 3)
    assert await house.ids("minions", user("web"), q="os:Debian", sort="os") == ["web1"]
    assert await house.ids("minions", user("run")) == []
    with pytest.raises(NotFound):
        await house.ask("minion", user("web"), id="db1")
    with pytest.raises(Denied):
        await house.ask("minions", user("nobody"))


async def test_grains_and_pillar_are_for_who_might_ask_the_minion_for_them(house):
    await house.desk.store.banks.store("pillar", "db1", {"secret": "x"})
    await house.desk.store.banks.store("mine", "db1", {"a.b": 1, "c.d": {ACL_MARK: 1, "__data__": [2]}})
    whole = await house.ask("minion", id="db1")
    assert whole["mine"] == {"a.b": 1, "c.d": [2]}
    assert (whole["pillar"], whole["grains"]["os"], whole["key"]["state"]) == ({"secret": "x"}, "Debian", "accepted")
    some = await house.ask("minion", user("grains"), id="db1")
    assert (some["pillar"], some["grains"]["os"], some["key"]) == (None, "Debian", None)
    few = await house.ask("minion", user("all"), id="db1")
    assert (few["pillar"], few["grains"], few["os"]) == (None, None, "Debian")
    page = await house.ask("minions", user("all"), fields=["kernel"])
    assert page["items"][0]["grains"] == {}


@pytest.mark.parametrize(
    ("question", "error"),
    [
        ({"q": "os:"}, TargetError),
        ({"q": "N@none"}, TargetError),
        ({"q": 7}, RemoteProtocolError),
        ({"sort": "secret"}, RemoteProtocolError),
        ({"limit": 0}, RemoteProtocolError),
        ({"limit": 1001}, RemoteProtocolError),
        ({"limit": True}, RemoteProtocolError),
        ({"cursor": "????"}, RemoteProtocolError),
        ({"cursor": "WzEsMl0"}, RemoteProtocolError),
        ({"sort": "last_seen", "cursor": "WyJhIiwiYiJd"}, RemoteProtocolError),
        ({"fields": "os"}, RemoteProtocolError),
        ({"fields": ["a"] * 51}, RemoteProtocolError),
    ],
)
async def test_a_question_that_means_nothing_is_refused(house, question, error):
    with pytest.raises(error):
        await house.ask("minions", **question)


@pytest.mark.parametrize(
    ("caller", "question", "told"),
    [
        ("ann", {"tgt": "*"}, {"ids": ["db1", "web1", "web2", "web3"], "total": 4, "up": 2, "down": 2}),
        ("ann", {"tgt": "G@os:Debian", "tgt_type": "compound", "fun": "cmd.run"}, {"total": 2, "allowed": True}),
        ("web", {"tgt": "*", "fun": "test.ping"}, {"ids": ["web1", "web2", "web3"], "total": 4, "allowed": False}),
        ("web", {"tgt": "*", "fun": "test.ping"}, {"because": "db1 is not within web*"}),
        ("web", {"tgt": "web1", "fun": "test.ping"}, {"allowed": True, "because": ""}),
        ("web", {"tgt": ["web1", "no"], "tgt_type": "list"}, {"ids": ["web1"], "missing": ["no"], "allowed": None}),
    ],
)
async def test_whom_a_target_names_is_told_before_anything_is_sent(house, caller, question, told):
    found = await house.ask("preview", user(caller), **question)
    assert {name: found[name] for name in told} == told


async def test_a_pattern_over_pillar_is_by_the_letter_for_who_is_no_administrator(house):
    await house.desk.store.banks.store("pillar", "db1", {"role": "db"})
    for caller, total in ((user("ann"), 0), (user("root"), 0)):
        with_star = {"tgt": "role:d*", "tgt_type": "pillar"}
        if caller.name == "ann":
            assert (await house.ask("preview", caller, **with_star))["total"] == total
    assert (await house.ask("preview", tgt="role:d*", tgt_type="pillar"))["total"] == 1


async def test_a_target_that_cannot_be_read_says_where(house):
    with pytest.raises(TargetError):
        await house.ask("preview", tgt="web* and", tgt_type="compound")


async def test_many_minions_are_looked_at_in_slices(house, monkeypatch):
    monkeypatch.setattr(minions, "SLICE", 1)
    assert await house.ids("minions", sort="status") == ["web2", "web3", "db1", "web1"]
