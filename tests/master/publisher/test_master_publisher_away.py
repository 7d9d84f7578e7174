"""A job for minions that are away waits, and goes to them later."""

from __future__ import annotations

import time

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from tests.master.publisher.desk import (
    GRAINS,
    Desk,
)
from trisalt.bus.answers import Presence
from trisalt.bus.caller import MASTER
from trisalt.bus.requests import PresenceRequest, SendRequest
from trisalt.errors import ConfigError
from trisalt.master.minions import narrowed
from trisalt.master.publisher import USUAL_PATIENCE_S, PublishRules
from trisalt.target.match import matches


@pytest.fixture
async def m2_away(nursery):
    """Answers as presence does, on any bus: m1 is here, m2 is not, of m3 nobody knows."""

    def answering(bus):
        async def answer(request):
            await trio.lowlevel.checkpoint()
            known = {"m1": True, "m2": False, "m3": None}
            return {id: Presence(present=known[id]) for id in request.ids}

        return bus.answering({PresenceRequest: answer})

    return answering


@pytest.mark.parametrize(
    ("wait_absent", "configured", "fun", "caller", "seconds"),
    [
        (None, "", "cmd.run", None, None),
        (True, "", "cmd.run", None, USUAL_PATIENCE_S),
        (True, "2h", "test.ping", None, 7200),
        (60.0, "2h", "test.ping", None, 60),
        (None, "2h", "cmd.run", None, 7200),
        (None, 90, "cmd.run", None, 90),
        (0, "2h", "cmd.run", None, None),
        # What only asks, what the master does for itself, and what minions have others do.
        (None, "2h", "test.ping", None, None),
        (None, "2h", "saltutil.kill_job", None, None),
        (None, "2h", ["test.ping", "grains.items"], None, None),
        (None, "2h", ["test.ping", "cmd.run"], None, 7200),
        (None, "2h", "cmd.run", MASTER, None),
    ],
)
async def test_a_job_waits_for_who_is_away_when_that_is_wanted(
    key, minions, nursery, m2_away, wait_absent, configured, fun, caller, seconds
):
    desk = Desk(key, minions, queue_offline=PublishRules.from_opts({"queue_offline": configured}).queue_offline)
    await nursery.start(desk.run)
    await nursery.start(desk.follow)
    with m2_away(desk.bus):
        now = time.time()
        await desk.ask(fun=fun, arg=[[]] * 2 if isinstance(fun, list) else [], wait_absent=wait_absent, caller=caller)
    new = next(row[1] for row in desk.log if row[0] == "JobNew")
    assert desk.sent().get("durable", False) is (seconds is not None)
    if seconds is None:
        assert desk.jobs.waits is None
        assert new.until is None
    else:
        assert desk.jobs.waits.until == new.until == pytest.approx(now + seconds, abs=5)
        assert desk.jobs.waits.absent == new.absent == {"m2"}
        assert not {"until", "absent"} & new.to_data().keys()


def test_a_patience_that_cannot_be_read_is_told_with_its_option():
    with pytest.raises(ConfigError, match="queue_offline: 'soon' is no duration"):
        PublishRules.from_opts({"queue_offline": "soon"})


@pytest.mark.parametrize(
    ("tgt", "tgt_type", "further", "sent"),
    [
        ("*", "glob", {}, (["m2", "m3"], "list")),
        ("m.", "pcre", {}, (["m2", "m3"], "list")),
        ("os:Arch Linux", "grain", {}, (["L@m2,m3", "and", "G@os:Arch Linux"], "compound")),
        ("os|Arch", "grain", {"delimiter": "|"}, (["L@m2,m3", "and", "G|@os|Arch"], "compound")),
        ("os::Arch", "grain", {"delimiter": "::"}, (["m2", "m3"], "list")),
        ("10.0.0.0/8", "ipcidr", {}, (["L@m2,m3", "and", "S@10.0.0.0/8"], "compound")),
        ("G@os:Arch or web*", "compound", {}, (["L@m2,m3", "and", "(", "G@os:Arch", "or", "web*", ")"], "compound")),
        ("old", "nodegroup", {}, (["L@m2,m3", "and", "(", "(", "m2", "or", "m3", ")", ")"], "compound")),
        ("nosuch", "nodegroup", {}, (["m2", "m3"], "list")),
        (["m1", "m2", "m3"], "list", {}, (["m2", "m3"], "list")),
        ("role:web", "pillar_exact", {}, (["m2", "m3"], "list")),
    ],
)
async def test_what_is_sent_again_goes_to_these_minions_who_judge_the_target_as_ever(
    key, minions, nursery, tgt, tgt_type, further, sent
):
    desk = Desk(key, minions)
    await nursery.start(desk.run)
    load = {"fun": "cmd.run", "arg": ["id"], "jid": "20261127100000000000", "ret": "keep", "user": "alice"}
    load |= {"tgt": tgt, "tgt_type": tgt_type, "metadata": {"a": 1}, "minions": ["m1", "m2", "m3"], "missing": []}
    now = time.time()
    await desk.bus.ask(SendRequest(load=load | further, minions=["m2", "m3"]))
    job = desk.sent()
    assert job.pop("sent") == pytest.approx(now, abs=5)
    assert job == {
        "fun": "cmd.run",
        "arg": ["id"],
        "jid": "20261127100000000000",
        "ret": "keep",
        "user": "alice",
        "metadata": {"a": 1},
        "durable": True,
        "tgt": sent[0],
        "tgt_type": sent[1],
        "serial": 1,
    }
    assert [row[0] for row in desk.log] == ["sent"]


@given(st.sampled_from(["os:Debian", "os:Arch", "os:*", "nosuch:x"]), st.sampled_from(["grain", "grain_pcre"]))
def test_a_narrowed_target_names_whom_both_name(tgt, tgt_type):
    if tgt_type == "grain_pcre":
        tgt = tgt.replace("*", ".*")
    narrow, kind = narrowed(tgt, tgt_type, ["m1"])
    for id, grains in GRAINS.items():
        whole = matches(tgt, tgt_type, id=id, grains=grains, pillar={})
        assert matches(narrow, kind, id=id, grains=grains, pillar={}) == (whole and id == "m1")
