"""`minion.d/_schedule.conf`: the entries that operators made, kept over a restart.

Written as a whole and renamed into place; read by `config/read` like any drop-in, since its top key is `schedule`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from trisalt.errors import ConfigError
from trisalt.scheduler.entry import Entry, Source, is_runtime

FILE_NAME = "_schedule.conf"


def persistable(entries: Iterable[Entry]) -> dict[str, dict[str, Any]]:
    """What goes into the file: operators' entries as they were written, without runtime fields."""
    return {
        entry.name: {key: value for key, value in entry.mapping.items() if not is_runtime(key)}
        for entry in entries
        if entry.source is Source.OPERATOR
    }


def write_schedule(
    path: Path, entries: Iterable[Entry], deleted: Iterable[str] = (), enabled: bool | None = None
) -> None:
    """Write the file, or remove it when there is nothing to keep. Blocking; raises ConfigError.

    `deleted` are entries of the configuration that are not to be there; `enabled` is what an operator said of the
    whole schedule.
    """
    schedule: dict[str, Any] = {**dict.fromkeys(deleted), **persistable(entries)}
    if enabled is not None:
        schedule["enabled"] = enabled
    write_mapping(path, schedule)


def write_mapping(path: Path, schedule: Mapping[str, Any]) -> None:
    """Write the file from plain data, or remove it when there is none. Blocking; raises ConfigError."""
    fresh = path.with_name(f".{path.name}.new")
    try:
        if not schedule:
            path.unlink(missing_ok=True)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        text = yaml.safe_dump({"schedule": dict(schedule)}, default_flow_style=False, sort_keys=True)
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
            out.write(text)
        os.replace(fresh, path)
    except (OSError, yaml.YAMLError) as exc:
        raise ConfigError(f"the schedule cannot be kept in {path}: {exc}") from exc


def read_schedule(path: Path) -> dict[str, Any]:
    """What the file holds, perhaps with `enabled`; empty when there is none. Blocking; raises ConfigError."""
    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as exc:
        raise ConfigError(f"the schedule in {path} cannot be read: {exc}") from exc
    schedule = (loaded or {}).get("schedule", {}) if isinstance(loaded, Mapping | None) else None
    if not isinstance(schedule, Mapping):
        raise ConfigError(f"{path} holds no schedule mapping")
    return {str(name): mapping for name, mapping in schedule.items()}
