"""Keys of Redis, and whose replica a server is.

greeting:
  redis.string:
    - value: hello
    - expire: 3600
"""

from __future__ import annotations

from typing import Any

from trisalt.errors import TrisaltError
from trisalt.state.result import returned

__virtualname__ = "redis"

_CONNECTION = ("host", "port", "db", "password")


def __virtual__() -> Any:
    if "redis.set_key" in __salt__:
        return __virtualname__
    return False, "redis module could not be loaded"


def string(
    name: str, value: Any, expire: int | None = None, expireat: int | None = None, **connection_args: Any
) -> dict[str, Any]:
    """
    A key has this value. When it was not so, it goes after `expire` seconds, or at the time `expireat`.
    """
    where = _where(connection_args)
    try:
        old = __salt__["redis.get_key"](name, **where)
        changes: dict[str, str] = {} if old == str(value) else {name: "Value updated"}
        # What counts down already is left to: it would never come to its end otherwise.
        lasts = bool(changes) or ((expire or expireat) and __salt__["redis.ttl"](name, **where) == -1)
        if expireat and lasts:
            changes["expireat"] = f"Key expires at {expireat}"
        elif expire and lasts:
            changes["expire"] = f"TTL set to {expire} seconds"
        if not changes:
            return returned(name, True, "Key already set to defined value")
        text = "Key updated to new value" if name in changes else "Key already set to defined value"
        if __opts__["test"]:
            return returned(name, None, text, changes)
        if name in changes:
            __salt__["redis.set_key"](name, value, **where)
        if "expireat" in changes:
            __salt__["redis.expireat"](name, expireat, **where)
        elif "expire" in changes:
            __salt__["redis.expire"](name, expire, **where)
    except TrisaltError as exc:
        return returned(name, False, str(exc))
    return returned(name, True, text, changes)


def absent(name: str, keys: Any = None, **connection_args: Any) -> dict[str, Any]:
    """
    A key is not there; or several (`keys`).
    """
    if keys and not isinstance(keys, list):
        return returned(name, False, "`keys` not formed as a list type")
    where = _where(connection_args)
    try:
        there = [str(key) for key in keys or [name] if __salt__["redis.exists"](key, **where)]
        if not there:
            return returned(name, True, "Key(s) specified already absent")
        text = "Keys deleted" if keys else "Key deleted"
        if __opts__["test"]:
            return returned(name, None, text, {"deleted": there})
        __salt__["redis.delete"](*there, **where)
    except TrisaltError as exc:
        return returned(name, False, str(exc))
    return returned(name, True, text, {"deleted": there})


def slaveof(
    name: str,
    sentinel_host: str | None = None,
    sentinel_port: int | None = None,
    sentinel_password: str | None = None,
    **connection_args: Any,
) -> dict[str, Any]:
    """
    A server is the replica of the one that a sentinel names; unless it is that one.
    """
    where = _where(connection_args)
    here = {key: value for key, value in where.items() if key != "db"}
    try:
        master = __salt__["redis.sentinel_get_master_ip"](name, sentinel_host, sentinel_port, sentinel_password)
        address = master["master_host"]
        if _is_it(master, where):
            return returned(name, True, f"Minion is the master: {name}")
        old = __salt__["redis.get_master_ip"](**here)
        if old == master:
            return returned(name, True, f"Minion already slave of master: {name}")
        changes = {"old": old, "new": master}
        if __opts__["test"]:
            return returned(name, None, f"Minion will be made a slave of {name}: {address}", changes)
        __salt__["redis.slaveof"](address, master["master_port"], **where)
        now = __salt__["redis.get_master_ip"](**here)
    except TrisaltError as exc:
        return returned(name, False, str(exc))
    if now != master:
        return returned(name, False, f"Minion is still slave of {now['master_host'] or 'no master'}", {})
    return returned(name, True, f"Minion successfully connected to master: {name}", changes)


def _is_it(master: dict[str, Any], where: dict[str, Any]) -> bool:
    """Whether the server that is managed is the master itself."""
    host = where.get("host") or __salt__["config.option"]("redis.host") or "localhost"
    port = where.get("port") or __salt__["config.option"]("redis.port") or 6379
    mine = {str(host), *__salt__["network.ip_addrs"](), *(["127.0.0.1"] if host == "localhost" else [])}
    return str(master["master_port"]) == str(port) and master["master_host"] in mine


def _where(given: dict[str, Any]) -> dict[str, Any]:
    return {key: given[key] for key in _CONNECTION if key in given}
