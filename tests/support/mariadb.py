"""A MariaDB server of a test's own: on a socket in a folder, without a port, with its root's password empty."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.support.debian import need

ACCOUNT = "mysql"


@contextlib.contextmanager
def open_mariadb(folder: Path) -> Iterator[str]:
    """The path of the socket, while the server runs. The folder is made, and is the server's account's.

    The data are in memory where that is a folder: a new server waits for the disk for seconds.
    """
    need("mariadb-server")
    folder.mkdir(parents=True)
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as data:
        for path in (folder, Path(data)):
            shutil.chown(path, ACCOUNT, ACCOUNT)
            path.chmod(0o755)
        with _running(folder, Path(data)) as socket:
            yield str(socket)


@contextlib.contextmanager
def _running(folder: Path, data: Path) -> Iterator[Path]:
    socket = folder / "socket"
    common = ["--no-defaults", f"--user={ACCOUNT}", f"--datadir={data}"]
    done = subprocess.run(
        ["mariadb-install-db", *common, "--auth-root-authentication-method=normal", "--skip-test-db"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    options = [f"--socket={socket}", "--skip-networking", "--skip-log-bin", "--innodb-flush-log-at-trx-commit=0"]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(["mariadbd", *common, *options], stdout=log, stderr=log)
    try:
        end = time.monotonic() + 60
        while not socket.exists():
            assert server.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < end, "the server does not listen: " + (folder / "log").read_text()
            time.sleep(0.05)
        yield socket
    finally:
        server.terminate()
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
