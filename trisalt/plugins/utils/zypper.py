"""How zypper is run: patience with its lock, its exit statuses, and its answers in XML; for the shelf `pkg`."""

from __future__ import annotations

import logging
import shutil
import time
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from typing import Any

from trisalt.errors import CommandError

log = logging.getLogger(__name__)

# Exit statuses that say what was found, and no failure. Source: zypper(8).
FINE = {0, 100, 101, 102, 103, 106}
_LOCKED, NOTHING = 7, 104
_PAUSE = 5


def virtual(grains: Mapping[str, Any]) -> Any:
    """What `__virtual__` of each file of zypper's `pkg` says."""
    if grains.get("os_family") != "Suse":
        return False, "Module zypper: non SUSE OS not supported by zypper package manager"
    if shutil.which("zypper") is None:
        return False, "Module zypper: zypper package manager not found"
    return "pkg"


def run(
    words: list[str],
    *,
    xml: bool = False,
    refresh: bool = False,
    change: bool = False,
    skip_verify: bool = False,
    ignore_repo_failure: bool = False,
) -> dict[str, Any]:
    """zypper, without a question. While another has its lock it is tried again, for `zypper.lock_timeout` seconds."""
    argv = [
        "zypper", "--non-interactive", *(["--xmlout"] if xml else []), *(["--no-gpg-checks"] if skip_verify else []),
        *([] if refresh else ["--no-refresh"]), *words,
    ]  # fmt: skip
    if change:
        argv = __utils__["systemd.scoped"](argv)
    fine = FINE if ignore_repo_failure else FINE - {106}
    deadline = time.monotonic() + float(__salt__["config.get"]("zypper.lock_timeout", 120))
    while True:
        found = __salt__["cmd.run_all"](argv, python_shell=False, ignore_retcode=True)
        left = deadline - time.monotonic()
        if found["retcode"] != _LOCKED or left <= 0:
            break
        log.warning("Waiting for zypper's lock: retrying for another %d seconds", left)
        time.sleep(min(_PAUSE, left))
    if found["retcode"] not in fine and found["retcode"] != NOTHING:
        log.error("Command 'zypper' failed with return code: %s", found["retcode"])
    return found


def must(words: list[str]) -> dict[str, Any]:
    """zypper, which has to succeed. Raises CommandError with what it said."""
    found = run(words)
    if found["retcode"] not in FINE:
        raise CommandError(failure(found))
    return found


def xml(words: list[str], nothing: int = NOTHING) -> ET.Element:
    """What zypper says as XML. `nothing` is the exit status that says there is nothing."""
    found = run(words, xml=True)
    try:
        root = ET.fromstring(found["stdout"])
    except ET.ParseError:
        raise CommandError(failure(found)) from None
    if found["retcode"] not in FINE and found["retcode"] != nothing:
        errors = [(row.text or "").strip() for row in root.iter("message") if row.get("type") == "error"]
        raise CommandError(f"Zypper command failure: {' '.join(errors) or found['retcode']}")
    return root


def failure(found: Mapping[str, Any]) -> str:
    """What to tell of a run that failed."""
    return f"Zypper command failure: {found['stderr']}{found['stdout']}".strip()
