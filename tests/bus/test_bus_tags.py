"""Matching tags, and the tags that a minion may not fire."""

import pytest

from trisalt.bus.tags import matcher, reserved


@pytest.mark.parametrize(
    ("pattern", "tag", "expected"),
    [
        ("*", "salt/auth", True),
        ("salt/job/*", "salt/job/2026/ret/m1", True),
        ("salt/job/*/ret/m?", "salt/job/2026/ret/m1", True),
        ("salt/job", "salt/job/2026", False),
        (r"salt/(auth|key)", "salt/key", True),
        (r"salt/(auth|key)", "salt/keys", False),
        ("salt/[", "salt/[", True),
        ("(", "(", True),
    ],
)
def test_a_pattern_is_a_glob_or_else_an_expression_over_the_whole_tag(pattern, tag, expected):
    assert matcher(pattern)(tag) is expected


@pytest.mark.parametrize(
    "tag",
    [
        "salt/job/2026/new",
        "salt/job/2026/publish",
        "salt/job/2026/ret/m2",
        "salt/job/2026/ret/m1",
        "salt/auth",
        "salt/key",
        "salt/run/2026/ret",
        "salt/wheel/2026/new",
        "salt/presence/change",
        "salt/minion/m2/start",
        "salt/beacon/m2/load",
        "salt/job/2026/prog/m2/0",
        "trisalt/job/2026/settled",
        "salt/batch/2026/stop",
        "salt/batch/2026/new",
    ],
)
def test_a_minion_does_not_speak_for_the_master_or_for_another(tag):
    assert reserved(tag, "m1")


@pytest.mark.parametrize(
    "tag",
    ["my/tag", "minion_start", "salt/minion/m1/start", "salt/beacon/m1/load/", "salt/job/2026/prog/m1/0", "saltx"],
)
def test_a_minion_speaks_for_itself(tag):
    assert not reserved(tag, "m1")
