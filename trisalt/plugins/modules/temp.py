"""Make temporary files and directories, which only the minion's own account may open."""

from __future__ import annotations

import os
import tempfile

from trisalt.errors import CommandError


def dir(suffix: str = "", prefix: str = "tmp", parent: str | None = None) -> str:
    """
    Make a temporary directory: its path. `parent` is where it lies, the host's folder for such things by itself.

    CLI Example:

        salt '*' temp.dir
        salt '*' temp.dir prefix='mytemp-' parent='/var/run/'
    """
    try:
        return tempfile.mkdtemp(_part(suffix), _part(prefix), parent)
    except OSError as exc:
        raise _refused("directory", exc) from exc


def file(suffix: str = "", prefix: str = "tmp", parent: str | None = None) -> str:
    """
    Make an empty temporary file: its path. `parent` is where it lies, the host's folder for such things by itself.

    CLI Example:

        salt '*' temp.file
        salt '*' temp.file prefix='mytemp-' parent='/var/run/'
    """
    try:
        handle, path = tempfile.mkstemp(_part(suffix), _part(prefix), parent)
    except OSError as exc:
        raise _refused("file", exc) from exc
    os.close(handle)
    return path


def _part(text: str) -> str:
    """A part of a name; with a slash it would lead elsewhere than `parent`."""
    if "/" in str(text) or "\0" in str(text):
        raise CommandError(f"{text!r} is no part of a file's name")
    return str(text)


def _refused(what: str, exc: OSError) -> CommandError:
    return CommandError(f"Unable to make a temporary {what}: {exc}")
