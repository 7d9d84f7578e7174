"""What a job leaves in its process."""

import os
import resource
import signal
import subprocess
import sys
import threading
import time

import pytest

from trisalt.worker.traces import Traces


def _umask():
    os.umask(0o027)


def _handler():
    signal.signal(signal.SIGUSR2, lambda *_: None)


LEFT = {
    "status": _umask,
    "caught": _handler,
    "environ": lambda: os.environ.update(TRISALT_LEFT="1"),
    "folder": lambda: os.chdir("/"),
    "files": lambda: os.dup(0),
    "children": lambda: subprocess.Popen(["true"]),
    "timers": lambda: signal.setitimer(signal.ITIMER_REAL, 1000),
    "limits": lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)),
    "nice": lambda: os.nice(1),
    "python": lambda: sys.path.append("/nowhere"),
    "threads": lambda: threading.Thread(target=time.sleep, args=(60,), daemon=True).start(),
}


@pytest.mark.parametrize("what", LEFT)
def test_what_a_job_leaves_is_seen(tmp_path, what):
    """In a process of its own: what is left there cannot be taken back."""
    told, tell = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            resource.setrlimit(resource.RLIMIT_CORE, (0, 4096))
            os.chdir(tmp_path)
            before = Traces.look()
            clean = before.others(Traces.look())
            LEFT[what]()
            os.write(tell, ",".join([*clean, *before.others(Traces.look())]).encode())
        finally:
            os._exit(0)
    os.close(tell)
    with open(told) as pipe:
        found = pipe.read()
    os.waitpid(pid, 0)
    assert found == {"threads": "status"}.get(what, what)
