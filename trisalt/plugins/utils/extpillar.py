"""What external pillars share: a command's output with the minion's id in it, the minion's nodegroups, a web page."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from trisalt.errors import CommandError, TargetError
from trisalt.fileserver import web
from trisalt.sls.failure import SlsError
from trisalt.target.match import matches

log = logging.getLogger(__name__)

# What no shell reads as anything but itself, whatever quotes the operator has put around it.
_HARMLESS = re.compile(r"[A-Za-z0-9_.@:+=,-]+")
_GRAIN = re.compile(r"<(.*?)>")


def output(minion_id: str, command: Any) -> str:
    """What a command line of the configuration prints, run by the shell, with the minion's id for each `%s`.

    Raises CommandError for what is no command line, and for an id that the shell would not take as a word.
    """
    if not isinstance(command, str):
        raise CommandError("The command must be a string")
    if "%s" in command:
        if not _HARMLESS.fullmatch(minion_id):
            raise CommandError(f"The minion id {minion_id!r} cannot stand in a command")
        command = command.replace("%s", minion_id)
    printed: str = __salt__["cmd.run_stdout"](command, python_shell=True)
    return printed


def nodegroups(minion_id: str, pillar: Mapping[str, Any]) -> list[str]:
    """The nodegroups of the configuration that name the minion, in their order. What cannot be read names nobody."""
    groups = __opts__.get("nodegroups") or {}
    found = []
    for name in groups:
        try:
            if matches(name, "nodegroup", id=minion_id, grains=__grains__, pillar=pillar, nodegroups=groups):
                found.append(name)
        except TargetError as exc:
            log.error("Invalid compound target: %s: %s", groups[name], exc)
    return found


def answered(
    minion_id: str,
    kind: str,
    load: Callable[[str], Any],
    url: str,
    with_grains: bool = False,
    header_dict: Mapping[str, Any] | None = None,
    auth: Any = None,
    username: str | None = None,
    password: str | None = None,
    namespace: str | None = None,
) -> Any:
    """What a web server answers, read as what it is, below `namespace` if there is one; nothing when it is not that."""
    text = _page(minion_id, url, with_grains, header_dict, auth, username, password)
    if text is None:
        return {}
    try:
        data = load(text)
    except (ValueError, SlsError):
        log.error("Error on minion '%s' http query: the answer is no %s", minion_id, kind)
        return {}
    return {namespace: data} if namespace else data


def _page(
    minion_id: str,
    url: str,
    with_grains: bool,
    headers: Mapping[str, Any] | None,
    auth: Any,
    username: str | None,
    password: str | None,
) -> str | None:
    """What a web server answers; None when it cannot be had, which the log says.

    `%s` in the URL is the minion's id and, with `with_grains`, `<name>` a grain's value; both are quoted, so that they
    stay within their part of it.
    """
    parts = urlsplit(str(url))
    if parts.scheme not in ("http", "https"):
        raise CommandError("The url must begin with http:// or https://")
    url = str(url).replace("%s", quote(minion_id, safe=""))
    for grain in dict.fromkeys(_GRAIN.findall(url)) if with_grains else ():
        value = __salt__["grains.get"](grain, None)
        if not value:
            log.error("Unable to get minion '%s' grain: %s", minion_id, grain)
            return None
        url = url.replace(f"<{grain}>", quote(str(value), safe=""))
    if auth:
        if not isinstance(auth, list | tuple) or len(auth) != 2:
            raise CommandError("auth must be a user name and a password")
        username, password = auth
    if username is not None:
        who = f"{quote(str(username), safe='')}:{quote(str(password or ''), safe='')}"
        parts = urlsplit(url)
        url = parts._replace(netloc=f"{who}@{parts.netloc.rpartition('@')[2]}").geturl()
    try:
        read = web.read(url, __opts__, headers={str(key): str(value).strip() for key, value in (headers or {}).items()})
    except CommandError as exc:
        log.error("Error on minion '%s' http query: %s", minion_id, exc)
        return None
    if isinstance(read, bytes):
        log.error("Error on minion '%s' http query: the answer is not UTF-8", minion_id)
        return None
    return read
