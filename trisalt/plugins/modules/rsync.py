"""Copies of trees by the program rsync."""

from __future__ import annotations

import os
import tempfile
from typing import Any

from trisalt.errors import CommandError


def __virtual__() -> bool:
    # Whether the program is there is looked at when it is needed: an earlier state may install it.
    return True


def rsync(
    src: str,
    dst: str,
    delete: bool = False,
    force: bool = False,
    update: bool = False,
    passwordfile: str | None = None,
    exclude: Any = None,
    excludefrom: str | None = None,
    dryrun: bool = False,
    rsh: str | None = None,
    additional_opts: Any = None,
    saltenv: str = "base",
) -> dict[str, Any]:
    """
    Copy a tree: what `cmd.run_all` returns. The source may be one of the master's, `salt://…`.

    CLI Example:

        salt '*' rsync.rsync /path/to/src /path/to/dest delete=True exclude='[exclude1/dir, exclude2/dir]'
    """
    if not src or not dst:
        raise CommandError("src and dst cannot be empty")
    words = [
        "-avz",
        *(f"--{name}" for name, given in (("delete", delete), ("force", force), ("update", update)) if given),
    ]
    words += [f"--rsh={rsh}"] if rsh else []
    words += [f"--password-file={passwordfile}"] if passwordfile else []
    words += [f"--exclude={each}" for each in (exclude if isinstance(exclude, list) else [exclude] if exclude else [])]
    words += [f"--exclude-from={excludefrom}"] if excludefrom else []
    words += ["--dry-run"] if dryrun else []
    words += [str(each) for each in (additional_opts if isinstance(additional_opts, list) else [])]
    if not str(src).startswith("salt://"):
        return __utils__["tool.run"](["rsync", *words, "--", src, dst])
    with tempfile.TemporaryDirectory() as folder:
        return __utils__["tool.run"](["rsync", *words, "--", _fetched(str(src), folder, saltenv), dst])


def version() -> str:
    """
    The version of the program.

    CLI Example:

        salt '*' rsync.version
    """
    said = __utils__["tool.checked"](["rsync", "--version"], "Unable to ask rsync for its version")
    return said.split("\n", 1)[0].split()[2]


def config(conf_path: str = "/etc/rsyncd.conf") -> str:
    """
    The configuration of rsync's daemon, as a text.

    CLI Example:

        salt '*' rsync.config
    """
    if not os.path.exists(conf_path):
        raise CommandError(f"{conf_path} does not exist")
    try:
        with open(conf_path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError as exc:
        raise CommandError(f"Unable to read {conf_path}: {exc.strerror or exc}") from exc


def _fetched(src: str, folder: str, saltenv: str) -> str:
    """The path of what a `salt://` address leads to, brought into a folder; a slash at its end stays there."""
    name = os.path.basename(src.rstrip("/"))
    if __salt__["cp.get_dir"](src.rstrip("/"), folder, saltenv):
        return os.path.join(folder, name) + ("/" if src.endswith("/") else "")
    path = __salt__["cp.get_file"](src, os.path.join(folder, name), saltenv)
    if not path:
        raise CommandError(f"{src} does not exist")
    return path
