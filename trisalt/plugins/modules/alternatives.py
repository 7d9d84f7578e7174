"""Manage the alternatives of a host: which of several programs a common name is."""

from __future__ import annotations

import os
import shutil
from typing import Any

from trisalt.errors import CommandError

__func_alias__ = {"set_": "set"}


def __virtual__() -> Any:
    if _program():
        return True
    return False, "Cannot load alternatives module: update-alternatives is not available"


def display(name: str) -> str:
    """
    What the host's tool tells of a name.

    CLI Example:

        salt '*' alternatives.display editor
    """
    return _run("--display", name)


def show_link(name: str) -> Any:
    """
    The link that a name stands for; false when there is no such name.

    CLI Example:

        salt '*' alternatives.show_link editor
    """
    folder = "/var/lib/dpkg/alternatives" if os.path.isdir("/var/lib/dpkg/alternatives") else "/var/lib/alternatives"
    lines = (__utils__["rewrite.read"](os.path.join(folder, _name(name))) or "").splitlines()
    return lines[1] if len(lines) > 1 else False


def show_current(name: str) -> Any:
    """
    The program that a name is now; false when there is no such name.

    CLI Example:

        salt '*' alternatives.show_current editor
    """
    try:
        return os.readlink(os.path.join("/etc/alternatives", _name(name)))
    except OSError:
        return False


def check_exists(name: str, path: str) -> bool:
    """
    Whether a program is one of those that a name may be.

    CLI Example:

        salt '*' alternatives.check_exists editor /usr/bin/vim
    """
    found = __utils__["tool.run"]([_program(), "--display", _name(name)], ignore_retcode=True)
    return found["retcode"] == 0 and any(line.startswith(f"{path} - ") for line in found["stdout"].splitlines())


def check_installed(name: str, path: str) -> bool:
    """
    Whether a program is what a name is now.

    CLI Example:

        salt '*' alternatives.check_installed editor /usr/bin/vim
    """
    return show_current(name) == path


def install(name: str, link: str, path: str, priority: Any) -> str:
    """
    Add a program to those that a name may be.

    CLI Example:

        salt '*' alternatives.install editor /usr/bin/editor /usr/bin/emacs23 50
    """
    return _run("--install", link, _name(name), path, str(priority))


def remove(name: str, path: str) -> str:
    """
    Take a program from those that a name may be.

    CLI Example:

        salt '*' alternatives.remove name path
    """
    return _run("--remove", _name(name), path)


def auto(name: str) -> str:
    """
    Have a name be the program of the highest priority, now and later.

    CLI Example:

        salt '*' alternatives.auto name
    """
    return _run("--auto", _name(name))


def set_(name: str, path: str) -> str:
    """
    Have a name be this program, whatever comes.

    CLI Example:

        salt '*' alternatives.set name path
    """
    return _run("--set", _name(name), path)


def _run(*words: str) -> str:
    """What the tool printed. Its refusal is an answer too, with its retcode. Source: stock Salt 3008.3."""
    found = __utils__["tool.run"]([_program(), *words])
    if found["retcode"]:
        __context__["retcode"] = found["retcode"]
        return found["stderr"] or found["stdout"]
    return found["stdout"]


def _program() -> str | None:
    return shutil.which("update-alternatives") or shutil.which("alternatives")


def _name(name: str) -> str:
    if "/" in str(name) or str(name).startswith(("-", ".")):
        raise CommandError(f"{name!r} is no name of alternatives")
    return str(name)
