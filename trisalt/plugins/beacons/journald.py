"""Entries of systemd's journal: an event for each new one whose fields are as given.

beacons:
  journald:
    - services:
        sshd:
          SYSLOG_IDENTIFIER: sshd
          PRIORITY: 6
"""

from __future__ import annotations

import datetime
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any

from trisalt.errors import CommandError
from trisalt.plugins.utils.beaconconfig import VALID, Verdict, flat, no_list

# So many entries are read at one look; the rest at the next.
_MOST = 10_000
_NUMBERS = frozenset(
    {
        *("PRIORITY", "ERRNO", "CODE_LINE", "LEADER", "SYSLOG_FACILITY", "SYSLOG_PID", "EXIT_STATUS", "SESSION_ID"),
        *("USERSPACE_USEC", "INITRD_USEC", "KERNEL_USEC", "OBJECT_PID", "OBJECT_UID", "OBJECT_GID"),
        *("_PID", "_UID", "_GID", "_AUDIT_SESSION", "_AUDIT_LOGINUID", "_SYSTEMD_OWNER_UID"),
    }
)
_READ = ["journalctl", "--output=json", "--all", "--quiet", "--no-pager"]


def __virtual__() -> Any:
    if shutil.which("journalctl"):
        return True
    return False, "The journald beacon cannot be loaded: journalctl is not installed."


def validate(config: Any) -> Verdict:
    """
    `services`: names, and for each the fields of an entry with their values.
    """
    wrong = no_list("journald", config)
    if wrong:
        return wrong
    services = flat(config).get("services") or {}
    if not isinstance(services, dict) or not all(isinstance(fields, dict) for fields in services.values()):
        return False, "Services configuration for journald beacon must be a list of dictionaries."
    return VALID


def beacon(config: Any) -> list[dict[str, Any]]:
    """
    Each entry that is new since the last look and fits one of `services`, whose name is the tag. The first look only
    notes where the journal ends.
    """
    given = flat(config)
    key = f"journald.{given.get('_beacon_name', 'journald')}"
    if key not in __context__:
        __context__[key] = next((entry["__CURSOR"] for entry in _entries("--lines=1")), "")
        return []
    cursor = __context__[key]
    seen = []
    for entry in _entries(*([f"--after-cursor={cursor}"] if cursor else [])):
        __context__[key] = entry["__CURSOR"]
        for name, fields in (given.get("services") or {}).items():
            if all(field in entry and str(entry[field]) == str(value) for field, value in fields.items()):
                seen.append({**_told(entry), "tag": name})
    return seen


def _entries(*words: str) -> Iterator[dict[str, Any]]:
    """Entries as journalctl prints them, the oldest first."""
    process = subprocess.Popen([*_READ, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    with process:
        try:
            for number, line in enumerate(process.stdout):
                if number == _MOST:
                    break
                yield json.loads(line)
        except ValueError as exc:
            raise CommandError("journalctl did not answer in JSON") from exc
        finally:
            if process.poll() is None:
                # It may have more to tell than was asked for.
                os.kill(process.pid, signal.SIGTERM)
        said = process.stderr.read().decode("utf-8", "replace").strip()
    if process.returncode not in (0, -signal.SIGTERM):
        raise CommandError(f"journalctl: {said or process.returncode}")


def _told(entry: Mapping[str, Any]) -> dict[str, Any]:
    """An entry whose numbers are numbers, and whose times can be read."""
    told = {key: _value(key, value) for key, value in entry.items()}
    when = entry.get("__REALTIME_TIMESTAMP")
    if isinstance(when, str) and when.isdigit():
        moment = datetime.datetime.fromtimestamp(int(when) / 1_000_000)
        told["__REALTIME_TIMESTAMP"] = moment.strftime("%Y%m%dT%H:%M:%S.%f")
    return told


def _value(key: str, value: Any) -> Any:
    if isinstance(value, list):
        if value and all(isinstance(each, int) for each in value):
            # Bytes that are no text.
            return bytes(each & 0xFF for each in value).decode("utf-8", "replace")
        return [_value(key, each) for each in value]
    if key in _NUMBERS and isinstance(value, str) and value.lstrip("-").isdigit():
        return int(value)
    return value
