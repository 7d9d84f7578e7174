"""The small process that is forked for each job.

It is started before Trio and before any thread, imports what jobs need before its first fork, freezes the collector,
and then only forks: it hands each child its end of a socket pair, reaps, and reports exit statuses to its daemon. It
ends when its daemon is gone; children that run go on. `start_zygote` is called by the daemons' commands; `worker/pool`
speaks with it.

Messages, one to a packet (SOCK_SEQPACKET). From the daemon: a number, with the child's socket; or, without a socket,
names of modules that it is to import for those that are forked from now on (`states/file`: a plugin of ours, `a.b:c`:
a function that is called too). From the zygote:
`STARTED number pid`, `EXITED pid status`, `FAILED number errno`.
"""

from __future__ import annotations

import gc
import importlib
import os
import signal
import socket
import struct
import sys
from collections.abc import Sequence
from typing import NamedTuple

STARTED, EXITED, FAILED = 1, 2, 3
REQUEST = struct.Struct("=I")
REPORT = struct.Struct("=BIi")
# The longest packet from a daemon.
LONGEST = 4096

CHILD = "trisalt.worker.life"
AHEAD = "trisalt.loader.ahead"
# After how many new objects the collector of a child looks: one lives for a job, or is reused for short ones, and
# looking for circles in thousands of states costs more than they would.
COLLECT_AFTER = (100_000, 20, 50)
# Where a fresh interpreter finds its socket.
_SPAWN_FD = 198
_RESET = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGCHLD)


class Zygote(NamedTuple):
    """A started zygote: its process id, the daemon's end of the socket to it, and what it preloads."""

    pid: int
    socket: socket.socket
    preload: tuple[str, ...] = ()

    def close(self) -> None:
        """Let it end, and reap it. Children that run go on."""
        self.socket.close()
        reap(self.pid)


def start_zygote(preload: Sequence[str] = (), *, fresh: bool | None = None) -> Zygote:
    """Start a zygote: a fork of this process, or a fresh interpreter.

    `preload` names modules that it imports before its first fork (not before: an idle daemon stays small).
    A fork shares this process's memory, and needs one with a single thread and without Trio; `fresh=None` looks, and
    chooses. Call it before `trio.run`. It is cheap: one fork, no wait.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        spawn = not _may_fork() if fresh is None else fresh
        pid = _spawn(theirs, preload) if spawn else _fork(theirs, preload)
    return Zygote(pid, ours, tuple(preload))


def reap(pid: int) -> int | None:
    """Wait for a process of ours; its exit status, None when somebody else has reaped it."""
    try:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    except ChildProcessError:
        return None


def _may_fork() -> bool:
    try:
        alone = len(os.listdir("/proc/self/task")) == 1
    except OSError:
        alone = "threading" not in sys.modules
    return alone and "trio" not in sys.modules


def _fork(theirs: socket.socket, preload: Sequence[str]) -> int:
    # What the collector does not look at stays one page for both.
    gc.collect()
    gc.freeze()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    try:
        fd = theirs.detach()
        _keep_only(fd)
        _serve(socket.socket(fileno=fd), preload)
    except BaseException:
        _print_exception()
    finally:
        os._exit(70)


def _spawn(theirs: socket.socket, preload: Sequence[str]) -> int:
    argv = [sys.executable, "-m", "trisalt.worker.zygote", str(_SPAWN_FD), *preload]
    actions = [(os.POSIX_SPAWN_DUP2, theirs.fileno(), _SPAWN_FD)]
    return os.posix_spawn(sys.executable, argv, os.environ, file_actions=actions)


def _keep_only(fd: int) -> None:
    """Close what this process has of its parent's: only the standard streams and `fd` stay. No input."""
    os.closerange(3, fd)
    os.closerange(fd + 1, 65536)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    if null != 0:
        os.close(null)


# -- inside the zygote -----------------------------------------------------------------------------------------


def _serve(daemon: socket.socket, preload: Sequence[str]) -> None:
    """Fork on request until the daemon is gone. Never returns."""
    # The daemon alone decides when this ends: a Ctrl-C in its terminal reaches it, and it closes the socket.
    for signum in _RESET:
        signal.signal(signum, signal.SIG_IGN)
    awake, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda _signum, _frame: None)
    name_process("trisalt-zygote")
    import select

    events = select.epoll()
    events.register(daemon, select.EPOLLIN)
    events.register(awake, select.EPOLLIN)
    ready = False
    while True:
        for fd, _event in events.poll():
            if fd == awake:
                os.read(awake, 4096)
                _report_exits(daemon)
                continue
            try:
                request, fds, _flags, _peer = socket.recv_fds(daemon, LONGEST, 1)
            except OSError:
                os._exit(0)
            if not request:
                os._exit(0)
            if not ready:
                _prepare(preload)
                ready = True
            if not fds:
                _import(request.decode().split())
                continue
            _birth(daemon, REQUEST.unpack(request)[0], fds[0], close=(events.fileno(), awake, wake))
            os.close(fds[0])


def _prepare(preload: Sequence[str]) -> None:
    _import((CHILD, *preload))
    sys.modules[CHILD].rehearse()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


def _import(names: Sequence[str]) -> None:
    for name in names:
        module, _, function = name.partition(":")
        try:
            if "/" in name:
                importlib.import_module(AHEAD).prepare(name)
            else:
                importlib.import_module(module)
            if function:
                getattr(sys.modules[module], function)()
        except Exception as exc:  # the child that needs it will say so in its outcome
            print(f"cannot preload {name}: {exc}", file=sys.stderr)
    gc.freeze()


def _birth(daemon: socket.socket, number: int, fd: int, *, close: Sequence[int]) -> None:
    try:
        pid = os.fork()
    except OSError as exc:
        _tell(daemon, FAILED, number, exc.errno or 0)
        return
    if pid:
        _tell(daemon, STARTED, number, pid)
        return
    status = 70
    try:
        signal.set_wakeup_fd(-1)
        for signum in _RESET:
            signal.signal(signum, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.setsid()
        daemon.close()
        for other in close:
            os.close(other)
        name_process("trisalt-worker")
        status = sys.modules[CHILD].main(socket.socket(fileno=fd))
    except BaseException:
        _print_exception()
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(status)


def _print_exception() -> None:
    import traceback  # not before something is wrong with us

    traceback.print_exc()


def _report_exits(daemon: socket.socket) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        _tell(daemon, EXITED, pid, os.waitstatus_to_exitcode(status))


def _tell(daemon: socket.socket, what: int, number: int, value: int) -> None:
    try:
        daemon.send(REPORT.pack(what, number, value))
    except OSError:
        os._exit(0)


def name_process(name: str) -> None:
    """The name that `ps -o comm` and `top` show, up to 15 bytes."""
    try:
        with open("/proc/self/comm", "wb", buffering=0) as comm:
            comm.write(name.encode()[:15])
    except OSError:
        pass


if __name__ == "__main__":
    _keep_only(int(sys.argv[1]))
    # Under its own name, so that the pool's and the children's idea of this module is one.
    from trisalt.worker import zygote

    zygote._serve(socket.socket(fileno=int(sys.argv[1])), sys.argv[2:])
