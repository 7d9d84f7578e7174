"""The files of the console's front end: what is not ours is as it came, and ours do nothing that the page's policy forbids."""

import hashlib
import re
from pathlib import Path

import pytest

import trisalt
from tests.support.typescript import tsc
from trisalt.web.console.assets import own_assets

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


ASSETS = own_assets()
LANGUAGES = ("en", "ko")


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_a_reader_is_sent_who_visits_every_screen_is_small(language):
    sizes = {
        name: len(asset.packed or asset.body)
        for name, asset in ASSETS.files.items()
        # Nobody is sent the texts of a language that is not his.
        if not any(name.startswith(f"texts/{other}") for other in LANGUAGES if other != language)
    }
    assert len(sizes) > 40
    assert sum(sizes.values()) < 150_000, sorted(sizes.items(), key=lambda item: -item[1])[:8]


def test_every_module_is_loaded_by_something():
    lazily = re.compile(r"\bimport\(\"\.\./([^\"]+)\"\)")
    on_demand = {
        target
        for path in OURS
        for line in path.read_text().splitlines()
        for target in lazily.findall(line)
        if "@" not in line
    }
    assert set(ASSETS.loaded_with("app.js", *sorted(on_demand))) == {
        name for name in ASSETS.files if name.endswith(".js")
    }


def test_what_is_sent_is_the_same_program_without_its_comments_and_spaces(tmp_path):
    emitted = []
    for folder, text_of in (("kept", Path.read_text), ("sent", lambda path: ASSETS.files[name(path)].body.decode())):
        for path in OURS:
            if path.suffix == ".js":
                copy = tmp_path / folder / name(path)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_text(text_of(path))
        options = ["--allowJs", "--removeComments", "--noResolve", "--target", "esnext", "--module", "esnext"]
        out = tmp_path / f"{folder}.out"
        copies = sorted(str(path) for path in (tmp_path / folder).rglob("*.js"))
        tsc(
            "--ignoreConfig", *options, "--outDir", str(out), "--rootDir", str(tmp_path / folder), *copies, cwd=tmp_path
        )
        emitted.append({str(path.relative_to(out)): path.read_text() for path in out.rglob("*.js")})
    assert emitted[0].keys() == {name(path) for path in OURS if path.suffix == ".js"}
    assert emitted[0] == emitted[1]


@pytest.mark.parametrize("path", [path for path in OURS if path.suffix in {".js", ".css"}], ids=name)
def test_what_is_sent_stands_on_the_same_lines_as_what_was_written(path):
    written, sent = path.read_text().splitlines(), ASSETS.files[name(path)].body.decode().splitlines()
    assert len(sent) == len(written)
    assert ["".join(line.split()) for line in sent if line] == [
        "".join(line.split()) for line, other in zip(written, sent, strict=True) if other
    ]
    # In a style sheet, what begins a line means something only where a text goes on from the line before.
    assert path.suffix == ".js" or not any(line.endswith("\\") for line in written)


def test_imports_are_relative_and_lead_to_files():
    for path in OURS:
        for target in (
            re.findall(r"(?:from|import)\s*\(?\s*\"([^\"]+)\"", path.read_text()) if path.suffix == ".js" else []
        ):
            assert target.startswith("."), f"{name(path)} imports {target}"
            assert (path.parent / target).is_file(), f"{name(path)} imports {target}"
