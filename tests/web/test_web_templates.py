"""Templates of the configuration: what their parameters are, and what is wrong with those that nobody could use."""

import pytest

from trisalt.web.templates import BadValues, fill, templates


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


FORM = {
    "command": "service.{what} {service} tries={n} 'note={text} said'",
    "target": "{where}",
    "parameters": [
        {"name": "what", "type": "choice", "choices": ["start", "stop"], "required": True},
        {"name": "where", "type": "minion", "required": True},
        {"name": "service", "required": True},
        {"name": "n", "type": "number", "default": 3},
        {"name": "text"},
        {"name": "loud", "type": "boolean"},
    ],
}


def filled(values, **row):
    (item,) = told(**{**FORM, **row})["items"]
    return fill(item, values)


def test_values_take_the_places_of_parameters_and_stay_what_they_are():
    values = {"what": "stop", "where": "web*", "service": "yes", "text": "he", "loud": True}
    assert filled(values) == {
        "client": "local_async",
        "fun": "service.stop",
        "tgt": "web*",
        "tgt_type": "glob",
        "arg": ["yes"],
        "kwarg": {"tries": 3, "note": "he said", "loud": True},
    }


def test_what_looks_like_a_keyword_in_a_value_is_none():
    assert filled({"what": "stop", "where": "m", "service": "test=True", "n": 1})["arg"] == ["test=True"]


def test_a_value_within_an_argument_makes_no_keyword_of_it():
    found = filled({"a": "k=1"}, command="test.echo {a}x", target="*", parameters=[{"name": "a"}])
    assert (found["arg"], found["kwarg"]) == (["k=1x"], {})


def test_a_minion_without_a_place_is_the_target_where_there_is_none():
    parameters = [{"name": "m", "type": "minion"}, {"name": "k", "type": "minion"}]
    found = filled({"m": "db1", "k": "db2"}, command="test.echo x", target="", parameters=parameters)
    assert (found["tgt"], found["arg"], found["kwarg"]) == ("db1", ["x"], {"k": "db2"})


def test_a_template_of_the_master_has_no_target():
    parameters = [{"name": "m", "type": "minion"}]
    found = filled({"m": "db1"}, command="runners.manage.status", target="", parameters=parameters)
    assert found == {"client": "runner_async", "fun": "manage.status", "arg": [], "kwarg": {"m": "db1"}}


def test_a_template_without_parameters_is_its_command():
    assert fill(told(command="test.echo hi", target="*")["items"][0], {}) == {
        "client": "local_async",
        "fun": "test.echo",
        "tgt": "*",
        "tgt_type": "glob",
        "arg": ["hi"],
        "kwarg": {},
    }


GOOD = {"what": "stop", "where": "m", "service": "x"}


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({**GOOD, "nosuch": 1}, "There is no parameter nosuch: loud, n, service, text, what, where"),
        ({"what": "stop", "where": "m"}, "The parameter service is required"),
        ({**GOOD, "service": ""}, "The parameter service is required"),
        ({**GOOD, "what": "kill"}, "The parameter what is a choice: start, stop"),
        ({**GOOD, "n": "3"}, "The parameter n is a number"),
        ({**GOOD, "n": True}, "The parameter n is a number"),
        ({**GOOD, "loud": "yes"}, "The parameter loud is a boolean"),
        ({**GOOD, "service": ["x"]}, "The parameter service is a text"),
        ({**GOOD, "where": {"a": 1}}, "The parameter where is a text"),
    ],
)
def test_values_that_do_not_fit_are_refused_by_the_name_of_their_parameter(values, error):
    with pytest.raises(BadValues) as refused:
        filled(values)
    assert str(refused.value) == error


def test_a_value_makes_no_function_of_a_name_that_is_none():
    parameters = [{"name": "f"}]
    with pytest.raises(BadValues, match="is no function"):
        filled({"f": "x y"}, command="test.{f}", target="*", parameters=parameters)
