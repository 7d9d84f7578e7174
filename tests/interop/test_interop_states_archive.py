"""`archive` beside stock's, with real archives."""

import json
import shutil
import subprocess

import pytest

from tests.interop.states import Row, ask, compare, each_phase, pending
from tests.support.debian import need
from tests.support.lab import open_lab

pytestmark = [pytest.mark.interop, pytest.mark.timeout(180)]

GRAINS = {"id": "m1", "kernel": "Linux", "os": "Debian", "os_family": "Debian"}
TRUE = "a preview says what would happen"
ROWS = [
    Row("archive.extracted", "W/one", source="salt://one.tgz", phases=["preview"]),
    Row("archive.extracted", "W/one", source="salt://one.tgz", source_hash="md5=short", phases=["preview", "applied"]),
    Row("archive.extracted", "W/one", source="salt://one.tgz", signature="salt://x.asc", sig_backend="nosuch"),
    Row("archive.extracted", "W/one", source="W/one.tgz", source_hash="salt://h", source_hash_sig=True, sig_backend="no"),
    Row("archive.extracted", "W/one", source="W/one.tgz"),
    Row("archive.extracted", "W/one", source="salt://one.tgz", phases=["applied"]),
    Row("archive.extracted", "W/one", source="W/one.tgz", overwrite=True, always=True),
    Row("archive.extracted", "W/many", source="W/many.tar"),
    Row("archive.extracted", "W/many", source="W/many.tar", enforce_toplevel=False),
    Row("archive.extracted", "W/zip", source="W/one.zip"),
    Row("archive.extracted", "W/zip", source="W/one.zip", user="daemon", group="daemon", why=TRUE,
        preview=pending("All files in archive are already present. Ownership would be updated on one or more "
                        "files/directories.")),
    Row("archive.extracted", "W/owned", source="W/one.tgz", user="daemon", group="daemon"),
    Row("archive.extracted", "W/missing", source="W/one.tgz", if_missing="W/one"),
    Row("archive.extracted", "W/missing", source="W/one.tgz", if_missing="W/notthere", phases=["applied"]),
    Row("archive.extracted", "W/missing", source="W/one.tgz", if_missing="relative"),
    Row("archive.extracted", "W/x", source="W/nosuch.tgz", phases=["applied"]),
    Row("archive.extracted", "W/x", source="W/one.odd", phases=["applied"]),
    Row("archive.extracted", "W/x", source="W/one.tgz", archive_format="odd", phases=["applied"]),
    Row("archive.extracted", "W/file", source="W/one.tgz"),
    Row("archive.extracted", "relative", source="W/one.tgz"),
    Row("archive.extracted", "W/x", source="W/one.tgz", user="trisnobody"),
    Row("archive.extracted", "W/x", source="W/one.tgz", password="x"),
    Row("archive.extracted", "W/x", source="W/one.tgz", enforce_ownership_on="/elsewhere"),
    Row("archive.extracted", "W/wrong", source="W/one.tgz"),
    Row("archive.extracted", "W/wrong", source="W/one.tgz", force=True, phases=["applied", "again"]),
    Row("archive.extracted", "W/x", source="salt://nosuch.tgz", phases=["applied"]),
]  # fmt: skip


def prepare(roots, work):
    for folder in (roots, work):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    made = work / "made"
    (made / "top/sub").mkdir(parents=True)
    (made / "top/a").write_text("a\n")
    (made / "top/sub/b").write_text("b\n")
    (made / "other").write_text("other\n")
    for argv in (
        ["tar", "czf", work / "one.tgz", "top"], ["tar", "cf", work / "many.tar", "top", "other"],
        ["zip", "-qr", work / "one.zip", "top"],
    ):  # fmt: skip
        subprocess.run(argv, cwd=made, check=True)
    shutil.copy(work / "one.tgz", roots / "one.tgz")
    shutil.copy(work / "one.tgz", work / "one.odd")
    shutil.rmtree(made)
    (work / "file").write_text("x")
    (work / "wrong/top").mkdir(parents=True)
    (work / "wrong/top/sub").write_text("not a directory")


@pytest.fixture(scope="module")
def answers():
    need("zip", "unzip")
    answers = {}
    with open_lab() as lab:
        roots, work = lab.root / "states", lab.root / "w"
        for kind in ("stock", "ours"):
            prepare(roots, work)
            found = ask(lab, kind, ROWS, grains=GRAINS, places={"W": str(work)}, file_roots={"base": [str(roots)]})
            text = json.dumps(found).replace(str(work), "W").replace(str(lab.root / kind), "M")
            answers[kind] = json.loads(text)
    return answers


@each_phase(ROWS)
def test_ours_does_as_stock_does(answers, number, phase):
    compare(ROWS, answers, number, phase)
