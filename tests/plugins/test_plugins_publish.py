"""The execution module `publish`, with a host that answers as a minion's daemon does."""

from __future__ import annotations

import pytest

from trisalt.errors import RequestTimeout
from trisalt.loader.dunders import Plugins


class Host:
    def __init__(self):
        self.asked = []
        self.answer = {"jid": "1", "minions": ["m1"], "returns": {"m1": {"return": 3, "out": "nested"}}}

    def call(self, kind, fields):
        self.asked.append((kind, fields))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def salt():
    return Plugins({"id": "web1"}).loader("modules")


@pytest.mark.parametrize(
    ("arg", "sent"),
    [
        (None, []),
        ("", [""]),
        ("hello", ["hello"]),
        ("a,b", ["a,b"]),
        ("[a, k=1]", ["a", "k=1"]),
        ("3", [3]),
        (["a", "b"], ["a", "b"]),
        (7, [7]),
    ],
)
def test_arguments_are_read_as_yaml(salt, host, arg, sent):
    assert salt["publish.publish"]("os:Debian", "test.arg", arg, tgt_type="grain", timeout=9) == {"m1": 3}
    ((kind, fields),) = host.asked
    assert (kind, fields["arg"], fields["tgt_type"], fields["timeout"]) == ("publish", sent, "grain", 9.0)


def test_full_data_tells_all_that_came_back(salt, host):
    assert salt["publish.full_data"]("*", "test.ping") == {"m1": {"ret": 3, "out": "nested"}}


def test_what_is_not_allowed_is_an_empty_map(salt, host):
    host.answer = {"jid": None, "minions": [], "missing": [], "returns": {}}
    assert salt["publish.publish"]("*", "test.ping") == {}
    assert salt["publish.full_data"]("*", "test.ping") == {}


def test_publish_is_not_published(salt, host):
    assert salt["publish.publish"]("*", "publish.publish", "x") == {}
    assert host.asked == []


def test_a_master_that_does_not_answer_is_told_as_stock_tells_it(salt, host):
    host.answer = RequestTimeout("late")
    assert salt["publish.publish"]("*", "test.ping") == "'test.ping' publish timed out"
    assert salt["publish.runner"]("manage.up") == "'manage.up' runner publish timed out"


def test_a_runner_gives_what_it_returned(salt, host):
    host.answer = {"return": ["m1"], "retcode": 0, "success": True}
    assert salt["publish.runner"]("manage.up", ["tgt=*"]) == ["m1"]
    ((kind, fields),) = host.asked
    assert (kind, fields["kind"], fields["arg"]) == ("command", "runner", ["tgt=*"])


def test_without_a_master_there_is_no_runner():
    salt = Plugins({"id": "web1", "file_client": "local"}).loader("modules")
    assert salt["publish.runner"]("manage.up") == "No access to master. If using salt-call with --local, please remove."
