"""The `ipset` module and its states beside stock's, each side in a network namespace of its own."""

import json
import os
import re

import pytest

from tests.interop.beside import Call, agree, each, refuses, returns
from tests.interop.states import PHASES, Row, ask_both, compare, done, each_phase, pending, refused
from tests.support.debian import need
from tests.support.lab import open_lab

pytestmark = [pytest.mark.interop, pytest.mark.timeout(120)]

GRAINS = {"id": "m1", "kernel": "Linux", "os": "Debian", "os_family": "Debian", "shell": "/bin/sh"}
QUIET = "that there is none is an answer, and no failure"
TRUE = "what is refused is a failure of the job"
NAMED = "what is wrong is named"
NO_SET, NO_ENTRY = "Error: Set needs to be specified", "Error: Entry needs to be specified"
NET = "192.0.2.0/24"


def _set(fun, *args, **kwargs):
    return Call(f"ipset.{fun}", *args, **kwargs)


def _no(fun, *args, **kwargs):
    return _set(fun, *args, ours=returns(False), why=QUIET, **kwargs)


def _wrong(text, fun, *args, **kwargs):
    return _set(fun, *args, ours=returns(text, 1), why=TRUE, **kwargs)


CALLS = [
    _set("version"),
    _set("list_sets", ours=returns([]), why="no sets are none"),
    _no("check_set", "web"),
    *(_wrong(NO_SET, fun) for fun in ("check_set", "delete_set", "rename_set", "add", "delete", "check", "test")),
    *(_wrong(NO_ENTRY, fun, "web") for fun in ("add", "delete", "check", "test")),
    _wrong("Error: New name for set needs to be specified", "rename_set", "web"),
    _wrong("Error: Set Name needs to be specified", "new_set"),
    _wrong("Error: Set Type needs to be specified", "new_set", "web"),
    _wrong("Error: Set Type is invalid", "new_set", "web", "odd"),
    _wrong("Error: range is a required argument", "new_set", "ports", "bitmap:port"),
    _set("new_set", "web", "hash:ip", "odd", ours=refuses("This is no family: odd"), why=NAMED),
    _set("new_set", "web", "hash:ip"),
    _set("new_set", "web", "hash:ip"),
    _set("new_set", "nets", "hash:net", comment=True),
    _set("new_set", "six", "hash:ip", "ipv6", timeout=600),
    _set("new_set", "ports", "bitmap:port", range="1-100"),
    _set("new_set", "maxes", "hash:net", maxelem=100, hashsize=64, counters=True, bogus=1),
    _set("new_set", "pairs", "hash:ip,port"),
    _set("new_set", "all", "list:set"),
    _set("list_sets"),
    _set("new_set", "-X", "hash:ip", ours=refuses("This is no name of a set: '-X'"), why="a name is no option"),
    _set("check_set", "six"),
    _set("add", "web", "192.0.2.1"),
    _set("add", "web", "192.0.2.1"),
    _set("add", "web", "192.0.2.8-192.0.2.11"),
    _set("add", "web", "odd thing"),
    _set("add", "web", "-exist", ours=refuses("This is no entry of a set: '-exist'"), why="an entry is no option"),
    _set("add", "nope", "192.0.2.1"),
    _set("add", "nets", NET, comment="the net"),
    _wrong("Error: Set nets not created with timeout support", "add", "nets", NET, timeout=5),
    _wrong("Error: Set nets not created with counters support", "add", "nets", NET, packets=5),
    _set("add", "six", "2001:db8::1", "ipv6"),
    _set("add", "ports", "3-5"),
    _set("add", "all", "web"),
    *(_set("check", "web", f"192.0.2.{end}") for end in ("1", "9", "99", "8/30", "8-192.0.2.11", "10-192.0.2.12")),
    _set("check", "web", "192.0.2.8/29", ours=returns(False), why="half of it is not all"),
    *(_set("check", "nets", entry) for entry in (NET, "192.0.2.7", "192.0.2.128/25", "192.0.0.0/16", "odd")),
    *(_set("check", "nets", f"{NET} comment {text}") for text in ("another",)),
    _set("check", "nets", f"{NET} comment the net", ours=returns(True), why="its comment is found"),
    _set("check", "nope", "192.0.2.7"),
    _set("check", "six", "2001:db8::1", "ipv6"),
    _set("check", "all", "web"),
    _set("test", "web", "192.0.2.1"),
    _no("test", "web", "192.0.2.99"),
    _set("test", "nope", "192.0.2.99"),
    _set("delete", "web", "192.0.2.1"),
    _set("delete", "web", "192.0.2.1"),
    _set("delete", "nope", "192.0.2.1"),
    _set("delete", "nets", "198.51.100.0/30"),
    _set("delete", "ports", "50-60"),
    _set("check", "ports", "3-5", ours=returns(True), why="ports may be a range"),
    _set("check", "ports", "4-9", ours=returns(False), why="half of it is not all"),
    _set("delete_set", "web"),
    _set("rename_set", "maxes", "most"),
    _set("rename_set", "maxes", "most"),
    _wrong("Error: New Set already exists", "rename_set", "most", "nets"),
    _set("flush", "most"),
    _set("flush", "nope"),
    _set("delete_set", "most"),
    _set("delete_set", "most"),
    _set("add", "pairs", "192.0.2.1,tcp:80"),
]  # fmt: skip


def _state(fun, name, **kwargs):
    return Row(f"ipset.{fun}", name, **kwargs)


def _all(answer):
    return dict.fromkeys(PHASES, answer)


SAID = "a set of another type is not the one that was asked for"
KEPT = "an entry with its comment is not set again"
NO_NAME = _all(refused("ipset set_name must be specified"))
BOTH = "Failed to add to entry 192.0.2.7 to set nope for family ipv4.\nError: Set nope does not exist"
FLUSHED = "what is empty is not flushed"
ROWS = [
    _state("set_present", "s", set_type="hash:ip"),
    _state("set_present", "s", set_type="hash:net", why=SAID, **_all(refused("ipset set s is of another type: hash:ip"))),
    _state("set_present", "s2", set_type="odd", but=["locale"]),
    _state("set_present", "s6", set_type="hash:ip", family="ipv6", comment=True),
    _state("set_present", "sc", set_type="hash:net", comment=True),
    _state("present", "e", set_name="s", entry="192.0.2.1"),
    _state("present", "e", set_name="s", entry=["192.0.2.1", "192.0.2.2"]),
    _state("present", "e", set_name="s", entry="192.0.2.3", comment="x", but=["locale"]),
    _state("present", "e", set_name="nope", entry="192.0.2.7", but=["locale"]),
    _state("present", "e", set_name="nope", entry=["192.0.2.7", "192.0.2.9"], why="each that failed is told", but=["locale"],
           applied=refused(f"{BOTH}\n{BOTH.replace('2.7', '2.9')}"), again=refused(f"{BOTH}\n{BOTH.replace('2.7', '2.9')}")),
    _state("present", "e", set_name="s"),
    _state("present", "e", entry="192.0.2.3", why=NAMED, **NO_NAME),
    _state("present", "e", set_name="s", entry="odd", but=["locale"]),
    _state("present", "e", set_name="sc", entry=NET, comment="a net", why="a comment may be several words",
           applied=done(f"entry {NET} comment a net added to set sc for family ipv4\n", locale="e"),
           again=done(f"entry for {NET} comment a net already in set sc for ipv4\n")),
    _state("present", "e", set_name="sc", entry=NET, comment="other", why=KEPT,
           again=done(f"entry for {NET} comment other already in set sc for ipv4\n")),
    _state("present", "e", set_name="s6", entry="2001:db8::1", family="ipv6"),
    _state("absent", "e", set_name="s", entry="192.0.2.1"),
    _state("absent", "e", set_name="s", entry=["192.0.2.1", "192.0.2.2"]),
    _state("present", "e", set_name="s", entry="192.0.2.8/31"),
    _state("absent", "e", set_name="s", entry="192.0.2.8-192.0.2.15", why="what is there of many goes",
           preview=pending("ipset entry 192.0.2.8-192.0.2.15 would be removed from set s for ipv4\n", locale="e"),
           applied=done("ipset entry 192.0.2.8-192.0.2.15 removed from set s for ipv4\n", locale="e"),
           again=done("ipset entry for 192.0.2.8-192.0.2.15 not present in set s for ipv4\n")),
    _state("absent", "e", set_name="sc", entry="192.0.2.9", but=["locale"]),
    _state("absent", "e", set_name="nope", entry="192.0.2.1"),
    _state("absent", "e", set_name="s"),
    _state("absent", "e", entry="192.0.2.1", why=NAMED, **NO_NAME),
    _state("absent", "e", set_name="sc", entries=[NET], why="several may be named so, too",
           preview=pending(f"ipset entry {NET} would be removed from set sc for ipv4\n", locale="e"),
           applied=done(f"ipset entry {NET} removed from set sc for ipv4\n", locale="e"),
           again=done(f"ipset entry for {NET} not present in set sc for ipv4\n")),
    _state("flush", "s6", family="ipv6", why=FLUSHED, again=done("ipset set s6 for ipv6 has no entries")),
    _state("flush", "nope"),
    _state("set_absent", "web", but=["locale"]),
    _state("set_absent", "s"),
    _state("set_absent", "nope"),
]  # fmt: skip


@pytest.fixture(scope="module")
def answers():
    need("ipset")
    if os.geteuid():
        pytest.skip("a network namespace is root's")
    answers = {}
    with open_lab() as lab:
        for kind in ("stock", "ours"):
            found = ask_both(lab, kind, CALLS, ROWS, before=["unshare", "--net"], grains=GRAINS)
            # Chance, and the machine's.
            text = re.sub(r"initval 0x[0-9a-f]+", "initval N", json.dumps(found))
            answers[f"{kind} calls"], answers[kind] = json.loads(text)
    return answers


@each_phase(ROWS)
def test_ours_does_as_stock_does(answers, number, phase):
    compare(ROWS, answers, number, phase)


@each(CALLS)
def test_ours_answers_as_stock_does(answers, number):
    call, stock, ours = CALLS[number], answers["stock calls"][number], answers["ours calls"][number]
    match call.fun, stock.get("return"):
        case "ipset.version", version:
            assert ours == returns(version.rstrip(","))
        case "ipset.list_sets", [{"Name": "web"}, *_] as sets:
            assert ours == returns([one for one in sets if one])
        case _:
            agree(call, stock, ours)
