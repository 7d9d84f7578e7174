"""`onlyif`, `unless`, `creates` and `check_cmd`: whether a state is called, and what it is judged by.

Commands are run by the execution module `cmd`, with a shell, as the state says of its own commands. What each
condition says is kept: a state that is not called tells all of it.
Source: stock Salt 3008.3.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from trisalt.errors import CommandError
from trisalt.state.low import Chunk
from trisalt.state.slots import filled
from trisalt.target.data import traverse

log = logging.getLogger(__name__)

Functions = Mapping[str, Callable[..., Any]]

CONDITIONS = ("onlyif", "unless", "creates")
# Arguments of the state that its conditions' commands are run with too.
_SHARED = ("cwd", "runas", "env", "prepend_path", "umask", "timeout", "success_retcodes")


@attrs.define
class Verdict:
    """Whether a state is to be skipped, and what its conditions say."""

    skip: bool = False
    comments: list[str] = attrs.field(factory=list)


@attrs.frozen(kw_only=True)
class Asking:
    """How conditions are asked: the execution functions, the `__context__` in which they leave a `retcode`, a shell."""

    functions: Functions
    context: Mapping[str, Any]
    shell: str | None = None


def judge(chunk: Chunk, asking: Asking) -> Verdict:
    """What the conditions of a state say. Any of them may skip it."""
    options = _options(chunk, asking)
    verdict = Verdict()
    for name, ask in (("onlyif", _onlyif), ("unless", _unless), ("creates", _creates)):
        if name in chunk:
            skip, comment = ask(chunk[name], options, asking)
            verdict.skip = verdict.skip or skip
            verdict.comments.append(comment)
    return verdict


def check(chunk: Chunk, asking: Asking) -> tuple[bool, str]:
    """What `check_cmd` says: the result and the comment that take the place of the state's own."""
    commands = chunk["check_cmd"]
    shell = {"shell": asking.shell} if asking.shell else {}
    for command in [commands] if isinstance(commands, str) else commands:
        if _retcode(command, shell, asking) != 0:
            return False, "check_cmd determined the state failed"
    return True, "check_cmd determined the state succeeded"


def _options(chunk: Chunk, asking: Asking) -> dict[str, Any]:
    excluded = chunk.get("cmd_opts_exclude", [])
    excluded = excluded if isinstance(excluded, list) else [excluded]
    # A umask was read when the chunk was verified, and is set around the state alone.
    options = {name: chunk[name] for name in _SHARED if chunk.get(name) is not None and name not in excluded}
    if "shell" in chunk and "shell" not in excluded:
        options["shell"] = chunk["shell"]
    elif asking.shell:
        options["shell"] = asking.shell
    return options


def _onlyif(entries: Any, options: dict[str, Any], asking: Asking) -> tuple[bool, str]:
    """Skips unless all are true."""
    false = (True, "onlyif condition is false")
    for entry in entries if isinstance(entries, list) else [entries]:
        if isinstance(entry, str):
            if not _command(entry, options, asking, failed=False):
                return false
        elif isinstance(entry, dict):
            if "fun" not in entry:
                return False, f"no `fun` argument in onlyif: {entry}"
            if not _function(entry, asking):
                return false
        else:
            return False, "onlyif execution failed, bad type passed"
    return False, "onlyif condition is true"


def _unless(entries: Any, options: dict[str, Any], asking: Asking) -> tuple[bool, str]:
    """Skips if all are true."""
    answer = (False, "")
    for entry in entries if isinstance(entries, list) else [entries]:
        if isinstance(entry, str):
            true = _command(entry, options, asking, failed=True)
        elif isinstance(entry, dict):
            if "fun" not in entry:
                return answer[0], f"no `fun` argument in unless: {entry}"
            true = _function(entry, asking)
        else:
            answer = (False, "unless condition is false, bad type passed")
            continue
        if not true:
            return False, "unless condition is false"
        answer = (True, "unless condition is true")
    return answer


def _creates(paths: Any, _options: dict[str, Any], _asking: Asking) -> tuple[bool, str]:
    if isinstance(paths, str) and os.path.exists(paths):
        return True, f"{paths} exists"
    if isinstance(paths, list) and all(os.path.exists(str(path)) for path in paths):
        return True, "All files in creates exist"
    return False, "Creates files not found"


def _command(command: str, options: dict[str, Any], asking: Asking, *, failed: bool) -> bool:
    """Whether a command succeeds; `failed` is the answer when it cannot be run at all."""
    try:
        return _retcode(command, options, asking) == 0
    except CommandError as exc:
        log.debug("%s", exc)
        return failed


def _retcode(command: str, options: dict[str, Any], asking: Asking) -> int:
    code: int = asking.functions["cmd.retcode"](command, ignore_retcode=True, python_shell=True, **options)
    log.debug("Last command return code: %s", code)
    return code


def _function(entry: dict[str, Any], asking: Asking) -> bool:
    """Whether what a function returns, or what of it is wanted, is true; a retcode it leaves says so too."""
    rest = {key: value for key, value in entry.items() if key not in ("fun", "args", "get_return")}
    args = filled({"args": entry.get("args") or []}, asking.functions)["args"]
    result = asking.functions[entry["fun"]](*args, **filled(rest, asking.functions))
    if entry.get("get_return"):
        result = traverse(result, str(entry["get_return"]), None, ":")
    if asking.context.get("retcode"):
        return False
    return bool(result)
