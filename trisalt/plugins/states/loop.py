"""Functions that are called until they return what they should.

cluster ready:
  loop.until_no_eval:
    - name: http.query
    - args: ['http://localhost:8080/health']
    - expected: {body: ok}
    - compare_operator: data.subdict_match
    - timeout: 120
    - period: 5
"""

from __future__ import annotations

import operator
import time
from collections.abc import Callable
from typing import Any

from trisalt.errors import TrisaltError
from trisalt.state.result import returned

__virtualname__ = "loop"


def __virtual__() -> str:
    return __virtualname__


def until(
    name: str,
    m_args: Any = None,
    m_kwargs: Any = None,
    condition: str | None = None,
    period: Any = 1,
    timeout: Any = 60,
) -> dict[str, Any]:
    """
    An execution function is called with `m_args` and `m_kwargs`, every `period` seconds and for `timeout` at most,
    until `condition` is true: an expression of Python, in which `m_ret` is what the function has returned.
    """
    if name not in __salt__:
        return returned(name, False, f"Cannot find module {name}")
    if condition is None:
        return returned(name, False, "An exit condition must be specified")
    wrong = _no_seconds(period, timeout)
    if wrong:
        return returned(name, False, wrong)
    if __opts__["test"]:
        return returned(name, None, f"The execution module {name} will be run")
    try:
        code = compile(condition.strip(), "<condition>", "eval")
        end = time.monotonic() + float(timeout)
        while True:
            found = __salt__[name](*(m_args or ()), **(m_kwargs or {}))
            # States run code of their author's anyway; this is stock Salt's argument for it.
            if eval(code, {"m_ret": found}):
                return returned(name, True, f"Condition {condition} was met")
            if time.monotonic() + float(period) > end:
                return returned(name, False, f"Timed out while waiting for condition {condition}")
            time.sleep(float(period))
    except (TrisaltError, SyntaxError) as exc:
        return returned(name, False, str(exc))
    except Exception as exc:  # what a condition does with a return is its author's
        return returned(name, False, f"Exception occurred while looking at {condition}: {type(exc).__name__}: {exc}")


def until_no_eval(
    name: str,
    expected: Any,
    compare_operator: str = "eq",
    timeout: Any = 60,
    period: Any = 1,
    init_wait: Any = 0,
    args: Any = None,
    kwargs: Any = None,
) -> dict[str, Any]:
    """
    An execution function is called with `args` and `kwargs`, every `period` seconds and for `timeout` at most, until it
    returns what is `expected`. `compare_operator` is one of Python's module `operator`, or a function of `__utils__`.
    """
    if __opts__["test"]:
        return returned(name, None, f'Would have waited for "{name}" to produce "{expected}".')
    if name not in __salt__:
        return returned(name, False, f'Module.function "{name}" is unavailable.')
    wrong = _no_seconds(period, timeout)
    if wrong:
        return returned(name, False, wrong)
    compare = _comparison(compare_operator)
    if compare is None:
        return returned(name, False, f'Invalid operator "{compare_operator}" supplied.')
    time.sleep(float(init_wait or 0))
    end, attempts = time.monotonic() + float(timeout), 0
    while True:
        attempts += 1
        try:
            met = compare(__salt__[name](*(args or ()), **(kwargs or {})), expected)
        except Exception as exc:  # whatever it is that the function or the comparison raises is told
            return returned(name, False, f"Exception occurred while executing {name}: {type(exc)}:{exc}")
        if met:
            return returned(name, True, f"Call provided the expected results in {attempts} attempts")
        if time.monotonic() + float(period) > end:
            return returned(name, False, f"Call did not produce the expected result after {attempts} attempts")
        time.sleep(float(period))


def _no_seconds(period: Any, timeout: Any) -> str:
    for what, given in (("Period", period), ("Timeout", timeout)):
        if not isinstance(given, int | float) or isinstance(given, bool) or given < 0:
            return f"{what} must be specified as a float in seconds"
    return ""


def _comparison(name: str) -> Callable[[Any, Any], Any] | None:
    if name == "data.subdict_match":
        return _is_part
    if "." in name and name in __utils__:
        return __utils__[name]  # type: ignore[no-any-return]
    found = getattr(operator, name, None) if not name.startswith("_") else None
    return found if callable(found) else None


def _is_part(found: Any, expected: Any) -> bool:
    """Whether a map has all that another has."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return all(key in found and _is_part(found[key], value) for key, value in expected.items())
    return bool(found == expected)
