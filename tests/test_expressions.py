"""Expressions say what Python's own engine says, and never hold anybody up."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trisalt.bus.tags import matcher
from trisalt.errors import TargetError
from trisalt.expressions import LONGEST, UNREADABLE, Expression, TooSlow, fits_in_time
from trisalt.master.grants import function_pattern
from trisalt.target.match import matches

HEX = "0123456789abcdef" * 2
# One that neither engine is soon done with, and what it is held against.
SLOW, LONG = "(?:a|aa)" * 60 + "b", "a" * 90

# Fits nothing, and says so only after more steps than anybody waits for.
NEVER_DONE = [
    (r"(\w+)+!\1", HEX),
    (SLOW, LONG),
    ("a?" * 60 + "a" * 61, "a" * 60),
    (r"(?x) # [" "\n" r"(a|a)+ # ]" "\n!", "a" * 60),
    (r"(?#[)(?:a|a)+(?#])!", "a" * 60),
    (r".*a.*a.*a.*a.*a.*a.*!", "a" * 3000),
]


@pytest.mark.parametrize(("pattern", "text"), NEVER_DONE)
@pytest.mark.parametrize("how", ["match", "search"])
def test_no_expression_takes_more_than_its_time(pattern, text, how):
    began = time.thread_time()
    fits = fits_in_time(getattr(Expression(pattern), how))

    assert [fits(text) for _ in range(20)] == [False] * 20
    assert time.thread_time() - began < 2


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        (r"web[0-9]+\.(eu|us)\.", "web12.us.example", True),
        (r"(?:[a-z0-9-]+\.)+example", "a.b-1.example", True),
        (r"(?:[a-z0-9-]+\.)+example", "a.b-1.beispiel", False),
        (r"(\w)\1", "aab", True),
        (r"^(?!db).*-[0-9]+.*-x.*$", "web-1-x", True),
        (r"^(?!db).*-[0-9]+.*-x.*$", "db-1-x", False),
        ("|".join(f"web{n}$" for n in range(5000)), "web4999", True),
    ],
)
def test_an_expression_fits_what_it_says(pattern, text, fits):
    assert Expression(pattern).match(text) is fits


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(["a", "b", ".", "a*", "b+?", "(a|b)", "(?:ab)*", "[ab]{1,2}", "(a?b)+", "^", "$"]), max_size=6
    ),
    st.text("ab", max_size=12),
)
def test_both_engines_say_the_same(parts, text):
    pattern = "".join(parts)
    for how in ("match", "search", "fullmatch"):
        assert getattr(Expression(pattern), how)(text) is (getattr(re.compile(pattern), how)(text) is not None)


@pytest.mark.parametrize("pattern", ["(", "a{2", "*", "(?P<a", "[", "a" * (LONGEST + 1)])
def test_what_is_no_expression_is_refused_as_such(pattern):
    try:
        re.compile(pattern)
    except re.error:
        with pytest.raises(UNREADABLE):
            Expression(pattern)
    else:
        if len(pattern) > LONGEST:
            with pytest.raises(UNREADABLE):
                Expression(pattern)
        else:
            assert not Expression(pattern).match("b")


def test_an_expression_of_many_words_that_may_take_long_is_refused():
    with pytest.raises(TooSlow):
        Expression("(a+)+" * 300).match("aaaa")


def test_what_takes_no_time_may_be_asked_without_end():
    fits = Expression(r"(?:[a-z0-9-]+\.)+example").match

    assert all(fits("web.example") for _ in range(5000))


@pytest.mark.parametrize(
    "target", [(f"machine_id:{SLOW}", "grain_pcre"), (SLOW, "pcre"), (f"P@machine_id:{SLOW}", "compound")]
)
def test_a_target_that_takes_too_long_is_refused_as_one_that_cannot_be_read(target):
    with pytest.raises(TargetError, match="too long"):
        matches(*target, id=LONG, grains={"machine_id": LONG}, pillar={})


def test_a_tag_that_takes_too_long_to_look_at_is_not_what_a_filter_names():
    assert not matcher(SLOW)(LONG)


def test_a_name_that_takes_too_long_to_look_at_is_not_granted():
    granted = function_pattern(f"re:{SLOW}")

    assert granted is not None
    assert not granted(LONG)
