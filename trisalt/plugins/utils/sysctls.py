"""Kernel parameters: read and written below /proc/sys, and kept in files of sysctl.conf(5).

Used by `sysctl`.
"""

from __future__ import annotations

import os
from pathlib import Path

from trisalt.errors import CommandError

ROOT = Path("/proc/sys")
_HEAD = "#\n# Kernel sysctl configuration\n#\n"
# Reading these has the kernel complain that they are old names of others, or do something. sysctl(8) leaves them out.
_NOT_READ = ("base_reachable_time", "retrans_time", "stat_refresh")


def path_of(name: str) -> Path:
    """The file of a parameter: `net.ipv4.ip_forward` or `net/ipv4/ip_forward`, as sysctl(8) reads names.

    In a name with dots, a slash stands for a dot in a part: `net.ipv4.conf.eth0/100.forwarding`.
    """
    dot, slash = name.find("."), name.find("/")
    dotted = slash < 0 or 0 <= dot < slash
    parts = [part.replace("/", ".") for part in name.split(".")] if dotted else name.split("/")
    if not all(parts) or ".." in parts or "\0" in name:
        raise CommandError(f'sysctl: "{name}" is an unknown key')
    return ROOT.joinpath(*parts)


def get(name: str) -> str:
    """The value of a parameter. Raises CommandError in sysctl's words."""
    path = path_of(name)
    try:
        return path.read_text(encoding="utf-8", errors="replace").rstrip("\n")
    except FileNotFoundError:
        raise CommandError(f"sysctl: cannot stat {path}: No such file or directory") from None
    except OSError as exc:
        raise CommandError(f'sysctl: reading key "{name}": {exc.strerror}') from None


def set_(name: str, value: str) -> None:
    """Give a parameter a value. Raises CommandError in stock's words."""
    path = path_of(name)
    if not path.is_file():
        raise CommandError(f"sysctl {name} does not exist")
    try:
        with path.open("w", encoding="utf-8") as file:
            file.write(value + "\n")
    except OSError as exc:
        raise CommandError(f'sysctl -w failed: sysctl: setting key "{name}": {exc.strerror}') from None


def everything() -> dict[str, str]:
    """Every parameter that can be read, by its name with dots."""
    found = {}
    for folder, folders, files in os.walk(ROOT):
        folders.sort()
        for name in sorted(files):
            path = Path(folder, name)
            if name in _NOT_READ or not path.stat().st_mode & 0o444:
                continue
            try:
                text = path.read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue  # to be written only, or for one network alone
            parts = path.relative_to(ROOT).parts
            found[".".join(part.replace(".", "/") for part in parts)] = text.rstrip("\n")
    return found


def parse(text: str) -> dict[str, str]:
    """The parameters of a file of sysctl.conf(5)."""
    return {found[0]: found[1] for line in text.splitlines() if (found := _setting(line))}


def same(one: str, other: str) -> bool:
    """Whether two values are the same to the kernel, which reads any white space between numbers."""
    return str(one).split() == str(other).split()


def kept(text: str | None, name: str, value: str) -> str:
    """A file's text with a parameter in it, once: where it stands, or at the end. None is a file that is not there."""
    if text is None:
        text = _HEAD
    lines: list[str] = []
    fresh = [f"{name} = {value}"]
    for line in text.splitlines():
        found = _setting(line)
        if found and _same_name(found[0], name):
            lines += fresh
            fresh = []
        else:
            lines.append(line)
    return "".join(f"{line}\n" for line in lines + fresh)


def kept_value(text: str, name: str) -> str | None:
    """The value that a file has for a parameter, however its name is written; the last one counts."""
    found = [value for key, value in parse(text).items() if _same_name(key, name)]
    return found[-1] if found else None


def _same_name(key: str, name: str) -> bool:
    try:
        return path_of(key) == path_of(name)
    except CommandError:
        return False


def _setting(line: str) -> tuple[str, str] | None:
    line = line.strip()
    if not line or line[0] in "#;" or "=" not in line:
        return None
    name, _, value = line.partition("=")
    # A dash in front: no error if it cannot be set.
    return name.strip().removeprefix("-").strip(), value.strip()
