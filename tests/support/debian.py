"""Debian packages that tests of real programs need: installed once, by apt, where the tests may do so.

A test asks for what it needs with `need("cron", "at")`. As root on Debian the packages are installed; elsewhere the
test is skipped, which CI (root on Debian) never is.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

# One apt at a time, whichever test process calls it.
_LOCK = Path("/var/lock/trisalt-tests-apt.lock")
_APT = ["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=120", "-o", "APT::Install-Recommends=false"]


def need(*packages: str) -> None:
    """Have these Debian packages installed, or skip the test."""
    missing = [name for name in packages if not _installed(name)]
    if not missing:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        pytest.skip(f"needs the Debian packages {', '.join(missing)}, and root to install them")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with _LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refresh()
        done = subprocess.run([*_APT, "install", *missing], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"apt-get install {missing}: {done.stdout[-2000:]}{done.stderr[-2000:]}"


@cache
def refresh() -> None:
    """Have apt's lists, once a process. Without them a package looks as if there were none of its name."""
    done = subprocess.run([*_APT, "update"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"apt-get update: {done.stderr[-2000:]}"


def _installed(name: str) -> bool:
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Status}", name], capture_output=True, text=True, check=False)
    return done.stdout == "install ok installed"
