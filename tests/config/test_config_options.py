"""The tables, against the option types and defaults recorded from stock Salt 3008.3 (`stock_options.json`)."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from trisalt.config import unheeded
from trisalt.config.daemon import OF_LOADERS
from trisalt.config.master import MasterConfig
from trisalt.config.minion import MinionConfig
from trisalt.config.option import Config, Option, fit, fits, fresh, mistyped, option
from trisalt.config.read import read_master, read_minion
from trisalt.config.unheeded import reason
from trisalt.errors import ConfigError
from trisalt.loader.kinds import KINDS

STOCK = json.loads(Path(__file__).with_name("stock_options.json").read_text())
BOTH = [(MasterConfig, "master"), (MinionConfig, "minion")]
# Stock sets the first two otherwise; the others it has no default for, or names the master without a list.
OWN_DEFAULTS = {
    "master": {"autosign_timeout", "id", "minion_id_caching", "netapi_enable_clients", "state_output_pct"},
    "minion": {"enable_lspci", "master", "publish_port", "state_output_pct"},
}


@pytest.mark.parametrize(("cls", "side"), BOTH)
def test_every_option_of_stock_is_known_with_its_default(cls, side):
    for name, row in STOCK.items():
        known = cls.OPTIONS[name].default if name in cls.OPTIONS else cls.LATER.get(name, ("", None))[1]
        if side in row:
            assert name in cls.OPTIONS or name in cls.LATER, name
            if name not in OWN_DEFAULTS[side]:
                assert known == row[side], name


def test_an_option_of_stock_without_any_default_is_known_somewhere():
    for name in STOCK:
        assert any(name in cls.OPTIONS or name in cls.LATER for cls, _side in BOTH), name


@pytest.mark.parametrize(("cls", "side"), BOTH)
def test_every_option_of_effect_has_a_doc_and_a_default_of_its_type(cls, side):
    assert side == cls.SIDE
    for name, row in cls.OPTIONS.items():
        assert row.name == name
        assert row.doc.endswith((".", "`")), name
        assert fits(row.types, row.default), name
        assert set(row.types.split("|")) <= {"str", "int", "float", "bool", "list", "dict", "None"}, name


@pytest.mark.parametrize(("cls", "_side"), BOTH)
def test_an_option_is_of_effect_or_later_but_not_both(cls, _side):
    assert not cls.OPTIONS.keys() & cls.LATER.keys()
    for types, default in cls.LATER.values():
        assert default is ... or fits(types, default)


@pytest.mark.parametrize(("cls", "_side"), BOTH)
def test_what_has_no_effect_says_why(cls, _side):
    foreign = next(other for other, _name in BOTH if other is not cls)
    for key in cls.LATER.keys() - cls.BY_PLUGINS - foreign.OPTIONS.keys():
        assert cls.WITHOUT_EFFECT.get(key) or reason(key), key


def test_a_row_of_why_is_of_a_key_that_has_no_effect_somewhere():
    later = {key for cls, _side in BOTH for key in cls.LATER.keys() - cls.BY_PLUGINS}
    of_kinds = {row.dirs for row in KINDS.values()}
    for key in unheeded._WHY:
        if "*" not in key:
            assert key in later | of_kinds, key
        else:
            assert any(fnmatchcase(name, key) for name in later | of_kinds), key


def test_the_keys_of_each_kind_of_plugins_are_heeded_where_there_are_such_plugins():
    for row in KINDS.values():
        heeded = {row.dirs, row.disabled} <= OF_LOADERS
        assert heeded is (reason(row.dirs) is None), row.name
    assert {key for row in KINDS.values() for key in (row.dirs, row.disabled)} | {
        "enable_zip_modules",
        "providers",
    } >= OF_LOADERS


@pytest.mark.parametrize(("read", "name"), [(read_master, "master"), (read_minion, "minion")])
def test_what_files_and_pillar_are_made_of_is_heeded_on_both_sides(tmp_path, read, name):
    keys = {
        "ext_pillar": [], "ext_pillar_first": True, "master_tops": {}, "nodegroups": {"a": "b"}, "jinja_env": {"x": 1},
        "gitfs_remotes": ["a"], "gitfs_base": "main", "git_pillar_base": "main", "states_dirs": ["/x"],
        "returner_dirs": ["/x"], "disable_states": ["x"], "providers": {"pkg": "x"}, "pillar_dirs": ["/x"],
        "grains": {"a": 1}, "grains_blacklist": ["a"],
    }  # fmt: skip
    (tmp_path / name).write_text(yaml.safe_dump({"id": "m1", **keys}))
    assert read(tmp_path).warnings == []


def test_what_is_heeded_of_git_is_so_without_a_master():
    of_git = {key for key in MasterConfig.OPTIONS if key.startswith(("gitfs_", "git_pillar_"))}
    assert of_git <= MinionConfig.BY_PLUGINS


class Sample(Config):
    number: int = option(5, "A number.")
    part: float = option(1.0, "A part.")
    words: list[str] = option([], "Words.")
    either: str | bool = option(False, "Either.")
    unset: str | None = option(None, "Maybe.")
    wall: dict[str, str] = option({}, "A wall.", guards=True)


@pytest.mark.parametrize(
    ("name", "value", "expected", "good"),
    [
        ("number", 7, 7, True),
        ("number", "7", 7, True),
        ("number", 7.0, 7, True),
        ("number", 7.5, 5, False),
        ("number", "seven", 5, False),
        ("number", True, 5, False),
        ("number", float("inf"), 5, False),
        ("number", float("nan"), 5, False),
        ("part", 10**400, 1.0, False),
        ("number", None, 5, True),
        ("part", 3, 3.0, True),
        ("part", "2.5", 2.5, True),
        ("part", [], 1.0, False),
        ("words", ["a"], ["a"], True),
        ("words", "a", [], False),
        ("either", "x", "x", True),
        ("either", True, True, True),
        ("either", 3, "3", True),
        ("either", [1], False, False),
        ("unset", None, None, True),
        ("unset", 12, "12", True),
        ("wall", {"a": "b"}, {"a": "b"}, True),
        ("wall", None, {}, True),
    ],
)
def test_values_become_the_type_of_their_option(name, value, expected, good):
    got, ok = fit(Sample.OPTIONS[name], value)
    assert (got, type(got), ok) == (expected, type(expected), good)


def test_an_option_that_guards_is_not_replaced_by_its_default():
    with pytest.raises(ConfigError, match="Config option 'wall' with value x has an invalid type of str, a dict is"):
        fit(Sample.OPTIONS["wall"], "x")


@settings(max_examples=50)
@given(
    st.sampled_from(sorted(Sample.OPTIONS)),
    st.none()
    | st.booleans()
    | st.floats()
    | st.integers()
    | st.text()
    | st.lists(st.text())
    | st.binary()
    | st.dates(),
)
def test_whatever_a_file_says_the_result_is_of_the_type_or_refused(name, value):
    row = Sample.OPTIONS[name]
    try:
        got, _good = fit(row, value)
    except ConfigError:
        assert row.guards
        return
    assert fits(row.types, got)


def test_a_value_that_may_be_a_secret_is_not_shown():
    assert "hunter2" not in mistyped("signing_key_pass", "hunter2", "int")
    assert "hunter2" in mistyped("acceptance_wait_time", "hunter2", "int")
    assert len(mistyped("file_roots", "x" * 1000, "dict")) < 200


def test_defaults_are_ones_own():
    default = {"base": ["/srv/salt"]}
    mine = fresh(default)
    mine["base"].append("/mine")
    assert default == {"base": ["/srv/salt"]}


def test_an_option_is_found_on_its_class():
    assert isinstance(MasterConfig.OPTIONS["publish_port"], Option)
    assert MasterConfig.publish_port is MasterConfig.OPTIONS["publish_port"]


@pytest.mark.parametrize(
    "key",
    [
        *("apt.lock_timeout", "zypper.lock_timeout", "zypper.refreshdb_force", "systemd.scope", "status.uptime.custom"),
        *(
            "mysql.host",
            "redis.port",
            "docker.url",
            "postgres.user",
            "nacl.config",
            "rawfile_json.filename",
            "venv_bin",
        ),
        *("test.foo", "minion_jid_queue_hwm", "state_max_parallel", "http_connect_timeout", "proxy_port"),
    ],
)
def test_what_modules_of_ours_read_is_known(tmp_path, key):
    (tmp_path / "minion").write_text(f"id: m1\n{key}: 1\n")
    assert read_minion(str(tmp_path)).warnings == []


@pytest.mark.parametrize("read", [read_master, read_minion])
def test_what_states_read_is_of_effect_on_both_sides_and_of_its_type(tmp_path, read):
    path = tmp_path / read.__name__.removeprefix("read_")
    path.write_text("id: m1\nlock_saltenv: true\nstate_aggregate: [pkg]\ntest: true\nstate_auto_order: often\n")
    told = "Config option 'state_auto_order' with value often has an invalid type of str, a bool is required for this option"
    assert read(str(tmp_path)).warnings == [f"{path}: {told}"]


def test_no_option_that_is_read_is_said_to_be_without_effect():
    later = MasterConfig.LATER.keys() | MinionConfig.LATER.keys()
    heeded = set().union(*(cls.OPTIONS.keys() | cls.BY_PLUGINS for cls, _side in BOTH))
    # The keys that are taken out of `__opts__` and its like, or that `config.option` is asked for.
    taking = re.compile(r"""(?:opts(?:__)?(?:\.get\(|\[)|\boption(?:"\])?\()["']([\w.]+)["']""")
    room = Path(__file__).parents[2] / "trisalt"
    paths = [path for path in room.rglob("*.py") if path.parts[-2] != "config"]
    read = {key for path in paths for key in taking.findall(path.read_text())}
    assert {"test", "state_aggregate", "backup_mode", "proxy_host"} < read & later
    # What was read, not an option.
    assert read & later - heeded == {"conf_file"}
