"""Arguments of jobs: told apart, and shown without what is secret."""

import pytest

from trisalt.master.arguments import MASK, Mask, split, told


def test_positional_values_and_keywords_are_told_apart():
    arg = ["a", "b=1", {"__kwarg__": True, "c": [1]}, {"d": 2}, "e==f"]
    assert split(arg) == (["a", {"d": 2}, "e==f"], {"b": 1, "c": [1]})
    assert split("no list") == ([], {})


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("plain", "plain"),
        ("name=root", "name=root"),
        ("password=x y", f"password={MASK}"),
        ("DB_Password=x", f"DB_Password={MASK}"),
        ("keyboard=us", "keyboard=us"),
        ("password=", "password="),
        ({"api-key": "x", "name": "y"}, {"api-key": MASK, "name": "y"}),
        ({"a": [{"token": ["x"]}]}, {"a": [{"token": MASK}]}),
        ({"password": None, "key": True}, {"password": None, "key": True}),
        ("-----BEGIN PRIVATE KEY-----\nx", MASK),
        (7, 7),
    ],
)
def test_what_is_secret_is_masked(value, shown):
    assert Mask()(value) == shown


def test_the_names_of_what_is_secret_can_be_others():
    assert Mask("pin")({"pin": 1234, "password": "x"}) == {"pin": MASK, "password": "x"}


def test_the_arguments_of_a_job_are_told_without_what_is_secret():
    load = {"fun": "user.add", "arg": ["bob", "secret=1", {"__kwarg__": True, "uid": 7}]}
    assert told(load, Mask()) == (["bob"], {"secret": MASK, "uid": 7})
    several = {"fun": ["a.b", "c.d"], "arg": [["x"], ["token=1"]]}
    assert told(several, Mask()) == ([["x"], [f"token={MASK}"]], {})
