"""`salt-key --auth`: keys by way of the master's wheel functions, against a door that keeps a keyring."""

from __future__ import annotations

import json
from fnmatch import fnmatch

import pytest

from tests.support.fakedoor import FakeDoor
from trisalt.cli.salt_key import main

AUTH = ["--auth", "pam", "--username", "ann", "--password", "secret"]
CREDENTIALS = {"eauth": "pam", "username": "ann", "password": "secret"}


class Wheel:
    """What the master's wheel functions do, on a map of states."""

    def __init__(self):
        self.keys = {"minions": ["m1"], "minions_pre": ["m2", "m3"], "minions_rejected": [], "minions_denied": []}
        self.asked = []

    def __call__(self, question):
        self.asked.append(question["fun"])
        assert (question["op"], question["credentials"]) == ("wheel", CREDENTIALS)
        name, match = question["fun"].removeprefix("key."), question["kwarg"].get("match")
        result = getattr(self, name.replace("print", "finger"))(match)
        success = not isinstance(result, str)
        yield {"started": {"jid": "20261122124940743908", "tag": "salt/wheel/x"}}
        yield {"result": {"return": result, "retcode": 0, "success": success}}

    def list_all(self, _match):
        return {**self.keys, "local": ["master.pem"]}

    def name_match(self, match):
        found = {state: [id for id in ids if fnmatch(id, match)] for state, ids in self.keys.items()}
        return {state: ids for state, ids in found.items() if ids}

    def finger(self, match):
        return {state: {match: f"{state} {match}"} for state, ids in self.keys.items() if match in ids}

    def _move(self, match, target):
        ((state, (id,)),) = match.items()
        if id not in self.keys[state]:
            return {}
        self.keys[state].remove(id)
        if target:
            self.keys[target].append(id)
        return {target: [id]} if target else {}

    def accept_dict(self, match):
        return self._move(match, "minions")

    def reject_dict(self, match):
        return self._move(match, "minions_rejected")

    def delete_dict(self, match):
        return self._move(match, None)


@pytest.fixture
def wheel(tmp_path):
    wheel = Wheel()
    wheel.door = FakeDoor(tmp_path, wheel)
    yield wheel
    wheel.door.close()


@pytest.fixture
def salt_key(wheel):
    return lambda *words: main(["-c", str(wheel.door.config_dir), *AUTH, *words])


def test_keys_are_listed(salt_key, capsys):
    assert salt_key("-L", "--out", "json") == 0
    assert json.loads(capsys.readouterr().out) == {
        "minions_pre": ["m2", "m3"],
        "minions_rejected": [],
        "minions": ["m1"],
        "minions_denied": [],
    }


@pytest.mark.parametrize("flag", ["-p", "-f"])
def test_keys_are_printed(salt_key, capsys, flag):
    assert salt_key(flag, "m2", "--out", "json") == 0
    assert json.loads(capsys.readouterr().out) == {"minions_pre": {"m2": "minions_pre m2"}}


def test_keys_are_accepted_rejected_and_deleted(salt_key, wheel, capsys):
    assert salt_key("-y", "-a", "m2") == 0
    assert wheel.keys["minions"] == ["m1", "m2"]
    assert salt_key("-y", "-R") == 0
    assert wheel.keys["minions_rejected"] == ["m3"]
    assert salt_key("-y", "-d", "m1") == 0
    assert wheel.keys["minions"] == ["m2"]
    assert "Key for minion m1 deleted." in capsys.readouterr().out
    # The master tells itself of what it does.
    assert set(wheel.asked) <= {"key.name_match", "key.accept_dict", "key.reject_dict", "key.delete_dict"}


def test_what_the_wheel_says_no_to_is_told(salt_key, wheel, capsys):
    wheel.name_match = lambda match: "Exception occurred in wheel key.name_match: no"
    assert salt_key("-y", "-a", "m2") == 1
    assert "Exception occurred in wheel" in capsys.readouterr().err


def test_who_may_not_is_refused_by_status(wheel, salt_key, capsys):
    refusal = {"error": {"name": "AuthorizationError", "message": "Authorization error occurred."}}
    wheel.door._answer = lambda question: [refusal]
    assert salt_key("-L") == 77
    assert capsys.readouterr().err == "Authorization error occurred.\n"
