"""The execution module `cron`: crontabs as text, and real ones by Debian's cron."""

import os
import subprocess

import pytest

from tests.support.debian import need
from tests.support.names import open_names
from trisalt.errors import CommandError
from trisalt.loader.dunders import Plugins
from trisalt.plugins.utils import crontab

HEAD = "# Lines below here are managed by Salt, do not edit\n"
TAB = (
    "# mine\nSHELL=/bin/sh\n0 1 * * * /bin/own\n\n"
    + HEAD
    + "# a comment SALT_CRON_IDENTIFIER:x1\n1 2 3 4 5 /bin/x1 % in\n# first\n# second SALT_CRON_IDENTIFIER:x2\n"
    "#DISABLED#1 2 3 4 5 /bin/x2\n# SALT_CRON_IDENTIFIER:x3\n@reboot /bin/x3\n#DISABLED#@weekly /bin/x4\n"
    'FOO="bar baz"\nX = y\n#plain\n1\t2 3  4 5   spaced   cmd\n'
)


def row(minute="*", hour="*", daymonth="*", month="*", dayweek="*", cmd="/bin/a", **about):
    times = {"minute": minute, "hour": hour, "daymonth": daymonth, "month": month, "dayweek": dayweek}
    return {**times, "cmd": cmd, "identifier": None, "comment": None, "commented": False, **about}


# -- text and data ---------------------------------------------------------------------------------------------


def test_a_crontab_is_read():
    about = {"minute": "1", "hour": "2", "daymonth": "3", "month": "4", "dayweek": "5"}
    assert crontab.parse(TAB) == {
        "pre": ["# mine", "SHELL=/bin/sh", "0 1 * * * /bin/own", ""],
        "crons": [
            row(**about, cmd="/bin/x1 % in", identifier="x1", comment="a comment"),
            row(**about, cmd="/bin/x2", identifier="x2", comment="first\nsecond", commented=True),
            row(**about, cmd="  spaced   cmd", comment="plain"),
        ],
        "special": [
            {"spec": "@reboot", "cmd": "/bin/x3", "identifier": "x3", "comment": "", "commented": False},
            {"spec": "@weekly", "cmd": "/bin/x4", "identifier": None, "comment": None, "commented": True},
        ],
        "env": [{"name": "FOO", "value": '"bar baz"'}, {"name": "X", "value": "y"}],
    }


def test_what_is_written_is_read_the_same():
    tab = crontab.parse(TAB)
    text = crontab.render(tab)
    assert crontab.parse(text) == tab
    assert crontab.render(crontab.parse(text)) == text
    assert text.startswith(TAB[: TAB.index(HEAD)] + HEAD)


def test_a_crontab_without_jobs_of_ours_stays_as_it_is():
    assert crontab.render(crontab.parse("# mine\n1 1 * * * x\n")) == "# mine\n1 1 * * * x\n"
    assert crontab.render(crontab.parse("")) == ""


@pytest.mark.parametrize(
    ("known", "cmd", "identifier", "found"),
    [
        (None, "/bin/a", None, True),
        (None, "/bin/a", "id", True),
        (None, "/bin/b", "id", False),
        ("id", "/bin/a", None, False),
        ("id", "/bin/b", "id", True),
        ("id", "/bin/a", "other", False),
        ("5", "/bin/b", 5, True),
        ("NO ID SET", "/bin/a", None, True),
    ],
)
def test_a_job_is_found_by_its_identifier_or_its_command(known, cmd, identifier, found):
    assert crontab.matches(row(identifier=known), cmd, identifier) is found


@pytest.mark.parametrize(
    "arguments",
    [
        {"times": {"minute": "1\n* * * * * root"}, "cmd": "x"},
        {"times": {"minute": "1 2"}, "cmd": "x"},
        {"times": {"minute": ""}, "cmd": "x"},
        {"times": {"minute": 1}, "cmd": "x\ny"},
        {"times": {"minute": 1}, "cmd": "x", "identifier": "a\nb"},
    ],
)
def test_a_job_is_one_line(arguments):
    with pytest.raises(CommandError, match="of a cron job is one"):
        crontab.job(arguments.pop("times"), arguments.pop("cmd"), **arguments)


def test_a_comment_is_not_read_as_an_identifier():
    with pytest.raises(CommandError, match="would be read as its identifier"):
        crontab.job({"spec": "@daily"}, "x", comment="SALT_CRON_IDENTIFIER:other", identifier="mine")


def test_an_identifier_is_found_again_with_spaces_around_it():
    wanted = crontab.job({"spec": "@daily"}, "x", identifier=" i ")
    answer, tab = crontab.place(crontab.parse(""), wanted)
    assert (answer, crontab.place(crontab.parse(crontab.render(tab)), wanted)[0]) == ("new", "present")


@pytest.mark.parametrize(("name", "value"), [("A B", "x"), ("A", "x\ny"), ("1A", "x"), ("", "x"), ("A\n", "x")])
def test_a_variable_is_one_line(name, value):
    with pytest.raises(CommandError, match="A crontab cannot hold"):
        crontab.assign(crontab.parse(""), name, value)


# -- real crontabs ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def user():
    need("cron")
    with open_names(1) as names:
        subprocess.run(["useradd", "-M", names[0]], check=True)
        try:
            yield names[0]
        finally:
            subprocess.run(["crontab", "-u", names[0], "-r"], capture_output=True, check=False)


@pytest.fixture
def plugins(tmp_path, user):
    subprocess.run(["crontab", "-u", user, "-r"], capture_output=True, check=False)
    return Plugins({"id": "m1", "cachedir": str(tmp_path), "extension_modules": str(tmp_path / "extmods")})


def test_jobs_come_change_and_go(salt, user):
    assert salt["cron.raw_cron"](user) == ""
    assert salt["cron.set_job"](user, "*", "*", "*", "*", 1, "/bin/a") == "new"
    assert salt["cron.set_job"](user, "*", "*", "*", "*", 1, "/bin/a") == "present"
    assert (
        salt["cron.set_job"](user, 5, "*/2", "1-3", "jan", "mon", "/bin/b % x", comment="one\ntwo", identifier="b")
        == "new"
    )
    assert salt["cron.raw_cron"](user) == (
        HEAD + "* * * * 1 /bin/a\n# one\n# two SALT_CRON_IDENTIFIER:b\n5 */2 1-3 jan mon /bin/b % x\n"
    )
    assert salt["cron.set_job"](user, 5, "*/2", "1-3", "jan", "mon", "/bin/b2", identifier="b") == "updated"
    assert (
        salt["cron.set_job"](user, 5, "*/2", "1-3", "jan", "mon", "/bin/b2", identifier="b", commented=True)
        == "updated"
    )
    entry = salt["cron.get_entry"](user, identifier="b")
    assert (entry["cmd"], entry["comment"], entry["commented"]) == ("/bin/b2", "one\ntwo", True)
    assert salt["cron.get_entry"](user, cmd="/bin/a")["dayweek"] == "1"
    assert salt["cron.get_entry"](user, "nosuch") is False
    assert salt["cron.rm_job"](user, "/bin/a", dayweek=2) == "absent"
    assert salt["cron.rm_job"](user, "/bin/a", dayweek=1) == "removed"
    assert salt["cron.rm"](user, "whatever", identifier="b") == "removed"
    assert salt["cron.rm"](user, "whatever", identifier="b") == "absent"
    assert salt["cron.list_tab"](user) == salt["cron.ls"](user) == {"pre": [], "crons": [], "special": [], "env": []}


def test_jobs_with_a_named_time(salt, user):
    assert salt["cron.set_job"](user, 1, "*", "*", "*", "*", "/bin/s") == "new"
    assert salt["cron.set_special"](user, "@hourly", "/bin/s") == "updated"
    assert salt["cron.set_special"](user, "@hourly", "/bin/s") == "present"
    assert salt["cron.set_special"](user, "@daily", "/bin/t", identifier="t", comment="c") == "new"
    assert salt["cron.raw_cron"](user) == HEAD + "@hourly /bin/s\n# c SALT_CRON_IDENTIFIER:t\n@daily /bin/t\n"
    assert salt["cron.get_entry"](user, identifier="t")["spec"] == "@daily"
    assert salt["cron.rm_special"](user, "/bin/s", "@daily") == "absent"
    assert salt["cron.rm_special"](user, "/bin/s", "@hourly") == "removed"
    assert salt["cron.rm_special"](user, "x", identifier="t") == "removed"


def test_a_random_time_is_chosen_once(salt, user):
    assert (
        salt["cron.set_job"](user, "random", "random", "random", "random", "random", "/bin/r", identifier="r") == "new"
    )
    text = salt["cron.raw_cron"](user)
    assert (
        salt["cron.set_job"](user, "random", "random", "random", "random", "random", "/bin/r", identifier="r")
        == "present"
    )
    assert salt["cron.raw_cron"](user) == text
    assert "random" not in text


def test_variables(salt, user):
    assert salt["cron.set_env"](user, "MAILTO", "me@x") == "new"
    assert salt["cron.set_env"](user, "MAILTO", "me@x") == "present"
    assert salt["cron.set_env"](user, "MAILTO", "you@x") == "updated"
    assert salt["cron.set_env"](user, "EMPTY") == "new"
    assert salt["cron.set_env"](user, "EMPTY", "") == "present"
    assert salt["cron.raw_cron"](user) == HEAD + 'MAILTO=you@x\nEMPTY=""\n'
    assert salt["cron.rm_env"](user, "EMPTY") == "removed"
    assert salt["cron.rm_env"](user, "EMPTY") == "absent"


@pytest.mark.parametrize("times", [("61", "2"), ("nonsense", "2")])
def test_a_crontab_that_is_refused_is_not_written(salt, plugins, user, times):
    salt["cron.set_job"](user, 1, 1, 1, 1, 1, "/bin/kept")
    before = salt["cron.raw_cron"](user)
    answer = salt["cron.set_job"](user, *times, "*", "*", "*", "/bin/e")
    assert "bad minute" in answer
    assert "errors in crontab file, can't install." in answer
    assert plugins.context["retcode"] == 1
    assert salt["cron.raw_cron"](user) == before


def test_what_is_the_users_own_is_never_touched(salt, user, tmp_path):
    path = tmp_path / "tab"
    path.write_text(TAB)
    assert salt["cron.write_cron_file"](user, str(path)) is True
    assert salt["cron.set_job"](user, "1", "1", "*", "*", "*", "/bin/own") == "new"
    assert salt["cron.rm_job"](user, "/bin/own") == "removed"
    assert salt["cron.raw_cron"](user).startswith(TAB[: TAB.index(HEAD)] + HEAD)
    assert salt["cron.list_tab"](user) == crontab.parse(TAB)


def test_a_file_that_is_no_crontab(salt, plugins, user, tmp_path):
    path = tmp_path / "tab"
    path.write_text("nonsense here\n")
    assert salt["cron.write_cron_file"](user, str(path)) is False
    assert plugins.context["retcode"] == 1
    found = salt["cron.write_cron_file_verbose"](user, "/nonexistent")
    assert (found["retcode"], found["stderr"]) == (1, "/nonexistent: No such file or directory")
    assert salt["cron.raw_cron"](user) == ""


def test_nobody_has_no_crontab(salt, plugins):
    assert salt["cron.list_tab"]("trisalt-nobody") == {"pre": [], "crons": [], "special": [], "env": []}
    assert salt["cron.set_job"]("trisalt-nobody", 1, 1, 1, 1, 1, "x") == "crontab:  user `trisalt-nobody' unknown"
    assert plugins.context["retcode"] == 1


@pytest.mark.skipif(os.getuid() != 0, reason="only root reads another's crontab")
def test_a_crontab_that_cannot_be_read_is_not_taken_for_empty(salt, user, tmp_path, monkeypatch):
    program = tmp_path / "crontab"
    program.write_text("#!/bin/sh\necho 'crontab: disk is gone' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(CommandError, match=r"^crontab: disk is gone$"):
        salt["cron.set_job"](user, 1, 1, 1, 1, 1, "x")


def test_without_crontab_the_module_says_so(plugins, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    plugins.reload()
    assert plugins.loader("modules").missing_reason("cron.ls") == (
        "'cron' __virtual__ returned False: "
        "The cron execution module cannot be loaded: the crontab command is not available"
    )
