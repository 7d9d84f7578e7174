"""`trisalt.master.minions`: which minions a target names, asked by request."""

from __future__ import annotations

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from trisalt.bus.answers import Resolved
from trisalt.bus.bus import Bus
from trisalt.bus.requests import ResolveRequest
from trisalt.errors import StoreError, TargetError
from trisalt.master import minions as minions_module
from trisalt.master.minions import EXACT_TYPES, Minions, answer_targets, for_the_wire
from trisalt.store.columns import Columns
from trisalt.target import match
from trisalt.wire.codec import pack, pack_bin, unpack

PILLAR = {"m1": {"key": "s3cret"}}


class Keyring:
    def __init__(self, folder):
        self.folder = folder

    def list(self, _state):
        return sorted(path.name for path in self.folder.iterdir())


class Banks:
    def __init__(self):
        self.looked = []
        self.broken = False

    async def look(self, banks, work):
        await trio.lowlevel.checkpoint()
        self.looked += banks
        if self.broken:
            raise StoreError("the store cannot read")
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


@pytest.mark.parametrize(
    ("many", "broken", "looked"),
    [(2, False, ["grains", "pillar"]), (3, False, []), (2, True, ["grains"])],
    ids=["many", "few", "no store"],
)
async def test_what_is_kept_of_many_is_at_hand_soon_after_the_start(
    tmp_path, nursery, monkeypatch, autojump_clock, many, broken, looked
):
    monkeypatch.setattr(minions_module, "MANY", many)
    (tmp_path / "minions").mkdir()
    for id in ("m1", "m2"):
        (tmp_path / "minions" / id).touch()
    banks = Banks()
    banks.broken = broken
    minions = Minions(Keyring(tmp_path / "minions"), banks, pki_dir=tmp_path, nodegroups=dict)
    await nursery.start(answer_targets, Bus(), minions)
    assert banks.looked == []
    await trio.sleep(10)
    assert banks.looked == looked
    nursery.cancel_scope.cancel()


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


# -- both sides ----------------------------------------------------------------------------------------------------------

IDS = [f"m{number}" for number in range(1, 7)]
NODEGROUPS = {"some": "G@os:Debian or m1", "list": ["m2", "m5"], "both": "N@some and not N@list", "re": ["m[1-3]"]}
scalars = st.sampled_from(["Debian", "debian", "Arch", "a:b", "192.0.2.1", "", 1, 0, 2.5, True, None])
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["os", "a", "b", "1"]), inner, max_size=3)
    ),
    max_leaves=6,
)
data = st.dictionaries(st.sampled_from(["os", "a", "b", "a:b", "ipv4", "ipv6", "1"]), values, max_size=4)
addresses = st.lists(st.sampled_from(["192.0.2.1", "192.0.2.130", "10.0.0.1", "::1", "nonsense"]), max_size=3)
grains = st.builds(lambda found, ipv4: {**found, "ipv4": ipv4}, data, addresses)
fleets = st.fixed_dictionaries({id: st.none() | st.tuples(grains, data) for id in IDS})

parts = st.sampled_from(["os", "a", "b", "1", "*", "Debian", "De*", "d?bian", "192.*", ""])
paths = st.lists(parts, min_size=1, max_size=4).map(":".join)
piped = st.lists(parts, min_size=2, max_size=3).map("|".join)
networks = st.sampled_from(["192.0.2.0/24", "192.0.2.1", "10.0.0.0/8", "::/0", "0.0.0.0/0"])
globs = st.sampled_from(["*", "m*", "m[13]", "m?", "m1,m4", "x", "m2"])
regexes = st.sampled_from(["m", "m[1-3]$", "m(1|5)", ".*2", "^m6"])
lists = st.lists(st.sampled_from([*IDS, "gone"]), max_size=3).map(",".join)
plain = st.one_of(
    st.tuples(globs, st.just("glob")),
    st.tuples(regexes, st.just("pcre")),
    st.tuples(lists, st.just("list")),
    st.tuples(paths, st.sampled_from(["grain", "grain_pcre", "pillar", "pillar_pcre", "pillar_exact"])),
    st.tuples(networks, st.just("ipcidr")),
    st.tuples(st.sampled_from(["m1..3", "m2..5,-m4"]), st.just("range")),
    st.tuples(st.sampled_from(sorted(NODEGROUPS)), st.just("nodegroup")),
)
words = paths.filter(lambda path: path.split() and "(" not in path)
terms = st.one_of(
    globs,
    regexes.map("E@{}".format),
    lists.filter(bool).map("L@{}".format),
    words.map("G@{}".format),
    words.map("P@{}".format),
    words.map("I@{}".format),
    words.map("J@{}".format),
    piped.map("G|@{}".format),
    piped.map("I|@{}".format),
    networks.map("S@{}".format),
    st.sampled_from(sorted(NODEGROUPS)).map("N@{}".format),
    st.just("R@m1..4,-m2"),
)
expressions = st.recursive(
    terms,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or", "and not"]), inner).map(" ".join),
        inner.map("( {} )".format),
        inner.map("({})".format),
        inner.map("not {}".format),
    ),
    max_leaves=6,
)
targets = plain | st.tuples(expressions, st.just("compound"))


class Stored:
    """Banks as the store's columns show them."""

    def __init__(self, fleet):
        self.columns = {"grains": Columns(1 << 30), "pillar": Columns(1 << 30)}
        for id, kept in fleet.items():
            for bank, value in zip(self.columns, kept or (), strict=False):
                self.columns[bank].put(id, pack_bin(value))

    async def look(self, banks, work):
        return work(*(self.columns[bank].look() for bank in banks))


@settings(max_examples=150, deadline=None)
@given(fleets, targets, st.booleans())
def test_the_master_waits_for_exactly_those_who_will_run_it(fleet, target, exact):
    tgt, tgt_type = target
    if exact:
        tgt_type = EXACT_TYPES.get(tgt_type, tgt_type)
    minions = Minions(None, Stored(fleet), pki_dir=trio.Path("/"), nodegroups=lambda: NODEGROUPS)
    minions.accepted = lambda: IDS
    try:
        expected, _missing = trio.run(minions.resolve, tgt, tgt_type)
    except TargetError:
        return
    if tgt_type == "compound_pillar_exact":
        # Never on the wire: whoever is judged so is published to by name.
        sent, sent_type = tgt, tgt_type
        known = NODEGROUPS
    else:
        sent, sent_type = unpack(pack(for_the_wire(tgt, tgt_type, NODEGROUPS)))
        known = {}
    willing = [
        id
        for id, own in fleet.items()
        if match.matches(
            sent, sent_type, id=id, grains=(own or ({}, {}))[0], pillar=(own or ({}, {}))[1], nodegroups=known
        )
    ]
    assert expected == sorted(willing)
