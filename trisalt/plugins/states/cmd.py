"""Commands that are run, always or when something has changed.

build the index:
  cmd.run:
    - name: /usr/local/bin/index --all
    - cwd: /srv/site
    - creates: /srv/site/index.db

/usr/local/bin/reload:
  cmd.run:
    - onchanges:
      - file: /etc/site.conf
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping
from typing import Any

from trisalt.errors import CommandError, TrisaltError
from trisalt.plugins.utils.statehelp import as_list
from trisalt.state.result import Result, returned

# Arguments of these states that `cmd.run_all` and `cmd.script` know under the same name.
_PASSED = (
    "cwd", "root", "runas", "password", "shell", "env", "prepend_path", "umask", "timeout", "use_vt",
    "output_loglevel", "hide_output", "success_retcodes", "success_stdout", "success_stderr", "bg", "stdin", "group",
    "log_callback", "python_shell", "clean_env", "rstrip", "output_encoding",
)  # fmt: skip


def run(
    name: str,
    cwd: str | None = None,
    root: str | None = None,
    runas: str | None = None,
    password: str | None = None,
    shell: str | None = None,
    env: Any = None,
    prepend_path: str | None = None,
    stateful: Any = False,
    output_loglevel: str = "debug",
    hide_output: bool = False,
    timeout: Any = None,
    ignore_timeout: bool = False,
    use_vt: bool = False,
    success_retcodes: Any = None,
    success_stdout: Any = None,
    success_stderr: Any = None,
    **kwargs: Any,
) -> Result:
    """
    A command is run whenever this runs; it fails with the command's status. What changed is what the command said.

    `root` is the folder that is / for it. With `stateful` its last line says what came of it: `changed=yes
    comment='…' key=value`, or a map as JSON.
    """
    given, command = _given(locals(), kwargs), name
    refusal = _refused(name, env)
    if refusal:
        return refusal
    if __opts__["test"] and not stateful:
        return returned(name, None, f'Command "{name}" would have been executed', {"cmd": name})
    if __opts__["test"]:
        # A list says what is run instead, to find out.
        command = _trial(stateful)
        if command is None:
            return returned(name, None)
    if cwd and not os.path.isdir(cwd):
        return returned(name, False, f'Desired working directory "{cwd}" is not available')
    try:
        run_it = __salt__["cmd.run_chroot" if root else "cmd.run_all"]
        done = run_it(cmd=command, **{"python_shell": True, "ignore_retcode": bool(stateful), **given})
    except (TrisaltError, OSError) as exc:
        return returned(name, False, str(exc))
    if ignore_timeout and "Timed out after" in str(done.get("stdout", "")):
        done = {**done, "retcode": 0}
    return _told(name, done, f'Command "{name}" run', stateful)


def wait(name: str, **kwargs: Any) -> Result:
    """
    A command is run when what is watched has changed. The arguments are those of `cmd.run`.
    """
    return returned(name, True)


watch = wait


def script(
    name: str,
    source: str | None = None,
    template: str | None = None,
    cwd: str | None = None,
    runas: str | None = None,
    password: str | None = None,
    shell: str | None = None,
    env: Any = None,
    stateful: Any = False,
    timeout: Any = None,
    use_vt: bool = False,
    output_loglevel: str = "debug",
    hide_output: bool = False,
    defaults: Any = None,
    context: Any = None,
    success_retcodes: Any = None,
    success_stdout: Any = None,
    success_stderr: Any = None,
    **kwargs: Any,
) -> Result:
    """
    A script is fetched (`source`, or `name`) and run whenever this runs. `args` are its arguments, or what follows the
    name; `template` renders it first, with `context` over `defaults`.
    """
    given = _given(locals(), kwargs)
    refusal = _refused(name, env)
    if refusal:
        return refusal
    for word, value in (("context", context), ("defaults", defaults)):
        if value is not None and not isinstance(value, Mapping):
            return returned(name, False, f"Invalidly-formatted '{word}' parameter. Must be formed as a dict.")
    if __opts__["test"] and not stateful:
        return returned(name, None, f"Command '{name}' would have been executed")
    if __opts__["test"]:
        return returned(name, None)
    if cwd and not os.path.isdir(cwd):
        return returned(name, False, f'Desired working directory "{cwd}" is not available')
    place, words = source or name, str(name).split(None, 1)
    given["args"] = kwargs.get("args") or (words[1] if len(words) > 1 else None)
    if template:
        given |= {"template": template, "context": {**(defaults or {}), **(context or {})}}
    saltenv = kwargs.get("saltenv") or __env__
    try:
        done = __salt__["cmd.script"](place, saltenv=saltenv, ignore_retcode=bool(stateful), **given)
    except (TrisaltError, OSError) as exc:
        return returned(name, False, str(exc))
    if done.get("cache_error"):
        return returned(name, False, f"Unable to cache script {place} from saltenv '{saltenv}'", done)
    return _told(name, done, f"Command '{name}' run", stateful)


def wait_script(name: str, **kwargs: Any) -> Result:
    """
    A script is run when what is watched has changed. The arguments are those of `cmd.script`.
    """
    return returned(name, True)


def call(
    name: str, func: Any, args: Any = (), kws: Any = None, output_loglevel: str = "debug", **kwargs: Any
) -> Result:
    """
    A function of a state file in Python is called whenever this runs: it returns what `cmd.run` tells, or a map.
    """
    if not callable(func):
        return returned(name, False, f"cmd.call needs a function of a state file in Python, not {func!r}")
    if __opts__["test"]:
        return returned(name, None, f"Command {func.__name__} would have been executed", {"cmd": func.__name__})
    answer = func(*as_list(args), **(kws or {}))
    if isinstance(answer, Mapping):
        return returned(name, bool(answer.get("result", True)), str(answer.get("comment", "")), answer.get("changes"))
    changes = {"retval": answer}
    return returned(name, answer is None or bool(answer), answer if isinstance(answer, str) else "", changes)


def wait_call(name: str, func: Any, **kwargs: Any) -> Result:
    """
    A function of a state file in Python is called when what is watched has changed.
    """
    return returned(name, True)


def mod_watch(name: str, **kwargs: Any) -> Result:
    """
    What is watched has changed: the command is run.
    """
    function = kwargs.pop("sfun", None)
    if function in ("wait", "run", "watch"):
        return run(name, **kwargs)
    if function in ("wait_script", "script"):
        return script(name, **kwargs)
    if function in ("wait_call", "call"):
        if kwargs.get("func"):
            return call(name, kwargs.pop("func"), **kwargs)
        return returned(name, False, f"cmd.{function} needs a named parameter func")
    text = f"cmd.{function} does not work with the watch requisite, please use cmd.wait or cmd.wait_script"
    return returned(name, False, text)


# -- arguments -------------------------------------------------------------------------------------------------------


def _given(named: Mapping[str, Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """What goes on to the execution module: of what is named here and of the rest that which it knows."""
    every = {**kwargs, **{key: value for key, value in named.items() if key != "kwargs"}}
    # The host's shell is a grain, which a site may set.
    every["shell"] = every.get("shell") or __grains__.get("shell")
    found = {key: every[key] for key in _PASSED if every.get(key) is not None}
    if "env" in found:
        found["env"] = _environment(found["env"])
    return found


def _environment(env: Any) -> Any:
    """Variables as one map, of a list of maps."""
    if not isinstance(env, list | tuple):
        return env
    return {str(key): value for item in env if isinstance(item, Mapping) for key, value in item.items()}


def _refused(name: str, env: Any) -> Result | None:
    if env is None or isinstance(env, Mapping):
        return None
    if isinstance(env, list | tuple) and all(isinstance(item, Mapping) for item in env):
        return None
    return returned(name, False, "Invalidly-formatted 'env' parameter. See documentation.")


def _trial(stateful: Any) -> str | None:
    """The command that says what would come of it, if there is one: `stateful: [{test_name: …}]`."""
    named = (item.get("test_name") for item in as_list(stateful) if isinstance(item, Mapping))
    return next((str(command) for command in named if command), None)


# -- what came of it -------------------------------------------------------------------------------------------------


def _told(name: str, done: Mapping[str, Any], comment: str, stateful: Any) -> Result:
    changes = {key: done[key] for key in ("pid", "retcode", "stdout", "stderr") if key in done}
    # What runs on in the background has no status yet.
    ret = returned(name, done.get("retcode", 0) == 0, comment, changes)
    if done.get("retcode") and "Timed out after" in str(done.get("stdout", "")):
        ret["comment"] = str(done["stdout"]).splitlines()[-1]
    return _reinterpreted(ret) if stateful else ret


def _reinterpreted(ret: Result) -> Result:
    """What a command says of itself: a map as JSON, or `name=value` pairs in its last line that says anything."""
    said = str(ret["changes"].get("stdout", ""))
    lines = said.splitlines()
    while lines and not lines[-1].strip():
        lines.pop()
    try:
        found, rest = _read(said, lines)
        changed = _is_true(found.get("changed", False))
        result = _is_true(found.pop("result")) if "result" in found else ret["result"]
    except CommandError as exc:
        kept = {} if "JSON object" in str(exc) else ret["changes"]
        return ret | {"result": False, "comment": str(exc), "changes": kept}
    comment = str(found.pop("comment", ""))
    if not changed:
        return returned(ret["name"], result, comment)
    result = None if result and __opts__["test"] else result
    return returned(ret["name"], result, comment, {**found, **ret["changes"], "stdout": rest})


def _read(said: str, lines: list[str]) -> tuple[dict[str, Any], str]:
    """What is said, and what else was printed. Raises CommandError."""
    last = lines[-1] if lines else ""
    for text, rest in ((said, ""), (last, "\n".join(lines[:-1]))):
        try:
            found = json.loads(text)
        except ValueError:
            continue
        if not isinstance(found, dict):
            raise CommandError("script JSON output must be a JSON object (e.g., {})!")
        return found, rest
    if not last:
        return {}, ""
    try:
        pairs = [word.partition("=") for word in shlex.split(last)]
    except ValueError:
        pairs = []
    if not pairs or not all(mark for _key, mark, _value in pairs):
        raise CommandError("Failed parsing script output! Stdout must be JSON or a line of name=value pairs.")
    return {key: value for key, _mark, value in pairs}, "\n".join(lines[:-1])


def _is_true(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in ("yes", "true", "1", "on"):
        return True
    if word in ("no", "false", "0", "off", ""):
        return False
    raise CommandError(f"Failed parsing boolean value: {value}")
