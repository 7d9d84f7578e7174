"""The zone of this host: what `TZ` says, in either of its forms, or the file of the system."""

from datetime import UTC, datetime, timedelta

import pytest

from trisalt.scheduler import zone
from trisalt.scheduler.zone import local_zone

SUMMER, WINTER = datetime(2026, 7, 1, 12), datetime(2026, 1, 1, 12)


@pytest.mark.parametrize(
    ("name", "summer", "winter"),
    [
        ("Europe/Berlin", 2, 1),
        (":America/New_York", -4, -5),
        ("CET-1CEST,M3.5.0,M10.5.0/3", 2, 1),
        ("UTC", 0, 0),
        ("", 0, 0),
        ("No/Where", 0, 0),
    ],
)
def test_tz_names_a_zone_or_is_a_rule(monkeypatch, name, summer, winter):
    monkeypatch.setenv("TZ", name)
    found = local_zone()
    offsets = [when.replace(tzinfo=found).utcoffset() for when in (SUMMER, WINTER)]
    assert offsets == [timedelta(hours=summer), timedelta(hours=winter)]


def test_the_systems_file_is_read_and_read_again_when_it_is_another(monkeypatch, tmp_path):
    link = tmp_path / "localtime"
    monkeypatch.delenv("TZ", raising=False)
    monkeypatch.setattr(zone, "LOCALTIME", str(link))
    assert local_zone() is UTC
    for name, hours in (("Europe/Berlin", 1), ("Asia/Tokyo", 9)):
        link.unlink(missing_ok=True)
        link.symlink_to(f"/usr/share/zoneinfo/{name}")
        first = local_zone()
        assert WINTER.replace(tzinfo=first).utcoffset() == timedelta(hours=hours)
        assert local_zone() is first
