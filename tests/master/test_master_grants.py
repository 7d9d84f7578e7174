"""Lists of permissions: what each row grants, what it does not, and that a whole is never more than its parts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trisalt.master.grants import function_pattern, read_grants

EVERYWHERE = None
KW = "__kwarg__"


def kw(**keywords):
    return {KW: True, **keywords}


@pytest.mark.parametrize(
    ("pattern", "fits", "does_not"),
    [
        ("cmd.run", ["cmd.run"], ["cmd.run_all", "xcmd.run", "cmdxrun", "cmd.ru"]),
        ("test.*", ["test.ping", "test.echo"], ["testinfra.run", "mytest.ping", "test"]),
        ("pkg[.](list|install)", ["pkg.list", "pkg.install"], ["pkg.list_all", "pkg.lis"]),
        (".*", ["test.ping", "cmd.run"], []),
        ("*", ["test.ping", "cmd.run"], []),
        ("state.s*", ["state.sls", "state.show_top"], ["state.apply", "xstate.sls"]),
        ("grains.(get|items)", ["grains.get", "grains.items"], ["grains.setval", "grains.get_or_set_hash"]),
        ("re:test.p.ng", ["test.ping", "test.pong"], ["test.pongs", "re:test.ping"]),
        ("re:*", [], ["test.ping"]),
        ("(", [], ["test.ping", "("[:0]]),
    ],
)
def test_a_pattern_is_for_the_whole_name(pattern, fits, does_not):
    test = function_pattern(pattern) or (lambda name: False)
    assert [name for name in [*fits, *does_not] if test(name)] == fits


ECHO = [{"*": [{"test.echo": {"args": ["hello.*", None], "kwargs": {"out": "a|b"}}}]}]


@pytest.mark.parametrize(
    ("arg", "allowed"),
    [
        (["hello you", 7, kw(out="a")], True),
        (["hello", "x", "further", kw(out="b", more=1)], True),
        (["hello", kw(out="a")], False),
        (["hello", "x"], False),
        (["hello", "x", kw(out="c")], False),
        (["goodbye", "x", kw(out="a")], False),
        (["say hello", "x", kw(out="a")], False),
        (["hello\nrm", "x", kw(out="a")], False),
        # A keyword that comes twice counts twice, and text that may be one is taken for both.
        (["hello", "x", kw(out="a"), kw(out="c")], False),
        ([kw(out="c"), "hello", "x", kw(out="a")], False),
        (["hello", "x", kw(out="a"), "out=c"], False),
        (["hello", "x", "out=a"], False),
        (["hello", "y=z", kw(out="a")], False),
        (["hello", "x", {KW: 1, "out": "a"}], False),
        ("hello", False),
        (None, False),
    ],
)
def test_a_restriction_holds_however_the_arguments_are_read(arg, allowed):
    assert (read_grants(ECHO).places("test.echo", arg) == {"*"}) is allowed


@pytest.mark.parametrize(
    "condition", [None, "", [], {}, {"arg": ["x"]}, {"args": "x"}, {"kwargs": ["x"]}, {"args": ["("]}, {"args": [[]]}]
)
def test_a_restriction_that_cannot_be_read_grants_nothing(condition):
    grants = read_grants([{"*": [{"test.echo": condition}]}])
    assert grants.places("test.echo", ["x"]) == frozenset()
    assert bool(grants.problems) is (condition not in (None, []))


def test_alternatives_are_tried_one_by_one():
    grants = read_grants([{"m1": [{"test.echo": [{"args": ["a"]}, {"args": [["b", "c.*"]], "kwargs": {"k": None}}]}]}])
    for arg, allowed in ((["a"], True), (["b"], False), (["b", kw(k=1)], True), (["cd", kw(k=1)], True), ([], False)):
        assert (grants.places("test.echo", arg) == {"m1"}) is allowed


def test_what_is_granted_everywhere_needs_no_target():
    grants = read_grants(["test.ping", {"web*": ["test.*"], "db*": ["test.echo", "test.ping"]}])
    assert grants.places("test.ping", []) is EVERYWHERE
    assert grants.places("test.echo", []) == {"web*", "db*"}
    assert grants.places("test.sleep", []) == {"web*"}
    assert grants.places("cmd.run", []) == frozenset()


@pytest.mark.parametrize(
    ("rows", "runner", "wheel"),
    [
        (["@runner"], True, False),
        (["@runners"], True, False),
        (["@wheel"], False, True),
        (["@jobs"], True, True),
        (["@minion"], False, False),
        ([{"@runner": ["jobs.list_jobs"]}], True, False),
        ([{"@runner": ["jobs.*"], "@wheels": ["jobs.list.*"]}], True, True),
        ([{"@runner": ["list_jobs"]}], False, False),
        ([{"@jobs": ["list_jobs"]}], True, True),
        ([{"@jobs": ["jobs.list_jobs"]}], False, False),
        ([{"@runner": ["jobs.list_job"]}], False, False),
        ([{"@runner": [{"jobs.list_jobs": {"kwargs": {"search_target": "web.*"}}}]}], True, False),
        ([{"@runner": [{"jobs.list_jobs": {"kwargs": {"search_target": "db.*"}}}]}], False, False),
        ([{"@runner": None}], False, False),
        (["jobs.list_jobs", ".*", "*"], False, False),
        ([{"*": ["jobs.list_jobs"]}], False, False),
    ],
)
def test_runners_and_wheels_are_granted_by_kind_or_by_module(rows, runner, wheel):
    grants = read_grants(rows)
    for kind, expected in (("runner", runner), ("wheel", wheel)):
        assert grants.runs(kind, "jobs.list_jobs", [], {"search_target": "web1"}) is expected
    assert not grants.runs("runner", "jobs", [], {})


@pytest.mark.parametrize(
    "rows", [None, [], "", {}, [None], [3], [{}], [{"*": None}], ["("], [{3: ["test.ping"]}], [[]]]
)
def test_a_list_that_says_nothing_grants_nothing(rows):
    grants = read_grants(rows)
    assert grants.places("test.ping", []) == frozenset()
    assert not grants.runs("runner", "test.ping", [], {})


# -- properties ----------------------------------------------------------------------------------------------------------

FUNCTIONS = ["test.ping", "test.echo", "cmd.run", "cmd.run_all"]
words = st.sampled_from(["a", "b", "k=a", "k=b"])
arguments = st.lists(words | st.builds(kw, k=st.sampled_from(["a", "b"])), max_size=3)
patterns = st.sampled_from([*FUNCTIONS, "test.*", "cmd.r.*", ".*", "*", "("])
conditions = st.fixed_dictionaries(
    {},
    optional={
        "args": st.lists(st.sampled_from([None, "a", "a|b"]), max_size=2),
        "kwargs": st.dictionaries(st.just("k"), st.sampled_from([None, "a", "b"]), max_size=1),
    },
)
rules = patterns | st.dictionaries(patterns, conditions, max_size=2)
rows = st.lists(
    patterns
    | st.sampled_from(["@runner", "@wheel", "@cmd"])
    | st.dictionaries(st.sampled_from(["web*", "db*", "@runner", "@test"]), st.lists(rules, max_size=2), max_size=2),
    max_size=4,
)


def narrower(places, others):
    """Whether `places` is no more than `others`."""
    return others is EVERYWHERE or (places is not EVERYWHERE and places <= others)


@given(rows, st.integers(0, 3), st.sampled_from(FUNCTIONS), arguments)
def test_a_rule_less_never_allows_more(rows, index, fun, arg):
    less = [row for number, row in enumerate(rows) if number != index]
    whole, rest = read_grants(rows), read_grants(less)
    assert narrower(rest.places(fun, arg), whole.places(fun, arg))
    for kind in ("runner", "wheel"):
        assert rest.runs(kind, fun, arg, {}) <= whole.runs(kind, fun, arg, {})


@given(rows, st.sampled_from(FUNCTIONS), arguments)
def test_a_list_grants_what_its_rows_grant_and_nothing_else(rows, fun, arg):
    places = read_grants(rows).places(fun, arg)
    each = [read_grants([row]).places(fun, arg) for row in rows]
    assert places == (EVERYWHERE if EVERYWHERE in each else frozenset().union(*each))


@given(conditions, arguments, st.booleans())
def test_words_and_keywords_that_mean_the_same_are_judged_no_milder(condition, arg, as_words):
    """Whatever of the arguments a minion takes for a keyword: a restricted call is allowed only if both readings are."""
    grants = read_grants([{"*": [{"test.echo": condition}]}])
    if grants.places("test.echo", arg):
        bare = [word for word in arg if not (isinstance(word, str) and "=" in word)]
        keywords = [kw(k=word[2:]) for word in arg if isinstance(word, str) and "=" in word]
        assert grants.places("test.echo", bare + keywords)
        assert all(grants.places("test.echo", [*bare, keyword]) for keyword in keywords)
