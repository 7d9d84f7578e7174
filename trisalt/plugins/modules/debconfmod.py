"""Answers to the questions that Debian's packages ask when they are configured, by debconf."""

from __future__ import annotations

import os
import re
import shutil
from typing import Any

from trisalt.errors import CommandError

__virtualname__ = "debconf"
__func_alias__ = {"set_": "set"}

_LINE = re.compile(r"^(?P<package>[^#\s]\S*)[\t ]+(?P<question>\S+)[\t ]+(?P<type>\S+)[\t ]+(?P<value>.*)$", re.M)


def __virtual__() -> Any:
    if __grains__.get("os_family") != "Debian":
        return False, "The debconfmod module could not be loaded: unsupported OS family"
    if shutil.which("debconf-get-selections") is None:
        return False, "The debconfmod module could not be loaded: debconf-utils is not installed."
    return __virtualname__


def get_selections(fetchempty: bool = True) -> dict[str, list[list[str]]]:
    """
    The answers there are: `{package: [[question, type, value], …]}`; without `fetchempty` those that are empty are
    left out.

    CLI Example:

        salt '*' debconf.get_selections
    """
    found: dict[str, list[list[str]]] = {}
    for match in _LINE.finditer(__utils__["tool.checked"](["debconf-get-selections"], "Unable to read the selections")):
        value = match["value"].strip()
        if value or fetchempty:
            found.setdefault(match["package"], []).append([match["question"], match["type"], value])
    return found


def show(name: str) -> list[list[str]] | None:
    """
    The answers of one package, or None.

    CLI Example:

        salt '*' debconf.show tzdata
    """
    return get_selections().get(name)


def set_(package: str, question: str, type: str, value: Any, *extra: Any) -> bool:
    """
    Answer a question. What follows the value is part of it.

    CLI Example:

        salt '*' debconf.set tzdata tzdata/Areas select Europe
    """
    words = [str(word) for word in (package, question, type)]
    text = " ".join([*map(str, (value, *extra))])
    if any(not word or re.search(r"\s", word) for word in words) or "\n" in text:
        raise CommandError("A package, a question and a type are words, and a value is one line")
    return _given(" ".join([*words, text]) + "\n")


def set_template(path: str, template: str, context: Any, defaults: Any, saltenv: str = "base", **kwargs: Any) -> bool:
    """
    Give the answers of a file that is a template.

    CLI Example:

        salt '*' debconf.set_template salt://pathto/pkg.selections.jinja jinja None None
    """
    variables = {**(defaults or {}), **(context or {})}
    text = __utils__["template.render"](_text(path, saltenv), template, saltenv=saltenv, path=path, context=variables)
    return _given(text)


def set_file(path: str, saltenv: str = "base", **kwargs: Any) -> bool:
    """
    Give the answers of a file, as `debconf-set-selections` reads them; of the file server or of this host.

    CLI Example:

        salt '*' debconf.set_file salt://pathto/pkg.selections
    """
    return _given(_text(path, saltenv))


def _text(path: str, saltenv: str) -> str:
    found = __salt__["cp.cache_file"](path, saltenv) if path and "://" in str(path) else path
    if not found or not os.path.isfile(found):
        raise CommandError(f"There is no file {path}")
    try:
        with open(found, encoding="utf-8") as file:
            return file.read()
    except (OSError, ValueError) as exc:
        raise CommandError(f"{path} cannot be read: {exc}") from exc


def _given(lines: str) -> bool:
    # By standard input: a password among them is in no list of processes, and in no file.
    return bool(
        __utils__["tool.succeeds"](
            ["debconf-set-selections"], stdin=lines, stdin_raw_newlines=True, output_loglevel="quiet"
        )
    )
