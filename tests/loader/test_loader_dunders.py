"""The dicts that are filled when somebody looks, and the renewal of what is loaded."""

import copy
import json
import pickle

import msgpack
import pytest

from trisalt.loader.dunders import Plugins


def counted(data):
    calls = []

    def source():
        calls.append(1)
        return data

    return source, calls


def test_nothing_is_gathered_before_somebody_looks():
    source, calls = counted({"os": "Debian"})
    plugins = Plugins({"id": "m1"}, grains=source)
    assert plugins.loader("modules")["test.ping"]()
    assert calls == []
    assert plugins.grains["os"] == "Debian"
    assert plugins.grains["os"] == "Debian"
    assert calls == [1]


@pytest.mark.parametrize(
    "look",
    [
        dict,
        len,
        list,
        bool,
        repr,
        copy.copy,
        copy.deepcopy,
        json.dumps,
        msgpack.packb,
        lambda lazy: {**lazy},
        lambda lazy: pickle.loads(pickle.dumps(lazy)),
        lambda lazy: lazy.copy(),
        lambda lazy: lazy.get("a"),
        lambda lazy: "a" in lazy,
        lambda lazy: lazy == {"a": {"b": 1}},
        lambda lazy: lazy | {"c": 1},
        lambda lazy: {"c": 1} | lazy,
        lambda lazy: sorted(lazy.items()),
        lambda lazy: lazy.setdefault("a", 2),
        lambda lazy: list(reversed(lazy)),
    ],
)
def test_it_is_a_dict_whoever_looks(look):
    source, calls = counted({"a": {"b": 1}})
    lazy = Plugins({}, grains=source).grains
    assert isinstance(lazy, dict)
    assert look(lazy) == look({"a": {"b": 1}})
    assert calls == [1]


def test_what_fails_to_come_fails_each_time():
    def source():
        raise OSError("no")

    grains = Plugins({}, grains=source).grains
    for _ in range(2):
        with pytest.raises(OSError, match="no"):
            grains.get("os")


def test_opts_hold_grains_and_pillar():
    plugins = Plugins({"id": "m1"}, grains={"os": "x"}, pillar={"p": 1})
    assert plugins.opts["grains"] is plugins.grains
    assert plugins.opts["pillar"]["p"] == 1


def test_renewed_pillar_is_seen_by_what_is_loaded(tmp_path):
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "look.py").write_text("def p(): return __pillar__['p']")
    plugins = Plugins({"extension_modules": str(tmp_path)}, pillar={"p": 1})
    function = plugins.loader("modules")["look.p"]
    assert function() == 1
    plugins.renew(pillar={"p": 2})
    assert function() == 2


def test_renewed_grains_ask_virtual_again(tmp_path):
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "deb.py").write_text(
        "def __virtual__(): return __grains__['os'] == 'Debian'\ndef x(): return 1"
    )
    plugins = Plugins({"extension_modules": str(tmp_path)}, grains={"os": "Other"})
    assert "deb.x" not in plugins.loader("modules")
    plugins.renew(grains={"os": "Debian"})
    assert "deb.x" in plugins.loader("modules")


def test_set_reaches_loaded_files(tmp_path):
    (tmp_path / "runners").mkdir()
    (tmp_path / "runners" / "ev.py").write_text("def e(): return __jid_event__")
    plugins = Plugins({"extension_modules": str(tmp_path)})
    function = plugins.loader("runners")["ev.e"]
    assert function() is None
    plugins.set("__jid_event__", 5)
    assert function() == 5
