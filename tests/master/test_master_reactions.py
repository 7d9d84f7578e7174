"""What an SLS file of the reactor wants done, in its old and its new words; and which files a tag wakes."""

import pytest

from trisalt.errors import CommandError
from trisalt.master.reactions import Kind, Patterns, compile_reactions, mapped, read_reaction, unheeded


def read(body, **chunk):
    """The one reaction of one declaration."""
    chunks, errors = compile_reactions({"id": {**body, "__sls__": "/srv/r.sls"}})
    assert not errors
    (found,) = chunks
    return read_reaction({**found, **chunk})


# Each as a stock 3008.3 master runs it.
ARGUMENTS = [
    ([{"args": [{"x": 1}, {"y": 2}]}], [], {"x": 1, "y": 2}),
    ([{"args": ["one", {"two": 2}]}], [], {"one": None, "two": 2}),
    ([{"args": {"x": 1}}], [], {"x": 1}),
    ([{"arg": ["one", "two=2"]}, {"kwarg": {"z": 3}}], ["one", "two=2"], {"z": 3}),
    ([{"arg": ["a"]}, {"kwarg": [{"z": 3}]}], ["a"], {"z": 3}),
    ([{"arg": "single"}], ["single"], {}),
    ([{"arg": ["a"]}, {"kwarg": {"z": 3}}, {"args": ["b"]}], [], {"b": None}),
    ([], [], {}),
]


@pytest.mark.parametrize(("said", "arg", "kwarg"), ARGUMENTS)
def test_arguments_are_read_in_both_forms(said, arg, kwarg):
    for word in ("local.test.arg", "cmd.test.arg"):
        reaction = read({word: [{"tgt": "m1"}, *said]})
        assert (reaction.kind, reaction.fun, reaction.tgt, reaction.tgt_type) == (Kind.LOCAL, "test.arg", "m1", "glob")
        assert (reaction.arg, reaction.kwarg) == (arg, kwarg)
    assert (read({"runner.test.arg": said}).arg, read({"runner.test.arg": said}).kwarg) == (arg, kwarg)


def test_a_runner_takes_keywords_that_stand_by_themselves():
    reaction = read({"runner.state.orchestrate": [{"mods": "orch.x"}, {"pillar": {"a": 1}}]})
    assert (reaction.fun, reaction.kwarg) == ("state.orchestrate", {"mods": "orch.x", "pillar": {"a": 1}})


def test_a_job_takes_its_target_its_returners_and_its_metadata_with_it():
    said = [{"tgt": "os:D*"}, {"tgt_type": "grain"}, {"ret": "syslog"}, {"timeout": 3}, {"metadata": {"a": "b"}}]
    reaction = read({"local.test.ping": [*said, {"other": "thing"}]})
    assert (reaction.tgt, reaction.tgt_type, reaction.ret, reaction.timeout) == ("os:D*", "grain", "syslog", 3.0)
    assert reaction.options == {"metadata": {"a": "b"}}


def test_the_function_may_stand_in_the_list():
    assert read({"local": ["test.arg", {"tgt": "m1"}]}).fun == "test.arg"


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ({"local.test.ping": []}, "Reactor 'id' failed to execute local 'test.ping': it has no tgt"),
        ({"local.test.ping": [{"tgt": "m1"}, {"args": None}]}, "'test.ping': Incorrect argument format"),
        ({"local.test.ping": [{"tgt": "m1"}, {"args": [1]}]}, "'test.ping': Incorrect argument format"),
        ({"bogus.test.ping": [{"tgt": "m1"}]}, "failed to execute bogus 'test.ping': there is no such kind"),
    ],
)
def test_what_nobody_can_do_is_refused_by_its_name(body, complaint):
    with pytest.raises(CommandError, match=complaint):
        read(body)


@pytest.mark.parametrize(
    ("high", "complaint"),
    [
        ({"a": {"local.test.ping": {"tgt": "m1"}}}, "State 'a' in SLS 'None' is not formed as a list"),
        ({"a": {"local": [{"tgt": "m1"}]}}, "No function declared in state 'a' in SLS 'None'"),
        ({"include": ["other"]}, "The type include in ['other'] is not formatted as a dictionary"),
    ],
)
def test_a_file_that_is_malformed_is_told_in_stocks_words(high, complaint):
    chunks, errors = compile_reactions(high)
    assert chunks == []
    assert complaint in errors


def test_reactions_are_begun_in_the_order_they_are_written_unless_they_say_otherwise():
    high = {
        name: {"local.test.ping": [{"tgt": "m1"}, *order]}
        for name, order in [("z", []), ("last", [{"order": "last"}]), ("a", []), ("first", [{"order": 1}])]
    }
    assert [chunk["__id__"] for chunk in compile_reactions(high)[0]] == ["first", "z", "a", "last"]


MAP = [
    {"salt/minion/*/start": ["/a.sls", "/b.sls"]},
    {"salt/minion/web*/start": "/c.sls"},
    "no row",
    {"none": None},
    {"t[12]": ["salt://d.sls"]},
]


@pytest.mark.parametrize(
    ("tag", "woken"),
    [
        ("salt/minion/db1/start", ["/a.sls", "/b.sls"]),
        ("salt/minion/web1/start", ["/a.sls", "/b.sls", "/c.sls"]),
        ("salt/minion/a/b/start", ["/a.sls", "/b.sls"]),
        ("salt/minion/web1/started", []),
        ("SALT/minion/web1/start", []),
        ("t1", ["salt://d.sls"]),
        ("none", []),
    ],
)
def test_a_tag_wakes_the_files_of_all_patterns_that_it_is_like(tag, woken):
    assert Patterns(list(mapped(MAP))).woken(tag) == woken


def test_no_map_wakes_nothing():
    assert Patterns([]).woken("x") == []


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ((), []),
        (None, []),
        ([], []),
        ([{"a/*": ["/x.sls"]}, {"b": "/y.sls"}], []),
        ({"a/*": "/x.sls"}, []),
        (["x", {"a": "/x.sls"}], ["'x'"]),
        ([{"a": [], "b": ["/x.sls", 3], "c": None}], ["{'a': []}", "{'b': ['/x.sls', 3]}", "{'c': None}"]),
        (7, ["7"]),
    ],
)
def test_what_is_no_map_of_tags_to_files_is_named(option, told):
    assert list(unheeded(option)) == told
