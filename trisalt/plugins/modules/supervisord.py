"""Processes that supervisord keeps, by its own program supervisorctl."""

from __future__ import annotations

import configparser
import glob
import os
import re
import shlex
from typing import Any

from trisalt.errors import CommandError

# Where its files are, unless one is named; the first that is there.
_FILES = ("/etc/supervisor/supervisord.conf", "/etc/supervisord.conf")
_STATUS = re.compile(r"(?P<name>\S+)\s+(?P<state>[A-Z]+)(?:\s+(?P<reason>.*))?")


def __virtual__() -> bool:
    # Whether the program is there is looked at when it is needed: it may be in an environment that a call names.
    return True


def start(name: str = "all", user: str | None = None, conf_file: str | None = None, bin_env: str | None = None) -> str:
    """
    Start a process, the processes of a group (`group:`), or all.

    CLI Example:

        salt '*' supervisord.start <service>
        salt '*' supervisord.start <group>:
    """
    return _control(["start", name], user, conf_file, bin_env)


def stop(name: str = "all", user: str | None = None, conf_file: str | None = None, bin_env: str | None = None) -> str:
    """
    Stop a process, the processes of a group (`group:`), or all.

    CLI Example:

        salt '*' supervisord.stop <service>
    """
    return _control(["stop", name], user, conf_file, bin_env)


def restart(
    name: str = "all", user: str | None = None, conf_file: str | None = None, bin_env: str | None = None
) -> str:
    """
    Stop a process, the processes of a group (`group:`), or all, and start them again.

    CLI Example:

        salt '*' supervisord.restart <service>
    """
    return _control(["restart", name], user, conf_file, bin_env)


def add(name: str, user: str | None = None, conf_file: str | None = None, bin_env: str | None = None) -> str:
    """
    Have supervisord take a process or a group that its files describe.

    CLI Example:

        salt '*' supervisord.add <name>
    """
    return _control(["add", name], user, conf_file, bin_env)


def remove(name: str, user: str | None = None, conf_file: str | None = None, bin_env: str | None = None) -> str:
    """
    Have supervisord give up a process or a group, which must be stopped.

    CLI Example:

        salt '*' supervisord.remove <name>
    """
    return _control(["remove", name], user, conf_file, bin_env)


def reread(user: str | None = None, conf_file: str | None = None, bin_env: str | None = None) -> str:
    """
    Have supervisord read its files: what is new in them. Nothing is started.

    CLI Example:

        salt '*' supervisord.reread
    """
    return _control(["reread"], user, conf_file, bin_env)


def update(
    user: str | None = None, conf_file: str | None = None, bin_env: str | None = None, name: str | None = None
) -> str:
    """
    Have supervisord read its files and do what they say, or what they say of one group.

    CLI Example:

        salt '*' supervisord.update
    """
    return _control(["update", *([name] if name else [])], user, conf_file, bin_env)


def status(
    name: str | None = None, user: str | None = None, conf_file: str | None = None, bin_env: str | None = None
) -> dict[str, dict[str, str]]:
    """
    How processes are: `{name: {state, reason}}`.

    CLI Example:

        salt '*' supervisord.status
    """
    found: dict[str, dict[str, str]] = {}
    for line in status_raw(name, user, conf_file, bin_env).splitlines():
        match = _STATUS.fullmatch(line.strip())
        if match is None:
            raise CommandError(f"supervisorctl: {line.strip()}")
        found[match["name"]] = {"state": match["state"], "reason": match["reason"] or ""}
    return found


def status_bool(
    name: str,
    expected_state: str | None = None,
    user: str | None = None,
    conf_file: str | None = None,
    bin_env: str | None = None,
) -> bool:
    """
    Whether a process runs, or is in the state that is named.

    CLI Example:

        salt '*' supervisord.status_bool nginx expected_state='RUNNING'
    """
    found = status(name, user, conf_file, bin_env).get(name, {})
    return found.get("state") == (expected_state or "RUNNING")


def status_raw(
    name: str | None = None, user: str | None = None, conf_file: str | None = None, bin_env: str | None = None
) -> str:
    """
    How processes are, in the words of supervisorctl.

    CLI Example:

        salt '*' supervisord.status_raw
    """
    found = _run(["status", *([name] if name else [])], user, conf_file, bin_env)
    # 3 says that not all of them run, 4 that there is none such.
    __context__["retcode"] = found["retcode"]
    return found["stdout"] or found["stderr"]


def custom(command: str, user: str | None = None, conf_file: str | None = None, bin_env: str | None = None) -> str:
    """
    Give supervisorctl a command of one's own.

    CLI Example:

        salt '*' supervisord.custom "mstop '*gunicorn*'"
    """
    return _control(shlex.split(command), user, conf_file, bin_env)


def options(name: str, conf_file: str | None = None) -> dict[str, Any]:
    """
    What supervisord's files say of a process.

    CLI Example:

        salt '*' supervisord.options foo
    """
    parser = _parsed(conf_file)
    section = f"program:{name}"
    if not parser.has_section(section):
        raise CommandError(f"Process '{name}' not found")
    return {key: _plain(value) for key, value in parser.items(section)}


def _parsed(conf_file: str | None) -> configparser.RawConfigParser:
    """supervisord's file, and those that it includes."""
    path = conf_file or next((each for each in _FILES if os.path.isfile(each)), _FILES[0])
    parser = configparser.RawConfigParser(inline_comment_prefixes=(";", "#"), strict=False)
    try:
        with open(path, encoding="utf-8") as file:
            parser.read_file(file)
        for pattern in parser.get("include", "files", fallback="").split():
            parser.read(sorted(glob.glob(os.path.join(os.path.dirname(path), pattern))), encoding="utf-8")
    except OSError as exc:
        raise CommandError(f"Unable to read from {path}: {exc.strerror or exc}") from exc
    except (configparser.Error, UnicodeError) as exc:
        raise CommandError(f"Unable to read from {path}: {exc}") from exc
    return parser


def _plain(value: str) -> Any:
    """Numbers and words for yes and no as such."""
    if re.fullmatch(r"-?\d+", value):
        return int(value)
    return {"true": True, "false": False}.get(value.lower(), value)


def _control(words: list[str], user: str | None, conf_file: str | None, bin_env: str | None) -> str:
    """What supervisorctl said; what failed has ERROR in it."""
    found = _run(words, user, conf_file, bin_env)
    said = found["stdout"] or found["stderr"]
    __context__["retcode"] = found["retcode"]
    return f"ERROR: {said}" if found["retcode"] and "ERROR" not in said else said


def _run(words: list[str], user: str | None, conf_file: str | None, bin_env: str | None) -> dict[str, Any]:
    odd = next((word for word in words if str(word).startswith("-")), None)
    if odd is not None:
        raise CommandError(f"Invalid name of a process: {odd!r}")
    program = "supervisorctl"
    if bin_env:
        program = os.path.join(bin_env, "bin", program) if os.path.isdir(bin_env) else bin_env
    where = ["-c", conf_file] if conf_file else []
    return __utils__["tool.run"]([program, *where, *words], runas=user, ignore_retcode=True)
