"""`import salt.…` for plugins."""

import importlib
import sys
from pathlib import Path

import pytest

from trisalt import SALT_VERSION
from trisalt.errors import CommandError, CommandNotFound, InvocationError
from trisalt.loader import facade
from trisalt.loader.dunders import Plugins

NAMES = sorted(
    ".".join(("salt", *path.relative_to(facade.ROOT).with_suffix("").parts)).removesuffix(".__init__")
    for path in facade.ROOT.rglob("*.py")
)


@pytest.fixture(autouse=True)
def _facade(monkeypatch):
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    before = set(sys.modules)
    facade.install()
    facade.install()
    yield
    for name in set(sys.modules) - before:
        if name == "salt" or name.startswith("salt."):
            del sys.modules[name]


@pytest.mark.parametrize("name", NAMES)
def test_every_name_can_be_imported(name):
    assert Path(importlib.import_module(name).__file__).is_relative_to(facade.ROOT)


def test_a_name_that_is_not_there_is_an_import_error():
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'salt\.utils\.nosuch'"):
        importlib.import_module("salt.utils.nosuch")


def test_exceptions_are_ours():
    exceptions = importlib.import_module("salt.exceptions")
    assert exceptions.CommandExecutionError is CommandError
    assert exceptions.SaltInvocationError is InvocationError
    assert exceptions.CommandNotFoundError is CommandNotFound


def test_version():
    assert importlib.import_module("salt.version").__version__ == SALT_VERSION


def test_a_plugin_that_depends_on_what_is_not_there(tmp_path):
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "dep.py").write_text(
        "import salt.utils.decorators as deco\n"
        "def instead(): return 'instead'\n"
        "@deco.depends('nosuchlib')\ndef gone(): return 1\n"
        "@deco.depends('nosuchlib', fallback_function=instead)\ndef fallen(): return 1\n"
        "@deco.depends(True)\ndef here(): return 1\n"
    )
    loader = Plugins({"extension_modules": str(tmp_path)}).loader("modules")
    assert "dep.gone" not in loader
    assert loader["dep.fallen"]() == "instead"
    assert loader["dep.here"]() == 1


def test_a_plugin_written_for_stock(tmp_path):
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "old.py").write_text(
        "import logging\nimport salt.utils.path, salt.utils.files\nfrom salt.exceptions import CommandExecutionError\n"
        "log = logging.getLogger(__name__)\n__virtualname__ = 'older'\n"
        "def __virtual__():\n    return __virtualname__ if salt.utils.path.which('sh') else (False, 'no shell')\n"
        "def fail():\n    raise CommandExecutionError('no', info={'errors': ['E: x']})\n"
    )
    loader = Plugins({"extension_modules": str(tmp_path)}).loader("modules")
    with pytest.raises(CommandError) as caught:
        loader["older.fail"]()
    assert str(caught.value) == "no. Additional info follows:\n\nerrors:\n    - E: x"


def test_helpers():
    data = importlib.import_module("salt.utils.data")
    assert data.traverse_dict_and_list({"a": [{"b": 1}, {"c": 2}]}, "a:c") == 2
    assert data.traverse_dict_and_list({"a": [5, 6]}, "a:1") == 6
    assert data.traverse_dict({"a": {"b": 1}}, "a:x", 7) == 7
    assert data.repack_dictlist([{"a": 1}, "b"]) == {"a": 1, "b": None}
    assert [data.is_true(value) for value in (True, 1, "1", "true", "no", 0, None, [])] == [
        True, True, True, True, False, False, False, False,
    ]  # fmt: skip
    versions = importlib.import_module("salt.utils.versions")
    assert versions.compare("1.10", ">", "1.9")
    assert versions.LooseVersion("1.0") < versions.LooseVersion("1.0a")
    dictupdate = importlib.import_module("salt.utils.dictupdate")
    assert dictupdate.update({"a": {"b": 1}}, {"a": {"c": 2}}) == {"a": {"b": 1, "c": 2}}
    assert importlib.import_module("salt.utils.path").join("/a", "/b") == "/a/b"
    assert importlib.import_module("salt.utils.args").clean_kwargs(a=1, __pub_jid=2) == {"a": 1}
