"""The load of this host, and that a process runs. Nothing is changed.

15-min:
  status.loadavg:
    - maximum: 4
"""

from __future__ import annotations

from typing import Any

from trisalt.errors import TrisaltError
from trisalt.state.result import returned


def loadavg(name: str, maximum: Any = None, minimum: Any = None) -> dict[str, Any]:
    """
    An average of the load, `1-min`, `5-min` or `15-min`, is between two numbers.
    """
    averages = __salt__["status.loadavg"]()
    if name not in averages:
        return returned(name, False, f"Requested load average {name} not available ", data={})
    load = averages[name]
    more = {"data": load}
    try:
        if minimum is not None and load < float(minimum):
            comment = f"Load avg is below minimum of {minimum} at {float(load)}"
            return returned(name, False, comment, **more)
        if maximum is not None and load > float(maximum):
            return returned(name, False, f"Load avg above maximum of {maximum} at {float(load)}", **more)
    except (TypeError, ValueError):
        return returned(name, False, f"minimum and maximum are numbers, not {minimum!r} and {maximum!r}")
    return returned(name, True, "Load avg in acceptable range", **more)


def process(name: str) -> dict[str, Any]:
    """
    A process runs whose command line fits a pattern.
    """
    try:
        found = __salt__["status.pid"](name)
    except TrisaltError as exc:
        return returned(name, False, str(exc))
    if not found:
        return returned(name, False, f'Process signature "{name}" not found ', data={})
    return returned(name, True, f'Process signature "{name}" was found ', data=found)
