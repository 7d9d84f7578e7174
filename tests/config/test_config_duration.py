"""`trisalt.config.duration`: how long, as operators write it."""

import pytest

from trisalt.config.duration import duration


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (0, 0),
        (90, 90),
        (1.5, 1.5),
        ("90", 90),
        ("90s", 90),
        ("24h", 86400),
        ("2h30m", 9000),
        (" 7d ", 604800),
        ("1.5h", 5400),
        ("2w", 1209600),
    ],
)
def test_a_duration_is_seconds_or_a_text(value, seconds):
    assert duration(value) == seconds


@pytest.mark.parametrize(
    "value", ["", "h", "2x", "2h3", "-1", "-1h", -1, True, None, "1e3", "nan", float("inf"), [], "２h"]
)
def test_what_is_none_is_told_with_what_to_write(value):
    with pytest.raises(ValueError, match="write seconds, or 90s, 2h30m, 7d"):
        duration(value)
