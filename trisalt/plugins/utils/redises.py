"""Redis by the library redis: how a server is reached, and what it refuses. Used by the module `redis`.

A server is the one of a call (`host`, `port`, `db`, `password`), or else that of the options `redis.host` and its kin.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from trisalt.errors import CommandError

OPTIONS = {"host": "localhost", "port": 6379, "db": 0, "password": ""}


def ask(given: dict[str, Any], function: Callable[[Any], Any]) -> Any:
    """What a function answers of a client, with bytes as texts. Raises CommandError with the server's words."""
    import redis

    try:
        with _server(given) as server:
            return function(server)
    except (redis.RedisError, ValueError, TypeError) as exc:
        raise CommandError(f"Redis: {exc}") from exc


def reached(given: dict[str, Any]) -> bool:
    """Whether the server is there. Raises CommandError when it is, and does not let us in."""
    import redis

    try:
        with _server(given) as server:
            return bool(server.ping())
    except redis.AuthenticationError as exc:
        raise CommandError(f"Redis: {exc}") from exc
    except redis.ConnectionError:
        return False
    except redis.RedisError as exc:
        raise CommandError(f"Redis: {exc}") from exc


def _server(given: dict[str, Any]) -> Any:
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    # A server that is not there is told at once: to try again is the operator's to say.
    options = {"decode_responses": True, "socket_connect_timeout": 10, "protocol": 2, "retry": Retry(NoBackoff(), 0)}
    return redis.Redis(**_where(given), **options)


def _where(given: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, default in OPTIONS.items():
        value = given.get(name)
        if value is None:
            value = __salt__["config.option"](f"redis.{name}")
        found[name] = default if value in (None, "") else value
    for name in ("port", "db"):
        try:
            found[name] = int(found[name])
        except (TypeError, ValueError):
            raise CommandError(f"redis.{name} is not a number: {found[name]!r}") from None
    found["password"] = found["password"] or None
    return found
