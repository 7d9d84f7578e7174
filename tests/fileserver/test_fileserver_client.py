"""`trisalt.fileserver.client`: what a minion fetches, and where it is kept; a master and a web server are small ones."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import os
import stat
import threading
import zlib

import pytest

from trisalt.errors import CommandError
from trisalt.fileserver import client as clients
from trisalt.fileserver.client import FileClient
from trisalt.worker import upcall

FILES = {
    "a.txt": b"hello\n",
    "sub/b.txt": b"0123456789" * 10,
    "sub/zero": b"",
    "sub/deep/d.bin": bytes(range(256)),
    "other/st.sls": b"x: y\n",
    "st/init.sls": b"",
}


class Master:
    """A file server of one map; chunks of ten bytes. `spoil` is what becomes of the first chunks."""

    def __init__(self):
        self.files = dict(FILES)
        self.served = []
        self.packed = 0
        self.spoil = []

    def call(self, kind, fields):
        assert kind == "ask_master"
        load = fields["load"]
        data = self.files.get(load.get("path")) if load.get("saltenv") == "base" else None
        match fields["cmd"]:
            case "_file_list":
                if load["saltenv"] != "base":
                    return []
                return sorted(name for name in self.files if name.startswith(load["prefix"].strip("/")))
            case "_file_list_emptydirs":
                return ["sub/empty"]
            case "_dir_list":
                return ["sub", "sub/deep"]
            case "_symlink_list":
                return {"lnk": "a.txt"}
            case "_file_envs":
                return ["base"]
            case "_file_hash_and_stat":
                if data is None:
                    return ["", None]
                hsum = hashlib.sha256(data).hexdigest()
                return [{"hash_type": "sha256", "hsum": hsum}, [0o100644, 0, 0, 1, 0, 0, len(data), 0, 0, 0]]
            case "_serve_file":
                self.served.append(load["path"])
                chunk = data[load["loc"] : load["loc"] + 10]
                if self.spoil:
                    return self.spoil.pop(0)
                if load.get("gzip") and chunk:
                    self.packed += 1
                    return {"data": gzip.compress(chunk), "dest": load["path"], "gzip": load["gzip"]}
                return {"data": chunk, "dest": load["path"]}
        raise AssertionError(fields)


@pytest.fixture
def master():
    master = Master()
    before = upcall.install(master)
    yield master
    upcall.install(before)


@pytest.fixture
def client(tmp_path, master):
    return FileClient({"cachedir": str(tmp_path / "cache"), "hash_type": "sha256"})


def kept(tmp_path):
    top = tmp_path / "cache"
    return sorted(str(path.relative_to(top)) for path in top.rglob("*") if path.is_file())


def test_a_file_is_kept_below_its_environment_and_fetched_once(client, master, tmp_path):
    path = client.cache_file("salt://sub/b.txt")
    assert path == str(tmp_path / "cache/files/base/sub/b.txt")
    assert (tmp_path / "cache/files/base/sub/b.txt").read_bytes() == FILES["sub/b.txt"]
    assert len(master.served) == 10
    assert client.cache_file("salt://sub/b.txt") == path
    assert len(master.served) == 10
    master.files["sub/b.txt"] = b"new"
    assert client.cache_file("salt://sub/b.txt?saltenv=base") == path
    assert (tmp_path / "cache/files/base/sub/b.txt").read_bytes() == b"new"
    assert stat.S_IMODE((tmp_path / "cache/files/base/sub").stat().st_mode) == 0o700


def test_a_file_without_content_is_a_file(client, tmp_path):
    assert client.cache_file("salt://sub/zero").endswith("files/base/sub/zero")
    assert kept(tmp_path) == ["files/base/sub/zero"]


def test_an_environment_may_be_a_branch_with_a_slash(client):
    assert client.cache_dest("salt://a.txt", "feature/x").endswith("/files/feature/x/a.txt")


@pytest.mark.parametrize("url", ["salt://nosuch", "salt://a.txt?saltenv=dev", "salt://../a.txt"])
def test_what_is_not_there_is_nothing(client, url, tmp_path):
    assert client.cache_file(url) == ""
    assert kept(tmp_path) == []


def test_a_file_leaves_no_cache(client, master, tmp_path):
    master.files["../../escape"] = b"x"
    with pytest.raises(CommandError, match="no place in the cache"):
        client.cache_file("salt://../../escape")
    for env in ("../dev", "dev/../..", "/dev", "dev/", "a//b", "..", "."):
        with pytest.raises(CommandError, match="no environment"):
            client.cache_dest("salt://a.txt", env)
    with pytest.raises(CommandError, match="no place in the cache"):
        client.cache_dest("http://host/../../../etc/passwd")
    assert client.is_cached("salt://../../etc/passwd") == ""
    assert client.is_cached("/../../../etc/passwd") == ""
    assert kept(tmp_path) == []


def test_chunks_may_be_packed(client, master, tmp_path):
    assert client.get_file("salt://sub/deep/d.bin", str(tmp_path / "d"), gzip=5) == str(tmp_path / "d")
    assert (tmp_path / "d").read_bytes() == FILES["sub/deep/d.bin"]
    assert master.packed == 26


BOMB = zlib.compressobj(wbits=31)
BOMB = BOMB.compress(b"\0" * 5000) + BOMB.flush()


@pytest.mark.parametrize("answer", [{"data": b"bad", "gzip": 5}, {"data": b"x" * 10, "dest": "a"}, {}, "", {"data": BOMB, "gzip": 1}])  # fmt: skip
def test_a_broken_answer_is_asked_for_again_three_times_at_most(client, master, tmp_path, answer, monkeypatch):
    monkeypatch.setattr(clients, "MAX_CHUNK", 4000)
    target = tmp_path / "a"
    target.write_text("before")
    master.spoil = [answer] * 2
    assert client.get_file("salt://a.txt", str(target)) == str(target)
    assert target.read_bytes() == b"hello\n"
    target.write_text("before")
    master.spoil = [answer] * 3
    with pytest.raises(CommandError):
        client.get_file("salt://a.txt", str(target))
    assert target.read_text() == "before"
    assert os.listdir(tmp_path) == ["a"]


def test_a_destination_may_be_a_directory(client, tmp_path):
    (tmp_path / "d").mkdir()
    assert client.get_file("salt://a.txt", str(tmp_path / "d")) == str(tmp_path / "d/a.txt")
    assert client.get_file("salt://a.txt", f"{tmp_path}/new/") == ""
    assert client.get_file("salt://a.txt", f"{tmp_path}/new/", makedirs=True) == str(tmp_path / "new/a.txt")


def test_a_file_that_stands_there_keeps_its_mode(client, tmp_path):
    (tmp_path / "a").write_text("before")
    (tmp_path / "a").chmod(0o751)
    client.get_file("salt://a.txt", str(tmp_path / "a"))
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o751


def test_many_files(client, tmp_path):
    base = f"{tmp_path}/cache/files/base"
    assert client.cache_files("salt://a.txt, salt://nosuch") == [f"{base}/a.txt", ""]
    assert client.cache_dir("salt://sub") == [f"{base}/sub/b.txt", f"{base}/sub/deep/d.bin", f"{base}/sub/zero"]
    assert client.cache_dir("salt://sub", include_pat="*.txt") == [f"{base}/sub/b.txt"]
    assert client.cache_dir("salt://sub", include_pat=r"E@\.bin$", include_empty=True)[1:] == [f"{base}/sub/empty"]
    assert client.cache_dir("salt://sub", exclude_pat="E@/[bd]") == [f"{base}/sub/zero"]
    with pytest.raises(CommandError, match="no regular expression"):
        client.cache_dir("salt://sub", include_pat="E@(")
    assert len(client.cache_master()) == len(FILES)
    written = client.get_dir("salt://sub/", str(tmp_path / "out"))
    assert written == [f"{tmp_path}/out/sub/{name}" for name in ("b.txt", "deep/d.bin", "zero", "empty")]
    assert (tmp_path / "out/sub/empty").is_dir()


def test_what_there_is(client):
    assert client.file_list(prefix="st") == ["st/init.sls"]
    assert client.dir_list() == ["sub", "sub/deep"]
    assert client.symlink_list() == {"lnk": "a.txt"}
    assert client.list_states() == ["other.st", "st"]
    assert client.envs() == ["base"]
    assert client.hash_file("salt://nosuch") == {}
    hashed, info = client.hash_and_stat_file("salt://a.txt")
    assert hashed == {"hash_type": "sha256", "hsum": hashlib.sha256(b"hello\n").hexdigest()}
    assert info[0] == 0o100644


def test_a_name_with_a_question_mark_is_asked_for_by_its_escape(client, master, tmp_path):
    master.files |= {"|odd/q?x.txt": b"q", "odd/q?x.txt": b"q"}
    assert client.get_url("salt://|odd/q?x.txt", None) == "q"
    master.files["odd/plain"] = b"p"
    assert client.cache_dir("salt://odd") == [
        f"{tmp_path}/cache/files/base/odd/{name}" for name in ("plain", "q?x.txt")
    ]
    assert master.served == ["|odd/q?x.txt", "odd/plain"]


def test_a_name_with_a_question_mark_is_read_from_this_hosts_roots(tmp_path):
    (tmp_path / "srv/d").mkdir(parents=True)
    (tmp_path / "srv/d/q?x.txt").write_text("q")
    opts = {
        "cachedir": str(tmp_path / "cache"),
        "file_client": "local",
        "file_roots": {"base": [str(tmp_path / "srv")]},
    }
    client = clients.client_of(opts, {})
    assert client.get_url("salt://|d/q?x.txt", None) == "q"
    assert client.get_dir("salt://d", str(tmp_path)) == [f"{tmp_path}/d/q?x.txt"]


def test_files_of_this_host(client, tmp_path):
    (tmp_path / "own").write_text("own")
    path = str(tmp_path / "own")
    assert client.cache_file(path) == client.cache_file(f"file://{path}") == path
    assert client.get_url(path, None) == "own"
    assert client.is_cached(path) == ""
    assert client.cache_local_file(path) == f"{tmp_path}/cache/localfiles{path}" == client.is_cached(path)
    assert client.hash_file(path)["hsum"] == hashlib.sha256(b"own").hexdigest()
    with pytest.raises(CommandError, match="is not absolute"):
        client.cache_file("own")
    with pytest.raises(CommandError, match="Unsupported url scheme: gopher://host/x"):
        client.cache_file("gopher://user:pw@host/x")


def test_the_files_of_this_host_are_one_source_for_a_job_as_long_as_its_roots_are_the_same(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a").write_text(name)
    opts = {
        "cachedir": str(tmp_path / "cache"),
        "file_client": "local",
        "file_roots": {"base": [str(tmp_path / "one")]},
    }
    context = {}
    first = clients.client_of(opts, context)
    assert clients.client_of(opts, context)._source is first._source
    assert first.hash_file("salt://a")["hsum"] == hashlib.sha256(b"one").hexdigest()
    (tmp_path / "one/a").write_text("new")
    assert clients.client_of(opts, context).hash_file("salt://a")["hsum"] == hashlib.sha256(b"new").hexdigest()
    opts["file_roots"]["base"][0] = str(tmp_path / "two")
    assert clients.client_of(opts, context).hash_file("salt://a")["hsum"] == hashlib.sha256(b"two").hexdigest()
    assert clients.client_of(opts, {})._source is not first._source


def test_a_minion_without_a_master_reads_its_own_roots(tmp_path):
    (tmp_path / "srv").mkdir()
    (tmp_path / "srv/a.txt").write_text("here")
    opts = {
        "cachedir": str(tmp_path / "cache"),
        "file_client": "local",
        "file_roots": {"base": [str(tmp_path / "srv")]},
    }
    before = upcall.install(None)
    try:
        client = FileClient({**opts, "file_buffer_size": 3})
        assert client.get_url("salt://a.txt", None) == "here"
        assert client.file_list() == ["a.txt"]
        assert client.hash_file("salt://a.txt")["hash_type"] == "sha256"
    finally:
        upcall.install(before)


# -- a web server -----------------------------------------------------------------------------------------------------


class Web(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append((self.path, self.headers.get("Authorization"), self.headers.get("If-None-Match")))
        if self.path == "/away":
            self.send_response(302)
            self.send_header("Location", f"http://localhost:{self.server.server_port}/a.txt")
            self.end_headers()
            return
        if self.path == "/file":
            self.send_response(302)
            self.send_header("Location", "file:///etc/passwd")
            self.end_headers()
            return
        if self.headers.get("If-None-Match") == '"tag"':
            self.send_response(304)
            self.end_headers()
            return
        if not self.path.startswith(("/a.txt", "/short", "/sp%20ace")):
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("ETag", '"tag"')
        self.send_header("Content-Length", "99" if self.path == "/short" else "3")
        self.end_headers()
        self.wfile.write(b"web")

    def log_message(self, *args):
        pass


@pytest.fixture
def web():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web) as server:
        server.asked = []
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        server.url = f"http://127.0.0.1:{server.server_port}"
        yield server
        server.shutdown()
        thread.join()


def test_a_file_of_a_web_server_is_kept_below_its_host(client, web, tmp_path):
    place = tmp_path / f"cache/extrn_files/base/127.0.0.1{web.server_port}"
    assert client.cache_file(f"{web.url}/a.txt") == f"{place}/a.txt" == client.is_cached(f"{web.url}/a.txt")
    assert client.cache_file(f"{web.url}/a.txt?x=1&y") == f"{place}/a.txt-x=1&y"
    assert client.cache_file(f"{web.url}/sp ace") == f"{place}/sp ace"
    assert client.get_url(f"{web.url}/a.txt", None) == client.get_url(f"{web.url}/a.txt", None, no_cache=True) == "web"
    assert client.get_url(f"{web.url}/a.txt", str(tmp_path)) == str(tmp_path / "a.txt")
    assert client.get_url(f"{web.url}/a.txt", str(tmp_path / "no/dir")) == ""


def test_a_known_hash_saves_the_transfer(client, web):
    hsum = hashlib.sha256(b"web").hexdigest()
    for given in (None, hsum, f"sha256={hsum.upper()}", hashlib.md5(b"web").hexdigest(), "sha256=00", "nonsense"):
        assert client.cache_file(f"{web.url}/a.txt", source_hash=given)
    assert len(web.asked) == 3


def test_an_etag_saves_the_transfer(client, web):
    for _ in range(2):
        assert client.cache_file(f"{web.url}/a.txt", use_etag=True)
    assert [tag for _path, _who, tag in web.asked] == [None, '"tag"']


def test_a_password_goes_to_its_own_host_only(client, web):
    assert client.cache_file(f"http://u%40x:p@127.0.0.1:{web.server_port}/away").endswith("/away")
    assert web.asked == [("/away", "Basic dUB4OnA=", None), ("/a.txt", None, None)]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("nosuch", "Error: HTTP 404: Not Found reading /nosuch"),
        ("short", "Error: .* reading /short|only 3 of 99 bytes"),
        ("file", "reading /file"),
    ],
)
def test_what_a_web_server_does_not_give_is_told_and_leaves_nothing(client, web, tmp_path, path, text):
    with pytest.raises(CommandError, match=text) as caught:
        client.cache_file(f"{web.url.replace('//', '//user:secret@')}/{path}")
    assert "secret" not in str(caught.value)
    assert kept(tmp_path) == []


def test_nobody_listens(client):
    with pytest.raises(CommandError, match="Connection refused reading /x"):
        client.cache_file("http://127.0.0.1:1/x")
    with pytest.raises(CommandError, match=r"Could not retrieve ftp://127.0.0.1:1/x from FTP server."):
        client.cache_file("ftp://user:secret@127.0.0.1:1/x")


def test_options_name_the_proxy(web, tmp_path):
    opts = {"cachedir": str(tmp_path / "cache"), "proxy_host": "127.0.0.1", "proxy_port": web.server_port}
    with pytest.raises(CommandError, match="404"):
        FileClient(opts).cache_file("http://nosuch.invalid/a.txt")
    assert web.asked[0][0] == "http://nosuch.invalid/a.txt"
    assert FileClient({**opts, "proxy_port": 1, "no_proxy": ["127.0.0.1"]}).cache_file(f"{web.url}/a.txt")
