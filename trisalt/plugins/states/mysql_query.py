"""Statements that MySQL and MariaDB are given.

rows_of_exampledb:
  mysql_query.run:
    - database: exampledb
    - query: "SELECT COUNT(*) FROM t"
    - output: /tmp/rows.txt
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from trisalt.plugins.utils import mysqlstates
from trisalt.state.result import returned


def __virtual__() -> Any:
    return mysqlstates.loads(__salt__, "query")


def run(
    name: str,
    database: str,
    query: str,
    output: str | None = None,
    grain: str | None = None,
    key: str | None = None,
    overwrite: bool = True,
    check_db_exists: bool = True,
    **connection_args: Any,
) -> dict[str, Any]:
    """
    A statement is run each time. `output`: a file for what it gave, or `grain` for a grain (`key` in it); without
    `overwrite` one that is there keeps the statement from running.
    """
    return _run(
        name, database, lambda: __salt__["mysql.query"](database, query, **connection_args),
        output, grain, key, overwrite, check_db_exists, connection_args,
    )  # fmt: skip


def run_file(
    name: str,
    database: str,
    query_file: str | None = None,
    output: str | None = None,
    grain: str | None = None,
    key: str | None = None,
    overwrite: bool = True,
    saltenv: str | None = None,
    check_db_exists: bool = True,
    **connection_args: Any,
) -> dict[str, Any]:
    """
    The same of the statements of a file, a path or `salt://…`.
    """
    file = query_file or name
    if "://" in file:
        cached = __salt__["cp.cache_file"](file, saltenv=saltenv or "base")
        if not cached:
            return returned(name, False, f"The file {file} does not exist")
        file = cached
    elif not os.path.isfile(file):
        return returned(name, False, f"The file {file} does not exist")
    return _run(
        name, database, lambda: __salt__["mysql.file_query"](database, file, **connection_args),
        output, grain, key, overwrite, check_db_exists, connection_args,
    )  # fmt: skip


def _run(
    name: str,
    database: str,
    ask: Callable[[], Any],
    output: str | None,
    grain: str | None,
    key: str | None,
    overwrite: bool,
    check_db_exists: bool,
    connection_args: dict[str, Any],
) -> dict[str, Any]:
    def state() -> dict[str, Any]:
        if check_db_exists and not __salt__["mysql.db_exists"](database, **connection_args):
            error = mysqlstates.error(__context__)
            return returned(name, False, error or f"Database {database} is not present")
        if output == "grain" and grain is None:
            return returned(name, False, "The argument grain is needed for the output in a grain")
        if not overwrite and _is_there(output, grain, key):
            return returned(name, True, "No execution needed. The result is already there")
        if __opts__["test"]:
            where = "not storing result" if output is None else f"storing result in {grain or output}"
            return returned(name, None, f"Query would execute, {where}")
        found = ask()
        if not found:
            return mysqlstates.failed(__context__, name, "The query failed")
        if output == "grain":
            place = grain if key is None else f"{grain}:{key}"
            __salt__["grains.set"](place, found.get("results"), force=True)
            return returned(
                name,
                True,
                f"Query executed. Output into grain: {place}",
                {"query": f"Executed. Output into grain: {place}"},
            )
        if output is not None:
            lines = [",".join(map(str, row)) for row in found.get("results", ())]
            __utils__["rewrite.replace"](output, "".join(f"{line}\n" for line in lines))
            return returned(
                name, True, f"Query executed. Output into {output}", {"query": f"Executed. Output into {output}"}
            )
        return returned(name, True, str(found), {"query": "Executed"})

    return mysqlstates.guarded(state, name)


def _is_there(output: str | None, grain: str | None, key: str | None) -> bool:
    if output == "grain":
        return __salt__["grains.get"](grain if key is None else f"{grain}:{key}") != ""
    return output is not None and os.path.isfile(output)
