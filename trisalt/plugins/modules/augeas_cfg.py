"""Configuration files as trees, by augeas' own program augtool."""

from __future__ import annotations

import os
import re
from typing import Any

from trisalt.errors import CommandError

__virtualname__ = "augeas"

# A node as `match` prints it, and as `print` does.
_MATCHED = re.compile(r"(?P<path>/.*?) = (?P<value>.*)")
_PRINTED = re.compile(r'(?P<path>/.*?)(?: = "(?P<value>.*)")?')


def __virtual__() -> str:
    # Whether the program is there is looked at when it is needed: an earlier state may install it.
    return __virtualname__


def execute(
    context: str | None = None, lens: str | None = None, commands: Any = (), load_path: Any = None
) -> dict[str, Any]:
    """
    Do commands of augeas, all or none: `set`, `setm`, `mv`, `ins`, `rm`. `{retval, error}`.

    CLI Example:

        salt '*' augeas.execute /files/etc/redis/redis.conf commands='["set port 6380", "set maxmemory 1G"]'
    """
    try:
        __utils__["augtool.change"](list(commands), context=context, lens=lens, load_path=load_path)
    except CommandError as exc:
        return _failed(exc)
    return {"retval": True}


def get(path: str, value: str = "", load_path: Any = None) -> dict[str, Any]:
    """
    The value of a node; empty when it has none.

    CLI Example:

        salt '*' augeas.get /files/etc/hosts/1/ ipaddr
    """
    whole = f"{path.rstrip('/')}/{value.strip('/')}" if value else path.rstrip("/")
    try:
        return {whole: next(iter(_matches(whole, load_path).values()), "") or ""}
    except CommandError as exc:
        return _failed(exc)


def setvalue(*args: Any, **kwargs: Any) -> dict[str, Any]:
    """
    Set the values of nodes: a path, its value, and so on; below `prefix=`, if that is given.

    CLI Example:

        salt '*' augeas.setvalue /files/etc/hosts/1/canonical localhost
        salt '*' augeas.setvalue prefix=/files/etc/hosts 01/ipaddr 192.168.1.1 01/canonical test
    """
    words = [str(arg) for arg in args]
    prefix = str(kwargs.get("prefix") or next((word[7:] for word in words if word.startswith("prefix=")), "")).rstrip(
        "/"
    )
    words = [word for word in words if not word.startswith("prefix=")]
    if not words or len(words) % 2:
        raise CommandError("Uneven number of path/value arguments")
    pairs = zip(words[::2], words[1::2], strict=True)
    commands = [["set", f"{prefix}/{path.lstrip('/')}" if prefix else path, value] for path, value in pairs]
    try:
        __utils__["augtool.change"](commands)
    except CommandError as exc:
        return _failed(exc)
    return {"retval": True}


def match(path: str, value: str = "", load_path: Any = None) -> dict[str, Any]:
    """
    The nodes that a path expression fits, and their values; those of one value only.

    CLI Example:

        salt '*' augeas.match /files/etc/services/service-name ssh
    """
    try:
        found = _matches(path, load_path)
    except CommandError as exc:
        return _failed(exc)
    return {name: each for name, each in found.items() if not value or each == value}


def remove(path: str, load_path: Any = None) -> dict[str, Any]:
    """
    Remove nodes: how many there were, with all that is below them.

    CLI Example:

        salt '*' augeas.remove /files/etc/sysctl.conf/net.ipv4.conf.all.log_martians
    """
    try:
        count = len(_matches(path, load_path))
        if not count:
            return {"retval": 0, "error": "Invalid node"}
        __utils__["augtool.change"]([["rm", path]], load_path=load_path)
    except CommandError as exc:
        return _failed(exc)
    return {"retval": count}


def ls(path: str, load_path: Any = None) -> dict[str, Any]:
    """
    The nodes below one, and their values.

    CLI Example:

        salt '*' augeas.ls /files/etc/passwd
    """
    path = path.rstrip("/")
    try:
        return {name.removeprefix(f"{path}/"): value or "" for name, value in _matches(f"{path}/*", load_path).items()}
    except CommandError as exc:
        return _failed(exc)


def tree(path: str, load_path: Any = None) -> dict[str, Any]:
    """
    A node and all that is below it, with their values.

    CLI Example:

        salt '*' augeas.tree /files/etc/hosts
    """
    path = path.rstrip("/")
    said = __utils__["augtool.ask"](["print", path], load_path=load_path)
    found = {match["path"]: match["value"] for line in said.splitlines() if (match := _PRINTED.fullmatch(line))}
    return {name: _unquoted(value) for name, value in found.items()} or {path: None}


def _matches(path: str, load_path: Any) -> dict[str, str | None]:
    said = __utils__["augtool.ask"](["match", path], load_path=load_path)
    found = (match for line in said.splitlines() if (match := _MATCHED.fullmatch(line)))
    return {each["path"]: None if each["value"] == "(none)" else each["value"] for each in found}


def _unquoted(value: str | None) -> str | None:
    return (
        value
        if value is None
        else re.sub(r"\\(.)", lambda found: {"n": "\n", "t": "\t"}.get(found[1], found[1]), value)
    )


def _failed(exc: CommandError) -> dict[str, Any]:
    __context__["retcode"] = os.EX_OK + 1
    return {"retval": False, "error": str(exc)}
