"""Stock Salt's commands, each a process of its own that begins where their imports are over.

Half of what one of them costs is to import what all of them do. So one process imports it, once for each process that
runs tests, and what a test runs is forked off it: with its own arguments, environment, folder and streams, to its own
end and status.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

PROGRAMS = {
    "salt": "salt_main",
    "salt-call": "salt_call",
    "salt-cp": "salt_cp",
    "salt-key": "salt_key",
    "salt-run": "salt_run",
}

_SERVER = """
import json, os, random, signal, socket, sys
import salt.scripts
import salt.cli.call, salt.cli.cp, salt.cli.key, salt.cli.run, salt.cli.salt
import salt.client, salt.fileclient, salt.key, salt.loader, salt.minion, salt.output, salt.runner, salt.utils.event
here = socket.socket(fileno=int(sys.argv[1]))
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
while True:
    asked, fds, _flags, _address = socket.recv_fds(here, 1 << 20, 4)
    if not asked:
        sys.exit()
    if os.fork() == 0:
        break
    for fd in fds:
        os.close(fd)
# One waits for what runs, and tells its pid and how it ended.
signal.signal(signal.SIGCHLD, signal.SIG_DFL)
here.close()
*streams, told = fds
if pid := os.fork():
    os.write(told, b"%d\\n" % pid)
    os.write(told, b"%d\\n" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    os._exit(0)
os.close(told)
for number, fd in enumerate(streams):
    os.dup2(fd, number)
    os.close(fd)
given = json.loads(asked)
os.environ.clear()
os.environ.update(given["env"])
os.chdir(given["cwd"])
random.seed()
sys.argv = given["argv"]
sys.exit(getattr(salt.scripts, given["function"])())
"""


class _Server:
    """The process that has imported them."""

    def __init__(self, folder: Path) -> None:
        self._here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with there:
            argv = [str(folder / "python"), "-W", "ignore", "-c", _SERVER, str(there.fileno())]
            self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, pass_fds=[there.fileno()])

    def run(
        self, argv: Sequence[str], *, stdin: str, env: Mapping[str, str], seconds: float
    ) -> subprocess.CompletedProcess[str]:
        asked = {"argv": list(argv), "function": PROGRAMS[Path(argv[0]).name], "env": dict(env), "cwd": os.getcwd()}
        with contextlib.ExitStack() as stack:
            streams = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(3)]
            streams[0].write(stdin.encode())
            streams[0].seek(0)
            reads, told = os.pipe()
            answer = stack.enter_context(open(reads, "rb"))
            try:
                fds = [*(stream.fileno() for stream in streams), told]
                socket.send_fds(self._here, [json.dumps(asked).encode()], fds)
            finally:
                os.close(told)
            pid = int(answer.readline())
            if not select.select([answer], [], [], seconds)[0]:
                os.kill(pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired(list(argv), seconds)
            status = int(answer.readline())
            for stream in streams[1:]:
                stream.seek(0)
            out, err = (stream.read().decode(errors="replace") for stream in streams[1:])
        return subprocess.CompletedProcess(list(argv), status, out, err)

    def close(self) -> None:
        self._here.close()
        self._process.wait(10)


_lock = threading.Lock()
_servers: dict[Path, _Server] = {}


def run_stock(
    argv: Sequence[str], *, env: Mapping[str, str], stdin: str = "", seconds: float = 60
) -> subprocess.CompletedProcess[str]:
    """As `subprocess.run` of one of `PROGRAMS`, by its path, with what it writes as text."""
    folder = Path(argv[0]).parent
    with _lock:
        if folder not in _servers:
            _servers[folder] = _Server(folder)
            atexit.register(_servers[folder].close)
    return _servers[folder].run(argv, stdin=stdin, env=env, seconds=seconds)
