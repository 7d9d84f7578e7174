"""Groups of PostgreSQL: roles that others are members of.

team:
  postgres_group.present:
    - createdb: True
"""

from __future__ import annotations

from typing import Any

from trisalt.plugins.utils import pgstates


def __virtual__() -> Any:
    return pgstates.loads(__salt__, "group_create")


def present(
    name: str,
    createdb: bool | None = None,
    createroles: bool | None = None,
    encrypted: Any = None,
    superuser: bool | None = None,
    inherit: bool | None = None,
    login: bool | None = None,
    replication: bool | None = None,
    password: Any = None,
    refresh_password: bool | None = None,
    groups: Any = None,
    user: str | None = None,
    maintenance_db: str | None = None,
    db_password: str | None = None,
    db_host: str | None = None,
    db_port: Any = None,
    db_user: str | None = None,
) -> dict[str, Any]:
    """
    A group is there, with what is said of it.
    """
    wanted = {
        "createdb": createdb,
        "createroles": createroles,
        "encrypted": encrypted,
        "superuser": superuser,
        "inherit": inherit,
        "login": login,
        "replication": replication,
        "groups": pgstates.names(groups) or None,
    }
    return pgstates.role(
        __salt__,
        bool(__opts__["test"]),
        "group",
        name,
        wanted,
        pgstates.way(user, maintenance_db, db_password, db_host, db_port, db_user),
        password=password,
        refresh_password=refresh_password,
    )


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
    A group is not there. One that owns something cannot be removed.
    """
    to = pgstates.way(user, maintenance_db, db_password, db_host, db_port, db_user)
    return pgstates.gone(
        name,
        bool(__opts__["test"]),
        there=lambda: __salt__["postgres.user_exists"](name, **to),
        remove=lambda: __salt__["postgres.group_remove"](name, **to),
        words={
            "absent": f"Group {name} is not present, so it cannot be removed",
            "pending": f"Group {name} is set to be removed",
            "done": f"Group {name} has been removed",
            "failed": f"Group {name} failed to be removed",
        },
    )
