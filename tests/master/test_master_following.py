"""`trisalt.master.following`: what a follower is told when things happen in the same moment."""

from __future__ import annotations

from trisalt.bus.bus import Bus
from trisalt.bus.events import JobReturned, JobSettled
from trisalt.master.following import open_following

JID = "20261122124940743908"


def returned(id):
    return JobReturned(id=id, jid=JID, fun="test.ping", fun_args=[], result=True)


async def test_whose_return_comes_with_the_end_is_not_missing():
    bus = Bus()
    async with open_following(bus, None) as following:
        following.begin(JID)
        await bus.publish(returned("m1"))
        await bus.publish(JobSettled(jid=JID, missing={"m2": "no", "m3": "no"}, reasons={"m2": "why", "m3": "why"}))
        await bus.publish(returned("m2"))
        told = [[body["id"] for body in bodies] async for bodies in following]
    assert told == [["m1", "m2"]]
    assert following.missing == {"m3": "no"}
    assert following.reasons == {"m3": "why"}
