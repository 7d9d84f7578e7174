"""`at` states beside stock's: a spool of the test's own lies over the host's, for the two alone."""

import os
import shutil

import pytest

from tests.interop.states import Row, ask, compare, done, each_phase, refused
from tests.support.debian import need
from tests.support.lab import open_lab

pytestmark = [pytest.mark.interop, pytest.mark.timeout(120)]

GRAINS = {"id": "m1", "kernel": "Linux", "os": "Debian", "os_family": "Debian", "shell": "/bin/sh"}
SPOOL = "/var/spool/cron/atjobs"
WHEN = "3:05am 2037-05-06"
NONE = "a preview says None when something would change"
NO_TAG = "no tag provided and unique_tag is set to True"
NOBODY = "user nosuchuser does not exists"
ADDED = f"job echo w added and will run on {WHEN}"
FITS = "what was removed is gone"


def row(number, **more):
    return {"job": number, "date": "2037-05-06", "time": "03:05:00", "queue": "a", "user": "root", **more}


ROWS = [
    Row("at.present", "echo a", timespec=WHEN, tag="one", always=True),
    Row("at.present", "x", timespec=WHEN, tag="two", job="echo b", unique_tag=True),
    Row("at.present", "x", timespec=WHEN, tag="two", job="echo c", unique_tag=True, why=NONE,
        preview=done("atleast one job with tag two exists.")),
    Row("at.present", "x", timespec=WHEN, job="echo c", unique_tag=True, preview=refused(NO_TAG), why=NONE),
    Row("at.present", "echo a", timespec="nonsense", tag="three"),
    Row("at.present", "echo a", timespec=WHEN, user="nosuchuser", preview=refused(NOBODY), why=NONE),
    Row("at.watch", "echo w", timespec=WHEN, tag="w"),
    Row("at.absent", "x", tag="nope", preview=done("removed 0 job(s)"), why=NONE),
    Row("at.absent", "x", tag="two"),
    Row("at.absent", "x", tag="one", hour=4, preview=done("removed 0 job(s)"), why=NONE),
    Row("at.absent", "x", jobid=99999, preview=done("job with id 99999 not present"), why=NONE),
    Row("at.absent", "x", jobid="nonsense", preview=done("job with id nonsense not present"), why=NONE),
    Row("at.absent", "x", jobid=1, applied=done("removed 1 job(s)", removed=["1"]), why=FITS),
    Row("at.absent", "x", tag="one", hour=3, day=6, applied=done("removed 1 job(s)", removed=["2"]), why=FITS,
        again=done("removed 0 job(s)")),
    Row("at.mod_watch", "echo w", timespec=WHEN, tag="w", unique_tag=True, sfun="watch", phases=["applied", "again"],
        applied=done(ADDED, **row(4, tag="w")), again=done("atleast one job with tag w exists."), why="it is added once"),
    Row("at.absent", "x", runas="daemon", preview=done("removed 0 job(s)"), why=NONE),
    Row("at.absent", "x", nonsense=3, why="a condition that nobody knows removes nothing",
        **dict.fromkeys(("preview", "applied", "again"), refused("Jobs have no nonsense: nothing is removed"))),
    Row("at.absent", "x", phases=["applied", "again"], applied=done("removed 1 job(s)", removed=["4"]),
        why="the job of the watch is all that is left"),
]  # fmt: skip


@pytest.fixture(scope="module")
def answers():
    if os.geteuid() != 0:
        pytest.skip("only root mounts")
    need("at")
    answers = {}
    with open_lab() as lab:
        for kind in ("stock", "ours"):
            spool = lab.root / f"{kind}-spool"
            spool.mkdir()
            (spool / ".SEQ").write_text("0")
            for path, mode in ((spool, 0o1770), (spool / ".SEQ", 0o600)):
                shutil.chown(path, "daemon", "daemon")
                path.chmod(mode)
            answers[kind] = ask(lab, kind, ROWS, grains=GRAINS, apart={SPOOL: str(spool)})
    return answers


@each_phase(ROWS)
def test_ours_does_as_stock_does(answers, number, phase):
    compare(ROWS, answers, number, phase)
