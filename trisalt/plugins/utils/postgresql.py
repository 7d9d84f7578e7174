"""PostgreSQL by its own program psql: how it is reached, what is asked, and names and texts in its language.

Used by the files of the module `postgres`, through `__utils__`. SQL goes to psql by its standard input, so that no list
of processes shows it.
"""

from __future__ import annotations

import csv
import io
import os
import pwd
import shutil
from collections.abc import Sequence
from typing import Any

from trisalt.errors import CommandError

# What psql ends with when a statement failed, and what the job does then.
_SCRIPT_FAILED, _FAILED = 3, 1


def server(
    user: Any = None,
    host: Any = None,
    port: Any = None,
    maintenance_db: Any = None,
    password: Any = None,
    runas: Any = None,
) -> dict[str, Any]:
    """Where and as whom to ask; what is not said stands in the options `postgres.*`."""

    def option(value: Any, name: str) -> Any:
        return value or __salt__["config.option"](f"postgres.{name}") or None

    found = {
        "user": option(user, "user"),
        "host": option(host, "host"),
        "port": option(port, "port"),
        "db": option(maintenance_db, "maintenance_db") or "postgres",
        "password": option(password, "pass"),
        "runas": runas,
    }
    for key in ("user", "host", "port", "db"):
        if found[key] is not None and str(found[key]).startswith("-"):
            raise CommandError(f"{found[key]!r} is not the {key} of a server")
    return found


def program(name: str) -> str | None:
    """The path of one of PostgreSQL's programs: in `postgres.bins_dir`, or where programs are."""
    folder = __salt__["config.option"]("postgres.bins_dir")
    return shutil.which(name, path=folder) if folder else shutil.which(name)


def run(statements: str | Sequence[str], to: dict[str, Any]) -> dict[str, Any]:
    """Have statements run, several of them in one transaction: what `cmd.run_all` returns."""
    if isinstance(statements, str):
        script = f"{statements};\n"
    elif len(statements) == 1:
        script = f"{statements[0]};\n"
    else:
        script = "".join(f"{each};\n" for each in ("BEGIN", *statements, "COMMIT"))
    psql = program("psql")
    if psql is None:
        raise CommandError("psql was not found")
    argv = [psql, "--no-align", "--no-readline", "--no-psqlrc", "--no-password", "--quiet", "--tuples-only"]
    argv += ["--set", "ON_ERROR_STOP=1"]
    for flag, key in (("--username", "user"), ("--host", "host"), ("--port", "port"), ("--dbname", "db")):
        if to[key] is not None:
            argv += [flag, str(to[key])]
    found: dict[str, Any] = __salt__["cmd.run_all"](
        argv,
        python_shell=False,
        stdin=script,
        stdin_raw_newlines=True,
        cwd="/",
        runas=to["runas"] or _account(to["host"]),
        env={"PGPASSWORD": str(to["password"])} if to["password"] is not None else None,
        timeout=__salt__["config.option"]("postgres.timeout") or None,
        rstrip=False,
        ignore_retcode=True,
    )
    if found["retcode"]:
        found["retcode"] = _FAILED if found["retcode"] == _SCRIPT_FAILED else found["retcode"]
        __context__["retcode"] = found["retcode"]
        __utils__["postgresql.complain"](found)
    return found


def complain(found: dict[str, Any]) -> None:
    """Tell the log why psql failed."""
    import logging

    reason = (found["stderr"] or found["stdout"]).strip()
    logging.getLogger(__name__).error("PostgreSQL: %s", reason)


def does(statements: str | Sequence[str], to: dict[str, Any]) -> bool:
    """Have statements run for what they do. Why they did not stands in the log."""
    return run(statements, to)["retcode"] == 0


def rows(query: str, to: dict[str, Any], *, write: bool = False) -> list[dict[str, str]]:
    """What a query finds, as texts; nothing when it failed, which the log tells."""
    copy = f"COPY ({query.strip().rstrip(';')}) TO STDOUT WITH CSV HEADER"
    start = ["SET datestyle = 'ISO,MDY'"]
    if write:
        start += ["START TRANSACTION READ WRITE", copy, "COMMIT TRANSACTION"]
    else:
        start.append(copy)
    found = run(";\n".join(start), to)
    if found["retcode"]:
        return []
    return list(csv.DictReader(io.StringIO(found["stdout"])))


def answers(to: dict[str, Any]) -> bool:
    """Whether the server is there."""
    return does("SELECT 1", to)


def ident(name: Any) -> str:
    """A name as it stands in a statement."""
    text = str(name)
    if "\0" in text or not text:
        raise CommandError(f"{text!r} is no name")
    return '"' + text.replace('"', '""') + '"'


def literal(value: Any) -> str:
    """A text as it stands in a statement."""
    text = str(value)
    if "\0" in text:
        raise CommandError("A text of PostgreSQL has no NUL")
    quoted = "'" + text.replace("'", "''") + "'"
    return f" E{quoted}".replace("\\", "\\\\") if "\\" in text else quoted


def _account(host: str | None) -> str | None:
    """As whom psql runs: on this host's own socket root is the server's account, by whose name it lets in."""
    if os.geteuid() != 0 or (host and not str(host).startswith("/")):
        return None
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        return None
