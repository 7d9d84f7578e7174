"""Run commands on a minion."""

from __future__ import annotations

import logging
import os
import shlex
import shutil
import tempfile
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

from trisalt.errors import CommandError, TrisaltError
from trisalt.levels import LEVELS

log = logging.getLogger(__name__)

# Arguments of stock Salt that change nothing on this platform, or say where a template's pillar comes from.
_WITHOUT_EFFECT = frozenset(
    {"use_vt", "password", "encoded_cmd", "with_communicate", "windows_codepage", "saltenv", "pillarenv", "pillar",
     "pillar_override"}
)  # fmt: skip


def run(
    cmd: Any,
    cwd: str | None = None,
    stdin: str | None = None,
    runas: str | None = None,
    group: str | None = None,
    shell: str | None = None,
    python_shell: bool | None = None,
    env: Any = None,
    clean_env: bool = False,
    template: str | None = None,
    rstrip: bool = True,
    umask: Any = None,
    output_encoding: str | None = None,
    output_loglevel: str = "debug",
    log_callback: Callable[[str], str] | None = None,
    hide_output: bool = False,
    timeout: float | None = None,
    reset_system_locale: bool = True,
    ignore_retcode: bool = False,
    redirect_stderr: bool = True,
    bg: bool = False,
    raise_err: bool = False,
    prepend_path: str | None = None,
    success_retcodes: Any = None,
    success_stdout: Any = None,
    success_stderr: Any = None,
    **kwargs: Any,
) -> str:
    """
    Run a command and return what it printed, standard error included. The job's retcode is the command's; 124 when
    `timeout` (seconds) ended it. A retcode of `success_retcodes` counts as 0, and so does any when the output holds
    a text of `success_stdout` or `success_stderr`.

    Called by an operator the command is a shell's (`python_shell`); called by other modules it is not. `template`
    (`jinja`) renders the command and the directory first.

    CLI Example:

        salt '*' cmd.run 'ls -l | head -3' cwd=/tmp
    """
    found = run_all(
        cmd, cwd, stdin, runas, group, shell, python_shell, env, clean_env, template, rstrip, umask, output_encoding,
        output_loglevel, log_callback, False, timeout, reset_system_locale, ignore_retcode, redirect_stderr,
        prepend_path, success_retcodes, success_stdout, success_stderr, bg=bg, **kwargs,
    )  # fmt: skip
    output = "" if hide_output else found["stdout"]
    if raise_err and found["retcode"] and not ignore_retcode:
        raise CommandError(output or f"Command '{_name(cmd)}' failed with return code: {found['retcode']}")
    return output


def run_all(
    cmd: Any,
    cwd: str | None = None,
    stdin: str | None = None,
    runas: str | None = None,
    group: str | None = None,
    shell: str | None = None,
    python_shell: bool | None = None,
    env: Any = None,
    clean_env: bool = False,
    template: str | None = None,
    rstrip: bool = True,
    umask: Any = None,
    output_encoding: str | None = None,
    output_loglevel: str = "debug",
    log_callback: Callable[[str], str] | None = None,
    hide_output: bool = False,
    timeout: float | None = None,
    reset_system_locale: bool = True,
    ignore_retcode: bool = False,
    redirect_stderr: bool = False,
    prepend_path: str | None = None,
    success_retcodes: Any = None,
    success_stdout: Any = None,
    success_stderr: Any = None,
    bg: bool = False,
    **kwargs: Any,
) -> dict[str, Any]:
    """
    Run a command: `{pid, retcode, stdout, stderr}`, with `timed_out` when its deadline ended it.

    CLI Example:

        salt '*' cmd.run_all 'ls -l'
    """
    found = _run(
        cmd, kwargs, cwd=cwd, stdin=stdin, runas=runas, group=group, shell=shell, python_shell=python_shell, env=env,
        clean_env=clean_env, template=template, rstrip=rstrip, umask=umask, output_encoding=output_encoding,
        output_loglevel=output_loglevel, log_callback=log_callback, timeout=timeout,
        reset_system_locale=reset_system_locale, ignore_retcode=ignore_retcode, merge_stderr=redirect_stderr,
        prepend_path=prepend_path, success_retcodes=success_retcodes, success_stdout=success_stdout,
        success_stderr=success_stderr, bg=bg,
    )  # fmt: skip
    return found | {"stdout": "", "stderr": ""} if hide_output else found


def shell(
    cmd: Any,
    cwd: str | None = None,
    stdin: str | None = None,
    runas: str | None = None,
    group: str | None = None,
    shell: str | None = None,
    env: Any = None,
    clean_env: bool = False,
    **kwargs: Any,
) -> str:
    """
    Run a command in a shell, whoever calls.

    CLI Example:

        salt '*' cmd.shell 'ls -l | head -3'
    """
    kwargs.pop("python_shell", None)
    return run(cmd, cwd, stdin, runas, group, shell, True, env, clean_env, **kwargs)


def run_stdout(
    cmd: Any,
    cwd: str | None = None,
    stdin: str | None = None,
    runas: str | None = None,
    group: str | None = None,
    shell: str | None = None,
    python_shell: bool | None = None,
    env: Any = None,
    clean_env: bool = False,
    **kwargs: Any,
) -> str:
    """
    Run a command and return its standard output only.

    CLI Example:

        salt '*' cmd.run_stdout 'ls -l'
    """
    return run_all(cmd, cwd, stdin, runas, group, shell, python_shell, env, clean_env, **kwargs)["stdout"]


def run_stderr(
    cmd: Any,
    cwd: str | None = None,
    stdin: str | None = None,
    runas: str | None = None,
    group: str | None = None,
    shell: str | None = None,
    python_shell: bool | None = None,
    env: Any = None,
    clean_env: bool = False,
    **kwargs: Any,
) -> str:
    """
    Run a command and return its standard error only.

    CLI Example:

        salt '*' cmd.run_stderr 'ls -l'
    """
    return run_all(cmd, cwd, stdin, runas, group, shell, python_shell, env, clean_env, **kwargs)["stderr"]


def retcode(
    cmd: Any,
    cwd: str | None = None,
    stdin: str | None = None,
    runas: str | None = None,
    group: str | None = None,
    shell: str | None = None,
    python_shell: bool | None = None,
    env: Any = None,
    clean_env: bool = False,
    **kwargs: Any,
) -> int:
    """
    Run a command and return its exit status.

    CLI Example:

        salt '*' cmd.retcode 'test -e /etc/passwd'
    """
    return run_all(cmd, cwd, stdin, runas, group, shell, python_shell, env, clean_env, **kwargs)["retcode"]


def run_bg(
    cmd: Any,
    cwd: str | None = None,
    runas: str | None = None,
    group: str | None = None,
    shell: str | None = None,
    python_shell: bool | None = None,
    env: Any = None,
    clean_env: bool = False,
    **kwargs: Any,
) -> dict[str, int]:
    """
    Start a command and leave it: `{pid}`.

    CLI Example:

        salt '*' cmd.run_bg 'sleep 100'
    """
    kwargs |= {"bg": True}
    return {"pid": run_all(cmd, cwd, None, runas, group, shell, python_shell, env, clean_env, **kwargs)["pid"]}


def run_chroot(root: str, cmd: Any, shell: str | None = None, **kwargs: Any) -> dict[str, Any]:
    """
    Run a command inside another root: the shape of `run_all`.

    CLI Example:

        salt '*' cmd.run_chroot /srv/root 'ls -l'
    """
    if not os.path.isdir(root):
        raise CommandError(f"The root {root} is not a directory")
    words = cmd if isinstance(cmd, str) else " ".join(map(str, cmd))
    user, group = kwargs.pop("runas", None), kwargs.pop("group", None)
    userspec = [f"--userspec={user or ''}:{group or ''}"] if user or group else []
    return run_all(["chroot", *userspec, root, shell or "/bin/sh", "-c", words], **{**kwargs, "python_shell": False})


def script(
    source: str,
    args: Any = None,
    cwd: str | None = None,
    shell: str | None = None,
    saltenv: str | None = None,
    **kwargs: Any,
) -> dict[str, Any]:
    """
    Copy a script to a private place, run it, remove it: the shape of `run_all`; `cache_error` when it is not there.

    With `template` it is one: `context` and `defaults` are its variables, and so is each keyword that means nothing
    here. With `source_hash` it is run only when that is its hash.

    CLI Example:

        salt '*' cmd.script salt://scripts/run.sh 'arg1 "arg 2"'
        salt '*' cmd.script salt://scripts/run.sh template=jinja context="{port: 80}"
    """
    missing = {"pid": 0, "retcode": 1, "stdout": "", "stderr": "", "cache_error": True}
    path = source
    if "://" in source:
        path = __salt__["cp.cache_file"](source, saltenv or "base")
    source_hash = kwargs.pop("source_hash", None)
    if not path or not os.path.isfile(path):
        if "__pub_jid" in kwargs:
            __context__["retcode"] = 1
        return missing
    if source_hash:
        _verify(path, source, source_hash, saltenv or "base")
    try:
        words = [str(arg) for arg in args] if isinstance(args, list | tuple) else shlex.split(str(args or ""))
    except ValueError as exc:
        raise CommandError(f"Unable to read the arguments {args!r}: {exc}") from exc
    if kwargs.pop("bg", False):
        raise CommandError("A script is removed when it ends: it cannot be left in the background")
    if cwd and not os.path.isdir(cwd):
        raise CommandError(f"Specified cwd '{cwd}' either not absolute or does not exist")
    template, runas = kwargs.pop("template", None), kwargs.get("runas")
    variables = _variables(kwargs, template)
    with tempfile.TemporaryDirectory(prefix="trisalt-script-") as folder:
        copy = os.path.join(folder, os.path.basename(path))
        if template:
            with open(path, encoding="utf-8") as source_file, open(copy, "w", encoding="utf-8") as file:
                file.write(
                    __utils__["template.render"](
                        source_file.read(), template, path=path, saltenv=saltenv, names=variables
                    )
                )
        else:
            shutil.copyfile(path, copy)
        os.chmod(copy, 0o500)
        _give(folder, runas)
        _give(copy, runas)
        # Through the shell, which also runs a script that names no interpreter.
        return run_all([copy, *words], cwd=cwd, shell=shell, **{**kwargs, "python_shell": True})


def script_retcode(source: str, **kwargs: Any) -> int:
    """
    Run a script as `script` does, but as a Jinja template unless `template` says otherwise; its exit status.

    CLI Example:

        salt '*' cmd.script_retcode /usr/local/bin/check.sh
    """
    return script(source, **{"template": "jinja", **kwargs})["retcode"]


def _variables(kwargs: dict[str, Any], template: str | None) -> dict[str, Any]:
    """Take what only a template understands out of the keywords of a script."""
    known = {*run_all.__code__.co_varnames[: run_all.__code__.co_argcount], *_WITHOUT_EFFECT}
    found: dict[str, Any] = {}
    if template:
        found = {name: kwargs.pop(name) for name in set(kwargs) - known if not name.startswith("__")}
    context, defaults = (found.pop(name, kwargs.pop(name, None)) or {} for name in ("context", "defaults"))
    if not isinstance(context, dict) or not isinstance(defaults, dict):
        raise CommandError("The variables of a template are a map")
    return {**defaults, **found, **context}


def _verify(path: str, source: str, source_hash: str, saltenv: str) -> None:
    """Raise CommandError when a file has not the hash that it should have."""
    wanted = __salt__["file.get_source_sum"](source=source, source_hash=source_hash, saltenv=saltenv)
    have = __salt__["file.get_hash"](path, wanted["hash_type"])
    if have != wanted["hsum"]:
        raise CommandError(f"Specified {wanted['hash_type']} checksum for {source} ({wanted['hsum']}) does not match "
                           f"actual checksum ({have})")  # fmt: skip


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
        _give(file.name, kwargs.get("runas"))
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
            return [line.strip() for line in file if line.strip() and not line.lstrip().startswith("#")]
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
        # What is no device is not made one: a file of that name would fill the memory that /dev is.
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_NOCTTY), "w", encoding="utf-8") as file:
            file.write(str(echo))
    except OSError as exc:
        return {"Error": f"Echoing to {path} returned error: {exc.strerror}"}
    return {"Success": f"Message was successfully echoed to {path}"}


def _run(
    cmd: Any,
    kwargs: dict[str, Any],
    *,
    python_shell: bool | None,
    template: str | None,
    output_encoding: str | None,
    output_loglevel: str,
    log_callback: Callable[[str], str] | None,
    ignore_retcode: bool,
    success_retcodes: Any,
    success_stdout: Any,
    success_stderr: Any,
    stdin: Any,
    bg: bool,
    **options: Any,
) -> dict[str, Any]:
    known = _WITHOUT_EFFECT | {"stdin_raw_newlines"}
    unknown = [f"{key}={value}" for key, value in kwargs.items() if not key.startswith("__") and key not in known]
    if unknown:
        raise CommandError(f"The following keyword arguments are not valid: {', '.join(unknown)}")
    asked = "__pub_jid" in kwargs
    if template:
        cmd = [_rendered(str(w), template) for w in cmd] if isinstance(cmd, list) else _rendered(str(cmd), template)
        options["cwd"] = options["cwd"] and _rendered(str(options["cwd"]), template)
    if asked and not _permitted(cmd):
        raise CommandError(f'The shell command "{cmd}" is not permitted')
    if python_shell is None:
        # An operator's words are a shell's; a module says what it means. Source: stock Salt 3008.3.
        python_shell = asked or not __opts__.get("cmd_safe", True)
    if stdin is not None and not kwargs.get("stdin_raw_newlines"):
        # A command line has no other way to say where a line ends. Source: stock Salt 3008.3.
        stdin = str(stdin).replace("\\n", "\n")
    codes = _codes(success_retcodes)
    found = __utils__["command.execute"](
        cmd,
        python_shell=python_shell,
        stdin=None if bg else stdin,
        background=bg,
        encoding=output_encoding,
        quiet=output_loglevel == "quiet",
        hide=log_callback,
        **options,
    )
    if bg:
        return {"pid": found["pid"], "retcode": 0, "stdout": "", "stderr": ""}
    texts = ((found["stdout"], success_stdout), (found["stderr"], success_stderr))
    if found["retcode"] in codes or any(text in output for output, given in texts for text in _texts(given)):
        found["retcode"] = 0
    _tell(cmd, found, ignore_retcode, output_loglevel, log_callback or str)
    if asked:
        # The job's own command decides the job's retcode; a command that a module runs is that module's business.
        __context__["retcode"] = 0 if ignore_retcode else found["retcode"]
    return found


def _tell(
    cmd: Any, found: dict[str, Any], ignore_retcode: bool, output_loglevel: str, hide: Callable[[str], str]
) -> None:
    if output_loglevel == "quiet":
        return
    if found["retcode"] and not ignore_retcode:
        log.error("Command '%s' failed with return code: %s", hide(_name(cmd)), found["retcode"])
    level = LEVELS.get(str(output_loglevel).lower())
    if level is None:
        raise CommandError(f"Unknown log level: {output_loglevel}")
    for name in ("stdout", "stderr"):
        if found[name] and log.isEnabledFor(level):
            log.log(level, "%s: %s", name, hide(found[name]))


def _name(cmd: Any) -> str:
    words = [str(word) for word in cmd] if isinstance(cmd, list | tuple) else str(cmd).split()
    return words[0].strip() if words else ""


def _codes(given: Any) -> list[int]:
    try:
        return [int(code) for code in _texts(given)]
    except ValueError:
        raise CommandError("success_retcodes must be a list of integers") from None


def _texts(given: Any) -> list[str]:
    if given is None:
        return []
    items = given.split(",") if isinstance(given, str) else given if isinstance(given, list | tuple) else [given]
    return [text for item in items if (text := str(item).strip())]


def _permitted(cmd: Any) -> bool:
    """Whether `cmd_blacklist_glob` and `cmd_whitelist_glob` let an operator run this."""
    text = " ".join(map(str, cmd)) if isinstance(cmd, list | tuple) else str(cmd)
    refused = __salt__["config.get"]("cmd_blacklist_glob", [])
    allowed = __salt__["config.get"]("cmd_whitelist_glob", [])
    if any(fnmatchcase(text, pattern) for pattern in _texts(refused)):
        return False
    return not allowed or any(fnmatchcase(text, pattern) for pattern in _texts(allowed))


def _rendered(text: str, template: str) -> str:
    if template not in ("jinja", "py"):
        raise CommandError(f"Attempted to render file paths with unavailable engine {template}")
    try:
        return __utils__["template.render"](text, template)
    except TrisaltError as exc:
        raise CommandError(f"Failed to execute cmd with error: {exc}") from exc


def _give(path: str, user: str | None) -> None:
    """Make a file somebody else's, so that a command run as them can read it."""
    if user:
        try:
            shutil.chown(path, user)
        except LookupError:
            raise CommandError(f"User '{user}' is not available") from None
