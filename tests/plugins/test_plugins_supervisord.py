"""`supervisord` states and the module below them: the real daemon, with processes of the test's own.

Texts and changes are those of Salt's state, which was asked the same.
"""

import subprocess
import time

import pytest

from tests.support.debian import need
from trisalt.errors import CommandError
from trisalt.loader.dunders import Plugins

CONF = """
[supervisord]
logfile={0}/log
pidfile={0}/pid
childlogdir={0}
[unix_http_server]
file={0}/sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://{0}/sock
[include]
files = conf.d/*.conf
"""
PROGRAM = "[program:{}]\ncommand={}\nautostart=false\nstartsecs=0\n"
GROUP = "process_name=%(program_name)s_%(process_num)d\nnumprocs=2\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    need("supervisor")
    folder = tmp_path_factory.mktemp("sv")
    (folder / "conf.d").mkdir()
    (folder / "main.conf").write_text(CONF.format(folder))
    programs = {"one": "/bin/sleep 600", "bad": "/nosuch/program", "many": "/bin/sleep 600"}
    texts = [PROGRAM.format(*each) for each in programs.items()]
    (folder / "conf.d/first.conf").write_text("".join(texts) + GROUP)
    with (folder / "out").open("w") as out:
        daemon = subprocess.Popen(["supervisord", "-n", "-c", str(folder / "main.conf")], stdout=out, stderr=out)
    try:
        end = time.monotonic() + 60
        while not (folder / "sock").exists():
            assert daemon.poll() is None, (folder / "out").read_text()
            assert time.monotonic() < end, "supervisord does not listen"
            time.sleep(0.05)
        yield folder
    finally:
        daemon.terminate()
        daemon.wait(30)


@pytest.fixture
def plugins(folder):
    return Plugins({"id": "m1", "test": False})


@pytest.fixture
def control(plugins, folder):
    functions = plugins.loader("modules")
    where = {"conf_file": str(folder / "main.conf")}
    return lambda function, *args, **kwargs: functions[f"supervisord.{function}"](*args, **where, **kwargs)


@pytest.fixture
def state(plugins, folder):
    def state(function, name, *, test=False, **kwargs):
        plugins.opts["test"] = test
        ret = plugins.loader("states")[f"supervisord.{function}"](name, conf_file=str(folder / "main.conf"), **kwargs)
        return ret["result"], ret["comment"], ret["changes"]

    return state


def test_a_process_starts_once_and_stops_once(state):
    changes = {"one": "Starting service: one"}
    assert state("running", "one", test=True) == (None, "Service one will be started", changes)
    assert state("running", "one") == (True, "Starting service: one", changes)
    assert state("running", "one") == (True, "Not starting already running service: one", {})
    assert state("running", "one", test=True) == (True, "Service one is already running", {})
    changes = {"one": "Restarting service: one"}
    assert state("mod_watch", "one", test=True) == (None, "Service one will be restarted", changes)
    assert state("mod_watch", "one") == (True, "Restarting service: one", changes)
    changes = {"one": "Stopping service: one"}
    assert state("dead", "one", test=True) == (None, "Service one is set to be stopped", changes)
    assert state("dead", "one") == (True, "Stopping service: one", changes)
    assert state("dead", "one") == (True, "Service one is not running", {})


def test_the_processes_of_a_group_start_together(state, control):
    changes = {"many:": "Starting group: many:"}
    assert state("running", "many:", test=True) == (None, "All services in group 'many:' will be started", changes)
    assert state("running", "many:") == (True, "Starting group: many:", changes)
    assert state("running", "many:") == (True, "Not starting already running group: many:", {})
    assert {name: each["state"] for name, each in control("status", "many:").items()} == {
        "many:many_0": "RUNNING",
        "many:many_1": "RUNNING",
    }


def test_a_new_process_is_taken_from_the_files(state, folder):
    (folder / "conf.d/new.conf").write_text(PROGRAM.format("new", "/bin/sleep 600"))
    changes = {"new": "Starting service: new"}
    assert state("running", "new", test=True) == (None, "Service new will be added and started", changes)
    assert state("running", "new", update=True) == (True, "Updating service: new\nStarting service: new", changes)
    (folder / "conf.d/new.conf").write_text(PROGRAM.format("new", "/bin/sleep 601"))
    assert state("running", "new", update=True, test=True)[0] is None
    assert state("running", "new", update=True) == (True, "Updating service: new\nStarting service: new", changes)


def test_what_cannot_be_started_is_told(state):
    assert state("running", "bad") == (False, "bad: ERROR (no such file)", {})
    assert state("running", "nosuch", test=True) == (False, "nosuch: ERROR (no such process)", {})
    assert state("dead", "nosuch") == (True, "Service nosuch doesn't exist", {})


def test_functions_say_what_supervisorctl_says(control, plugins):
    assert control("status_bool", "one", expected_state="STOPPED") is True
    control("start", "one")
    assert control("start", "one") == "one: ERROR (already started)"
    assert control("stop", "one") == "one: stopped"
    assert control("options", "bad") == {"command": "/nosuch/program", "autostart": False, "startsecs": 0}
    assert control("custom", "nosuch thing") == "ERROR: *** Unknown syntax: nosuch thing"
    assert plugins.context["retcode"] == 1


def test_what_is_wrong_is_told(plugins, control, folder):
    functions = plugins.loader("modules")
    for call, text in (
        (lambda: control("options", "nosuch"), "Process 'nosuch' not found"),
        (lambda: control("start", "-h"), "Invalid name of a process: '-h'"),
        (lambda: functions["supervisord.options"]("x", conf_file=f"{folder}/nosuch.conf"), "No such file or directory"),
        (lambda: functions["supervisord.status"](conf_file=f"{folder}/nosuch.conf"), "could not find config file"),
        (lambda: control("status", bin_env=f"{folder}/nosuch"), "nosuch' cannot be found"),
    ):
        with pytest.raises(CommandError, match=text):
            call()
