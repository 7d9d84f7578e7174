"""A MariaDB server of a test's own: on a socket in a folder, without a port, with its root's password empty."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tests.support.debian import need

ACCOUNT = "mysql"


@contextlib.contextmanager
def open_mariadb(folder: Path) -> Iterator[str]:
    """The path of the socket, while the server runs. The folder is made, and is the server's account's."""
    need("mariadb-server")
    data, socket = folder / "data", folder / "socket"
    data.mkdir(parents=True)
    for path in (folder, data):
        shutil.chown(path, ACCOUNT, ACCOUNT)
        path.chmod(0o755)
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
        yield str(socket)
    finally:
        server.terminate()
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
