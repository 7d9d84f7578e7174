"""The query language of lists, by the cases that the front end reads too."""

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trisalt.errors import TargetError
from trisalt.target import match, query
from trisalt.target.kinds import Subject

CASES = json.loads((Path(__file__).parent / "query_cases.json").read_text())
FLEET = {
    "web1": ({"os": "Debian", "saltversion": "3008.3", "ip4_interfaces": {"eth0": ["10.0.0.1"]}}, "up"),
    "web2": ({"os": "Red Hat"}, "down"),
    "db1": ({"os": "Debian"}, "up"),
    "up": ({}, "pending"),
}
NODEGROUPS = {"webs": "web*"}


def told(term):
    row = {"kind": term.kind.value, "value": term.value, "key": term.key}
    row |= {"negated": term.negated, "literal": term.literal}
    return {name: value for name, value in row.items() if value or name == "value"}


@pytest.mark.parametrize("case", [case for case in CASES if "terms" in case], ids=lambda case: case["q"])
def test_a_query_reads_as_its_case_says(case):
    terms = query.parse(case["q"])
    assert [told(term) for term in terms] == case["terms"]


@pytest.mark.parametrize("case", [case for case in CASES if "error" in case], ids=lambda case: case["q"])
def test_a_query_that_cannot_be_read_says_where(case):
    with pytest.raises(TargetError) as caught:
        query.parse(case["q"])
    assert caught.value.position == case["error"]


def found(text):
    holds = query.matcher(query.parse(text), NODEGROUPS)
    return {id for id, (grains, status) in FLEET.items() if holds(Subject(id, lambda _id, g=grains: (g, {})), status)}


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("", {"web1", "web2", "db1", "up"}),
        ("web", {"web1", "web2"}),
        ("web?", {"web1", "web2"}),
        ("eb", {"web1", "web2"}),
        ("WEB", set()),
        ("/WEB/i -web2", {"web1"}),
        ("/^.b/", {"db1"}),
        ("os:Debian", {"web1", "db1"}),
        ('os:"Red Hat"', {"web2"}),
        ('os:"Red*"', set()),
        ("os:Red*", {"web2"}),
        ("ip4_interfaces.eth0:10.*", {"web1"}),
        ("version:3008*", {"web1"}),
        ("up", {"web1", "db1"}),
        ("id:up", {"up"}),
        ("-up", {"web2", "up"}),
        ("status:?p", {"web1", "db1"}),
        ("N@webs up", {"web1"}),
        ("G@os:Debian -N@webs", {"db1"}),
    ],
)
def test_who_a_query_finds(text, ids):
    assert found(text) == ids


@pytest.mark.parametrize("case", [case for case in CASES if case.get("compound")], ids=lambda case: case["q"])
def test_the_compound_target_of_a_query_finds_the_same(case):
    def data(id):
        return FLEET[id][0], {}

    assert match.select(case["compound"], "compound", ids=FLEET, data=data, nodegroups=NODEGROUPS) == found(case["q"])


@given(st.text(alphabet='ab*?["/-:@NIG\\ i.up', max_size=12))
def test_whatever_is_typed_is_read_or_refused(text):
    with suppress(TargetError):
        found(text)
