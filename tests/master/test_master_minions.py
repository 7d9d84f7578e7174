"""`trisalt.master.minions`: which minions a target names, asked by request."""

from __future__ import annotations

import pytest
import trio

from trisalt.bus.bus import Bus
from trisalt.bus.requests import Resolved, ResolveRequest
from trisalt.errors import TargetError
from trisalt.master.minions import Minions, answer_targets

PILLAR = {"m1": {"key": "s3cret"}}


class Keyring:
    def __init__(self, folder):
        self.folder = folder

    def list(self, _state):
        return sorted(path.name for path in self.folder.iterdir())


class Banks:
    async def look(self, banks, work):
        await trio.lowlevel.checkpoint()
        return work(*({"grains": {}, "pillar": PILLAR}[bank] for bank in banks))


@pytest.fixture
async def ask(tmp_path, nursery):
    folder = tmp_path / "minions"
    folder.mkdir()
    for id in ("m1", "m2"):
        (folder / id).touch()
    bus = Bus()
    minions = Minions(Keyring(folder), Banks(), pki_dir=tmp_path, nodegroups=dict)
    await nursery.start(answer_targets, bus, minions)

    async def ask(tgt, tgt_type="glob", **more):
        with trio.fail_after(5):
            return await bus.ask(ResolveRequest(tgt=tgt, tgt_type=tgt_type, **more))

    yield ask
    nursery.cancel_scope.cancel()


async def test_a_target_is_resolved_on_request(ask):
    assert await ask("m*") == Resolved(minions=["m1", "m2"], missing=[])
    assert await ask("m2,mx", "list") == Resolved(minions=["m2"], missing=["mx"])
    assert await ask("key|s3*", "pillar", delimiter="|") == Resolved(minions=["m1"], missing=[])


async def test_a_target_that_cannot_be_read_is_told_with_its_place(ask):
    with pytest.raises(TargetError, match="at character 9"):
        await ask("m1 and (", "compound")
    assert (await ask("m1")).minions == ["m1"]


@pytest.mark.parametrize(
    ("tgt", "tgt_type"),
    [("key:s3*", "pillar"), ("key:s3.*", "pillar_pcre"), ("I@key:s3*", "compound"), ("J@key:s3.*", "compound")],
)
async def test_who_may_not_look_into_pillar_finds_nothing_by_a_pattern_over_it(ask, tgt, tgt_type):
    assert (await ask(tgt, tgt_type)).minions == ["m1"]
    assert (await ask(tgt, tgt_type, exact=True)).minions == []
    assert (await ask("key:s3cret", "pillar", exact=True)).minions == ["m1"]
