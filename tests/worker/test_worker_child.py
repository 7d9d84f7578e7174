"""One call: what its plugin does, and the texts and retcodes that come of it."""

import datetime
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trisalt.errors import LocalProtocolError
from trisalt.loader.dunders import Plugins
from trisalt.wire.codec import pack_bin, unpack_bin
from trisalt.worker import life
from trisalt.worker.child import run_call
from trisalt.worker.plain import durable, plain
from trisalt.worker.protocol import Call, Failure


@pytest.fixture
def run(lab):
    def run(fun, *arg, progress=None, **how):
        call = Call(fun=fun, jid="20260101000000000000", arg=list(arg), **how)
        return run_call(call, Plugins(lab.context.opts, grains={"os": "Debian"}), progress=progress)

    return run


def test_a_result(run):
    outcome = run("probe.grain", "os")
    assert (outcome.result, outcome.retcode, outcome.success, outcome.failure) == ("Debian", 0, True, None)


def test_the_outputter_of_the_module(run):
    assert run("probe.gend").out == "highstate"


@pytest.mark.parametrize(
    ("returned", "retcode"),
    [
        ({"data": {}, "outputter": "highstate", "retcode": 1}, 1),
        ({"data": {"retcode": 2}, "outputter": "nested"}, 2),
        ({"data": {"retcode": 2}}, 0),
        ({"retcode": "no"}, 0),
    ],
    ids=str,
)
def test_a_runner_has_failed_if_what_it_returns_says_so(run, lab, returned, retcode):
    lab.write("ends", "def so(returned): return returned", "runners")
    outcome = run("ends.so", returned, kind="runners")
    assert (outcome.result, outcome.retcode, outcome.success) == (returned, retcode, retcode == 0)


@pytest.mark.parametrize(
    ("fun", "text", "retcode", "failure"),
    [
        ("nosuch.fun", "'nosuch.fun' is not available.", 1, Failure.MISSING),
        ("probe.nosuch", "'probe.nosuch' is not available.", 1, Failure.MISSING),
        ("probe.cee", "ERROR: no way", 1, Failure.COMMAND),
        ("probe.cee7", "ERROR: no way", 7, Failure.COMMAND),
        ("probe.sie", "ERROR executing 'probe.sie': bad call", 1, Failure.INVOCATION),
        ("probe.cnf", "Command required for 'probe.cnf' not found: apt-foo", 1, Failure.NOT_FOUND),
    ],
)
def test_stocks_texts(run, fun, text, retcode, failure):
    outcome = run(fun)
    assert (outcome.result, outcome.retcode, outcome.failure) == (text, retcode, failure)
    assert (outcome.success, outcome.out) == (False, "nested")


def test_a_module_that_does_not_load(run, lab):
    lab.write("nope", "def __virtual__(): return (False, 'no such lib')\ndef x(): pass")
    assert run("nope.x").result == "'nope' __virtual__ returned False: no such lib"


def test_arguments_that_do_not_fit(run):
    outcome = run("test.echo")
    first, *rest = outcome.result.splitlines()
    assert first == "Passed invalid arguments to test.echo: echo() missing 1 required positional argument: 'text'"
    assert "    Give back the text that was sent" in rest
    assert (outcome.retcode, outcome.failure) == (1, Failure.ARGUMENTS)


def test_keywords_that_are_not_taken(run):
    outcome = run("test.echo", "hi", {"__kwarg__": True, "x": 1})
    assert outcome.result == "ERROR executing 'test.echo': The following keyword arguments are not valid: x=1"


@pytest.mark.parametrize("fun", ["probe.ve", "probe.te", "probe.quit"])
def test_an_exception_is_its_traceback_from_the_plugin_on(run, fun):
    outcome = run(fun)
    assert outcome.result.startswith("The minion function caused an exception: Traceback (most recent call last):\n")
    assert outcome.result.count("  File ") == 1
    assert "probe.py" in outcome.result
    assert (outcome.retcode, outcome.failure) == (1, Failure.EXCEPTION)


def test_a_type_error_of_the_body_is_no_wrong_call(run):
    assert "TypeError: inside" in run("probe.te").result


@pytest.mark.parametrize(
    ("fun", "arg", "retcode"),
    [("probe.res", [], 1), ("probe.suc", [], 1), ("probe.ctx", [42], 42), ("probe.ctx", [0], 0), ("test.false", [], 0),
     ("test.retcode", [42], 42), ("test.retcode", ["abc"], 1)],
)  # fmt: skip
def test_retcodes(run, fun, arg, retcode):
    outcome = run(fun, *arg)
    assert (outcome.retcode, outcome.success) == (retcode, retcode == 0)


def test_context_lives_for_one_call(lab):
    plugins = Plugins(lab.context.opts)
    assert [run_call(Call(fun="probe.context", jid="1"), plugins).result for _ in range(2)] == [1, 1]


def test_a_generator_is_told_item_by_item(run):
    told = []
    assert run("probe.gen", progress=lambda number, item: told.append((number, item))).result == [0, 1, 2]
    assert told == [(0, 0), (1, 1), (2, 2)]


def test_a_generator_of_maps_is_one_map(run):
    assert run("probe.gend").result == {"a": 1, "b": 2}


def test_the_publication_for_functions_with_any_keyword(run):
    assert run("probe.kws", {"__kwarg__": True, "a": 1}, pub={"jid": "7", "fun": "x"}).result == {
        "a": 1,
        "__pub_jid": "7",
        "__pub_fun": "x",
    }


def test_several_functions(run):
    outcome = run(["test.ping", "probe.ctx", "nosuch.x"], [], [3], [])
    assert outcome.result == {"test.ping": True, "probe.ctx": "x", "nosuch.x": "'nosuch.x' is not available."}
    assert outcome.retcode == {"test.ping": 0, "probe.ctx": 3, "nosuch.x": 1}
    assert outcome.success == {"test.ping": True, "probe.ctx": False, "nosuch.x": False}


def test_several_functions_in_order(run):
    outcome = run(["test.echo", "test.echo"], ["a"], ["b"], ordered=True)
    assert (outcome.result, outcome.retcode, outcome.success) == (["a", "b"], [0, 0], [True, True])


def test_executors(run, lab):
    assert run("test.ping", executors=["direct_call"]).result is True
    assert run("test.ping", executors=["nosuch"]).result == (
        "ERROR executing 'test.ping': Executor 'nosuch' is not available"
    )
    lab.write(
        "loud", "def execute(opts, data, func, args, kwargs): return [opts['executor_opts'], func(*args)]", "executors"
    )
    assert run("test.ping", executors=["loud"], executor_opts={"a": 1}).result == [{"a": 1}, True]


def test_an_executor_that_declines(run, lab):
    lab.write("quiet", "def execute(opts, data, func, args, kwargs): return None", "executors")
    assert run("test.ping", executors=["quiet", "direct_call"]).result is True


# -- what travels --------------------------------------------------------------------------------------------------


class Odd:
    def __str__(self):
        return "odd"


class Worse:
    def __str__(self):
        raise ValueError


@pytest.mark.parametrize(
    ("value", "comes"),
    [
        ({"a": Odd()}, {"a": "odd"}),
        ([Worse()], ["<Worse>"]),
        ({(1, 2): 3}, {"(1, 2)": 3}),
        ({1, }, [1]),
        ((1, 2), [1, 2]),
        (2**70, str(2**70)),
        ("\ud800", "?"),
        ({frozenset({1}): 1}, {"frozenset({1})": 1}),
        (datetime.datetime(2026, 1, 2), datetime.datetime(2026, 1, 2)),
    ],
)  # fmt: skip
def test_what_has_no_place_becomes_text(value, comes):
    assert unpack_bin(pack_bin(plain(value))) == comes


def test_what_is_nested_too_deep_ends_in_text():
    value = []
    value.append(value)
    text = plain(value)
    for _ in range(200):
        if isinstance(text, str):
            break
        text = text[0]
    assert text == "[[...]]"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers() | st.tuples(st.integers()), inner),
    )
)
def test_anything_travels(value):
    unpack_bin(pack_bin(plain(value)))


def test_a_durable_file_is_its_owners(tmp_path):
    durable(tmp_path / "x", b"1")
    durable(tmp_path / "x", b"22")
    assert (tmp_path / "x").read_bytes() == b"22"
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_too_large_is_said():
    with pytest.raises(LocalProtocolError):
        plain(b"x" * (129 << 20))


@pytest.mark.parametrize("durable", [False, True])
def test_the_mark_of_a_durable_job_outlasts_a_power_cut_and_no_other_costs_a_sync(tmp_path, monkeypatch, durable):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(os.path.basename(os.readlink(f"/proc/self/fd/{fd}"))))
    call = Call(fun="test.true", jid="1", pub={"durable": True} if durable else {})
    assert life._begin(tmp_path / "1", call) is None
    assert (tmp_path / ".1.new").exists()
    assert synced == ([".1.new", tmp_path.name] if durable else [])
