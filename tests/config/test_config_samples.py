"""The files an operator starts from: what they show is true, and as they are they change nothing."""

import re
from pathlib import Path

import pytest
import yaml

from trisalt.config.master import MasterConfig
from trisalt.config.minion import MinionConfig
from trisalt.config.plain import read_plain
from trisalt.config.read import read_master, read_minion

CONF = Path(__file__).parents[2] / "conf"
SIDES = [("master", MasterConfig, read_master), ("minion", MinionConfig, read_minion)]


def uncommented(side):
    """The sample with its keys in force: they are what follows a # without exactly one blank."""
    return re.sub(r"(?m)^#(?! \S|#)", "", (CONF / side).read_text())


@pytest.mark.parametrize(("side", "cls", "read"), SIDES)
def test_a_sample_shows_keys_of_effect_with_their_defaults(side, cls, read):
    shown = yaml.safe_load(uncommented(side))
    assert len(shown) > 50
    for name, value in shown.items():
        assert cls.OPTIONS[name].default == value, name
        assert f"# {cls.OPTIONS[name].doc[:40]}" in (CONF / side).read_text(), name


@pytest.mark.parametrize(("side", "cls", "read"), SIDES)
def test_a_sample_in_force_changes_nothing_and_warns_of_nothing(tmp_path, side, cls, read):
    (tmp_path / side).write_text(uncommented(side))
    own, default = read(tmp_path, {"id": "x"}), read(tmp_path / "none", {"id": "x"})
    assert own.warnings == []
    differing = {name for name in cls.OPTIONS if getattr(own, name) != getattr(default, name)}
    assert differing == set()


@pytest.mark.parametrize(("side", "cls", "read"), SIDES)
def test_a_sample_as_it_is_says_nothing_and_needs_no_yaml(side, cls, read):
    assert read_plain((CONF / side).read_bytes()) == {}


@pytest.mark.parametrize("unit", ["salt-api", "salt-master", "salt-minion"])
def test_a_unit_fits_its_daemon(unit):
    text = (CONF / "systemd" / f"{unit}.service").read_text()
    lines = text.splitlines()
    assert {"Type=notify", "NotifyAccess=main", "Restart=on-failure", f"ExecStart=/usr/bin/{unit}"} <= set(lines)
    assert "ExecReload=/bin/kill -HUP $MAINPID" in lines
    assert any(line.startswith("WatchdogSec=") for line in lines)
    assert any(line.startswith("LimitNOFILE=") for line in lines)
    # A restart leaves a minion's running jobs alone.
    assert ("KillMode=process" in lines) is (unit == "salt-minion")
