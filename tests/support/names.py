"""Names of accounts and groups that a test makes on this host, and their end: distinct in each process, gone after."""

from __future__ import annotations

import grp
import itertools
import os
import pwd
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_COUNT = itertools.count(1)


def new_name() -> str:
    """A name that is no account's and no group's, of at most 32 letters."""
    return f"trisalt-test-{os.getpid()}-{next(_COUNT)}"


def new_id() -> int:
    """A number that is no account's and no group's, and that no other process of the tests takes."""
    while True:
        # 20 of each process, far above those that a host gives by itself.
        number = 100_000 + os.getpid() % 100_000 * 20 + next(_COUNT) % 20
        if not any(entry.pw_uid == number for entry in pwd.getpwall()) and not any(
            entry.gr_gid == number for entry in grp.getgrall()
        ):
            return number


@contextmanager
def open_names(count: int) -> Iterator[list[str]]:
    """Names for accounts and groups; whatever came to bear one of them is gone afterwards."""
    names = [new_name() for _ in range(count)]
    try:
        yield names
    finally:
        for program in ("userdel", "groupdel"):
            for name in names:
                subprocess.run([program, "-f", name], capture_output=True, check=False)


def write_root(place: Path) -> Path:
    """The files of accounts of another root: root, and a group `users`."""
    etc = place / "etc"
    etc.mkdir(parents=True)
    for name, text in {
        "passwd": "root:x:0:0:root:/root:/bin/sh\n",
        "group": "root:x:0:\nusers:x:100:\n",
        "shadow": "root:*:1:0:99999:7:::\n",
        "gshadow": "root:*::\nusers:!::\n",
    }.items():
        (etc / name).write_text(text)
    return place
