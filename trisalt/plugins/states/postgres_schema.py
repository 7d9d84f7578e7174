"""Schemas of PostgreSQL databases.

work:
  postgres_schema.present:
    - dbname: app
    - owner: app
"""

from __future__ import annotations

from typing import Any

from trisalt.plugins.utils import pgstates
from trisalt.state.result import returned


def __virtual__() -> Any:
    return pgstates.loads(__salt__, "schema_exists")


def present(
    dbname: str,
    name: str,
    owner: str | None = None,
    user: str | None = None,
    db_user: str | None = None,
    db_password: str | None = None,
    db_host: str | None = None,
    db_port: Any = None,
) -> dict[str, Any]:
    """
    A database has a schema. The owner is that of one that is made; one that is there keeps its own.
    """
    to = _way(user, db_user, db_password, db_host, db_port)

    def state() -> dict[str, Any]:
        if __salt__["postgres.schema_get"](dbname, name, **to) is not None:
            return _told(dbname, name, True, f"Schema {name} already exists in database {dbname}")
        changes = {name: "Present"}
        if __opts__["test"]:
            comment = f"Schema {name} is set to be created in database {dbname}."
            return _told(dbname, name, None, comment, changes)
        if __salt__["postgres.schema_create"](dbname, name, owner=owner, **to):
            return _told(dbname, name, True, f"Schema {name} has been created in database {dbname}", changes)
        return _told(dbname, name, False, f"Failed to create schema {name} in database {dbname}")

    return pgstates.guarded(state, name)


def absent(
    dbname: str,
    name: str,
    user: str | None = None,
    db_user: str | None = None,
    db_password: str | None = None,
    db_host: str | None = None,
    db_port: Any = None,
) -> dict[str, Any]:
    """
    A database does not have a schema. One that something is in cannot be removed.
    """
    to = _way(user, db_user, db_password, db_host, db_port)
    return pgstates.gone(
        name,
        bool(__opts__["test"]),
        there=lambda: __salt__["postgres.schema_exists"](dbname, name, **to),
        remove=lambda: __salt__["postgres.schema_remove"](dbname, name, **to),
        words={
            "absent": f"Schema {name} is not present in database {dbname}, so it cannot be removed",
            "pending": f"Schema {name} is set to be removed from database {dbname}",
            "done": f"Schema {name} has been removed from database {dbname}",
            "failed": f"Schema {name} failed to be removed",
        },
    ) | {"dbname": dbname}


def _way(user: Any, db_user: Any, db_password: Any, db_host: Any, db_port: Any) -> dict[str, Any]:
    return {"user": user, "db_user": db_user, "db_password": db_password, "db_host": db_host, "db_port": db_port}


def _told(
    dbname: str, name: str, result: bool | None, comment: str, changes: dict[str, Any] | None = None
) -> dict[str, Any]:
    return returned(name, result, comment, changes, dbname=dbname)
