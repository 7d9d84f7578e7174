"""Tablespaces of PostgreSQL.

fast:
  postgres_tablespace.present:
    - directory: /srv/ssd/postgres
    - owner: app
"""

from __future__ import annotations

from typing import Any

from trisalt.plugins.utils import pgstates
from trisalt.state.result import returned


def __virtual__() -> Any:
    return pgstates.loads(__salt__, "tablespace_exists")


def present(
    name: str,
    directory: str,
    options: dict[str, Any] | None = None,
    owner: str | None = None,
    user: str | None = None,
    maintenance_db: str | None = None,
    db_password: str | None = None,
    db_host: str | None = None,
    db_port: Any = None,
    db_user: str | None = None,
) -> dict[str, Any]:
    """
    A tablespace is there, in this directory, with this owner and these options. Its directory cannot be changed.
    """
    to = pgstates.way(user, maintenance_db, db_password, db_host, db_port, db_user)

    def state() -> dict[str, Any]:
        there = __salt__["postgres.tablespace_list"](**to).get(name)
        if there is None:
            changes: dict[str, Any] = {name: "Present"}
            if __opts__["test"]:
                return returned(name, None, f"Tablespace {name} is set to be created", changes)
            if __salt__["postgres.tablespace_create"](name, directory, options=options, owner=owner, **to):
                return returned(name, True, f"The tablespace {name} has been created", changes)
            return returned(name, False, f"Failed to create tablespace {name}")
        if there["Location"] != directory:
            # With its line break, as the log readers of stock Salt 3008.3 know it.
            comment = (
                f"Tablespace {name} is not at the right location. This is\n"
                "            unfixable without dropping and recreating the tablespace."
            )
            return returned(name, False, comment)
        said, changes, how = [], {}, {}
        if owner and there["Owner"] != owner:
            said.append((f"Tablespace {name} owner to be altered", f"Tablespace {name} owner changed"))
            changes["owner"] = how["new_owner"] = owner
        set_now = dict(pair.partition("=")[::2] for pair in there["Opts"].strip("{}").split(",") if pair)
        wrong = {key: value for key, value in (options or {}).items() if set_now.get(key) != str(value)}
        if wrong:
            said.append((f"Tablespace {name} options to be altered", f"Tablespace {name} opts changed"))
            changes["options"] = how["set_option"] = wrong
        if not said:
            return returned(name, True, f"Tablespace {name} is already present")
        if __opts__["test"]:
            return returned(name, None, "\n".join(pending for pending, _ in said), {name: changes})
        if __salt__["postgres.tablespace_alter"](name, **how, **to):
            return returned(name, True, "\n".join(done for _, done in said), {name: changes})
        return returned(name, False, f"Failed to change tablespace {name}")

    return pgstates.guarded(state, name)


def absent(
    name: str,
    user: str | None = None,
    maintenance_db: str | None = None,
    db_user: str | None = None,
    db_password: str | None = None,
    db_host: str | None = None,
    db_port: Any = None,
) -> dict[str, Any]:
    """
    A tablespace is not there. One that something is in cannot be removed.
    """
    to = pgstates.way(user, maintenance_db, db_password, db_host, db_port, db_user)
    return pgstates.gone(
        name,
        bool(__opts__["test"]),
        there=lambda: __salt__["postgres.tablespace_exists"](name, **to),
        remove=lambda: __salt__["postgres.tablespace_remove"](name, **to),
        words={
            "absent": f"Tablespace {name} is not present, so it cannot be removed",
            "pending": f"Tablespace {name} is set to be removed",
            "done": f"Tablespace {name} has been removed",
            "failed": f"Tablespace {name} failed to be removed",
        },
    )
