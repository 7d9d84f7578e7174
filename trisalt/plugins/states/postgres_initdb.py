"""Data directories of PostgreSQL.

/srv/pgsql/data:
  postgres_initdb.present:
    - auth: scram-sha-256
    - user: postgres
    - password: {{ pillar.postgres.password }}
    - checksums: True
"""

from __future__ import annotations

from typing import Any

from trisalt.plugins.utils import pgstates
from trisalt.state.result import returned


def __virtual__() -> Any:
    return pgstates.loads(__salt__, "datadir_init")


def present(
    name: str,
    user: str | None = None,
    password: Any = None,
    auth: str = "password",
    encoding: str = "UTF8",
    locale: str | None = None,
    runas: str | None = None,
    waldir: str | None = None,
    checksums: bool = False,
) -> dict[str, Any]:
    """
    A data directory is there. What is said of it counts for one that is made; `runas` is the account whose it is.
    """

    def state() -> dict[str, Any]:
        if __salt__["postgres.datadir_exists"](name):
            return returned(name, True, f"Postgres data directory {name} is already present")
        changes = {name: "Present"}
        if __opts__["test"]:
            return returned(name, None, f"Postgres data directory {name} is set to be initialized", changes)
        made = __salt__["postgres.datadir_init"](
            name, user=user, password=password, auth=auth, encoding=encoding, locale=locale, waldir=waldir,
            checksums=checksums, runas=runas,
        )  # fmt: skip
        if made:
            return returned(name, True, f"Postgres data directory {name} has been initialized", changes)
        return returned(name, False, f"Postgres data directory {name} initialization failed")

    return pgstates.guarded(state, name)
