"""One schedule entry, checked: a mapping from the configuration, the pillar or an operator becomes an `Entry`.

What a schedule may say is stock Salt 3008.3's. An entry that cannot be obeyed is
refused with a ConfigError that names it; nothing is ignored silently.
"""

from __future__ import annotations

import enum
import time
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import attrs

from trisalt.errors import ConfigError
from trisalt.scheduler import cron
from trisalt.scheduler.calendar import read

INTERVALS = {"seconds": 1.0, "minutes": 60.0, "hours": 3600.0, "days": 86400.0}

# Keys beside the entries that are about the whole schedule.
WHOLE = ("enabled", "splay", "skip_function", "skip_during_range")

# What stock writes into the file beside what the operator said. Names that begin with `_` are of this kind, too.
RUNTIME_KEYS = frozenset({"run", "saved", "name", "hidden", "skip_explicit", "run_explicit"})

# The form of times in `skip_explicit` and `run_explicit`, and of every answer about the next run.
TIME_FORM = "%Y-%m-%dT%H:%M:%S"

KNOWN_KEYS = frozenset(
    {
        *INTERVALS,
        *RUNTIME_KEYS,
        *("cron", "when", "once", "once_fmt"),
        *("range", "skip_during_range", "run_after_skip_range"),
        *("function", "func", "fun", "args", "job_args", "kwargs", "job_kwargs"),
        *("splay", "maxrunning", "enabled", "return_job", "jid_include", "run_on_start", "until", "after"),
        *("metadata", "returner", "return_config", "return_kwargs", "dry_run"),
    }
)

# A day to read texts against when only their form is of interest. It is in a leap year.
SOME_DAY = date(2000, 1, 1)


class Source(enum.Enum):
    """Who made an entry; only an operator's are persisted."""

    CONFIG = "config"
    PILLAR = "pillar"
    OPERATOR = "operator"
    INTERNAL = "internal"


@attrs.frozen
class Window:
    """A stretch of time between two texts, read anew each day: `8:00am` to `5:00pm`. With `invert`, all but it."""

    start: str
    end: str
    invert: bool = False


@attrs.frozen(kw_only=True)
class Entry:
    """What is to run, when, and how its return is treated.

    One of `interval` (seconds; else 0), `cron`, `when` and `once` says when. `splay` is a range of seconds that is
    added to each run, drawn anew each time. Moments without a zone are local time. `return_job` is True, False or
    `"nocache"`. `mapping` is what the operator wrote, for listing and persisting.
    """

    name: str
    function: str
    interval: float = 0.0
    cron: str | None = None
    when: tuple[str, ...] = ()
    once: datetime | None = None
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = attrs.field(factory=dict)
    splay: tuple[float, float] | None = None
    range: Window | None = None
    skip_during_range: Window | None = None
    run_after_skip_range: bool = False
    skip_explicit: tuple[datetime, ...] = ()
    run_explicit: tuple[datetime, ...] = ()
    maxrunning: int = 1
    enabled: bool = True
    return_job: bool | str = True
    jid_include: bool = True
    run_on_start: bool = True
    until: datetime | None = None
    after: datetime | None = None
    metadata: Mapping[str, Any] | None = None
    returner: tuple[str, ...] = ()
    return_config: str | None = None
    return_kwargs: Mapping[str, Any] | None = None
    dry_run: bool = False
    source: Source = Source.CONFIG
    mapping: Mapping[str, Any] = attrs.field(factory=dict, repr=False, eq=False)
    unknown: tuple[str, ...] = ()

    @property
    def by_calendar(self) -> bool:
        """Whether the clock on the wall says when, and not the time that went by."""
        return not self.interval

    @property
    def times(self) -> tuple[object, ...]:
        """All that says when: while it is the same, an entry keeps its beat."""
        return (
            *(self.interval, self.cron, self.when, self.once),
            *(self.splay, self.run_on_start, self.until, self.after),
        )

    def stamped_metadata(self, now: float) -> dict[str, Any]:
        """The metadata as it goes with a return: with the time of the run, in stock's forms."""
        then = time.localtime(now)
        return {
            **(self.metadata or {}),
            "_TOS": time.strftime("%z", then),
            "_TS": time.strftime("%a %b %d %H:%M:%S %Y", then),
            "_TT": time.strftime("%Y %B %d %a %H %m", time.gmtime(now)),
        }

    @classmethod
    def from_config(
        cls,
        name: str,
        mapping: object,
        *,
        source: Source = Source.CONFIG,
        whens: Mapping[str, Any] | None = None,
    ) -> Entry:
        """Check one entry. `whens` are named times. Raises ConfigError, whose text names the entry and the key."""
        if not isinstance(mapping, Mapping):
            raise ConfigError(f"schedule entry {name!r} is not a mapping")
        function = next((mapping[key] for key in ("function", "func", "fun") if mapping.get(key)), None)
        if not isinstance(function, str) or "." not in function:
            raise ConfigError(f"schedule entry {name!r} names no function: {function!r}")
        times = _times(name, mapping, whens or {})
        return cls(
            name=name,
            function=function,
            **times,
            args=_args(name, mapping),
            kwargs=_kwargs(name, mapping),
            splay=_splay(name, mapping.get("splay")),
            range=_window(name, "range", mapping.get("range")),
            skip_during_range=_window(name, "skip_during_range", mapping.get("skip_during_range")),
            run_after_skip_range=_flag(name, "run_after_skip_range", mapping.get("run_after_skip_range", False)),
            skip_explicit=_explicit(name, "skip_explicit", mapping.get("skip_explicit")),
            run_explicit=_explicit(name, "run_explicit", mapping.get("run_explicit")),
            maxrunning=_maxrunning(name, mapping.get("maxrunning", 1)),
            enabled=_flag(name, "enabled", mapping.get("enabled", True)),
            return_job=_return_job(name, mapping.get("return_job", True)),
            jid_include=_flag(name, "jid_include", mapping.get("jid_include", True)),
            # Stock runs what has an interval at once, and nothing else.
            run_on_start=_flag(name, "run_on_start", mapping.get("run_on_start", "interval" in times)),
            until=_moment(name, "until", mapping.get("until")),
            after=_moment(name, "after", mapping.get("after")),
            metadata=_mapping(name, "metadata", mapping.get("metadata")),
            returner=_returner(name, mapping.get("returner")),
            return_config=_text(name, "return_config", mapping.get("return_config")),
            return_kwargs=_mapping(name, "return_kwargs", mapping.get("return_kwargs")),
            dry_run=_flag(name, "dry_run", mapping.get("dry_run", False)),
            source=source,
            mapping=dict(mapping),
            unknown=_unknown(mapping),
        )


def is_runtime(key: object) -> bool:
    """Whether a key of an entry was not the operator's, but stock's own note."""
    return key in RUNTIME_KEYS or str(key).startswith("_")


def _times(name: str, mapping: Mapping[str, Any], whens: Mapping[str, Any]) -> dict[str, Any]:
    """The one thing that says when, by the name of its field."""
    given = [key for key in (*INTERVALS, "cron", "when", "once") if mapping.get(key) is not None]
    kinds = {"interval" if key in INTERVALS else key: key for key in given}
    if len(kinds) > 1:
        raise ConfigError(f"schedule entry {name!r} says twice when it runs: {', '.join(given)}")
    match list(kinds):
        case ["interval"]:
            return {"interval": _interval(name, {key: mapping[key] for key in given})}
        case ["cron"]:
            return {"cron": _cron(name, mapping["cron"])}
        case ["when"]:
            return {"when": _when(name, mapping["when"], whens)}
        case ["once"]:
            return {"once": _once(name, mapping["once"], mapping.get("once_fmt"))}
    unknown = _unknown(mapping)
    hint = f"; {', '.join(unknown)} means nothing" if unknown else ""
    raise ConfigError(f"schedule entry {name!r} says not when: none of {', '.join(INTERVALS)}, cron, when, once{hint}")


def _unknown(mapping: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(sorted(str(key) for key in mapping if key not in KNOWN_KEYS and not is_runtime(key)))


def _interval(name: str, given: Mapping[str, Any]) -> float:
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


def _cron(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise ConfigError(f"schedule entry {name!r}: cron is no text: {value!r}")
    try:
        cron.check(value)
    except ValueError as exc:
        raise ConfigError(f"schedule entry {name!r}: cron {value!r}: {exc}") from exc
    return value.strip()


def _when(name: str, value: object, whens: Mapping[str, Any]) -> tuple[str, ...]:
    texts = value if isinstance(value, list) and value else [value]
    return tuple(_readable(name, "when", whens.get(text, text) if isinstance(text, str) else text) for text in texts)


def _once(name: str, value: object, form: object) -> datetime:
    if isinstance(form, str) and isinstance(value, str):
        try:
            return datetime.strptime(value, form)
        except ValueError:
            raise ConfigError(f"schedule entry {name!r}: once {value!r} has not the form {form!r}") from None
    moment = _moment(name, "once", value)
    assert moment is not None
    return moment


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


def stands_alone(key: object, item: object) -> bool:
    """Whether a key of a `schedule:` mapping is no entry, but about all of them."""
    return key in WHOLE and not (isinstance(item, Mapping) and "function" in item)


def whole_window(value: object) -> Window | None:
    """`skip_during_range` beside the entries, which holds for all of them. Raises ConfigError."""
    return _window("skip_during_range", "the range", value)


def whole_splay(value: object) -> tuple[float, float] | None:
    """`splay` beside the entries, which holds for those without one of their own. Raises ConfigError."""
    return _splay("splay", value)


def _window(name: str, key: str, value: object) -> Window | None:
    if value is None:
        return None
    if not isinstance(value, Mapping) or "start" not in value or "end" not in value:
        raise ConfigError(f"schedule entry {name!r}: {key} is no mapping with start and end: {value!r}")
    start, end = _readable(name, key, value["start"]), _readable(name, key, value["end"])
    try:
        ordered = read(start, today=SOME_DAY) < read(end, today=SOME_DAY)
    except TypeError:
        raise ConfigError(f"schedule entry {name!r}: {key}: one end has a time zone, the other none") from None
    if not ordered:
        raise ConfigError(f"schedule entry {name!r}: {key}: the end is not after the start; for a night use invert")
    return Window(start, end, _flag(name, f"{key}:invert", value.get("invert", False)))


def _explicit(name: str, key: str, value: object) -> tuple[datetime, ...]:
    moments = []
    for item in value if isinstance(value, list) else () if value is None else [value]:
        match item:
            case {"time": str() as text, **rest}:
                try:
                    moments.append(datetime.strptime(text, str(rest.get("time_fmt") or TIME_FORM)))
                    continue
                except ValueError:
                    pass
            case int() | float() if not isinstance(item, bool):
                moments.append(datetime.fromtimestamp(item, UTC))
                continue
        raise ConfigError(f"schedule entry {name!r}: {key} is no list of {{time, time_fmt}}: {item!r}")
    return tuple(moments)


def _readable(name: str, key: str, value: object) -> str:
    """A text that can be read as a time. YAML may have made a time of it, or a number."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        try:
            read(value, today=SOME_DAY)
            return value
        except ValueError:
            pass
    hint = "; put it in quotes" if isinstance(value, int | float) else ""
    raise ConfigError(f"schedule entry {name!r}: {key} is no time: {value!r}{hint}")


def _moment(name: str, key: str, value: object) -> datetime | None:
    """A moment; of a time alone the day is the one on which it is read."""
    return None if value is None else read(_readable(name, key, value), today=date.today())


def _mapping(name: str, key: str, value: object) -> dict[str, Any] | None:
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise ConfigError(f"schedule entry {name!r}: {key} is no mapping")
    return dict(value)


def _text(name: str, key: str, value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise ConfigError(f"schedule entry {name!r}: {key} is no name: {value!r}")


def _returner(name: str, value: object) -> tuple[str, ...]:
    match value:
        case None | "":
            return ()
        case str():
            return tuple(word for word in value.replace(",", " ").split())
        case list() if all(isinstance(item, str) for item in value):
            return tuple(value)
    raise ConfigError(f"schedule entry {name!r}: returner is no name: {value!r}")
