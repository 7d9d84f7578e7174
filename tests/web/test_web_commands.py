"""Commands that take more than one question: subsets, batches, and jobs whose minions are silent."""

import pytest

from tests.web.conftest import ScriptedDoor
from trisalt.client.door import DoorClosed
from trisalt.errors import Denied
from trisalt.web.audit import Audit
from trisalt.web.commands import Asker, Commands
from trisalt.web.lowstate import SERVED, read_chunk
from trisalt.wire.codec import pack_bin

JID = "20261122124204617323"
ANN = Asker(credentials={"token": "ab" * 32}, user="ann", eauth="pam", place="192.0.2.7")


@pytest.fixture
def door():
    return ScriptedDoor()


@pytest.fixture
def perform(door, tmp_path):
    commands = Commands(door, Audit(str(tmp_path)))

    async def performing(**chunk):
        return await commands.perform(read_chunk(chunk, SERVED), ANN)

    return performing


def job(returns, missing=()):
    yield {"published": {"jid": JID, "minions": [*returns, *missing], "missing": []}}
    for id, value in returns.items():
        yield {"return": {"id": id, "jid": JID, "return": value, "retcode": 0}}
    yield {"settled": {"jid": JID, "missing": dict(missing)}}


FLEET = [f"web{number}" for number in range(6)]
ABLE = {"web2", "web4", "web5"}


def fleet(question):
    """Of six minions three have the function, and one of the others is away."""
    if question["fun"] == "sys.list_functions":
        known = {id: ["test.ping"] if id in ABLE else [] for id in question["tgt"] if id != "web0"}
        return job(known, {"web0": "Minion did not return."} if "web0" in question["tgt"] else {})
    return job(dict.fromkeys(question["tgt"], True))


@pytest.mark.parametrize(("subset", "count"), [(1, 1), (2, 2), (3, 3), (6, 3)])
async def test_a_subset_is_of_those_that_are_there_and_have_the_function(door, perform, subset, count):
    door.says["match"] = lambda _question: [{"matched": {"minions": list(FLEET), "missing": []}}]
    door.says["publish"] = fleet
    (returns,) = await perform(client="local_subset", tgt="*", fun="test.ping", subset=subset)
    assert len(returns) == count
    assert returns.keys() <= ABLE
    assert door.asked[-1][0]["tgt_type"] == "list"


async def test_whoever_may_not_ask_what_there_is_gets_any(door, perform):
    def publish(question):
        return [Denied("no")] if question["fun"] == "sys.list_functions" else fleet(question)

    door.says["match"] = lambda _question: [{"matched": {"minions": list(FLEET), "missing": []}}]
    door.says["publish"] = publish
    (returns,) = await perform(client="local_subset", tgt="*", fun="test.ping", subset=4)
    assert len(returns) == 4


async def test_a_subset_of_nobody_is_nobody(door, perform):
    door.says["match"] = [{"matched": {"minions": [], "missing": []}}]
    door.says["publish"] = [{"published": {"jid": None, "minions": []}}]
    assert await perform(client="local_subset", tgt="nosuch", fun="test.ping", subset=2) == [{}]


SILENT = "Minion did not return. [No response]"


@pytest.mark.parametrize("full", [False, True])
async def test_who_is_silent_has_a_text_in_the_place_of_a_return(door, perform, full):
    door.says["publish"] = lambda _question: job({"web1": True}, {"web2": SILENT})
    (returns,) = await perform(client="local", tgt="*", fun="test.ping", full_return=full)
    assert returns["web2"] == SILENT
    assert returns["web1"] == ({"ret": True, "retcode": 0, "jid": JID} if full else True)


async def test_a_batch_has_an_element_for_each_minion_whatever_is_asked_for(door, perform):
    door.says["batch"] = [
        {"published": {"jid": JID, "minions": ["web1", "web2"]}},
        {"batch": {"minions": ["web1", "web2"], "down": []}},
        {"sent": ["web1"]},
        {"return": {"id": "web1", "return": True, "retcode": 0}},
        {"lost": {"web2": SILENT}},
        {"settled": {"missing": {"web2": SILENT}, "halted": None}},
    ]
    told = await perform(client="local_batch", tgt="*", fun="test.ping", batch="1", full_return=True)
    assert told == [{"web1": True}, {"web2": SILENT}]


@pytest.mark.parametrize(("client", "asks"), [("runner", True), ("runner_async", False), ("wheel", False)])
async def test_a_large_result_of_a_runner_comes_in_pieces(door, perform, client, asks):
    listed = {f"job {number}": {"Function": "test.ping"} for number in range(100)}
    packed, asked = pack_bin(listed), []

    def run(question):
        asked.append(question.get("pieces", False))
        yield {"started": {"jid": JID, "tag": "salt/run/1"}}
        if asked[-1]:
            yield from ({"piece": packed[start : start + 1000]} for start in range(0, len(packed), 1000))
        yield {"result": {"return": None if asked[-1] else listed, "retcode": 0, "success": True, "pieces": asked[-1]}}

    door.says |= {"runner": run, "wheel": run}
    (told,) = await perform(client=client, fun="jobs.list_jobs")
    assert asked == [asks]
    assert not asks or told == listed


@pytest.mark.parametrize("client", ["local", "local_batch", "runner", "wheel"])
async def test_a_master_that_goes_half_way_is_no_answer(door, perform, client):
    door.says |= {
        "publish": [{"published": {"jid": JID, "minions": ["web1"]}}],
        "batch": [{"published": {"jid": JID, "minions": ["web1"]}}],
        "runner": [{"started": {"jid": JID, "tag": "salt/run/1"}}],
        "wheel": [{"started": {"jid": JID, "tag": "salt/wheel/1"}}],
    }
    with pytest.raises(DoorClosed):
        await perform(client=client, tgt="*", fun="test.ping")
