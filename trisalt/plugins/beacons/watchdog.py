"""What happens in directories: an event for each file or directory that is created, modified, deleted or moved.

beacons:
  watchdog:
    - directories:
        /path/to/dir:
          mask:
            - create
            - modify
            - delete
            - move
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from trisalt.plugins.utils import inotifies
from trisalt.plugins.utils.beaconconfig import VALID, Verdict, flat, no_list

# The words of a mask, and what the event is called.
_CHANGES = {"create": "created", "modify": "modified", "delete": "deleted", "move": "moved"}
_WATCHED = ("create", "modify", "close_write", "delete", "moved_from", "moved_to")


def __virtual__() -> Any:
    if inotifies.there():
        return True
    return False, "The watchdog beacon cannot be loaded: inotify is not available on this system."


def validate(config: Any) -> Verdict:
    """
    `directories`: paths, and for each a `mask` of `create`, `modify`, `delete` and `move`.
    """
    wrong = no_list("watchdog", config)
    if wrong:
        return wrong
    given = flat(config)
    if "directories" not in given:
        return False, "Configuration for watchdog beacon must include directories."
    if not isinstance(given["directories"], dict):
        return False, "Configuration for watchdog beacon directories must be a dictionary."
    for options in given["directories"].values():
        if not isinstance(options, dict):
            return False, "Configuration for watchdog beacon directory path must be a dictionary."
        mask = options.get("mask", [])
        if not isinstance(mask, list):
            return False, "Configuration for watchdog beacon mask must be list."
        if not all(word in _CHANGES for word in mask):
            return False, "Configuration for watchdog beacon contains invalid mask"
    return VALID


def beacon(config: Any) -> list[dict[str, Any]]:
    """
    What has happened since the last look: `path`, and `change`. A directory in which something comes, goes or was
    written is modified itself. The first look begins to watch; what lies deeper is not watched.
    """
    given = flat(config)
    watches = inotifies.held(__context__, _key(given), given["directories"])
    changes = watches.changes()
    for root in given["directories"]:
        watches.watch(root, _WATCHED, recurse=False)
    seen: list[dict[str, Any]] = []
    for root, path, change in _happened(changes):
        mask = given["directories"].get(root, {}).get("mask") or list(_CHANGES)
        event = {"tag": given.get("_beacon_name", "watchdog"), "path": path, "change": change}
        if change in (_CHANGES[word] for word in mask) and event not in seen[-1:]:
            seen.append(event)
    watches.tell_lost()
    return seen


def close(config: Any) -> None:
    """
    Watch nothing any more.
    """
    inotifies.let_go(__context__, _key(flat(config)))


def _key(given: dict[str, Any]) -> str:
    return f"watchdog.{given.get('_beacon_name', 'watchdog')}"


def _happened(changes: Iterable[inotifies.Change]) -> Iterator[tuple[str, str, str]]:
    """The directory that is watched, the path, and what happened to it."""
    moved: inotifies.Change | None = None
    for change in changes:
        if moved is not None:
            # The kernel tells of both ends of a move one after the other; one that has no other end left.
            came = change.name == "moved_to"
            yield moved.root, moved.path, "moved" if came else "deleted"
            yield moved.root, moved.root, "modified"
            moved = None
            if came:
                continue
        match change.name:
            case "moved_from":
                moved = change
            case "create" | "moved_to":
                yield change.root, change.path, "created"
                yield change.root, change.root, "modified"
            case "delete":
                yield change.root, change.path, "deleted"
                yield change.root, change.root, "modified"
            case "modify":
                yield change.root, change.path, "modified"
            case "close_write":
                yield change.root, change.root, "modified"
    if moved is not None:
        yield moved.root, moved.path, "deleted"
        yield moved.root, moved.root, "modified"
