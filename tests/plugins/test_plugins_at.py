"""The execution module `at`: real jobs of Debian's at, all of them taken out again."""

import os
import subprocess

import pytest

from tests.support.debian import need
from tests.support.names import new_name
from trisalt.errors import CommandError
from trisalt.loader.dunders import Plugins

as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root may run a command as somebody else")


@pytest.fixture
def plugins(tmp_path):
    need("at")
    return Plugins({"id": "m1", "cachedir": str(tmp_path), "extension_modules": str(tmp_path / "extmods")})


@pytest.fixture
def tag(salt):
    """A word that no other job has; the jobs with it are gone afterwards."""
    tag = new_name()
    yield tag
    for row in salt["at.atq"](tag)["jobs"]:
        subprocess.run(["atrm", str(row["job"])], check=True)


def test_a_job_is_made_found_shown_and_removed(salt, tag):
    made = salt["at.at"]("3:05am +40 days", "/bin/echo one", "two", tag=tag)
    (row,) = made["jobs"]
    assert (row["time"], row["queue"], row["tag"]) == ("03:05:00", "a", tag)
    assert salt["at.atq"](tag) == salt["at.atq"](row["job"]) == made
    assert row in salt["at.atq"]()["jobs"]
    script = salt["at.atc"](row["job"])
    assert script.startswith("#!/bin/sh\n")
    assert script.rstrip().endswith(f"### SALT: {tag}\n/bin/echo one two")
    assert salt["at.atrm"](row["job"], 99999999) == {"jobs": {"removed": [str(row["job"])], "tag": None}}
    assert salt["at.atq"](tag) == {"jobs": []}


def test_all_jobs_with_a_tag_are_removed(salt, tag):
    jobs = [salt["at.at"]("now + 2 days", "true", tag=tag)["jobs"][0]["job"] for _ in range(2)]
    found = salt["at.atrm"]("all", tag)["jobs"]
    assert (sorted(found["removed"]), found["tag"]) == (sorted(map(str, jobs)), tag)


def test_jobs_are_checked_by_conditions(salt, tag):
    (row,) = salt["at.at"]("4:05am 2031-03-02", "true", tag=tag)["jobs"]
    for conditions in [
        {"hour": 4}, {"hour": "04", "minute": 5}, {"year": 31}, {"year": 2031}, {"month": 3, "day": 2},
        {"runas": row["user"]},
    ]:  # fmt: skip
        assert salt["at.jobcheck"](tag=tag, **conditions) == {"jobs": [row]}, conditions
    assert salt["at.jobcheck"](tag=tag, hour=5) == {"jobs": [], "note": "No match jobs or time format error"}
    assert salt["at.jobcheck"](__pub_fun="at.jobcheck") == {"error": "You have given a condition"}
    with pytest.raises(CommandError, match="are numbers"):
        salt["at.jobcheck"](hour="late")


@pytest.mark.parametrize("when", ["nonsense", "-f /etc/passwd", "4:05am 2001-01-01"])
def test_what_is_no_time_is_told(salt, plugins, tag, when):
    assert salt["at.at"](when, "true", tag=tag) == {"jobs": [], "error": "invalid timespec"}
    assert plugins.context["retcode"] == 1
    assert salt["at.atq"](tag) == {"jobs": []}


def test_there_is_nothing_to_do_without_a_command(salt):
    assert salt["at.at"]("12:05am") == salt["at.at"]() == {"jobs": []}


@pytest.mark.parametrize("job", [99999999, "nonsense"])
def test_a_job_that_is_not_there(salt, plugins, job):
    assert salt["at.atc"](job) == {"error": f"invalid job id '{job}'"}
    assert plugins.context.pop("retcode") == 1
    assert salt["at.atrm"](job) == {"jobs": {"removed": [], "tag": None}}
    assert plugins.context["retcode"] == 1


@as_root
def test_whose_job_it_is(salt, plugins, tag):
    with pytest.raises(CommandError, match="User 'trisalt-nobody' is not available"):
        salt["at.at"]("now + 2 days", "true", tag=tag, runas="trisalt-nobody")
    # Debian lets the accounts of its own services make no jobs.
    found = salt["at.at"]("now + 2 days", "true", tag=tag, runas="www-data")
    assert found["jobs"] == []
    assert "permission" in found["error"]
    assert plugins.context["retcode"] == 1


def test_a_tag_is_one_line(salt):
    with pytest.raises(CommandError, match="A tag is one line"):
        salt["at.at"]("now + 2 days", "true", tag="a\nrm -rf /x")


def test_without_at_the_module_says_so(plugins, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    plugins.reload()
    assert plugins.loader("modules").missing_reason("at.atq").endswith("the at command is not available")
