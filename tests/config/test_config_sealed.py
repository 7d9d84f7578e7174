"""`sdb://` in the configuration: what is put in, what stays, and what is said of what cannot be had."""

import sys

import pytest
import yaml

from trisalt.config import errand
from trisalt.config.read import read_master, read_minion
from trisalt.config.sealed import addresses
from trisalt.errors import ConfigError


def written(tmp_path, name="minion", **options):
    (tmp_path / name).write_text(yaml.safe_dump({"id": "m1", "root_dir": str(tmp_path), **options}))
    return tmp_path


@pytest.mark.parametrize(("read", "name"), [(read_minion, "minion"), (read_master, "master")])
def test_an_address_is_what_it_stands_for_at_any_depth(tmp_path, monkeypatch, read, name):
    monkeypatch.setenv("A_SECRET", "hunter2")
    monkeypatch.setenv("A_LEVEL", "info")
    env = {"driver": "env"}
    folder = written(
        tmp_path, name, env=env, **{"mysql.pass": "sdb://env/A_SECRET", "grains": {"a": [1, "sdb://env/A_SECRET"]}},
        log_level="sdb://env/A_LEVEL", log_file="/no/sdb://env/A_LEVEL",
    )  # fmt: skip
    config = read(folder)
    assert config.opts["mysql.pass"] == "hunter2"
    assert config.opts["grains"] == {"a": [1, "hunter2"]}
    assert config.log_level == "info"
    assert config.log_file.endswith("/no/sdb://env/A_LEVEL")
    assert not [line for line in config.warnings if "hunter2" in line]


def test_a_driver_may_be_the_operators_own(tmp_path):
    drivers = tmp_path / "drivers"
    drivers.mkdir()
    (drivers / "mine.py").write_text("def get(key, profile): return [key, profile['x'], __opts__['mark']]")
    folder = written(
        tmp_path, sdb_dirs=[str(drivers)], vault={"driver": "mine", "x": 5}, mark=7, **{"a.b": "sdb://vault/k/l"}
    )
    assert read_minion(folder).opts["a.b"] == ["k/l", 5, 7]


@pytest.mark.parametrize("uri", ["sdb://nobody/x", "sdb://env", "sdb://plain/x"])
def test_an_address_of_no_profile_stays_and_is_told(tmp_path, uri):
    folder = written(tmp_path, env={"driver": "env"}, plain={"a": 1}, **{"mysql.pass": uri})
    config = read_minion(folder)
    assert config.opts["mysql.pass"] == uri
    told = f"{tmp_path / 'minion'}: mysql.pass: {uri} names no profile of this configuration, and is taken as it is"
    assert told in config.warnings


@pytest.mark.parametrize(
    ("driver", "told"),
    [
        ("absent", "mysql.pass: sdb://here/x: The sdb driver absent has no get here"),
        ("bad", "mysql.pass: sdb://here/x: no way in"),
        ("dies", "sdb://here/x: its process ended with status 3"),
    ],
)
def test_a_driver_that_gives_nothing_is_one_line(tmp_path, driver, told):
    drivers = tmp_path / "drivers"
    drivers.mkdir()
    (drivers / "bad.py").write_text("def get(key, profile): raise OSError('no way\\nin')")
    (drivers / "dies.py").write_text("import os\ndef get(key, profile): os._exit(3)")
    folder = written(tmp_path, sdb_dirs=[str(drivers)], here={"driver": driver}, **{"mysql.pass": "sdb://here/x"})
    with pytest.raises(ConfigError, match=told) as raised:
        read_minion(folder)
    assert "\n" not in str(raised.value)


def test_nobody_is_asked_where_no_file_has_an_address(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    assert read_minion(written(tmp_path, env={"driver": "env"})).opts["env"] == {"driver": "env"}


@pytest.mark.parametrize(("uid", "user", "asked_as"), [(0, "root", None), (0, "daemon", 1), (1000, "daemon", None)])
def test_drivers_run_as_the_daemons_user(monkeypatch, uid, user, asked_as):
    monkeypatch.setattr(errand.os, "getuid", lambda: uid)
    assert errand._account(user, "sdb").get("user") == asked_as


def test_nobody_is_asked_as_a_user_who_is_not_there(tmp_path, monkeypatch):
    monkeypatch.setattr(errand.os, "getuid", lambda: 0)
    with pytest.raises(ConfigError, match="there is no user nobody-here to ask as"):
        read_minion(written(tmp_path, user="nobody-here", env={"driver": "env"}, **{"a.b": "sdb://env/X"}))


def test_addresses_are_found_where_they_are():
    assert list(addresses({"a": ["sdb://x/y", {"b": "sdb://z/1"}], "sdb://no/key": "a sdb://no/b", "c": 3})) == [
        "sdb://x/y",
        "sdb://z/1",
    ]
