"""What logrotate does with which log: its configuration read, and changed."""

from __future__ import annotations

import os
import shutil
from typing import Any

from trisalt.errors import CommandError, InvocationError
from trisalt.plugins.utils import logrotates

__func_alias__ = {"set_": "set"}

_CONFIGURATION = "/etc/logrotate.conf"


def __virtual__() -> Any:
    if shutil.which("logrotate"):
        return True
    return False, "The logrotate execution module cannot be loaded: the logrotate binary is not in the path."


def show_conf(conf_file: str = _CONFIGURATION) -> dict[str, Any]:
    """
    What a configuration says, and the files that it includes.

    CLI Example:

        salt '*' logrotate.show_conf
    """
    return logrotates.parsed(_read(conf_file), _included)


def get(key: str, value: str | None = None, conf_file: str = _CONFIGURATION) -> Any:
    """
    A command of the configuration, or of a log file all commands, or one; false when it is not there.

    CLI Example:

        salt '*' logrotate.get /var/log/wtmp rotate
    """
    found = show_conf(conf_file).get(key, False)
    if value is None:
        return found
    if not isinstance(found, dict):
        raise InvocationError(f"{key} is a command, and has no {value}" if found is not False else f"No {key} is there")
    return found.get(value, False)


def set_(key: str, value: Any, setting: Any = None, conf_file: str = _CONFIGURATION) -> bool:
    """
    Set a command of the configuration, or, with a `setting`, the command `value` of the log file `key`, in the file
    that has it. True for a command that takes nothing; false takes it away.

    CLI Example:

        salt '*' logrotate.set /var/log/wtmp rotate 2
    """
    found = show_conf(conf_file).get(key)
    if setting is None and isinstance(found, dict):
        raise InvocationError(f"Error: {key} includes a dict, and a specific setting inside the dict was not declared")
    if setting is not None and found is not None and not isinstance(found, dict):
        raise InvocationError(
            "Error: A setting for a dict was declared, but the configuration line given is not a dict"
        )
    for word in (key, value, setting):
        if "\n" in str(word) or (word is not setting and str(word) == ""):
            raise InvocationError(f"This is no line of a configuration: {word!r}")
    path = conf_file if setting is None else _place(key, conf_file)
    with __utils__["rewrite.locked"](path):
        text = _read(path)
        new = logrotates.changed(text, key, value, setting)
        if new != text:
            __utils__["rewrite.replace"](path, new)
    return True


# -- inside ------------------------------------------------------------------------------------------------------------


def _read(path: str) -> str:
    text: str | None = __utils__["rewrite.read"](path)
    if text is None:
        raise CommandError(f"[Errno 2] No such file or directory: '{path}'")
    return text


def _included(path: str) -> dict[str, str]:
    return {os.path.basename(each): _read(each) for each in logrotates.files_of(path)}


def _place(key: str, conf_file: str) -> str:
    """The file that has the block of a log file; the configuration itself when none has it yet."""
    text = _read(conf_file)
    if key in logrotates.names_of(text):
        return conf_file
    include = logrotates.parsed(text, lambda _path: {}).get("include")
    for path in logrotates.files_of(str(include)) if include else []:
        if key in logrotates.names_of(_read(path)):
            return path
    return conf_file
