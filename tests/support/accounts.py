"""System accounts that a test makes, and takes away."""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import subprocess
from collections.abc import Iterator

import pytest


@contextlib.contextmanager
def account(prefix: str = "tst", *, groups: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """An account of this host with a password, and new groups of these names: `(name, password)`. Gone afterwards."""
    if os.geteuid() != 0:
        pytest.skip("only root makes accounts")
    name, password = f"{prefix}{secrets.token_hex(4)}", secrets.token_urlsafe(12)
    for group in groups:
        run("groupadd", group)
    try:
        more = ["-G", ",".join(groups)] if groups else []
        run("useradd", "-M", "-s", "/bin/sh", *more, name)
        try:
            run("chpasswd", text=f"{name}:{password}\n")
            yield name, password
        finally:
            run("userdel", name)
    finally:
        for group in groups:
            run("groupdel", group)


def run(*argv: str, text: str | None = None) -> str:
    """Run a command of the host; its output."""
    done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, f"{argv[0]}: {done.stderr}"
    return done.stdout


def uid_of(name: str) -> int:
    return pwd.getpwnam(name).pw_uid
