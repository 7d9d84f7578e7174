"""Aliases of mail addresses: the file that the option `aliases.file` names."""

from __future__ import annotations

import re
import shutil
from typing import Any

from trisalt.errors import CommandError, InvocationError

__outputter__ = {
    "rm_alias": "txt", "has_target": "txt", "get_target": "txt", "set_target": "txt", "list_aliases": "yaml",
}  # fmt: skip

_LINE = re.compile(r"(?P<alias>[^:#]*?)\s*:\s*(?P<target>[^#]*?)(?P<rest>\s+#.*|\s*)")


def list_aliases() -> dict[str, str]:
    """
    The aliases and where each leads.

    CLI Example:

        salt '*' aliases.list_aliases
    """
    return {found["alias"].strip(): found["target"] for found in map(_parsed, _lines()) if found is not None}


def get_target(alias: str) -> str:
    """
    Where an alias leads; nothing for one that is not there.

    CLI Example:

        salt '*' aliases.get_target postmaster
    """
    return list_aliases().get(alias, "")


def has_target(alias: str, target: Any) -> bool:
    """
    Whether an alias leads there, and nowhere else.

    CLI Example:

        salt '*' aliases.has_target postmaster root
    """
    return get_target(alias) == _target(target)


def set_target(alias: str, target: Any) -> bool:
    """
    Have an alias lead somewhere: an address, or a list of them.

    CLI Example:

        salt '*' aliases.set_target postmaster root
    """
    if alias == "":
        raise InvocationError("alias can not be an empty string")
    wanted = _target(target)
    if re.search(r"[:#\n]", alias) or re.search(r"[#\n]", wanted):
        raise CommandError("An alias and its target are one line, without a comment")
    lines, found = [], False
    with __utils__["rewrite.locked"](_path()):
        for line in _lines():
            match = _parsed(line)
            if match is None or match["alias"].strip() != alias:
                lines.append(line)
                continue
            if not found:
                lines.append(f"{match['alias']}: {wanted}{match['rest']}")
            found = True
        if not found:
            lines.append(f"{alias}: {wanted}")
        _write(lines)
    return True


def rm_alias(alias: str) -> bool:
    """
    Remove an alias; nothing happens when it is not there.

    CLI Example:

        salt '*' aliases.rm_alias postmaster
    """
    with __utils__["rewrite.locked"](_path()):
        lines = _lines()
        kept = [line for line in lines if (match := _parsed(line)) is None or match["alias"].strip() != alias]
        if kept != lines:
            _write(kept)
    return True


def _target(target: Any) -> str:
    if target == "" or target == []:
        raise InvocationError("target can not be an empty string")
    return ", ".join(map(str, target)) if isinstance(target, list | tuple) else str(target)


def _path() -> str:
    return str(__salt__["config.option"]("aliases.file"))


def _lines() -> list[str]:
    return (__utils__["rewrite.read"](_path()) or "").splitlines()


def _parsed(line: str) -> Any:
    # A line that begins with white space goes on with the one before.
    return None if line[:1].isspace() or line.lstrip().startswith("#") else _LINE.fullmatch(line)


def _write(lines: list[str]) -> None:
    __utils__["rewrite.replace"](_path(), "".join(f"{line}\n" for line in lines))
    newaliases = shutil.which("newaliases")
    if newaliases and _path() == "/etc/aliases":
        __utils__["tool.succeeds"]([newaliases])
