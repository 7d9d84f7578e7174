"""The mine: what minions tell the master of themselves at intervals, for others to ask."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from trisalt.errors import CommandError
from trisalt.worker import upcall

log = logging.getLogger(__name__)

# How stock marks an entry that not everybody may read.
ACL_MARK = "__saltmine_acl__"


def update(clear: bool = False, mine_functions: Any = None) -> bool | None:
    """
    Call the mine functions and send what they return; `clear` replaces what the master has. Without
    `mine_functions` those of the pillar and of the configuration are called, a configuration's over a pillar's.

    CLI Example:

        salt '*' mine.update
    """
    data: dict[str, Any] = {}
    for name, entry in _functions(mine_functions).items():
        try:
            data[name] = _call(name, entry)
        except Exception as exc:
            # One function that fails must not keep the others from the mine.
            log.warning("mine function %s failed: %s", name, exc)
    # Sent even when it is empty: the master then knows that this minion has a mine, and when it spoke last.
    return _send(data, clear)


def send(name: str, *args: Any, **kwargs: Any) -> bool | None:
    """
    Call one function and send what it returns; `mine_function` names the function when `name` is an alias.

    CLI Example:

        salt '*' mine.send network.ip_addrs eth0
    """
    kwargs = {key: value for key, value in kwargs.items() if not key.startswith("__pub_")}
    acl = {key: kwargs.pop(key) for key in ("allow_tgt", "allow_tgt_type") if key in kwargs}
    function = kwargs.pop("mine_function", name)
    if function not in __salt__:
        return False
    return _send({name: _marked(__salt__[function](*args, **kwargs), acl)}, False)


def get(tgt: Any, fun: Any, tgt_type: str = "glob", exclude_minion: bool = False) -> dict[str, Any]:
    """
    The mine data of the minions a target names: `{id: value}`, or `{fun: {id: value}}` for several functions.

    CLI Example:

        salt '*' mine.get 'web*' network.ip_addrs
    """
    if _local():
        return {}
    found = upcall.ask_master("_mine_get", tgt=tgt, fun=fun, tgt_type=tgt_type)
    if exclude_minion and isinstance(found, dict):
        several = isinstance(fun, list) or "," in fun
        for values in found.values() if several else [found]:
            values.pop(__opts__["id"], None)
    return found


def delete(fun: str) -> bool | None:
    """
    Withdraw one function from the mine.

    CLI Example:

        salt '*' mine.delete network.ip_addrs
    """
    return None if _local() else upcall.ask_master("_mine_delete", fun=fun)


def flush() -> bool | None:
    """
    Withdraw everything from the mine.

    CLI Example:

        salt '*' mine.flush
    """
    return None if _local() else upcall.ask_master("_mine_flush")


def valid() -> dict[str, Any] | None:
    """
    The configured mine functions that this minion can call, with their arguments.

    CLI Example:

        salt '*' mine.valid
    """
    found: dict[str, Any] = {}
    for name, entry in _functions(None).items():
        function, args, kwargs, _acl = _parse(name, entry)
        if function in __salt__:
            arguments = [*args, *({key: value} for key, value in kwargs.items())]
            found[name] = {function: arguments} if function != name else arguments
    return found or None


def _functions(given: Any) -> dict[str, Any]:
    if given is not None:
        found = given
    else:
        sources = (__pillar__, __pillar__.get("master"), __opts__)
        maps = [_as_map(source.get("mine_functions")) for source in sources if isinstance(source, Mapping)]
        found = {name: entry for entries in maps for name, entry in entries.items()}
    return _as_map(found)


def _as_map(value: Any) -> dict[str, Any]:
    if isinstance(value, list):
        return {name: [] for name in value}
    return value if isinstance(value, dict) else {}


def _call(name: str, entry: Any) -> Any:
    function, args, kwargs, acl = _parse(name, entry)
    if function not in __salt__:
        raise CommandError(f"'{function}' is not available.")
    return _marked(__salt__[function](*args, **kwargs), acl)


def _parse(name: str, entry: Any) -> tuple[str, list[Any], dict[str, Any], dict[str, Any]]:
    """An entry is a list of arguments (maps in it are keyword arguments), or a map of keyword arguments."""
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    if isinstance(entry, dict):
        kwargs = dict(entry)
    elif isinstance(entry, list):
        for item in entry:
            if isinstance(item, dict):
                kwargs |= item
            else:
                args.append(item)
    elif entry is not None:
        args = [entry]
    acl = {key: kwargs.pop(key) for key in ("allow_tgt", "allow_tgt_type") if key in kwargs}
    return kwargs.pop("mine_function", name), args, kwargs, acl


def _marked(value: Any, acl: dict[str, Any]) -> Any:
    return {ACL_MARK: 1, "__data__": value, **acl} if acl.get("allow_tgt") else value


def _send(data: dict[str, Any], clear: bool) -> bool | None:
    if _local():
        return None
    return upcall.fire_event("_minion_mine", {"cmd": "_mine", "data": data, "clear": clear}) or None


def _local() -> bool:
    return __opts__.get("file_client") == "local" and not __opts__.get("use_master_when_local")
