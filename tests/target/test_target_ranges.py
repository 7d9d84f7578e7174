"""Ranges that need no server."""

import pytest

from trisalt.errors import TargetError
from trisalt.target.ranges import MOST, expand


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("web1", ["web1"]),
        ("web1..3", ["web1", "web2", "web3"]),
        ("web01..03", ["web01", "web02", "web03"]),
        ("web9..11", ["web9", "web10", "web11"]),
        ("web009..11", ["web009", "web010", "web011"]),
        ("web1..web2", ["web1", "web2"]),
        ("db1..2.example.com", ["db1.example.com", "db2.example.com"]),
        ("rack2-web1..2", ["rack2-web1", "rack2-web2"]),
        ("a1..2,b1", ["a1", "a2", "b1"]),
        ("a1..4,-a2..3", ["a1", "a4"]),
        ("a1..4,&a3..9", ["a3", "a4"]),
        ("a1,a1", ["a1"]),
    ],
)
def test_a_range_is_counted_out(expression, names):
    assert expand(expression) == names


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("%web", "needs a range server"),
        ("@web", "needs a range server"),
        ("web{1,2}", "needs a range server"),
        ("", "empty part"),
        ("a1,,a2", "empty part"),
        ("a1,-", "empty part"),
        ("a..b", "is no range"),
        ("a1..", "is no range"),
        ("a1..b3", "is no range"),
        ("a1..2..3", "is no range"),
        ("a3..1", "goes backwards"),
        (f"a0..{MOST * 2}", "too far"),
        (",".join(f"a{n}x0..{MOST - 1}" for n in range(50)), "more than"),
    ],
)
def test_what_is_none_says_why(expression, reason):
    with pytest.raises(TargetError, match=reason):
        expand(expression)
