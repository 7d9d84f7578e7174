"""What beacons share: their configuration as one map, the words for one that is wrong, and percentages.

Used by beacons, which import it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

VALID = (True, "Valid beacon configuration")

Verdict = tuple[bool, str]


def flat(config: Any) -> dict[str, Any]:
    """A beacon's configuration, a list of maps, as one map."""
    return {key: value for part in config if isinstance(part, Mapping) for key, value in part.items()}


def no_list(name: str, config: Any) -> Verdict | None:
    """The verdict over a configuration that is no list; None for one that is."""
    return None if isinstance(config, list) else (False, f"Configuration for {name} beacon must be a list.")


def percent(value: Any) -> float:
    """A percentage, written as a number or with its sign. Raises ValueError."""
    return float(str(value).strip().rstrip("%"))


def with_percent(name: str, config: Any) -> Verdict:
    """The verdict over a configuration that needs one limit, `percent`."""
    wrong = no_list(name, config)
    if wrong:
        return wrong
    given = flat(config)
    if "percent" not in given:
        return False, f"Configuration for {name} beacon requires percent."
    try:
        percent(given["percent"])
    except ValueError:
        return False, f"Configuration for {name} beacon: {given['percent']!r} is no percentage."
    return VALID


def over(name: str, used: float, config: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The event of what is used as much as the limit, or more."""
    return [{name: used}] if used >= percent(config["percent"]) else []
