"""Who did what by the web: JSON lines in `audit` beside the logs, for people and for the console's screen.

`tell(kind, **facts)` adds one. Facts are who, from where, what and on what; arguments only as a digest, and nothing
that is secret. All but plain commands, which the master tells of as jobs and runs, are events on its bus too.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog
import trio

from trisalt.errors import AuthError, TrisaltError
from trisalt.web.door import Door, expect
from trisalt.web.lowstate import Command

log = structlog.get_logger()

NAME = "audit"
LONGEST_VALUE = 512
# How much of the file one page looks at.
WINDOW = 256 * 1024
# The master tells of these itself, with their ids.
NO_EVENT = frozenset({"command"})
TAG = "trisalt/audit/{kind}"
# Events that wait for the master; what comes when there are so many stands in the file only.
WAITING = 256


class Audit:
    """The file `audit` in `folder`, appended to. `clock` is wall time."""

    def __init__(self, folder: str, *, clock: Callable[[], float] = time.time) -> None:
        self.path = Path(folder) / NAME
        self._clock = clock
        self._broken = False
        self._events: trio.MemorySendChannel[dict[str, Any]]
        self._waiting: trio.MemoryReceiveChannel[dict[str, Any]]
        self._events, self._waiting = trio.open_memory_channel(WAITING)

    def tell(self, kind: str, **facts: Any) -> None:
        """Add a line. A line is short and goes out whole; a file that cannot be written is told of once."""
        shown = {name: _short(value) for name, value in facts.items() if value not in (None, "", [], {})}
        row = {"at": round(self._clock(), 3), "kind": kind, **shown}
        self._write(json.dumps(row, default=str) + "\n")
        if kind not in NO_EVENT:
            with suppress(trio.WouldBlock):
                self._events.send_nowait(row)

    async def tell_bus(self, door: Door) -> None:
        """Give the master an event for each line, until cancelled. While it is away they are in the file only."""
        refused = False
        async for row in self._waiting:
            question = {"op": "fire", "tag": TAG.format(kind=row["kind"]), "data": row}
            try:
                expect(await door.ask(question), "ok")
            except AuthError as exc:
                # This runs as somebody who is nobody to the master.
                if not refused:
                    log.warning("audit.not_told", reason=str(exc))
                refused = True
            except TrisaltError as exc:
                log.debug("audit.not_told", reason=str(exc))

    def _write(self, line: str) -> None:
        try:
            # Opened each time: whoever rotates it need not tell us.
            fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                os.write(fd, line.encode())
            finally:
                os.close(fd)
        except OSError as exc:
            if not self._broken:
                log.error("audit.not_written", path=str(self.path), reason=exc.strerror)
            self._broken = True
            return
        self._broken = False

    def page(self, limit: int, before: int | None = None) -> tuple[list[dict[str, Any]], int | None]:
        """The newest lines first, at most so many, of those that end at the place `before` (None: the end of the file);
        and the place to go on at, None when there are no older ones. Blocking."""
        try:
            with open(self.path, "rb") as file:
                size = file.seek(0, os.SEEK_END)
                end = size if before is None else max(0, min(before, size))
                start = max(0, end - WINDOW)
                file.seek(start)
                block = file.read(end - start)
        except OSError:
            return [], None
        if start:
            # The first line of the window is cut.
            _cut, _newline, rest = block.partition(b"\n")
            start, block = end - len(rest), rest
        lines = block.splitlines(keepends=True)
        chosen = lines[-limit:]
        rest_at = start + sum(len(line) for line in lines[: len(lines) - len(chosen)])
        found = [row for line in reversed(chosen) if (row := _read(line)) is not None]
        return found, rest_at if rest_at > 0 and chosen else None


def facts_of(command: Command) -> dict[str, Any]:
    """What may be told of a command: everything but its arguments."""
    question = command.question
    given = json.dumps([question.get("arg"), question.get("kwarg")], default=str, sort_keys=True)
    return {
        "client": command.client,
        "fun": command.fun,
        "tgt": question.get("tgt"),
        "tgt_type": question.get("tgt_type"),
        "args_sha256": hashlib.sha256(given.encode()).hexdigest()[:16],
    }


def _short(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= LONGEST_VALUE else value[:LONGEST_VALUE] + "…"
    if isinstance(value, list):
        shown = [_short(item) for item in value[:20]]
        return shown if len(value) <= 20 else [*shown, f"… {len(value) - 20} more"]
    return value


def _read(line: bytes) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None
