"""`import salt.…` for plugins."""

import http.server
import importlib
import json
import sys
import threading
from pathlib import Path

import pytest

from trisalt import SALT_VERSION
from trisalt.errors import CommandError, CommandNotFound, InvocationError, TrisaltError
from trisalt.loader import facade
from trisalt.loader.dunders import Plugins

NAMES = sorted(
    ".".join(("salt", *path.relative_to(facade.ROOT).with_suffix("").parts)).removesuffix(".__init__")
    for path in facade.ROOT.rglob("*.py")
)


@pytest.fixture(autouse=True)
def _facade(monkeypatch):
    # One that is there already would know the modules of the tests before.
    others = [finder for finder in sys.meta_path if not isinstance(finder, facade.SaltFinder)]
    monkeypatch.setattr(sys, "meta_path", others)
    # Nor is what others have imported by these names looked at: to Python, a folder of tests may be a package.
    before = _taken()
    facade.install()
    facade.install()
    yield
    _taken()
    sys.modules.update(before)


def _taken():
    """What stands in `sys.modules` as `salt` and below; it stands there no more."""
    names = [name for name in sys.modules if name == "salt" or name.startswith("salt.")]
    return {name: sys.modules.pop(name) for name in names}


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


def test_a_filter_that_a_plugin_marks_is_one_in_templates(tmp_path):
    (tmp_path / "utils").mkdir()
    (tmp_path / "utils" / "marks.py").write_text(
        "from salt.utils.decorators.jinja import jinja_filter\n"
        "@jinja_filter('shout')\ndef _shout(text):\n    return text.upper()\n"
    )
    assert "marks.x" not in Plugins({"extension_modules": str(tmp_path)}).loader("utils")
    templates = importlib.import_module("salt.utils.templates")
    assert templates.render_jinja_tmpl("{{ word | shout }}", {"word": "hi"}) == "HI"


def test_a_shelf_of_ours_is_importable_by_its_own_and_by_stocks_name():
    assert importlib.import_module("salt.modules.cmdmod").run.__name__ == "run"
    assert importlib.import_module("salt.modules.test").ping() is True
    assert importlib.import_module("salt.output.nested").output
    with pytest.raises(ModuleNotFoundError, match="trisalt offers no such module"):
        importlib.import_module("salt.modules.nosuch")


def test_a_loader_of_ones_own(tmp_path):
    loader = importlib.import_module("salt.loader")
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "ctx.py").write_text(
        "def note():\n    __context__['noted'] = __grains__['os']\n    return __pillar__['a']\n"
    )
    opts = {"extension_modules": str(tmp_path), "grains": {"os": "x"}, "pillar": {"a": 1}}
    context = {}
    functions = loader.minion_mods(opts, context=context)
    assert functions["ctx.note"]() == 1
    assert context == {"noted": "x"}
    assert "test.ping" not in loader.minion_mods(opts, whitelist=["ctx"])
    assert loader.utils(opts)["stringutils.to_num"]("5") == 5
    assert loader.raw_mod(opts, "test", None)["test.ping"]() is True
    assert loader.grains({**opts, "grains": {"mine": 1}})["mine"] == 1


def test_the_configuration_as_a_mapping(tmp_path):
    (tmp_path / "minion").write_text("id: m7\nown: 1\n")
    config = importlib.import_module("salt.config")
    opts = config.minion_config(str(tmp_path / "minion"))
    assert (opts["id"], opts["own"], opts["master_port"]) == ("m7", 1, 4506)
    assert config.DEFAULT_MINION_OPTS["file_client"] == "remote"
    (tmp_path / "master").write_text("worker_threads: 7\n")
    assert config.client_config(str(tmp_path / "master"))["worker_threads"] == 7


def test_a_cache_of_files(tmp_path):
    cache = importlib.import_module("salt.cache").factory({"cachedir": str(tmp_path)})
    assert cache.fetch("a/b", "k") == {}
    cache.store("a/b", "k", {"x": [1]})
    assert cache.fetch("a/b", "k") == {"x": [1]}
    assert (cache.list("a/b"), cache.contains("a/b", "k"), cache.contains("x")) == (["k"], True, False)
    cache.flush("a/b", "k")
    assert cache.list("a/b") == []
    with pytest.raises(TrisaltError, match="names no"):
        cache.store("a", "../../etc/x", 1)


class _Page(http.server.BaseHTTPRequestHandler):
    def _answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        said = {"path": self.path, "method": self.command, "auth": self.headers.get("Authorization"),
                "x": self.headers.get("X-Y"), "data": self.rfile.read(length).decode()}  # fmt: skip
        self.send_response(404 if self.path == "/gone" else 200, "no" if self.path == "/gone" else "yes")
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.end_headers()
        self.wfile.write(json.dumps(said).encode())

    do_GET = do_POST = do_PUT = _answer

    def log_message(self, *_args):
        pass


@pytest.fixture(scope="module")
def web():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_web_server_is_asked(web):
    query = importlib.import_module("salt.utils.http").query
    found = query(
        f"{web}/a", "POST", params={"q": "1 2"}, data={"k": "v"}, header_dict={"X-Y": "z"}, username="u", password="p",
        decode=True, status=True, headers=True,
    )  # fmt: skip
    assert found["status"] == 200
    assert found["headers"]["Content-Type"].startswith("application/json")
    assert found["dict"] == {"path": "/a?q=1+2", "method": "POST", "auth": "Basic dTpw", "x": "z", "data": "k=v"}
    assert set(query(f"{web}/b")) == {"body"}
    assert set(query(f"{web}/b", text=True)) == {"body", "text"}
    gone = query(f"{web}/gone", status=True)
    assert (gone["status"], gone["error"]) == (404, "HTTP 404: no")
    assert "refused" in query("http://127.0.0.1:1/")["error"]


@pytest.fixture
def stock(tmp_path):
    """A folder with a package that looks like stock Salt's: of one helper and one module."""
    files = {
        "salt/__init__.py": "NAME = 'stock'\n",
        "salt/loader/__init__.py": "",
        "salt/utils/__init__.py": "",
        "salt/utils/helper.py": "def who(): return 'helper of stock'\n",
        "salt/utils/decorators.py": "class Depends:\n    @classmethod\n    def enforce_dependencies(cls, *a): pass\n",
        "salt/exceptions.py": "raise RuntimeError('never imported')\n",
        "salt/modules/tail.py": (
            "import salt, salt.utils.helper, salt.exceptions\nfrom salt.exceptions import CommandExecutionError\n"
            "def say(): return [salt.NAME, salt.utils.helper.who()]\n"
            "def late():\n    import salt.utils.helper as helper\n    return helper.who()\n"
            "def ours(): return __salt__['mine.say']()\n"
            "def fail(): raise CommandExecutionError('no')\n"
            "def by_dunder(): return __utils__['helper.who']()\n"
        ),
        "salt/modules/test.py": "def ping(): return 'stock'\ndef only(): return 'stock'\n",
        "salt/modules/other.py": "__virtualname__ = 'sys'\ndef __virtual__(): return 'sys'\ndef extra(): return 1\n",
        "ext/modules/mine.py": "import salt.utils.stringutils\ndef say(): return salt.utils.stringutils.__file__\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    yield tmp_path
    while str(tmp_path) in sys.path:
        sys.path.remove(str(tmp_path))


def test_each_file_has_the_salt_that_it_was_written_against(stock):
    opts = {"salt_modules": str(stock), "extension_modules": str(stock / "ext")}
    loader = Plugins(opts).loader("modules")
    here = importlib.import_module("salt")
    assert loader["tail.say"]() == ["stock", "helper of stock"]
    assert loader["tail.late"]() == "helper of stock"
    assert loader["tail.by_dunder"]() == "helper of stock"
    assert loader["tail.ours"]() == str(facade.ROOT / "utils/stringutils.py")
    with pytest.raises(CommandError, match="no"):
        loader["tail.fail"]()
    assert importlib.import_module("salt") is here
    assert not hasattr(here, "NAME")


def test_what_we_have_is_ours_alone(stock):
    loader = Plugins({"salt_modules": str(stock)}).loader("modules")
    assert loader["test.ping"]() is True
    assert "test.only" not in loader
    assert "sys.extra" not in loader
    assert loader.homes()["tail"] == [stock / "salt/modules/tail.py"]
    assert not any("tail" in names for names in (Plugins({}).loader("modules").modules(),))


def test_what_a_daemon_or_a_command_is_made_of_is_not_stocks(stock):
    for kind, name in (("outputters", "output"), ("wheel", "wheel"), ("grains", "grains"), ("executors", "executors")):
        (stock / "salt" / name).mkdir()
        (stock / "salt" / name / "strange.py").write_text("def output(data): return 1\n")
        assert "strange" not in Plugins({"salt_modules": str(stock)}).loader(kind).modules()


def test_a_stock_salt_that_cannot_be_imported_leaves_ours_alone(stock):
    (stock / "salt/__init__.py").write_text("import nosuchlib\n")
    loader = Plugins({"salt_modules": str(stock)}).loader("modules")
    for _again in range(2):
        assert "tail.say" not in loader
        assert loader.missing_reason("tail.say") == "'tail' __virtual__ returned False: No module named 'nosuchlib'"
        loader.reload()
    assert importlib.import_module("salt.version").__version__ == SALT_VERSION


def test_a_folder_without_stock_salt_is_told(tmp_path, caplog):
    assert Plugins({"salt_modules": str(tmp_path)}).loader("modules")["test.ping"]() is True
    assert f"salt_modules: there is no stock Salt in {tmp_path}" in caplog.text
