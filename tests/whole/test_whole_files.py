"""Files between a real master and a real minion: `salt-cp` to it, `cp.push` from it."""

import os
import stat
import subprocess
import sys

import pytest

from tests.support.lab import open_lab

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def lab():
    with open_lab() as lab:
        lab.start_master(file_recv=True, file_recv_max_size=1)
        lab.start_minion("m1")
        lab.accept("m1")
        yield lab


def salt_cp(lab, *words):
    command = [sys.executable, "-m", "trisalt.cli.salt_cp", "-c", str(lab.master_dir()), *words]
    return subprocess.run(command, capture_output=True, text=True, env=lab.env, timeout=60, check=False)


@pytest.fixture
def folder(lab):
    folder = lab.root / f"work{len(os.listdir(lab.root))}"
    folder.mkdir()
    return folder


def test_a_pushed_file_lies_below_the_masters_cache_as_it_is(lab, folder):
    content = os.urandom(700_000)  # three pieces
    (folder / "file").write_bytes(content)
    assert lab.salt("m1", "cp.push", str(folder / "file")) == {"m1": True}
    kept = lab.master_dir() / "cache/minions/m1/files"
    assert (kept / str(folder / "file").lstrip("/")).read_bytes() == content
    assert lab.salt("m1", "cp.push", str(folder / "file"), "upload_path=/other/name") == {"m1": True}
    assert (kept / "other/name").read_bytes() == content


def test_what_is_larger_than_the_master_takes_is_not_kept(lab, folder):
    (folder / "large").write_bytes(b"x" * (1_200_000))
    done = lab.run("salt", "--out", "json", "--static", "m1", "cp.push", str(folder / "large"))
    assert '"m1": false' in done.stdout
    kept = lab.master_dir() / "cache/minions/m1/files" / str(folder / "large").lstrip("/")
    assert not kept.exists()


def test_a_directory_of_files_is_sent_with_their_modes(lab, folder):
    (folder / "src/sub").mkdir(parents=True)
    (folder / "src/empty").mkdir()
    content = os.urandom(2_500_000)
    (folder / "src/sub/large").write_bytes(content)
    (folder / "src/sub/large").chmod(0o751)
    done = salt_cp(lab, "-C", "m1", str(folder / "src"), str(folder / "out/new"))
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    large = folder / "out/new/src/sub/large"
    assert (large.read_bytes() == content, stat.S_IMODE(large.stat().st_mode)) == (True, 0o751)
    assert (folder / "out/new/src/empty").is_dir()


def test_a_text_is_sent_and_told_as_stock_tells_it(lab, folder):
    (folder / "a").write_text("é\n")
    done = salt_cp(lab, "*", str(folder / "a"), str(folder / "b"))
    assert done.stdout == f"m1:\n    ----------\n    {folder}/b:\n        True\n"
    assert (folder / "b").read_text() == "é\n"
    done = salt_cp(lab, "*", str(folder / "a"), str(folder / "no/b"), "--out", "json")
    assert (done.returncode, done.stdout) == (1, '{\n    "m1": "Destination unavailable"\n}\n')
