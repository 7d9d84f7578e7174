"""`postgres_*` states beside stock's, on a PostgreSQL server of the test's own.

Stock's answers were recorded of the same rows on the same server: it takes minutes. `TRISALT_RECORD=1` records anew.
"""

import json
import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.interop.staterows_postgres import ROWS, SCHEMA
from tests.interop.states import ask, compare, each_phase
from tests.support.debian import need
from tests.support.lab import open_lab

pytestmark = [pytest.mark.interop, pytest.mark.timeout(300)]

GRAINS = {"id": "m1", "kernel": "Linux", "os": "Debian", "os_family": "Debian", "shell": "/bin/sh"}
RECORDED = Path(__file__).parent / "postgres_answers.json"


@contextmanager
def server(folder):
    """A server on a socket in `folder`, which is its account's; and a folder for a tablespace."""
    bins = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
    space = folder / "space"
    space.mkdir()
    for path in (folder, space):
        shutil.chown(path, "postgres", "postgres")
        path.chmod(0o755)

    def run(*argv):
        argv = ["runuser", "-u", "postgres", "--", *map(str, argv)]
        done = subprocess.run(argv, capture_output=True, text=True, cwd="/", check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    data = folder / "data"
    run(bins / "initdb", "-D", data, "-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8", "--locale=C")
    options = f"-k {folder} -h '' -F -c max_wal_senders=0 -c wal_level=minimal"
    # Its output goes to a file: it would keep ours open.
    run(bins / "pg_ctl", "-D", data, "-l", folder / "log", "-w", "-o", options, "start")
    try:
        run(bins / "psql", "-qh", folder, "-U", "postgres", "template1", "-c", SCHEMA)
        yield bins, space
    finally:
        run(bins / "pg_ctl", "-D", data, "-m", "immediate", "stop")


def answered(kind):
    with open_lab() as lab:
        lab.root.chmod(0o755)
        folder = lab.root / "pg"
        folder.mkdir()
        with server(folder) as (bins, space):
            places = {"S": str(folder), "T": str(space)}
            found = ask(lab, kind, ROWS, grains=GRAINS, places=places, seconds=280, **{"postgres.bins_dir": str(bins)})
            return json.loads(json.dumps(found).replace(str(space), "T").replace(str(folder), "S"))


@pytest.fixture(scope="module")
def answers():
    if os.geteuid() != 0:
        pytest.skip("only root has other accounts run a server")
    need("postgresql", "postgresql-contrib")
    if os.environ.get("TRISALT_RECORD"):
        RECORDED.write_text(json.dumps(answered("stock"), indent=1) + "\n")
    recorded = json.loads(RECORDED.read_text())
    assert len(recorded) == len(ROWS), "the rows are others: record them anew"
    return {"ours": answered("ours"), "stock": recorded}


@each_phase(ROWS)
def test_ours_does_as_stock_does(answers, number, phase):
    compare(ROWS, answers, number, phase)
