"""The mine: kept, merged, withdrawn, and read only by those who may."""

from __future__ import annotations

import attrs
import pytest

from trisalt.bus.bus import Bus
from trisalt.bus.requests import MineDeleteRequest, MineFlushRequest, MineGetRequest, MineRequest
from trisalt.errors import StoreError, TargetError
from trisalt.master import mine as mine_file
from trisalt.master.mine import serve_mine
from trisalt.store.sqlite import open_store
from trisalt.target.match import select


@attrs.define
class Resolver:
    """Which of four minions a target names, by name, grain and pillar."""

    asked: list = attrs.field(factory=list)
    grains = {f"m{n}": {"os": "Debian" if n % 2 else "RedHat"} for n in range(1, 5)}
    pillar = {f"m{n}": {"secret": f"abc{n}"} for n in range(1, 5)}

    async def resolve(self, tgt, tgt_type="glob"):
        self.asked.append((tgt, tgt_type))
        ids = list(self.grains)
        found = select(tgt, tgt_type, ids=ids, data=lambda id: (self.grains[id], self.pillar[id]))
        return sorted(found), []


@attrs.define
class Mine:
    bus: Bus
    banks: object
    resolver: Resolver

    async def send(self, id, clear=False, **data):
        return await self.bus.ask(MineRequest(id=id, data=data, clear=clear))

    async def get(self, tgt, fun, tgt_type="glob", id="m1"):
        return await self.bus.ask(MineGetRequest(id=id, tgt=tgt, fun=fun, tgt_type=tgt_type))


@pytest.fixture
async def open_mine(nursery, tmp_path):
    async with open_store(tmp_path / "trisalt.db") as store:

        async def start(**options):
            mine = Mine(Bus(), store.banks, Resolver())
            await nursery.start(
                lambda task_status: serve_mine(mine.bus, mine.banks, mine.resolver, **options, task_status=task_status)
            )
            return mine

        yield start
        nursery.cancel_scope.cancel()


def wrapped(data, tgt=None, tgt_type=None):
    entry = {"__saltmine_acl__": 1, "__data__": data, "allow_tgt": tgt, "allow_tgt_type": tgt_type}
    return {key: value for key, value in entry.items() if value is not None}


async def test_what_is_sent_is_merged(open_mine):
    mine = await open_mine()
    assert await mine.send("m1", a=1, b=2) is True
    assert await mine.send("m1", b=3) is True
    assert await mine.banks.fetch("mine", "m1") == {"a": 1, "b": 3}
    assert await mine.send("m1", clear=True, c=4) is True
    assert await mine.banks.fetch("mine", "m1") == {"c": 4}


async def test_one_function_answers_by_id_several_by_function(open_mine):
    mine = await open_mine()
    await mine.send("m1", a=1, b=2)
    await mine.send("m2", a=3)
    assert await mine.get("*", "a") == {"m1": 1, "m2": 3}
    assert await mine.get("*", "a,b") == {"a": {"m1": 1, "m2": 3}, "b": {"m1": 2}}
    assert await mine.get("*", ["a"]) == {"a": {"m1": 1, "m2": 3}}
    assert await mine.get("*", "a,a") == {"m1": 1, "m2": 3}
    assert await mine.get("m2", "b") == {}
    assert await mine.get("*", {"no": "function"}) == {}
    assert await mine.get("os:Debian", "a", "grain") == {"m1": 1}


async def test_a_function_and_a_whole_mine_can_be_withdrawn(open_mine):
    mine = await open_mine()
    await mine.send("m1", a=1, b=2)
    assert await mine.bus.ask(MineDeleteRequest(id="m1", fun="a")) is True
    assert await mine.bus.ask(MineDeleteRequest(id="m1", fun="nothing")) is True
    assert await mine.bus.ask(MineDeleteRequest(id="m9", fun="a")) is True
    assert await mine.get("*", "a,b") == {"b": {"m1": 2}}
    assert await mine.bus.ask(MineFlushRequest(id="m1")) is True
    assert await mine.get("*", "a,b") == {}


async def test_a_pillar_target_is_taken_by_the_letter(open_mine):
    mine = await open_mine()
    await mine.send("m2", a=1)
    assert await mine.get("secret:abc2", "a", "pillar") == {"m2": 1}
    assert await mine.get("secret:abc*", "a", "pillar") == {}
    assert await mine.get("secret:abc.", "a", "pillar_pcre") == {}
    assert await mine.get("I@secret:abc*", "a", "compound") == {}
    assert await mine.get("J@secret:abc.", "a", "compound") == {}
    assert await mine.get("I@secret:abc2", "a", "Compound") == {"m2": 1}


async def test_an_entry_says_who_may_read_it(open_mine):
    mine = await open_mine()
    await mine.send(
        "m1",
        open=wrapped("o"),
        some=wrapped("s", "m[12]"),
        grain=wrapped("g", "os:RedHat", "grain"),
        nobody=wrapped("n", "x*"),
    )
    await mine.send("m3", some=wrapped("s3", "m3"))
    got = {id: await mine.get("*", "open,some,grain,nobody", id=id) for id in ("m1", "m2", "m3")}
    assert got["m1"] == {"open": {"m1": "o"}, "some": {"m1": "s"}}
    assert got["m2"] == {"open": {"m1": "o"}, "some": {"m1": "s"}, "grain": {"m1": "g"}}
    assert got["m3"] == {"open": {"m1": "o"}, "some": {"m3": "s3"}}


async def test_the_masters_list_decides_first(open_mine):
    mine = await open_mine(mine_get={"m1": ["a"], "m[12]": ["b.*"], "m3": "a", "(": ["a"]})
    await mine.send("m1", a=1, b=2, bb=3, c=4)
    assert await mine.get("*", "a,b,bb,c", id="m1") == {"a": {"m1": 1}, "b": {"m1": 2}, "bb": {"m1": 3}}
    assert await mine.get("*", "a,b", id="m2") == {"b": {"m1": 2}}
    assert await mine.get("*", "a", id="m2") == {}
    assert await mine.get("*", "a", id="m3") == {}
    assert await mine.get("*", "a", id="x") == {}


async def test_a_target_that_cannot_be_read_names_nobody(open_mine):
    mine = await open_mine()
    await mine.send("m1", a=1)
    with pytest.raises(TargetError):
        await mine.resolver.resolve("m1 or", "compound")
    assert await mine.get("m1 or", "a", "compound") == {}


async def test_what_cannot_be_kept_is_not_acknowledged(open_mine, tmp_path):
    mine = await open_mine()
    (tmp_path / "trisalt.db").unlink()
    with pytest.raises(StoreError):
        await mine.send("m1", a=1)
    with pytest.raises(StoreError):
        await mine.bus.ask(MineFlushRequest(id="m1"))


async def test_what_a_minion_offers_has_a_limit(open_mine, monkeypatch):
    monkeypatch.setattr(mine_file, "MOST_BYTES", 1000)
    mine = await open_mine()
    assert await mine.send("m1", small="x") is True
    assert await mine.send("m1", large="y" * 900) is True
    assert await mine.send("m1", another="z" * 500) is False
    assert await mine.get("*", ["small", "large", "another"]) == {"small": {"m1": "x"}, "large": {"m1": "y" * 900}}
    assert await mine.send("m1", clear=True, another="z" * 500) is True
