"""What programs say that depends on nothing but themselves: remembered, and never longer than it is true."""

import os
import shutil
import subprocess
import sys

import pytest

from trisalt.plugins.utils import probe


@pytest.fixture
def program(tmp_path, monkeypatch):
    """A program of its own, `constant` of it, and how often it has been run."""
    runs = []
    real = probe.run
    monkeypatch.setattr(probe, "run", lambda argv: runs.append(argv) or real(argv))
    monkeypatch.setattr(probe, "_SETTLED", 0.0)
    path = tmp_path / "said"
    shutil.copy("/bin/echo", path)
    (tmp_path / "lib").mkdir()

    def constant(*words, **how):
        return probe.constant([str(path), *words], str(tmp_path / "kept"), beside=[str(tmp_path / "lib")], **how)

    constant.path, constant.runs, constant.lib = path, runs, tmp_path / "lib"
    return constant


def test_it_is_run_once(program):
    assert [program("a"), program("a"), program("b"), program("b")] == ["a\n", "a\n", "b\n", "b\n"]
    assert len(program.runs) == 2


def test_another_file_in_its_place_is_run(program):
    assert program("a") == "a\n"
    fresh = program.path.with_name("fresh")
    shutil.copy("/bin/printf", fresh)
    os.replace(fresh, program.path)
    assert program("a") == "a"


def test_the_same_file_changed_is_run_though_its_time_was_set_back(program):
    program("a")
    times = os.stat(program.path)
    with program.path.open("ab") as file:
        file.truncate(times.st_size)
    os.utime(program.path, ns=(times.st_atime_ns, times.st_mtime_ns))
    program("a")
    assert len(program.runs) == 2


def test_it_is_run_when_a_library_beside_it_has_come(program):
    program("a")
    (program.lib / "libsaid.so").touch()
    program("a")
    assert len(program.runs) == 2


def test_what_was_changed_a_moment_ago_is_not_remembered(program, monkeypatch):
    monkeypatch.setattr(probe, "_SETTLED", 3600.0)
    assert (program("a"), program("a")) == ("a\n", "a\n")
    assert len(program.runs) == 2


def test_what_depends_on_the_boot_is_run_anew_after_another(program, monkeypatch):
    boots = iter(["one", "one", "two", None, "two"])
    monkeypatch.setattr(probe, "this_boot", lambda: (boot := next(boots)) and (boot,))
    for _ in range(5):
        assert program("a", boot=True) == "a\n"
    assert len(program.runs) == 3


def test_a_container_was_not_booted_as_its_host(tmp_path):
    code = "from trisalt.plugins.utils.probe import this_boot; print(this_boot())"
    here, there = (
        subprocess.run([*before, sys.executable, "-c", code], capture_output=True, text=True, check=False)
        for before in ([], ["unshare", "--pid", "--fork", "--mount-proc"])
    )
    if there.returncode:
        pytest.skip("needs to be let have a namespace")
    assert here.stdout == f"{probe.this_boot()}\n"
    assert there.stdout != here.stdout


def test_a_script_is_always_run(program):
    program.path.write_text('#!/bin/sh\necho "$1"\n')
    assert (program("a"), program("a")) == ("a\n", "a\n")
    assert len(program.runs) == 2


def test_a_program_that_is_not_there_says_nothing(tmp_path):
    assert probe.constant(["no-such-program"], str(tmp_path)) == ""


def test_what_others_could_have_written_is_not_believed(program, tmp_path):
    program("a")
    os.chmod(tmp_path / "kept", 0o777)
    assert program("a") == "a\n"
    assert len(program.runs) == 2
