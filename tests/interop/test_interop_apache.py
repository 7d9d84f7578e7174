"""Apache's modules, sites and configuration beside stock's, by the server's own programs in a folder of the test's own;
users in files of htpasswd's.

Stock's answers were recorded of the same rows. `TRISALT_RECORD=1` records anew. Its states had our `deb_apache` below
them, as it has none of its own any more.
"""

import json
import os
import re
import shutil
from pathlib import Path

import pytest

from tests.interop import beside
from tests.interop.beside import Call, agree, each, refuses, returns
from tests.interop.states import Row, ask, compare, done, each_phase, pending, refused
from tests.support.debian import need
from tests.support.lab import open_lab
from trisalt.loader.sources import SHELVES

pytestmark = [pytest.mark.interop, pytest.mark.timeout(180)]

RECORDED = Path(__file__).parent / "apache_answers.json"
GRAINS = {"id": "m1", "kernel": "Linux", "os": "Debian", "os_family": "Debian", "shell": "/bin/sh"}
HOST = {"this": "*:80", "ServerName": "x", "ServerAlias": ["a", "b"],
        "Directory": {"this": "/srv", "Order": "Deny,Allow", "Allow": ["from 1", "from 2"]}}  # fmt: skip
TOLD = "what is wrong is told in a sentence"
LISTED = "a directive may stand outside of a section, and a list may hold sections"
CALLS = [
    *(Call(f"apache.{name}") for name in ("version", "fullversion", "modules", "servermods")),
    Call("apache.vhosts", why="the hosts of a server without names of its own",
         ours=returns({"*:8090": {"here.example": {"vhost": "here.example", "conf": "W/apache2/sites-enabled/000-default.conf:1"}}})),
    Call("apache.signal"),
    Call("apache.signal", "odd"),
    Call("apache.useradd", "W/pw", "joe", "secret", only=("retcode", "stderr")),
    Call("apache.useradd", "W/pw", "bob", "secret", only=("retcode", "stderr")),
    Call("apache.useradd", "W/no/pw", "eve", "secret", only=("retcode", "stderr")),
    Call("apache.userdel", "W/pw", "bob"),
    Call("apache.userdel", "W/pw", "nobody"),
    Call("apache.userdel", "W/gone", "nobody"),
    Call("apache.server_status"),
    Call("apache.server_status", "odd", why=TOLD, ours=refuses("file:///etc/passwd is no address of a status page")),
    Call("apache.config", "W/c1", [{"VirtualHost": HOST}]),
    Call("apache.config", "W/c1", [{"VirtualHost": {"this": "*:81"}}], edit=False),
    Call("apache.config", "W/c1", [{"Listen": 80}, {"Directory": [{"this": "/x", "A": "b"}, {"this": "/y"}]}], edit=False,
         why=LISTED, ours=returns("Listen 80\n<Directory /x>\nA b\n</Directory>\n<Directory /y>\n</Directory>\n\n")),
    Call("apache.config", "W/c1", ["x"], why=TOLD,
         ours=refuses("The configuration is a list of maps: a directive, and its value")),
    Call("apache.config", "W/no/c5", [{"A": {"this": "b"}}], why=TOLD,
         ours=refuses("Unable to write W/no/c5: No such file or directory")),
    Call("webutil.useradd", "W/pw2", "joe", "secret", only=("retcode", "stderr")),
    Call("webutil.useradd", "W/pw2", "joe", "secret", "s", only=("retcode", "stderr")),
    Call("webutil.useradd", "W/pw2", "kim", "secret", opts="B", only=("retcode", "stderr")),
    Call("webutil.useradd", "W/no/x", "kim", "x", only=("retcode", "stderr")),
    Call("webutil.verify", "W/pw2", "joe", "secret"),
    Call("webutil.verify", "W/pw2", "kim", "secret"),
    Call("webutil.verify", "W/pw2", "joe", "wrong"),
    Call("webutil.verify", "W/pw2", "nobody", "wrong"),
    Call("webutil.verify", "W/gone", "joe", "wrong"),
    Call("webutil.userdel", "W/pw2", "kim"),
    Call("webutil.userdel", "W/pw2", "kim"),
    Call("webutil.userdel", "W/gone", "kim"),
    Call("apache.check_mod_enabled", "../../etc/passwd"),
    Call("apache.check_site_enabled", "default"),
]  # fmt: skip

NAMES = {
    "module": ("headers", "rewrite.load", "nosuch", "status"),
    "site": ("default-ssl", "default", "nosuch", "own.conf", "000-default"),
    "conf": ("extra", "extra.conf", "nosuch"),
}
CONFLICT = refused(
    "Failed to enable mpm_prefork Apache module (ERROR: Module mpm_event is enabled - cannot proceed due to conflicts. "
    "It needs to be disabled first!)"
)
AS_IT_IS = "the text that was there, and no line more"
ONE = "<VirtualHost *:81>\n</VirtualHost>\n"
FIRST = "<VirtualHost *:80>\nServerName x\n</VirtualHost>\n"
MISSING = refused("Failed to create apache configuration: Unable to write W/no/x.conf: No such file or directory")
ROWS = [
    *(
        Row(f"apache_{kind}.{verb}", name)
        for kind, names in NAMES.items()
        for verb in ("enabled", "disabled")
        for name in names
    ),
    Row("apache_module.enabled", "mpm_prefork", applied=CONFLICT, again=CONFLICT, why="it is not enabled"),
    Row("apache.configfile", "W/x.conf", config=[{"VirtualHost": {"this": "*:80", "ServerName": "x"}}]),
    Row("apache.configfile", "W/x.conf", config=[{"VirtualHost": {"this": "*:81"}}], why=AS_IT_IS,
        preview=pending("Configuration will update.", old=FIRST, new=ONE),
        applied=done("Successfully created configuration.", old=FIRST, new=ONE)),
    Row("apache.configfile", "W/no/x.conf", config=[{"VirtualHost": {"this": "*:81"}}], applied=MISSING, again=MISSING,
        why=TOLD),
]  # fmt: skip


def answered(kind):
    """What one side answers to the rows, and to the calls."""
    with open_lab() as lab:
        place = lab.root / "place"
        conf = place / "apache2"
        shutil.copytree("/etc/apache2", conf, symlinks=True)
        (place / "state").mkdir()
        for path in ("conf-available/extra.conf", "sites-available/own.conf"):
            (conf / path).write_text("")
        site = "<VirtualHost *:8090>\nServerName here.example\n</VirtualHost>\n"
        (conf / "sites-available" / "000-default.conf").write_text(site)
        (conf / "apache2.conf").write_text((conf / "apache2.conf").read_text() + "ServerName localhost\n")
        mods = lab.root / "mods" / "modules"
        mods.mkdir(parents=True)
        if kind == "stock":
            shutil.copy(SHELVES / "modules" / "deb_apache.py", mods)
        how = {
            "grains": GRAINS,
            "places": {"W": str(place)},
            "env": {
                **lab.env,
                "APACHE_CONFDIR": str(conf),
                "APACHE_STATE_DIRECTORY": str(place / "state"),
                "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin",
            },
            "module_dirs": [str(mods.parent)],
            "apache.server-status": {
                "default": {"url": "http://127.0.0.1:9/server-status"}, "odd": {"url": "file:///etc/passwd"},
            },
        }  # fmt: skip
        calls = beside.ask(lab, kind, CALLS, **how)
        found = {"calls": calls, "rows": ask(lab, kind, ROWS, **how), "c1": (place / "c1").read_text()}
        return json.loads(json.dumps(found).replace(str(place), "W"))


@pytest.fixture(scope="module")
def answers():
    need("apache2", "apache2-utils")
    if os.environ.get("TRISALT_RECORD"):
        RECORDED.write_text(json.dumps(answered("stock"), indent=1) + "\n")
    recorded = json.loads(RECORDED.read_text())
    assert len(recorded["rows"]) == len(ROWS), "the rows are others: record them anew"
    assert len(recorded["calls"]) == len(CALLS), "the calls are others: record them anew"
    return {"ours": answered("ours"), "stock": recorded}


@each_phase(ROWS)
def test_ours_does_as_stock_does(answers, number, phase):
    compare(ROWS, {kind: each["rows"] for kind, each in answers.items()}, number, phase)


@each(CALLS)
def test_ours_answers_as_stock_does(answers, number):
    call = CALLS[number]
    stock, ours = (_compared(call, answers[kind]["calls"][number]) for kind in ("stock", "ours"))
    agree(call, stock, ours)


def _compared(call, answer):
    """What is compared of an answer: not the build of the server, which another Debian has another of."""
    if call.only:
        return {name: answer["return"].get(name) for name in call.only} | {"status": answer["retcode"]}
    return (
        re.sub(r"\d[\d.:T-]*", "N", json.dumps(answer))
        if call.fun in ("apache.version", "apache.fullversion")
        else answer
    )


def test_a_file_says_who_writes_it(answers):
    assert answers["ours"]["c1"] == answers["stock"]["c1"]
    assert answers["ours"]["c1"].startswith("# This file is managed by Salt.\n")
