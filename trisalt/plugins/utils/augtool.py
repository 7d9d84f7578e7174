"""augtool, as the module `augeas` asks it: which files are read, commands in its language, and what went wrong.

Only the files that paths name are read, with the lens that is named or the one that augeas has for them.
"""

from __future__ import annotations

import os
import shlex
import tempfile
from collections.abc import Sequence
from typing import Any

from trisalt.errors import CommandError

# Commands, by how many words follow.
COMMANDS = {"set": 2, "setm": 3, "mv": 2, "move": 2, "ins": 3, "insert": 3, "rm": 1, "remove": 1}
NAMES = {"move": "mv", "insert": "ins", "remove": "rm"}
FILES = "/files/"


def parsed(command: Any) -> list[str]:
    """The words of a command. Raises CommandError for one that there is none of."""
    try:
        words = [str(word) for word in command] if isinstance(command, list) else shlex.split(str(command))
    except ValueError as exc:
        raise CommandError(f"Unable to read the command {command!r}: {exc}") from exc
    name = words[0] if words else ""
    if name not in COMMANDS:
        raise CommandError(f"Command {name} is not supported (yet)")
    if len(words) - 1 != COMMANDS[name]:
        raise CommandError(f"Invalid formatted command, see debug log for details: {name}")
    if any("\n" in word for word in words):
        raise CommandError(f"A command is one line: {name}")
    return [NAMES.get(name, name), *words[1:]]


def files(commands: Sequence[Sequence[str]], context: str | None) -> list[str]:
    """The files that commands are about: those below `/files` that are there, and the context's in any case."""
    if context:
        return [context.removeprefix("/files") if context.startswith(FILES) else context]
    paths = (word for command in commands for word in command[1:] if word.startswith(FILES))
    return sorted({found for path in paths if (found := file_of(path))})


def file_of(path: str) -> str:
    """The file that a path leads into, if it is there."""
    place = ""
    for part in path.removeprefix("/files").strip("/").split("/"):
        place += f"/{part}"
        if os.path.isfile(place):
            return place
    return ""


def change(
    commands: Sequence[Any],
    *,
    context: str | None = None,
    lens: str | None = None,
    load_path: Any = None,
    root: str = "/",
) -> None:
    """Do commands and keep what came of them, all or none. Raises CommandError with augeas' words."""
    words = [parsed(command) for command in commands]
    read = files(words, context)
    if not read:
        raise CommandError("No file is named: by the context, or by paths below /files")
    lines = [_absolute(command, f"/files{read[0]}") for command in words] if context else words
    where = {"read": read, "lens": lens, "load_path": load_path, "root": root}
    # augtool goes on after a command that failed: nothing is kept until all of them have been seen to succeed.
    tried = _run([["errors"], *lines], **where)
    if "Error in" in tried["stdout"]:
        raise CommandError(" ".join(tried["stdout"].split()))
    if tried["retcode"]:
        raise CommandError(_reason(tried["stderr"]))
    kept = _run([*lines, ["save"], ["errors"]], **where)
    if kept["retcode"]:
        raise CommandError(f"Unable to save to file! {' '.join(kept['stdout'].split())}".strip())


def ask(words: Sequence[str], *, load_path: Any = None) -> str:
    """What a command says. Raises CommandError with augeas' words."""
    path = words[-1]
    if "\n" in path:
        raise CommandError("A path is one line")
    place = file_of(path) if path.startswith(FILES) else ""
    found = _run([list(words)], read=[place] if place else None, lens=None, load_path=load_path, root="/")
    if found["retcode"]:
        raise CommandError(_reason(found["stderr"]))
    return found["stdout"]


def _run(
    script: Sequence[Sequence[str]],
    *,
    read: Sequence[str] | None,
    lens: str | None,
    load_path: Any,
    root: str,
) -> dict[str, Any]:
    argv = ["augtool", "--root", root]
    folders = load_path if isinstance(load_path, list) else str(load_path).split(":") if load_path else []
    argv += [word for folder in folders for word in ("--include", str(folder))]
    lines = [" ".join([name, *map(_quoted, words)]) for name, *words in script]
    if lens and read:
        name = lens if "." in lens else f"{lens}.lns"
        module, _, rest = name.partition(".")
        argv.append("--noautoload")
        argv += [
            word for path in read for word in ("--transform", f"{module[:1].upper()}{module[1:]}.{rest} incl {path}")
        ]
    elif read is not None:
        argv.append("--noload")
        lines = [*(f"load-file {_quoted(path)}" for path in read), *lines]
    with tempfile.NamedTemporaryFile("w", suffix=".aug", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
        file.flush()
        return __utils__["tool.run"]([*argv, "--file", file.name], ignore_retcode=True)


def _absolute(command: list[str], base: str) -> list[str]:
    """A command with its relative paths below `base`."""
    name, *words = command
    paths = {"mv": (0, 1), "ins": (2,)}.get(name, (0,))
    for number in paths:
        if not words[number].startswith("/"):
            words[number] = base if words[number] == "." else f"{base}/{words[number]}"
    return [name, *words]


def _quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _reason(stderr: str) -> str:
    lines = [line.removeprefix("error: ") for line in stderr.splitlines() if line.strip()]
    return " ".join(line for line in lines if line != "Failed to execute command") or "augtool failed"
