"""Extensions of PostgreSQL databases.

hstore:
  postgres_extension.present:
    - maintenance_db: app
"""

from __future__ import annotations

from typing import Any

from trisalt.plugins.utils import pgstates
from trisalt.state.result import returned


def __virtual__() -> Any:
    return pgstates.loads(__salt__, "create_extension")


def present(
    name: str,
    if_not_exists: bool | None = None,
    schema: str | None = None,
    ext_version: Any = None,
    from_version: Any = None,
    user: str | None = None,
    maintenance_db: str | None = None,
    db_user: str | None = None,
    db_password: str | None = None,
    db_host: str | None = None,
    db_port: Any = None,
) -> dict[str, Any]:
    """
    A database (`maintenance_db`) has an extension, not older than `ext_version`, and in this schema.
    """
    to = pgstates.way(user, maintenance_db, db_password, db_host, db_port, db_user)

    def state() -> dict[str, Any]:
        found = __salt__["postgres.create_metadata"](name, schema=schema, ext_version=ext_version, **to)
        if found == ["EXTENSION INSTALLED"]:
            return returned(name, True, f"Extension {name} is already present")
        mode, done = ("install", "installed") if "EXTENSION NOT INSTALLED" in found else ("upgrade", "upgraded")
        changes = {name: done.capitalize()}
        if __opts__["test"]:
            return returned(name, None, f"Extension {name} is set to be {done}", changes)
        made = __salt__["postgres.create_extension"](
            name, if_not_exists=if_not_exists, schema=schema, ext_version=ext_version, from_version=from_version, **to
        )
        if made:
            return returned(name, True, f"The extension {name} has been {done}", changes)
        return returned(name, False, f"Failed to {mode} extension {name}")

    return pgstates.guarded(state, name)


def absent(
    name: str,
    if_exists: bool | None = None,
    restrict: bool | None = None,
    cascade: bool | None = None,
    user: str | None = None,
    maintenance_db: str | None = None,
    db_user: str | None = None,
    db_password: str | None = None,
    db_host: str | None = None,
    db_port: Any = None,
) -> dict[str, Any]:
    """
    A database does not have an extension, with `cascade` nor what depends on it.
    """
    to = pgstates.way(user, maintenance_db, db_password, db_host, db_port, db_user)
    how = {"if_exists": if_exists, "restrict": restrict, "cascade": cascade}
    return pgstates.gone(
        name,
        bool(__opts__["test"]),
        there=lambda: __salt__["postgres.is_installed_extension"](name, **to),
        remove=lambda: __salt__["postgres.drop_extension"](name, **how, **to),
        words={
            "absent": f"Extension {name} is not present, so it cannot be removed",
            "pending": f"Extension {name} is set to be removed",
            "done": f"Extension {name} has been removed",
            "failed": f"Extension {name} failed to be removed",
        },
    )
