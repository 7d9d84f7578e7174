"""The audit's file: its lines, and its pages from the newest on."""

import pytest

from trisalt.web import audit as auditing
from trisalt.web.audit import Audit


@pytest.fixture
def audit(tmp_path):
    return Audit(str(tmp_path), clock=lambda: 1000.0)


def pages(audit, limit):
    """All rows, page by page."""
    found, before = [], None
    while True:
        rows, before = audit.page(limit, before)
        found.append([row["n"] for row in rows])
        if before is None:
            return found


@pytest.mark.parametrize("window", [120, 256 * 1024])
def test_pages_go_from_the_newest_to_the_oldest_without_a_gap(audit, monkeypatch, window):
    monkeypatch.setattr(auditing, "WINDOW", window)
    for n in range(1, 8):
        audit.tell("command", n=n)
    assert [n for page in pages(audit, 3) for n in page] == [7, 6, 5, 4, 3, 2, 1]


def test_an_audit_of_nothing_is_an_empty_page(audit):
    assert audit.page(10) == ([], None)


def test_a_line_that_is_none_is_passed_over(audit):
    audit.tell("command", n=1)
    with audit.path.open("a") as file:
        file.write("garbage\n")
    audit.tell("command", n=2)
    assert pages(audit, 10) == [[2, 1]]


def test_a_long_value_is_cut(audit):
    audit.tell("command", fun="x" * 9999, tgt=["m"] * 99)
    ((row,), _before) = audit.page(10)
    assert len(row["fun"]) < 600
    assert row["tgt"][-1] == "… 79 more"
