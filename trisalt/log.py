"""structlog, set up once per process: console lines that read like stock Salt's, log files, JSON lines, the journal.

`log.<level>("subject.what_happened", **facts)` is what the house writes; `STOCK_LINES` is where a sentence comes from.
An event without a row prints as its name and its facts. Rendering never raises.
"""

from __future__ import annotations

from collections.abc import Mapping

LEVELS = {
    "all": 0,
    "garbage": 1,
    "trace": 5,
    "debug": 10,
    "profile": 15,
    "info": 20,
    "warning": 30,
    "error": 40,
    "critical": 50,
    "quiet": 1000,
}


def configure(
    level: str = "warning",
    *,
    daemon: str,
    log_file: str | None = None,
    log_level_logfile: str | None = None,
    fmt_console: str | None = None,
    fmt_logfile: str | None = None,
    datefmt: str = "%H:%M:%S",
    datefmt_logfile: str = "%Y-%m-%d %H:%M:%S",
    granular_levels: Mapping[str, str] | None = None,
    minion_id: str | None = None,
    console: bool = True,
) -> None:
    """Set up this process's log; called again, it takes the place of what was set up before.

    `daemon` is `master`, `minion` or `cli`. A format of `json` gives JSON lines. `console=False` once stdio is closed.
    """
    raise NotImplementedError


def reopen() -> None:
    """Open the log file anew (SIGHUP)."""
    raise NotImplementedError
