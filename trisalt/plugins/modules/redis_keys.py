"""The keys of Redis, and what they hold; the rest of the module `redis`."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

__virtualname__ = "redis"


def __virtual__() -> Any:
    if find_spec("redis") is not None:
        return __virtualname__
    return False, "The redis module could not be loaded: the python library redis is not installed"


def delete(*keys: str, **connection_args: Any) -> int:
    """
    Delete keys: how many there were.

    CLI Example:

        salt '*' redis.delete foo bar
    """
    return _ask(connection_args, lambda server: server.delete(*keys))


def exists(key: str, host: str | None = None, port: Any = None, db: Any = None, password: str | None = None) -> int:
    """
    Whether there is a key.

    CLI Example:

        salt '*' redis.exists foo
    """
    return _ask(_at(host, port, db, password), lambda server: server.exists(key))


def expire(
    key: str, seconds: int, host: str | None = None, port: Any = None, db: Any = None, password: str | None = None
) -> bool:
    """
    Have a key go after some seconds.

    CLI Example:

        salt '*' redis.expire foo 300
    """
    return _ask(_at(host, port, db, password), lambda server: bool(server.expire(key, int(seconds))))


def expireat(
    key: str, timestamp: int, host: str | None = None, port: Any = None, db: Any = None, password: str | None = None
) -> bool:
    """
    Have a key go at a time, in seconds since 1970.

    CLI Example:

        salt '*' redis.expireat foo 1400000000
    """
    return _ask(_at(host, port, db, password), lambda server: bool(server.expireat(key, int(timestamp))))


def get_key(
    key: str, host: str | None = None, port: Any = None, db: Any = None, password: str | None = None
) -> str | None:
    """
    The value of a key; None when there is none.

    CLI Example:

        salt '*' redis.get_key foo
    """
    return _ask(_at(host, port, db, password), lambda server: server.get(key))


def set_key(
    key: str, value: Any, host: str | None = None, port: Any = None, db: Any = None, password: str | None = None
) -> bool:
    """
    Set the value of a key.

    CLI Example:

        salt '*' redis.set_key foo bar
    """
    return _ask(_at(host, port, db, password), lambda server: bool(server.set(key, value)))


def ttl(key: str, host: str | None = None, port: Any = None, db: Any = None, password: str | None = None) -> int:
    """
    In how many seconds a key goes: -1 never, -2 when there is none.

    CLI Example:

        salt '*' redis.ttl foo
    """
    return _ask(_at(host, port, db, password), lambda server: server.ttl(key))


def key_type(key: str, host: str | None = None, port: Any = None, db: Any = None, password: str | None = None) -> str:
    """
    Of which type a key's value is.

    CLI Example:

        salt '*' redis.key_type foo
    """
    return _ask(_at(host, port, db, password), lambda server: server.type(key))


def keys(
    pattern: str = "*", host: str | None = None, port: Any = None, db: Any = None, password: str | None = None
) -> list[str]:
    """
    The keys that fit a pattern.

    CLI Example:

        salt '*' redis.keys 'foo*'
    """
    return _ask(_at(host, port, db, password), lambda server: server.keys(pattern))


def hdel(key: str, *fields: str, **options: Any) -> int:
    """
    Delete fields of a hash: how many there were.

    CLI Example:

        salt '*' redis.hdel foo_hash bar_field1 bar_field2
    """
    return _ask(options, lambda server: server.hdel(key, *fields))


def hexists(
    key: str, field: str, host: str | None = None, port: Any = None, db: Any = None, password: str | None = None
) -> bool:
    """
    Whether a hash has a field.

    CLI Example:

        salt '*' redis.hexists foo_hash bar_field
    """
    return _ask(_at(host, port, db, password), lambda server: bool(server.hexists(key, field)))


def hget(
    key: str, field: str, host: str | None = None, port: Any = None, db: Any = None, password: str | None = None
) -> str | None:
    """
    The value of a field of a hash.

    CLI Example:

        salt '*' redis.hget foo_hash bar_field
    """
    return _ask(_at(host, port, db, password), lambda server: server.hget(key, field))


def hgetall(
    key: str, host: str | None = None, port: Any = None, db: Any = None, password: str | None = None
) -> dict[str, str]:
    """
    The fields of a hash, and their values.

    CLI Example:

        salt '*' redis.hgetall foo_hash
    """
    return _ask(_at(host, port, db, password), lambda server: server.hgetall(key))


def hincrby(
    key: str,
    field: str,
    increment: int = 1,
    host: str | None = None,
    port: Any = None,
    db: Any = None,
    password: str | None = None,
) -> int:
    """
    Add to a whole number in a field.

    CLI Example:

        salt '*' redis.hincrby foo_hash bar_field 5
    """
    return _ask(_at(host, port, db, password), lambda server: server.hincrby(key, field, amount=increment))


def hincrbyfloat(
    key: str,
    field: str,
    increment: float = 1.0,
    host: str | None = None,
    port: Any = None,
    db: Any = None,
    password: str | None = None,
) -> float:
    """
    Add to a number in a field.

    CLI Example:

        salt '*' redis.hincrbyfloat foo_hash bar_field 5.17
    """
    return _ask(_at(host, port, db, password), lambda server: server.hincrbyfloat(key, field, amount=increment))


def hlen(key: str, host: str | None = None, port: Any = None, db: Any = None, password: str | None = None) -> int:
    """
    How many fields a hash has.

    CLI Example:

        salt '*' redis.hlen foo_hash
    """
    return _ask(_at(host, port, db, password), lambda server: server.hlen(key))


def hmget(key: str, *fields: str, **options: Any) -> list[str | None]:
    """
    The values of fields of a hash.

    CLI Example:

        salt '*' redis.hmget foo_hash bar_field1 bar_field2
    """
    return _ask(options, lambda server: server.hmget(key, *fields))


def hmset(key: str, **fieldsvals: Any) -> bool:
    """
    Set fields of a hash. The server is that of the options, for each name is a field's.

    CLI Example:

        salt '*' redis.hmset foo_hash bar_field1=bar_value1 bar_field2=bar_value2
    """
    fields = {name: value for name, value in fieldsvals.items() if not name.startswith("__")}
    _ask({}, lambda server: server.hset(key, mapping=fields))
    return True


def hset(
    key: str,
    field: str,
    value: Any,
    host: str | None = None,
    port: Any = None,
    db: Any = None,
    password: str | None = None,
) -> int:
    """
    Set a field of a hash: 1 when it is a new one.

    CLI Example:

        salt '*' redis.hset foo_hash bar_field bar_value
    """
    return _ask(_at(host, port, db, password), lambda server: server.hset(key, field, value))


def hsetnx(
    key: str,
    field: str,
    value: Any,
    host: str | None = None,
    port: Any = None,
    db: Any = None,
    password: str | None = None,
) -> int:
    """
    Set a field of a hash unless there is one: whether it was set.

    CLI Example:

        salt '*' redis.hsetnx foo_hash bar_field bar_value
    """
    return _ask(_at(host, port, db, password), lambda server: int(server.hsetnx(key, field, value)))


def hvals(
    key: str, host: str | None = None, port: Any = None, db: Any = None, password: str | None = None
) -> list[str]:
    """
    The values of a hash.

    CLI Example:

        salt '*' redis.hvals foo_hash
    """
    return _ask(_at(host, port, db, password), lambda server: server.hvals(key))


def hscan(
    key: str,
    cursor: int = 0,
    match: str | None = None,
    count: int | None = None,
    host: str | None = None,
    port: Any = None,
    db: Any = None,
    password: str | None = None,
) -> list[Any]:
    """
    Some fields of a hash, from a place on: the next place, and the fields.

    CLI Example:

        salt '*' redis.hscan foo_hash match='field_prefix_*' count=1
    """
    return _ask(
        _at(host, port, db, password), lambda server: list(server.hscan(key, cursor=cursor, match=match, count=count))
    )


def llen(key: str, host: str | None = None, port: Any = None, db: Any = None, password: str | None = None) -> int:
    """
    How long a list is.

    CLI Example:

        salt '*' redis.llen foo_list
    """
    return _ask(_at(host, port, db, password), lambda server: server.llen(key))


def lrange(
    key: str,
    start: int,
    stop: int,
    host: str | None = None,
    port: Any = None,
    db: Any = None,
    password: str | None = None,
) -> list[str]:
    """
    A part of a list.

    CLI Example:

        salt '*' redis.lrange foo_list 0 10
    """
    return _ask(_at(host, port, db, password), lambda server: server.lrange(key, start, stop))


def smembers(
    key: str, host: str | None = None, port: Any = None, db: Any = None, password: str | None = None
) -> list[str]:
    """
    The members of a set.

    CLI Example:

        salt '*' redis.smembers foo_set
    """
    return _ask(_at(host, port, db, password), lambda server: sorted(server.smembers(key)))


def zcard(key: str, host: str | None = None, port: Any = None, db: Any = None, password: str | None = None) -> int:
    """
    How many members a sorted set has.

    CLI Example:

        salt '*' redis.zcard foo_sorted
    """
    return _ask(_at(host, port, db, password), lambda server: server.zcard(key))


def zrange(
    key: str,
    start: int,
    stop: int,
    host: str | None = None,
    port: Any = None,
    db: Any = None,
    password: str | None = None,
) -> list[str]:
    """
    The members of a sorted set, by their ranks.

    CLI Example:

        salt '*' redis.zrange foo_sorted 0 10
    """
    return _ask(_at(host, port, db, password), lambda server: server.zrange(key, start, stop))


def _at(host: Any, port: Any, db: Any, password: Any) -> dict[str, Any]:
    return {"host": host, "port": port, "db": db, "password": password}


def _ask(given: dict[str, Any], function: Callable[[Any], Any]) -> Any:
    return __utils__["redises.ask"](given, function)
