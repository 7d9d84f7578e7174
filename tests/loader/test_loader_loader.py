"""Finding functions: names, virtual names, sources in order, what is not there and why."""

import shutil
import sys
import sysconfig
import textwrap
import zipfile
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from trisalt.errors import LoaderError
from trisalt.loader import facade
from trisalt.loader.dunders import Plugins
from trisalt.loader.kinds import KINDS
from trisalt.loader.shelf import shelf
from trisalt.loader.sources import SHELVES, sources


@pytest.fixture
def place(tmp_path):
    """Write plugin files, by folder and name, and load them."""

    class Place:
        def __init__(self):
            self.extmods = tmp_path / "extmods"
            self.opts = {"extension_modules": str(self.extmods)}

        def write(self, name, text, *, kind="modules", under=None):
            path = (under or self.extmods / kind) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text))
            return path

        def plugins(self, **parts):
            return Plugins(self.opts, **parts)

        def loader(self, kind="modules", **parts):
            return self.plugins(**parts).loader(kind)

    return Place()


def test_a_function_is_found_by_file_and_name(place):
    place.write("hw.py", "def say(): return 'hello'")
    assert place.loader()["hw.say"]() == "hello"


def test_only_the_file_that_is_asked_for_is_imported(place):
    place.write("other.py", "raise RuntimeError('imported')")
    place.write("hw.py", "def say(): return 1")
    loader = place.loader()
    assert loader["hw.say"]() == 1
    assert "other" not in loader._missing


def test_a_module_is_offered_once_a_file_has_it(place):
    place.write("other.py", "def __virtual__(): return 'shop'\ndef buy(): return 1")
    place.write("shut.py", "def __virtual__(): return False\ndef buy(): return 1")
    loader = place.loader()
    assert [loader.offers(name) for name in ("shop", "test", "shut", "nosuch")] == [True, True, False, False]


def test_our_own_shelf_is_there():
    assert Plugins({}).loader("modules")["test.ping"]() is True


def test_a_synced_file_takes_the_place_of_ours(place):
    place.write("test.py", "def ping(): return 'mine'")
    loader = place.loader()
    assert loader["test.ping"]() == "mine"
    assert "test.echo" not in loader
    assert not loader.built_in("test.ping")


def test_a_file_that_says_it_is_test_adds_to_ours(place):
    place.write("more.py", "def __virtual__(): return 'test'\ndef ping(): return 'mine'\ndef extra(): return 'more'")
    loader = place.loader()
    assert loader["test.extra"]() == "more"
    assert loader["test.ping"]() is True
    assert loader.built_in("test.ping")


def test_our_own_files_say_which_module_they_are_and_what_they_have_without_being_loaded():
    plugins = Plugins({"id": "m1", "grains": {}})
    for kind in KINDS:
        loader = plugins.loader(kind)
        functions = list(loader)
        for name, files in loader.homes().items():
            ours = [(shelf(file.parent), file.stem) for file in files if file.parent == SHELVES / kind]
            # A file of that very name is loaded whatever is asked for.
            others = [(place, stem) for place, stem in ours if stem != name]
            assert all(place.may_be(stem, name) for place, stem in others), (kind, name)
            for full in functions if len(others) == len(files) else ():
                module, _dot, function = full.partition(".")
                if module == name:
                    assert any(place.may_have(stem, function) for place, stem in others), (kind, full)


def test_of_our_own_files_only_those_are_loaded_that_may_have_a_function():
    states = Plugins({"id": "m1"}).loader("states")
    assert "file.managed" in states
    assert "file.mod_init" not in states
    assert states._tried == {"file"}
    assert "file.symlink" in states
    assert states._tried == {"file", "file_links"}


def test_why_a_function_is_missing_is_known_where_no_file_has_it():
    modules = Plugins({"id": "m1", "grains": {"os_family": "Nosuch", "os": "Nosuch"}}).loader("modules")
    assert modules.missing_reason("pkg.nosuch").startswith("'pkg' __virtual__ returned False: ")


def test_a_file_of_ours_is_not_loaded_for_a_word_that_it_uses():
    states = Plugins({"id": "m1"}).loader("states")
    assert "test.nosuch" not in states
    assert states._tried == {"test"}


def test_virtual_may_name_the_module(place):
    place.write("aptshop.py", "def __virtual__(): return 'shop'\ndef install(): return 'apt'")
    loader = place.loader()
    assert loader["shop.install"]() == "apt"
    assert "aptshop.install" not in loader
    assert loader.missing_reason("aptshop.install") == "'aptshop.install' is not available."


def test_virtualname_with_true(place):
    place.write("a_file.py", "__virtualname__ = 'nice'\ndef __virtual__(): return True\ndef x(): return 1")
    assert place.loader()["nice.x"]() == 1


def test_the_first_that_loads_is_taken(place):
    place.write("one.py", "__virtualname__ = 'shop'\ndef __virtual__(): return False\ndef x(): return 1")
    place.write("two.py", "__virtualname__ = 'shop'\ndef __virtual__(): return __virtualname__\ndef x(): return 2")
    assert place.loader()["shop.x"]() == 2


@pytest.mark.parametrize(
    ("name", "text", "asked", "reason"),
    [
        ("a", "def x(): pass", "nosuch.fun", "'nosuch.fun' is not available."),
        ("a", "def x(): pass", "a.y", "'a.y' is not available."),
        ("nope", "def __virtual__(): return (False, 'no such lib')", "nope.x",
         "'nope' __virtual__ returned False: no such lib"),
        ("nope", "def __virtual__(): return False", "nope.x", "'nope' __virtual__ returned False"),
        ("syn", "def x(:", "syn.x", "'syn' __virtual__ returned False: invalid syntax (syn.py, line 1)"),
        ("imp", "import nosuchlib", "imp.x", "'imp' __virtual__ returned False: No module named 'nosuchlib'"),
        ("quits", "raise SystemExit(3)", "quits.x", "'quits' __virtual__ returned False: 3"),
    ],
)  # fmt: skip
def test_why_a_name_is_not_there(place, name, text, asked, reason):
    place.write(f"{name}.py", text)
    loader = place.loader()
    assert loader.get(asked) is None
    with pytest.raises(KeyError):
        loader[asked]
    assert loader.missing_reason(asked) == reason


def test_a_virtual_that_raises_says_so(place):
    place.write("bad.py", "def __virtual__(): raise ValueError('dear me')\ndef x(): pass")
    assert "Module will not be loaded: dear me" in place.loader().missing_reason("bad.x")


def test_what_is_exposed(place):
    place.write(
        "shop.py",
        """
        from shutil import which
        from functools import partial
        __func_alias__ = {"list_": "list"}
        def list_(): return 1
        def _hidden(): return 2
        class Thing: pass
        value = 3
        part = partial(_hidden)
        """,
    )
    assert [name for name in place.loader() if name.startswith("shop.")] == ["shop.list"]


def test_load_restricts(place):
    place.write("shop.py", "__load__ = ['one']\ndef one(): pass\ndef two(): pass")
    assert [name for name in place.loader() if name.startswith("shop.")] == ["shop.one"]


def test_a_virtualname_without_virtual_is_no_name(place):
    place.write("a_file.py", "__virtualname__ = 'nice'\ndef x(): return 1")
    assert "nice.x" not in place.loader()
    assert place.loader()["a_file.x"]() == 1


def test_the_reasons_of_all_files_of_one_virtual_name_are_told(place):
    for name in ("one", "two"):
        place.write(f"{name}.py", f"__virtualname__ = 'shop'\ndef __virtual__(): return False, 'no {name}'")
    loader = place.loader()
    assert loader.missing()["shop"] == "no one; no two"
    assert loader.missing_reason("two.x") == "'two' __virtual__ returned False: no two"


@pytest.mark.parametrize(
    ("start", "loads"),
    [("def __init__(opts): global ID; ID = opts['id']", True), ("def __init__(): pass", True),
     ("def __init__(opts): raise ValueError('no')", False)],
)  # fmt: skip
def test_a_module_may_initialise_itself(place, start, loads):
    place.opts["id"] = "m1"
    place.write("own.py", f"ID = 'm1'\n{start}\ndef x(): return ID")
    loader = place.loader()
    assert ("own.x" in loader) is loads
    assert loads or loader.missing_reason("own.x") == "'own' __virtual__ returned False: __init__ failed"


def test_a_zip_file_is_loaded_where_that_is_allowed(place):
    place.write("kept.txt", "")
    with zipfile.ZipFile(place.extmods / "modules" / "packed.zip", "w") as archive:
        archive.writestr("packed.py", "def say(): return [__opts__['id'], __salt__['test.ping'](), __name__]")
    place.opts["id"] = "m1"
    assert "packed.say" not in place.loader()
    place.opts["enable_zip_modules"] = True
    assert place.loader()["packed.say"]() == ["m1", True, "salt.loaded.ext.module.packed"]


def test_a_compiled_file_is_loaded(place):
    compiled = next(Path(sysconfig.get_config_var("DESTSHARED")).glob("[a-z]*.so"))
    place.write(f"broken{EXTENSION_SUFFIXES[0]}", "no library")
    shutil.copy(compiled, place.extmods / "modules")
    loader = place.loader()
    assert compiled.name.partition(".")[0] in loader.modules()
    assert "file too short" in loader.missing_reason("broken.x")


def test_helpers_of_the_facade_are_utils_too(place, monkeypatch):
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    facade.install()
    place.write("uses.py", "def num(): return __utils__['stringutils.to_num']('7')")
    place.write("mine.py", "from shutil import which\n", kind="utils")
    assert place.loader()["uses.num"]() == 7
    assert "mine.which" in place.loader("utils")


def test_states_have_serializers_and_a_site_may_bring_more(place, monkeypatch):
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    facade.install()
    place.write("loud.py", "def serialize(obj, **options): return str(obj).upper()", kind="serializers")
    place.write("keep.py", "def kept(name, data): return [__serializers__[f'{form}.serialize'](data) for form in ('json', 'yaml', 'loud')]",
                kind="states")  # fmt: skip
    assert place.loader("states")["keep.kept"]("x", {"a": [1]}) == ['{"a": [1]}', "a: [1]", "{'A': [1]}"]
    assert place.loader("serializers")["toml.deserialize"]("a = 1") == {"a": 1}


def test_a_package_finds_its_parts_by_both_names(place):
    place.write("__init__.py", "from .inner import word\nfrom big.inner import word as again\ndef say(): return word + again",
                under=place.extmods / "modules/big")  # fmt: skip
    place.write("inner.py", "word = 'hello'", under=place.extmods / "modules/big")
    try:
        assert place.loader()["big.say"]() == "hellohello"
    finally:
        for name in ("big", "big.inner"):
            sys.modules.pop(name, None)


def test_a_file_that_changed_on_disk_is_noticed(place):
    path = place.write("hw.py", "def say(): return 1")
    plugins = place.plugins()
    assert plugins.loader("modules")["hw.say"]() == 1
    plugins.notice()
    assert plugins.loader("modules")._functions
    path.write_text("def say(): return 222")
    plugins.notice()
    assert plugins.loader("modules")["hw.say"]() == 222
    path.unlink()
    plugins.notice()
    assert "hw.say" not in plugins.loader("modules")


def test_a_folder_that_came_later_is_noticed(place):
    plugins = place.plugins()
    assert plugins.loader("modules")["test.ping"]() is True
    place.write("test.py", "def ping(): return 'mine'")
    plugins.notice()
    assert plugins.loader("modules")["test.ping"]() == "mine"


def test_where_modules_come_from(place):
    path = place.write("hw.py", "def say(): return 1")
    homes = place.loader().homes()
    assert homes["hw"] == [path]
    assert homes["test"] == [SHELVES / "modules" / "test.py"]


def test_virtual_aliases(place):
    place.write("shop.py", "__virtual_aliases__ = ('store',)\ndef one(): return 1")
    assert place.loader()["store.one"]() == 1


def test_outputter(place):
    place.write("shop.py", "__outputter__ = {'one': 'highstate'}\ndef one(): pass\ndef two(): pass")
    loader = place.loader()
    assert loader.outputter("shop.one") == "highstate"
    assert loader.outputter("shop.two") is None


def test_dunders_are_there_while_the_file_runs(place):
    place.write(
        "dun.py",
        """
        seen = __opts__["id"]
        def __virtual__(): return __grains__["os"] == "Debian"
        def all_(): return [seen, __grains__["os"], __pillar__["p"], __salt__["test.ping"](), __context__, __opts__["id"]]
        """,
    )
    place.opts["id"] = "m1"
    loader = place.loader(grains={"os": "Debian"}, pillar={"p": 7})
    assert loader["dun.all_"]() == ["m1", "Debian", 7, True, {}, "m1"]


def test_a_files_own_opts_are_defaults(place):
    place.write("dun.py", "__opts__ = {'id': 'x', 'mine': 1}\ndef opts(): return [__opts__['id'], __opts__['mine']]")
    place.opts["id"] = "m1"
    assert place.loader()["dun.opts"]() == ["m1", 1]


def test_utils_by_dunder_and_by_import(place):
    place.write("helper.py", "def twice(x): return 2 * x", kind="utils")
    place.write("uses.py", "import helper\ndef both(x): return [__utils__['helper.twice'](x), helper.twice(x)]")
    before = list(sys.path)
    try:
        assert place.loader()["uses.both"](2) == [4, 4]
    finally:
        sys.modules.pop("helper", None)
    assert sys.path == before


def test_functions_as_attributes(place):
    loader = place.loader()
    assert loader.test.echo("x") == "x"
    with pytest.raises(AttributeError, match=r"'test.nosuch' is not available."):
        loader.test.nosuch()


def test_a_package_is_a_module(place):
    place.write("__init__.py", "from .inner import word\ndef say(): return word", under=place.extmods / "modules/big")
    place.write("inner.py", "word = 'hello'", under=place.extmods / "modules/big")
    assert place.loader()["big.say"]() == "hello"


def test_a_file_that_came_later_is_found(place):
    loader = place.loader()
    assert "late.say" not in loader
    place.write("late.py", "def say(): return 1")
    assert loader["late.say"]() == 1


def test_reload_reads_a_file_again(place):
    path = place.write("hw.py", "def say(): return 1")
    plugins = place.plugins()
    assert plugins.loader("modules")["hw.say"]() == 1
    path.write_text("def say(): return 22")
    plugins.reload()
    assert plugins.loader("modules")["hw.say"]() == 22


def test_a_whitelist_is_for_what_is_named_from_outside(place):
    place.opts["whitelist_modules"] = ["config", "none"]
    plugins = place.plugins()
    offered = plugins.offered("modules")
    assert offered["config.get"]
    assert offered.get("test.ping") is None
    assert offered.missing_reason("test.ping") == "'test.ping' is not available."
    assert {name.partition(".")[0] for name in offered} == {"config"}
    assert plugins.loader("modules")["test.ping"], "plugins among themselves find all"


def test_state_modules_have_a_whitelist_of_their_own(place):
    place.opts["whitelist_state_modules"] = ["test"]
    states = place.plugins().loader("states")
    assert "test.nop" in states
    assert "file.managed" not in states


def test_disabled(place):
    place.opts["disable_modules"] = ["test"]
    loader = place.loader()
    assert "test.ping" not in loader
    assert loader.missing_reason("test.ping") == "'test.ping' is not available."


def test_providers(place):
    place.write("yumshop.py", "def __virtual__(): return False\ndef install(): return 'yum'\ndef sell(): return 'yum'")
    place.write(
        "aptshop.py", "def __virtual__(): return 'shop'\ndef install(): return 'apt'\ndef purge(): return 'apt'"
    )
    place.opts["providers"] = {"shop": "yumshop"}
    loader = place.loader()
    assert loader["shop.install"]() == "yum"
    assert loader["shop.purge"]() == "apt"
    # What only the one that is named has, and after everything else has been loaded.
    assert place.loader()["shop.sell"]() == "yum"
    every = place.loader()
    assert len(every) > 3
    assert every["shop.install"]() == "yum"
    assert every["test.provider"]("shop") == "yumshop"


def test_unknown_kind():
    with pytest.raises(LoaderError):
        Plugins({}).loader("nosuch")


def test_runners_call_each_other_by_salt(place):
    place.write("one.py", "def x(): return __salt__['two.y']()", kind="runners")
    place.write("two.py", "def y(): return 5", kind="runners")
    assert place.loader("runners")["one.x"]() == 5


# -- sources -------------------------------------------------------------------------------------------------------


def test_the_order_of_sources(tmp_path):
    for name in ("cli/modules", "cli2/_modules", "ext/modules", "plain"):
        (tmp_path / name).mkdir(parents=True)
    opts = {
        "module_dirs": [str(tmp_path / "cli"), str(tmp_path / "cli2"), str(tmp_path / "plain")],
        "extension_modules": str(tmp_path / "ext"),
    }
    found = sources("modules", opts)
    assert found[:3] == [tmp_path / "cli2/_modules", tmp_path / "cli/modules", tmp_path / "ext/modules"]
    assert found[-1] == SHELVES / "modules"
    assert tmp_path / "plain" in found
    assert tmp_path / "cli2/_modules" not in sources("states", opts)


def test_outputters_are_under_stocks_folder(tmp_path):
    (tmp_path / "output").mkdir()
    assert tmp_path / "output" in sources("outputters", {"extension_modules": str(tmp_path)})


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("shelf", ""),
        (
            "shelf:dirs",
            "from pathlib import Path\ndef dirs(): return {'modules': [str(Path(__file__).parent / 'modules')]}",
        ),
    ],
)
def test_packages_may_bring_plugins(tmp_path, monkeypatch, target, code):
    package = tmp_path / "shelf"
    (package / "modules").mkdir(parents=True)
    (package / "__init__.py").write_text(code)
    (package / "modules" / "brought.py").write_text("def x(): return 9")
    info = tmp_path / "shelf-1.dist-info"
    info.mkdir()
    (info / "entry_points.txt").write_text(f"[other]\na = b\n\n[salt.loader]\nany = {target}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    try:
        assert Plugins({}).loader("modules")["brought.x"]() == 9
    finally:
        sys.modules.pop("shelf", None)


def test_a_package_that_fails_takes_nothing_with_it(tmp_path, monkeypatch):
    (tmp_path / "broken_shelf.py").write_text("raise RuntimeError('no')")
    info = tmp_path / "broken-1.dist-info"
    info.mkdir()
    (info / "entry_points.txt").write_text("[salt.loader]\nany = broken_shelf\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert Plugins({}).loader("modules")["test.ping"]() is True
