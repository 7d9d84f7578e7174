"""Each row of the table of target kinds, and that both sides agree."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trisalt.errors import TargetError
from trisalt.target.compound import parse
from trisalt.target.match import TARGET_TYPES, matches, missing, select

MINIONS = {
    f"m{n}": (
        {
            "id": f"m{n}",
            "n": n,
            "os": "Debian",
            "roles": ["web", f"r{n}"],
            "ip4_interfaces": {"lo": ["127.0.0.1"], "eth0": [f"192.0.2.{n}"]},
            "ipv4": ["127.0.0.1", f"192.0.2.{n}"],
            "ipv6": ["::1", f"2001:db8::{n}"],
        },
        {"colour": "blue" if n < 3 else "red", "secret": {"key": f"Value{n}"}},
    )
    for n in (1, 2, 3)
}
NODEGROUPS = {"web": "L@m1,m2", "all": "N@web or m3", "bare": ["m1", "m3"]}
ALL, NONE = ["m1", "m2", "m3"], []


def chosen(tgt, tgt_type, **options) -> list[str]:
    """What both sides say; it must be the same."""
    options.setdefault("nodegroups", NODEGROUPS)
    by_master = select(tgt, tgt_type, ids=MINIONS, data=MINIONS.get, **options)
    by_minions = {
        id
        for id, (grains, pillar) in MINIONS.items()
        if matches(tgt, tgt_type, id=id, grains=grains, pillar=pillar, **options)
    }
    assert by_master == by_minions
    return sorted(by_master)


@pytest.mark.parametrize(
    ("tgt", "tgt_type", "expected"),
    [
        ("*", "glob", ALL),
        ("m?", "glob", ALL),
        ("m[12]", "glob", ["m1", "m2"]),
        ("m1", "glob", ["m1"]),
        ("M1", "glob", NONE),
        ("M*", "glob", NONE),
        ("m", "glob", NONE),
        ("", "glob", NONE),
        ("m1,m2", "glob", ["m1", "m2"]),
        ("m1,x*,m[3]", "glob", ["m1", "m3"]),
        ("m1,,x,m3,", "glob", ["m1", "m3"]),
        ("*", "list", NONE),
        ("m1..2", "range", ["m1", "m2"]),
        ("m1..3,-m2", "range", ["m1", "m3"]),
        ("R@m1..3,&m2..9 and not m3", "compound", ["m2"]),
        ("m", "pcre", ALL),
        ("m1", "pcre", ["m1"]),
        ("m(1|3)$", "pcre", ["m1", "m3"]),
        ("^1", "pcre", NONE),
        ("1", "pcre", NONE),
        ("M", "pcre", NONE),
        ("m1,m3,zz", "list", ["m1", "m3"]),
        (["m1", "m3", "zz"], "list", ["m1", "m3"]),
        (("m2",), "list", ["m2"]),
        ("m*", "list", NONE),
        ([1, None, "m2"], "list", ["m2"]),
        ("n:1", "grain", ["m1"]),
        ("os:Debian", "grain", ALL),
        ("os:debian", "grain", ALL),
        ("os:DEB*", "grain", ALL),
        ("os:eb", "grain", NONE),
        ("roles:r2", "grain", ["m2"]),
        ("roles:R*", "grain", ALL),
        ("os", "grain", NONE),
        ("nosuch:*", "grain", NONE),
        ("ip4_interfaces:*:127*", "grain", ALL),
        ("ip4_interfaces:*:192.0.2.3", "grain", ["m3"]),
        ("ip4_interfaces:eth0:192.0.2.1", "grain", ["m1"]),
        ("ip4_interfaces:eth0", "grain", ALL),
        ("ip4_interfaces:ETH0", "grain", ALL),
        ("ip4_interfaces:eth1", "grain", NONE),
        ("*:debian", "grain", ALL),
        ("os:DEB", "grain_pcre", ALL),
        ("os:eb", "grain_pcre", NONE),
        (r"os:\D+$", "grain_pcre", ALL),
        ("n:[12]", "grain_pcre", ["m1", "m2"]),
        (r"ip4_interfaces:*:192\.0\.2\.[23]", "grain_pcre", ["m2", "m3"]),
        ("colour:blue", "pillar", ["m1", "m2"]),
        ("colour:*", "pillar", ALL),
        ("secret:key:value2", "pillar", ["m2"]),
        ("colour:(blue|green)", "pillar_pcre", ["m1", "m2"]),
        ("secret:key:val", "pillar_pcre", ALL),
        ("colour:blue", "pillar_exact", ["m1", "m2"]),
        ("colour:bl*", "pillar_exact", NONE),
        ("secret:key:Value1", "pillar_exact", ["m1"]),
        ("192.0.2.1", "ipcidr", ["m1"]),
        ("192.0.2.0/31", "ipcidr", ["m1"]),
        ("192.0.2.0/24", "ipcidr", ALL),
        ("198.51.100.0/24", "ipcidr", NONE),
        ("2001:db8::2", "ipcidr", ["m2"]),
        ("2001:0db8:0::2", "ipcidr", ["m2"]),
        ("2001:db8::/32", "ipcidr", ALL),
        ("web", "nodegroup", ["m1", "m2"]),
        ("all", "nodegroup", ALL),
        ("bare", "nodegroup", ["m1", "m3"]),
        ("G@n:1 or m3", "compound", ["m1", "m3"]),
        ("I@colour:bl* or m3", "compound_pillar_exact", ["m3"]),
        ("J@colour:bl or m3", "compound_pillar_exact", ["m3"]),
        ("I@colour:blue", "compound_pillar_exact", ["m1", "m2"]),
    ],
)
def test_each_kind_names_whom_it_names_in_stock(tgt, tgt_type, expected):
    assert chosen(tgt, tgt_type) == expected


@pytest.mark.parametrize(
    ("tgt", "tgt_type", "text"),
    [
        ("(", "pcre", "no regular expression"),
        ("os:(", "grain_pcre", "no regular expression"),
        ("a:b:[", "pillar_pcre", "no regular expression"),
        ("192.0.2.7/24", "ipcidr", "host bits set"),
        ("nowhere", "ipcidr", "neither an address nor a network"),
        ("%group", "range", "range server"),
        ("nosuch", "nodegroup", "node group nosuch unavailable"),
        ("m1 m2", "compound", "character 4"),
        ("m1", "nosuch", "unknown target type 'nosuch'"),
        ("m1", "data", "unknown target type"),
        (5, "glob", "int, when it should be text"),
        (["m1"], "glob", "list, when it should be text"),
        (None, "list", "NoneType, when it should be a list"),
        ({"m1": 1}, "compound", "dict, when it should be text or a list"),
        (5, "nodegroup", "int, when it should be text"),
    ],
)
def test_a_target_that_cannot_be_read_says_why(tgt, tgt_type, text):
    with pytest.raises(TargetError, match=text):
        select(tgt, tgt_type, ids=MINIONS, data=MINIONS.get, nodegroups=NODEGROUPS)
    with pytest.raises(TargetError, match=text):
        matches(tgt, tgt_type, id="m1", grains={}, pillar={}, nodegroups=NODEGROUPS)


def test_every_kind_is_tried_above():
    rows = test_each_kind_names_whom_it_names_in_stock.pytestmark[0].args[1]
    errors = test_a_target_that_cannot_be_read_says_why.pytestmark[0].args[1]
    assert {row[1] for row in rows + errors} >= TARGET_TYPES


def test_another_delimiter_parts_the_path():
    assert chosen("ip4_interfaces|eth0|192.0.2.1", "grain", delimiter="|") == ["m1"]
    assert chosen("secret|key|value2", "pillar", delimiter="|") == ["m2"]
    assert chosen("os:Debian", "grain", delimiter="|") == NONE
    with pytest.raises(TargetError, match="empty delimiter"):
        chosen("os:Debian", "grain", delimiter="")


def test_a_minion_without_data_counts_by_its_id_only():
    def of(tgt, tgt_type):
        return sorted(select(tgt, tgt_type, ids=["m1", "ghost"], data=MINIONS.get))

    assert of("*", "glob") == ["ghost", "m1"]
    assert of("os:*", "grain") == ["m1"]
    assert of("*:*", "grain") == ["m1"]
    assert of("0.0.0.0/0", "ipcidr") == ["m1"]
    assert of("not G@os:Debian", "compound") == ["ghost"]


def test_data_is_asked_for_only_where_it_matters():
    asked: list[str] = []

    def data(id):
        asked.append(id)
        return MINIONS[id]

    select("m*", "glob", ids=MINIONS, data=data)
    select("m1", "pcre", ids=MINIONS, data=data)
    select("m1 or ( L@m2 and not m3 )", "compound", ids=MINIONS, data=data)
    assert asked == []
    assert select("m1 and G@n:1 and I@colour:blue", "compound", ids=MINIONS, data=data) == {"m1"}
    assert asked == ["m1"]


@pytest.mark.parametrize("addresses", [None, 5, {}, [None, 7, "junk", {}], "junk", ["fe80::1%eth0"]])
def test_odd_addresses_match_no_network_of_ours(addresses):
    assert not matches("192.0.2.0/24", "ipcidr", id="m", grains={"ipv4": addresses}, pillar={})
    assert not matches("2001:db8::/32", "ipcidr", id="m", grains={"ipv6": addresses}, pillar={})


def test_a_single_address_need_not_stand_in_a_list():
    assert matches("192.0.2.0/24", "ipcidr", id="m", grains={"ipv4": "192.0.2.9"}, pillar={})


def test_missing_are_the_names_of_a_list_that_nobody_has():
    assert missing("m1,zz,m2,aa,zz", "list", ids=MINIONS) == ["zz", "aa"]
    assert missing(["zz", "m1"], "list", ids=MINIONS) == ["zz"]
    assert missing("zz", "glob", ids=MINIONS) == []
    assert missing("L@zz", "compound", ids=MINIONS) == []


# -- both sides ----------------------------------------------------------------------------------------------------

ids = st.sampled_from(["m1", "m2", "web1", "web2", "db-1", "Web3"])
values = st.recursive(
    st.sampled_from(["Debian", "debian", "a:b", "x", "", "web1", 1, 2.5, True, None, "*", "10.0.0.1"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "os", 1]), inner, max_size=3)
    ),
    max_leaves=6,
)
trees = st.dictionaries(st.sampled_from(["os", "a", "b", "roles", "ipv4"]), values, max_size=4)
fleets = st.dictionaries(ids, st.tuples(trees, trees), max_size=5)
paths = st.lists(st.sampled_from(["os", "a", "b", "*", "d*", "Deb?an", "x", "1", "0", "roles", "web", "."]), max_size=4)
path_targets = st.tuples(
    paths.map(":".join), st.sampled_from(["grain", "grain_pcre", "pillar", "pillar_pcre", "pillar_exact"])
)
id_targets = st.tuples(
    st.sampled_from(["*", "web*", "m1,web*", "m[12]", "w", "db", "m1", "", "10.0.0.0/8"]),
    st.sampled_from(["glob", "pcre", "list", "ipcidr"]),
)
terms = st.one_of(
    paths.map(":".join).map("G@".__add__),
    paths.map(":".join).map("I@".__add__),
    st.sampled_from(["web*", "m1", "E@w", "L@m1,web2", "not", "and", "or", "(", ")", "S@10.0.0.0/8", "(m1)"]),
)
compounds = st.tuples(st.lists(terms, min_size=1, max_size=6).map(" ".join), st.just("compound"))


@given(fleets, path_targets | id_targets | compounds)
def test_the_master_expects_exactly_those_who_answer(fleet, target):
    tgt, tgt_type = target
    try:
        expected = select(tgt, tgt_type, ids=fleet, data=fleet.get)
    except TargetError:
        with pytest.raises(TargetError):
            matches(tgt, tgt_type, id="m1", grains={}, pillar={})
        return
    answering = {
        id for id, (grains, pillar) in fleet.items() if matches(tgt, tgt_type, id=id, grains=grains, pillar=pillar)
    }
    assert expected == answering
    if tgt_type == "compound":
        assert answering == {
            id for id, (grains, pillar) in fleet.items() if parse(tgt).matches(id=id, grains=grains, pillar=pillar)
        }


@given(st.text(max_size=20), st.sampled_from(sorted(TARGET_TYPES)), trees)
def test_no_target_raises_anything_but_a_target_error(tgt, tgt_type, tree):
    try:
        matches(tgt, tgt_type, id="m1", grains=tree, pillar=tree)
    except TargetError:
        pass
