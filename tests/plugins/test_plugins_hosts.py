"""The execution module `hosts`, on a file of the test's own."""

import json
import os
import subprocess
import sys

import pytest

from trisalt.errors import CommandError
from trisalt.loader.dunders import Plugins

TEXT = """# head
127.0.0.1 localhost lo   # loop

::1\tlocalhost ip6
10.0.0.1 a b c
10.0.0.1 d
bad
10.0.0.2   only
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "hosts"
    path.write_text(TEXT)
    path.chmod(0o640)
    return path


@pytest.fixture
def salt(tmp_path, file):
    opts = {"id": "m1", "cachedir": str(tmp_path), "extension_modules": str(tmp_path / "x"), "hosts.file": str(file)}
    return Plugins(opts).loader("modules")


def test_the_file_is_read(salt):
    assert salt["hosts.list_hosts"]() == {
        "comment-0": ["# head"],
        "127.0.0.1": {"aliases": ["localhost", "lo"], "comment": "loop"},
        "::1": {"aliases": ["localhost", "ip6"]},
        "10.0.0.1": {"aliases": ["a", "b", "c", "d"]},
        "bad": {"aliases": []},
        "10.0.0.2": {"aliases": ["only"]},
    }
    assert [salt["hosts.get_ip"](name) for name in ("a", "localhost", "nosuch", "")] == [
        "10.0.0.1",
        "127.0.0.1",
        "",
        "",
    ]
    assert salt["hosts.get_alias"]("10.0.0.1") == ["a", "b", "c", "d"]
    assert salt["hosts.get_alias"]("9.9.9.9") == salt["hosts.get_alias"]("comment-0") == []
    pairs = [("10.0.0.1", "d"), ("10.0.0.1", ["a", "d"]), ("10.0.0.1", ["a", "x"]), ("9.9.9.9", "d")]
    assert [salt["hosts.has_pair"](*pair) for pair in pairs] == [True, True, False, False]


@pytest.mark.parametrize(
    ("function", "args", "old", "new"),
    [
        ("set_host", ["10.0.0.1", "new more"], "10.0.0.1 a b c\n10.0.0.1 d\n", "10.0.0.1\t\tnew more\n"),
        ("set_host", ["10.0.0.1", ["new", "more"]], "10.0.0.1 a b c\n10.0.0.1 d\n", "10.0.0.1\t\tnew more\n"),
        ("set_host", ["10.0.0.1", " "], "10.0.0.1 a b c\n10.0.0.1 d\n", ""),
        ("set_host", ["10.0.0.2", "only", "why"], "10.0.0.2   only\n", "10.0.0.2\t\tonly\t\t# why\n"),
        ("set_host", ["10.0.0.9", "nine"], "10.0.0.2   only\n", "10.0.0.2   only\n10.0.0.9\t\tnine\n"),
        ("rm_host", ["10.0.0.1", "b"], "10.0.0.1 a b c\n", "10.0.0.1\t\ta c\n"),
        ("rm_host", ["10.0.0.1", ["a", "c"]], "10.0.0.1 a b c\n", "10.0.0.1\t\tb\n"),
        ("rm_host", ["10.0.0.1", "d"], "10.0.0.1 d\n", ""),
        ("rm_host", ["127.0.0.1", "lo"], "127.0.0.1 localhost lo   # loop\n", "127.0.0.1\t\tlocalhost\t\t# loop\n"),
        ("rm_host", ["10.0.0.2", "nosuch"], "", ""),
        ("add_host", ["10.0.0.1", "e"], "10.0.0.1 a b c\n10.0.0.1 d\n", "10.0.0.1\t\ta b c d e\n"),
        ("add_host", ["10.0.0.1", "b"], "", ""),
        (
            "add_host",
            ["127.0.0.1", "f g"],
            "127.0.0.1 localhost lo   # loop\n",
            "127.0.0.1\t\tlocalhost lo f g\t\t# loop\n",
        ),
        ("add_host", ["fe80::7", "g"], "10.0.0.2   only\n", "10.0.0.2   only\nfe80::7\t\tg\n"),
        ("set_comment", ["10.0.0.2", "why"], "10.0.0.2   only\n", "10.0.0.2\t\tonly\t\t# why\n"),
        ("set_comment", ["127.0.0.1", "loop"], "", ""),
    ],
)
def test_one_line_changes_and_the_others_stay(salt, file, function, args, old, new):
    assert salt[f"hosts.{function}"](*args) is True
    assert file.read_text() == (TEXT.replace(old, new) if old else TEXT)
    assert file.stat().st_mode & 0o777 == 0o640


def test_there_is_no_comment_without_an_address(salt, file):
    assert salt["hosts.set_comment"]("10.0.0.99", "x") is False
    assert file.read_text() == TEXT


@pytest.mark.parametrize(
    ("function", "args"),
    [
        ("set_host", ["nonsense", "x"]), ("add_host", ["10.0.0", "x"]), ("add_host", ["10.0.0.1", "a#b"]),
        ("add_host", ["10.0.0.1\n6.6.6.6", "x"]), ("add_host", ["10.0.0.1", ""]),
        ("set_host", ["10.0.0.1", "x", "c\n6.6.6.6 evil"]), ("set_comment", ["10.0.0.1", "c\n6.6.6.6 evil"]),
    ],
)  # fmt: skip
def test_what_would_be_another_line_is_refused(salt, file, function, args):
    with pytest.raises(CommandError):
        salt[f"hosts.{function}"](*args)
    assert file.read_text() == TEXT


def test_a_file_that_is_not_there_is_made_and_one_without_an_end_is_ended(salt, file):
    file.write_text("1.1.1.1 x")
    assert salt["hosts.add_host"]("2.2.2.2", "y")
    assert file.read_text() == "1.1.1.1 x\n2.2.2.2\t\ty\n"
    file.unlink()
    assert salt["hosts.list_hosts"]() == {}
    assert salt["hosts.set_host"]("2.2.2.2", "y")
    assert file.read_text() == "2.2.2.2\t\ty\n"
    assert file.stat().st_mode & 0o777 == 0o644


def test_a_link_stays_a_link(salt, file, tmp_path):
    file.rename(tmp_path / "real")
    file.symlink_to("real")
    assert salt["hosts.add_host"]("2.2.2.2", "y")
    assert os.readlink(file) == "real"
    assert (tmp_path / "real").read_text() == TEXT + "2.2.2.2\t\ty\n"


def test_a_folder_that_may_not_be_written_is_told(salt, file):
    file.unlink()
    file.parent.joinpath("hosts").mkdir()
    with pytest.raises(CommandError, match=r"^Unable to read .*hosts: Is a directory$"):
        salt["hosts.add_host"]("2.2.2.2", "y")


JOB = """
import json, sys
from trisalt.loader.dunders import Plugins
opts, names = json.loads(sys.argv[1]), json.loads(sys.argv[2])
salt = Plugins(opts).loader("modules")
for name in names:
    salt["hosts.add_host"]("10.9.9.9", name)
"""


def test_two_jobs_at_once_lose_nothing(salt, file, tmp_path):
    opts = {"cachedir": str(tmp_path), "extension_modules": str(tmp_path / "x"), "hosts.file": str(file)}
    names = [[f"{job}-{number}" for number in range(40)] for job in "ab"]
    jobs = [subprocess.Popen([sys.executable, "-c", JOB, json.dumps(opts), json.dumps(some)]) for some in names]
    assert [job.wait(60) for job in jobs] == [0, 0]
    assert set(salt["hosts.get_alias"]("10.9.9.9")) == {*names[0], *names[1]}
    assert not list(tmp_path.glob(".hosts*"))
