from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trisalt.errors import TargetError
from trisalt.target.compound import expand, parse

MINIONS = {
    f"m{n}": ({"n": n, "roles": ["web", f"r{n}"], "os": "Red Hat"}, {"colour": "blue" if n < 3 else "red"})
    for n in (1, 2, 3)
}
NODEGROUPS = {
    "web": "L@m1,m2",
    "nested": "N@web and not m1",
    "words": ["N@web", "or", "m3"],
    "bare": "m1 m3",
    "list": ["m1", "m3"],
    "one": "m2",
    "pattern": "m(1|3)$",
    "patterns": ["m1$", "m[3]"],
    "star": "m*",
    "loop": "N@loop2 or m1",
    "loop2": "N@loop",
    "broken": "m1 and",
    "odd": 5,
}


def chosen(expression) -> list[str]:
    parsed = parse(expression, NODEGROUPS)
    return [id for id, (grains, pillar) in MINIONS.items() if parsed.matches(id=id, grains=grains, pillar=pillar)]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("G@n:1 or L@m2", ["m1", "m2"]),
        ("m* and not m3", ["m1", "m2"]),
        ("not G@n:1", ["m2", "m3"]),
        ("( m1 or m2 ) and not E@m2", ["m1"]),
        ("m1 and m2 or m3", ["m3"]),
        ("m3 or m1 and m2", ["m3"]),
        ("m1 or m2 and not m1", ["m1", "m2"]),
        ("I@colour:blue and N@web", ["m1", "m2"]),
        ("(m1 or m2)", ["m1", "m2"]),
        ("(m1 or (m2)) and not(m1)", ["m2"]),
        ("(m1)or(m2)", ["m1", "m2"]),
        ("not(E@m(1|2))", ["m3"]),
        ("((m1) or ((m2)))", ["m1", "m2"]),
        ("m* not m2", ["m1", "m3"]),
        ("not not m1", ["m1"]),
        ("not ( m1 or m2 )", ["m3"]),
        ("not m1 and not m2", ["m3"]),
        ("  m1\tor\n m2 ", ["m1", "m2"]),
        ("m1,m3", ["m1", "m3"]),
        ("P@roles:R[12]", ["m1", "m2"]),
        ("J@colour:bl", ["m1", "m2"]),
        ("G|@roles|r1", ["m1"]),
        ("I|@colour|red or P,@roles,r1", ["m1", "m3"]),
        ("E@m(1|2)", ["m1", "m2"]),
        ("(E@m(1|2) and not E@m(1))", ["m2"]),
        (r"(E@m[)1] or E@m\)?2)", ["m1", "m2"]),
        ("M@m1", ["m1"]),
        ("user@host or m1", ["m1"]),
        (["m1", "or", "m2"], ["m1", "m2"]),
        (("(m1", "or", "m2)"), ["m1", "m2"]),
        (["G@os:Red Hat", "and", "not", "m1"], ["m2", "m3"]),
        ("N@nested", ["m2"]),
        ("N@words", ["m1", "m2", "m3"]),
        ("not N@nested", ["m1", "m3"]),
        ("N@bare", ["m1", "m3"]),
        ("N@list", ["m1", "m3"]),
        ("N@one", ["m2"]),
        ("N@pattern", ["m1", "m3"]),
        ("N@patterns", ["m1", "m3"]),
        ("N@star and not N@one", ["m1", "m3"]),
    ],
)
def test_an_expression_names_whom_it_names_in_stock(expression, expected):
    assert chosen(expression) == expected


@pytest.mark.parametrize(
    ("expression", "reason", "character"),
    [
        ("", "an empty target", 1),
        ("   ", "an empty target", 1),
        ([], "an empty target", 1),
        ("and m1", "'and' stands where a term is due", 1),
        ("m1 and", "ends where a term is due", 7),
        ("m1 or or m2", "'or' stands where a term is due", 7),
        ("m1 m2", "and or or is missing", 4),
        ("m1 and ( m2", "this parenthesis is not closed", 8),
        ("m1 and (m2", "this parenthesis is not closed", 8),
        ("m1 )", "a closing parenthesis too many", 4),
        ("m1)", "a closing parenthesis too many", 3),
        ("( )", "')' stands where a term is due", 3),
        ("not", "ends where a term is due", 4),
        ("( and m1 )", "'and' stands where a term is due", 3),
        ("m1 or Z@foo", "unknown target letter 'Z'", 7),
        ("T@vcf_host", "T@ names what minions manage for others", 1),
        ("m1 or R@%x", "range server", 7),
        ("m1 or E@(", "no regular expression", 7),
        ("S@192.0.2.7/24", "host bits set", 1),
        ("m1 or N@nosuch", "node group nosuch unavailable", 7),
        ("N@loop", "in node group loop: in node group loop2: node group loop contains itself", 1),
        ("N@broken", "in node group broken: the target ends where a term is due", 7),
        (["m1", "or", "and"], "'and' stands where a term is due", 7),
        ("(" * 200 + "m1" + ")" * 200, "nested too deep", 101),
        ("not " * 5000 + "m1", "nested too deep", 401),
    ],
)
def test_an_error_says_what_and_where(expression, reason, character):
    with pytest.raises(TargetError, match=re.escape(reason)) as raised:
        parse(expression, NODEGROUPS)
    assert f"at character {character} of" in str(raised.value)


def test_a_nodegroup_must_be_words():
    with pytest.raises(TargetError, match="node group odd is int"):
        parse("N@odd", NODEGROUPS)


@pytest.mark.parametrize(
    ("expression", "expanded"),
    [
        ("m1", "m1"),
        ("N@web", "( L@m1,m2 )"),
        ("N@nested or m3", "( ( L@m1,m2 ) and not m1 ) or m3"),
        ("not(m1 or N@one)", "not ( m1 or ( L@m2 ) )"),
        ("(m1 or m2) not E@m(1)", "( m1 or m2 ) and not E@m(1)"),
        (["G@os:Red Hat", "and", "N@one"], ["G@os:Red Hat", "and", "(", "L@m2", ")"]),
    ],
)
def test_what_is_published_stands_in_words_alone(expression, expanded):
    assert expand(expression, NODEGROUPS) == expanded
    assert chosen(expanded) == chosen(expression)


# -- against an oracle that is built, not parsed -------------------------------------------------------------------

trees = st.recursive(
    st.sampled_from(["m1", "m2", "m*", "G@n:3", "E@m(1|3)", "N@nested"]),
    lambda inner: st.tuples(st.just("not"), inner) | st.tuples(st.sampled_from(["and", "or"]), inner, inner),
    max_leaves=8,
)
NAMES = {"m1": {"m1"}, "m2": {"m2"}, "m*": set(MINIONS), "G@n:3": {"m3"}, "E@m(1|3)": {"m1", "m3"}, "N@nested": {"m2"}}


def written(tree, tight: bool) -> str:
    if isinstance(tree, str):
        return tree
    inner = [f"({written(part, tight)})" if tight else f"( {written(part, tight)} )" for part in tree[1:]]
    return f"not {inner[0]}" if tree[0] == "not" else f" {tree[0]} ".join(inner)


def named(tree) -> set[str]:
    match tree:
        case str():
            return NAMES[tree]
        case ("not", inner):
            return set(MINIONS) - named(inner)
        case ("and", left, right):
            return named(left) & named(right)
        case (_, left, right):
            return named(left) | named(right)


@given(trees, st.booleans())
def test_a_written_tree_is_read_as_its_sets(tree, tight):
    expression = written(tree, tight)
    assert set(chosen(expression)) == named(tree)
    assert set(chosen(expand(expression, NODEGROUPS))) == named(tree)


@given(
    st.lists(
        st.tuples(st.sampled_from(["and", "or"]), st.booleans(), st.sampled_from(["m1", "m2", "m3", "m*"])), min_size=1
    )
)
def test_not_binds_before_and_before_or(words):
    """Python's own `not`, `and`, `or` bind alike; the values are written by us, nothing is evaluated in the product."""
    expression = " ".join(
        f"{operator if n else ''} {'not' if negated else ''} {term}"
        for n, (operator, negated, term) in enumerate(words)
    )
    for id in MINIONS:
        oracle = " ".join(
            f"{operator if n else ''} {'not' if negated else ''} {id in NAMES.get(term, {term})}"
            for n, (operator, negated, term) in enumerate(words)
        )
        assert (id in chosen(expression)) is eval(oracle.strip())


@given(st.text(alphabet="m1G@:*()[]\\ andortNLE,|", max_size=30))
def test_garbage_raises_nothing_but_a_target_error(text):
    try:
        chosen(text)
    except TargetError:
        pass
