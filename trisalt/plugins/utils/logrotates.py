"""Configurations of logrotate: what they say, and one line of them changed with the others left as they are. Pure, but
for reading the files that another includes.

Used by the shelf `logrotate`. Source of the shapes: stock Salt 3008.3, and logrotate.conf(5).
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable
from typing import Any

_SCRIPTS = frozenset({"prerotate", "postrotate", "firstaction", "lastaction", "preremove"})


def parsed(text: str, read: Callable[[str], dict[str, str]]) -> dict[str, Any]:
    """What a configuration says: commands by their names, and for each log file a map of its own.

    `read` gives what an `include` names: the text of each file, by its name.
    """
    found: dict[str, Any] = {}
    for names, lines in _blocks(text):
        if names is None:
            for line in lines:
                key, value = _command(line)
                if key == "include":
                    _included(found, str(value), read)
                found[key] = value
            continue
        options: dict[str, Any] = {}
        script = ""
        for line in lines:
            word = line.split(None, 1)[0]
            if script:
                if word == "endscript":
                    script = ""
                else:
                    options[script].append(line)
            elif word in _SCRIPTS:
                script = word
                options[script] = []
            else:
                key, value = _command(line)
                options[key] = value
        found |= {name: dict(options) for name in names}
    return found


def _included(found: dict[str, Any], path: str, read: Callable[[str], dict[str, str]]) -> None:
    files: dict[str, list[str]] = {}
    for name, text in read(path).items():
        inner = parsed(text, lambda _path: {})
        files[name] = [key for key, value in inner.items() if isinstance(value, dict)]
        found |= inner
    found["include files"] = {**found.get("include files", {}), **files}


def changed(text: str, key: str, value: Any, setting: Any = None) -> str:
    """The text with a command set: of the whole file, or of the log file `key` the command `value`, to `setting`.

    A command that is there is written in its place; `False` takes it away.
    """
    if setting is None:
        return _with_command(text, key, value)
    lines = text.splitlines(keepends=True)
    for start, end in _places(lines, key):
        block = _with_command("".join(lines[start + 1 : end]), str(value), setting, indent="    ")
        return "".join([*lines[: start + 1], block, *lines[end:]])
    ready = text if not text or text.endswith("\n") else f"{text}\n"
    return f"{ready}{_quoted(key)} {{\n{_line(str(value), setting, '    ')}}}\n"


def names_of(text: str) -> list[str]:
    """The log files that a configuration has blocks for."""
    return [name for names, _lines in _blocks(text) for name in names or []]


# -- inside ------------------------------------------------------------------------------------------------------------


def _blocks(text: str) -> list[tuple[list[str] | None, list[str]]]:
    """The lines that say something: of the whole file, with None, and of each block with the names it is for."""
    blocks: list[tuple[list[str] | None, list[str]]] = []
    names: list[str] | None = None
    waiting = ""
    inside, script = False, False
    for raw in text.splitlines():
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if inside:
            word = line.split(None, 1)[0]
            script = word in _SCRIPTS if not script else word != "endscript"
            if line == "}" and not script:
                inside, names = False, None
            else:
                blocks[-1][1].append(line)
        elif line.endswith("{"):
            names = _split(f"{waiting} {line[:-1]}")
            waiting, inside = "", True
            blocks.append((names, []))
        elif line.startswith(("/", '"', "'")):
            # Names may stand on lines of their own before the brace.
            waiting += f" {line}"
        else:
            blocks.append((None, [line]))
    return blocks


def _places(lines: list[str], key: str) -> list[tuple[int, int]]:
    """Where the block of a log file begins and ends, by the numbers of its lines."""
    places = []
    waiting, start, script = "", -1, False
    for number, raw in enumerate(lines):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if start >= 0:
            word = line.split(None, 1)[0]
            script = word in _SCRIPTS if not script else word != "endscript"
            if line == "}" and not script:
                places.append((start, number))
                start = -1
        elif line.endswith("{"):
            if key in _split(f"{waiting} {line[:-1]}"):
                start = number
            waiting = ""
        elif line.startswith(("/", '"', "'")):
            waiting += f" {line}"
    return places


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def _command(line: str) -> tuple[str, Any]:
    match = re.fullmatch(r"(\S+?)(?:\s*=\s*|\s+)(.*)|(\S+)", line)
    assert match is not None
    if match[3] is not None:
        return match[3], True
    value = match[2].strip()
    return match[1], int(value) if value.isdigit() else value or True


def _with_command(text: str, key: str, value: Any, indent: str = "") -> str:
    lines = text.splitlines(keepends=True)
    depth, script, place = 0, False, None
    kept: list[str] = []
    for line in lines:
        word = line.strip().split(None, 1)[0].split("=")[0] if line.strip() else ""
        if script:
            script = word != "endscript"
        elif word in _SCRIPTS:
            script = True
        elif line.strip().endswith("{") and not word.startswith("#"):
            depth += 1
        elif line.strip() == "}":
            depth -= 1
        elif depth == 0 and word == key:
            place = len(kept) if place is None else place
            continue
        kept.append(line)
    if value is False:
        return "".join(kept)
    if place is None:
        # Before the first block, or the script: what stands behind one is read as well, and seen by nobody.
        place = next(
            (
                number
                for number, line in enumerate(kept)
                if line.strip().endswith("{") or line.strip().split(None, 1)[:1] == ["include"]
                or (line.strip().split(None, 1) or [""])[0] in _SCRIPTS
            ),
            len(kept),
        )  # fmt: skip
        if place and not kept[place - 1].endswith("\n"):
            kept[place - 1] += "\n"
    return "".join([*kept[:place], _line(key, value, indent), *kept[place:]])


def _line(key: str, value: Any, indent: str) -> str:
    return f"{indent}{key}\n" if value is True else f"{indent}{key} {value}\n"


def _quoted(name: str) -> str:
    return f'"{name}"' if re.search(r"\s", name) else name


def files_of(path: str) -> list[str]:
    """The files that an `include` means: one, or those in a folder that are no hidden ones and no old versions."""
    if not os.path.isdir(path):
        return [path] if os.path.isfile(path) else []
    taboo = (".dpkg-old", ".dpkg-new", ".dpkg-dist", ".bak", ".rpmsave", ".rpmorig", ".rpmnew", ".disabled", "~", ",v")
    names = sorted(name for name in os.listdir(path) if not name.startswith(".") and not name.endswith(taboo))
    return [os.path.join(path, name) for name in names if os.path.isfile(os.path.join(path, name))]
