"""`debconf`, `alias`, `process`, `loop` and `saltutil` states beside stock's, the modules below them, and `sqlite3`."""

import json
import os
import shutil
import subprocess
from threading import Thread

import pytest

from tests.interop import beside
from tests.interop.beside import Call, agree, each, refuses, returns
from tests.interop.states import Row, ask, compare, done, each_phase, pending, refused
from tests.support.debian import need
from tests.support.lab import open_lab

pytestmark = [pytest.mark.interop, pytest.mark.timeout(120)]

GRAINS = {"id": "m1", "kernel": "Linux", "os": "Debian", "os_family": "Debian", "shell": "/bin/sh"}
ALIASES = "# comment\npostmaster: root\nroot: admin@x.y, b@x.y # inline\nempty:\n"
# A database of the test's own, in place of the host's.
DEBCONF = "Config: mine\nTemplates: theirs\n" + "".join(
    f"\nName: {name}\nDriver: File\nFilename: FOLDER/{name}.dat\n" for name in ("mine", "theirs")
)
EMPTY = "an alias that leads nowhere is one all the same"
CALLS = [
    Call("debconf.set", "tri-x", "tri-x/a", "string", "some value"),
    Call("debconf.set", "tri-x", "tri-x/c", "string", "in", "several", "words"),
    Call("debconf.set", "tri-x", "tri-x/e", "string", ""),
    Call("debconf.show", "tri-x"),
    Call("debconf.get_selections", fetchempty=False),
    Call("debconf.set_file", "W/sel"),
    Call("debconf.set_file", "W/nope", ours=refuses("There is no file W/nope"), why="a file that is not there is told"),
    Call("debconf.set_template", "W/sel.j2", "jinja", {"word": "w"}, {}),
    Call("debconf.show", "tri-x"),
    Call("aliases.list_aliases"),
    Call("aliases.get_target", "root"),
    Call("aliases.get_target", "nope"),
    Call("aliases.has_target", "root", "admin@x.y"),
    Call("aliases.has_target", "root", ["admin@x.y", "b@x.y"]),
    Call("aliases.has_target", "root", ""),
    Call("aliases.set_target", "root", "c@x.y"),
    Call("aliases.set_target", "new", ["a", "b"]),
    Call("aliases.set_target", "", "x"),
    Call("aliases.set_target", "x", ""),
    Call("aliases.rm_alias", "new"),
    Call("aliases.rm_alias", "nope"),
    Call("sqlite3.version"),
    Call("sqlite3.sqlite_version"),
    Call("sqlite3.tables", "W/t.db"),
    Call("sqlite3.modify", "W/t.db", "CREATE TABLE a (id INT, name TEXT)"),
    Call("sqlite3.modify", "W/t.db", "INSERT INTO a VALUES (1, 'x'), (2, NULL)"),
    Call("sqlite3.modify", "W/t.db", "CREATE INDEX i ON a (id)"),
    Call("sqlite3.fetch", "W/t.db", "SELECT * FROM a"),
    Call("sqlite3.fetch", "W/t.db", "SELECT * FROM a WHERE id = 5"),
    Call("sqlite3.tables", "W/t.db"),
    Call("sqlite3.indices", "W/t.db"),
    Call("sqlite3.indexes", "W/t.db"),
    Call("sqlite3.fetch", "W/t.db", "SELECT * FROM nope"),
    Call("sqlite3.modify", "W/t.db", "ODD"),
    Call("sqlite3.modify", "W/t.db", ours=refuses("The statement is missing: sql"), why="told in a sentence"),
    Call("sqlite3.modify"),
    Call("sqlite3.tables", "W/no/such.db"),
    Call("aliases.list_aliases", why=EMPTY, ours=returns({"postmaster": "root", "root": "c@x.y", "empty": ""})),
]
ANSWERS = {
    "tri-y/a": {"type": "string", "value": "v w"},
    "tri-y/b": {"type": "boolean", "value": True},
    "tri-y/p": {"type": "password", "value": "x"},
}
SHOWN = {"tri-y/a": "New value: v w", "tri-y/b": "New value: true", "tri-y/p": "(password hidden)"}
ALL = ("preview", "applied", "again")
NO_MAP = refused("data is a map of questions, with a type and a value for each")
NOBODY = refused("alias can not be an empty string")
ONCE = "what is so already is unchanged, whatever its type"
ONE = ["preview", "applied"]
ROWS = [
    Row("debconf.set", "tri-y", data=ANSWERS, preview=pending("", **SHOWN), why=ONCE,
        again=done("All specified answers are already set")),
    Row("debconf.set", "tri-y", data={**ANSWERS, "tri-y/a": {"type": "string", "value": "other"}}, why=ONCE,
        preview=pending("Unchanged answers: tri-y/b tri-y/p ", **{"tri-y/a": "New value: other"}),
        applied=done("Unchanged answers: tri-y/b tri-y/p ", **{"tri-y/a": "other"})),
    Row("debconf.set", "tri-y", data={}, phases=["applied"]),
    Row("debconf.set", "tri-y", data={"tri-y/n": {"type": "string", "value": 7}}, phases=["applied"]),
    Row("debconf.set", "tri-y", data={"tri-y/z": {"value": "x"}}, **dict.fromkeys(ALL, NO_MAP), why="told in a sentence"),
    Row("debconf.set", "tri-y", data={"tri-y/b": {"type": "boolean", "value": "false"}}, why="a text may say no",
        preview=pending("", **{"tri-y/b": "New value: false"}), applied=done("", **{"tri-y/b": "false"})),
    Row("debconf.set_file", "f", source="W/sel", phases=["preview"]),
    Row("debconf.set_file", "f", source="W/sel.j2", template="jinja", context={"word": "w"}, phases=["applied"]),
    Row("debconf.set_file", "f", source="W/nope", phases=["applied"], applied=refused("There is no file W/nope"),
        why="a file that is not there is told"),
    Row("debconf.set_file", "f", source="W/sel.j2", template="jinja", context="w"),
    Row("debconf.set_file", "f", source="W/sel.j2", template="jinja", defaults="w"),
    Row("alias.present", "kim", target="kim@x.y"),
    Row("alias.present", "kim", target=["a@x.y", "b@x.y"]),
    Row("alias.present", "kim", target="a@x.y"),
    Row("alias.absent", "kim"),
    Row("alias.absent", "nope"),
    Row("alias.absent", "empty", preview=pending("Alias empty is set to be removed", alias="empty"), why=EMPTY,
        applied=done("Removed alias empty", alias="empty")),
    Row("alias.present", "", target="x", phases=["applied"], applied=NOBODY, why="it is the state's failure"),
    # Not again: how soon what was told to end is gone is the kernel's to say.
    Row("process.absent", "SLEEPER", but=["killed"], phases=["preview", "applied"]),
    Row("process.absent", "nosuchprocess-at-all", preview=done("No matching processes running"),
        why="nothing would change"),
    Row("loop.until", "test.ping", condition="m_ret is True", phases=ONE),
    Row("loop.until", "test.echo", m_args=["a"], condition="m_ret == 'a'", phases=ONE),
    Row("loop.until", "test.ping", condition="m_ret is False", period=0.05, timeout=0.1, phases=ONE),
    Row("loop.until", "no.such", condition="m_ret"),
    Row("loop.until", "test.ping"),
    Row("loop.until", "test.ping", condition="m_ret", period="x"),
    Row("loop.until_no_eval", "test.ping", expected=True, phases=ONE),
    Row("loop.until_no_eval", "test.kwarg", expected={"a": 1}, kwargs={"a": 1}, phases=ONE),
    Row("loop.until_no_eval", "test.echo", expected=3, args=[5], compare_operator="gt", phases=ONE),
    Row("loop.until_no_eval", "test.ping", expected=False, period=0.1, timeout=0.05, phases=ONE),
    Row("loop.until_no_eval", "no.such", expected=1, phases=ONE),
    Row("loop.until_no_eval", "test.ping", expected=1, compare_operator="odd", phases=ONE),
    Row("loop.until_no_eval", "test.ping", expected=True, period="x", phases=ONE),
    Row("loop.until_no_eval", "test.ping", expected=True, timeout="x", phases=ONE),
    Row("loop.until_no_eval", "test.exception", expected=True, timeout=0.3, period=0.1, phases=ONE),
    Row("saltutil.sync_all", "x", phases=ONE),
    Row("saltutil.sync_modules", "x", phases=ONE),
    Row("saltutil.sync_grains", "x", phases=ONE),
]  # fmt: skip


@pytest.fixture(scope="module")
def answers():
    need("debconf-utils")
    answers = {}
    with open_lab() as lab:
        for kind in ("stock", "ours"):
            place = lab.root / "place"
            place.mkdir()
            for name, text in (
                ("aliases", ALIASES),
                ("debconf.conf", DEBCONF.replace("FOLDER", str(place))),
                ("sel", "tri-x tri-x/q string hello\n# a comment\ntri-x tri-x/p password pw\n"),
                ("sel.j2", "tri-x tri-x/q string {{ word }}\n"),
            ):
                (place / name).write_text(text)
            name = f"tri{kind}{os.getpid()}"
            shutil.copy("/bin/sleep", place / name)
            env = {**lab.env, "DEBCONF_SYSTEMRC": str(place / "debconf.conf"), "DEBIAN_FRONTEND": "noninteractive"}
            how = {"places": {"W": str(place), "SLEEPER": name}, "env": env, "aliases.file": str(place / "aliases")}
            with subprocess.Popen([str(place / name), "60"]) as sleeper:
                reaper = Thread(target=sleeper.wait)
                reaper.start()
                try:
                    found = beside.ask(lab, kind, CALLS, grains=GRAINS, **how)
                    answers[f"{kind} calls"] = json.loads(json.dumps(found).replace(str(place), "W"))
                    found = ask(lab, kind, ROWS, grains=GRAINS, **how)
                    answers[kind] = json.loads(json.dumps(found).replace(str(place), "W"))
                finally:
                    sleeper.kill()
                    reaper.join()
            answers[f"{kind} aliases"] = (place / "aliases").read_text()
            place.rename(lab.root / f"place-{kind}")
    return answers


@each_phase(ROWS)
def test_ours_does_as_stock_does(answers, number, phase):
    compare(ROWS, answers, number, phase)


@each(CALLS)
def test_ours_answers_as_stock_does(answers, number):
    agree(CALLS[number], answers["stock calls"][number], answers["ours calls"][number])


def test_the_file_of_aliases_keeps_its_comments(answers):
    assert answers["ours aliases"] == "# comment\npostmaster: root\nroot: c@x.y # inline\n"
