"""Languages of PostgreSQL databases.

plperl:
  postgres_language.present:
    - maintenance_db: app
"""

from __future__ import annotations

from typing import Any

from trisalt.plugins.utils import pgstates
from trisalt.state.result import returned


def __virtual__() -> Any:
    return pgstates.loads(__salt__, "language_create")


def present(
    name: str,
    maintenance_db: str,
    user: str | None = None,
    db_password: str | None = None,
    db_host: str | None = None,
    db_port: Any = None,
    db_user: str | None = None,
) -> dict[str, Any]:
    """
    A database (`maintenance_db`) has a language.
    """
    to = pgstates.way(user, maintenance_db, db_password, db_host, db_port, db_user)

    def state() -> dict[str, Any]:
        if __salt__["postgres.language_exists"](name, **to):
            return returned(name, True, f"Language {name} is already installed")
        changes = {name: "Present"}
        if __opts__["test"]:
            return returned(name, None, f"Language {name} is set to be installed", changes)
        if __salt__["postgres.language_create"](name, **to):
            return returned(name, True, f"Language {name} has been installed", changes)
        return returned(name, False, f"Failed to install language {name}")

    return pgstates.guarded(state, name)


def absent(
    name: str,
    maintenance_db: str,
    user: str | None = None,
    db_password: str | None = None,
    db_host: str | None = None,
    db_port: Any = None,
    db_user: str | None = None,
) -> dict[str, Any]:
    """
    A database does not have a language.
    """
    to = pgstates.way(user, maintenance_db, db_password, db_host, db_port, db_user)
    return pgstates.gone(
        name,
        bool(__opts__["test"]),
        there=lambda: __salt__["postgres.language_exists"](name, **to),
        remove=lambda: __salt__["postgres.language_remove"](name, **to),
        words={
            "absent": f"Language {name} is not present so it cannot be removed",
            "pending": f"Language {name} is set to be removed",
            "done": f"Language {name} has been removed",
            "failed": f"Failed to remove language {name}",
        },
    )
