"""The layout of this host's keyboard, on its consoles and in X.

By `localectl` where systemd has it; elsewhere by the file that distributions keep the layout in, and by `setxkbmap`
for X.
"""

from __future__ import annotations

import re
import shutil
from typing import Any

from trisalt.errors import CommandError

_LAYOUT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.,:()/+-]*")
_FILES = {"RedHat": ("/etc/vconsole.conf", "KEYMAP"), "Gentoo": ("/etc/conf.d/keymaps", "keymap")}
_DEBIAN = ("/etc/default/keyboard", "XKBLAYOUT")


def __virtual__() -> Any:
    if any(map(shutil.which, ("localectl", "setxkbmap"))):
        return True
    return False, "The keyboard exeuction module cannot be loaded: only works on systems with localectl or setxkbmap."


def get_sys() -> str:
    """
    The keyboard layout of the consoles.

    CLI Example:

        salt '*' keyboard.get_sys
    """
    if shutil.which("localectl"):
        return _told(_status(), "VC Keymap")
    path, key = _file()
    found = re.search(rf"^\s*{key}=(.*)$", __utils__["rewrite.read"](path) or "", re.MULTILINE)
    return found[1].strip().strip("\"'") if found else ""


def set_sys(layout: str) -> str:
    """
    Set the keyboard layout of the consoles, and return it.

    CLI Example:

        salt '*' keyboard.set_sys dvorak
    """
    layout = _named(layout)
    if shutil.which("localectl"):
        __utils__["tool.checked"](["localectl", "set-keymap", layout], f"Unable to set the layout {layout}")
        return layout
    path, key = _file()
    with __utils__["rewrite.locked"](path):
        text = __utils__["rewrite.read"](path) or ""
        line = re.compile(rf"^\s*{key}=.*$", re.MULTILINE)
        fresh = line.sub(lambda _found: f"{key}={layout}", text) if line.search(text) else f"{text}{key}={layout}\n"
        __utils__["rewrite.replace"](path, fresh)
    return layout


def get_x() -> str:
    """
    The keyboard layout of X.

    CLI Example:

        salt '*' keyboard.get_x
    """
    if shutil.which("setxkbmap"):
        asked = __utils__["tool.checked"](["setxkbmap", "-query"], "Unable to ask X for its layout")
        return _told(asked, "layout")
    return _told(_status(), "X11 Layout")


def set_x(layout: str) -> str:
    """
    Set the keyboard layout of X, and return it.

    CLI Example:

        salt '*' keyboard.set_x dvorak
    """
    layout = _named(layout)
    __utils__["tool.checked"](["setxkbmap", layout], f"Unable to set the layout {layout}")
    return layout


def _status() -> str:
    return str(__utils__["tool.checked"](["localectl", "status"], "Unable to ask for the layout"))


def _told(text: str, key: str) -> str:
    found = re.search(rf"^\s*{key}:\s*(\S.*?)\s*$", text, re.MULTILINE)
    return found[1] if found else ""


def _file() -> tuple[str, str]:
    return _FILES.get(__grains__.get("os_family", ""), _DEBIAN)


def _named(layout: Any) -> str:
    if not _LAYOUT.fullmatch(str(layout)):
        raise CommandError(f"{layout!r} is no name of a keyboard layout")
    return str(layout)
