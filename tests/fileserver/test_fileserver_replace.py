"""`trisalt.fileserver.replace`: a file is replaced as a whole, with what it was."""

from __future__ import annotations

import os
import stat

import pytest

from trisalt.errors import CommandError
from trisalt.fileserver.replace import follow, replacing

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


def write(path, data, **options):
    with replacing(str(path), **options) as file:
        file.write(data)


def test_a_new_file_has_the_mode_of_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        write(tmp_path / "new", b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640


def test_a_new_file_has_the_mode_that_is_asked_for(tmp_path):
    write(tmp_path / "new", b"x", mode=0o600, sync=True)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o600


@root_only
def test_mode_owner_and_attributes_stay(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    os.chown(path, 65534, 65534)
    path.chmod(0o4755)
    os.setxattr(path, "user.note", b"mine")
    write(path, b"new", mode=0o600)
    info = path.stat()
    assert (path.read_bytes(), info.st_uid, info.st_gid) == (b"new", 65534, 65534)
    assert stat.S_IMODE(info.st_mode) == 0o4755
    assert os.getxattr(path, "user.note") == b"mine"


def test_what_raises_leaves_the_file_and_nothing_beside_it(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(TypeError), replacing(str(path)) as file:
        file.writelines([b"half", "no bytes"])
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_link_stays_and_what_it_names_is_replaced(tmp_path):
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "again").symlink_to(tmp_path / "link")
    write(tmp_path / "again", b"new")
    assert (tmp_path / "real").read_bytes() == b"new"
    assert os.readlink(tmp_path / "link") == "real"


def test_a_ring_of_links_is_refused(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(CommandError, match="Too many levels"):
        follow(str(tmp_path / "a"))


@root_only
@pytest.mark.parametrize(
    ("owner", "mode", "followed"), [(65534, 0o1777, False), (0, 0o1777, True), (65534, 0o755, True)]
)
def test_somebody_elses_link_in_an_open_directory_is_not_followed(tmp_path, owner, mode, followed):
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(mode)
    target = tmp_path / "secret"
    target.write_bytes(b"old")
    (folder / "link").symlink_to(target)
    os.chown(folder / "link", owner, owner, follow_symlinks=False)
    if followed:
        write(folder / "link", b"new")
    else:
        with pytest.raises(CommandError, match="somebody else's link"):
            write(folder / "link", b"new")
    assert target.read_bytes() == (b"new" if followed else b"old")


def test_a_pipe_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(CommandError, match="not a regular file"):
        write(tmp_path / "pipe", b"x")
