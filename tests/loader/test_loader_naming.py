"""`id_function`: what it is given, and what is said of one that gives no id."""

import os

import pytest

from trisalt.cli.naming import IdAsked
from trisalt.errors import ConfigError
from trisalt.loader.naming import id_by_function

MODULE = """
import os
def __virtual__(): return False, "not before there is a master"
def give(prefix="x"): return f"{prefix}-{__grains__['rack']}-{__opts__['id']}"
def number(): return 7
def empty(): return ""
def boom(): raise ValueError("no\\nname")
def leave(): raise SystemExit(3)
def die(): os._exit(5)
def pid(): return f"p{os.getpid()}"
def loud(): print("m2") or os.system("echo m3"); return "m1"
"""


@pytest.fixture
def opts(tmp_path):
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "naming.py").write_text(MODULE)
    grains = tmp_path / "grains"
    grains.mkdir()
    (grains / "rack.py").write_text("def rack(): return {'rack': 'r7'}")
    return {"module_dirs": [str(tmp_path)], "id": "", "user": "root", "disable_grains": ["hardware", "system"]}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("naming.give", "x-r7-"),
        ({"naming.give": None}, "x-r7-"),
        ({"naming.give": {"prefix": "web"}}, "web-r7-"),
        ({"test.echo": {"text": "foo"}}, "foo"),
        ({"grains.get": {"key": "rack"}}, "r7"),
    ],
)
def test_the_function_gives_the_id(opts, said, expected):
    assert id_by_function({**opts, "id_function": said}) == expected


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (["naming.give"], "'id_function' option is neither a string nor a dictionary"),
        ({"naming.give": [1]}, "the arguments of naming.give are no map"),
        ("naming.missing", "Failed to load module naming.missing: 'naming.missing' is not available"),
        ("absent.x", "Failed to load module absent.x: 'absent.x' is not available"),
        ("nodot", "Failed to load module nodot"),
        ({"naming.number": {"a": 1}}, "Function arguments are incorrect for function naming.number: .*'a'"),
        ("naming.number", "Function naming.number returned value \"7\" of type <class 'int'> instead of string"),
        ("naming.empty", "Function naming.empty returned value \"\" of type <class 'str'> instead of string"),
        ("naming.boom", "naming.boom failed: ValueError: no name$"),
        ("naming.leave", "naming.leave failed: SystemExit: 3$"),
    ],
)
def test_a_function_that_gives_none_is_one_clear_line(opts, said, told):
    with pytest.raises(ConfigError, match=told) as raised:
        id_by_function({**opts, "id_function": said})
    assert "\n" not in str(raised.value)


def test_a_daemon_asks_once_and_in_another_process(opts):
    ask = IdAsked()
    first = ask({**opts, "id_function": "naming.pid"})
    assert first != f"p{os.getpid()}"
    assert ask({**opts, "id_function": "naming.pid"}) == first


def test_what_the_function_prints_is_no_part_of_its_answer(opts, capfd):
    assert IdAsked()({**opts, "id_function": "naming.loud"}) == "m1"
    printed = capfd.readouterr()
    assert (printed.out, sorted(printed.err.split())) == ("", ["m2", "m3"])


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("naming.boom", "naming.boom failed: ValueError"),
        ("naming.die", "its process ended with status 5"),
    ],
)
def test_a_function_that_fails_in_that_process_is_told(opts, said, told):
    with pytest.raises(ConfigError, match=told):
        IdAsked()({**opts, "id_function": said})


def test_it_does_not_run_as_a_user_who_is_not_there(opts):
    with pytest.raises(ConfigError, match="id_function: there is no user nobody-here to ask as"):
        IdAsked()({**opts, "user": "nobody-here", "id_function": "naming.pid"})
