"""structlog, set up once per process: console lines that read like stock Salt's, log files, JSON lines, the journal.

`log.<level>("subject.what_happened", **facts)` is what the house writes; `lines.py` says which sentence an operator
reads. Plugins' own words (`logging`, and what workers send) go the same way. Called by the daemons' commands before
Trio. How a line looks is `logtext`'s. What cannot be rendered or written is counted in `dropped`, and raises nothing.
"""

from __future__ import annotations

import logging
import re
import sys
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import attrs
import structlog
from structlog.contextvars import merge_contextvars
from structlog.typing import EventDict

from trisalt.levels import LEVELS
from trisalt.lines import MINION_LINES, STOCK_LINES, Row, Sentence
from trisalt.logtext import Record, Style, name_of, one_line, style_of
from trisalt.sinks import Console, Write, open_file

# At these, values of plugins and of requests may come into the log.
INSECURE = frozenset({"all", "garbage", "trace", "debug", "profile"})
# Characters of what a line says of an event. What plugins say is theirs.
LONGEST_LINE = 8 * 1024
CONSOLE_FORMAT = "[%(levelname)-8s] %(message)s"
FILE_FORMAT = "%(asctime)s,%(msecs)03d [%(name)-17s:%(lineno)-4d][%(levelname)-8s][%(process)d] %(message)s"

_SECRET = re.compile("password|secret|token|priv|_key", re.IGNORECASE)
_PLUGIN = "plugin.logged"
_NO_FACTS = frozenset({"event", "stack_info", "exc_info"})
# What is written as it is, unless its name says that it is a secret.
_PLAIN = frozenset({str, int})
# How many records could not be written since the process began.
dropped = 0


@attrs.define(kw_only=True)
class Sink:
    """One place the log is written to, from which level on, and how. The level may change while it is open."""

    level: int
    style: Style
    write: Write


@attrs.define
class _State:
    """What `configure` has set up."""

    threshold: int = 0
    sinks: list[Sink] = attrs.field(factory=list)
    granular: dict[str, int] = attrs.field(factory=dict)
    rows: Mapping[str, Row] = attrs.field(factory=lambda: STOCK_LINES)


_state = _State()


def configure(
    level: str = "warning",
    *,
    daemon: str,
    log_file: str | None = None,
    log_level_logfile: str | None = None,
    fmt_console: str | None = None,
    fmt_logfile: str | None = None,
    fmt_jid: str | None = "[JID: %(jid)s]",
    datefmt: str = "%H:%M:%S",
    datefmt_logfile: str = "%Y-%m-%d %H:%M:%S",
    granular_levels: Mapping[str, str] | None = None,
    minion_id: str | None = None,
    console: bool = True,
    rotate_max_bytes: int = 0,
    rotate_backup_count: int = 0,
) -> None:
    """Set up this process's log; called again, it takes the place of what was set up before.

    `daemon` is `master`, `minion` or `cli`. A format of `json` gives JSON lines. `console=False` once stdio is closed.
    A log file that cannot be opened is told on the console, and no more.
    """
    _close()
    identity = {"daemon": daemon, **({"minion_id": minion_id} if minion_id else {})}
    _state.rows = {**STOCK_LINES, **MINION_LINES} if daemon == "minion" else STOCK_LINES
    _state.granular = {name: level_number(wanted) for name, wanted in (granular_levels or {}).items()}
    if console:
        style = style_of(fmt_console or CONSOLE_FORMAT, datefmt, fmt_jid, identity)
        _state.sinks.append(Sink(level=level_number(level), style=style, write=Console()))
    refused = None
    if log_file:
        style = style_of(fmt_logfile or FILE_FORMAT, datefmt_logfile, fmt_jid, identity)
        try:
            write = open_file(log_file, daemon, most=rotate_max_bytes, backups=rotate_backup_count)
            _state.sinks.append(Sink(level=level_number(log_level_logfile or level), style=style, write=write))
        except (OSError, ValueError) as exc:
            refused = str(exc)
    _state.threshold = min([*(sink.level for sink in _state.sinks), *_state.granular.values()], default=1000)
    structlog.configure(
        processors=[merge_contextvars, _emit],
        wrapper_class=Logger,
        logger_factory=_Name,
        cache_logger_on_first_use=True,
    )
    _take_stdlib(_state.threshold)
    log = structlog.get_logger()
    if refused is not None:
        log.error("log.file_refused", path=log_file, reason=refused)
    if (level in INSECURE and console) or (log_file and (log_level_logfile or level) in INSECURE):
        log.warning("log.insecure")


def reopen() -> None:
    """Open the log file anew (SIGHUP)."""
    for sink in _state.sinks:
        sink.write.reopen()


def relevel(
    level: str, *, log_level_logfile: str | None = None, granular_levels: Mapping[str, str] | None = None
) -> None:
    """Other levels from here on (SIGHUP); files and formats stay as they are."""
    if not _state.sinks:
        return
    _state.granular = {name: level_number(wanted) for name, wanted in (granular_levels or {}).items()}
    for sink in _state.sinks:
        sink.level = level_number(level if isinstance(sink.write, Console) else log_level_logfile or level)
    _state.threshold = min([*(sink.level for sink in _state.sinks), *_state.granular.values()])
    _take_stdlib(_state.threshold)


def level_number(name: str) -> int:
    """The number of a level; that of `warning` for a name that is none."""
    return LEVELS.get(name.lower(), LEVELS["warning"])


def reset() -> None:
    """Close what `configure` opened, and let structlog and logging be as they were. For tests."""
    _close()
    _state.threshold = 0
    logging.getLogger().handlers[:] = [h for h in logging.getLogger().handlers if not isinstance(h, _FromStdlib)]
    structlog.reset_defaults()
    # What a module's logger was at its first use, it would stay.
    for name, module in list(sys.modules.items()):
        if name.startswith("trisalt.") and isinstance(log := vars(module).get("log"), type(structlog.get_logger())):
            vars(log).pop("bind", None)


# -- what is called ----------------------------------------------------------------------------------------------


class Logger(structlog.BoundLoggerBase):
    """A bound logger with stock Salt's levels. Below the lowest level that anybody wants, it does nothing."""

    def _put(self, level: int, name: str, event: str, facts: dict[str, Any]) -> None:
        if level < _state.threshold:
            return
        entry: EventDict = {**self._context, **facts, "event": event}
        try:
            for process in self._processors:
                entry = process(self._logger, name, entry)  # type: ignore[assignment]
        except structlog.DropEvent:
            return

    def garbage(self, event: str, **facts: Any) -> None:
        """Below trace."""
        self._put(1, "garbage", event, facts)

    def trace(self, event: str, **facts: Any) -> None:
        """Below debug."""
        self._put(5, "trace", event, facts)

    def debug(self, event: str, **facts: Any) -> None:
        """Follows one message."""
        if _state.threshold <= 10:
            self._put(10, "debug", event, facts)

    def profile(self, event: str, **facts: Any) -> None:
        """How long something took."""
        self._put(15, "profile", event, facts)

    def info(self, event: str, **facts: Any) -> None:
        """What an operator would tell a colleague."""
        if _state.threshold <= 20:
            self._put(20, "info", event, facts)

    def warning(self, event: str, **facts: Any) -> None:
        """Needs a look this week."""
        self._put(30, "warning", event, facts)

    def error(self, event: str, **facts: Any) -> None:
        """Needs a look now."""
        self._put(40, "error", event, facts)

    def critical(self, event: str, **facts: Any) -> None:
        """It cannot go on."""
        self._put(50, "critical", event, facts)

    def exception(self, event: str, **facts: Any) -> None:
        """An error, with the exception that is being handled."""
        self._put(40, "error", event, {"exc_info": True, **facts})

    def log(self, level: int, event: str, **facts: Any) -> None:
        """At a level given as a number."""
        self._put(level, name_of(level), event, facts)

    warn, fatal = warning, critical


def settle(modules: Mapping[str, object] = sys.modules) -> None:
    """Have every module of ours that is imported by now ask its logger itself.

    What `structlog.get_logger` gives them finds out for each line anew for whom it stands: a line that nobody wants
    costs 0.9 µs by it, and 0.2 without.
    """
    lazy = type(structlog.get_logger())
    for name, module in list(modules.items()):
        names = vars(module) if name.startswith("trisalt.") else {}
        if isinstance(log := names.get("log"), lazy):
            names["log"] = log.bind()


class _Name:
    """structlog's innermost logger: it only knows the name it was made with."""

    def __init__(self, name: str | None = None) -> None:
        self.name = name


# -- from an event to records ------------------------------------------------------------------------------------


def _emit(logger: object, method: str, event_dict: EventDict) -> EventDict:
    """The last processor: hand the event to every sink that wants it."""
    global dropped
    try:
        name = logger.name if isinstance(logger, _Name) else None
        _write_all(_record(LEVELS[method], method, event_dict, name=name))
    except Exception:  # a line that cannot be rendered must not end what wrote it
        dropped += 1
    return event_dict


def _write_all(record: Record) -> None:
    global dropped
    granular = _granular_level(record) if _state.granular else None
    for sink in _state.sinks:
        if record.level < (sink.level if granular is None else granular):
            continue
        try:
            for text in sink.style(record, verbose=sink.level <= LEVELS["debug"]):
                sink.write(text, record.level)
        except Exception:
            dropped += 1


def _granular_level(record: Record) -> int | None:
    name = record.name
    while name:
        if name in _state.granular:
            return _state.granular[name]
        name = name.rpartition(".")[0]
    return None


def _record(
    level: int, level_name: str, event_dict: Mapping[str, Any], *, name: str | None = None, lineno: int = 0
) -> Record:
    event = str(event_dict.get("event", ""))
    error = _error(event_dict["exc_info"]) if "exc_info" in event_dict else None
    facts = {
        key: value if type(value) in _PLAIN and not _is_secret(key) else _redacted(key, value)
        for key, value in event_dict.items()
        if key not in _NO_FACTS
    }
    if " " in event or "." not in event:
        # A plugin's own words, or those of a library.
        words = "\n".join(map(one_line, event.expandtabs().split("\n")))
        said = {"logger": name or "", "message": event, **facts}
        return Record(level, _PLUGIN, said, [(level_name, words)], time.time(), name or "", error, lineno)
    return Record(level, event, facts, _lines(level_name, event, facts), time.time(), event, error)


def _lines(level: str, event: str, facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    row: Row | None = _state.rows.get(event)
    try:
        if isinstance(row, tuple):
            return [(own, _sentence(text, facts)) for own, text in row]
        if row is not None:
            return [(level, _sentence(row, facts))]
    except Exception:  # a fact is missing, or will not be text
        pass
    told = " ".join(f"{key}={_quoted(value)}" for key, value in facts.items())
    return [(level, _cut(f"{event} {told}".rstrip()))]


def _sentence(row: Sentence, facts: Mapping[str, Any]) -> str:
    """What a row says of these facts: what a peer chose must not end the line, nor speak to the terminal."""
    text = row.format_map(facts) if isinstance(row, str) else row(facts)
    text = _cut(text)
    return text if text.isprintable() else one_line(text)


def _cut(text: str) -> str:
    """A line of an event as far as somebody reads it: what a peer chose must not fill the disk."""
    if len(text) <= LONGEST_LINE:
        return text
    return f"{text[:LONGEST_LINE]}… ({len(text)} characters)"


def _quoted(value: object) -> str:
    try:
        text = value if isinstance(value, str) else repr(value)
    except Exception:
        return f"<{type(value).__name__}>"
    plain = text.isprintable() and text and not any(char in text for char in " ='\"")
    return text if plain or not isinstance(value, str) else repr(value)


def _redacted(key: str, value: Any) -> Any:
    if value is None or value is True or value is False:
        return value
    if _is_secret(key):
        return "[redacted]"
    if isinstance(value, Mapping):
        return {str(name): _redacted(str(name), inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return _Several(_redacted("", inner) for inner in value)
    return value


class _Several(list[Any]):
    """Several of something, which a sentence tells one after the other."""

    def __str__(self) -> str:
        return ", ".join(map(str, self))


@lru_cache(maxsize=1024)
def _is_secret(key: str) -> bool:
    return key == "pillar" or _SECRET.search(key) is not None


def _error(exc_info: object) -> BaseException | None:
    if isinstance(exc_info, BaseException):
        return exc_info
    if isinstance(exc_info, tuple) and len(exc_info) == 3:
        return exc_info[1]
    return sys.exc_info()[1] if exc_info else None


# -- what plugins and libraries write ----------------------------------------------------------------------------


class _FromStdlib(logging.Handler):
    """Hands records of `logging` to the same sinks, in their own words."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        global dropped
        try:
            facts = {"event": record.getMessage(), "exc_info": record.exc_info}
            level = record.levelno
            _write_all(_record(level, name_of(level), facts, name=record.name, lineno=record.lineno))
        except Exception:
            dropped += 1


def _take_stdlib(threshold: int) -> None:
    root = logging.getLogger()
    root.handlers[:] = [handler for handler in root.handlers if not isinstance(handler, _FromStdlib)]
    root.addHandler(_FromStdlib())
    root.setLevel(max(threshold, 1))
    for name in ("garbage", "trace", "profile"):
        logging.addLevelName(LEVELS[name], name.upper())


def _close() -> None:
    for sink in _state.sinks:
        sink.write.close()
    _state.sinks.clear()
