"""`htpasswd` states, by the program: users in a file, previewed, made, and made again."""

from __future__ import annotations

import pytest

from tests.support.debian import need
from trisalt.loader.dunders import Plugins


@pytest.fixture
def state(tmp_path):
    need("apache2-utils")
    plugins = Plugins({"id": "m1", "cachedir": str(tmp_path), "test": False})

    def state(function, name, *, test=False, **kwargs):
        plugins.opts["test"] = test
        ret = plugins.loader("states")[f"htpasswd.{function}"](name, htpasswd_file=str(tmp_path / "users"), **kwargs)
        return ret["result"], ret["comment"], ret["changes"]

    return state


def test_a_user_comes_is_given_another_password_and_goes(state, tmp_path):
    users = tmp_path / "users"
    asked = {"password": "it's $ecret", "options": "B", "update": True}
    assert state("user_exists", "joe", test=True, **asked) == (
        None, "User 'joe' is set to be added to htpasswd file", {"joe": True},
    )  # fmt: skip
    assert not users.exists()
    assert state("user_exists", "joe", **asked) == (True, "Adding password for user joe", {"joe": True})
    assert users.read_text().startswith("joe:$2y$")
    for test in (True, False):
        assert state("user_exists", "joe", test=test, **asked) == (True, "User already known", {})
    other = {"password": "other"}
    assert state("user_exists", "joe", **other) == (True, "User already known", {})
    assert state("user_exists", "joe", update=True, **other)[2] == {"joe": True}
    assert state("user_exists", "joe", update=True, **other) == (True, "User already known", {})
    assert state("user_exists", "joe", force=True, **other)[2] == {"joe": True}
    assert state("user_absent", "joe", test=True)[0] is None
    assert state("user_absent", "joe") == (True, "Deleting password for user joe", {"joe": True})
    for test in (True, False):
        assert state("user_absent", "joe", test=test) == (True, "User not in file", {})


def test_a_user_whose_name_begins_as_anothers_is_another(state):
    assert state("user_exists", "joe", password="x")[2] == {"joe": True}
    assert state("user_exists", "jo", password="x")[2] == {"jo": True}
    assert state("user_absent", "j.e") == (True, "User not in file", {})


def test_what_the_program_cannot_do_is_told(state):
    result, comment, changes = state("user_exists", "joe", password="x", options="x")
    assert (result, changes) == (False, {})
    assert "illegal option" in comment
    assert state("user_exists", "a:b", password="x")[:1] == (False,)


def test_a_password_is_never_among_the_arguments_of_a_program(state, tmp_path, monkeypatch):
    seen = tmp_path / "seen"
    program = tmp_path / "htpasswd"
    program.write_text(f'#!/bin/sh\necho "$@" > {seen}\ncat >> {seen}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert state("user_exists", "joe", password="hidden")[0] is True
    arguments, given = seen.read_text().splitlines()
    assert "hidden" not in arguments
    assert given == "hidden"
