"""What requisites say, by the results of what is required: the table of docs/states.md, row by row."""

from __future__ import annotations

import pytest

from trisalt.state.requisites import Status, failed_requisites, judge
from trisalt.state.words import REQUISITES, tag

OK = {"result": True, "changes": {}}
CHANGED = {"result": True, "changes": {"a": 1}}
WOULD = {"result": None, "changes": {"a": 1}}
BAD = {"result": False, "changes": {}}
BAD_CHANGED = {"result": False, "changes": {"a": 1}}
NOT_RUN = {"result": True, "changes": {}, "__state_ran__": False}
SKIP = {"result": True, "changes": {"a": 1}, "skip_req": True}


def chunk(number):
    return {"state": "test", "fun": "nop", "name": f"n{number}", "__id__": f"i{number}", "__sls__": "s"}


def judged(requisites, trials=()):
    """The status for `{kind: results}`."""
    chunks, running, tried = {}, {}, {}
    number = 0
    for kind, results in requisites.items():
        for result in results:
            number += 1
            chunks.setdefault(kind, []).append(chunk(number))
            if result is not None:
                (tried if kind == "prereq" else running)[tag(chunk(number))] = result
    return judge(chunks, running, tried)


@pytest.mark.parametrize(
    ("requisites", "status"),
    [
        ({}, Status.MET),
        ({"require": [OK, WOULD, CHANGED]}, Status.MET),
        ({"require": [OK, BAD]}, Status.FAILED),
        ({"require": [OK, None]}, Status.UNMET),
        ({"require": [BAD, None]}, Status.UNMET),
        ({"require": [NOT_RUN]}, Status.MET),
        ({"require_any": [BAD, OK]}, Status.MET),
        ({"require_any": [BAD, BAD]}, Status.FAILED),
        ({"require_any": [BAD, NOT_RUN]}, Status.FAILED),
        ({"watch": [OK]}, Status.MET),
        ({"watch": [OK, CHANGED]}, Status.CHANGED),
        ({"watch": [BAD, CHANGED]}, Status.FAILED),
        ({"watch": [WOULD]}, Status.CHANGED),
        ({"watch_any": [BAD, CHANGED]}, Status.CHANGED),
        ({"watch": [SKIP]}, Status.SKIP_WATCH),
        ({"require": [BAD], "watch": [CHANGED]}, Status.FAILED),
        ({"onchanges": [OK]}, Status.ONCHANGES),
        ({"onchanges": [OK, CHANGED]}, Status.MET),
        ({"onchanges": [BAD_CHANGED]}, Status.ONCHANGES),
        ({"onchanges_any": [OK, CHANGED]}, Status.MET),
        ({"onchanges": [SKIP]}, Status.SKIPPED),
        ({"onfail": [OK]}, Status.ONFAIL),
        ({"onfail": [BAD]}, Status.MET),
        ({"onfail": [OK, BAD]}, Status.MET),
        ({"onfail_any": [OK, BAD]}, Status.MET),
        ({"onfail_all": [OK, BAD]}, Status.ONFAIL),
        ({"onfail_all": [BAD, BAD]}, Status.MET),
        ({"onfail": [OK], "onchanges": [CHANGED]}, Status.ONFAIL),
        ({"prereq": [WOULD]}, Status.MET),
        ({"prereq": [OK]}, Status.NO_CHANGES),
        ({"prereq": [OK, WOULD]}, Status.MET),
        ({"prereq": [BAD]}, Status.FAILED),
        ({"prereq": [None]}, Status.UNMET),
    ],
)
def test_requisites_together_are_one_status(requisites, status):
    assert judged(requisites) is status


def test_failures_are_told_by_sls_and_id_each_once():
    chunks = {"require": [chunk(1), chunk(2)], "watch": [chunk(1)]}
    running = {tag(chunk(1)): BAD, tag(chunk(2)): OK}
    assert failed_requisites(chunks, running, {}) == ["s.i1"]


def test_the_kinds_are_in_the_order_of_their_weight():
    assert REQUISITES.index("require") < REQUISITES.index("watch") < REQUISITES.index("prereq")
