"""Templates of the configuration: what their parameters are, and what is wrong with those that nobody could use."""

import pytest

from trisalt.web.templates import templates


def told(**row):
    return templates({"console_templates": {"x": {"command": "test.echo {a}", **row}}})


def test_parameters_are_told_with_their_types_and_the_words_that_have_places_for_them():
    parameters = [
        {"name": "a"},
        {"name": "n", "type": "number", "default": 3, "help": "how many"},
        {"name": "b", "type": "boolean", "default": False},
        {"name": "c", "type": "choice", "choices": ["x", 2], "default": 2, "required": True},
        {"name": "m", "type": "minion", "default": "web*"},
        {"name": "port", "default": 8080},
    ]
    (item,) = told(command="test.echo 'a {a}' n={n}", target="{m}", parameters=parameters)["items"]
    assert (item["fun"], item["words"], item["arg"], item["kwarg"]) == ("test.echo", ["a {a}", "n={n}"], [], {})
    assert item["tgt"] == "{m}"
    assert item["parameters"] == [
        {"name": "a", "type": "string", "required": False, "help": ""},
        {"name": "n", "type": "number", "required": False, "help": "how many", "default": 3},
        {"name": "b", "type": "boolean", "required": False, "help": "", "default": False},
        {"name": "c", "type": "choice", "required": True, "help": "", "choices": ["x", 2], "default": 2},
        {"name": "m", "type": "minion", "required": False, "help": "", "default": "web*"},
        {"name": "port", "type": "string", "required": False, "help": "", "default": "8080"},
    ]


def test_a_template_without_parameters_may_have_braces():
    (item,) = told()["items"]
    assert item["arg"] == [{"a": None}]
    assert "words" not in item


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({"a": 1}, "Its parameters are no list."),
        (["a"], "A parameter is a map with a name of letters, digits and underscores."),
        ([{"name": "a b"}], "A parameter is a map with a name of letters, digits and underscores."),
        ([{"name": "a"}, {"name": "a"}], "The parameter a is there twice."),
        ([{"name": "z"}], "It has a place for a, which is none of its parameters."),
        ([{"name": "a", "typ": "x"}], "The parameter a has typ, which nothing is known of."),
        ([{"name": "a", "type": ["x"]}], "is of no type that there is: string, number, boolean, choice, minion."),
        ([{"name": "a", "type": "choice"}], "The parameter a has no choices."),
        ([{"name": "a", "choices": ["x"]}], "The parameter a has choices, which is for the type choice."),
        ([{"name": "a", "type": "choice", "choices": []}], "has choices that are no list of texts and numbers."),
        ([{"name": "a", "type": "choice", "choices": ["x"], "default": "y"}], "has a default that is no choice of it."),
        ([{"name": "a", "type": "number", "default": "3"}], "The parameter a has a default that is no number."),
        ([{"name": "a", "type": "number", "default": True}], "The parameter a has a default that is no number."),
        ([{"name": "a", "type": "boolean", "default": "yes"}], "The parameter a has a default that is no boolean."),
        ([{"name": "a", "default": ["x"]}], "The parameter a has a default that is no string."),
        ([{"name": "a", "required": "yes"}], "The parameter a is required, or is not: true or false."),
    ],
)
def test_a_template_that_nobody_could_use_says_why(parameters, error):
    said = told(parameters=parameters)
    assert said["items"] == []
    (broken,) = said["broken"]
    assert broken["name"] == "x"
    assert broken["error"].endswith(error)
