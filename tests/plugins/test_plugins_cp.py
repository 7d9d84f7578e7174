"""The execution module `cp`: what of it is not the file client's; the master is a small one of ours."""

import base64
import gzip
import importlib.util
import stat
from pathlib import Path

import pytest

from trisalt.errors import CommandError, RenderError
from trisalt.loader.dunders import Plugins
from trisalt.worker import upcall


class Master:
    def __init__(self):
        self.received = {}
        self.takes = True

    def call(self, kind, fields):
        load = fields["load"]
        assert (kind, fields["cmd"]) == ("ask_master", "_file_recv")
        if self.takes:
            path = "/".join(load["path"])
            assert load["loc"] == len(self.received.get(path, b""))
            self.received[path] = self.received.get(path, b"") + load["data"]
        return self.takes


@pytest.fixture
def master():
    master = Master()
    before = upcall.install(master)
    yield master
    upcall.install(before)


@pytest.fixture
def plugins(tmp_path, master):
    roots = tmp_path / "srv"
    (roots / "web").mkdir(parents=True)
    (roots / "web/map.jinja").write_text("{% set port = 80 %}")
    (roots / "web/conf").write_text(
        "{% from 'web/map.jinja' import port %}{% from './map.jinja' import port as p %}"
        "{{ grains.os }} {{ pillar.role }} {{ port + p }} {{ more }} {{ tplfile is defined }} {{ salt['test.echo']('x') }}\n"
    )
    (roots / "web/bad").write_text("{{ nosuch }}")
    (roots / "web/made").write_text("def run():\n    return __grains__['os'] + more\n")
    (roots / "run.sh").write_text("#!/bin/sh\necho {{ grains.os }} $1\n")
    opts = {"id": "m1", "cachedir": str(tmp_path / "cache"), "file_roots": {"base": [str(roots)]}}
    return Plugins({**opts, "file_client": "local"}, grains={"os": "Debian"}, pillar={"role": "web"})


@pytest.fixture
def remote(plugins):
    plugins.opts["file_client"] = "remote"
    return plugins.loader("modules")


def test_a_template_sees_what_it_needs_and_imports_from_the_file_server(salt, tmp_path):
    dest = str(tmp_path / "new/out")
    assert salt["cp.get_template"]("salt://web/conf", dest, more="x") == ""
    assert salt["cp.get_template"]("salt://web/conf", dest, makedirs=True, more="MORE") == dest
    assert (tmp_path / "new/out").read_text() == "Debian web 160 MORE False x\n"
    assert stat.S_IMODE((tmp_path / "new/out").stat().st_mode) == 0o600
    assert salt["cp.get_template"]("salt://web/made", dest, "py", more="!") == dest
    assert (tmp_path / "new/out").read_text() == "Debian!"


@pytest.mark.skipif(importlib.util.find_spec("mako") is None, reason="Mako is not installed")
def test_a_template_may_be_makos(salt, tmp_path):
    roots = tmp_path / "srv"
    (roots / "web/lib.mako").write_text('<%def name="twice(text)">${text}${text}</%def>')
    (roots / "web/page").write_text(
        '<%namespace name="lib" file="salt://web/lib.mako"/>${lib.twice(word)} ${grains["os"]}'
        " ${salt['test.echo'](pillar['role'])}\n% for n in range(2):\n${n}\n% endfor\n"
    )
    dest = str(tmp_path / "out")
    assert salt["cp.get_template"]("salt://web/page", dest, "mako", word="ab") == dest
    assert Path(dest).read_text() == "abab Debian web\n0\n1\n"
    (roots / "web/page").write_text("a\n${nothing}\n")
    with pytest.raises(RenderError, match="'nothing' is not defined"):
        salt["cp.get_template"]("salt://web/page", dest, "mako")


def test_a_template_goes_into_a_directory_or_the_cache_when_no_file_is_named(salt, tmp_path):
    (tmp_path / "dir").mkdir()
    assert salt["cp.get_template"]("salt://web/made", f"{tmp_path}/dir/", "py", more="1") == f"{tmp_path}/dir/made"
    source = tmp_path / "own"
    source.write_text("{{ grains.os }}")
    for url in ("salt://web/made", str(source)):
        dest = salt["cp.get_template"](url, "", "py" if url.startswith("salt") else "jinja", more="2")
        assert dest.startswith(f"{tmp_path}/cache/extrn_files/base/")
        assert Path(dest).read_text() in {"Debian2", "Debian"}
    assert source.read_text() == "{{ grains.os }}"


def test_a_template_that_fails_leaves_what_was_there(salt, tmp_path):
    (tmp_path / "out").write_text("before")
    with pytest.raises(RenderError, match="'nosuch' is undefined"):
        salt["cp.get_template"]("salt://web/bad", str(tmp_path / "out"))
    with pytest.raises(CommandError, match="Specified template format wempy is not supported"):
        salt["cp.get_template"]("salt://web/bad", str(tmp_path / "out"), "wempy")
    assert (tmp_path / "out").read_text() == "before"


def test_paths_may_be_templates(salt, tmp_path):
    dest = f"{tmp_path}/{{{{ grains.os }}}}-{{{{ n }}}}"
    assert salt["cp.get_file"]("salt://{{ pillar.role }}/bad", dest, template="jinja", n=1) == f"{tmp_path}/Debian-1"
    with pytest.raises(CommandError, match="Failed to render file path with error"):
        salt["cp.get_file"]("salt://{{ nosuch }}", dest, template="jinja")
    with pytest.raises(CommandError, match="unavailable engine mako"):
        salt["cp.get_file"]("salt://x", dest, template="mako")


def test_a_script_comes_from_the_file_server_and_may_be_a_template(salt):
    found = salt["cmd.script"]("salt://run.sh", "two", template="jinja")
    assert (found["retcode"], found["stdout"]) == (0, "Debian two")
    assert salt["cmd.script"]("salt://nosuch.sh")["cache_error"] is True
    assert salt["cmd.script_retcode"]("salt://run.sh", template="jinja") == 0


def test_push_sends_a_file_chunk_by_chunk(remote, master, tmp_path):
    data = bytes(range(256)) * 3000
    (tmp_path / "big").write_bytes(data)
    (tmp_path / "link").symlink_to("big")
    (tmp_path / "none").write_bytes(b"")
    assert remote["cp.push"](str(tmp_path / "link")) is True
    assert master.received == {f"{tmp_path}/big".lstrip("/"): data}
    assert remote["cp.push"](str(tmp_path / "link"), keep_symlinks=True, upload_path="/here/it/is") is True
    assert master.received["here/it/is"] == data
    assert remote["cp.push"](str(tmp_path / "none"), remove_source=True) is True
    assert master.received[f"{tmp_path}/none".lstrip("/")] == b""
    assert not (tmp_path / "none").exists()


def test_push_refuses_paths_that_lead_elsewhere(remote, master, tmp_path):
    (tmp_path / "a").write_text("a")
    for path in ("a", f"{tmp_path}/x/../a", f"{tmp_path}/nosuch", str(tmp_path)):
        assert remote["cp.push"](path) is False
    assert remote["cp.push"](str(tmp_path / "a"), upload_path="../../etc") is False
    assert remote["cp.push_dir"](str(tmp_path), upload_path="../x") is False
    assert remote["cp.push_dir"](f"{tmp_path}/nosuch") is False
    assert master.received == {}


def test_a_source_that_the_master_did_not_take_stays(remote, master, tmp_path):
    (tmp_path / "a").write_text("a")
    master.takes = False
    assert remote["cp.push"](str(tmp_path / "a"), remove_source=True) is False
    assert (tmp_path / "a").exists()


def test_push_dir(remote, master, tmp_path):
    (tmp_path / "d/sub").mkdir(parents=True)
    (tmp_path / "d/a.conf").write_text("a")
    (tmp_path / "d/sub/b.conf").write_text("b")
    (tmp_path / "d/c.txt").write_text("c")
    assert remote["cp.push_dir"](f"{tmp_path}/d/", glob="*.conf", upload_path="up") is True
    assert master.received == {"up/a.conf": b"a", "up/sub/b.conf": b"b"}


def test_recv_chunked(salt, plugins, tmp_path):
    dest = str(tmp_path / "new/file")
    packed = [base64.encodebytes(gzip.compress(part)).decode() for part in (b"one", b"two")]
    assert salt["cp.recv_chunked"](dest, packed[0], mode=0o640) is True
    assert salt["cp.recv_chunked"](dest, packed[1], append=True) is True
    assert (tmp_path / "new/file").read_bytes() == b"onetwo"
    assert stat.S_IMODE((tmp_path / "new/file").stat().st_mode) == 0o640
    assert salt["cp.recv_chunked"](dest, base64.b64encode(b"plain").decode(), compressed=False) is True
    assert (tmp_path / "new/file").read_bytes() == b"plain"
    assert salt["cp.recv_chunked"](str(tmp_path / "dir"), None) is True
    assert (tmp_path / "dir").is_dir()
    assert plugins.context["retcode"] == 0
    assert "cannot be unpacked" in salt["cp.recv_chunked"](dest, base64.b64encode(b"plain").decode())
    assert plugins.context["retcode"] == 1
    assert salt["cp.recv_chunked"](dest, packed[0][:8]).startswith(f"A chunk of {dest} cannot")
    assert "File exists" in salt["cp.recv_chunked"](f"{dest}/below", packed[0])
    assert (tmp_path / "new/file").read_bytes() == b"plain"
