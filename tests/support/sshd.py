"""A server of Debian's OpenSSH on loopback, for as long as a test wants it."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.debian import need
from tests.support.lab import free_ports


@contextmanager
def open_sshd(host_keys: Sequence[Path], authorized: Path | None = None) -> Iterator[int]:
    """Its port. It has these keys, and lets in whoever has one of those that are `authorized`."""
    need("openssh-server")
    os.makedirs("/run/sshd", exist_ok=True)
    (port,) = free_ports(1)
    options = ["ListenAddress=127.0.0.1", "PidFile=none", "StrictModes=no", "UsePAM=no"]
    options += [f"AuthorizedKeysFile={authorized}"] if authorized else []
    argv = ["/usr/sbin/sshd", "-D", "-e", "-f", "/dev/null", "-p", str(port)]
    for option in options:
        argv += ["-o", option]
    for key in host_keys:
        argv += ["-h", str(key)]
    process = subprocess.Popen(argv, stderr=subprocess.DEVNULL)
    try:
        for _ in range(1000):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except ConnectionRefusedError:
                assert process.poll() is None, "sshd ended"
                time.sleep(0.01)
        yield port
    finally:
        process.terminate()
        process.wait(5)


def make_key(path: Path, kind: str = "ed25519", *, passphrase: str = "", comment: str = "test") -> Path:
    """A pair of keys in `path` and `path.pub`."""
    need("openssh-client")
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", comment, "-f", path], check=True)
    return path
