"""`npm` states and the module below them: the real program, and a registry of the test's own on loopback."""

from __future__ import annotations

import hashlib
import http.server
import io
import json
import shutil
import tarfile
import threading

import pytest

from trisalt.errors import CommandError
from trisalt.loader.dunders import Plugins

pytestmark = pytest.mark.skipif(shutil.which("npm") is None, reason="needs npm")


def packed(name, version):
    """The archive of a package."""
    text = json.dumps({"name": name, "version": version, "license": "MIT"}).encode()
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        member = tarfile.TarInfo("package/package.json")
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text))
    return file.getvalue()


@pytest.fixture(scope="module")
def registry():
    """The address of a registry that has the package `tri-one` in one version."""
    archive = packed("tri-one", "1.0.0")

    class Registry(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            where = f"http://127.0.0.1:{self.server.server_port}"
            dist = {"tarball": f"{where}/tri-one.tgz", "shasum": hashlib.sha1(archive).hexdigest()}
            told = {
                "name": "tri-one",
                "dist-tags": {"latest": "1.0.0"},
                "versions": {"1.0.0": {"name": "tri-one", "version": "1.0.0", "dist": dist}},
            }
            answers = {"/tri-one": json.dumps(told).encode(), "/tri-one.tgz": archive}
            self.send_response(200 if self.path in answers else 404)
            self.end_headers()
            self.wfile.write(answers.get(self.path, b"{}"))

        def log_message(self, *_args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def plugins(tmp_path, registry, monkeypatch):
    options = {"cache": str(tmp_path / "cache"), "registry": registry, "fund": "false", "audit": "false"}
    for name, value in {**options, "update_notifier": "false", "noproxy": "127.0.0.1"}.items():
        monkeypatch.setenv(f"NPM_CONFIG_{name.upper()}", value)
    return Plugins({"id": "m1", "cachedir": str(tmp_path), "test": False})


@pytest.fixture
def state(plugins):
    def state(function, name, *, test=False, **kwargs):
        plugins.opts["test"] = test
        ret = plugins.loader("states")[f"npm.{function}"](name, **kwargs)
        return ret["result"], ret["comment"], ret["changes"]

    return state


def test_a_package_comes_stays_and_goes(state, tmp_path):
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "package.json").write_text('{"name": "app", "version": "0.0.1"}')
    changes = {"old": [], "new": ["tri-one@1.0.0"]}
    asked = {"name": "tri-one@1.0.0", "dir": str(folder)}
    text = "NPM package(s) 'tri-one@1.0.0' are set to be installed"
    assert state("installed", test=True, **asked) == (None, text, changes)
    assert state("installed", **asked) == (True, "Package(s) 'tri-one@1.0.0' successfully installed", changes)
    assert (folder / "node_modules" / "tri-one" / "package.json").is_file()
    satisfied = "Package(s) 'tri-one@1.0.0' satisfied by tri-one@1.0.0"
    assert state("installed", **asked) == (True, satisfied, {})
    gone = (True, "Package 'tri-one' was successfully removed", {"tri-one": "Removed"})
    assert state("removed", "tri-one", dir=str(folder)) == gone
    assert state("removed", "tri-one", dir=str(folder)) == (True, "Package 'tri-one' is not installed", {})


def test_a_folder_gets_what_it_names(state, tmp_path):
    (tmp_path / "package.json").write_text('{"name": "app", "version": "0.0.1", "dependencies": {"tri-one": "^1.0.0"}}')
    name = str(tmp_path)
    pending = (None, f"Directory {name} is set to be bootstrapped", {name: "Bootstrapped"})
    assert state("bootstrap", name, test=True) == pending
    assert not (tmp_path / "node_modules").exists()
    assert state("bootstrap", name) == (True, "Directory was successfully bootstrapped", {name: "Bootstrapped"})
    assert state("bootstrap", name) == (True, "Directory is already bootstrapped", {})


def test_what_npm_cannot_have_is_told(plugins, state, tmp_path):
    result, comment, changes = state("installed", "tri-nosuch", dir=str(tmp_path))
    assert (result, changes) == (False, {})
    assert comment.startswith("Error installing 'tri-nosuch': ")
    assert "Not Found" in comment
    with pytest.raises(CommandError, match="does not exist"):
        plugins.loader("modules")["npm.list"](dir=str(tmp_path / "nodir"))


@pytest.mark.parametrize(
    ("wanted", "satisfied"),
    [
        ("one", "one@1.2.3"), ("one@1.2.3", "one@1.2.3"), ("one@v1.2.3", "one@1.2.3"), ("one@1.2.4", None),
        ("one@^1.0.0", "one@1.2.3"), ("one@latest", "one@1.2.3"), ("two", None), ("@in/scope", "@in/scope@2.0.0"),
        ("@in/scope@2.0.1", None), ("@in/other", None), ("/path/one-1.2.3.tgz", None), ("", None),
    ],
)  # fmt: skip
def test_only_a_whole_version_is_compared(plugins, wanted, satisfied):
    satisfies = plugins.loader("states")["npm.installed"].__globals__["_satisfies"]
    assert satisfies(wanted, {"one": {"version": "1.2.3"}, "@in/scope": {"version": "2.0.0"}}) == satisfied
