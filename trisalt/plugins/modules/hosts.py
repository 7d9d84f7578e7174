"""Manage the hosts file: the one that the option `hosts.file` names."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any

from trisalt.errors import CommandError


def list_hosts() -> dict[str, Any]:
    """
    The addresses with their names and comments, `{ip: {aliases: [...]}}`; lines of comment are `comment-N`.

    CLI Example:

        salt '*' hosts.list_hosts
    """
    return __utils__["hostsfile.parse"](_read())


def get_ip(host: str) -> str:
    """
    The address of a name; empty when there is none.

    CLI Example:

        salt '*' hosts.get_ip localhost
    """
    found = (ip for ip, entry in list_hosts().items() if isinstance(entry, dict) and host in entry["aliases"])
    return next(found, "") if host else ""


def get_alias(ip: str) -> list[str]:
    """
    The names of an address, in their order.

    CLI Example:

        salt '*' hosts.get_alias 127.0.0.1
    """
    entry = list_hosts().get(ip)
    return entry["aliases"] if isinstance(entry, dict) else []


def has_pair(ip: str, alias: Any) -> bool:
    """
    Whether an address has a name, or each of a list.

    CLI Example:

        salt '*' hosts.has_pair 127.0.0.1 localhost
    """
    wanted = alias if isinstance(alias, list) else [alias]
    known = get_alias(ip)
    return bool(known) and all(name in known for name in wanted)


def set_host(ip: str, alias: Any, comment: str | None = None) -> bool:
    """
    Have an address stand with these names alone; without a name it goes.

    CLI Example:

        salt '*' hosts.set_host 10.0.0.5 'web1 web1.example.org'
    """
    wanted = _names(alias)
    if wanted:
        _address(ip)
    told = _comment(comment)
    return _change(lambda text: __utils__["hostsfile.with_only"](text, ip, wanted, told))


def rm_host(ip: str, alias: Any) -> bool:
    """
    Take a name, or each of a list, from an address; an address without one goes.

    CLI Example:

        salt '*' hosts.rm_host 10.0.0.5 web1
    """
    wanted = _names(alias)
    return _change(lambda text: __utils__["hostsfile.without"](text, ip, wanted))


def add_host(ip: str, alias: Any) -> bool:
    """
    Give an address a name beside those that it has.

    CLI Example:

        salt '*' hosts.add_host 10.0.0.5 web1
    """
    wanted = _names(alias)
    if not wanted:
        raise CommandError("There is no name to add")
    _address(ip)
    return _change(lambda text: __utils__["hostsfile.with_added"](text, ip, wanted))


def set_comment(ip: str, comment: str) -> bool:
    """
    Set the comment of an address; false when the address is not there.

    CLI Example:

        salt '*' hosts.set_comment 10.0.0.5 'the web server'
    """
    told = _comment(comment)
    if not isinstance(list_hosts().get(ip), dict):
        return False
    return _change(lambda text: __utils__["hostsfile.with_comment"](text, ip, told))


def _names(alias: Any) -> list[str]:
    words = [str(word) for word in alias] if isinstance(alias, list | tuple) else [str(alias)]
    found = [name for word in words for name in word.split()]
    if any("#" in name for name in found):
        raise CommandError(f"A name of a host holds no '#': {alias!r}")
    return found


def _address(ip: str) -> None:
    try:
        ipaddress.ip_address(ip)
    except ValueError as exc:
        raise CommandError(str(exc)) from None


def _comment(comment: str | None) -> str:
    if comment is not None and "\n" in str(comment):
        raise CommandError("A comment in the hosts file is one line")
    return "" if comment is None else str(comment).strip()


def _path() -> str:
    return __salt__["config.option"]("hosts.file") or "/etc/hosts"


def _read() -> str:
    return __utils__["rewrite.read"](_path()) or ""


def _change(change: Callable[[str], str]) -> bool:
    path = _path()
    with __utils__["rewrite.locked"](path):
        text = _read()
        fresh = change(text)
        if fresh != text:
            __utils__["rewrite.replace"](path, fresh)
    return True
