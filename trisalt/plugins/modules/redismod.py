"""Servers of Redis, by the library redis: what is configured, saved and copied. Their keys are `redis_keys`'."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from trisalt.errors import CommandError

__virtualname__ = "redis"


def __virtual__() -> Any:
    if find_spec("redis") is not None:
        return __virtualname__
    return False, "The redis module could not be loaded: the python library redis is not installed"


def bgrewriteaof(host: str | None = None, port: Any = None, db: Any = None, password: str | None = None) -> bool:
    """
    Have the server write its file of commands anew, in the background.

    CLI Example:

        salt '*' redis.bgrewriteaof
    """
    return _ask(_at(host, port, db, password), lambda server: bool(server.bgrewriteaof()))


def bgsave(host: str | None = None, port: Any = None, db: Any = None, password: str | None = None) -> bool:
    """
    Have the server save its data, in the background.

    CLI Example:

        salt '*' redis.bgsave
    """
    return _ask(_at(host, port, db, password), lambda server: bool(server.bgsave()))


def config_get(
    pattern: str = "*", host: str | None = None, port: Any = None, db: Any = None, password: str | None = None
) -> dict[str, Any]:
    """
    What is configured, by names that fit a pattern.

    CLI Example:

        salt '*' redis.config_get port
    """
    return _ask(_at(host, port, db, password), lambda server: server.config_get(pattern))


def config_set(
    name: str, value: Any, host: str | None = None, port: Any = None, db: Any = None, password: str | None = None
) -> bool:
    """
    Configure the server, for as long as it runs.

    CLI Example:

        salt '*' redis.config_set maxmemory 100mb
    """
    return _ask(_at(host, port, db, password), lambda server: bool(server.config_set(name, value)))


def dbsize(host: str | None = None, port: Any = None, db: Any = None, password: str | None = None) -> int:
    """
    How many keys there are.

    CLI Example:

        salt '*' redis.dbsize
    """
    return _ask(_at(host, port, db, password), lambda server: server.dbsize())


def flushall(host: str | None = None, port: Any = None, db: Any = None, password: str | None = None) -> bool:
    """
    Delete all keys, of every database.

    CLI Example:

        salt '*' redis.flushall
    """
    return _ask(_at(host, port, db, password), lambda server: bool(server.flushall()))


def flushdb(host: str | None = None, port: Any = None, db: Any = None, password: str | None = None) -> bool:
    """
    Delete all keys of a database.

    CLI Example:

        salt '*' redis.flushdb
    """
    return _ask(_at(host, port, db, password), lambda server: bool(server.flushdb()))


def info(host: str | None = None, port: Any = None, db: Any = None, password: str | None = None) -> dict[str, Any]:
    """
    What the server says of itself.

    CLI Example:

        salt '*' redis.info
    """
    return _ask(_at(host, port, db, password), lambda server: dict(server.info()))


def lastsave(host: str | None = None, port: Any = None, db: Any = None, password: str | None = None) -> int:
    """
    When the data were last saved, in seconds since 1970.

    CLI Example:

        salt '*' redis.lastsave
    """
    return _ask(_at(host, port, db, password), lambda server: int(server.lastsave().timestamp()))


def ping(host: str | None = None, port: Any = None, db: Any = None, password: str | None = None) -> bool:
    """
    Whether the server is there.

    CLI Example:

        salt '*' redis.ping
    """
    return __utils__["redises.reached"](_at(host, port, db, password))


def save(host: str | None = None, port: Any = None, db: Any = None, password: str | None = None) -> bool:
    """
    Have the server save its data, and wait for it.

    CLI Example:

        salt '*' redis.save
    """
    return _ask(_at(host, port, db, password), lambda server: bool(server.save()))


def time(host: str | None = None, port: Any = None, db: Any = None, password: str | None = None) -> int:
    """
    The server's time, in seconds since 1970.

    CLI Example:

        salt '*' redis.time
    """
    return _ask(_at(host, port, db, password), lambda server: server.time()[0])


def shutdown(host: str | None = None, port: Any = None, db: Any = None, password: str | None = None) -> bool:
    """
    Have the server save its data and end; whether it did.

    CLI Example:

        salt '*' redis.shutdown
    """
    given = _at(host, port, db, password)
    if not __utils__["redises.reached"](given):
        return False
    _ask(given, lambda server: server.shutdown())
    return not __utils__["redises.reached"](given)


def get_master_ip(host: str | None = None, port: Any = None, password: str | None = None) -> dict[str, Any]:
    """
    Of which server this is a replica: `{master_host, master_port}`, empty when it is of none.

    CLI Example:

        salt '*' redis.get_master_ip
    """
    found = _ask(_at(host, port, None, password), lambda server: server.info())
    return {"master_host": found.get("master_host", ""), "master_port": found.get("master_port", "")}


def slaveof(
    master_host: str | None = None,
    master_port: Any = None,
    host: str | None = None,
    port: Any = None,
    db: Any = None,
    password: str | None = None,
) -> bool:
    """
    Have the server be a replica of another; of none, without one.

    CLI Example:

        salt '*' redis.slaveof 10.0.0.1 6379
    """
    words = ("NO", "ONE") if not master_host else (master_host, master_port or 6379)
    return _ask(_at(host, port, db, password), lambda server: server.execute_command("SLAVEOF", *words) in (True, "OK"))


def sentinel_get_master_ip(
    master: str, host: str | None = None, port: Any = None, password: str | None = None
) -> dict[str, Any]:
    """
    Where a sentinel says that a master is: `{master_host, master_port}`.

    CLI Example:

        salt '*' redis.sentinel_get_master_ip mymaster
    """
    found = _ask(_at(host, port, 0, password), lambda server: server.sentinel_get_master_addr_by_name(master))
    if not found:
        raise CommandError(f"The sentinel knows no master {master!r}")
    return {"master_host": found[0], "master_port": int(found[1])}


def _at(host: Any, port: Any, db: Any, password: Any) -> dict[str, Any]:
    return {"host": host, "port": port, "db": db, "password": password}


def _ask(given: dict[str, Any], function: Callable[[Any], Any]) -> Any:
    return __utils__["redises.ask"](given, function)
