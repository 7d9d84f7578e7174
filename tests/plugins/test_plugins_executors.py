"""The shelf of executors."""

import pytest

from tests.support.debian import need
from trisalt.errors import InvocationError
from trisalt.loader.dunders import Plugins
from trisalt.worker.child import run_call
from trisalt.worker.protocol import Call


@pytest.fixture
def plugins(tmp_path):
    """A minion's plugins, with a configuration on disk that `salt-call` reads too."""

    def make(**opts):
        (tmp_path / "minion").write_text(f"id: m1\nroot_dir: {tmp_path}\nfile_client: local\n")
        opts = {"conf_file": str(tmp_path / "minion"), "id": "m1", "module_executors": ["direct_call"], **opts}
        return Plugins(opts, grains={"id": "m1"})

    return make


def test_direct_call(plugins):
    assert plugins().loader("executors")["direct_call.execute"]({}, {}, lambda a, b: a + b, [1], {"b": 2}) == 3


@pytest.mark.parametrize(("id", "seconds"), [("m1", 283), ("web1.example.org", 284), ("x", 55)])
def test_a_minion_waits_for_as_long_as_a_stock_one(plugins, monkeypatch, id, seconds):
    waited = []
    made = plugins()
    made.renew(grains={"id": id})
    execute = made.loader("executors")["splay.execute"]
    monkeypatch.setattr(execute.__globals__["time"], "sleep", waited.append)
    assert execute({}, {}, None, [], {}) is None
    assert execute({"splaytime": 300}, {"executor_opts": {"splaytime": 30}}, None, [], {}) is None
    assert waited == [seconds, seconds // 10]


@pytest.mark.parametrize("splaytime", [0, -1, "5"])
def test_a_time_that_is_none(plugins, splaytime):
    with pytest.raises(InvocationError, match="splaytime must be a positive integer"):
        plugins().loader("executors")["splay.execute"]({}, {"executor_opts": {"splaytime": splaytime}}, None, [], {})


def test_sudo_is_there_for_a_user_only(plugins):
    need("sudo")
    assert "sudo.execute" not in plugins().loader("executors")
    assert "sudo.execute" in plugins(sudo_user="root").loader("executors")


@pytest.mark.parametrize(
    ("fun", "arg", "result", "retcode"),
    [
        ("test.arg", ["a b", 5, [1, {"x": "y"}], {"__kwarg__": True, "k": {"deep": True}}],
         {"args": ["a b", 5, [1, {"x": "y"}]], "kwargs": {"k": {"deep": True}}}, 0),
        ("test.retcode", [7], True, 7),
        ("test.nosuch", [], "'test.nosuch' is not available.", 1),
    ],
)  # fmt: skip
def test_sudo_runs_the_function_as_another_user(plugins, fun, arg, result, retcode):
    need("sudo")
    call = Call(fun=fun, jid="1", arg=arg, pub={"fun": fun, "jid": "1"}, executors=["sudo"])
    outcome = run_call(call, plugins(sudo_user="root"))
    found = outcome.result
    if fun == "test.arg":
        found["kwargs"] = {key: value for key, value in found["kwargs"].items() if not key.startswith("__")}
    assert (found, outcome.retcode) == (result, retcode)


def test_sudo_tells_what_the_command_said(plugins):
    need("sudo")
    call = Call(fun="test.exception", jid="1", arg=["dear me"], pub={"fun": "test.exception"}, executors=["sudo"])
    outcome = run_call(call, plugins(sudo_user="root"))
    assert "dear me" in outcome.result
    assert outcome.retcode == 1
