"""What became of the schedule, kept over a restart: which moments are past, which runs are pending, what is skipped.

Beside the entries, never among them: `_schedule.conf` is the operator's, this file is ours. Without it nothing runs
twice; a run that was pending when the daemon ended is forgotten then.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import structlog

from trisalt.scheduler.due import Due

log = structlog.get_logger()

FORMAT = 1


@attrs.define(kw_only=True)
class Memory:
    """What is remembered of one entry. All moments are wall times.

    `times` is what the entry said of its times then: of other times nothing is remembered. `last` is the beat that
    was run last, `due` the run to come. `skips` are moments whose runs are left out, `extra` runs beside the beat.
    """

    times: str = ""
    last: float | None = None
    due: Due | None = None
    skips: set[float] = attrs.field(factory=set)
    extra: list[float] = attrs.field(factory=list)

    @property
    def empty(self) -> bool:
        """Whether there is nothing worth keeping."""
        return self.last is None and self.due is None and not self.skips and not self.extra

    def pends(self, oldest: float) -> bool:
        """Whether something is to come yet, or came after `oldest`."""
        ahead = [*self.skips, *self.extra, *([] if self.due is None else [self.due.at])]
        return any(moment > oldest for moment in ahead)

    def to_mapping(self) -> dict[str, Any]:
        """As it is written."""
        return {
            "times": self.times,
            "last": self.last,
            "due": None if self.due is None else [self.due.beat, self.due.at],
            "skips": sorted(self.skips),
            "extra": sorted(self.extra),
        }

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> Memory:
        """As it was written. Raises TypeError or ValueError."""
        due, last = mapping["due"], mapping["last"]
        return cls(
            times=str(mapping["times"]),
            last=None if last is None else float(last),
            due=None if due is None else Due(float(due[0]), float(due[1]), wall=True),
            skips={float(moment) for moment in mapping["skips"]},
            extra=[float(moment) for moment in mapping["extra"]],
        )


def read_state(path: Path) -> dict[str, Memory]:
    """What is remembered, by the entry's name. A file that cannot be read is nothing, and a line in the log."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["format"] != FORMAT:
            raise ValueError(f"format {found['format']}")
        return {name: Memory.from_mapping(item) for name, item in found["entries"].items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError) as exc:
        log.warning("scheduler.state_not_read", path=str(path), reason=str(exc))
        return {}


def write_state(path: Path, entries: Mapping[str, Mapping[str, Any]]) -> None:
    """Write the file as a whole, and rename it into place; `entries` are memories' mappings. Raises OSError."""
    fresh = path.with_name(f".{path.name}.new")
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
        json.dump({"format": FORMAT, "entries": entries}, out)
    os.replace(fresh, path)
