"""Whom a target names, and in which words it goes out."""

from __future__ import annotations

import pytest

from tests.master.publisher.desk import (
    NODEGROUPS,
    Desk,
    FakeBanks,
    FakeKeyring,
)
from trisalt.errors import TargetError
from trisalt.master.keyring import State
from trisalt.master.minions import Minions, for_the_wire


async def test_whom_a_target_would_name_if_they_might_come_in_is_hinted_to_who_keeps_the_keys(key, minions, nursery):
    desk = Desk(key, minions)
    await nursery.start(desk.run)
    minions._keyring.others = {State.PENDING: ["new1", "other"], State.REJECTED: ["new2"]}
    assert (await desk.ask("new*")).hint == (
        "new1: Its key is pending: `salt-key -a new1` accepts it.\nnew2: Its key was rejected."
    )
    assert (await desk.ask("os:*", tgt_type="grain")).hint == ""
    assert (await desk.ask("nosuch")).hint == ""


async def test_nodegroups_leave_as_words_that_minions_understand(key, minions, nursery):
    desk = Desk(key, minions)
    await nursery.start(desk.run)
    await nursery.start(desk.follow)
    published = await desk.ask("web", tgt_type="nodegroup")
    assert published.minions == ["m1", "m2", "m3"]
    job = desk.sent()
    assert (job["tgt"], job["tgt_type"]) == ("( I@role:web or ( m2 or m3 ) )", "compound")
    new = next(row[1] for row in desk.log if row[0] == "JobNew")
    assert (new.tgt, new.tgt_type) == ("web", "nodegroup")


# -- who is named ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tgt", "tgt_type", "expected"),
    [
        ("*", "glob", ["m1", "m2", "m3"]),
        ("m[13]", "glob", ["m1", "m3"]),
        ("m1|m2", "pcre", ["m1", "m2"]),
        ("m1,m2", "list", ["m1", "m2"]),
        ("os:debian", "grain", ["m1"]),
        ("role:web", "pillar", ["m1"]),
        ("G@os:Arch or I@role:w*", "compound", ["m1", "m2"]),
        ("not G@os:Arch", "compound", ["m1", "m3"]),
        ("N@old and not m2", "compound", ["m3"]),
        ("web", "nodegroup", ["m1", "m2", "m3"]),
    ],
)
async def test_targets_name_accepted_minions(minions, tgt, tgt_type, expected):
    assert await minions.resolve(tgt, tgt_type) == (expected, [])


async def test_a_list_names_who_is_missing(minions):
    assert await minions.resolve(["m1", "mx"], "list") == (["m1"], ["mx"])
    assert await minions.resolve("m3..4", "range") == (["m3"], ["m4"])


async def test_an_unreadable_target_is_an_error_even_with_no_minions(tmp_path):
    (tmp_path / "minions").mkdir()
    empty = Minions(FakeKeyring(tmp_path / "minions"), FakeBanks(), pki_dir=tmp_path, nodegroups=dict)
    assert await empty.resolve("*") == ([], [])
    for tgt, tgt_type in (("(", "compound"), ("x", "nosuch"), ("nosuch", "nodegroup")):
        with pytest.raises(TargetError):
            await empty.resolve(tgt, tgt_type)


@pytest.mark.parametrize(
    ("tgt", "tgt_type", "banks"),
    [
        ("*", "glob", []),
        ("os:Debian", "grain", ["grains"]),
        ("role:web", "pillar_exact", ["pillar"]),
        ("m1 or m2", "compound", ["grains", "pillar"]),
    ],
)
async def test_what_is_kept_is_looked_into_only_where_it_counts(minions, tgt, tgt_type, banks):
    await minions.resolve(tgt, tgt_type)
    assert minions._banks.asked == banks


async def test_a_key_that_was_moved_in_counts_at_once(minions, tmp_path):
    assert (await minions.resolve("m9"))[0] == []
    (tmp_path / "minions/m9").touch()
    assert (await minions.resolve("m9"))[0] == ["m9"]
    (tmp_path / "minions/m9").unlink()
    assert (await minions.resolve("m9"))[0] == []


@pytest.mark.parametrize(
    ("tgt", "tgt_type", "sent"),
    [
        ("G@os:Debian  or m1", "compound", ("G@os:Debian or m1", "compound")),
        ("(m1 or m2) and not m3", "compound", ("( m1 or m2 ) and not m3", "compound")),
        ("(N@old or m1)", "compound", ("( ( m2 or m3 ) or m1 )", "compound")),
        ("old", "nodegroup", ("( m2 or m3 )", "compound")),
        ("m1,m2", "glob", (["m1", "m2"], "list")),
        ("m1..3", "range", (["m1", "m2", "m3"], "list")),
        ("R@m1..2 or G|@os|Arch", "compound", ("L@m1,m2 or G|@os|Arch", "compound")),
        ("m[1,2]", "glob", ("m[1,2]", "glob")),
        ("N@x", "glob", ("N@x", "glob")),
    ],
)
def test_a_target_goes_out_in_words_that_every_minion_understands(tgt, tgt_type, sent):
    assert for_the_wire(tgt, tgt_type, NODEGROUPS) == sent


@pytest.mark.parametrize("tgt", ["N@ring", "N@nosuch"])
def test_a_ring_of_nodegroups_and_an_unknown_one_are_errors(tgt):
    with pytest.raises(TargetError):
        for_the_wire(tgt, "compound", NODEGROUPS)
