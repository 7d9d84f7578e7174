"""Users of PostgreSQL.

app:
  postgres_user.present:
    - password: {{ pillar.app.password }}
    - createdb: True
"""

from __future__ import annotations

from typing import Any

from trisalt.plugins.utils import pgstates


def __virtual__() -> Any:
    return pgstates.loads(__salt__, "user_exists")


def present(
    name: str,
    createdb: bool | None = None,
    createroles: bool | None = None,
    encrypted: Any = None,
    superuser: bool | None = None,
    replication: bool | None = None,
    inherit: bool | None = None,
    login: bool | None = None,
    password: Any = None,
    default_password: Any = None,
    refresh_password: bool | None = None,
    valid_until: Any = None,
    groups: Any = None,
    user: str | None = None,
    maintenance_db: str | None = None,
    db_password: str | None = None,
    db_host: str | None = None,
    db_port: Any = None,
    db_user: str | None = None,
) -> dict[str, Any]:
    """
    A user is there, with what is said of it. `default_password` is for one that is made alone; `refresh_password` sets
    the password anew each time, without looking. `encrypted` is `md5` or `scram-sha-256`. `user` is the account of this
    host that asks, `db_user` and its kin say how.
    """
    wanted = {
        "createdb": createdb,
        "createroles": createroles,
        "encrypted": encrypted,
        "superuser": superuser,
        "replication": replication,
        "inherit": inherit,
        "login": login,
        "valid_until": valid_until,
        "groups": pgstates.names(groups) or None,
    }
    return pgstates.role(
        __salt__,
        bool(__opts__["test"]),
        "user",
        name,
        wanted,
        pgstates.way(user, maintenance_db, db_password, db_host, db_port, db_user),
        password=password,
        default_password=default_password,
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
    A user is not there. One that owns something cannot be removed.
    """
    to = pgstates.way(user, maintenance_db, db_password, db_host, db_port, db_user)
    return pgstates.gone(
        name,
        bool(__opts__["test"]),
        there=lambda: __salt__["postgres.user_exists"](name, **to),
        remove=lambda: __salt__["postgres.user_remove"](name, **to),
        words={
            "absent": f"User {name} is not present, so it cannot be removed",
            "pending": f"User {name} is set to be removed",
            "done": f"User {name} has been removed",
            "failed": f"User {name} failed to be removed",
        },
    )
