"""The local door: a job is sent, and followed to its end."""

import os

import trio
import trio.testing

from tests.master.local_door.house import JID, published, returned
from trisalt.bus.answers import Published, Resolved
from trisalt.bus.events import (
    JobSettled,
)
from trisalt.bus.requests import PublishRequest, ResolveRequest, WatchRequest
from trisalt.errors import TargetError
from trisalt.master import following
from trisalt.master.local_door import caller_name

# -- jobs -------------------------------------------------------------------------------------------------------------


async def test_a_return_that_comes_before_the_publication_is_answered_is_not_missed(master):
    async def answer(request):
        await master.bus.publish(returned("m1"))
        return published(["m1"])

    await master.claim(PublishRequest, answer)
    async with master.caller() as caller:
        assert await caller.ask(op="publish", tgt="*", fun="test.ping", arg=[], follow=True) == {
            "published": {"jid": JID, "minions": ["m1"], "missing": []}
        }
        assert (await caller.next())["return"]["id"] == "m1"
        await master.bus.publish(JobSettled(jid=JID, missing={}))
        assert await caller.rest() == [{"settled": {"jid": JID, "missing": {}}}]


async def test_returns_come_as_they_are_then_why_the_others_are_missing(master):
    asked = await master.claim(PublishRequest, lambda request: published())
    async with master.caller() as caller:
        await caller.ask(
            op="publish", tgt=["m1", "m2"], tgt_type="list", fun="test.ping", arg=[1], timeout=3, follow=True
        )
        await master.bus.publish(returned("m1", jid="20260101000000000000"))
        await master.bus.publish(returned("m1", retcode=2, success=False, out="nested"))
        assert await caller.next() == {
            "return": {
                "id": "m1",
                "jid": JID,
                "fun": "test.ping",
                "fun_args": [],
                "return": True,
                "retcode": 2,
                "success": False,
                "out": "nested",
            }
        }
        await master.bus.publish(JobSettled(jid=JID, missing={"m2": "asleep"}))
        assert await caller.rest() == [{"settled": {"jid": JID, "missing": {"m2": "asleep"}}}]
    (request,) = asked
    assert (request.tgt, request.tgt_type, request.arg, request.timeout, request.watch) == (
        ["m1", "m2"],
        "list",
        [1],
        3,
        True,
    )
    assert request.user == caller_name(os.getuid())


async def test_a_long_answer_is_told_whole_before_anybody_returns(master):
    ids = [f"minion{number:06}.example.com" for number in range(100_000)]
    await master.claim(PublishRequest, lambda request: published(ids))
    async with master.caller() as caller:
        with trio.fail_after(20):
            answer = await caller.ask(op="publish", tgt="*", fun="test.ping", follow=True)
        assert answer["published"]["minions"] == ids


async def test_a_second_return_of_the_same_minion_is_not_told_again(master):
    await master.claim(PublishRequest, lambda request: published(["m1"]))
    async with master.caller() as caller:
        await caller.ask(op="publish", tgt="*", fun="test.ping", follow=True)
        await master.bus.publish(returned("m1"))
        await master.bus.publish(returned("m1", first=False))
        await master.bus.publish(JobSettled(jid=JID, missing={}))
        assert [next(iter(answer)) for answer in await caller.rest()] == ["return", "settled"]


async def test_without_follow_there_is_one_answer_and_no_watch(master):
    asked = await master.claim(PublishRequest, lambda request: published())
    async with master.caller() as caller:
        await caller.ask(op="publish", tgt="*", fun="test.ping", follow=False)
        assert await caller.rest() == []
    assert not asked[0].watch


async def test_when_nobody_matches_there_is_nothing_to_follow(master):
    await master.claim(
        PublishRequest, lambda request: Published(jid=None, minions=[], missing=[], error="nobody is called so")
    )
    async with master.caller() as caller:
        answer = await caller.ask(op="publish", tgt="nosuch", fun="test.ping", follow=True)
        assert answer == {"published": {"jid": None, "minions": [], "missing": [], "error": "nobody is called so"}}
        assert await caller.rest() == []


async def test_a_target_that_cannot_be_read_is_told_with_its_reason(master):
    def answer(request):
        raise TargetError("unclosed bracket at position 3", text="(", position=0)

    await master.claim(PublishRequest, answer)
    async with master.caller() as caller:
        answer = await caller.ask(op="publish", tgt="m1 and (", tgt_type="compound", fun="test.ping", follow=True)
        expected = {"name": "TargetError", "message": "unclosed bracket at position 3", "text": "(", "position": 0}
        assert answer == {"error": expected}


async def test_whom_a_target_names_is_told_and_nothing_is_sent(master):
    asked = await master.claim(ResolveRequest, lambda request: Resolved(minions=["m1", "m2"], missing=["m9"]))
    async with master.caller() as caller:
        answer = await caller.ask(op="match", tgt=["m1", "m2", "m9"], tgt_type="list", delimiter="|")
        assert answer == {"matched": {"minions": ["m1", "m2"], "missing": ["m9"]}}
        assert await caller.rest() == []
    assert asked == [ResolveRequest(tgt=["m1", "m2", "m9"], tgt_type="list", delimiter="|", exact=False)]


async def test_a_follower_that_was_too_slow_reads_what_it_missed_from_the_store(master, monkeypatch):
    monkeypatch.setattr(following, "DEPTH", 4)
    ids = [f"m{number:02}" for number in range(50)]
    watched = await master.claim(WatchRequest, lambda request: ids)

    async def answer(request):
        # More than the subscription holds, before the door gets to read.
        for id in ids:
            master.jobs.kept[id] = {"return": True, "retcode": 0, "success": True}
            await master.bus.publish(returned(id))
        return published(ids)

    await master.claim(PublishRequest, answer)
    async with master.caller() as caller:
        await caller.ask(op="publish", tgt="*", fun="test.ping", follow=True)
        told = [(await caller.next())["return"]["id"] for _ in ids]
        assert sorted(told) == ids
        assert [request.jid for request in watched] == [JID]
        await master.bus.publish(JobSettled(jid=JID, missing={}))
        assert await caller.rest() == [{"settled": {"jid": JID, "missing": {}}}]


async def test_who_follows_later_gets_what_has_returned_so_far_first(master):
    await master.claim(WatchRequest, lambda request: ["m1", "m2"])
    master.jobs.kept["m1"] = {"return": 1, "retcode": 0, "success": True}
    async with master.caller() as caller:
        assert (await caller.ask(op="follow_job", jid=JID))["return"]["id"] == "m1"
        await master.bus.publish(returned("m1"))
        await master.bus.publish(returned("m2"))
        assert (await caller.next())["return"]["id"] == "m2"
        await master.bus.publish(JobSettled(jid=JID, missing={}))
        assert await caller.rest() == [{"settled": {"jid": JID, "missing": {}}}]


async def test_a_job_that_nobody_knows_cannot_be_followed(master):
    await master.claim(WatchRequest, lambda request: None)
    async with master.caller() as caller:
        assert (await caller.ask(op="follow_job", jid=JID))["error"]["name"] == "TargetError"


async def test_a_caller_that_hangs_up_takes_only_its_following_with_it(master, autojump_clock):
    await master.claim(PublishRequest, lambda request: published(["m1"]))
    before = len(master.bus.statistics().subscriptions)
    async with master.caller() as other:
        await other.ask(op="publish", tgt="*", fun="test.ping", follow=True)
        async with master.caller() as caller:
            await caller.ask(op="publish", tgt="*", fun="test.ping", follow=True)
            assert len(master.bus.statistics().subscriptions) == before + 2
        with trio.fail_after(5):
            # The hanging up travels through the kernel; nothing else tells when it has arrived.
            while len(master.bus.statistics().subscriptions) > before + 1:  # noqa: ASYNC110
                await trio.sleep(0.01)
        await master.bus.publish(returned("m1"))
        assert (await other.next())["return"]["id"] == "m1"
