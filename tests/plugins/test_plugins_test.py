"""The execution module `test`, function by function."""

import re

import pytest

import trisalt
from trisalt.errors import CommandError, InvocationError
from trisalt.loader.dunders import Plugins


@pytest.fixture
def plugins():
    return Plugins({"id": "m1", "hash_type": "sha256"}, grains={"os": "Debian"}, pillar={"secret": "x"})


def test_answers(salt):
    assert salt["test.ping"]() is True
    assert salt["test.true"]() is True
    assert salt["test.false"]() is False
    assert salt["test.echo"]("hi") == "hi"
    assert salt["test.outputter"]("x") == "x"


def test_arguments(salt):
    assert salt["test.arg"](1, a=2, __pub_jid="7") == {"args": (1,), "kwargs": {"a": 2, "__pub_jid": "7"}}
    assert salt["test.arg_clean"](1, a=2, __pub_jid="7") == {"args": (1,), "kwargs": {"a": 2}}
    assert salt["test.arg_type"](1, a="x") == {"args": ["<class 'int'>"], "kwargs": {"a": "<class 'str'>"}}
    assert salt["test.arg_repr"](1, a=2) == {"args": "(1,)", "kwargs": "{'a': 2}"}
    assert salt["test.kwarg"](a=1) == {"a": 1}


def test_versions(salt):
    assert salt["test.version"]() == trisalt.SALT_VERSION
    information = salt["test.versions_information"]()
    assert list(information) == ["Salt Version", "Python Version", "Dependency Versions", "System Versions"]
    assert information["Salt Version"]["Salt"] == trisalt.SALT_VERSION
    assert information["Dependency Versions"]["msgpack"]
    report = salt["test.versions_report"]()
    assert report.startswith("Salt Version:\n")
    assert re.search(r"^ +msgpack: \d", report, re.MULTILINE)
    assert salt["test.versions"]() == report


def test_options(salt):
    assert salt["test.get_opts"]() == {"id": "m1", "hash_type": "sha256"}
    assert salt["test.opts_pkg"]()["grains"] == {"os": "Debian"}
    assert "secret" not in str(salt["test.get_opts"]())


def test_numbers(salt):
    assert [salt["test.fib"](n)[0] for n in (0, 1, 5, 20)] == [0, 1, 5, 6765]
    assert salt["test.collatz"](6)[0] == [6, 3.0, 10.0, 5.0, 16.0, 8.0, 4.0, 2.0]
    with pytest.raises(InvocationError):
        salt["test.collatz"](0)


def test_random(salt):
    assert len(salt["test.random_hash"]()) == 64
    assert len(salt["test.rand_str"](hash_type="md5")) == 32
    assert salt["test.random_hash"]() != salt["test.random_hash"]()
    with pytest.raises(InvocationError):
        salt["test.random_hash"](hash_type="nosuch")


def test_sleep(salt):
    assert salt["test.sleep"](0) is True
    assert salt["test.rand_sleep"](0.01) is True


def test_retcode(salt, plugins):
    assert salt["test.retcode"](42) is True
    assert plugins.context["retcode"] == 42


def test_failing(salt):
    with pytest.raises(Exception, match="oh"):
        salt["test.exception"]("oh")
    with pytest.raises(TypeError, match="int"):
        salt["test.raise_exception"]("TypeError", "int", __pub_jid="7")
    assert salt["test.raise_exception"]("nosuch") is False
    assert salt["test.raise_exception"]("nosuch.module.Error") is False
    assert salt["test.raise_exception"]("print", "x") is False
    with pytest.raises(AssertionError):
        salt["test.assertion"](False)
    assert salt["test.assertion"](True) is None


def test_others(salt):
    assert salt["test.cross_test"]("test.echo", ["x"]) == "x"
    with pytest.raises(CommandError, match=r"'nosuch\.x' is not available"):
        salt["test.cross_test"]("nosuch.x")
    assert salt["test.try"]("test.echo", text="x", __pub_jid="7") == "x"
    assert salt["test.try"]("test.echo") is None
    assert "missing 1 required" in salt["test.try"]("test.echo", return_try_exception=True)
    assert "test.py" in salt["test.stack"]()
    assert salt["test.tty"]("tty0", "x") == "ERROR: This function has been moved to cmd.tty"


def test_what_is_loaded(salt):
    assert salt["test.provider"]("test") == "test"
    assert salt["test.provider"]("nosuch") == ""
    assert salt["test.providers"]()["sys"] == "sys"
    assert isinstance(salt["test.not_loaded"](), list)
    report = salt["test.module_report"]()
    assert "test.ping" in report["functions"]
    assert "test" in report["modules"]
    assert set(report) == {
        "functions", "function_attrs", "function_subs", "modules", "module_attrs", "missing_attrs", "missing_subs",
    }  # fmt: skip


def test_every_function_says_how_to_call_it(salt):
    assert [name for name in salt.names("test") if "CLI Example:" not in (salt[name].__doc__ or "")] == []
