"""The execution module `timezone`: the zone set for real, where nobody else sees it."""

import os

import pytest

from tests.support.apart import run_apart
from trisalt.errors import CommandError
from trisalt.loader.dunders import Plugins

as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root sets the time zone")
with_files = pytest.mark.skipif(os.path.isdir("/run/systemd/system"), reason="here systemd sets the time zone")


@pytest.fixture
def salt(tmp_path):
    opts = {"id": "m1", "cachedir": str(tmp_path), "extension_modules": str(tmp_path / "extmods")}
    return Plugins(opts, grains={"os_family": "Debian"}).loader("modules")


STATUS = """\
               Local time: Fri 2026-11-27 12:00:00 CET
           Universal time: Fri 2026-11-27 11:00:00 UTC
                 RTC time: Fri 2026-11-27 11:00:00
                Time zone: Europe/Berlin (CET, +0100)
System clock synchronized: yes
              NTP service: active
          RTC in local TZ: no
"""


@pytest.fixture
def booted(tmp_path, monkeypatch):
    """The module as it is where systemd runs, with a timedatectl that answers as one was recorded, and keeps its words."""
    program = tmp_path / "bin" / "timedatectl"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\n[ $# = 0 ] && cat <<END || echo "$@" >> {tmp_path}/words\n{STATUS}END\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    plugins = Plugins({"id": "m1", "cachedir": str(tmp_path), "extension_modules": str(tmp_path / "extmods")})
    plugins.context["salt.utils.systemd.booted"] = True
    return plugins.loader("modules")


SET = """
import time
print(json.dumps([
    salt["timezone.set_zone"]("Asia/Kolkata"), salt["timezone.get_zone"](), open("/etc/timezone").read(),
    salt["timezone.get_zonecode"](), salt["timezone.get_offset"](), salt["timezone.zone_compare"]("Asia/Calcutta"),
    salt["timezone.zone_compare"]("Europe/Berlin"), time.timezone,
]))
"""


@as_root
@with_files
def test_a_zone_is_set(tmp_path):
    before = os.readlink("/etc/localtime")
    told = run_apart(SET, tmp_path, ["/etc"], {"os_family": "Debian"})
    assert told == [True, "Asia/Kolkata", "Asia/Kolkata\n", "IST", "+0530", True, False, -19800]
    assert os.readlink(tmp_path / "etc" / "localtime") == "/usr/share/zoneinfo/Asia/Kolkata"
    assert os.readlink("/etc/localtime") == before


@pytest.mark.parametrize("zone", ["No/Such", "../../../etc/passwd", "/etc/passwd", "-x", "", "a b"])
def test_what_is_no_zone(salt, zone):
    before = os.readlink("/etc/localtime")
    with pytest.raises(CommandError, match=r"^(Zone does not exist: |Can't find a local timezone )"):
        salt["timezone.set_zone"](zone)
    with pytest.raises(CommandError, match=r"^Can't find a local timezone "):
        salt["timezone.zone_compare"](zone)
    assert os.readlink("/etc/localtime") == before


def test_what_the_hardware_clock_counts(salt):
    clock = salt["timezone.get_hwclock"]()
    assert clock in ("UTC", "localtime")
    assert salt["timezone.set_hwclock"](clock) is True
    with pytest.raises(CommandError, match="localtime and UTC are the only permitted values"):
        salt["timezone.set_hwclock"]("nonsense")


def test_where_systemd_runs_it_is_asked(booted, tmp_path):
    assert booted["timezone.get_zone"]() == "Europe/Berlin"
    assert booted["timezone.get_hwclock"]() == "UTC"
    assert booted["timezone.set_zone"]("Asia/Kolkata") is True
    assert booted["timezone.set_hwclock"]("UTC") is True
    assert booted["timezone.set_hwclock"]("localtime") is True
    assert (tmp_path / "words").read_text() == "set-timezone Asia/Kolkata\nset-local-rtc true\n"
