"""Functions of execution modules, called as states.

    reload the site:
      module.run:
        - site.reload:
          - name: web
        - onchanges:
          - file: /etc/site.conf

The older form names the function itself: `name: site.reload`, and its arguments beside it.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from trisalt.plugins.utils.statehelp import as_list
from trisalt.state.result import returned

# What a state is given beside its own arguments.
_ENGINE = frozenset(
    {"__env__", "__id__", "__sls__", "__low__", "__reqs__", "order", "sfun", "watch", "saltenv", "returner"}
)


def run(**kwargs: Any) -> dict[str, Any]:
    """
    Functions are called whenever this runs; what they return is what has changed. One that returns False has failed.
    """
    name = kwargs.pop("name", None)
    functions = {key: value for key, value in kwargs.items() if "." in key and not key.startswith("__")}
    if functions or (name is None and not kwargs):
        return {**_run(str(name or ""), functions, kwargs.get("returner")), "name": list(functions)}
    return _run_named(str(name), kwargs)


def wait(name: str, **kwargs: Any) -> dict[str, Any]:
    """
    Functions are called when what is watched has changed.
    """
    return returned(name, True)


watch = wait
mod_watch = run


# -- the form with functions as keys ---------------------------------------------------------------------------------


def _run(name: str, functions: Mapping[str, Any], returner: Any) -> dict[str, Any]:
    if not functions:
        return returned(name, False, "No function provided.")
    unknown = [function for function in functions if function not in __wire_salt__]
    if unknown:
        # The word is stock Salt's.
        several = "True" if len(unknown) > 1 else ""
        return returned(name, False, f"Unavailable function{several}: {', '.join(unknown)}.")
    if __opts__["test"]:
        several = "True" if len(functions) > 1 else ""
        return returned(name, None, f"Function{several} {', '.join(functions)} to be executed.")
    lines, failures = [], []
    changes: dict[str, Any] = {}
    for function, given in functions.items():
        args, kwargs = _arguments(given)
        if missing := _missing(__salt__[function], args, kwargs):
            failures.append(f"'{function}' failed: Missing arguments: {', '.join(missing)}")
            continue
        try:
            answer = __wire_salt__[function](*args, **kwargs)
        except Exception as exc:
            # The function is anybody's.
            failures.append(f"'{function}' failed: {exc}")
            continue
        if _succeeded(answer):
            lines.append(f"{function}: {_said(answer, 'Success')}")
            changes[function] = answer
        elif isinstance(answer, Mapping):
            failures.append(f"'{function}' failed: {_said(answer, '(error message N/A)')}")
        else:
            failures.append(f"'{function}': {answer}")
        if returner:
            _hand_over(returner, function, args, answer)
    return returned(name, not failures, ", ".join(failures + lines), changes)


def _arguments(given: Any) -> tuple[list[Any], dict[str, Any]]:
    """Positional and named arguments, of a list of values and of maps of one name each."""
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for item in as_list(given):
        if isinstance(item, Mapping):
            kwargs |= {str(key): value for key, value in item.items()}
        else:
            args.append(item)
    return args, kwargs


def _missing(function: Any, args: list[Any], kwargs: Mapping[str, Any]) -> list[str]:
    """What a function wants and is not given."""
    named = [
        parameter
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    wanted = (parameter.name for parameter in named[len(args) :] if parameter.default is parameter.empty)
    return [name for name in wanted if name not in kwargs]


def _said(answer: Any, otherwise: str) -> Any:
    """What there is to say of an answer."""
    if isinstance(answer, Mapping):
        return answer.get("comment", otherwise)
    return otherwise if answer is None else answer


def _succeeded(answer: Any) -> bool:
    if isinstance(answer, Mapping):
        for key in ("result", "retcode", "success"):
            if key in answer:
                return answer[key] == 0 if key == "retcode" else answer[key] is not False
    return answer is not False


def _hand_over(returner: Any, function: str, args: list[Any], answer: Any) -> None:
    returners = __plugins__.loader("returners")
    for name in as_list(returner):
        if f"{name}.returner" in returners:
            job = {
                "id": __opts__["id"],
                "fun": function,
                "fun_args": args,
                "return": answer,
                "jid": __opts__.get("jid", "req"),
            }
            returners[f"{name}.returner"](job)


# -- the form with the function as the name --------------------------------------------------------------------------


def _run_named(name: str, given: dict[str, Any]) -> dict[str, Any]:
    if name not in __wire_salt__:
        return returned(name, False, f"Module function {name} is not available")
    if __opts__["test"]:
        return returned(name, None, f"Module function {name} is set to execute")
    listed, mapped = given.pop("args", []), given.pop("kwargs", None) or {}
    if not isinstance(listed, list):
        return returned(name, False, "'args' must be a list.")
    if not isinstance(mapped, Mapping):
        return returned(name, False, "'kwargs' must be a dict.")
    returner = given.pop("returner", None)
    # `m_name` is the argument `name` of the function, whose own name is taken.
    words = {key.removeprefix("m_"): value for key, value in given.items() if key not in _ENGINE}
    function = __wire_salt__[name]
    args, kwargs, missing = _bound(function, words, dict(mapped))
    if missing and not listed:
        return returned(name, False, "The following arguments are missing:" + "".join(f" {word}" for word in missing))
    try:
        answer = function(*args, *listed, **kwargs)
    except Exception as exc:
        return returned(name, False, f"Module function {name} threw an exception. Exception: {exc}")
    if returner:
        _hand_over(returner, name, args, answer)
    result = _named_result(answer)
    changes = answer["changes"] if isinstance(answer, Mapping) and answer.get("changes") else {"ret": answer}
    return returned(name, result, f"Module function {name} executed", changes)


def _bound(function: Any, words: dict[str, Any], mapped: dict[str, Any]) -> tuple[list[Any], dict[str, Any], list[str]]:
    """What goes to the function by position and by name, and what it wants and is not given."""
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    missing: list[str] = []
    for parameter in inspect.signature(function).parameters.values():
        key = parameter.name
        if parameter.kind is parameter.VAR_KEYWORD:
            kwargs |= mapped
        elif parameter.kind is parameter.VAR_POSITIONAL:
            args += as_list(words.pop(key, None))
        elif key in words or key in mapped:
            value = words.pop(key) if key in words else mapped.pop(key)
            kwargs[key] = value
        elif parameter.default is parameter.empty:
            missing.append(key)
    return args, kwargs, missing


def _named_result(answer: Any) -> bool:
    if isinstance(answer, Mapping):
        if "result" in answer and isinstance(answer["result"], bool):
            return bool(answer["result"])
        if "retcode" in answer:
            return answer["retcode"] == 0
    return answer is not False
