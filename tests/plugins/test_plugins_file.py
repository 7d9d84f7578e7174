"""The shelf `file` by itself: what must not happen. What it answers is compared with stock's in `tests/interop`."""

import os
import stat

import pytest

from trisalt.errors import CommandError, InvocationError
from trisalt.loader.dunders import Plugins
from trisalt.plugins.utils import filesys


@pytest.fixture
def plugins(tmp_path):
    (tmp_path / "srv").mkdir()
    opts = {"id": "m1", "cachedir": str(tmp_path / "cache"), "file_roots": {"base": [str(tmp_path / "srv")]}}
    return Plugins({**opts, "file_client": "local", "hash_type": "sha256"}, grains={"os": "Debian"}, pillar={})


# -- removing -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(filesys.VITAL))
def test_what_a_host_lives_by_is_never_removed_nor_what_holds_it(path):
    with pytest.raises(CommandError, match=f"Refusing to remove {path}: this host cannot do without it"):
        filesys.refuse_vital(path)


@pytest.mark.parametrize("mount", ["/srv/app", "/srv/app/data", "/srv/app/a b"])
def test_a_directory_on_which_something_is_mounted_is_not_removed(mount):
    with pytest.raises(CommandError, match=f"a file system is mounted at {mount}"):
        filesys.refuse_vital("/srv/app", ["/proc", mount])
    filesys.refuse_vital("/srv/app", ["/srv/application", "/srv"])


def test_the_mounts_of_this_host_are_seen():
    assert {"/", "/proc"} <= set(filesys.mounts())


@pytest.mark.parametrize("way", ["{}/link", "{}/link/", "{}/other/../link//"])
def test_a_link_is_removed_and_never_what_it_leads_to(salt, tmp_path, way):
    (tmp_path / "kept/below").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "kept")
    assert salt["file.remove"](way.format(tmp_path)) is True
    assert not os.path.lexists(tmp_path / "link")
    assert (tmp_path / "kept/below").is_dir()


def test_a_path_is_where_the_kernel_finds_it(tmp_path):
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "link").symlink_to("a/b")
    assert filesys.place(f"{tmp_path}/link/..") == str(tmp_path / "a")
    assert filesys.place(f"{tmp_path}/link/../b") == str(tmp_path / "a/b")
    assert filesys.place(f"{tmp_path}/link/x/") == str(tmp_path / "a/b/x")
    assert filesys.place(f"{tmp_path}/link") == str(tmp_path / "link")


@pytest.mark.parametrize("path", ["a", "", ".", "../a"])
def test_only_an_absolute_path_is_removed(salt, tmp_path, path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvocationError, match="File path must be absolute"):
        salt["file.remove"](path)


def test_a_directory_goes_with_its_links_but_not_with_what_they_name(salt, tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/file").write_text("kept")
    (tmp_path / "gone/deep").mkdir(parents=True)
    (tmp_path / "gone/deep/out").symlink_to(tmp_path / "kept")
    assert salt["file.remove"](str(tmp_path / "gone")) is True
    assert not (tmp_path / "gone").exists()
    assert (tmp_path / "kept/file").read_text() == "kept"
    assert salt["file.remove"](str(tmp_path / "gone")) is False


# -- writing --------------------------------------------------------------------------------------------------------


def test_a_write_replaces_the_file_as_a_whole_and_keeps_who_it_is(salt, tmp_path):
    path = tmp_path / "conf"
    path.write_text("old\n")
    path.chmod(0o640)
    with path.open() as reader:
        salt["file.write"](str(path), "new")
        assert reader.read() == "old\n"
    assert path.read_text() == "new\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert sorted(os.listdir(tmp_path)) == ["conf", "srv"]


def test_an_append_goes_into_the_file_that_others_hold_open(salt, tmp_path):
    path = tmp_path / "log"
    path.write_text("one")
    inode = path.stat().st_ino
    salt["file.append"](str(path), "two")
    assert (path.read_text(), path.stat().st_ino) == ("one\ntwo\n", inode)


@pytest.mark.skipif(os.getuid() != 0, reason="needs another user")
def test_a_file_whose_directory_takes_no_other_is_written_where_it_is(tmp_path):
    folder = tmp_path / "closed"
    folder.mkdir()
    (folder / "switch").write_text("0")
    (folder / "switch").chmod(0o666)
    tmp_path.chmod(0o755)
    child = os.fork()
    if child == 0:
        os.chroot(tmp_path)  # whatever is above, somebody else may not pass
        os.setuid(65534)
        filesys.put("/closed/switch", b"1")
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert (folder / "switch").read_text() == "1"


def test_a_pipe_is_not_written_to(salt, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(CommandError, match="pipe is not a regular file"):
        salt["file.write"](str(tmp_path / "pipe"), "x")


def test_a_failure_of_the_system_is_one_sentence(salt, tmp_path):
    with pytest.raises(CommandError, match=r"\[Errno 2\] No such file or directory: .*nosuch"):
        salt["file.read"](str(tmp_path / "nosuch"))
    with pytest.raises(InvocationError, match="holds no NUL"):
        salt["file.read"](f"{tmp_path}/a\0b")


def test_a_directory_is_not_copied_into_itself(salt, tmp_path):
    (tmp_path / "d/sub").mkdir(parents=True)
    for dst in ("d", "d/sub/new"):
        with pytest.raises(CommandError, match="it is the same, or inside of it"):
            salt["file.copy"](str(tmp_path / "d"), str(tmp_path / dst), recurse=True, remove_existing=True)
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.glob("d/**/*")] == ["d/sub"]


# -- owners ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "bits"), [("0644", 0o644), (644, 0o644), ("0o755", 0o755), ("", 0), ("4755", 0o4755), ("7777", 0o7777)]
)
def test_modes_are_octal_however_they_are_written(mode, bits):
    assert filesys.octal(mode) == bits


@pytest.mark.parametrize("mode", ["x", "888", "-1", "77777", "rw"])
def test_what_is_no_mode_is_refused(mode):
    with pytest.raises(InvocationError, match=f"Invalid Mode {mode}"):
        filesys.octal(mode)


# -- in directories of somebody else's ------------------------------------------------------------------------------


def test_what_gets_a_mode_is_the_file_that_was_looked_at(salt, tmp_path, monkeypatch):
    name, victim = tmp_path / "name", tmp_path / "victim"
    for path in (name, victim):
        path.write_text("")
        path.chmod(0o640)
    chmod = os.chmod

    def meanwhile(path, mode):
        name.rename(tmp_path / "moved")
        name.symlink_to(victim)
        chmod(path, mode)

    monkeypatch.setattr(os, "chmod", meanwhile)
    salt["file.check_perms"](str(name), None, None, None, "0666")
    assert stat.S_IMODE(victim.stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "moved").stat().st_mode) == 0o666


@pytest.mark.parametrize("call", ["manage_file", "replace"])
def test_a_link_that_comes_meanwhile_is_not_followed(salt, tmp_path, monkeypatch, call):
    name, victim = tmp_path / "name", tmp_path / "victim"
    for path in (name, victim):
        path.write_text("old\n")
        path.chmod(0o640)
    rename = os.rename

    def meanwhile(src, dst):
        rename(src, dst)
        name.unlink()
        name.symlink_to(victim)

    monkeypatch.setattr(os, "rename", meanwhile)
    if call == "replace":
        salt["file.replace"](str(name), "old", "new", backup=False)
    else:
        salt["file.manage_file"](str(name), "", None, None, {}, None, None, "0666", None, "base", "", contents="new")
    assert (victim.read_text(), stat.S_IMODE(victim.stat().st_mode)) == ("old\n", 0o640)


def test_what_is_kept_beside_a_file_takes_the_place_of_a_link(salt, tmp_path):
    (tmp_path / "victim").write_text("victim")
    (tmp_path / "name").write_text("old\n")
    (tmp_path / "name.bak").symlink_to(tmp_path / "victim")
    salt["file.replace"](str(tmp_path / "name"), "old", "new")
    assert (tmp_path / "victim").read_text() == "victim"
    assert not (tmp_path / "name.bak").is_symlink()
    assert (tmp_path / "name.bak").read_text() == "old\n"


@pytest.mark.skipif(os.getuid() != 0, reason="needs another user")
@pytest.mark.parametrize(
    "call",
    [
        lambda salt, path: salt["file.write"](path, "x"),
        lambda salt, path: salt["file.append"](path, "x"),
        lambda salt, path: salt["file.prepend"](path, "x"),
        lambda salt, path: salt["file.touch"](path),
        lambda salt, path: salt["file.truncate"](path, 0),
        lambda salt, path: salt["file.seek_write"](path, "x", 0),
        lambda salt, path: salt["file.replace"](path, "kept", "x"),
        lambda salt, path: salt["file.line"](path, "x", mode="insert", location="start"),
        lambda salt, path: salt["file.comment"](path, "kept"),
        lambda salt, path: salt["file.sed"](path, "kept", "x"),
        lambda salt, path: salt["file.copy"](__file__, path),
        lambda salt, path: salt["file.manage_file"](
            path, "", None, None, {}, None, None, None, None, "base", "", contents="x"
        ),
    ],
    ids=[
        "write",
        "append",
        "prepend",
        "touch",
        "truncate",
        "seek_write",
        "replace",
        "line",
        "comment",
        "sed",
        "copy",
        "manage_file",
    ],
)
def test_a_link_of_somebody_else_in_a_directory_open_to_all_is_not_written_through(salt, tmp_path, call):
    (tmp_path / "kept").write_text("kept\n")
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    (shared / "link").symlink_to(tmp_path / "kept")
    os.chown(shared / "link", 65534, 65534, follow_symlinks=False)
    # Where the kernel guards such links too, it is the first to say no, and to some calls there is no file then.
    try:
        assert call(salt, str(shared / "link")) is False
    except (CommandError, InvocationError):
        pass
    assert (shared / "link").is_symlink()
    assert (tmp_path / "kept").read_text() == "kept\n"


@pytest.mark.parametrize(("fun", "more"), [("file.directory", {}), ("file.recurse", {"source": "salt://tree"})])
def test_a_directory_is_called_as_the_state_calls_it(plugins, tmp_path, fun, more):
    (tmp_path / "srv/tree").mkdir()
    (tmp_path / "srv/tree/f").write_text("x")
    plugins.opts["test"] = False
    made = plugins.loader("states")[fun](f"{tmp_path}/made/", **more)
    assert (made["name"], made["result"]) == (f"{tmp_path}/made/", True)
    assert f"{tmp_path}/made" in made["changes"]
