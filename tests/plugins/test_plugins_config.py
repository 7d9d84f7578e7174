"""The execution module `config`: where a value is looked for, and in which order."""

import pytest

from trisalt.loader.dunders import Plugins


@pytest.fixture
def plugins():
    return Plugins(
        {"id": "m1", "here": "opts", "my.one": 1, "deep": {"a": {"x": 1}, "o": 1}, "many": ["o"], "__role": "minion",
         "backup_mode": "minion"},
        grains={"here": "grains", "there": "grains", "deep": {"a": {"y": 2}}},
        pillar={"here": "pillar", "there": "pillar", "far": "pillar", "my.two": 2, "deep": {"a": {"x": 3, "z": 3}},
                "many": ["p"], "master": {"far": "master", "last": "master", "my.one": 9, "my.three": 3, "many": ["m"],
                                          "deep": {"m": 4}}},
    )  # fmt: skip


def test_the_first_place_that_has_it_wins(salt):
    for function in ("config.get", "config.option"):
        assert [salt[function](key) for key in ("here", "there", "far", "last", "redis.port", "nosuch")] == [
            "opts", "grains", "pillar", "master", 6379, "",
        ]  # fmt: skip
        assert salt[function]("nosuch", "default") == "default"


def test_places_may_be_left_out(salt):
    get, option = salt["config.get"], salt["config.option"]
    assert get("here", omit_opts=True) == option("here", omit_opts=True) == "grains"
    assert get("here", omit_opts=True, omit_grains=True) == "pillar"
    assert get("far", omit_pillar=True) == "master"
    assert get("far", omit_pillar=True, omit_master=True) == ""
    assert option("here", omit_all=True) == ""
    assert option("redis.port", omit_all=True) == 6379


def test_nested(salt):
    assert salt["config.get"]("deep:a:y") == 2
    assert salt["config.get"]("deep:a:x") == 1
    assert salt["config.get"]("deep/a/x", delimiter="/") == 1
    assert salt["config.option"]("deep:a:x") == ""


def test_merged(salt):
    assert salt["config.get"]("deep", merge="recurse") == {"a": {"x": 1, "y": 2, "z": 3}, "o": 1, "m": 4}
    assert salt["config.get"]("deep:a", merge="recurse") == {"x": 1, "y": 2, "z": 3}
    assert salt["config.get"]("deep", merge="overwrite") == {"a": {"x": 1}, "o": 1}
    assert salt["config.get"]("here", merge="recurse") == "opts"
    assert salt["config.get"]("nosuch", 5, merge="recurse") == 5


def test_wildcards(salt):
    assert salt["config.option"]("my.*", wildcard=True) == {"my.one": 1, "my.two": 2, "my.three": 3}
    assert salt["config.option"]("nosuch.*", wildcard=True) == {}
    assert salt["config.option"]("nosuch.*", "d", wildcard=True) == "d"


def test_maps_and_lists_of_several_places(salt):
    assert salt["config.merge"]("many") == ["o", "m", "p"]
    assert salt["config.merge"]("deep") == {"a": {"x": 1}, "o": 1, "m": 4}
    assert salt["config.merge"]("here") == "opts"
    assert salt["config.merge"]("many", omit_opts=True, omit_master=True) == ["p"]
    assert salt["config.merge"]("nosuch", {}) == {}
    assert salt["config.merge"]("hosts.file") == "/etc/hosts"


def test_merging_changes_nothing(salt, plugins):
    salt["config.merge"]("deep")
    salt["config.get"]("deep", merge="recurse")
    assert plugins.pillar["deep"] == {"a": {"x": 3, "z": 3}}
    assert plugins.opts["deep"] == {"a": {"x": 1}, "o": 1}


def test_by_prefix(salt):
    assert salt["config.dot_vals"]("my") == {"my.one": 1, "my.three": 3}
    assert salt["config.dot_vals"]("m") == {}


def test_all_but_what_is_private(salt):
    shown = salt["config.items"]()
    assert shown["here"] == "opts"
    assert not any(name.startswith("__") for name in shown)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (644, "0644"),
        ("0644", "0644"),
        ("0o755", "0755"),
        ('"0600"', "0600"),
        ("4755", "4755"),
        (0, "0000"),
        (None, None),
    ],
)
def test_modes(salt, mode, expected):
    assert salt["config.manage_mode"](mode) == expected


def test_backup_mode(salt):
    assert salt["config.backup_mode"]() == "minion"
    assert salt["config.backup_mode"]("both") == "both"


@pytest.mark.parametrize("uri", ["salt://a", "http://a", "https://a", "ftp://a", "s3://a", "swift://a", "file:///a"])
def test_protocols(salt, uri):
    assert salt["config.valid_fileproto"](uri) is True
    assert salt["config.valid_fileproto"]("x" + uri) is False
    assert salt["config.valid_fileproto"]("/etc/hosts") is False


def test_every_function_says_how_to_call_it(salt):
    assert [name for name in salt.names("config") if "CLI Example:" not in (salt[name].__doc__ or "")] == []


def test_an_address_out_of_the_pillar_is_followed(monkeypatch):
    monkeypatch.setenv("A_SECRET", "hunter2")
    plugins = Plugins(
        {"id": "m1"}, pillar={"mine": {"driver": "env"}, "secret": "sdb://mine/A_SECRET", "no": "sdb://no/x"}
    )
    get = plugins.loader("modules")["config.get"]
    assert [get("secret"), get("no")] == ["hunter2", "sdb://no/x"]


def test_a_runner_reads_addresses_too(monkeypatch):
    monkeypatch.setenv("A_SECRET", "hunter2")
    runners = Plugins({"id": "m1", "mine": {"driver": "env"}}).loader("runners")
    assert runners["sdb.get"]("sdb://mine/A_SECRET") == "hunter2"
