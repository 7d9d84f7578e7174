"""Editing by itself: atomicity, what is kept, and the arithmetic of lines. What it answers is compared with stock's."""

import os
import re
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trisalt.errors import CommandError
from trisalt.loader.dunders import Plugins
from trisalt.plugins.utils import filediff, fileedit
from trisalt.plugins.utils.fileline import Line


@pytest.fixture
def salt(tmp_path):
    opts = {"id": "m1", "cachedir": str(tmp_path / "cache"), "hash_type": "sha256"}
    return Plugins(opts, grains={}, pillar={}).loader("modules")


LINES = st.lists(st.text("ab \t", max_size=3), max_size=6)


@given(lines=LINES, content=st.text("abx ", min_size=1, max_size=3), last=st.sampled_from(["", "\n"]))
def test_a_line_that_was_ensured_needs_nothing_more(lines, content, last):
    text = "\n".join(["anchor", *lines]) + last
    wanted = Line(mode="ensure", content=content.strip() or "x", after="^anchor$")
    once = wanted.apply(text)
    assert wanted.apply(once) == once
    assert len(once.splitlines()) - len(text.splitlines()) in (0, 1)


@given(lines=LINES, pattern=st.sampled_from(["a", "^a", "b$", "^$"]))
def test_what_is_deleted_are_the_first_match_and_its_equals(lines, pattern):
    text = "".join(f"{line}\n" for line in lines)
    left = Line(mode="delete", match=pattern).apply(text).splitlines()
    gone = next((line for line in lines if re.search(pattern, line)), None)
    assert left == [line for line in lines if line != gone]


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_any_two_contents_have_a_difference_unless_they_are_one(old, new):
    assert bool(filediff.between(old, new)) == (old != new)


@given(st.text("ab\n", max_size=20), st.text("ab", min_size=1, max_size=4))
def test_a_block_that_was_put_in_is_found_again(text, content):
    block = fileedit.Block(start=b"# S", end=b"# E", content=f"{content}\n".encode(), append=True)
    once = block.apply(text.encode())
    assert block.apply(once) == once
    assert once.startswith(text.encode())


def test_what_is_kept_beside_a_secret_is_a_secret(salt, tmp_path):
    path = tmp_path / "secret"
    path.write_text("password=1\n")
    path.chmod(0o600)
    salt["file.replace"](str(path), "1", "2")
    assert (tmp_path / "secret.bak").read_text() == "password=1\n"
    assert stat.S_IMODE((tmp_path / "secret.bak").stat().st_mode) == 0o600
    salt["file.line"](str(path), "x", mode="insert", location="start", backup=True)
    kept = [name for name in os.listdir(tmp_path) if name.startswith("secret.2")]
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in kept] == [0o600]


def test_other_names_of_a_file_are_kept_or_left_behind_as_asked(salt, tmp_path):
    path, other = tmp_path / "a", tmp_path / "b"
    path.write_text("one\n")
    os.link(path, other)
    salt["file.replace"](str(path), "one", "two", backup=False)
    assert other.read_text() == "two\n"
    salt["file.replace"](str(path), "two", "three", backup=False, preserve_inode=False)
    assert (path.read_text(), other.read_text()) == ("three\n", "two\n")


def test_a_pattern_that_is_none_is_said_and_changes_nothing(salt, tmp_path):
    path = tmp_path / "a"
    path.write_text("one\n")
    for call in (
        lambda: salt["file.replace"](str(path), "(", "x"),
        lambda: salt["file.comment"](str(path), "("),
        lambda: salt["file.contains_regex"](str(path), "("),
        lambda: salt["file.blockreplace"](str(path), content="x", insert_after_match="("),
    ):
        with pytest.raises(CommandError, match="is no regular expression"):
            call()
    with pytest.raises(CommandError, match="unknown encoding: nosuch"):
        salt["file.replace"](str(path), "o", "x", encoding="nosuch")
    assert os.listdir(tmp_path) == ["a"]
    assert path.read_text() == "one\n"


def test_a_kept_version_is_restored_whole(salt, tmp_path):
    path = tmp_path / "a"
    root = tmp_path / "cache/file_backup"
    from trisalt.plugins.utils import filebackup

    for content in ("one", "two"):
        path.write_text(content)
        path.chmod(0o640)
        filebackup.keep(str(root), str(path))
    path.unlink()
    (root / str(tmp_path).lstrip("/") / "a_other").write_text("no version")
    found = salt["file.list_backups"](str(path))
    assert [row["Size"] for row in found.values()] == [3, 3]
    assert salt["file.list_backups"](str(path), 1) == {0: found[0]}
    assert salt["file.list_backups_dir"](str(tmp_path)) == {"a": found}
    assert salt["file.restore_backup"](str(path), 1)["result"] is True
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("one", 0o640)
    assert salt["file.restore_backup"](str(path), 0)["result"] is True
    assert path.read_text() == "two"
    assert len(salt["file.list_backups"](str(path))) == 3
    assert salt["file.delete_backup"](str(path), 0)["result"] is True
    assert salt["file.remove_backup"](str(path), "5") == {
        "result": False,
        "comment": f"backup_id '5' does not exist for {path}",
    }
