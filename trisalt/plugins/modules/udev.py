"""What udev knows of the devices of this host."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from typing import Any

from trisalt.errors import CommandError


def __virtual__() -> Any:
    if shutil.which("udevadm"):
        return True
    return False, "The udev execution module failed to load: the udevadm binary is not in the path"


def info(dev: str) -> dict[str, Any]:
    """
    All that udev knows of a device, by the letters that udevadm shows it with. `E` is its environment.

    CLI Example:

        salt '*' udev.info /dev/sda
        salt '*' udev.info /sys/class/net/eth0
    """
    by_path = ("/sys/", "/devices/")
    option = "--path" if str(dev).startswith(by_path) else "--name"
    found = __utils__["tool.run"](["udevadm", "info", "--export", "--query=all", f"{option}={dev}"])
    if found["retcode"]:
        raise CommandError(found["stderr"] or f"retcode {found['retcode']}")
    return _record(found["stdout"].splitlines())


def env(dev: str) -> Any:
    """
    The environment that udev's rules see for a device.

    CLI Example:

        salt '*' udev.env /dev/sda
        salt '*' udev.env /sys/class/net/eth0
    """
    return info(dev).get("E")


def name(dev: str) -> Any:
    """
    The name of a device below /dev.

    CLI Example:

        salt '*' udev.name /dev/sda
    """
    return info(dev).get("N")


def path(dev: str) -> Any:
    """
    The path of a device below /sys.

    CLI Example:

        salt '*' udev.path /dev/sda
        salt '*' udev.path /sys/class/net/eth0
    """
    return info(dev).get("P")


def links(dev: str) -> Any:
    """
    The links that udev has made for a device below /dev.

    CLI Example:

        salt '*' udev.links /dev/sda
    """
    return info(dev).get("S")


def exportdb(subsystems: Any = None) -> list[dict[str, Any]]:
    """
    All that udev knows, a map for each device; of these subsystems only where a list of them is given.

    CLI Example:

        salt '*' udev.exportdb
        salt '*' udev.exportdb subsystems='[usb, block]'
    """
    if subsystems is not None and not isinstance(subsystems, list):
        raise CommandError("subsystems must be a list")
    text = __utils__["tool.checked"](["udevadm", "info", "--export-db"], "Unable to ask udev")
    # Each device is a paragraph.
    found = [_record(part.splitlines()) for part in text.split("\n\n") if part.strip()]
    return [one for one in found if not subsystems or one.get("E", {}).get("SUBSYSTEM") in subsystems]


def _record(lines: Iterable[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for line in lines:
        letter, _colon, value = line.partition(": ")
        if letter == "E":
            key, _equals, text = value.partition("=")
            found.setdefault("E", {})[key] = _number(text)
        elif letter == "S":
            found.setdefault("S", []).append(value)
        elif letter:
            found[letter] = value
    return found


def _number(text: str) -> Any:
    try:
        return int(text)
    except ValueError:
        return text
