"""Managed files by themselves: who sees them when, what is left behind, and sources that are not what they should be."""

import os
import stat
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from trisalt.errors import CommandError, RenderError
from trisalt.fileserver.replace import umask
from trisalt.loader.dunders import Plugins
from trisalt.plugins.utils import fileperms, filesums

HELLO = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"


@pytest.fixture
def salt(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    roots = tmp_path / "srv"
    roots.mkdir()
    (roots / "t.j").write_text("{{ name }} {{ x }} {{ salt['test.echo']('e') }}\n")
    opts = {"id": "m1", "cachedir": str(tmp_path / "cache"), "file_roots": {"base": [str(roots)]}}
    return Plugins({**opts, "file_client": "local", "hash_type": "sha256"}, grains={}, pillar={}).loader("modules")


@pytest.fixture(scope="module")
def site():
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = {"/hello": b"hello\n", "/sums": f"{HELLO}  hello\n".encode()}.get(self.path)
            self.send_response(200 if body else 404)
            self.end_headers()
            self.wfile.write(body or b"")

        do_HEAD = do_GET

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def managed(salt, name, source, source_hash="", template=None, context=None, **kwargs):
    sfn, hashed, comment = salt["file.get_managed"](
        name, template, source, source_hash, None, None, None, kwargs.get("mode"), None, "base", context, None
    )
    assert not comment, comment
    return salt["file.manage_file"](
        name, sfn, None, source, hashed, None, None, kwargs.pop("mode", None), None, "base", "", **kwargs
    )


def test_a_template_that_was_made_for_one_use_is_removed(salt, tmp_path):
    name = str(tmp_path / "out")
    ret = managed(salt, name, "salt://t.j", template="jinja", context={"x": 1})
    assert (ret["result"], ret["changes"]) == (True, {"diff": "New file", "mode": f"{0o666 & ~umask():04o}"})
    assert (tmp_path / "out").read_text() == f"{name} 1 e\n"
    assert os.listdir(tmp_path / "tmp") == []
    with pytest.raises(RenderError, match="'x' is undefined"):
        managed(salt, name, "salt://t.j", template="jinja")
    assert os.listdir(tmp_path / "tmp") == []


@pytest.mark.parametrize(("configured", "kept"), [("minion", 1), ("", 0)])
def test_the_configured_backup_mode_holds_where_a_state_names_none(tmp_path, configured, kept):
    opts = {"id": "m1", "cachedir": str(tmp_path / "cache"), "file_client": "local", "backup_mode": configured}
    salt = Plugins(opts, grains={}, pillar={}).loader("modules")
    path = tmp_path / "a"
    path.write_text("old\n")
    ret = salt["file.manage_file"](str(path), "", None, None, {}, None, None, None, None, "base", "", contents="new\n")
    assert (ret["result"], path.read_text()) == (True, "new\n")
    assert len(salt["file.list_backups"](str(path))) == kept


def test_only_its_owner_sees_a_new_file_before_it_has_its_mode(salt, tmp_path, monkeypatch):
    seen = []
    rename = os.rename

    def watching(src, dst):
        seen.append((os.path.basename(dst), stat.S_IMODE(os.stat(src).st_mode)))
        rename(src, dst)

    monkeypatch.setattr(os, "rename", watching)
    name = tmp_path / "secret"
    salt["file.manage_file"](str(name), "", None, None, {}, None, None, "0640", None, "base", "", contents="1")
    name.chmod(0o644)
    ret = salt["file.manage_file"](str(name), "", None, None, {}, None, None, "0600", None, "base", "", contents="2")
    assert seen == [("secret", 0o600), ("secret", 0o600)]
    assert ret["changes"] == {"diff": "--- \n+++ \n@@ -1 +1 @@\n-1+2", "mode": "0600"}
    assert stat.S_IMODE(name.stat().st_mode) == 0o600


def test_a_file_of_a_web_server_is_what_its_hash_says(salt, site, tmp_path):
    name = str(tmp_path / "out")
    assert managed(salt, name, f"{site}/hello", f"sha256={HELLO}")["result"] is True
    assert managed(salt, name, f"{site}/hello", f"{site}/sums")["comment"] == f"File {name} is in the correct state"
    wrong = managed(salt, name, f"{site}/hello", "0" * 64)
    assert wrong["result"] is False
    assert wrong["comment"].startswith(f"Specified sha256 checksum for {site}/hello ({'0' * 64}) does not match")
    assert (tmp_path / "out").read_text() == "hello\n"
    assert salt["file.source_list"]([f"{site}/none", {f"{site}/hello": HELLO}], "", "base") == (f"{site}/hello", HELLO)


def test_a_signature_that_nobody_here_can_verify_is_an_error(salt, tmp_path):
    (tmp_path / "in").write_text("x")
    with pytest.raises(
        CommandError, match=r"The signature of .*/in cannot be verified: 'nosuch\.verify' is not available"
    ):
        salt["file.manage_file"](
            str(tmp_path / "out"), str(tmp_path / "in"), None, str(tmp_path / "in"), {}, None, None, None, None, "base",
            "", signature="salt://in.asc", sig_backend="nosuch",
        )  # fmt: skip
    assert not (tmp_path / "out").exists()


def test_a_replacement_keeps_owner_and_mode_when_none_are_named(salt, tmp_path):
    name = tmp_path / "conf"
    name.write_text("old")
    name.chmod(0o640)
    if os.getuid() == 0:
        os.chown(name, 65534, 65534)
    before = name.stat()
    salt["file.manage_file"](str(name), "", None, None, {}, None, None, None, None, "base", "minion", contents="new")
    after = name.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert name.read_text() == "new"
    kept = salt["file.list_backups"](str(name))[0]["Location"]
    with open(kept) as file:
        assert file.read() == "old"
    assert stat.S_IMODE(os.stat(kept).st_mode) == 0o640


@pytest.mark.parametrize(
    ("name", "source", "told", "found"),
    [
        ("/etc/x.txt", "", None, "1"),
        ("/etc/a/x.txt", "", None, "2"),
        ("/etc/b/x.txt", "", None, "3"),
        ("other", "http://host/dl/b/x.txt?v=1", None, "3"),
        ("other", "", "a/x.txt", "2"),
        ("c d.txt", "", None, "4"),
        ("e.txt", "", None, "5"),
        ("nowhere", "", None, "1"),
    ],
)
def test_the_hash_of_the_file_that_is_meant_is_found(tmp_path, name, source, told, found):
    sums = tmp_path / "SUMS"
    rows = ["x.txt", "a/x.txt", "./b/x.txt", "*c d.txt"]
    text = "".join(f"{str(number) * 32}  {row}\n" for number, row in enumerate(rows, 1))
    sums.write_text(f"# comment {'9' * 20}\n{text}MD5 (dist/e.txt) = {'5' * 32}\n{'8' * 40}  e.txt\n")
    assert filesums.find(str(sums), "md5", name=name, source=source, told=told) == {
        "hash_type": "md5",
        "hsum": found * 32,
    }


@pytest.mark.parametrize(
    "wanted",
    [
        {}, {"mode": "0640"}, {"mode": 640}, {"mode": "0o640"}, {"mode": "0600"}, {"mode": "04640"}, {"mode": "x"},
        {"user": os.getuid()}, {"user": os.getuid() + 1}, {"user": "no-such-user"}, {"group": os.getgid()},
        {"group": os.getgid() + 1, "mode": "0640"}, {"user": "", "group": "", "mode": ""}, {"context": {"user": "u"}},
        {"attributes": "i"},
    ],
)  # fmt: skip
def test_one_look_finds_right_what_a_check_would_leave_as_it_is(tmp_path, wanted):
    path = tmp_path / "f"
    path.touch()
    path.chmod(0o640)
    asked = fileperms.Wanted(**wanted)
    ret, _perms = fileperms.check(str(path), None, asked, test=True, run=lambda *_args, **_more: {"retcode": 1})
    # What only programs or extended attributes tell, a look does not know.
    alone = not {"context", "attributes"} & wanted.keys()
    assert fileperms.is_right(os.stat(path), asked) is (alone and ret["changes"] == {} and ret["result"] is True)
