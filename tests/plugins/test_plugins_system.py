"""The execution module `system`: the programs that would change this host only note how they were called."""

import datetime
import sys

import pytest

from trisalt.errors import CommandError
from trisalt.loader.dunders import Plugins

PROGRAMS = ("halt", "poweroff", "shutdown", "init", "date", "hwclock", "hostnamectl")


@pytest.fixture
def salt():
    return Plugins({"id": "m1"}).loader("modules")


@pytest.fixture
def programs(tmp_path, monkeypatch):
    folder = tmp_path / "bin"
    folder.mkdir()

    class Programs:
        def ends(self, name, status, text=""):
            path = folder / name
            path.write_text(f'#!/bin/sh\necho "{name} $*" >> {tmp_path}/log\necho "{text}" >&2\nexit {status}\n')
            path.chmod(0o755)

        def called(self):
            return (tmp_path / "log").read_text().splitlines() if (tmp_path / "log").exists() else []

    made = Programs()
    for name in PROGRAMS:
        made.ends(name, 0)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return made


@pytest.mark.parametrize(
    ("function", "args", "called"),
    [
        ("halt", (), "halt "),
        ("poweroff", (), "poweroff "),
        ("reboot", (), "shutdown -r now"),
        ("reboot", (5,), "shutdown -r +5"),
        ("reboot", ("+5",), "shutdown -r +5"),
        ("shutdown", ("22:00",), "shutdown -h 22:00"),
        ("init", (3,), "init 3"),
    ],
)
def test_one_program_does_it(salt, programs, function, args, called):
    assert salt[f"system.{function}"](*args) == ""
    assert programs.called() == [called]


@pytest.mark.parametrize(
    ("function", "arg"), [("reboot", "-c"), ("shutdown", "soon"), ("init", "-x"), ("init", "66"), ("reboot", "5 x")]
)
def test_what_it_does_not_take_is_not_given_to_it(salt, programs, function, arg):
    with pytest.raises(CommandError, match=r"^Invalid (time|runlevel)"):
        salt[f"system.{function}"](arg)
    assert programs.called() == []


def test_a_program_that_fails_says_why(salt, programs):
    programs.ends("shutdown", 1, "Operation not permitted")
    with pytest.raises(CommandError, match=r"^Operation not permitted$"):
        salt["system.reboot"]()


def test_the_time_is_set_and_the_hardware_clock_with_it(salt, programs):
    today = datetime.datetime.now().strftime("%m%d")
    assert salt["system.set_system_time"]("11:31:30 PM") is True
    assert programs.called()[0][:9] == f"date {today}"
    assert programs.called()[0][9:13] == "2331"
    assert programs.called()[0].endswith(".30")
    assert programs.called()[1:] == ["hwclock --test --systohc", "hwclock --systohc"]


def test_without_a_hardware_clock_that_can_be_set_it_is_left(salt, programs):
    programs.ends("hwclock", 1)
    assert salt["system.has_settable_hwclock"]() is False
    assert salt["system.set_system_date_time"](2013, 3, 28, 11, 31, 30, "-0500") is True
    assert "date -u 032816312013.30" in programs.called()
    assert "hwclock --systohc" not in programs.called()


@pytest.mark.parametrize("text", ["2013-03-28", "03-28-2013", "03-28-13", "03/28/2013", "2013/03/28"])
def test_dates_as_people_write_them(salt, programs, text):
    salt["system.set_system_date"](text)
    assert programs.called()[0].startswith("date 0328")
    assert programs.called()[0][5:].partition(".")[0].endswith("2013")


@pytest.mark.parametrize(
    ("function", "args", "text"),
    [
        ("set_system_time", ("25:00",), "Invalid time format: 25:00"),
        ("set_system_date", ("tomorrow",), "Invalid date format"),
        ("set_system_date_time", (2013, 13), "month must be in"),
        ("get_system_time", ("x",), "Invalid UTC offset"),
    ],
)
def test_what_is_no_time_is_refused(salt, programs, function, args, text):
    with pytest.raises(CommandError, match=text):
        salt[f"system.{function}"](*args)
    assert programs.called() == []


@pytest.fixture
def info(salt, tmp_path, monkeypatch):
    """The file of the description, in the place of the host's."""
    module = sys.modules[salt["system.get_computer_desc"].__module__]
    monkeypatch.setattr(module, "_INFO", str(tmp_path / "machine-info"))
    return tmp_path / "machine-info"


def test_without_systemd_the_description_is_kept_in_its_file(salt, programs, info):
    programs.ends("hostnamectl", 1, "Failed to connect to bus")
    info.write_text("CHASSIS=vm\nPRETTY_HOSTNAME='Old'\n")
    assert salt["system.get_computer_desc"]() == "Old"
    assert salt["system.set_computer_desc"]('Ann\'s "$HOME" \\ box') is True
    assert info.read_text() == 'CHASSIS=vm\nPRETTY_HOSTNAME="Ann\'s \\"\\$HOME\\" \\\\ box"\n'
    assert salt["system.get_computer_desc"]() == 'Ann\'s "$HOME" \\ box'
    info.unlink()
    assert salt["system.get_computer_desc"]() is False
    with pytest.raises(CommandError, match="one line"):
        salt["system.set_computer_desc"]("a\nb")


def test_that_a_restart_is_needed_is_noted(salt, tmp_path, monkeypatch):
    module = sys.modules[salt["system.get_computer_desc"].__module__]
    monkeypatch.setattr(module, "_WITNESS", str(tmp_path / "a/witness"))
    assert salt["system.get_reboot_required_witnessed"]() is False
    assert salt["system.set_reboot_required_witnessed"]() is True
    assert salt["system.get_reboot_required_witnessed"]() is True
