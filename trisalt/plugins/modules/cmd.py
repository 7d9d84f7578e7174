"""Run commands on a minion."""

from __future__ import annotations

import os
import shutil
import tempfile
from typing import Any

from trisalt.errors import CommandError

# What may be passed on to `command.execute` by the functions that name only what they change.
_OPTIONS = frozenset(
    {
        "cwd", "stdin", "runas", "group", "shell", "python_shell", "env", "clean_env", "umask", "timeout",
        "reset_system_locale", "prepend_path",
    }
)  # fmt: skip


def run(
    cmd: Any,
    cwd: str | None = None,
    stdin: str | None = None,
    runas: str | None = None,
    group: str | None = None,
    shell: str = "/bin/sh",
    python_shell: bool | None = None,
    env: Any = None,
    clean_env: bool = False,
    umask: Any = None,
    output_loglevel: str = "debug",
    hide_output: bool = False,
    timeout: float | None = None,
    reset_system_locale: bool = True,
    ignore_retcode: bool = False,
    raise_err: bool = False,
    prepend_path: str | None = None,
    success_retcodes: list[int] | None = None,
    redirect_stderr: bool = True,
    bg: bool = False,
    **kwargs: Any,
) -> str:
    """
    Run a command and return what it printed, standard error included. The job's retcode is the command's; 124 when
    `timeout` (seconds) ended it.

    Called by an operator the command is a shell's (`python_shell`); called by other modules it is not.

    CLI Example:

        salt '*' cmd.run 'ls -l | head -3' cwd=/tmp
    """
    found = _run(
        cmd, kwargs, cwd=cwd, stdin=stdin, runas=runas, group=group, shell=shell, python_shell=python_shell, env=env,
        clean_env=clean_env, umask=umask, timeout=timeout, reset_system_locale=reset_system_locale,
        prepend_path=prepend_path, ignore_retcode=ignore_retcode, success_retcodes=success_retcodes,
        merge_stderr=redirect_stderr, background=bg, output_loglevel=output_loglevel,
    )  # fmt: skip
    if bg:
        return ""
    if raise_err and found["retcode"] and not ignore_retcode:
        raise CommandError(f"Command '{cmd}' failed with return code: {found['retcode']}\n{found['stdout']}")
    return "" if hide_output else found["stdout"]


def run_all(
    cmd: Any,
    cwd: str | None = None,
    stdin: str | None = None,
    runas: str | None = None,
    group: str | None = None,
    shell: str = "/bin/sh",
    python_shell: bool | None = None,
    env: Any = None,
    clean_env: bool = False,
    umask: Any = None,
    output_loglevel: str = "debug",
    hide_output: bool = False,
    timeout: float | None = None,
    reset_system_locale: bool = True,
    ignore_retcode: bool = False,
    redirect_stderr: bool = False,
    prepend_path: str | None = None,
    success_retcodes: list[int] | None = None,
    **kwargs: Any,
) -> dict[str, Any]:
    """
    Run a command: `{pid, retcode, stdout, stderr}`, with `timed_out` when its deadline ended it.

    CLI Example:

        salt '*' cmd.run_all 'ls -l'
    """
    found = _run(
        cmd, kwargs, cwd=cwd, stdin=stdin, runas=runas, group=group, shell=shell, python_shell=python_shell, env=env,
        clean_env=clean_env, umask=umask, timeout=timeout, reset_system_locale=reset_system_locale,
        prepend_path=prepend_path, ignore_retcode=ignore_retcode, success_retcodes=success_retcodes,
        merge_stderr=redirect_stderr, output_loglevel=output_loglevel,
    )  # fmt: skip
    return found | {"stdout": "", "stderr": ""} if hide_output else found


def shell(cmd: Any, shell: str = "/bin/sh", **kwargs: Any) -> str:
    """
    Run a command in a shell, whoever calls.

    CLI Example:

        salt '*' cmd.shell 'ls -l | head -3'
    """
    return run(cmd, shell=shell, **{**kwargs, "python_shell": True})


def run_stdout(cmd: Any, **kwargs: Any) -> str:
    """
    Run a command and return its standard output only.

    CLI Example:

        salt '*' cmd.run_stdout 'ls -l'
    """
    return run_all(cmd, **kwargs)["stdout"]


def run_stderr(cmd: Any, **kwargs: Any) -> str:
    """
    Run a command and return its standard error only.

    CLI Example:

        salt '*' cmd.run_stderr 'ls -l'
    """
    return run_all(cmd, **kwargs)["stderr"]


def retcode(cmd: Any, **kwargs: Any) -> int:
    """
    Run a command and return its exit status.

    CLI Example:

        salt '*' cmd.retcode 'test -e /etc/passwd'
    """
    return run_all(cmd, **kwargs)["retcode"]


def run_bg(cmd: Any, **kwargs: Any) -> dict[str, int]:
    """
    Start a command and leave it: `{pid}`.

    CLI Example:

        salt '*' cmd.run_bg 'sleep 100'
    """
    return _run(cmd, kwargs, background=True, **{key: value for key, value in kwargs.items() if key in _OPTIONS})


def run_chroot(root: str, cmd: Any, shell: str = "/bin/sh", **kwargs: Any) -> dict[str, Any]:
    """
    Run a command inside another root: the shape of `run_all`.

    CLI Example:

        salt '*' cmd.run_chroot /srv/root 'ls -l'
    """
    if not os.path.isdir(root):
        raise CommandError(f"The root {root} is not a directory")
    words = cmd if isinstance(cmd, str) else " ".join(map(str, cmd))
    return run_all(["chroot", root, shell, "-c", words], **{**kwargs, "python_shell": False})


def script(
    source: str,
    args: Any = None,
    cwd: str | None = None,
    shell: str = "/bin/sh",
    saltenv: str | None = None,
    **kwargs: Any,
) -> dict[str, Any]:
    """
    Copy a script to a private place, run it, remove it: the shape of `run_all`; `cache_error` when it is not there.

    CLI Example:

        salt '*' cmd.script salt://scripts/run.sh 'arg1 "arg 2"'
    """
    missing = {"pid": 0, "retcode": 1, "stdout": "", "stderr": "", "cache_error": True}
    path = source
    if "://" in source:
        if "cp.cache_file" not in __salt__:
            raise CommandError(f"{source}: this minion cannot fetch files yet; give an absolute path")
        path = __salt__["cp.cache_file"](source, saltenv or "base")
    if not path or not os.path.isfile(path):
        return missing
    with tempfile.TemporaryDirectory(prefix="trisalt-script-", dir=cwd) as folder:
        copy = os.path.join(folder, os.path.basename(path))
        shutil.copyfile(path, copy)
        os.chmod(copy, 0o500)
        runas = kwargs.get("runas")
        if runas:
            shutil.chown(folder, runas)
            shutil.chown(copy, runas)
        words = "" if args is None else f" {args}" if isinstance(args, str) else " " + " ".join(map(str, args))
        return run_all(copy + words, cwd=cwd or folder, shell=shell, **{**kwargs, "python_shell": True})


def script_retcode(source: str, **kwargs: Any) -> int:
    """
    Run a script as `script` does and return its exit status.

    CLI Example:

        salt '*' cmd.script_retcode /usr/local/bin/check.sh
    """
    return script(source, **kwargs)["retcode"]


def exec_code(lang: str, code: Any, cwd: str | None = None, args: Any = None, **kwargs: Any) -> str:
    """
    Give code to an interpreter and return what it printed.

    CLI Example:

        salt '*' cmd.exec_code python3 'print(1)'
    """
    return exec_code_all(lang, code, cwd, args, **kwargs)["stdout"]


def exec_code_all(lang: str, code: Any, cwd: str | None = None, args: Any = None, **kwargs: Any) -> dict[str, Any]:
    """
    Give code to an interpreter: the shape of `run_all`.

    CLI Example:

        salt '*' cmd.exec_code_all python3 'print(1)'
    """
    text = "\n".join(map(str, code)) if isinstance(code, list) else str(code)
    with tempfile.NamedTemporaryFile("w", prefix="trisalt-code-") as file:
        file.write(text)
        file.flush()
        words = [] if args is None else [args] if isinstance(args, str) else list(map(str, args))
        return run_all([lang, file.name, *words], cwd=cwd, **{**kwargs, "python_shell": False})


def which(cmd: str) -> str | None:
    """
    The path of a program, or nothing.

    CLI Example:

        salt '*' cmd.which cat
    """
    return shutil.which(cmd)


def which_bin(cmds: list[str]) -> str | None:
    """
    The path of the first of these programs that is there.

    CLI Example:

        salt '*' cmd.which_bin '[pip3, pip]'
    """
    return next(filter(None, map(shutil.which, cmds)), None)


def has_exec(cmd: str) -> bool:
    """
    Whether a program is there.

    CLI Example:

        salt '*' cmd.has_exec cat
    """
    return shutil.which(cmd) is not None


def shells() -> list[str]:
    """
    The shells that /etc/shells lists.

    CLI Example:

        salt '*' cmd.shells
    """
    try:
        with open("/etc/shells", encoding="utf-8") as file:
            return [line.strip() for line in file if line.startswith("/")]
    except OSError:
        return []


def tty(device: str, echo: str = "") -> dict[str, str]:
    """
    Write a line to a terminal: `pts3`, `tty2`, or a device's path.

    CLI Example:

        salt '*' cmd.tty tty0 'This is a test'
    """
    name = device.removeprefix("/dev/")
    if not name.startswith(("tty", "pts")) or ".." in name:
        return {"Error": "The specified device is not a valid TTY"}
    path = f"/dev/{name}" if "/" in name or name.startswith("tty") else f"/dev/pts/{name.removeprefix('pts')}"
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(echo + "\n")
    except OSError as exc:
        return {"Error": f"Echoing to {device} returned error: {exc.strerror}"}
    return {"Success": f"Message was successfully echoed to {device}"}


def _run(
    cmd: Any,
    kwargs: dict[str, Any],
    *,
    python_shell: bool | None = None,
    ignore_retcode: bool = False,
    success_retcodes: list[int] | None = None,
    output_loglevel: str = "debug",
    **options: Any,
) -> dict[str, Any]:
    unknown = [f"{key}={value}" for key, value in kwargs.items() if not key.startswith("__") and key not in _OPTIONS]
    if unknown:
        raise CommandError(f"The following keyword arguments are not valid: {', '.join(unknown)}")
    if python_shell is None:
        # An operator's words are a shell's; a module says what it means. Source: stock Salt 3008.3.
        python_shell = "__pub_jid" in kwargs or not __opts__.get("cmd_safe", True)
    found = __utils__["command.execute"](cmd, python_shell=python_shell, quiet=output_loglevel == "quiet", **options)
    status = found.get("retcode", 0)
    if success_retcodes and status in [int(code) for code in success_retcodes]:
        found["retcode"] = status = 0
    if "__pub_jid" in kwargs:
        # The job's own command decides the job's retcode; a command that a module runs is that module's business.
        __context__["retcode"] = 0 if ignore_retcode else status
    return found
