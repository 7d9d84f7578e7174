"""Worker side: run one call. In the children of the zygote (`life` reads and answers there), and in `salt-call` itself.

Functions are found through the loader; what they raise becomes the texts a stock minion answers. Thin: a command
imports this.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Generator, Mapping
from typing import Any

from trisalt.errors import CommandError, CommandNotFound, InvocationError, TrisaltError
from trisalt.loader import signature
from trisalt.loader.dunders import Plugins
from trisalt.worker.protocol import Call, Failure, Outcome

Progress = Callable[[int, Any], object]


def run_call(call: Call, plugins: Plugins, *, progress: Progress | None = None) -> Outcome:
    """Run a call with these plugins: always an outcome, whatever the plugin does.

    Items of a generator go to `progress(number, item)` as they come.
    """
    if isinstance(call.fun, str):
        return _run_one(call, call.fun, call.arg, plugins, progress)
    return _run_several(call, plugins, progress)


def _run_several(call: Call, plugins: Plugins, progress: Progress | None) -> Outcome:
    """Several functions in one job, each with its own arguments: the results by function, or, `ordered`, as a list."""
    outcomes: list[tuple[str, Outcome]] = []
    for number, fun in enumerate(call.fun):
        arg = call.arg[number] if number < len(call.arg) and isinstance(call.arg[number], list) else []
        outcomes.append((str(fun), _run_one(call, str(fun), arg, plugins, progress)))
    told: dict[str, Any] = {
        name: [getattr(outcome, name) for _fun, outcome in outcomes]
        if call.ordered
        else {fun: getattr(outcome, name) for fun, outcome in outcomes}
        for name in ("result", "retcode", "success")
    }
    failed = [outcome.failure for _fun, outcome in outcomes if outcome.failure is not None]
    return Outcome(**told, out="nested" if failed else None, failure=failed[0] if failed else None)


def _run_one(call: Call, fun: str, arg: list[Any], plugins: Plugins, progress: Progress | None) -> Outcome:
    loader = plugins.offered(call.kind)
    plugins.context.clear()
    try:
        function = loader.get(fun)
        if function is None:
            return failed(Failure.MISSING, loader.missing_reason(fun))
        try:
            args, kwargs = signature.bind(function, arg, call.kwarg, call.pub)
        except TypeError as exc:
            text = f"Passed invalid arguments to {fun}: {exc}\n{signature.docstring(function)}"
            return failed(Failure.ARGUMENTS, text)
        result = _execute(call, fun, function, args, kwargs, plugins)
        if isinstance(result, Generator):
            result = _exhaust(result, progress)
    except CommandNotFound as exc:
        return failed(Failure.NOT_FOUND, f"Command required for '{fun}' not found: {exc}", exc.retcode)
    except InvocationError as exc:
        return failed(Failure.INVOCATION, f"ERROR executing '{fun}': {exc}", exc.retcode)
    except CommandError as exc:
        return failed(Failure.COMMAND, f"ERROR: {exc}", exc.retcode)
    except TrisaltError as exc:
        return failed(Failure.COMMAND, f"ERROR: {exc}")
    except BaseException as exc:  # the boundary of one job: whatever its plugin does, the job returns something
        text = f"The minion function caused an exception: {_traceback(exc)}"
        return failed(Failure.EXCEPTION, text)
    retcode = _retcode(plugins.context, result) or (_run_said(result) if call.kind == "runners" else 0)
    return Outcome(result=result, retcode=retcode, success=retcode == 0, out=loader.outputter(fun))


def _execute(
    call: Call, fun: str, function: Callable[..., Any], args: list[Any], kwargs: dict[str, Any], plugins: Plugins
) -> Any:
    """Call the function, through executors where the job or the minion names other than the direct one."""
    for name in call.executors or ("direct_call",):
        if name == "direct_call":
            return function(*args, **kwargs)
        execute = plugins.loader("executors").get(f"{name}.execute")
        if execute is None:
            raise InvocationError(f"Executor '{name}' is not available")
        opts = {**plugins.opts, "executor_opts": call.executor_opts}
        data = {**call.pub, "fun": fun, "executor_opts": call.executor_opts}
        result = execute(opts, data, function, args, kwargs)
        if result is not None:
            return result
    return None


def _exhaust(items: Generator[Any, None, None], progress: Progress | None) -> Any:
    """Tell each item as it comes; in the end all of them: maps merged into one, others as a list.

    Source: stock Salt 3008.3, how a minion returns a generator.
    """
    merged: dict[Any, Any] = {}
    listed: list[Any] = []
    for number, item in enumerate(items):
        if isinstance(item, Mapping) and not listed:
            merged |= item
        else:
            listed.append(item)
        if progress is not None:
            progress(number, item)
    if not listed:
        return merged
    return [merged, *listed] if merged else listed


def _retcode(context: Mapping[str, Any], result: Any) -> int:
    """What the function said in `__context__`, else 1 for a map that says false, else 0."""
    said = context.get("retcode")
    if said:
        return said if isinstance(said, int) else 1
    if isinstance(result, Mapping) and not all(result.get(key, True) for key in ("result", "success")):
        return 1
    return 0


def _run_said(result: Any) -> int:
    """The exit status that a runner tells in what it returns, as orchestrations do; 0 where it tells none."""
    if isinstance(result, Mapping) and result.keys() == {"data", "outputter"}:
        result = result["data"]
    said = result.get("retcode") if isinstance(result, Mapping) else None
    return said if isinstance(said, int) else 0


def failed(failure: Failure, text: str, retcode: int = 1) -> Outcome:
    return Outcome(result=text, retcode=retcode, success=False, out="nested", failure=failure)


def _traceback(exc: BaseException) -> str:
    """The traceback from the plugin's own frame on: how we called it is no news to its author."""
    frames = exc.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename == __file__:
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(exc), exc, frames or exc.__traceback__))
