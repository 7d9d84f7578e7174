"""`sdb://` addresses: of the environment, of YAML files, and of drivers of a site."""

import sys

import pytest

from trisalt.errors import CommandError, InvocationError
from trisalt.loader import facade
from trisalt.loader.dunders import Plugins

PLAIN = ["plain", "sdb://nowhere/x", "sdb://files", "sdb://files/", "sdb://none/x", 5]


@pytest.fixture
def salt(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    facade.install()
    (tmp_path / "one.yaml").write_text("a: {b: 1, c: [x, y]}\ntop: t\n")
    (tmp_path / "two.yaml").write_text("a: {b: 2, z: 3}\n")
    (tmp_path / "bad.yaml").write_text("a: [\nsecret: x\n")
    (tmp_path / "extmods/sdb").mkdir(parents=True)
    (tmp_path / "extmods/sdb/mem.py").write_text(
        "def get(key, profile):\n    return profile['kept'].get(key)\n"
        "def set_(key, value, profile):\n    profile['kept'][key] = value\n    return True\n"
    )
    names = ("one", "two", "bad", "gone")
    opts = {
        "id": "m1",
        "extension_modules": str(tmp_path / "extmods"),
        "osenv": {"driver": "env"},
        "files": {"driver": "yaml", "files": [str(tmp_path / f"{name}.yaml") for name in names]},
        "gone": {"driver": "nosuch"},
        "none": {"files": []},
    }
    return Plugins(opts, pillar={"kept": {"driver": "mem", "kept": {}}}).loader("modules")


def test_values_of_files_lie_over_those_before_and_what_cannot_be_read_is_left_out(salt, caplog):
    assert salt["sdb.get"]("sdb://files/a") == {"b": 2, "c": ["x", "y"], "z": 3}
    assert salt["sdb.get"]("sdb://files/a:c:0") == "x"
    assert salt["sdb.get"]("sdb://files/nope") is None
    assert "bad.yaml" in caplog.text
    assert "secret" not in caplog.text
    with pytest.raises(CommandError, match="not supported by the sdb driver yaml"):
        salt["sdb.set"]("sdb://files/a", 1)
    with pytest.raises(CommandError, match="The sdb driver yaml has no delete here"):
        salt["sdb.delete"]("sdb://files/a")


def test_the_environment_is_read_set_and_cleared(salt, monkeypatch):
    monkeypatch.delenv("TRISALT_TEST_SDB", raising=False)
    url = "sdb://osenv/TRISALT_TEST_SDB"
    assert salt["sdb.get"](url) is None
    assert salt["sdb.set"](url, 5) == "5" == salt["sdb.get"](url)
    assert salt["sdb.delete"](url) is True
    assert salt["sdb.delete"](url) is False


def test_a_value_is_drawn_once(salt):
    drawn = salt["sdb.get_or_set_hash"]("sdb://kept/key", 12, "ab")
    assert len(drawn) == 12
    assert set(drawn) <= {"a", "b"}
    assert salt["sdb.get_or_set_hash"]("sdb://kept/key") == drawn == salt["sdb.get"]("sdb://kept/key")


@pytest.mark.parametrize("uri", PLAIN)
def test_what_is_no_address_of_a_profile_stays_as_it_is(salt, uri):
    assert salt["sdb.get"](uri) == uri
    assert salt["sdb.set"](uri, 1) is salt["sdb.delete"](uri) is salt["sdb.get_or_set_hash"](uri) is False
    with pytest.raises(InvocationError, match="must start with sdb://"):
        salt["sdb.get"](uri, strict=True)


def test_a_driver_that_is_not_there_is_named(salt):
    with pytest.raises(CommandError, match="The sdb driver nosuch has no get here"):
        salt["sdb.get"]("sdb://gone/x")
