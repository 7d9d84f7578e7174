"""loader/ahead: files of our own shelf that are run before a process forks."""

import sys
from types import ModuleType

import pytest

from trisalt.loader import ahead
from trisalt.loader.dunders import Plugins

NAME = "salt.loaded.int.module.hashutil"


@pytest.fixture(autouse=True)
def _as_in_a_process_of_its_own(monkeypatch):
    monkeypatch.delitem(sys.modules, NAME, raising=False)
    for name, value in (("_prepared", {}), ("_done", set()), ("_imported", [])):
        monkeypatch.setattr(ahead, name, value)
    yield
    sys.modules.pop(NAME, None)


def test_who_needs_a_file_takes_what_was_run_ahead():
    ahead.prepare("modules/hashutil")
    module = ahead._prepared[NAME]
    assert "__salt__" not in vars(module)
    assert NAME not in sys.modules
    function = Plugins({"id": "m1"}).loader("modules")["hashutil.digest"]
    assert function.__globals__ is vars(module)
    assert "__salt__" in vars(module)
    assert sys.modules[NAME] is module


def test_it_is_taken_once():
    ahead.prepare("modules/hashutil")
    modules = Plugins({"id": "m1"}).loader("modules")
    first = modules["hashutil.digest"]
    modules.reload()
    assert modules["hashutil.digest"] is not first


def test_what_is_put_before_ours_is_taken_instead(tmp_path):
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules/hashutil.py").write_text("def digest(text): return 'mine'\n")
    ahead.prepare("modules/hashutil")
    assert Plugins({"id": "m1", "extension_modules": str(tmp_path)}).loader("modules")["hashutil.digest"]("x") == "mine"


def test_virtual_is_asked_by_who_takes_it():
    ahead.prepare("modules/aptpkg")
    assert "pkg.list_pkgs" not in Plugins({"id": "m1"}, grains={"os_family": "Nosuch"}).loader("modules")


@pytest.mark.parametrize("name", ["modules/nosuch", "nosuch/hashutil", "modules/../modules/hashutil", "modules/", "/x"])
def test_only_files_of_the_shelf_are_run(name):
    ahead.prepare(name)
    assert ahead._prepared == {}


def test_what_cannot_be_run_without_its_dunders_is_left_to_the_job(tmp_path, monkeypatch):
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules/early.py").write_text("ID = __opts__['id']\ndef f(): return ID\n")
    monkeypatch.setattr(ahead, "SHELVES", tmp_path)
    ahead.prepare("modules/early")
    assert ahead._prepared == {}
    assert "salt.loaded.int.module.early" not in sys.modules


def test_what_was_imported_is_told_once():
    assert "hashutil.digest" in Plugins({"id": "m1"}).loader("modules")
    assert ahead.imported() == ["modules/hashutil"]
    assert ahead.imported() == []


def test_what_brings_a_library_along_is_not_told(monkeypatch):
    before = len(sys.modules)
    monkeypatch.setitem(sys.modules, "somebodys_library.inner", ModuleType("somebodys_library.inner"))
    ahead.note("modules", "hashutil", before)
    assert ahead.imported() == []
