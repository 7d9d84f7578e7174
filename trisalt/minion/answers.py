"""Jobs that the daemon answers itself, at once and without a worker: `saltutil.find_job` and its kin.

They tell of the running jobs and signal them, so they must work when every worker is busy, in blackout too.
Called by `jobs`; what runs is `proc`'s to know. Texts and shapes are stock Salt 3008.3's.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from trisalt.minion.proc import Proc
from trisalt.worker.protocol import Failure, Outcome

# Sends a signal to a job: the pid it went to, None when there is no such job.
Signal = Callable[[str, int], int | None]


def answered_here(fun: object) -> bool:
    """Whether the daemon answers this function itself."""
    return isinstance(fun, str) and fun in _ANSWERS


def answer(fun: str, arg: Sequence[Any], proc: Proc, signal_job: Signal) -> Outcome:
    """The answer to one of them. Never raises."""
    parameters, work = _ANSWERS[fun]
    values: dict[str, Any] = {}
    positional = [value for value in arg if not _is_kwarg(value)]
    keywords = {key: value for item in arg if _is_kwarg(item) for key, value in item.items() if key != "__kwarg__"}
    name = fun.partition(".")[2]
    if len(positional) > len(parameters):
        return _invalid(fun, f"{name}() takes {len(parameters)} positional arguments but {len(positional)} were given")
    values.update(zip(parameters, positional, strict=False))
    for key, value in keywords.items():
        if key in values:
            return _invalid(fun, f"{name}() got multiple values for argument '{key}'")
        if key in parameters:
            values[key] = value
        elif not key.startswith("__"):
            return _invalid(fun, f"The following keyword arguments are not valid: {key}={value}")
    missing = [parameter for parameter in parameters if parameter not in values]
    if missing:
        quoted = " and ".join(f"'{parameter}'" for parameter in missing)
        plural = "" if len(missing) == 1 else "s"
        return _invalid(fun, f"{name}() missing {len(missing)} required positional argument{plural}: {quoted}")
    try:
        return Outcome(result=work(proc, signal_job, **values))
    except (TypeError, ValueError, OSError) as exc:
        return _invalid(fun, str(exc))


def _find_job(proc: Proc, _signal_job: Signal, jid: Any) -> dict[str, Any]:
    return proc.find(str(jid))


def _running(proc: Proc, _signal_job: Signal) -> list[dict[str, Any]]:
    return proc.running()


def _is_running(proc: Proc, _signal_job: Signal, fun: Any) -> list[dict[str, Any]]:
    def named(job: Mapping[str, Any]) -> bool:
        names = job["fun"] if isinstance(job["fun"], list) else [job["fun"]]
        return any(fnmatchcase(str(name), str(fun)) for name in names)

    return [job for job in proc.running() if named(job)]


def _signal_job(_proc: Proc, signal_job: Signal, jid: Any, sig: Any) -> str:
    signum = int(sig)
    pid = signal_job(str(jid), signum)
    return "" if pid is None else f"Signal {signum} sent to job {jid} at pid {pid}"


def _signal_all(proc: Proc, signal_job: Signal, sig: Any) -> list[str]:
    return [_signal_job(proc, signal_job, job["jid"], sig) for job in proc.running()]


_ANSWERS: dict[str, tuple[tuple[str, ...], Callable[..., Any]]] = {
    "saltutil.find_job": (("jid",), _find_job),
    "saltutil.running": ((), _running),
    "saltutil.is_running": (("fun",), _is_running),
    "saltutil.signal_job": (("jid", "sig"), _signal_job),
    "saltutil.term_job": (("jid",), lambda proc, send, jid: _signal_job(proc, send, jid, signal.SIGTERM)),
    "saltutil.kill_job": (("jid",), lambda proc, send, jid: _signal_job(proc, send, jid, signal.SIGKILL)),
    "saltutil.signal_all_jobs": (("sig",), _signal_all),
    "saltutil.term_all_jobs": ((), lambda proc, send: _signal_all(proc, send, signal.SIGTERM)),
    "saltutil.kill_all_jobs": ((), lambda proc, send: _signal_all(proc, send, signal.SIGKILL)),
}


def _is_kwarg(value: object) -> bool:
    return isinstance(value, dict) and value.get("__kwarg__") is True


def _invalid(fun: str, reason: str) -> Outcome:
    return Outcome(
        result=f"Passed invalid arguments to {fun}: {reason}",
        retcode=1,
        success=False,
        out="nested",
        failure=Failure.ARGUMENTS,
    )
