"""Fire events: on this host's bus, or up to the master."""

from __future__ import annotations

import logging
import os
from typing import Any

from trisalt.errors import CommandError
from trisalt.worker import upcall

log = logging.getLogger(__name__)


def send(
    tag: str,
    data: Any = None,
    preload: Any = None,
    with_env: Any = False,
    with_grains: Any = False,
    with_pillar: Any = False,
    with_env_opts: bool = False,
    **kwargs: Any,
) -> bool:
    """
    Send an event to the master: `data` over the keyword arguments, and with the `with_…` arguments what they name
    (True for all, or a list of names).

    CLI Example:

        salt '*' event.send my/tag '{n: 1}' with_grains='[os, id]'
    """
    payload = {key: value for key, value in kwargs.items() if not key.startswith("__")}
    for name, wanted, source in (
        ("environ", with_env, os.environ),
        ("grains", with_grains, __grains__),
        ("pillar", with_pillar, __pillar__),
    ):
        if wanted:
            names = wanted if isinstance(wanted, list) else list(source)
            payload[name] = {key: source[key] for key in names if key in source}
    if with_env_opts:
        payload["saltenv"] = __opts__.get("saltenv") or "base"
        payload["pillarenv"] = __opts__.get("pillarenv")
    if isinstance(data, dict):
        payload |= data
    elif data is not None:
        raise CommandError("The data of an event is a map")
    # A minion without a master has a bus of its own.
    return fire(payload, tag) if _local() else fire_master(payload, tag, preload)


def fire_master(data: Any, tag: str, preload: Any = None) -> bool:
    """
    Send `data` to the master as it is; `preload` is a map of what else the request says.

    CLI Example:

        salt '*' event.fire_master '{n: 1}' my/tag
    """
    if _local():
        log.warning("Local mode detected. Event with tag %s will NOT be sent.", tag)
        return False
    data = {} if data is None else data
    if isinstance(preload, dict) and preload:
        further = {key: value for key, value in preload.items() if key not in ("cmd", "timeout", "tag", "data")}
        upcall.ask_master("_minion_event", tag=tag, data=data, **further)
        return True
    return upcall.fire_master(tag, data)


def fire(data: Any, tag: str) -> bool:
    """
    Fire `data` on the bus of this minion only.

    CLI Example:

        salt '*' event.fire '{n: 1}' my/tag
    """
    if not isinstance(data, dict):
        raise CommandError("The data of an event is a map")
    return upcall.fire_event(tag, data)


def _local() -> bool:
    alone = __opts__.get("file_client") == "local" or __opts__.get("master_type") == "disable"
    return alone and not __opts__.get("use_master_when_local")
