"""Finding by itself: what must not be followed, run or removed. What it answers is compared with stock's."""

import os

import pytest

from trisalt.errors import CommandError
from trisalt.loader.dunders import Plugins
from trisalt.plugins.utils import filefind, filesys


@pytest.fixture
def salt(tmp_path):
    return Plugins({"id": "m1", "cachedir": str(tmp_path / "cache")}, grains={}, pillar={}).loader("modules")


def test_a_name_is_one_argument_of_a_command_whatever_it_holds(salt, tmp_path):
    name = "a b; touch $(echo x) 'q'"
    (tmp_path / name).write_text("")
    answer = salt["file.find"](str(tmp_path), type="f", exec="printf <%s> {}")
    assert answer == [f"printf <%s> {tmp_path}/{name}:\n<{tmp_path}/{name}>\n"]
    assert os.listdir(tmp_path) == [name]


def test_a_link_below_is_found_and_never_gone_into_or_removed_for_what_it_leads_to(salt, tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/file").write_text("")
    (tmp_path / "top").mkdir()
    (tmp_path / "top/link").symlink_to(tmp_path / "kept")
    assert salt["file.find"](str(tmp_path / "top")) == [str(tmp_path / "top"), str(tmp_path / "top/link")]
    assert salt["file.find"](str(tmp_path / "top"), mindepth=1, delete="d") == []
    assert salt["file.find"](str(tmp_path / "top"), mindepth=1, delete="l") == [str(tmp_path / "top/link")]
    assert (tmp_path / "kept/file").exists()


def test_a_ring_of_links_ends(salt, tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert salt["file.find"](str(tmp_path), type="l") == [str(tmp_path / "a"), str(tmp_path / "b")]


def test_what_cannot_be_removed_is_an_error_of_the_call(salt, tmp_path, monkeypatch):
    (tmp_path / "a/sub").mkdir(parents=True)
    monkeypatch.setattr(filesys, "mounts", lambda: [str(tmp_path / "a/sub")])
    with pytest.raises(CommandError, match="a file system is mounted at"):
        salt["file.find"](str(tmp_path / "a"), type="d", delete="d")
    assert (tmp_path / "a/sub").is_dir()


def test_everything_is_removed_only_after_it_was_told_and_run(salt, tmp_path):
    (tmp_path / "f").write_text("content")
    answer = salt["file.find"](str(tmp_path), name="f", delete="f", exec="cat {}", print="size")
    assert sorted(map(str, answer)) == sorted([str(tmp_path / "f"), "7", f"cat {tmp_path}/f:\ncontent\n"])
    assert not (tmp_path / "f").exists()


@pytest.mark.parametrize(
    ("value", "seconds"), [("1w", 604800), ("1d2h", 93600), ("1w 2d 3h 4m 5s", 788645), ("0.5h", 1800), ("90s", 90)]
)
def test_times_are_sums_of_units(tmp_path, value, seconds):
    path = tmp_path / "f"
    path.write_text("")
    now = path.stat().st_mtime
    for age, older in ((seconds - 20, False), (seconds + 20, True)):
        os.utime(path, (now, now - age))
        found = filefind.Finder({"mtime": f"+{value}", "type": "f"}).find(str(tmp_path))
        assert found == ([str(path)] if older else [])
        assert bool(filefind.Finder({"mtime": f"-{value}", "type": "f"}).find(str(tmp_path))) is not older


def test_a_mistake_says_so_and_the_job_has_failed(tmp_path):
    plugins = Plugins({"id": "m1", "cachedir": str(tmp_path / "cache")}, grains={}, pillar={})
    assert plugins.loader("modules")["file.find"](str(tmp_path), tpye="f") == 'error: invalid option "tpye"'
    assert plugins.context["retcode"] == 1


def test_open_files_are_told_from_both_sides(salt, tmp_path):
    with open(tmp_path / "held", "w"):
        assert os.getpid() in salt["file.open_files"]()[str(tmp_path / "held")]
        assert str(tmp_path / "held") in salt["file.open_files"](by_pid=True)[os.getpid()]
