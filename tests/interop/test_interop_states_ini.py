"""`ini` beside stock's, its functions and its states, on files of the test's own."""

import json

import pytest

from tests.interop import beside
from tests.interop.beside import Call, agree, each, refuses, returns
from tests.interop.states import Row, ask, compare, done, each_phase, pending, refused
from tests.support.lab import open_lab

pytestmark = [pytest.mark.interop, pytest.mark.timeout(120)]

GRAINS = {"id": "m1", "kernel": "Linux", "os": "Debian", "os_family": "Debian"}
FIRST = """# a comment
top = 1

[main]
; another
a = 1
b=2
long = one
   two
name: colon
flag

[other]
x = y = z
"""
FILES = {
    "a.ini": FIRST,
    "b.ini": FIRST,
    "c.ini": FIRST,
    "empty.ini": "",
    "colon.ini": "[s]\nk: v\n",
    "dos.ini": "[s]\r\nk = v\r\n",
}
A, B = "W/a.ini", "W/b.ini"
LIST = "main is a list: it is a value, or a mapping of options"
NOWHERE = "Unable to write file 'W/no/new.ini'. Exception: [Errno 2] No such file or directory: 'W/no/new.ini'"
TEXT = "one name is one option, or one section"
MADE = "a section that is missing is made"
ALONE = "names alone are options of no section"
S1 = {"before": None, "after": {}}
ROWS = [
    Row("ini.options_present", A, sections={"main": {"a": "1"}}),
    Row("ini.options_present", A, sections={"main": {"a": 1}}),
    Row("ini.options_present", A, sections={"main": {"a": "2", "b": 3, "new": True}}),
    Row("ini.options_present", A, sections={"fresh": {"k": "v"}, "other": {"x": "1"}}),
    Row("ini.options_present", A, sections={"top": "2"}),
    Row("ini.options_present", A, sections={"loose": "2"}),
    Row("ini.options_present", A, sections={"main": {"empty": "", "none": None}}),
    Row("ini.options_present", A, sections={"main": {"a": "2"}}, strict=True, phases=["applied", "again"]),
    Row("ini.options_present", A, sections={"main": {"a": "5"}}, no_spaces=True),
    Row("ini.options_present", A, sections={"spaced": {"a": "5"}}, no_spaces=True),
    Row("ini.options_present", A),
    Row("ini.options_present", A, sections={}),
    Row("ini.options_present", A, sections={"main": []}, why="what is no option is refused in a sentence",
        preview=refused(LIST), applied=refused(LIST), again=refused(LIST)),
    Row("ini.options_present", A, sections={"main": {}}),
    Row("ini.options_present", "W/new.ini", sections={"main": {"a": "5"}}),
    Row("ini.options_present", "W/no/new.ini", sections={"main": {"a": "5"}}, why="it is the state's failure",
        applied=refused(NOWHERE), again=refused(NOWHERE)),
    Row("ini.options_present", "W/empty.ini", sections={"main": {"a": "5"}, "x": {"y": "z"}}),
    Row("ini.options_present", "W/colon.ini", sections={"s": {"k": "w"}}, separator=":"),
    Row("ini.options_present", "W/dos.ini", sections={"s": {"k": "w", "l": "m"}}),
    Row("ini.options_present", B, sections={"main": {"long": "one\ntwo"}}, why="the lines of a value are compared",
        preview=done("Unchanged key long in section main.\n"), applied=done("No anomaly detected"),
        again=done("No anomaly detected")),
    Row("ini.options_present", B, sections={"main": {"umlaut": "ä"}}, encoding="utf-8"),
    Row("ini.options_present", B, sections={"main": {"x": ["a", "b"]}}),
    Row("ini.options_absent", B, sections={"main": ["a", "nope"]}),
    Row("ini.options_absent", B, sections={"main": ["b"], "nosection": ["x"]}),
    Row("ini.options_absent", B, sections={"other": "x"}, why=TEXT,
        preview=pending("Deleted key x in section other.\n"), applied=done("Changes take effect", other={"x": "y = z"})),
    Row("ini.options_absent", B, sections=["top"], why=ALONE, preview=pending("Deleted key top.\n"),
        applied=done("Changes take effect", top="1"), again=done("No anomaly detected")),
    Row("ini.options_absent", B, sections={"top": None}, why=ALONE, preview=done("Key top does not exist.\n"),
        applied=done("No anomaly detected"), again=done("No anomaly detected")),
    Row("ini.options_absent", B),
    Row("ini.options_absent", "W/nofile.ini", sections={"main": ["a"]}),
    Row("ini.sections_present", B, sections=["main", "s1"], why=MADE, again=done("No anomaly detected"),
        applied=done("Changes take effect", s1=S1)),
    Row("ini.sections_present", B, sections={"s2": {"a": "b"}}, why=MADE, again=done("No anomaly detected"),
        applied=done("Changes take effect", s2={"before": None, "after": {"a": "b"}})),
    Row("ini.sections_present", B, sections={"main": {"a": "b"}}, phases=["preview"]),
    Row("ini.sections_present", B, sections="s3", why=TEXT, preview=pending("Created new section s3.\n"),
        applied=done("Changes take effect", s3=S1), again=done("No anomaly detected")),
    Row("ini.sections_present", B, phases=["preview"]),
    Row("ini.sections_absent", B, sections=["nope"]),
    Row("ini.sections_absent", B, sections=["main"], phases=["preview"]),
    Row("ini.sections_absent", A, sections=["main", "spaced"]),
    Row("ini.sections_absent", B, sections="s3", why=TEXT, preview=pending("Deleted section s3.\n"),
        applied=done("Changes take effect", s3={})),
    Row("ini.sections_absent", B),
    Row("ini.sections_absent", "W/nofile.ini", sections=["one"]),
]  # fmt: skip


SENTENCE = "what cannot be asked for is refused in a sentence"
C = "W/c.ini"
CALLS = [
    Call("ini.get_ini", C),
    Call("ini.get_ini", "W/no.ini"),
    Call("ini.get_ini", C, separator=":"),
    Call("ini.get_ini", "W"),
    Call("ini.get_ini", C, encoding="nosuch"),
    Call("ini.get_section", C, "main"),
    Call("ini.get_section", C, "nope"),
    Call("ini.get_section", C, "top", ours=returns({}), why="an option is no section"),
    Call("ini.get_section", C, ""),
    Call("ini.get_option", C, "main", "a"),
    Call("ini.get_option", C, "main", "nope"),
    Call("ini.get_option", C, "nope", "a"),
    Call("ini.get_option", C, "", "top"),
    Call("ini.get_option", C, None, "top"),
    Call("ini.set_option", C, {"main": {"a": "1"}}),
    Call("ini.set_option", C, {"main": {"zz": "1", "b": 7}, "loose": 3, "third": {"q": 1}}),
    Call("ini.set_option", C, {"top": 2}),
    Call("ini.set_option", C, {}),
    Call("ini.set_option", C),
    Call("ini.set_option", C, "text", why=SENTENCE,
         ours=refuses("sections is a mapping: section to options, or option to value")),
    Call("ini.set_option", "W/new3.ini", {"s": {}}),
    Call("ini.remove_option", C, "main", "a"),
    Call("ini.remove_option", C, "main", "a"),
    Call("ini.remove_option", C, "nope", "a"),
    Call("ini.remove_option", C, "", "top"),
    Call("ini.remove_option", C, None, "loose"),
    Call("ini.remove_option", C, "main", "long"),
    Call("ini.remove_section", C, "other"),
    Call("ini.remove_section", C, "other"),
    Call("ini.remove_section", C, "top"),
    Call("ini.remove_section", "W/no.ini", "top"),
    Call("ini.get_ini", C),
]  # fmt: skip


@pytest.fixture(scope="module")
def answers():
    answers = {}
    with open_lab() as lab:
        for kind in ("stock", "ours"):
            place = lab.root / "place"
            place.mkdir()
            for name, text in FILES.items():
                (place / name).write_bytes(text.encode())
            found = ask(lab, kind, ROWS, grains=GRAINS, places={"W": str(place)})
            answers[kind] = json.loads(json.dumps(found).replace(str(place), "W"))
            found = beside.ask(lab, kind, CALLS, grains=GRAINS, places={"W": str(place)})
            answers[f"{kind} calls"] = json.loads(json.dumps(found).replace(str(place), "W"))
            answers[f"{kind} files"] = {path.name: path.read_bytes() for path in sorted(place.iterdir())}
            place.rename(lab.root / f"place-{kind}")
    return answers


@each_phase(ROWS)
def test_ours_does_as_stock_does(answers, number, phase):
    compare(ROWS, answers, number, phase)


@pytest.mark.parametrize("name", ["new.ini", "empty.ini", "colon.ini"])
def test_the_file_is_the_same_in_the_end(answers, name):
    assert answers["ours files"][name] == answers["stock files"][name]


def test_no_file_is_made_to_take_something_out_of_it(answers):
    assert "nofile.ini" not in answers["ours files"]


@each(CALLS)
def test_ours_answers_as_stock_does(answers, number):
    agree(CALLS[number], answers["stock calls"][number], answers["ours calls"][number])
