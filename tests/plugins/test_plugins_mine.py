"""The execution module `mine`: what is called, what is sent, and what is asked."""

import pytest

from trisalt.loader.dunders import Plugins

PUB = {"__pub_jid": "20260101000000000001"}


class Host:
    def __init__(self):
        self.sent, self.asked = [], []
        self.answer = True

    def call(self, kind, fields):
        if kind == "fire_event":
            assert fields["tag"] == "_minion_mine"
            self.sent.append(fields["data"])
            return True
        assert kind == "ask_master"
        self.asked.append((fields["cmd"], fields["load"]))
        return self.answer


@pytest.fixture
def plugins(host):
    return Plugins({"id": "m1"}, grains={"id": "m1", "os": "Debian"})


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ({"test.ping": []}, True),
        ({"test.ping": None}, True),
        ({"test.echo": ["x"]}, "x"),
        ({"test.echo": {"text": "x"}}, "x"),
        ({"test.echo": [{"text": "x"}]}, "x"),
        ({"alias": [{"mine_function": "grains.get"}, "os"]}, "Debian"),
        ({"alias": {"mine_function": "grains.get", "key": "os"}}, "Debian"),
        ({"alias": ["os", {"mine_function": "grains.get"}]}, "Debian"),
        (["test.ping"], True),
    ],
)
def test_what_is_configured_is_called_and_sent(salt, plugins, host, entry, value):
    plugins.opts["mine_functions"] = entry
    assert salt["mine.update"](**{}) is True
    (sent,) = host.sent
    assert (sent["cmd"], sent["clear"], list(sent["data"].values())) == ("_mine", False, [value])


def test_configuration_stands_over_the_masters_and_the_pillars(salt, plugins, host):
    plugins.pillar["mine_functions"] = {"test.ping": [], "who": {"mine_function": "test.echo", "text": "pillar"}}
    plugins.pillar["master"] = {"mine_functions": {"test.version": []}}
    plugins.opts["mine_functions"] = {"who": {"mine_function": "test.echo", "text": "config"}}
    salt["mine.update"]()
    assert set(host.sent[0]["data"]) == {"test.ping", "test.version", "who"}
    assert host.sent[0]["data"]["who"] == "config"
    assert salt["mine.valid"]() == {"test.ping": [], "test.version": [], "who": {"test.echo": [{"text": "config"}]}}


def test_one_that_fails_keeps_no_other_from_the_mine(salt, plugins, host, caplog):
    plugins.opts["mine_functions"] = {"test.exception": ["no such luck"], "nosuch.fun": [], "test.ping": []}
    salt["mine.update"](clear=True)
    assert host.sent == [{"cmd": "_mine", "data": {"test.ping": True}, "clear": True}]
    assert "test.exception" in caplog.text
    assert "nosuch.fun" in caplog.text


def test_an_empty_mine_is_sent_too(salt, host):
    assert salt["mine.update"]() is True
    assert host.sent == [{"cmd": "_mine", "data": {}, "clear": False}]
    assert salt["mine.valid"]() is None


def test_functions_may_be_named(salt, host):
    salt["mine.update"](mine_functions=["test.ping"])
    salt["mine.update"](mine_functions={"grains.get": ["os"]})
    assert [sent["data"] for sent in host.sent] == [{"test.ping": True}, {"grains.get": "Debian"}]


def test_who_may_ask_is_marked(salt, plugins, host):
    plugins.opts["mine_functions"] = {"test.ping": [{"allow_tgt": "G@os:Debian", "allow_tgt_type": "compound"}]}
    salt["mine.update"]()
    salt["mine.send"]("test.ping", allow_tgt="m2")
    salt["mine.send"]("test.ping", allow_tgt_type="list")
    assert [sent["data"]["test.ping"] for sent in host.sent] == [
        {"__saltmine_acl__": 1, "__data__": True, "allow_tgt": "G@os:Debian", "allow_tgt_type": "compound"},
        {"__saltmine_acl__": 1, "__data__": True, "allow_tgt": "m2"},
        True,
    ]


def test_one_function_is_sent(salt, host):
    assert salt["mine.send"]("test.echo", "x", **PUB) is True
    assert salt["mine.send"]("who", "os", mine_function="grains.get", **PUB) is True
    assert [sent["data"] for sent in host.sent] == [{"test.echo": "x"}, {"who": "Debian"}]
    assert salt["mine.send"]("nosuch.fun") is False
    assert len(host.sent) == 2


def test_asking(salt, host):
    host.answer = {"m1": {"m1": 1}, "m2": 2}
    assert salt["mine.get"]("*", "test.ping") == {"m1": {"m1": 1}, "m2": 2}
    assert host.asked == [("_mine_get", {"tgt": "*", "fun": "test.ping", "tgt_type": "glob"})]


@pytest.mark.parametrize(
    ("fun", "answer", "expected"),
    [
        ("a", {"m1": 1, "m2": {"m1": 2}}, {"m2": {"m1": 2}}),
        (["a", "b"], {"a": {"m1": 1, "m2": 2}, "b": {"m2": 3}}, {"a": {"m2": 2}, "b": {"m2": 3}}),
        ("a,b", {"a": {"m1": 1}, "b": {"m2": 3}}, {"a": {}, "b": {"m2": 3}}),
    ],
)
def test_asking_for_others_only(salt, host, fun, answer, expected):
    host.answer = answer
    assert salt["mine.get"]("*", fun, exclude_minion=True) == expected


def test_withdrawing(salt, host):
    assert salt["mine.delete"]("test.ping") is True
    assert salt["mine.flush"]() is True
    assert host.asked == [("_mine_delete", {"fun": "test.ping"}), ("_mine_flush", {})]


def test_without_a_master_nobody_is_asked(salt, plugins, host):
    plugins.opts["file_client"] = "local"
    plugins.opts["mine_functions"] = {"test.ping": []}
    assert salt["mine.update"]() is None
    assert salt["mine.get"]("*", "test.ping") == {}
    assert salt["mine.delete"]("test.ping") is None
    assert salt["mine.flush"]() is None
    assert (host.sent, host.asked) == ([], [])


def test_every_function_says_how_to_call_it(salt):
    assert [name for name in salt.names("mine") if "CLI Example:" not in (salt[name].__doc__ or "")] == []
