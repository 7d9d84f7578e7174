"""Copies of trees by the program rsync.

/srv/app:
  rsync.synchronized:
    - source: /srv/release/
    - delete: True
"""

from __future__ import annotations

import os
from typing import Any

from trisalt.errors import TrisaltError
from trisalt.state.result import returned

# What rsync says besides the names of what it copies.
_ASIDE = ("sending ", "receiving ", "building ", "created directory ", "sent ", "total size ", "delta-transmission ")
_DELETING = "deleting "


def __virtual__() -> Any:
    if "rsync.rsync" in __salt__:
        return True
    return False, "rsync module could not be loaded"


def synchronized(
    name: str,
    source: str,
    delete: bool = False,
    force: bool = False,
    update: bool = False,
    passwordfile: str | None = None,
    exclude: Any = None,
    excludefrom: str | None = None,
    prepare: bool = False,
    dryrun: bool = False,
    additional_opts: Any = None,
) -> dict[str, Any]:
    """
    A folder has what the source has; with `prepare` it is made, and with `delete` it has nothing else.
    """
    trial = bool(__opts__["test"] or dryrun)
    try:
        if not os.path.exists(source) and not source.startswith("salt://") and ":" not in source:
            return returned(name, False, f"Source directory {source} was not found.")
        if prepare and not trial and not os.path.exists(name):
            os.makedirs(name)
        found = __salt__["rsync.rsync"](
            source, name, delete=delete, force=force, update=update, passwordfile=passwordfile, exclude=exclude,
            excludefrom=excludefrom, dryrun=trial, additional_opts=additional_opts,
        )  # fmt: skip
    except TrisaltError as exc:
        return returned(name, False, str(exc))
    except OSError as exc:
        return returned(name, False, f"Unable to make {name}: {exc.strerror or exc}")
    if found["retcode"]:
        # A trial has not made the folders that are there when it is done in earnest.
        if trial and prepare and not os.path.exists(name):
            return returned(name, None, f"Directory {name} will be made, and {source} copied to it", {"copied": source})
        return returned(name, False, found["stderr"] or found["stdout"])
    copied, deleted = _changed(found["stdout"])
    changes = (
        {"copied": "\n".join(copied) or "N/A", "deleted": "\n".join(deleted) or "N/A"} if copied or deleted else {}
    )
    return returned(name, None if trial and changes else True, _summary(found["stdout"]), changes)


def _changed(said: str) -> tuple[list[str], list[str]]:
    """The names that rsync told: of what it copied, and of what it deleted."""
    lines = [line for line in said.splitlines() if line and not line.startswith(_ASIDE)]
    deleted = sorted(line.removeprefix(_DELETING) for line in lines if line.startswith(_DELETING))
    return sorted(line for line in lines if not line.startswith(_DELETING)), deleted


def _summary(said: str) -> str:
    """The last two lines of what rsync said, part by part."""
    return "\n".join(f"- {part.strip()}" for line in said.splitlines()[-2:] for part in line.split("  "))
