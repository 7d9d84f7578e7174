"""Words of a command line, and binding what came with a publication."""

import functools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trisalt.errors import InvocationError
from trisalt.loader import signature, words
from trisalt.loader.signature import argspec, bind
from trisalt.loader.words import condition_args, parse_value, parse_words

# What stock Salt 3008.3 makes of words.
ROWS = [
    ("1", 1), ("1.5", 1.5), ("true", True), ("True", True), ("yes", True), ("none", "none"), ("None", None),
    ("null", None), ("{a: 1}", {"a": 1}), ("[1,2]", [1, 2]), ("a: b", "a: b"), ("- x", "- x"), ('"1"', "1"),
    ("0x1f", 31), ("010", 10), ("1e3", "1e3"), ("2026-01-01", "2026-01-01"), ("1_000", "1_000"), ("x==y", "x==y"),
    ("#c", "#c"), ("a#b", "a#b"), ("", ""), (" ", " "), ("---", "---"), ("...", "..."), ("a\tb", "a\tb"),
    ("a\nb", "a\nb"), ("|", "|"), ("!", "!"), ("20261122123646413123", "20261122123646413123"), ("~", None),
    ("no", False), ("on", True), ("off", False), ("y", "y"), ("n", "n"), ("NO", False), ("-1", -1), ("+5", 5),
    ("-010", -8), ("0", 0), ("00", 0), ("09", "09"), ("0b11", 3), ("0o17", "0o17"), ("12:30", 750), ("1:2:3", 3723),
    ("1.", 1.0), (".5", 0.5), ("1.0e+3", 1000.0), ("1,000", "1,000"), ("{a: 1, a: 2}", "{a: 1, a: 2}"), ("{}", {}),
    ("[]", []), ("{a", "{a"), ("[a", "[a"), ("*x", "*x"), ("%x", "%x"), ("@x", "@x"), ("'a'", "a"), ("'a", "'a"),
    ("!foo", "!foo"), ("!!str 1", "1"), ("!!python/object:os.system x", "!!python/object:os.system x"),
    ("{a: 2026-01-01}", {"a": "2026-01-01"}), ("[a: b]", [{"a": "b"}]), ("a:", "a:"), ("a:b", "a:b"), ("?", "?"),
    ("-", "-"), ("--", "--"), ("=", "="), ("<<", "<<"), ("é", "é"), ("a b", "a b"), (" a", "a"), ("a ", "a"),
    (" 010 ", 10), ("1__0", "1__0"), ("_1", "_1"), ("[1] # c", [1]), ("1 # c", 1), ("x # c", "x # c"),
    ("null # c", "null # c"), ("{}#", {}), ("{1: 2}", {1: 2}), ("{[1]: 2}", "{[1]: 2}"),
    ("{a: {b: c}}", {"a": {"b": "c"}}), ('"a\\nb"', "a\nb"), ("1.2.3", "1.2.3"), ("192.168.0.1", "192.168.0.1"),
    ("12e03", "12e03"), ("0777", 777), ("nan", "nan"), ("inf", "inf"), ("True#", "True#"), ("|x", "|x"), ("(1)", "(1)"),
    ("NULL", None), ("~x", "~x"), ("=x", "=x"),
]  # fmt: skip


@pytest.mark.parametrize(("word", "value"), ROWS)
def test_a_word_becomes_what_stock_makes_of_it(word, value):
    args, kwargs = parse_words([word])
    assert (args, kwargs) == ([value], {})
    assert type(args[0]) is type(value)


@pytest.mark.parametrize("word", [">", "&x", ">-", "!x"])
def test_a_word_that_yaml_would_swallow_stays(word):
    assert parse_words([word]) == ([word], {})


@pytest.mark.parametrize(
    ("word", "kwargs"),
    [
        ("k=v", {"k": "v"}),
        ("k2=[1,2]", {"k2": [1, 2]}),
        ("a={b: c}", {"a": {"b": "c"}}),
        ("a.b=1", {"a.b": 1}),
        ("a-b=1", {"a-b": 1}),
        ("_a=1", {"_a": 1}),
        ("é=1", {"é": 1}),
        ("a=", {"a": ""}),
        ("a=b=c", {"a": "b=c"}),
    ],
)
def test_a_keyword(word, kwargs):
    assert parse_words([word]) == ([], kwargs)


@pytest.mark.parametrize("word", ["a==b", "1a=1", "-a=1", "a b=1", "x =1", "a=x\ny", "k\n=1"])
def test_no_keyword(word):
    assert parse_words([word]) == ([word], {})


def test_infinity_and_no_number():
    assert parse_value(".inf") == math.inf
    assert math.isnan(parse_value(".nan"))


def test_a_word_that_grows_by_naming_itself_stays_text():
    assert parse_value("[&a 1, *a, *a]") == [1, 1, 1]
    doubled = ", ".join(f"&a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 40))
    for word in (f"[&a0 x, {doubled}]", f"[&a0 {{x: 1}}, {doubled.replace('[', '{<<: [').replace(']', ']}')}]"):
        assert parse_value(word) == word


def test_no_parse_keeps_the_text():
    assert parse_words(["a=1", "b=1"], no_parse=["a"]) == ([], {"a": "1", "b": 1})


@given(st.text())
def test_any_word_becomes_something(word):
    parse_words([word])


@given(st.from_regex(words._PLAIN, fullmatch=True))
def test_the_short_way_agrees_with_yaml(word):
    value = words._yaml(word) if word != "None" else None
    assert parse_value(word) == (word if not isinstance(value, bool | None) else value)


@given(st.from_regex(words._NUMBER, fullmatch=True))
def test_the_short_way_agrees_with_yaml_on_numbers(word):
    assert parse_value(word) == words._yaml(word)


def test_keywords_travel_last_and_marked():
    assert condition_args([1, "a"], {"k": 2}) == [1, "a", {"__kwarg__": True, "k": 2}]
    assert condition_args([1], {}) == [1]
    assert condition_args([20261122123646413123], {}) == ["20261122123646413123"]


# -- binding -------------------------------------------------------------------------------------------------------


def echo(text):
    return text


def pos(a, b=2):
    return [a, b]


def anything(*args, **kwargs):
    return args, kwargs


def only(*, a, b=1):
    return [a, b]


@functools.wraps(echo)
def wrapped(*args, **kwargs):
    raise AssertionError("the body must not run")


def test_marked_maps_are_keywords():
    assert bind(pos, [1, {"__kwarg__": True, "b": 3}]) == ([1], {"b": 3})


def test_other_maps_are_values():
    assert bind(echo, [{"b": 3}]) == ([{"b": 3}], {})


def test_a_word_of_the_form_of_a_keyword_is_one():
    assert bind(pos, [1, "b=3"]) == ([1], {"b": 3})


def test_functions_with_any_keyword_get_the_publication():
    assert bind(anything, [1], {"k": 2}, {"jid": "7"}) == ([1], {"k": 2, "__pub_jid": "7"})


def test_other_functions_do_not():
    assert bind(pos, [1], {}, {"jid": "7"}) == ([1], {})


def test_keywords_that_are_not_taken_are_named():
    with pytest.raises(InvocationError, match=r"^The following keyword arguments are not valid: x=1, y=2$"):
        bind(pos, [1], {"x": 1, "y": 2})


@pytest.mark.parametrize(
    ("function", "arg", "kwarg", "complaint"),
    [
        (echo, [], {}, "echo() missing 1 required positional argument: 'text'"),
        (pos, [1, 2, 3], {}, "pos() takes from 1 to 2 positional arguments but 3 were given"),
        (pos, [1], {"a": 2}, "pos() got multiple values for argument 'a'"),
        (only, [], {}, "only() missing 1 required keyword-only argument: 'a'"),
        (wrapped, [], {}, "echo() missing 1 required positional argument: 'text'"),
    ],
)
def test_arguments_that_do_not_fit_are_told_in_pythons_words(function, arg, kwarg, complaint):
    with pytest.raises(TypeError) as caught:
        bind(function, arg, kwarg)
    assert str(caught.value) == complaint


def test_nothing_runs_while_binding():
    def function(text):
        raise AssertionError("the body must not run")

    with pytest.raises(TypeError, match="missing 1 required"):
        bind(function, [])


def test_argspec():
    assert argspec(echo) == {"args": ["text"], "defaults": None, "varargs": None, "kwargs": None}
    assert argspec(anything) == {"args": None, "defaults": None, "varargs": True, "kwargs": True}
    assert argspec(pos) == {"args": ["a", "b"], "defaults": [2], "varargs": None, "kwargs": None}


def say():
    """
    Say.

    CLI Example:

    .. code-block:: bash

        salt '*' test.say
    """


def test_doc_leaves_out_what_only_a_manual_needs():
    assert signature.doc(say) == "\n    Say.\n\n    CLI Example:\n\n        salt '*' test.say\n    "
