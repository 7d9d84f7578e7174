"""Who is here, and why somebody has not returned: real daemons, as an operator sees them."""

from __future__ import annotations

import time

import pytest

from tests.support.lab import open_lab

pytestmark = [pytest.mark.whole, pytest.mark.timeout(120)]


IDS = ["m1", "m2"]


@pytest.fixture(scope="module")
def lab():
    """A master, two minions, and one whose key is pending."""
    with open_lab() as lab:
        lab.start_master()
        for id in [*IDS, "p1"]:
            lab.start_minion(id)
        lab.accept(*IDS)
        lab.wait(lambda: lab.keys("minions_pre") == ["p1"], "the key that stays pending")
        yield lab


def salt(lab, *words):
    began = time.monotonic()
    done = lab.run("salt", *words)
    return done, time.monotonic() - began


def test_a_minion_that_was_stopped_is_named_at_once_with_the_reason_and_is_here_again_when_it_is_back(lab):
    lab.daemons["m2"].stop()
    done, seconds = salt(lab, "*", "test.ping", "--summary")
    assert done.returncode == 1
    assert "m2:\n    Minion did not return. [Not connected]\n    Disconnected since 20" in done.stdout
    assert " UTC: it was stopped. It was heard last at " in done.stdout
    assert f"# of minions returned: {len(IDS) - 1}\n" in done.stdout
    # Not the 15 s that somebody costs who is not known to be away.
    assert seconds < 8
    assert lab.salt("*", "test.ping")["m2"] == "Minion did not return. [Not connected]"
    lab._start("m2", "ours", "salt-minion", lab.root / "m2", "info")
    lab.wait_up("m2")
    assert lab.salt("*", "test.ping") == dict.fromkeys(IDS, True)


def test_a_minion_at_work_is_told_of_while_one_waits(lab):
    done, _seconds = salt(lab, "-L", ",".join(IDS), "test.sleep", "2", "-t", "1", "-v")
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    assert "# m1: It runs the job, for " in done.stderr
    assert ", pid " in done.stderr


def test_keys_that_may_not_come_in_are_the_reason(lab):
    done, _seconds = salt(lab, "-L", "m1,p1,nosuch", "test.ping")
    assert "p1:\n    Minion did not return. [No response]\n    Its key is pending: `salt-key -a p1` accepts it.\n" in (
        done.stdout
    )
    assert "nosuch:\n    Minion did not return. [No response]\n    There is no key of this name" in done.stdout
    done, _seconds = salt(lab, "p*", "test.ping")
    assert done.returncode == 2
    assert done.stderr.startswith("p1: Its key is pending: `salt-key -a p1` accepts it.\n")
