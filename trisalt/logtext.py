"""How one event of the log becomes text: a line by a format with stock Salt's keys, or a JSON object.

A style is made once for each place that the log is written to (`log.configure`), and is handed `Record`s.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Protocol

import attrs

from trisalt.errors import TrisaltError
from trisalt.levels import LEVELS

LONGEST_RECORD = 64 * 1024
JSON = "json"

_BORN = time.time()
# A field of a format: its key, and how it is to be written.
_FIELD = re.compile(r"%(?:%|\((\w*)\)([-#0 +]*\d*(?:\.\d+)?[a-zA-Z]))")
# Of so many kinds of lines it is kept how they begin; names of plugins' loggers may be anything.
MOST_BEGUN = 1024

_NAMES = {number: name for name, number in LEVELS.items() if name not in ("all", "quiet")}


def name_of(level: int) -> str:
    """The name of a level; of a number between two, the lower one's."""
    name = _NAMES.get(level)
    return name or next((_NAMES[number] for number in reversed(_NAMES) if number <= level), "garbage")


@attrs.define
class Record:
    """One event, ready to be rendered. Facts are redacted. `lines` are what an operator reads, each with its level."""

    level: int
    event: str
    facts: dict[str, Any]
    lines: list[tuple[str, str]]
    created: float
    name: str
    error: BaseException | None
    lineno: int = 0

    @property
    def expected(self) -> bool:
        """Whether the exception is one of ours, whose text says it all."""
        return self.error is not None and all(isinstance(leaf, TrisaltError) for leaf in _leaves(self.error))


# One value of a line: of its style, its record, its level's name and its message. None is the message itself.
Value = Callable[["_Text", "Record", str, str], object] | None


class Style(Protocol):
    """How a record becomes text."""

    def __call__(self, record: Record, *, verbose: bool) -> list[str]: ...


def style_of(fmt: str, datefmt: str, fmt_jid: str | None, identity: Mapping[str, str]) -> Style:
    """The style of a format; `json` is one, too. `identity`: which daemon writes, and of which minion."""
    return partial(_json_lines, identity) if fmt == JSON else _Text(fmt, datefmt, fmt_jid, identity)


class _Text:
    """Lines by a format with `logging`'s keys, and stock's: `jid`, `minion_id`, `bracket…`, `color…`."""

    def __init__(self, fmt: str, datefmt: str, fmt_jid: str | None, identity: Mapping[str, str]) -> None:
        self.datefmt, self.fmt_jid, self.identity = datefmt, fmt_jid, identity
        self.color = not os.environ.get("NO_COLOR") and sys.stderr.isatty()
        self._fmt = fmt
        self._begun: dict[tuple[str, int, str], tuple[str, list[Value]]] = {}
        self._second, self._time = 0, ""

    def __call__(self, record: Record, *, verbose: bool) -> list[str]:
        texts = []
        # What stands in this loop stands in no function of its own: a job has six lines, in two places each.
        for level, message in record.lines if record.error is None else _with_error(record, verbose=verbose):
            try:
                kind = record.name, record.lineno, level
                if (begun := self._begun.get(kind)) is None:
                    begun = self._begin(record, level)
                    if len(self._begun) < MOST_BEGUN:
                        self._begun[kind] = begun
                fmt, values = begun
                filled = [message if value is None else value(self, record, level, message) for value in values]
                texts.append(fmt % tuple(filled))
            except (ValueError, TypeError, KeyError):
                # As for `logging`, a format may be none: then lines are written in a plain one.
                texts.append(f"[{level.upper():<8}] {message}")
        return texts

    def _begin(self, record: Record, level: str) -> tuple[str, list[Value]]:
        """The format with all filled in that is the same for every line of one event, and what gives the rest."""
        values: list[Value] = []

        def taken(found: re.Match[str]) -> str:
            key, conversion = found.groups()
            if key is None:
                return found[0]
            if key in _OF_EACH:
                values.append(_OF_EACH[key])
                return f"%{conversion}"
            return (f"%{conversion}" % _OF_ALL[key](self, record, level)).replace("%", "%%")

        return _FIELD.sub(taken, self._fmt), values

    def time_of(self, record: Record, _level: str, _message: str) -> str:
        """The time as the format wants it; worked out once a second."""
        second = int(record.created)
        if second != self._second:
            self._second, self._time = second, time.strftime(self.datefmt, time.localtime(second))
        return self._time

    def jid(self, record: Record) -> str:
        """The job's id as `log_fmt_jid` has it; nothing outside a job."""
        jid = record.facts.get("jid")
        return self.fmt_jid % {"jid": jid} if jid and self.fmt_jid else ""

    def colored(self, code: str, text: str) -> str:
        """Coloured where there are colours."""
        return f"\033[{code}m{text}\033[0m" if self.color else text


def _with_error(record: Record, *, verbose: bool) -> list[tuple[str, str]]:
    """The lines of a record that has an exception: the last one tells of it, or shows its stack."""
    *lines, (level, last) = record.lines
    assert record.error is not None
    if record.expected and not verbose:
        told = "; ".join(dict.fromkeys(one_line(str(leaf)) for leaf in _leaves(record.error)))
        last = last if told in last else f"{last}: {told}"
    else:
        last += "\n" + "".join(traceback.format_exception(record.error)).rstrip("\n")
    return [*lines, (level, last)]


# The level's colour, and the message's.
_COLORS = {
    "critical": ("1;31", "1;31"),
    "error": ("1;31", "31"),
    "warning": ("1;33", "33"),
    "info": ("1;32", "32"),
    "profile": ("1;36", "1;36"),
    "debug": ("1;36", "36"),
    "trace": ("1;35", "35"),
    "garbage": ("1;34", "34"),
}

# What a format may ask for that is the same for every line of one event …
_OF_ALL: dict[str, Callable[[_Text, Record, str], object]] = {
    "bracketlevel": lambda style, record, level: f"[{level.upper():<8}]",
    "bracketname": lambda style, record, level: f"[{record.name:<17}]",
    "colorlevel": lambda style, record, level: style.colored(_COLORS[level][0], f"[{level.upper():<8}]"),
    "colorname": lambda style, record, level: style.colored("1;32", f"[{record.name:<17}]"),
    "filename": lambda style, record, level: "",
    "funcName": lambda style, record, level: "",
    "levelname": lambda style, record, level: level.upper(),
    "levelno": lambda style, record, level: record.level,
    "lineno": lambda style, record, level: record.lineno,
    "minion_id": lambda style, record, level: "",
    "module": lambda style, record, level: record.name.partition(".")[0],
    "name": lambda style, record, level: record.name,
    "pathname": lambda style, record, level: "",
    "processName": lambda style, record, level: style.identity.get("daemon", ""),
    "thread": lambda style, record, level: 0,
    "threadName": lambda style, record, level: "MainThread",
}
# … and that is each line's own. A daemon forks: its pid, too.
_OF_EACH: dict[str, Value] = {
    "asctime": _Text.time_of,
    "bracketprocess": lambda style, record, level, message: f"[{os.getpid():>5}]",
    "colorprocess": lambda style, record, level, message: style.colored("1;34", f"[{os.getpid():>5}]"),
    "colormsg": lambda style, record, level, message: style.colored(_COLORS[level][1], message),
    "created": lambda style, record, level, message: record.created,
    "jid": lambda style, record, level, message: style.jid(record),
    "message": None,
    "msecs": lambda style, record, level, message: int(record.created * 1000) % 1000,
    "process": lambda style, record, level, message: os.getpid(),
    "relativeCreated": lambda style, record, level, message: (record.created - _BORN) * 1000,
}


def _json_lines(identity: Mapping[str, str], record: Record, *, verbose: bool) -> list[str]:
    """One JSON object per event, never longer than `LONGEST_RECORD`; without the stack of an expected error."""
    seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    entry: dict[str, Any] = {
        "timestamp": f"{seconds}.{int(record.created * 1_000_000) % 1_000_000:06d}Z",
        "level": name_of(record.level),
        "event": record.event,
        **identity,
    }
    entry.update((key, value) for key, value in record.facts.items() if key not in entry or key == "minion_id")
    if record.error is not None:
        entry["exc.type"] = type(record.error).__qualname__
        entry["exc.message"] = str(record.error)
        if verbose or not record.expected:
            entry["exc.stack"] = "".join(traceback.format_exception(record.error))
    try:
        text = _dumps(entry)
    except (ValueError, TypeError, RecursionError):
        entry = {key: value if isinstance(value, str | int | None) else _said(value) for key, value in entry.items()}
        text = _dumps(entry)
    if len(text) > LONGEST_RECORD:
        for key, size in sorted(((key, len(_dumps(value))) for key, value in entry.items()), key=lambda row: -row[1]):
            entry[key] = {"truncated": True, "size": size}
            text = _dumps(entry)
            if len(text) <= LONGEST_RECORD:
                break
    return [text]


def _dumps(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), default=_said, allow_nan=False)


def _said(value: object) -> str:
    try:
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    except Exception:
        text = f"<{type(value).__name__}>"
    return text[:1000]


def one_line(text: str) -> str:
    """A text that neither ends its line nor speaks to the terminal."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape", "replace").decode() for char in text)


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error
