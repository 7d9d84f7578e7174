"""`-V`: the versions of what trisalt is made of and runs on, as stock's report lays them out."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from trisalt import SALT_VERSION, __version__

DEPENDENCIES = ("attrs", "cryptography", "Jinja2", "msgpack", "psutil", "PyYAML", "pyzmq", "structlog", "trio")


def report() -> str:
    """The whole report, a name and a version a line."""
    sections = {
        "Salt Version": {"Salt": SALT_VERSION, "trisalt": __version__},
        "Python Version": {"Python": platform.python_version()},
        "Dependency Versions": {name: _version(name) for name in DEPENDENCIES},
        "System Versions": {
            "dist": _distribution(),
            "machine": platform.machine(),
            "release": platform.release(),
            "system": platform.system(),
        },
    }
    lines = []
    for title, rows in sections.items():
        lines += [f"{title}:", *(f"{name:>21}: {value}" for name, value in rows.items()), " "]
    return "\n".join(lines)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "Not Installed"


def _distribution() -> str:
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return "Linux"
    words = (release.get("ID", ""), release.get("VERSION_ID", ""), release.get("VERSION_CODENAME", ""))
    return " ".join(filter(None, words))
