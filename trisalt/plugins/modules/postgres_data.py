"""Data directories of PostgreSQL: the part of the module `postgres` about what a server runs on."""

from __future__ import annotations

import logging
import os
import pwd
import tempfile
from typing import Any

from trisalt.errors import CommandError

log = logging.getLogger(__name__)

__virtualname__ = "postgres"


def __virtual__() -> Any:
    if __utils__["postgresql.program"]("psql"):
        return __virtualname__
    return False, "psql was not found"


def datadir_exists(name: str) -> bool:
    """
    Whether a directory is PostgreSQL's.

    CLI Example:

        salt '*' postgres.datadir_exists /var/lib/pgsql/data
    """
    return all(os.path.isfile(os.path.join(name, file)) for file in ("PG_VERSION", "postgresql.conf"))


def datadir_init(
    name: str, auth: str = "password", user: str | None = None, password: Any = None, encoding: str = "UTF8",
    locale: str | None = None, waldir: str | None = None, checksums: bool = False, runas: str | None = None,
) -> bool:  # fmt: skip
    """
    Make a data directory, by initdb: `auth` says how who connects on this host is known, `user` and `password` are the
    superuser's. False when it is there.

    CLI Example:

        salt '*' postgres.datadir_init /var/lib/pgsql/data auth=scram-sha-256 user=postgres password=secret
    """
    if datadir_exists(name):
        log.info("%s already exists", name)
        return False
    initdb = __utils__["postgresql.program"]("initdb")
    if initdb is None:
        raise CommandError("initdb executable not found.")
    runas = runas or "postgres"
    argv = [initdb, f"--pgdata={name}", f"--username={user or runas}", f"--auth={auth}", f"--encoding={encoding}"]
    argv += [f"--locale={locale}"] if locale else []
    argv += ["-X", waldir] if waldir else []
    argv += ["--data-checksums"] if checksums else []
    with tempfile.TemporaryDirectory() as folder:
        if password is not None:
            file = _password_file(folder, str(password), runas)
            argv.append(f"--pwfile={file}")
        found = __salt__["cmd.run_all"](
            argv,
            python_shell=False,
            runas=runas,
            cwd="/",
            timeout=__salt__["config.option"]("postgres.timeout") or None,
        )
    if found["retcode"]:
        __context__["retcode"] = found["retcode"]
        log.error("initdb: %s", found["stderr"] or found["stdout"])
        return False
    return True


def _password_file(folder: str, password: str, runas: str) -> str:
    """A file with a password that this account alone may read."""
    try:
        account = pwd.getpwnam(runas)
    except KeyError:
        raise CommandError(f"User '{runas}' is not available") from None
    path = os.path.join(folder, "password")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(password + "\n")
    if os.geteuid() == 0:
        os.chown(folder, account.pw_uid, account.pw_gid)
        os.chown(path, account.pw_uid, account.pw_gid)
    return path
