"""`trisalt.fileserver.manifest`: what is told at once is not asked for again, as long as it is fresh and the same."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from trisalt.errors import CommandError
from trisalt.fileserver import manifest as manifests
from trisalt.fileserver.client import FileClient
from trisalt.fileserver.manifest import Manifest, expect, wanted
from trisalt.sls.served import Served
from trisalt.state.high import Assembly
from trisalt.worker import upcall

STAT = [0o100644, 0, 0, 1, 0, 0, 3, 0, 0, 0]


class Master:
    """Files by name. `manifest` is what it answers when it is asked for one, an exception included."""

    def __init__(self):
        self.files = {f"app/f{number}": b"abc" for number in range(4)}
        self.asked = []
        self.manifest = None

    def call(self, _kind, fields):
        cmd, load = fields["cmd"], fields["load"]
        self.asked.append(cmd)
        match cmd:
            case "_file_manifest":
                if isinstance(self.manifest, Exception):
                    raise self.manifest
                if self.manifest is not None:
                    return self.manifest
                paths = [*load["paths"], *(self.files if load["folders"] else ())]
                files = {path: [self.sum(path), STAT] if path in self.files else None for path in paths}
                names = {"files": sorted(self.files), "dirs": ["app"], "empty_dirs": [], "links": {}}
                return {"hash_type": "sha256", "files": files, "lists": dict.fromkeys(load["folders"], names)}
            case "_file_hash_and_stat":
                path = load["path"]
                return [{"hash_type": "sha256", "hsum": self.sum(path)}, STAT] if path in self.files else ["", None]
            case "_file_list":
                return sorted(self.files)
            case "_serve_file":
                return {"data": self.files[load["path"]][load["loc"] :], "dest": load["path"]}
        raise AssertionError(fields)

    def sum(self, path):
        return hashlib.sha256(self.files[path]).hexdigest()


@pytest.fixture
def master():
    master = Master()
    before = upcall.install(master)
    yield master
    upcall.install(before)


@pytest.fixture
def manifest(master):
    manifest = Manifest()
    expect(manifest, [{"source": "salt://app", "state": "file", "fun": "recurse"}])
    return manifest


@pytest.fixture
def client(tmp_path, manifest):
    return FileClient({"cachedir": str(tmp_path)}, manifest=manifest)


def test_a_whole_folder_is_one_question(client, master):
    for path in client.file_list("base", "app/"):
        assert client.hash_file(f"salt://{path}")["hsum"] == master.sum(path)
    assert client.dir_list("base", "app") == ["app"]
    assert master.asked == ["_file_manifest"]


def test_what_was_not_told_is_asked(client, master):
    assert client.hash_file("salt://other") == {}
    assert client.file_list("base", "ap") == sorted(master.files)
    assert client.hash_file("salt://app/f0?saltenv=dev")["hsum"] == master.sum("app/f0")
    assert master.asked == ["_file_manifest", "_file_hash_and_stat", "_file_list", "_file_hash_and_stat"]


def test_a_file_that_is_fetched_is_asked_for_anew(client, master, tmp_path):
    master.files["app/f1"] = b"xyz"  # since the manifest was made
    file = Path(client.cache_file("salt://app/f1"))
    assert file.read_bytes() == b"xyz"
    assert client.hash_file("salt://app/f1")["hsum"] == master.sum("app/f1")


def test_it_is_not_believed_for_ever(client, master, monkeypatch):
    monkeypatch.setattr(manifests.time, "monotonic", lambda: float("inf"))
    client.hash_file("salt://app/f0")
    client.file_list("base", "app")
    assert master.asked[1:] == ["_file_hash_and_stat", "_file_list"]


@pytest.mark.parametrize(
    "said",
    [CommandError("no"), {}, "", [], {"hash_type": "sha256", "files": {"app/f0": 5, "x": [1, 2]}, "lists": {"app": 7}}],
)
def test_what_is_no_manifest_tells_nothing(master, tmp_path, said):
    master.manifest = said
    manifest = Manifest()
    manifest.ask("base", ["app/f0"], ["app"])
    client = FileClient({"cachedir": str(tmp_path)}, manifest=manifest)
    assert client.hash_file("salt://app/f0")["hsum"] == master.sum("app/f0")
    assert client.file_list("base", "app") == sorted(master.files)


def test_which_files_states_want():
    chunks = [
        {"source": "salt://a", "__env__": "base"},
        {"source": ["salt://b?saltenv=dev", {"salt://c": "sum"}, "https://x", "/etc/d"], "saltenv": "prod"},
        {"source": "salt://tree/", "state": "file", "fun": "recurse", "__env__": "base"},
        {"source": "salt://|odd?name", "__env__": "base"},
        {"source": 5},
        {"name": "no source"},
    ]
    assert wanted(chunks) == {"base": (["a", "odd?name"], ["tree"]), "dev": (["b"], []), "prod": (["c"], [])}


def test_one_file_alone_is_asked_for_as_ever(master):
    expect(Manifest(), [{"source": "salt://app/f0"}])
    assert master.asked == []


def test_environments_that_were_told_with_the_options_are_not_asked_for(master, tmp_path):
    client = FileClient({"cachedir": str(tmp_path)}, manifest=Manifest(["base", "dev"]))
    assert Served(client).environments() == ["base", "dev"]
    assert master.asked == []


def test_an_sls_file_that_is_named_needs_no_list_of_all_files(master, tmp_path):
    master.files["app/web.sls"] = b"a: {test: [nop]}\n"
    client = FileClient({"cachedir": str(tmp_path)}, manifest=Manifest(["base"]))
    read = []

    def render(sls, env):
        read.append((sls.name, env))
        return {"a": {"test": ["nop"]}}

    assembly = Assembly(Served(client), render, auto_order=True)
    assembly.add({"base": ["app.web"]})
    assert (assembly.errors, read) == ([], [("app.web", "base")])
    assert "_file_list" not in master.asked
    Assembly(Served(client), render, auto_order=True).add({"base": ["app.w*"]})
    assert "_file_list" in master.asked
    assert len(read) == 2
