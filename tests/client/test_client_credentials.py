"""Who a command asks as: the command line, a token, or the account."""

from __future__ import annotations

import io
import os
from types import SimpleNamespace

import pytest

from trisalt.client.credentials import open_door
from trisalt.errors import CommandError, ConfigError, Denied

NOTHING = {"eauth": None, "make_token": False, "username": "", "password": None}
LOGIN = {"eauth": "pam", "username": "ann", "password": "secret"}


def opened(path, opts=None, **given):
    return open_door(path, SimpleNamespace(**{**NOTHING, **given}), opts or {})


def test_without_a_word_root_asks_as_root_and_for_whom_sudo_says(monkeypatch, scripted):
    monkeypatch.delenv("SUDO_USER", raising=False)
    scripted.answers({"status": {}})
    opened(scripted.path).ask({"op": "status"})
    monkeypatch.setenv("SUDO_USER", "ann")
    scripted.answers({"status": {}})
    opened(scripted.path).ask({"op": "status"})
    hint = {"user_hint": "ann"} if os.geteuid() == 0 else {}
    assert scripted.questions == [{"op": "status"}, {"op": "status", **hint}]


def test_what_the_command_line_shows_goes_with_each_question_and_says_who_that_is(monkeypatch, scripted):
    monkeypatch.setenv("SUDO_USER", "bob")
    door = opened(scripted.path, **LOGIN)
    assert door.identity == "ann, by pam"
    for _ in range(2):
        scripted.answers({"status": {}})
        door.ask({"op": "status"})
    assert scripted.questions == [{"op": "status", "credentials": LOGIN}] * 2


def test_a_token_is_made_kept_for_its_owner_alone_and_shown_from_then_on(scripted, tmp_path):
    file = tmp_path / "token"
    file.write_text("old")
    file.chmod(0o644)
    scripted.answers({"token": {"token": "t" * 64}})
    door = opened(scripted.path, {"token_file": str(file)}, **{**LOGIN, "eauth": None}, make_token=True)
    assert scripted.questions == [{"op": "mk_token", "credentials": LOGIN}]
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("t" * 64, 0o600)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("token")] == ["token"]
    assert door.credentials == {"token": "t" * 64}
    assert str(file) in door.identity


def test_a_token_that_cannot_be_kept_is_named(scripted, tmp_path):
    scripted.answers({"token": {"token": "t" * 64}})
    with pytest.raises(ConfigError, match="the token cannot be kept in"):
        opened(scripted.path, {"token_file": str(tmp_path / "none/token")}, **LOGIN, make_token=True)


def test_no_token_is_made_for_who_cannot_prove_it(scripted, tmp_path):
    scripted.answers({"error": {"name": "AuthenticationError", "message": "Authentication error occurred."}})
    with pytest.raises(Denied, match="Authentication error occurred"):
        opened(scripted.path, {"token_file": str(tmp_path / "token")}, **LOGIN, make_token=True)
    assert not (tmp_path / "token").exists()


def test_a_backend_that_is_not_enabled_is_named_with_those_that_are(scripted):
    with pytest.raises(Denied, match='"ldap" is not available\nAvailable eauth types: file, pam'):
        opened(scripted.path, {"external_auth": {"pam": {}, "file": {}}}, **{**LOGIN, "eauth": "ldap"})


@pytest.mark.parametrize("given", [{"username": "ann"}, {"password": ""}])
def test_a_name_without_a_backend_is_not_quietly_somebody_else(scripted, given):
    with pytest.raises(CommandError, match="by -a or -T"):
        opened(scripted.path, **given)


def test_who_does_not_answer_is_not_let_in(scripted, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    with pytest.raises(Denied, match="no answer to the question for the username"):
        opened(scripted.path, eauth="pam")
