"""A job goes out: recorded, told, signed, sent."""

from __future__ import annotations

import hashlib

import pytest
import structlog
import trio

from tests.master.publisher.desk import (
    Desk,
)
from trisalt.bus.caller import MASTER, Caller
from trisalt.bus.event import ITSELF, Origin
from trisalt.errors import StoreError, TargetError
from trisalt.master.jobcache import JobCache
from trisalt.wire import codec
from trisalt.wire.session import open_publication

JID = "20261122124940743908"


async def test_a_job_is_recorded_before_it_is_told_and_told_before_it_is_sent(key, minions, nursery):
    desk = Desk(key, minions)
    await nursery.start(desk.run)
    await nursery.start(desk.follow)
    published = await desk.ask("m[12]", arg=["a", {"__kwarg__": True, "k": 1}], watch=True, timeout=3)
    assert (published.minions, published.missing, published.error) == (["m1", "m2"], [], None)
    assert [row[0] for row in desk.log if row[0] in ("recorded", "sent")] == ["recorded", "sent"]
    assert {row[0] for row in desk.log} == {"recorded", "JobNew", "JobPublished", "sent"}
    new = next(row[1] for row in desk.log if row[0] == "JobNew")
    assert (new.jid, new.minions, new.watch, new.timeout) == (published.jid, ["m1", "m2"], True, 3)
    assert "watch" not in new.to_data()
    assert desk.sent() == {
        "fun": "test.ping",
        "arg": ["a", {"__kwarg__": True, "k": 1}],
        "tgt": "m[12]",
        "jid": published.jid,
        "ret": "",
        "tgt_type": "glob",
        "user": "root",
        "serial": 1,
    }


@pytest.mark.parametrize(
    ("caller", "origin"),
    [
        (Caller(name="root"), Origin("user", "root")),
        (Caller(name="root", minion=True, rows=[".*"]), Origin("minion", "root")),
        (MASTER, ITSELF),
    ],
    ids=["account", "minion", "master"],
)
async def test_a_job_is_of_whoever_the_door_made_sure_of(key, minions, nursery, caller, origin):
    desk = Desk(key, minions)
    await nursery.start(desk.run)
    await nursery.start(desk.follow)
    await desk.ask("m1", caller=caller, kwargs={"origin": "user/somebody", "user": "somebody"})
    told = [row[1] for row in desk.log if row[0] in ("JobNew", "JobPublished", "JobRefused")]
    assert told
    assert {event.origin for event in told} == {origin}


async def test_a_job_that_was_recorded_goes_out_though_whoever_asked_has_gone(key, minions, nursery):
    desk = Desk(key, minions)
    record, at_work, door = desk.jobs.record_job, trio.Event(), trio.Event()

    async def slowly(load, ids, **further):
        at_work.set()
        # As the store: nobody is cut off who waits for it.
        with trio.CancelScope(shield=True):
            await door.wait()
            return await record(load, ids, **further)

    desk.jobs.record_job = slowly
    await nursery.start(desk.run)
    async with trio.open_nursery() as askers:
        askers.start_soon(desk.ask)
        await at_work.wait()
        askers.cancel_scope.cancel()
        door.set()
    assert [row[0] for row in desk.log] == ["recorded", "sent"]


async def test_serials_rise_and_jids_differ(key, minions, nursery):
    desk = Desk(key, minions)
    await nursery.start(desk.run)
    jids = []

    async def one():
        jids.append((await desk.ask()).jid)

    async with trio.open_nursery() as burst:
        for _ in range(20):
            burst.start_soon(one)
    assert len(set(jids)) == 20
    last = 0
    for row in desk.log:
        if row[0] == "sent":
            job = open_publication(
                row[1], crypticle=desk.identity.shared.crypticle, master_pub=key.public, last_serial=last
            )
            last = job["serial"]
    assert last == 20


async def test_only_known_keys_of_the_job_travel(key, minions, nursery):
    desk = Desk(key, minions)
    await nursery.start(desk.run)
    kwargs = {"metadata": {"a": 1}, "delimiter": "|", "password": "x", "token": "y", "to": 5, "auth_list": []}
    await desk.ask(kwargs=kwargs)
    assert set(desk.sent()) - {"fun", "arg", "tgt", "jid", "ret", "tgt_type", "user", "serial"} == {
        "metadata",
        "delimiter",
    }
    assert "password" not in str(desk.log)


async def test_a_master_of_masters_sends_more_and_even_to_nobody(key, minions, nursery):
    desk = Desk(key, minions, order_masters=True)
    await nursery.start(desk.run)
    published = await desk.ask("nobody", kwargs={"to": 5})
    assert (published.minions, desk.sent()["to"]) == ([], 5)
    assert published.jid is not None


async def test_nobody_is_named_in_stocks_words_and_nothing_is_sent(key, minions, nursery):
    desk = Desk(key, minions)
    await nursery.start(desk.run)
    published = await desk.ask("nobody")
    assert (published.jid, published.error) == (None, "Master could not resolve minions for target nobody")
    for tgt, tgt_type in (("m1 and (", "compound"), ("*", "nonsense")):
        with pytest.raises(TargetError):
            await desk.ask(tgt, tgt_type=tgt_type)
    assert desk.log == []


async def test_a_wanted_jid_is_kept_and_nonsense_is_not(key, minions, nursery):
    desk = Desk(key, minions, unique_jid=True)
    await nursery.start(desk.run)
    assert (await desk.ask(jid="20261122130453717216")).jid == "20261122130453717216"
    made = (await desk.ask(jid="../../evil")).jid
    assert made[:20].isdigit()
    assert made[20] == "_"


async def test_what_cannot_be_recorded_is_neither_told_nor_sent(key, minions, nursery):
    desk = Desk(key, minions)
    await nursery.start(desk.run)
    await nursery.start(desk.follow)
    desk.jobs.error = StoreError("full")
    with pytest.raises(StoreError):
        await desk.ask()
    assert desk.log == []
    desk.jobs.error = None
    assert (await desk.ask()).jid is not None


async def test_an_unsigned_publication_is_one_only_when_configured(key, minions, nursery):
    desk = Desk(key, minions, sign_pub_messages=False)
    await nursery.start(desk.run)
    await desk.ask()
    assert "sig" not in codec.unpack(desk.log[-1][1])


async def test_filtered_publications_go_to_each_minions_topic(key, minions, nursery):
    desk = Desk(key, minions, zmq_filtering=True)
    await nursery.start(desk.run)
    await desk.ask("m1,m3", tgt_type="list")
    assert desk.log[-1][2] == [hashlib.sha1(id.encode()).hexdigest().encode() for id in ("m1", "m3")]
    await desk.ask("os:Debian", tgt_type="grain")
    assert desk.log[-1][2] == [b"broadcast"]


@pytest.mark.parametrize(
    ("asked", "configured", "sent"),
    [("", "", ""), ("local", "", "local"), ("", "keep", "keep"), ("local,syslog", "keep", "local,syslog,keep")],
)
async def test_every_return_goes_to_the_external_job_cache_too(key, minions, nursery, asked, configured, sent):
    desk = Desk(key, minions, ext_job_cache=configured)
    await nursery.start(desk.run)
    await desk.ask("m1", ret=asked)
    assert desk.sent()["ret"] == sent


async def test_a_job_of_stocks_commands_is_laid_where_they_look_before_it_is_sent(key, minions, nursery, tmp_path):
    cache = JobCache(tmp_path)
    desk = Desk(key, minions, cache=cache)
    await nursery.start(desk.run)
    asked = {"jid": JID, "kwargs": {"metadata": {"a": 1}}, "caller": Caller(name="root")}
    assert (await desk.ask("m[12]", laid_down=True, **asked)).jid == JID
    folder = cache.folder_of(JID)
    assert (folder / "jid").read_text() == JID
    load = codec.unpack_bin((folder / ".load.p").read_bytes())
    assert (load["fun"], load["user"], load["minions"]) == ("test.ping", "root", ["m1", "m2"])
    assert codec.unpack_bin((folder / ".minions.p").read_bytes()) == ["m1", "m2"]
    assert desk.sent()["jid"] == JID
    # Ours look for theirs in the store.
    published = await desk.ask("m1")
    assert not cache.folder_of(published.jid).exists()
    # What cannot be recorded is refused as ever.
    desk.jobs.error = StoreError("no room")
    with pytest.raises(StoreError, match="no room"):
        await desk.ask("m1", laid_down=True)


async def test_a_job_that_cannot_be_laid_down_goes_out_all_the_same(key, minions, nursery, tmp_path):
    (tmp_path / "jobs").write_text("in its place")
    desk = Desk(key, minions, cache=JobCache(tmp_path))
    await nursery.start(desk.run)
    with structlog.testing.capture_logs() as logs:
        published = await desk.ask("m1", laid_down=True)
    assert desk.sent()["jid"] == published.jid
    assert [line["jid"] for line in logs if line["event"] == "job_cache.not_written"] == [published.jid]
