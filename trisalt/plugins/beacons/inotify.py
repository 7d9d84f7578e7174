"""Files and directories: an event for each change that the kernel tells of, by inotify(7).

beacons:
  inotify:
    - files:
        /etc/nginx:
          mask: [create, delete, close_write]
          recurse: True
          auto_add: True
          exclude:
            - /etc/nginx/cache
            - '.*\\.swp$':
                regex: True
    - disable_during_state_run: True
"""

from __future__ import annotations

import fnmatch
import re
from typing import Any

from trisalt.plugins.utils import inotifies
from trisalt.plugins.utils.beaconconfig import VALID, Verdict, flat, no_list

_DEFAULT = ("create", "delete", "modify")


def __virtual__() -> Any:
    if inotifies.there():
        return True
    return False, "inotify is not available on this system."


def validate(config: Any) -> Verdict:
    """
    `files`: paths, and for each `mask`, `recurse`, `auto_add` and `exclude`; `coalesce` for each change once.
    """
    wrong = no_list("inotify", config)
    if wrong:
        return wrong
    given = flat(config)
    if "files" not in given:
        return False, "Configuration for inotify beacon must include files."
    if not isinstance(given["files"], dict):
        return False, "Configuration for inotify beacon invalid, files must be a dict."
    for options in given["files"].values():
        if not isinstance(options, dict):
            return False, "Configuration for inotify beacon must be a list of dictionaries."
        if options and not any(key in options for key in ("mask", "recurse", "auto_add", "exclude")):
            return False, "Configuration for inotify beacon must contain mask, recurse or auto_add items."
        for key in ("auto_add", "recurse"):
            if not isinstance(options.get(key, False), bool):
                return False, f"Configuration for inotify beacon {key} must be boolean."
        mask = options.get("mask", [])
        if not isinstance(mask, list):
            return False, "Configuration for inotify beacon mask must be list."
        for word in mask:
            if word not in inotifies.MASKS:
                return False, f"Configuration for inotify beacon invalid mask option {word}."
        try:
            _excludes(options)
        except re.error as exc:
            return False, f"Configuration for inotify beacon: exclude: {exc}"
    return VALID


def beacon(config: Any) -> list[dict[str, Any]]:
    """
    What has changed since the last look: `path`, and `change`, such as `IN_MODIFY`. The tag is the directory, or the
    file that is watched by its own name. The first look begins to watch; a path that is not there yet is watched from
    when it is.
    """
    given = flat(config)
    watches = inotifies.held(__context__, _key(given), given["files"])
    changes = watches.changes()
    for root, options in given["files"].items():
        watches.watch(root, options.get("mask") or _DEFAULT, recurse=bool(options.get("recurse", False)))
    seen, told = [], set()
    for change in changes:
        options = given["files"].get(change.root, {})
        if options.get("auto_add") and change.is_new_directory:
            watches.add_below(change)
        if change.name not in inotifies.shown(options.get("mask") or _DEFAULT):
            continue
        if any(excludes(change.path) for excludes in _excludes(options)):
            continue
        if given.get("coalesce") and (change.path, change.shown) in told:
            continue
        told.add((change.path, change.shown))
        seen.append({"tag": change.told_by, "path": change.path, "change": change.shown})
    watches.tell_lost()
    return seen


def close(config: Any) -> None:
    """
    Watch nothing any more.
    """
    inotifies.let_go(__context__, _key(flat(config)))


def _key(given: dict[str, Any]) -> str:
    return f"inotify.{given.get('_beacon_name', 'inotify')}"


def _excludes(options: dict[str, Any]) -> list[Any]:
    """Functions of a path: whether it is left out."""
    found: list[Any] = []
    for item in options.get("exclude") or ():
        pattern, how = next(iter(item.items())) if isinstance(item, dict) else (item, None)
        if isinstance(how, dict) and how.get("regex"):
            found.append(re.compile(pattern).search)
        else:
            glob = re.compile(fnmatch.translate(str(pattern))).match
            found.append(lambda path, pattern=str(pattern), glob=glob: _below(path, pattern) or glob(path) is not None)
    return found


def _below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")
