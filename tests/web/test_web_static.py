"""The files of the console's front end: what is not ours is as it came, and ours do nothing that the page's policy forbids."""

import gzip
import hashlib
import re
from pathlib import Path

import pytest

import trisalt

STATIC = Path(trisalt.__file__).parent / "web/console/static"
SERVED = sorted(path for path in STATIC.rglob("*") if path.suffix in {".js", ".css", ".svg"})
OURS = [path for path in SERVED if "vendor" not in path.parts]
VENDORED = re.findall(r"^\| `([^`]+)` .*`([0-9a-f]{64})` \|$", (STATIC / "vendor/VENDOR.md").read_text(), re.MULTILINE)


def name(path: Path) -> str:
    return str(path.relative_to(STATIC))


@pytest.mark.parametrize(("file", "digest"), VENDORED)
def test_what_is_not_ours_is_as_it_came(file, digest):
    assert hashlib.sha256((STATIC / "vendor" / file).read_bytes()).hexdigest() == digest


def test_all_that_is_not_ours_has_a_row_and_a_licence():
    assert {file for file, _digest in VENDORED} == {path.name for path in (STATIC / "vendor").glob("*.js")}
    assert {path.suffix for path in (STATIC / "vendor").glob("LICENSE.*")} == {".htm", ".preact", ".signals-core"}


# What would make markup or code of a text, or a style that the policy refuses.
FORBIDDEN = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|dangerouslySet|document\.write|\beval\b|new Function|\bstyle=|javascript:"
    r"|setTimeout\(\s*[\"'`]|https?://(?!www\.w3\.org/)"
)


@pytest.mark.parametrize("path", OURS, ids=name)
def test_ours_make_no_markup_or_code_of_texts(path):
    found = [
        f"{number}: {line.strip()}"
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if FORBIDDEN.search(line)
    ]
    assert found == []


@pytest.mark.parametrize("path", [path for path in OURS if path.suffix == ".js"], ids=name)
def test_a_module_fits_in_a_head_and_says_what_it_is_for(path):
    lines = path.read_text().splitlines()
    assert len(lines) <= 400
    assert lines[0].startswith("/**")


SCREENS = sorted((STATIC / "screens").glob("*.js"))


def loaded(*roots: Path) -> set[Path]:
    """The modules that come with these: what is imported on demand comes when it is wanted."""
    found: set[Path] = set()
    waiting = list(roots)
    while waiting:
        path = waiting.pop().resolve()
        if path not in found:
            found.add(path)
            imports = re.findall(r"^(?:import|export)\b[^;]*?\"(\.[^\"]+)\";", path.read_text(), re.MULTILINE)
            waiting += [path.parent / target for target in imports]
    return found


@pytest.mark.parametrize("screen", SCREENS, ids=name)
def test_what_a_browser_loads_for_a_screen_is_small(screen):
    files = loaded(STATIC / "app.js", STATIC / "texts/ko.js", screen) | set((STATIC / "style").glob("*.css"))
    sizes = {name(path): len(gzip.compress(path.read_bytes(), 9)) for path in files}
    assert len(sizes) > 40
    assert sum(sizes.values()) < 150_000, sorted(sizes.items(), key=lambda item: -item[1])[:8]


def test_imports_are_relative_and_lead_to_files():
    for path in OURS:
        for target in (
            re.findall(r"(?:from|import)\s*\(?\s*\"([^\"]+)\"", path.read_text()) if path.suffix == ".js" else []
        ):
            assert target.startswith("."), f"{name(path)} imports {target}"
            assert (path.parent / target).is_file(), f"{name(path)} imports {target}"
