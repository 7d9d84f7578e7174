"""Run one program as `cmd` and its kin do: working directory, user, environment, deadline, and what it printed."""

from __future__ import annotations

import grp
import locale
import logging
import os
import pwd
import shlex
import signal
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from trisalt.errors import CommandError

log = logging.getLogger(__name__)

# What `timeout(1)` answers with, and what a job that timed out therefore has for a retcode.
TIMED_OUT = 124
C_LOCALE = dict.fromkeys(
    (
        "LC_CTYPE", "LC_NUMERIC", "LC_TIME", "LC_COLLATE", "LC_MONETARY", "LC_MESSAGES", "LC_PAPER", "LC_NAME",
        "LC_ADDRESS", "LC_TELEPHONE", "LC_MEASUREMENT", "LC_IDENTIFICATION", "LANGUAGE",
    ),
    "C",
)  # fmt: skip


def execute(
    cmd: str | Sequence[Any],
    *,
    cwd: str | None = None,
    stdin: str | None = None,
    runas: str | None = None,
    group: str | None = None,
    shell: str = "/bin/sh",
    python_shell: bool = False,
    env: Any = None,
    clean_env: bool = False,
    umask: Any = None,
    timeout: float | None = None,
    reset_system_locale: bool = True,
    prepend_path: str | None = None,
    merge_stderr: bool = False,
    background: bool = False,
    encoding: str | None = None,
    quiet: bool = False,
) -> dict[str, Any]:
    """`{pid, retcode, stdout, stderr}`, and `timed_out` when the deadline ended it; trailing newlines are taken off.

    Raises CommandError when the program, the directory or the user is not there.
    """
    directory = _directory(cwd, runas)
    argv, display = _argv(cmd, shell, python_shell)
    if not quiet:
        log.info("Executing command %s in directory '%s'", display, directory)
    options: dict[str, Any] = {
        "cwd": directory,
        "env": _environment(env, clean_env=clean_env, c_locale=reset_system_locale, path=prepend_path, user=runas),
        "stdin": subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
        "stdout": subprocess.DEVNULL if background else subprocess.PIPE,
        "stderr": subprocess.DEVNULL if background else (subprocess.STDOUT if merge_stderr else subprocess.PIPE),
        "start_new_session": True,
        **_identity(runas, group),
    }
    if umask is not None:
        options["umask"] = _octal(umask)
    try:
        process = subprocess.Popen(argv, **options)
    except (OSError, ValueError) as exc:
        raise CommandError(f"Unable to run command '{argv}', reason: {exc}") from exc
    if background:
        return {"pid": process.pid}
    return _finish(process, stdin, timeout, display, encoding or locale.getpreferredencoding(False))


def _finish(
    process: subprocess.Popen[bytes], stdin: str | None, timeout: float | None, display: str, encoding: str
) -> dict[str, Any]:
    timed_out = False
    try:
        out, err = process.communicate(stdin.encode(encoding) if stdin is not None else None, timeout=timeout)
    except subprocess.TimeoutExpired:
        timed_out = True
        # It leads a group of its own, so its children go with it.
        for sig in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(process.pid, sig)
            except ProcessLookupError:
                break
            try:
                process.wait(1)
            except subprocess.TimeoutExpired:
                continue
        process.communicate()
        out, err = f"{display} : Timed out after {timeout:g} seconds".encode(encoding, "replace"), b""
    found: dict[str, Any] = {
        "pid": process.pid,
        "retcode": TIMED_OUT if timed_out else _retcode(process.returncode),
        "stdout": _text(out, encoding),
        "stderr": _text(err or b"", encoding),
    }
    return found | ({"timed_out": True} if timed_out else {})


def _argv(cmd: str | Sequence[Any], shell: str, python_shell: bool) -> tuple[list[str], str]:
    """The words to execute, and the text for the log and for a time-out."""
    if isinstance(cmd, str):
        if python_shell:
            if not os.path.isfile(shell) or not os.access(shell, os.X_OK):
                raise CommandError(f"The shell {shell} is not available")
            return [shell, "-c", cmd], f"'{cmd}'" if "'" not in cmd else f'"{cmd}"'
        try:
            return shlex.split(cmd), f"'{cmd}'" if "'" not in cmd else f'"{cmd}"'
        except ValueError as exc:
            raise CommandError(f"Unable to read the command {cmd!r}: {exc}") from exc
    words = [str(word) for word in cmd]
    if python_shell:
        return [shell, "-c", shlex.join(words)], str(words)
    return words, str(words)


def _directory(cwd: str | None, runas: str | None) -> str:
    if not cwd:
        home = os.path.expanduser(f"~{runas or ''}")
        return home if os.path.isabs(home) and os.access(home, os.R_OK | os.X_OK) else "/"
    if not os.path.isabs(cwd) or not os.path.isdir(cwd):
        raise CommandError(f"Specified cwd '{cwd}' either not absolute or does not exist")
    return cwd


def _identity(runas: str | None, group: str | None) -> dict[str, Any]:
    """The options of Popen that make it another user's process."""
    options: dict[str, Any] = {}
    if runas:
        try:
            account = pwd.getpwnam(runas)
        except KeyError:
            raise CommandError(f"User '{runas}' is not available") from None
        if account.pw_uid != os.getuid() or group:
            if os.getuid() != 0 and account.pw_uid != os.getuid():
                raise CommandError(f"Only root may run a command as '{runas}'")
            options = {
                "user": account.pw_uid,
                "group": account.pw_gid,
                "extra_groups": os.getgrouplist(runas, account.pw_gid),
            }
    if group:
        try:
            options["group"] = grp.getgrnam(group).gr_gid
        except KeyError:
            raise CommandError(f"Group '{group}' is not available") from None
    return options


def _environment(env: Any, *, clean_env: bool, c_locale: bool, path: str | None, user: str | None) -> dict[str, str]:
    given: dict[str, Any] = {}
    for part in env if isinstance(env, list) else [env] if env else []:
        if not isinstance(part, Mapping):
            raise CommandError("env must be a map, or a list of maps")
        given |= part
    base = {} if clean_env else dict(os.environ)
    if user:
        account = pwd.getpwnam(user)
        base |= {"HOME": account.pw_dir, "USER": user, "LOGNAME": user, "SHELL": account.pw_shell or "/bin/sh"}
    if c_locale:
        base |= C_LOCALE
        # LC_ALL would win over all of the above; a caller who sets it means it.
        base.pop("LC_ALL", None)
        base.setdefault("LANG", "C")
    base |= {str(key): "" if value is None else str(value) for key, value in given.items() if value is not False}
    for key, value in given.items():
        if value is False:
            base.pop(str(key), None)
    if path:
        base["PATH"] = ":".join(filter(None, [path, base.get("PATH")]))
    return base


def _retcode(status: int) -> int:
    # A program that a signal ended has the shell's number for it.
    return 128 - status if status < 0 else status


def _octal(umask: Any) -> int:
    try:
        return int(str(umask).removeprefix("0o"), 8)
    except ValueError:
        raise CommandError(f"Invalid umask: '{umask}'") from None


def _text(data: bytes, encoding: str) -> str:
    try:
        return data.decode("utf-8").rstrip()
    except UnicodeDecodeError:
        return data.decode(encoding, "replace").rstrip()
