"""The page that says what is covered: how files are read and compared, and that it can be written."""

import textwrap

import pytest

from tests.support.coverage import PAGE, Module, compare, generate, ours, page, read_module, stock_folder


@pytest.fixture
def read(tmp_path):
    def read(text, name="some_file.py"):
        path = tmp_path / name
        path.write_text(textwrap.dedent(text))
        return read_module(path)

    return read


def test_what_is_read_of_a_file(read):
    module = read("""
        import salt.utils.functools
        __virtualname__ = "some"
        __func_alias__ = {"list_": "list"}
        def list_(): pass
        def _hidden(): pass
        async def later(): pass
        class Thing: pass
        other = list_
        third = salt.utils.functools.alias_function(list_, "third")
        value = 5
        if True:
            def under(): pass
        try:
            import x
        except ImportError:
            def handled(): pass
    """)
    assert (module.stem, module.name) == ("some_file", "some")
    assert module.functions == {"list", "later", "other", "third", "under", "handled"}


def test_a_file_lists_its_functions_itself(read):
    assert read("__load__ = ['one']\ndef one(): pass\ndef two(): pass\n").functions == {"one"}
    assert read("VALUE = 1\n") is None


def module(stem, name, *functions):
    return Module(stem, name, frozenset(functions))


def test_a_file_is_compared_with_its_like():
    stock = [module("aptpkg", "pkg", "a", "b"), module("yumpkg", "pkg", "a", "c"), module("cmdmod", "cmd", "x", "y")]
    own = [module("aptpkg", "pkg", "a", "z"), module("cmd", "cmd", "x")]
    rows = {row.module.stem: (sorted(row.have), row.missing) for row in compare(stock, own)}
    assert rows == {"aptpkg": (["a"], ["b"]), "yumpkg": ([], ["a", "c"]), "cmdmod": (["x"], ["y"])}
    text = page({"modules": stock}, {"modules": own})
    assert "| Execution modules | 2 of 3 | 2 of 6 |" in text
    assert "| `pkg` (aptpkg) | 1 of 2 | `b` |" in text
    assert "Not there: `pkg` (yumpkg) (2)." in text
    assert "Ours alone: `pkg.z`." in text


def test_a_file_is_compared_with_all_its_rooms():
    stock = [module("git", "git", "a", "b"), module("aptpkg", "pkg", "a", "b"), module("yumpkg", "pkg", "a", "b")]
    own = [
        *(module("git", "git", "a"), module("git_remote", "git", "b")),
        *(module("aptpkg", "pkg", "a"), module("apthold", "pkg", "b"), module("yumpkg", "pkg", "a")),
    ]
    missing = {row.module.stem: row.missing for row in compare(stock, own)}
    assert missing == {"git": [], "aptpkg": [], "yumpkg": ["b"]}


def test_our_shelf_is_read_with_what_it_makes():
    found = {module.name: module.functions for module in ours("modules")}
    assert {"ping", "echo", "true"} <= found["test"]
    assert {"sync_modules", "sync_all"} <= found["saltutil"]
    assert {"jinja", "yaml"} <= {module.name for module in ours("renderers")}


def test_the_page_is_there():
    assert PAGE.read_text().startswith("# What is covered\n")


@pytest.mark.interop
def test_the_page_can_be_written():
    if stock_folder() is None:
        pytest.skip("stock Salt is not installed")
    text = generate()
    assert "| Executors | 3 of 3 | 3 of 3 |" in text
    assert "\n## Execution modules\n" in text
