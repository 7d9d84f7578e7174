"""Following a batch: everything once, whoever is slow, or comes late."""

from __future__ import annotations

import attrs
import pytest
import trio

from trisalt.bus.answers import BatchView
from trisalt.bus.bus import Bus
from trisalt.bus.events import BatchComplete, BatchLost, BatchNew, BatchSent, JobReturned
from trisalt.bus.requests import BatchLookup
from trisalt.master import following_batch
from trisalt.master.following_batch import open_batch_following

JID, SECOND = "20261122124940743908", "20261122184940743908"
ABOUT = {"jid": JID, "fun": "test.ping", "tgt": "*", "tgt_type": "glob", "user": "root"}


@attrs.define
class House:
    """A bus, what the store keeps, and the batch as the master sees it (None: there is none)."""

    bus: Bus = attrs.field(factory=Bus)
    kept: dict = attrs.field(factory=dict)
    view: BatchView | None = None

    async def serve(self, *, task_status):
        async with self.bus.claim(BatchLookup) as requests:
            task_status.started()
            async for _request, reply in requests:
                reply.send(self.view)

    async def returns(self, jid):
        await trio.lowlevel.checkpoint()
        return dict(self.kept.get(jid, {}))

    async def load(self, jid):
        await trio.lowlevel.checkpoint()
        return {"fun": "test.ping", "arg": []}

    async def return_of(self, id, jid=JID):
        self.kept.setdefault(jid, {})[id] = {"return": True, "retcode": 0, "success": True}
        await self.bus.publish(JobReturned(id=id, jid=jid, fun="test.ping", fun_args=[], result=True))

    async def end(self, **more):
        fields = {"minions": ["m1", "m2"], "down": [], "jids": [JID, SECOND], "lost": {}, "halted": None, "ended": True}
        self.view = BatchView(jid=JID, **{**fields, **more})
        await self.bus.publish(BatchComplete(**ABOUT, completed=2, failed=0, total_minions=2, duration=1.0, state={}))


@pytest.fixture
async def house(nursery):
    house = House()
    await nursery.start(house.serve)
    yield house
    nursery.cancel_scope.cancel()


async def told(following):
    frames = []
    with trio.fail_after(5):
        async for some in following:
            frames += some
    return frames


def names(frames):
    return [
        (kind, value["id"] if kind == "return" else sorted(value) if isinstance(value, dict) else value)
        for frame in frames
        for kind, value in frame.items()
    ]


async def test_everything_is_told_in_the_order_in_which_it_came(house):
    async with open_batch_following(house.bus, house) as following:
        following.begin(JID)
        new = BatchNew(
            **ABOUT, total_minions=2, batch_size=1, created=0.0, state={"all_minions": ["m1", "m2"]}, down=["m3"]
        )
        await house.bus.publish(new)
        await house.bus.publish(BatchSent(batch=JID, jid=JID, minions=["m1"]))
        await house.return_of("m1")
        await house.return_of("stranger", jid="20200101000000000000")
        await house.bus.publish(BatchSent(batch="20200101000000000000", jid="20200101000000000000", minions=["x"]))
        # The rest goes on under another job id.
        await house.bus.publish(BatchSent(batch=JID, jid=SECOND, minions=["m2"]))
        await house.return_of("m2", jid=SECOND)
        await house.return_of("m2", jid=SECOND)
        await house.end(down=["m3"])
        frames = await told(following)
    assert names(frames) == [
        ("batch", ["down", "minions"]),
        ("sent", ["m1"]),
        ("return", "m1"),
        ("sent", ["m2"]),
        ("return", "m2"),
        ("settled", ["halted", "jid", "missing"]),
    ]


async def test_who_was_too_slow_is_told_from_the_store(house, monkeypatch):
    monkeypatch.setattr(following_batch, "DEPTH", 1)
    async with open_batch_following(house.bus, house) as following:
        following.begin(JID)
        await house.bus.publish(BatchSent(batch=JID, jid=JID, minions=["m1"]))
        await house.return_of("m1")
        await house.return_of("m2", jid=SECOND)
        await house.bus.publish(BatchLost(batch=JID, lost={"m3": "gone"}))
        await house.end(lost={"m3": "gone"}, halted="failhard")
        frames = await told(following)
    assert sorted(value["id"] for frame in frames for kind, value in frame.items() if kind == "return") == ["m1", "m2"]
    assert frames[-1] == {"settled": {"jid": JID, "missing": {"m3": "gone"}, "halted": "failhard"}}
    assert {"lost": {"m3": "gone"}} in frames
    assert {"batch": {"minions": ["m1", "m2"], "down": []}} in frames


async def test_who_is_lost_and_returns_after_all_is_not_missing(house):
    async with open_batch_following(house.bus, house) as following:
        following.begin(JID)
        await house.bus.publish(BatchSent(batch=JID, jid=JID, minions=["m1"]))
        await house.bus.publish(BatchLost(batch=JID, lost={"m1": "gone"}))
        await house.return_of("m1")
        await house.end()
        frames = await told(following)
    assert frames[-1]["settled"]["missing"] == {}


async def test_what_is_no_batch_is_not_joined(house):
    async with open_batch_following(house.bus, house) as following:
        assert await following.join(JID) is False
