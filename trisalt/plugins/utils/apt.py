"""How apt and dpkg are run: their environment, patience with their locks, and reading what they print.

Used by the files of `pkg` and `lowpkg` on Debian and its kin.
"""

from __future__ import annotations

import logging
import re
import time
from typing import Any

from trisalt.errors import CommandError

log = logging.getLogger(__name__)

# Nobody is there to answer a question.
ENVIRONMENT = {
    "DEBIAN_FRONTEND": "noninteractive",
    "APT_LISTCHANGES_FRONTEND": "none",
    "APT_LISTBUGS_FRONTEND": "none",
    "UCF_FORCE_CONFFOLD": "1",
}
LOCK_TIMEOUT = 120
_LOCKED = re.compile(r"Could not get lock|Unable to acquire the dpkg frontend lock|lock was locked by another process")
_LONGEST_PAUSE = 8
# `Hit:1 http://deb.example.org/debian bookworm InRelease`, with a size in brackets or parentheses at the end.
_FETCH = re.compile(r"(Hit|Get|Ign|Err):?\d*\s+(.*?)(?:\s+\[[^]]*\]|\s+\([^)]*\))?")
_SIMULATED = re.compile(r"Inst (\S+) (?:\[\S+\] )?\((\S+)")


def run(
    words: list[str],
    *,
    scope: bool = False,
    stdin: str | None = None,
    ignore_retcode: bool = False,
) -> dict[str, Any]:
    """`cmd.run_all` of apt or dpkg; while somebody else holds a lock it is tried again, for `apt.lock_timeout` seconds.

    With `scope` it is a change, and runs in a scope of its own where systemd does.
    """
    argv = __utils__["systemd.scoped"](words, "--description", "trisalt packages") if scope else words
    patience = __salt__["config.get"]("apt.lock_timeout", LOCK_TIMEOUT)
    deadline = time.monotonic() + float(patience)
    pause = 1.0
    while True:
        found = __salt__["cmd.run_all"](argv, python_shell=False, env=ENVIRONMENT, stdin=stdin, ignore_retcode=True)
        left = deadline - time.monotonic()
        if not found["retcode"] or not _LOCKED.search(found["stderr"]) or left <= 0:
            break
        log.warning("Waiting for dpkg lock release: retrying for another %d seconds", left)
        time.sleep(min(pause, left))
        pause = min(pause * 2, _LONGEST_PAUSE)
    if found["retcode"] and not ignore_retcode:
        log.error("Command '%s' failed with return code: %s", words[0], found["retcode"])
    return found


def must(words: list[str], stdin: str | None = None) -> dict[str, Any]:
    """`run`, which has to succeed."""
    found = run(words, stdin=stdin)
    if found["retcode"]:
        raise CommandError(f"{words[0]} failed: {__utils__['packages.said'](found)}")
    return found


def directory(item: str, otherwise: str) -> str:
    """Where apt keeps something: its own configuration may say so."""
    found = __salt__["cmd.run_all"](["apt-config", "shell", "X", item], python_shell=False, ignore_retcode=True)
    match = re.fullmatch(r"X='(.+)'", found["stdout"].strip())
    return match[1] if match else otherwise


def fetched(text: str) -> tuple[dict[str, bool | None], list[str]]:
    """What `apt-get update` did by source: True where it fetched, None where nothing was new, False where it did not.

    And those that failed; what a repository need not have is False too, and no failure.
    """
    found: dict[str, bool | None] = {}
    failures: list[str] = []
    for line in text.splitlines():
        match = _FETCH.fullmatch(line.strip())
        if match:
            found[match[2]] = {"Hit": None, "Get": True}.get(match[1], False)
            if match[1] == "Err":
                failures.append(match[2])
    return found, failures


def simulated(text: str) -> dict[str, str]:
    """What `apt-get --just-print` would install: `{name: version}`."""
    return {match[1]: match[2] for line in text.splitlines() if (match := _SIMULATED.match(line))}


def policies(text: str) -> dict[str, tuple[str, str]]:
    """From `apt-cache policy`: `{name: (installed, candidate)}`, empty where there is none."""
    found: dict[str, tuple[str, str]] = {}
    name, installed = "", ""
    for line in text.splitlines():
        if line and not line[0].isspace() and line.endswith(":"):
            name, installed = line[:-1], ""
        key, _, value = line.strip().partition(": ")
        value = "" if value.strip() == "(none)" else value.strip()
        if key == "Installed":
            installed = value
        elif key == "Candidate":
            found[name] = (installed, value)
    return found


def stanzas(text: str) -> list[dict[str, str]]:
    """The records of `apt-cache show`: field to value, whose further lines are kept with their indent."""
    found: list[dict[str, str]] = []
    record: dict[str, str] = {}
    field = ""
    for line in [*text.splitlines(), ""]:
        if not line.strip():
            if record:
                found.append(record)
            record, field = {}, ""
        elif line[0].isspace():
            if field:
                record[field] += f"\n{line}"
        else:
            field, _, value = line.partition(":")
            record[field] = value.strip()
    return found


def selections(text: str) -> dict[str, list[str]]:
    """What `dpkg --get-selections` prints, by state."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        name, _, state = line.partition("\t")
        if state.strip():
            found.setdefault(state.strip(), []).append(name.strip())
    return found
