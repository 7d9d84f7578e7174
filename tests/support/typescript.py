"""The compiler of TypeScript, of one version: it reads the front end's modules as browsers do, and checks their types.

It comes from the npm registry, once, into the cache of whoever runs the tests.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.debian import need

VERSION = "7.0.2"


def tsc(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run it; what it says of the modules is on its standard output."""
    return subprocess.run(
        [str(_installed()), "--pretty", "false", *words],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def _installed() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / f"trisalt-tests/typescript-{VERSION}"
    command = cache / "node_modules/.bin/tsc"
    if command.exists():
        return command
    if shutil.which("npm") is None:
        need("npm")
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not command.exists():
            argv = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(cache), f"typescript@{VERSION}"]
            done = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False)
            if done.returncode != 0 and "CI" not in os.environ:
                pytest.skip(f"needs typescript@{VERSION} from the npm registry: {done.stderr[-500:]}")
            assert done.returncode == 0, done.stderr[-2000:]
    return command
