"""The execution module `timezone`: the host's own zone, set and put back."""

import fcntl
import os
import time
from pathlib import Path

import pytest

from trisalt.errors import CommandError
from trisalt.loader.dunders import Plugins

as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root sets the time zone")
with_files = pytest.mark.skipif(os.path.isdir("/run/systemd/system"), reason="here systemd sets the time zone")


@pytest.fixture
def salt(tmp_path):
    opts = {"id": "m1", "cachedir": str(tmp_path), "extension_modules": str(tmp_path / "extmods")}
    return Plugins(opts, grains={"os_family": "Debian"}).loader("modules")


@pytest.fixture
def host():
    """One test at a time, and the host's zone as it was afterwards."""
    link, name = Path("/etc/localtime"), Path("/etc/timezone")
    with open("/var/lock/trisalt-tests-timezone.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        target = os.readlink(link) if link.is_symlink() else None
        kept = name.read_bytes() if name.exists() else None
        if target is None:
            pytest.skip("the zone of this host is no link")
        try:
            yield
        finally:
            link.unlink()
            link.symlink_to(target)
            if kept is not None:
                name.write_bytes(kept)
            else:
                name.unlink(missing_ok=True)
            time.tzset()


@as_root
@with_files
def test_a_zone_is_set(salt, host):
    assert salt["timezone.set_zone"]("Asia/Kolkata") is True
    assert salt["timezone.get_zone"]() == "Asia/Kolkata"
    assert Path("/etc/timezone").read_text() == "Asia/Kolkata\n"
    assert salt["timezone.get_zonecode"]() == "IST"
    assert salt["timezone.get_offset"]() == "+0530"
    assert salt["timezone.zone_compare"]("Asia/Calcutta") is True
    assert salt["timezone.zone_compare"]("Europe/Berlin") is False
    assert time.timezone == -19800


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
