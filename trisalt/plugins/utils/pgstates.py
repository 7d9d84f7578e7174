"""What the states `postgres_*` share: how the server is reached, things that are there or are not, and roles.

Used by state modules, which import it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from trisalt.errors import TrisaltError
from trisalt.plugins.utils import pgpasswords
from trisalt.state.result import returned

_MISSING = "Unable to load postgres module.  Make sure `postgres.bins_dir` is set."


def loads(salt: Mapping[str, Any], function: str) -> Any:
    """What `__virtual__` of these states says."""
    return True if f"postgres.{function}" in salt else (False, _MISSING)


def way(user: Any, maintenance_db: Any, db_password: Any, db_host: Any, db_port: Any, db_user: Any) -> dict[str, Any]:
    """How the module is told where the server is: `user` is the account that psql runs as."""
    return {
        "maintenance_db": maintenance_db,
        "runas": user,
        "host": db_host,
        "user": db_user,
        "port": db_port,
        "password": db_password,
    }


def guarded(state: Callable[[], dict[str, Any]], name: str) -> dict[str, Any]:
    """What a state returns; an error that was to be expected is its failure."""
    try:
        return state()
    except TrisaltError as exc:
        return returned(name, False, str(exc))


def gone(
    name: str, test: bool, *, there: Callable[[], bool], remove: Callable[[], bool], words: Mapping[str, str]
) -> dict[str, Any]:
    """A thing that is not to be there. `words`: the comments `absent`, `pending`, `done` and `failed`."""

    def state() -> dict[str, Any]:
        if not there():
            return returned(name, True, words["absent"])
        changes = {name: "Absent"}
        if test:
            return returned(name, None, words["pending"], changes)
        if remove():
            return returned(name, True, words["done"], changes)
        return returned(name, False, words["failed"])

    return guarded(state, name)


_ATTRIBUTES = {
    "createdb": "can create databases",
    "inherit": "inherits privileges",
    "login": "can login",
    "createroles": "can create roles",
    "replication": "replication",
    "superuser": "superuser",
}


def role(
    salt: Mapping[str, Any],
    test: bool,
    kind: str,
    name: str,
    wanted: Mapping[str, Any],
    to: Mapping[str, Any],
    *,
    password: Any,
    default_password: Any = None,
    refresh_password: bool | None = None,
) -> dict[str, Any]:
    """A role is there, and is as `wanted` says: a `user` or a `group`."""

    def state() -> dict[str, Any]:
        asks_password = password is not None
        there = salt["postgres.role_get"](name, return_password=asks_password and not refresh_password, **to)
        given = {key: value for key, value in wanted.items() if value is not None}
        if there is None:
            mode, changes = "create", {name: "Present"}
            first = password if asks_password else default_password
            if first is not None:
                given["rolepassword"] = first
        else:
            mode = "update"
            different = _different(name, there, given, salt, to)
            if asks_password and (
                refresh_password
                or not pgpasswords.is_same(name, password, there.get("password"), given.get("encrypted"))
            ):
                different["password"] = True
                given["rolepassword"] = password
            if not different:
                return returned(name, True, f"{kind.capitalize()} {name} is already present")
            changes = {name: different}
            for key in (*_ATTRIBUTES, "groups", "valid_until"):
                if key in given and key not in different:
                    del given[key]
        if test:
            return returned(name, None, f"{kind.capitalize()} {name} is set to be {mode}d", changes)
        if salt[f"postgres.{kind}_{mode}"](name, **given, **to):
            return returned(name, True, f"The {kind} {name} has been {mode}d", changes)
        return returned(name, False, f"Failed to {mode} {kind} {name}")

    return guarded(state, name)


def _different(
    name: str, there: Mapping[str, Any], given: Mapping[str, Any], salt: Mapping[str, Any], to: Mapping[str, Any]
) -> dict[str, Any]:
    found = {key: given[key] for key, column in _ATTRIBUTES.items() if key in given and there[column] != given[key]}
    if "valid_until" in given:
        asked = str(given["valid_until"]).replace("'", "''")
        rows = salt["postgres.psql_query"](f"SELECT '{asked}'::timestamp(0) AS dt", **to)
        moment = rows[0]["dt"] if rows else None
        if moment is None or moment != there["expiry time"]:
            found["valid_until"] = given["valid_until"]
    lacking = sorted(set(names(given.get("groups"))) - set(there["groups"]))
    if lacking:
        found["groups"] = lacking
    return found


def names(value: Any) -> list[str]:
    """Names in a list, or in a text with commas."""
    given: Iterable[Any] = value.split(",") if isinstance(value, str) else value or ()
    return [str(each).strip() for each in given if str(each).strip()]
