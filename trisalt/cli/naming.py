"""Ask `id_function` for the id of the minion that is about to start, in a process that ends with the answer.

What the function imports, and what it breaks, does not stay in the daemon; and it runs as the daemon's user, to whom
the folders of synced modules belong.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from trisalt.errors import ConfigError, TrisaltError


class IdAsked:
    """The id that the function gave, asked for once: a minion that reads its configuration again stays who it is."""

    def __init__(self) -> None:
        self._id: str | None = None

    def __call__(self, opts: Mapping[str, Any]) -> str:
        """The id. Raises ConfigError."""
        if self._id is None:
            self._id = _in_a_child(opts)
        return self._id


def _in_a_child(opts: Mapping[str, Any]) -> str:
    """What `id_by_function` gives or raises, in a fork of this process, which has no threads yet."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(reading)
        try:
            answer = _answer(opts)
        except BaseException as exc:  # this process has to end here, and say why
            answer = {"error": f"id_function: {type(exc).__name__}: {exc}"}
        with os.fdopen(writing, "w", encoding="utf-8") as pipe:
            json.dump(answer, pipe)
        os._exit(0)
    os.close(writing)
    try:
        with os.fdopen(reading, encoding="utf-8") as pipe:
            text = pipe.read()
    finally:
        _, status = os.waitpid(pid, 0)
    if not text:
        raise ConfigError(f"id_function: its process ended with status {os.waitstatus_to_exitcode(status)}")
    said = json.loads(text)
    if "error" in said:
        raise ConfigError(said["error"])
    return str(said["id"])


def _answer(opts: Mapping[str, Any]) -> dict[str, str]:
    from trisalt.cli.daemonize import UserUnknown, drop_user

    try:
        drop_user(str(opts["user"]))
    except (UserUnknown, TrisaltError, OSError) as exc:
        return {"error": f"id_function: it cannot run as {opts['user']}: {exc}"}
    # Only where such a function is configured, and only in here, is the loader needed.
    from trisalt.loader import facade
    from trisalt.loader.naming import id_by_function

    facade.install()
    try:
        return {"id": id_by_function(opts)}
    except ConfigError as exc:
        return {"error": str(exc)}
