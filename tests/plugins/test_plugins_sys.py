"""The execution module `sys`: documentation by looking at what is loaded."""

import json
from pathlib import Path

import pytest

from trisalt.errors import InvocationError
from trisalt.loader.dunders import Plugins
from trisalt.loader.sources import SHELVES
from trisalt.worker import upcall

# What stock Salt 3008.3 tells of the plugins below: recorded calls, and their answers.
STOCK = json.loads((Path(__file__).parent / "stock_sys.json").read_text())
PLUGIN = '''"""
Doc of the module.
"""
__func_alias__ = {"list_": "list"}


def one(a, b=1, *args, **kwargs):
    """
    Doc of one

    .. versionadded:: 3000

    .. note::
        Look here.

    CLI Example:

    .. code-block:: bash

        salt '*' zz.one
    """


def list_(name):
    "Doc of list"


def nodoc(x, y=None):
    pass


def _hidden():
    pass
'''
RENDERER = '"""\nDoc\n"""\ndef render(data, saltenv="base", sls="", **kw):\n    """\n    Doc of render\n    """\n    return data\n'
FILES = {
    "modules/zz_site.py": PLUGIN,
    "modules/zz_other.py": 'def two():\n    "Doc of two"\n',
    "states/zz_state.py": PLUGIN,
    "runners/zz_run.py": PLUGIN,
    "returners/zz_ret.py": PLUGIN,
    "renderers/zz_rend.py": RENDERER,
}


@pytest.fixture
def salt(tmp_path):
    for kind, text in (
        ("states", '"""Do things."""\ndef done(name, *, retries=1):\n    """\n    It is done.\n    """\n'),
        ("returners", 'def returner(ret):\n    """\n    Print it.\n    """\n'),
    ):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "mine.py").write_text(text)
    return Plugins({"id": "m1", "extension_modules": str(tmp_path)}).loader("modules")


def test_doc(salt):
    (name,) = salt["sys.doc"]("test.ping")
    assert name == "test.ping"
    docs = salt["sys.doc"]("test")
    assert docs["test.ping"].startswith("\n    Answer: the minion is there")
    assert ".. code-block" not in docs["test.ping"]
    assert all(name.startswith("test.") for name in docs)
    assert salt["sys.doc"]("nosuch") == {}
    assert set(salt["sys.doc"]("sys.list_*")) == {name for name in salt if name.startswith("sys.list_")}
    assert {"test.ping", "sys.doc"} <= set(salt["sys.doc"]())
    assert set(salt["sys.doc"]("test.ping", "sys.doc")) == {"test.ping", "sys.doc"}


def test_a_module_is_not_another_that_begins_so(salt):
    assert not any(name.startswith("system.") for name in salt["sys.doc"]("sys"))


def test_argspec(salt):
    assert salt["sys.argspec"]("test.echo") == {
        "test.echo": {"args": ["text"], "defaults": None, "varargs": None, "kwargs": None}
    }
    assert salt["sys.argspec"]("test.arg")["test.arg"] == {
        "args": None,
        "defaults": None,
        "varargs": True,
        "kwargs": True,
    }
    assert salt["sys.argspec"]("nosuch") == {}
    assert "test.ping" in salt["sys.argspec"]("test")


def test_lists(salt):
    assert salt["sys.list_modules"]("te*") == ["temp", "test"]
    assert {"test", "sys", "saltutil"} <= set(salt["sys.list_modules"]())
    functions = salt["sys.list_functions"]("test")
    assert functions == sorted(functions)
    assert {"test.ping", "test.true", "test.try"} <= set(functions)
    assert salt["sys.list_functions"]("test.arg*") == ["test.arg", "test.arg_clean", "test.arg_repr", "test.arg_type"]
    assert salt["sys.list_functions"]("test.ping", extra=1) == ["test.ping"]


def test_other_kinds(salt):
    assert "mine" in salt["sys.list_state_modules"]()
    assert salt["sys.list_state_functions"]("mine") == ["mine.done"]
    assert salt["sys.state_doc"]("mine.done") == {"mine": "Do things.", "mine.done": "\n    It is done.\n    "}
    assert salt["sys.state_argspec"]("mine.done")["mine.done"]["args"] == ["name", "retries"]
    assert "mine" in salt["sys.list_returners"]()
    assert salt["sys.list_returner_functions"]("mine") == ["mine.returner"]
    assert "Print it." in salt["sys.returner_doc"]("mine.returner")["mine.returner"]
    assert salt["sys.returner_argspec"]("mine")["mine.returner"]["args"] == ["ret"]
    assert "jobs" in salt["sys.list_runners"]("j*")
    assert "jobs.list_jobs" in salt["sys.list_runner_functions"]("jobs.l*")
    assert "jobs.list_jobs" in salt["sys.runner_doc"]("jobs")
    assert "jobs.list_jobs" in salt["sys.runner_argspec"]("jobs.list_jobs")


def test_reload_asks_the_host(salt):
    asked = []

    class Host:
        def call(self, kind, fields):
            asked.append((kind, fields["what"]))
            return True

    before = upcall.install(Host())
    try:
        assert salt["sys.reload_modules"]() is None
    finally:
        upcall.install(before)
    assert asked == [("refresh", "modules")]


def test_where_modules_come_from_and_why_others_do_not_load(tmp_path):
    (tmp_path / "modules").mkdir()
    more = tmp_path / "modules" / "more.py"
    more.write_text("def __virtual__(): return 'test'\ndef own(): return 1\n")
    (tmp_path / "modules" / "nope.py").write_text("def __virtual__(): return False, 'no such lib'\n")
    (tmp_path / "modules" / "mute.py").write_text("def __virtual__(): return False\n")
    (tmp_path / "modules" / "syn.py").write_text("def x(:\n")
    salt = Plugins({"extension_modules": str(tmp_path)}).loader("modules")
    found = salt["sys.list_modules"]("test", "sys", source=True)
    assert found == {"test": [str(more), str(SHELVES / "modules/test.py")], "sys": [str(SHELVES / "modules/sys.py")]}
    assert salt["sys.not_loaded"]("nope", "mute", "syn", "more", "test") == {
        "mute": "its __virtual__ says no", "nope": "no such lib", "syn": "invalid syntax (syn.py, line 1)",
    }  # fmt: skip
    assert salt["sys.not_loaded"](kind="returners") == {}
    with pytest.raises(InvocationError, match="There is no kind of plugins called nosuch"):
        salt["sys.not_loaded"](kind="nosuch")


def test_a_schema_of_a_state(salt):
    (schema,) = salt["sys.state_schema"]("mine.done")
    assert (schema["title"], schema["x-ordering"]) == ("mine.done", ["name", "retries"])
    assert [kind["default"] for kind in schema["properties"]["retries"]["oneOf"]] == [1, 1, 1, 1]


def test_everything_of_the_shelf_is_documented(salt):
    docs = salt["sys.doc"]()
    assert [name for name, text in docs.items() if not text or not text.strip()] == []
    assert set(salt["sys.argspec"]()) == set(docs) == set(salt["sys.list_functions"]())


@pytest.fixture(scope="module")
def of_every_kind(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sys")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return Plugins({"id": "m1", "extension_modules": str(folder)}).loader("modules")


@pytest.mark.parametrize("call", STOCK)
def test_it_tells_of_plugins_of_every_kind_what_stock_tells(of_every_kind, call):
    name, *words = call.split()
    assert of_every_kind[f"sys.{name}"](*words) == STOCK[call]
