"""`trisalt.minion.status`: the small socket, which is there before any master is."""

from __future__ import annotations

import json
import os
import resource
import stat
from types import SimpleNamespace

import pytest
import trio

from tests.support import health
from trisalt.bus.bus import Bus
from trisalt.bus.requests import StatusRequest
from trisalt.client.door import Door, MasterRefused
from trisalt.client.operations import status
from trisalt.meters import LoopMeter
from trisalt.minion.status import Parts, disk_complaint, serve_status


@pytest.fixture
async def minion(open_folder, nursery):
    links = [("a", True), ("b", False)]
    workers = SimpleNamespace(statistics=lambda: {"busy": 1, "warm": 0, "waiting": 0}, running=lambda: {"jid": 1})
    parts = Parts(bus=Bus(), loop=LoopMeter(), workers=workers, links=lambda: links, spooled=lambda: 2)
    path = str(open_folder / "status.sock")
    await nursery.start(serve_status, parts, path)
    yield SimpleNamespace(parts=parts, path=path, links=links)
    nursery.cancel_scope.cancel()


async def asked(minion, work):
    with trio.fail_after(10):
        return await trio.to_thread.run_sync(work, Door(minion.path))


async def test_who_asks_at_the_socket_is_told_and_which_master_is_not_there_is_complained_of(minion):
    assert stat.S_IMODE(os.stat(minion.path).st_mode) == 0o600
    facts = await asked(minion, status)
    assert json.loads(json.dumps(facts)) == facts
    assert (facts["daemon"], facts["pid"]) == ("minion", os.getpid())
    assert facts["complaints"] == ["there is no connection to the master b"]
    assert facts["masters"] == [{"master": "a", "connected": True}, {"master": "b", "connected": False}]
    assert (facts["spooled"], facts["jobs"]) == (2, {"running": 1})
    minion.links.pop()
    assert (await asked(minion, status))["complaints"] == []


async def test_a_disk_that_takes_nothing_is_complained_of_until_it_does(minion, tmp_path):
    folders = [tmp_path / "spool", tmp_path / "proc"]
    folders[0].mkdir()
    minion.parts.disk = lambda: disk_complaint(folders)
    minion.links.pop()
    (complaint,) = (await asked(minion, status))["complaints"]
    assert complaint.startswith(f"nothing can be written to {folders[1]} (No such file or directory): see that it can")
    families = await minion.parts.bus.ask(StatusRequest(metrics=True))
    assert {f.name: f.samples for f in families}["trisalt_minion_healthy"] == [({}, 0.0)]
    folders[1].mkdir()
    assert (await asked(minion, status))["complaints"] == []
    assert [list(folder.iterdir()) for folder in folders] == [[], []]


def test_a_full_disk_is_told_with_what_to_do_and_what_is_held(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hard))
    try:
        full = disk_complaint([tmp_path], 2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert full == (
        f"nothing can be written to {tmp_path} (No space left on device): make room there; until then it refuses jobs "
        "that it could forget; 2 returns are held in memory, and lost if the minion ends"
    )
    assert disk_complaint([tmp_path], 1) == "1 return is held in memory: the disk did not take it"
    assert disk_complaint([tmp_path]) == ""
    assert list(tmp_path.iterdir()) == []


async def test_nothing_else_is_answered(minion):
    with pytest.raises(MasterRefused, match="asked for its status"):
        await asked(minion, lambda door: door.ask({"op": "publish"}, 5))


async def test_prometheus_gets_the_same_figures(minion):
    families = await minion.parts.bus.ask(StatusRequest(metrics=True))
    found = {family.name: family.samples for family in families}
    assert len(found) == len(families)
    assert found["trisalt_minion_connected"] == [({"master": "a"}, 1.0), ({"master": "b"}, 0.0)]
    assert found["trisalt_minion_healthy"] == [({}, 0.0)]
    assert found["trisalt_minion_returns_waiting"] == [({}, 2)]


async def test_the_page_names_what_is_there_and_nothing_else(minion):
    families = await minion.parts.bus.ask(StatusRequest(metrics=True))
    assert health.documented(families) <= health.named("trisalt_minion") <= health.exposed(families)
