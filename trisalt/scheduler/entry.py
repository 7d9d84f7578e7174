"""One schedule entry, checked: a mapping from the configuration, the pillar or an operator becomes an `Entry`.

What a schedule may say is stock Salt's; source: spec/config.md section 4.4. An entry that cannot be obeyed is
refused with a ConfigError that names it; nothing is ignored silently.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from trisalt.errors import ConfigError

INTERVALS = {"seconds": 1.0, "minutes": 60.0, "hours": 3600.0, "days": 86400.0}

# Timing families that are not obeyed yet: an entry that has one is refused, and the log says so.
NOT_YET = (
    "cron",
    "when",
    "once",
    "range",
    "skip_during_range",
    "run_after_skip_range",
    "skip_explicit",
    "run_explicit",
)

# What stock writes into the file beside what the operator said; read and forgotten.
RUNTIME_KEYS = frozenset({"run", "saved", "name", "hidden", "once_fmt", "_next_fire_time", "_seconds", "_splay"})

KNOWN_KEYS = frozenset(
    {
        *INTERVALS,
        *NOT_YET,
        *RUNTIME_KEYS,
        "function",
        "args",
        "job_args",
        "kwargs",
        "job_kwargs",
        "splay",
        "maxrunning",
        "enabled",
        "return_job",
        "jid_include",
        "run_on_start",
        "until",
        "after",
        "metadata",
        "returner",
        "return_config",
        "return_kwargs",
        "dry_run",
    }
)


class Source(enum.Enum):
    """Who made an entry; only an operator's are persisted."""

    CONFIG = "config"
    PILLAR = "pillar"
    OPERATOR = "operator"
    INTERNAL = "internal"


@attrs.frozen(kw_only=True)
class Entry:
    """What is to run, how often, and how its return is treated.

    `interval` is in seconds. `splay` is a range of seconds that is added to each run, drawn anew each time.
    `until` and `after` are wall times in seconds. `return_job` is True, False or `"nocache"`. `mapping` is what
    the operator wrote, for listing and persisting.
    """

    name: str
    function: str
    interval: float
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = attrs.field(factory=dict)
    splay: tuple[float, float] | None = None
    maxrunning: int = 1
    enabled: bool = True
    return_job: bool | str = True
    jid_include: bool = True
    run_on_start: bool = True
    until: float | None = None
    after: float | None = None
    metadata: Mapping[str, Any] | None = None
    returner: tuple[str, ...] = ()
    dry_run: bool = False
    source: Source = Source.CONFIG
    mapping: Mapping[str, Any] = attrs.field(factory=dict, repr=False, eq=False)
    unknown: tuple[str, ...] = ()

    @classmethod
    def from_config(cls, name: str, mapping: object, *, source: Source = Source.CONFIG) -> Entry:
        """Check one entry. Raises ConfigError, whose text names the entry and the key."""
        if not isinstance(mapping, Mapping):
            raise ConfigError(f"schedule entry {name!r} is not a mapping")
        late = [key for key in NOT_YET if mapping.get(key)]
        if late:
            raise ConfigError(
                f"schedule entry {name!r} uses {', '.join(late)}, which is not obeyed yet; it will not run"
            )
        function = mapping.get("function")
        if not isinstance(function, str) or "." not in function:
            raise ConfigError(f"schedule entry {name!r} names no function: {function!r}")
        return cls(
            name=name,
            function=function,
            interval=_interval(name, mapping),
            args=_args(name, mapping),
            kwargs=_kwargs(name, mapping),
            splay=_splay(name, mapping.get("splay")),
            maxrunning=_maxrunning(name, mapping.get("maxrunning", 1)),
            enabled=_flag(name, "enabled", mapping.get("enabled", True)),
            return_job=_return_job(name, mapping.get("return_job", True)),
            jid_include=_flag(name, "jid_include", mapping.get("jid_include", True)),
            run_on_start=_flag(name, "run_on_start", mapping.get("run_on_start", True)),
            until=_moment(name, "until", mapping.get("until")),
            after=_moment(name, "after", mapping.get("after")),
            metadata=_metadata(name, mapping.get("metadata")),
            returner=_returner(name, mapping.get("returner")),
            dry_run=_flag(name, "dry_run", mapping.get("dry_run", False)),
            source=source,
            mapping=dict(mapping),
            unknown=tuple(sorted(str(key) for key in mapping if key not in KNOWN_KEYS)),
        )


def _interval(name: str, mapping: Mapping[str, Any]) -> float:
    given = {key: mapping[key] for key in INTERVALS if mapping.get(key) is not None}
    if not given:
        raise ConfigError(f"schedule entry {name!r} says not when: none of {', '.join(INTERVALS)}")
    total = 0.0
    for key, value in given.items():
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ConfigError(f"schedule entry {name!r}: {key} is no number: {value!r}")
        try:
            total += float(value) * INTERVALS[key]
        except ValueError:
            raise ConfigError(f"schedule entry {name!r}: {key} is no number: {value!r}") from None
    if not 0 < total < float("inf"):
        raise ConfigError(f"schedule entry {name!r}: an interval of {total:g} seconds")
    return total


def _args(name: str, mapping: Mapping[str, Any]) -> tuple[Any, ...]:
    args = mapping.get("args", mapping.get("job_args"))
    if args is None:
        return ()
    if not isinstance(args, list | tuple):
        raise ConfigError(f"schedule entry {name!r}: args is no list")
    return tuple(args)


def _kwargs(name: str, mapping: Mapping[str, Any]) -> dict[str, Any]:
    kwargs = mapping.get("kwargs", mapping.get("job_kwargs"))
    if kwargs is None:
        return {}
    if isinstance(kwargs, list) and all(isinstance(item, Mapping) for item in kwargs):
        # YAML's list of one-key maps, which states made a habit.
        kwargs = {key: value for item in kwargs for key, value in item.items()}
    if not isinstance(kwargs, Mapping) or not all(isinstance(key, str) for key in kwargs):
        raise ConfigError(f"schedule entry {name!r}: kwargs is no mapping")
    return dict(kwargs)


def _splay(name: str, value: object) -> tuple[float, float] | None:
    match value:
        case None | False | 0:
            return None
        case bool():
            pass
        case int() | float() if value > 0:
            # Stock draws from 1 to n.
            return (min(1.0, float(value)), float(value))
        case {"start": int() | float() as start, "end": int() | float() as end} if 0 <= start <= end:
            return (float(start), float(end))
    raise ConfigError(f"schedule entry {name!r}: splay is neither seconds nor {{start, end}}: {value!r}")


def _maxrunning(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(f"schedule entry {name!r}: maxrunning is no count: {value!r}")
    return value


def _flag(name: str, key: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise ConfigError(f"schedule entry {name!r}: {key} is neither true nor false: {value!r}")
    return value


def _return_job(name: str, value: object) -> bool | str:
    if isinstance(value, bool) or value == "nocache":
        return value
    raise ConfigError(f"schedule entry {name!r}: return_job is neither true, false nor nocache: {value!r}")


def _moment(name: str, key: str, value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value).timestamp()
        except ValueError:
            pass
    raise ConfigError(f"schedule entry {name!r}: {key} is no moment such as 2026-11-22T13:00:00: {value!r}")


def _metadata(name: str, value: object) -> dict[str, Any] | None:
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise ConfigError(f"schedule entry {name!r}: metadata is no mapping")
    return dict(value)


def _returner(name: str, value: object) -> tuple[str, ...]:
    match value:
        case None | "":
            return ()
        case str():
            return tuple(word for word in value.replace(",", " ").split())
        case list() if all(isinstance(item, str) for item in value):
            return tuple(value)
    raise ConfigError(f"schedule entry {name!r}: returner is no name: {value!r}")
