"""The execution module `event`: what is sent, and where to."""

import pytest

from trisalt.errors import CommandError
from trisalt.loader.dunders import Plugins
from trisalt.worker import upcall

PUB = {"__pub_jid": "20260101000000000001", "__pub_user": "root"}


class Host:
    def __init__(self):
        self.told, self.asked = [], []

    def call(self, kind, fields):
        if kind == "ask_master":
            self.asked.append((fields["cmd"], fields["load"]))
        self.told.append((kind, fields.get("tag"), fields.get("data")))
        return True


@pytest.fixture
def plugins(host):
    return Plugins({"id": "m1", "pillarenv": "p"}, grains={"os": "Debian", "id": "m1"}, pillar={"a": 1, "b": 2})


def test_send_lays_data_over_keywords_and_leaves_out_how_it_was_called(salt, host):
    assert salt["event.send"]("my/tag", {"a": 2}, a=1, b=3, **PUB) is True
    assert host.told == [("fire_master", "my/tag", {"a": 2, "b": 3})]


def test_send_with_what_the_minion_knows(salt, host, monkeypatch):
    monkeypatch.setenv("SHOWN", "1")
    salt["event.send"](
        "t", with_env=["SHOWN", "NOSUCH"], with_grains=["os"], with_pillar=["a", "nosuch"], with_env_opts=True
    )
    assert host.told[0][2] == {
        "environ": {"SHOWN": "1"}, "grains": {"os": "Debian"}, "pillar": {"a": 1}, "saltenv": "base", "pillarenv": "p",
    }  # fmt: skip
    salt["event.send"]("t", with_env=True, with_grains=True, with_pillar=True)
    data = host.told[1][2]
    assert data["environ"]["SHOWN"] == "1"
    assert (data["grains"], data["pillar"]) == ({"os": "Debian", "id": "m1"}, {"a": 1, "b": 2})


def test_fire_master_sends_data_as_it_is(salt, host):
    assert salt["event.fire_master"]({"a": {"b": 1}}, "my/tag") is True
    assert salt["event.fire_master"](None, "my/tag") is True
    assert host.told == [("fire_master", "my/tag", {"a": {"b": 1}}), ("fire_master", "my/tag", {})]


def test_what_is_added_to_the_request_goes_with_it(salt, host):
    assert salt["event.fire_master"]({"a": 1}, "my/tag", {"extra": 1, "cmd": "_pillar"}) is True
    kind, _tag, _data = host.told[0]
    assert kind == "ask_master"
    assert host.asked == [("_minion_event", {"tag": "my/tag", "data": {"a": 1}, "extra": 1})]


def test_fire_stays_on_this_host(salt, host):
    assert salt["event.fire"]({"a": 1}, "my/tag") is True
    assert host.told == [("fire_event", "my/tag", {"a": 1})]


def test_the_data_of_an_event_is_a_map(salt, host):
    for call in (lambda: salt["event.send"]("t", "text"), lambda: salt["event.fire"]("text", "t")):
        with pytest.raises(CommandError, match="The data of an event is a map"):
            call()
    assert host.told == []


@pytest.mark.parametrize("opts", [{"file_client": "local"}, {"master_type": "disable"}])
def test_without_a_master_there_is_only_this_host(salt, host, plugins, caplog, opts):
    plugins.opts.update(opts)
    assert salt["event.fire_master"]({}, "my/tag") is False
    assert "Local mode detected. Event with tag my/tag will NOT be sent." in caplog.text
    assert salt["event.send"]("my/tag", {"a": 1}) is True
    assert host.told == [("fire_event", "my/tag", {"a": 1})]
    plugins.opts["use_master_when_local"] = True
    assert salt["event.fire_master"]({}, "my/tag") is True


def test_nobody_listens(salt):
    upcall.install(None)
    assert salt["event.fire"]({}, "t") is False
    assert salt["event.send"]("t", {}) is False


def test_every_function_says_how_to_call_it(salt):
    assert [name for name in salt.names("event") if "CLI Example:" not in (salt[name].__doc__ or "")] == []
