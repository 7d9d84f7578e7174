"""File systems of block devices, and what the kernel does with these.

/dev/sdb1:
  blockdev.formatted:
    - fs_type: xfs
  blockdev.tuned:
    - read-ahead: 1024
"""

from __future__ import annotations

import os
import stat
from typing import Any

from trisalt.errors import TrisaltError
from trisalt.plugins.utils.statehelp import accepted
from trisalt.state.result import returned

# What `blockdev` tells of an option, which it sets by another name. Source: stock Salt 3008.3.
_TOLD = {"read-ahead": "getra", "filesystem-read-ahead": "getfra", "read-only": "getro", "read-write": "getro"}


def __virtual__() -> Any:
    if "disk.tune" in __salt__:
        return True
    return False, "disk module could not be loaded"


def tuned(name: str, **kwargs: Any) -> dict[str, Any]:
    """
    A block device has these options: `read-ahead` and `filesystem-read-ahead` in sectors, `read-only` or `read-write`.
    """
    if not _is_block_device(name):
        return returned(name, False, f"Changes to {name} cannot be applied. Not a block device.")
    wanted = {key: value for key, value in kwargs.items() if not key.startswith("__")}
    unknown = [f"{key}={value}" for key, value in wanted.items() if key not in _TOLD]
    if unknown:
        return returned(name, False, f"Invalid keyword arguments: {', '.join(unknown)}")
    if not all(wanted[key] is True for key in ("read-only", "read-write") if key in wanted):
        return returned(name, False, "The options read-only and read-write have no value but True")
    if "read-only" in wanted and "read-write" in wanted:
        return returned(name, False, "A device is either read-only or read-write")
    before = _told(name, wanted)
    if before is None:
        return returned(name, False, f"Unable to ask for the options of {name}")
    differing = {key: value for key, value in wanted.items() if before[key] != str(value)}
    if not differing:
        return returned(name, True, f"Block device {name} already in correct state")
    changes = {key: f"Changed from {before[key]} to {value}" for key, value in differing.items()}
    if __opts__["test"]:
        return returned(name, None, f"Changes to {name} will be applied ", changes)
    try:
        __salt__["disk.tune"](name, **differing)
    except TrisaltError as exc:
        return returned(name, False, f"Failed to modify block device {name}: {exc}")
    after = _told(name, differing) or {}
    refused = [key for key, value in differing.items() if after.get(key) != str(value)]
    if refused:
        done = {key: text for key, text in changes.items() if key not in refused}
        return returned(name, False, f"Failed to modify block device {name}: {', '.join(refused)}", done)
    return returned(name, True, f"Block device {name} successfully modified ", changes)


def formatted(name: str, fs_type: str = "ext4", force: bool = False, **kwargs: Any) -> dict[str, Any]:
    """
    A device holds a file system of this type; what else is on it is lost. What `disk.format` takes is taken, and
    `force` is given to ext and xfs.
    """
    if not os.path.exists(name):
        return returned(name, False, f"{name} does not exist")
    current = __salt__["disk.fstype"](name)
    if current == fs_type:
        return returned(name, True, f"{name} already formatted with {fs_type}")
    if not __salt__["cmd.which"](f"mkfs.{fs_type}"):
        return returned(name, False, f"Invalid fs_type: {fs_type}")
    format_ = __salt__["disk.format"]
    given = {key: value for key, value in kwargs.items() if not key.startswith("__")}
    taken = accepted(format_, given, given)
    if set(given) - set(taken):
        return returned(name, False, f"disk.format takes no {', '.join(sorted(set(given) - set(taken)))}")
    changes = {"new": fs_type, "old": current}
    if __opts__["test"]:
        return returned(name, None, f"Changes to {name} will be applied ", changes)
    try:
        made = format_(name, fs_type=fs_type, force=force, **taken)
    except TrisaltError as exc:
        return returned(name, False, f"Failed to format {name}: {exc}")
    if not made or __salt__["disk.fstype"](name) != fs_type:
        return returned(name, False, f"Failed to format {name}")
    return returned(name, True, f"{name} has been formatted with {fs_type}", changes)


def _is_block_device(path: str) -> bool:
    try:
        return stat.S_ISBLK(os.stat(path).st_mode)
    except OSError:
        return False


def _told(device: str, options: Any) -> dict[str, str] | None:
    """What is so of each option, in the words that a state has for it; None where the kernel does not say."""
    found = __salt__["disk.dump"](device, sorted({_TOLD[key] for key in options}))
    if not options:
        return {}
    if not found:
        return None
    told = {}
    for key in options:
        value = found.get(_TOLD[key], "")
        told[key] = value if key.endswith("ahead") else str((value == "1") == (key == "read-only"))
    return told
