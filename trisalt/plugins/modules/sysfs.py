"""Read and write the attributes that the kernel shows below /sys.

A key is a path below /sys, with or without it. What a key names by links and `..` has to lie below /sys.
"""

from __future__ import annotations

import logging
import os
import stat
from typing import Any

log = logging.getLogger(__name__)

_ROOT = "/sys"


def attr(key: str, value: Any = None) -> Any:
    """
    The value of an attribute, or where a link leads; with `value` it is set, and whether it was is returned.

    CLI Example:

        salt '*' sysfs.attr block/sda/queue/logical_block_size
    """
    path = target(key)
    if path is False:
        return False
    if value is not None:
        return write(key, value)
    return path if os.path.islink(_below(key)) else read(key)


def write(key: str, value: Any) -> bool:
    """
    Write an attribute, or give an action its word: whether the kernel took it.

    CLI Example:

        salt '*' sysfs.write devices/system/cpu/cpu0/cpufreq/scaling_governor 'performance'
    """
    path = target(key)
    if path is False:
        return False
    try:
        with open(path, "wb", buffering=0) as file:
            file.write(f"{value}\n".encode())
    except OSError as exc:
        log.error("%s cannot be written: %s", path, exc.strerror)
        return False
    return True


def read(key: Any, root: str = "") -> Any:
    """
    The value of an attribute, or those of a folder and of the folders in it. A list of keys is read below `root`, and
    those that have a value are returned. What is not there, is empty or cannot be read is False.

    CLI Example:

        salt '*' sysfs.read class/net/em1/statistics
    """
    if isinstance(key, list | tuple):
        found = {name: read(os.path.join(root, str(name))) for name in key} if root else {}
        return {name: value for name, value in found.items() if value is not False}
    path = target(os.path.join(root, key) if root else key)
    if path is False:
        return False
    return _tree(path) if os.path.isdir(path) else _value(path)


def target(key: str, full: bool = True) -> Any:
    """
    Where a key leads: the path without links, or its last part unless `full`. False when there is no such key.

    CLI Example:

        salt '*' sysfs.read class/ttyS0
    """
    path = os.path.realpath(_below(key))
    if not os.path.exists(path):
        log.error("Unkown SysFS key %s", key)
        return False
    if path != _ROOT and not path.startswith(f"{_ROOT}/"):
        log.error("%s is not below %s", key, _ROOT)
        return False
    return path if full else os.path.basename(path)


def interfaces(root: str) -> Any:
    """
    The attributes below a folder by what may be done with them: `r`, `w` and `rw`. Links are not followed.

    CLI Example:

        salt '*' sysfs.interfaces block/bcache0/bcache
    """
    top = target(root)
    if top is False or not os.path.isdir(top):
        log.error("SysFS %s not a dir", root)
        return False
    found: dict[str, list[str]] = {"r": [], "w": [], "rw": []}
    for folder, _folders, files in os.walk(top):
        for name in files:
            path = os.path.join(folder, name)
            mode = os.lstat(path).st_mode
            may = ("r" if mode & stat.S_IRUSR else "") + ("w" if mode & stat.S_IWUSR else "")
            if stat.S_ISREG(mode) and may:
                found[may].append(os.path.relpath(path, top))
    return found


def _below(key: str) -> str:
    text = str(key)
    return text if text == _ROOT or text.startswith(f"{_ROOT}/") else os.path.join(_ROOT, text.lstrip("/"))


def _value(path: str) -> Any:
    """A number where it is one. Actions cannot be read, and some attributes have no value while a device is off."""
    try:
        with open(path, "rb") as file:
            text = file.read().decode("utf-8", "replace").strip()
    except OSError:
        return False
    return __utils__["tool.number"](text) if text else False


def _tree(folder: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for entry in os.scandir(folder):
        if entry.is_symlink():
            continue
        value = _tree(entry.path) if entry.is_dir() else _value(entry.path)
        if value is not False and value != {}:
            found[entry.name] = value
    return found
