"""Databases of PostgreSQL.

app:
  postgres_database.present:
    - owner: app
    - encoding: UTF8
"""

from __future__ import annotations

from typing import Any

from trisalt.plugins.utils import pgstates
from trisalt.state.result import returned


def __virtual__() -> Any:
    return pgstates.loads(__salt__, "user_exists")


def present(
    name: str,
    tablespace: str | None = None,
    encoding: str | None = None,
    lc_collate: str | None = None,
    lc_ctype: str | None = None,
    owner: str | None = None,
    owner_recurse: bool = False,
    template: str | None = None,
    user: str | None = None,
    maintenance_db: str | None = None,
    db_password: str | None = None,
    db_host: str | None = None,
    db_port: Any = None,
    db_user: str | None = None,
) -> dict[str, Any]:
    """
    A database is there. Its owner (with `owner_recurse` that of all that is in it, too) and its tablespace are changed
    when they are others; its encoding and its locale cannot be.
    """
    to = pgstates.way(user, maintenance_db, db_password, db_host, db_port, db_user)

    def state() -> dict[str, Any]:
        there = __salt__["postgres.db_list"](**to).get(name)
        if there is None:
            changes = {name: "Present"}
            if __opts__["test"]:
                return returned(name, None, f"Database {name} is set to be created", changes)
            made = __salt__["postgres.db_create"](
                name, tablespace=tablespace, encoding=encoding, lc_collate=lc_collate, lc_ctype=lc_ctype, owner=owner,
                template=template, **to,
            )  # fmt: skip
            if made:
                return returned(name, True, f"The database {name} has been created", changes)
            return returned(name, False, f"Failed to create database {name}")
        fixed = ((encoding, "Encoding"), (lc_collate, "Collate"), (lc_ctype, "Ctype"))
        if any(wanted and _plain(wanted) != _plain(there[column]) for wanted, column in fixed):
            comment = f"Database {name} has wrong parameters which couldn't be changed on fly."
            return returned(name, False, comment)
        wrong = {
            key: wanted
            for key, wanted, column in (("tablespace", tablespace, "Tablespace"), ("owner", owner, "Owner"))
            if wanted and there[column] != wanted
        }
        if not wrong:
            return returned(name, True, f"Database {name} is already present")
        changes = {name: "Parameters changed"}
        if __opts__["test"]:
            comment = f"Database {name} exists, but parameters need to be changed"
            return returned(name, None, comment, changes)
        if __salt__["postgres.db_alter"](name, owner_recurse=owner_recurse, **wrong, **to):
            return returned(name, True, f"Parameters for database {name} have been changed", changes)
        return returned(name, False, f"Failed to change parameters for database {name}")

    return pgstates.guarded(state, name)


def absent(
    name: str,
    user: str | None = None,
    maintenance_db: str | None = None,
    db_password: str | None = None,
    db_host: str | None = None,
    db_port: Any = None,
    db_user: str | None = None,
) -> dict[str, Any]:
    """
    A database is not there; who is connected to it is disconnected.
    """
    to = pgstates.way(user, maintenance_db, db_password, db_host, db_port, db_user)
    return pgstates.gone(
        name,
        bool(__opts__["test"]),
        there=lambda: __salt__["postgres.db_exists"](name, **to),
        remove=lambda: __salt__["postgres.db_remove"](name, **to),
        words={
            "absent": f"Database {name} is not present, so it cannot be removed",
            "pending": f"Database {name} is set to be removed",
            "done": f"Database {name} has been removed",
            "failed": f"Database {name} failed to be removed",
        },
    )


def _plain(word: str) -> str:
    """An encoding or a locale, whichever way it is written: UTF-8 is utf8."""
    return word.lower().replace("-", "").replace("_", "")
