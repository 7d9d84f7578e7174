"""Run one program as `cmd` and its kin do: working directory, user, environment, deadline, and what it printed.

Used by `cmd`, through which the other plugins run programs, and by `network`.
"""

from __future__ import annotations

import codecs
import grp
import locale
import logging
import os
import pwd
import shlex
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
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
    shell: str | None = None,
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
    rstrip: bool = True,
    quiet: bool = False,
    hide: Callable[[str], str] | None = None,
) -> dict[str, Any]:
    """`{pid, retcode, stdout, stderr}`, and `timed_out` when the deadline ended it; space at the end is taken off.

    With `background` it is left running, and `{pid}` is all there is to know. `hide` is given what would be logged
    and returns what may be. Raises CommandError when the program, the directory or the user is not there.
    """
    if timeout is not None and (isinstance(timeout, bool) or not isinstance(timeout, int | float)):
        raise CommandError(f"Error: timeout {timeout} must be a number")
    if encoding is not None:
        try:
            codecs.lookup(encoding)
        except LookupError:
            raise CommandError(f"Unknown encoding: {encoding}") from None
    identity = _identity(runas, group)
    directory = _directory(cwd, runas)
    # The daemon's own shell, which the grain `shell` tells. Source: stock Salt 3008.3.
    argv, display = _argv(cmd, shell or os.environ.get("SHELL") or "/bin/sh", python_shell)
    if not quiet:
        whose = (f" as user '{runas}'" if runas else "") + (f" in group '{group}'" if group else "")
        log.info("Executing command %s%s in directory '%s'", (hide or str)(display), whose, directory)
    options: dict[str, Any] = {
        "cwd": directory,
        "env": _environment(env, clean_env=clean_env, c_locale=reset_system_locale, path=prepend_path, user=runas),
        "stdin": subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
        "stdout": subprocess.DEVNULL if background else subprocess.PIPE,
        "stderr": subprocess.DEVNULL if background else (subprocess.STDOUT if merge_stderr else subprocess.PIPE),
        "start_new_session": True,
        **identity,
    }
    if umask is not None:
        options["umask"] = _octal(umask)
    try:
        process = subprocess.Popen(argv, **options)
    except (OSError, ValueError) as exc:
        raise CommandError(f"Unable to run command '{(hide or str)(str(argv))}', reason: {exc}") from exc
    if background:
        # Somebody has to reap it, for as long as this process is there.
        threading.Thread(target=process.wait, daemon=True).start()
        return {"pid": process.pid}
    shown = str(cmd) if python_shell else str(argv)
    return _finish(process, stdin, timeout or None, shown, encoding, rstrip)


def _finish(
    process: subprocess.Popen[bytes],
    stdin: str | None,
    timeout: float | None,
    shown: str,
    encoding: str | None,
    rstrip: bool,
) -> dict[str, Any]:
    timed_out = False
    try:
        out, err = process.communicate(
            str(stdin).encode(encoding or "utf-8", "surrogateescape") if stdin is not None else None, timeout=timeout
        )
    except subprocess.TimeoutExpired:
        timed_out = True
        _end(process)
        out, err = f"{shown} : Timed out after {timeout} seconds".encode(errors="replace"), b""
    found: dict[str, Any] = {
        "pid": process.pid,
        "retcode": TIMED_OUT if timed_out else _retcode(process.returncode),
        "stdout": _text(out, encoding, rstrip),
        "stderr": _text(err or b"", encoding, rstrip),
    }
    return found | ({"timed_out": True} if timed_out else {})


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and its group, politely for a second; what left the group stays, and keeps nobody waiting."""
    for sig in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sig)
        except ProcessLookupError:
            break
        try:
            process.wait(1)
        except subprocess.TimeoutExpired:
            continue
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            try:
                pipe.close()
            except OSError:
                pass  # what was still to be written has nobody to read it


def _argv(cmd: str | Sequence[Any], shell: str, python_shell: bool) -> tuple[list[str], str]:
    """The words to execute, and the text for the log and for a time-out."""
    if not isinstance(cmd, list | tuple):
        cmd = str(cmd)
        if python_shell:
            if not os.path.isfile(shell) or not os.access(shell, os.X_OK):
                raise CommandError(f"The shell {shell} is not available")
            return [shell, "-c", cmd], f"'{cmd}'" if "'" not in cmd else f'"{cmd}"'
        try:
            words = shlex.split(cmd)
        except ValueError as exc:
            raise CommandError(f"Unable to read the command {cmd!r}: {exc}") from exc
        if not words:
            raise CommandError("There is no command to run")
        return words, f"'{cmd}'" if "'" not in cmd else f'"{cmd}"'
    words = [str(word) for word in cmd]
    if not words:
        raise CommandError("There is no command to run")
    if python_shell:
        return [shell, "-c", shlex.join(words)], str(words)
    return words, str(words)


def _directory(cwd: str | None, runas: str | None) -> str:
    if not cwd:
        home = os.path.expanduser(f"~{runas or ''}")
        return home if os.path.isabs(home) and os.access(home, os.R_OK | os.X_OK) else "/"
    cwd = str(cwd)
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
    # Only the daemon speaks to systemd; a program with that address would speak in its name.
    base.pop("NOTIFY_SOCKET", None)
    if user:
        account = pwd.getpwnam(user)
        base |= {"HOME": account.pw_dir, "USER": user, "LOGNAME": user, "SHELL": account.pw_shell or "/bin/sh"}
    if c_locale:
        base |= C_LOCALE
        # LC_ALL would win over all of the above; a caller who sets it means it.
        base.pop("LC_ALL", None)
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
        mask = int(str(umask).removeprefix("0o"), 8)
    except ValueError:
        raise CommandError(f"Invalid umask: '{umask}'") from None
    if mask == 0:
        raise CommandError("Zero umask is not allowed.")
    if not 0 < mask <= 0o777:
        raise CommandError(f"Invalid umask: '{umask}'")
    return mask


def _text(data: bytes, encoding: str | None, rstrip: bool) -> str:
    try:
        text = data.decode(encoding or "utf-8")
    except UnicodeDecodeError:
        text = data.decode(encoding or locale.getpreferredencoding(False), "replace")
    return text.rstrip() if rstrip else text
