"""`service` beside stock's, over services that a module of the test keeps in a file."""

import json
import shutil

import pytest

from tests.interop.states import Row, ask, compare, each_phase, refused
from tests.support.lab import open_lab

pytestmark = [pytest.mark.interop, pytest.mark.timeout(120)]

GRAINS = {"id": "m1", "kernel": "Linux", "os": "Debian", "os_family": "Debian"}
MODULE = """
import json
__virtualname__ = "service"
PATH = {path!r}
def __virtual__():
    return __virtualname__
def _read():
    return json.load(open(PATH))
def _set(name, **what):
    known = _read()
    if name == "broken":
        return False
    known[name].update(what)
    json.dump(known, open(PATH, "w"))
    return True
def available(name):
    return name in _read()
def missing(name):
    return not available(name)
def status(name, sig=None):
    return _read().get(name, {{}}).get("up", False)
def enabled(name, **kwargs):
    return _read().get(name, {{}}).get("enabled", False)
def disabled(name, **kwargs):
    return not enabled(name)
def masked(name, runtime=False):
    return _read().get(name, {{}}).get("masked", False)
def start(name):
    return _set(name, up=name != "dies")
def stop(name):
    return _set(name, up=False)
def restart(name):
    return _set(name, up=True)
def reload_(name):
    return _set(name, up=True)
def enable(name, **kwargs):
    return _set(name, enabled=True)
def disable(name, **kwargs):
    return _set(name, enabled=False)
def mask(name, runtime=False):
    return _set(name, masked=True)
def unmask_(name, runtime=False):
    return _set(name, masked=False)
def get_all():
    return sorted(_read())
__func_alias__ = {{"reload_": "reload", "unmask_": "unmask"}}
"""
SERVICES = {
    "web": {"up": False, "enabled": False}, "db": {"up": True, "enabled": True}, "off": {"up": True, "enabled": False},
    "broken": {"up": False, "enabled": False}, "dies": {"up": False, "enabled": False},
    "cache": {"up": False, "enabled": True}, "mail": {"up": True, "enabled": True}, "log": {"up": True, "enabled": True},
}  # fmt: skip
ROWS = [
    Row("service.running", "web"),
    Row("service.running", "web", enable=True),
    Row("service.running", "cache", enable=True),
    Row("service.running", "cache", enable=False),
    Row("service.running", "off", enable="yes"),
    Row("service.running", "nosuch"),
    Row("service.running", "nosuch", enable=True),
    Row("service.running", "broken"),
    Row("service.running", "broken", enable=True, phases=["preview"]),
    Row("service.running", "dies"),
    Row("service.running", "web", enabled=True),
    Row("service.dead", "db"),
    Row("service.dead", "db", enable=False),
    Row("service.dead", "mail", enable=False),
    Row("service.dead", "nosuch"),
    Row("service.running", "db", init_delay=0.01),
    Row("service.enabled", "db"),
    Row("service.enabled", "log"),
    Row("service.enabled", "nosuch"),
    Row("service.enabled", "broken", phases=["preview", "applied"]),
    Row("service.disabled", "log"),
    Row("service.disabled", "nosuch"),
    Row("service.masked", "log"),
    Row("service.masked", "broken", phases=["applied"], applied=refused("Failed to mask service broken"),
        why="what is not done has failed"),
    Row("service.unmasked", "log"),
    Row("service.mod_watch", "log", sfun="running", always=True),
    Row("service.mod_watch", "log", sfun="running", reload=True, always=True),
    Row("service.mod_watch", "log", sfun="dead", always=True),
    Row("service.mod_watch", "log", sfun="running", always=True),
    Row("service.mod_watch", "log", sfun="enabled", phases=["applied"]),
    Row("service.mod_watch", "broken", sfun="running", phases=["preview", "applied"]),
]  # fmt: skip


@pytest.fixture(scope="module")
def answers():
    answers = {}
    with open_lab() as lab:
        for kind in ("stock", "ours"):
            modules = lab.root / "modules"
            shutil.rmtree(modules, ignore_errors=True)
            modules.mkdir()
            state = lab.root / "services.json"
            state.write_text(json.dumps(SERVICES))
            (modules / "service_kept.py").write_text(MODULE.format(path=str(state)))
            answers[kind] = ask(lab, kind, ROWS, grains=GRAINS, module_dirs=[str(modules)])
    return answers


@each_phase(ROWS)
def test_ours_does_as_stock_does(answers, number, phase):
    compare(ROWS, answers, number, phase)
