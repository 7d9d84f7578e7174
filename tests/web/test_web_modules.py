"""The pure modules of the front end, tested in their own language; and texts in all languages."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

import trisalt
from tests.support.debian import need
from tests.support.typescript import tsc
from trisalt.master.views.jobs import HOUSEKEEPING

JS = Path(__file__).parent / "js"
STATIC = Path(trisalt.__file__).parent / "web/console/static"


@pytest.fixture(scope="module")
def node():
    """The command, of a version that has a test runner."""
    if shutil.which("node") is None:
        need("nodejs")
    return shutil.which("node")


@pytest.fixture
def said(node):
    """What a module says, in JSON."""

    def said(code):
        done = subprocess.run(
            [node, "--input-type=module", "-e", code],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=STATIC,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return said


def test_the_modules_pass_their_own_tests(node):
    files = sorted(str(path) for path in JS.glob("*.test.js"))
    done = subprocess.run([node, "--test", *files], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert re.search(r"^# fail 0$", done.stdout, re.MULTILINE), done.stdout[-2000:]


def test_what_the_modules_say_of_their_types_is_so():
    done = tsc("-p", ".", cwd=STATIC)
    assert done.returncode == 0, done.stdout[-6000:]


VALUES = [
    {"a": 1, "b": [1, [2, {"c": None}], {}], "c": {}, "d": [], "e": ""},
    [
        "yes",
        "No",
        "null",
        "~",
        "1",
        "1.5",
        "-x",
        "- x",
        "a: b",
        "a #b",
        "#",
        "'",
        '"',
        "*a",
        "&a",
        "!t",
        "%",
        "@",
        "`",
        "{}",
        "[x]",
        "true",
    ],
    {
        "two\nlines": "two\nlines\n",
        "x": "three\n\nlines\n\n",
        "y": "\n lead",
        "z": "tab\there",
        "w": "trail \nx",
        "v": "a\r\nb",
    },
    {"한국어": "é\u2028\u0085\x07", "0x1F": "0o7", "1_000": "2026-11-27", "12:30": "1e3", "=": "<<", "?": ":"},
    [True, False, None, 0, -1, 2.5, 10**15, "x" * 200],
    {"list": [{"a": 1, "b": {"c": [1]}}, [], [["deep"]], {"s": "m\nn"}]},
    "one\ntext\n",
    "plain",
    [],
    {},
]


def test_what_is_given_as_yaml_is_read_as_what_it_was(said):
    texts = said(
        f"import {{ toYaml }} from './lib/results.js'; console.log(JSON.stringify({json.dumps(VALUES)}.map(toYaml)))"
    )
    for value, text in zip(VALUES, texts, strict=True):
        assert yaml.safe_load(text) == value, text


def test_the_console_and_the_master_call_the_same_functions_housekeeping(said):
    listed = said("import { HOUSEKEEPING } from './lib/events.js'; console.log(JSON.stringify(HOUSEKEEPING))")
    assert listed == list(HOUSEKEEPING)


def test_every_language_has_every_text_with_the_same_values(said):
    english, korean = (
        said(f"import texts from './texts/{tag}.js'; console.log(JSON.stringify(texts))") for tag in ("en", "ko")
    )
    assert english.keys() == korean.keys()

    def values(text):
        return {
            name
            for one in (text.values() if isinstance(text, dict) else [text])
            for name in re.findall(r"\{(\w+)\}", one)
        }

    for key in english:
        assert values(korean[key]) == values(english[key]), key
        for text in (english[key], korean[key]):
            assert isinstance(text, str) or "other" in text, key


def test_every_text_that_is_asked_for_is_there(said):
    english = said("import texts from './texts/en.js'; console.log(JSON.stringify(texts))")
    asked = set()
    for path in STATIC.rglob("*.js"):
        if not {"texts", "vendor"} & set(path.parts):
            asked |= set(re.findall(r"""\bt\(\s*(?:[^()"'`]*\? )?["']([\w.]+)["']""", path.read_text()))
    assert len(asked) > 100
    assert {key for key in asked if key not in english} == set()


def test_every_kind_of_issue_has_a_text(said):
    english = said("import texts from './texts/en.js'; console.log(JSON.stringify(texts))")
    views = Path(trisalt.__file__).parent / "master/views"
    kinds = {kind for path in views.glob("*.py") for kind in re.findall(r'\bkind="(\w+)"', path.read_text())}
    kinds |= {"keys_pending", "keys_denied", "beacons_disabled", "schedule_disabled"}
    assert len(kinds) > 10
    assert {kind for kind in kinds if f"issue.{kind}" not in english} == set()
