"""The execution module `dnsutil`: serial numbers of zones, kept in a grain. Stock answers the same."""

from datetime import datetime

import pytest

from trisalt.loader.dunders import Plugins


@pytest.fixture
def salt(tmp_path):
    """Functions of a minion whose grains are kept beside its configuration file."""
    opts = {"id": "m1", "conf_file": str(tmp_path / "minion"), "config_dir": str(tmp_path)}
    return lambda **grains: Plugins(opts, grains=grains).loader("modules")


def test_a_serial_is_of_this_day_and_is_kept_only_when_it_is_new(salt, tmp_path):
    functions = salt()
    first = datetime.now().strftime("%Y%m%d01")
    assert functions["dnsutil.serial"]("example.com") == first
    assert not (tmp_path / "grains").exists()
    assert functions["dnsutil.serial"]("example.com", update=True) == first
    assert functions["dnsutil.serial"]("example.com", update=True) == str(int(first) + 1)
    assert functions["dnsutil.serial"]("example.com") == str(int(first) + 1)
    assert functions["dnsutil.serial"]("example.org") == first
    assert (tmp_path / "grains").read_text() == f"dnsserial_example.com: '{int(first) + 1}'\n"


@pytest.mark.parametrize(
    ("stored", "then"), [("2001010107", None), ("9001010107", "9001010108"), (9001010107, "9001010108")]
)
def test_a_serial_goes_on_from_one_that_is_later_than_this_day(salt, stored, then):
    functions = salt(dnsserial_z=stored)
    assert functions["dnsutil.serial"]("z") == stored
    assert functions["dnsutil.serial"]("z", True) == (then or datetime.now().strftime("%Y%m%d01"))


def test_a_zone_is_told_with_all_that_its_records_say(salt):
    zone = salt()["dnsutil.parse_zone"](
        zone='$ORIGIN x.\n@ IN MX 10 a\n@ IN MX 20 b\nt IN TXT "one; two" "three"\n_s._tcp 5 IN SRV 0 5 5060 s.x.\nlone\n'
    )
    assert zone == {
        "ORIGIN": "x.",
        "MX": [{"priority": "10", "host": "a"}, {"priority": "20", "host": "b"}],
        "TXT": {"t.x.": '"one; two" "three"'},
        "SRV": {"_s._tcp.x.": {"TARGET": "0 5 5060 s.x.", "TTL": "5"}},
    }
