"""Minions of both kinds on our master: over a restart nobody signs in again, and who is deleted reads nothing more."""

from __future__ import annotations

import os
import time

import psutil
import pytest

from tests.support.lab import open_lab, stock_bin

pytestmark = [pytest.mark.interop, pytest.mark.skipif(stock_bin() is None, reason="stock Salt is not installed")]

SIGNS_IN = "Authentication request from"


@pytest.fixture(scope="module")
def lab():
    with open_lab() as lab:
        lab.start_master(timeout=3, gather_job_timeout=2)
        for id, kind in (("ours", "ours"), ("other", "ours"), ("stock", "stock")):
            lab.start_minion(id, kind)
        lab.accept("ours", "other", "stock")
        yield lab
        # It takes its time, and has nothing to lose.
        lab.daemons["stock"].kill_group()


def listeners(master, port):
    """How many are connected to the publish port."""
    return sum(
        row.laddr.port == port and row.status == psutil.CONN_ESTABLISHED for row in master.net_connections("tcp")
    )


def test_after_a_restart_jobs_are_read_and_nobody_signs_in_again(lab):
    seen = len(lab.daemons["master"].text())
    process = psutil.Process(lab.restart("master").pid)
    lab.wait(lambda: listeners(process, lab.publish_port) == 3, "three that listen")
    lab.wait_up("ours", "other", "stock")
    since = lab.daemons["master"].text()[seen:]
    assert "Got return from stock" in since
    assert SIGNS_IN not in since


def test_a_master_that_was_away_for_longer_than_a_session_lives_loses_no_job(lab):
    lab.daemons["master"].stop()
    sealed, old = lab.master_dir() / "cache" / "sealed", time.time() - 2 * 86400
    aged = [path for path in sealed.rglob("*") if path.is_file()]
    assert len(aged) == 4
    for path in aged:
        os.utime(path, (old, old))
    seen = len(lab.daemons["master"].text())
    process = psutil.Process(lab.restart("master").pid)
    lab.wait(lambda: listeners(process, lab.publish_port) == 3, "three that listen")
    assert lab.salt("*", "test.echo", "there", "-t", "15") == dict.fromkeys(("ours", "other", "stock"), "there")
    since = lab.daemons["master"].text()[seen:]
    # A publication that cannot be read, then a request without a session: a sign-in answers for both.
    for id in ("ours", "other", "stock"):
        assert 1 <= since.count(f"{SIGNS_IN} {id}") <= 2


def test_who_is_deleted_is_out_at_once_and_reads_nothing_more_while_the_others_lose_no_job(lab):
    master, gone = lab.daemons["master"], lab.daemons["other"]
    seen, read = len(master.text()), len(gone.text())
    for _ in range(2):
        lab.run("salt-key", "-y", "-d", "other")
    for word in ("one", "two"):
        assert lab.salt("*", "test.echo", word) == {"ours": word, "stock": word}, lab.tails()
    assert master.text()[seen:].count("Rotating AES key") == 1
    # It hears that there was something, cannot read it, and signs in to learn the key: that makes it wait.
    lab.wait(lambda: lab.keys("minions_pre") == ["other"], "its next sign-in")
    assert "test.echo" not in gone.text()[read:]
