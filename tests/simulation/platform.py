"""The process that a simulation runs in: its clock, its randomness, its threads, and how it opens files.

`install()` puts a dispatcher in the place of each: outside of a simulation it is the real thing. It has to be called
before trisalt is imported, since a default argument keeps the function it was given. `simulated(seed)` is one run.
"""

from __future__ import annotations

import builtins
import contextvars
import errno
import io
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import trio

from tests.simulation.clock import Clock
from tests.simulation.door import Counter, waiting

EPOCH = 1_600_000_000.0
"""Wall time at the start of a run. Long ago, so that it is never confused with that of the machine."""


class Daemon(Protocol):
    """What the platform knows of the daemon that runs now."""

    skew: float
    """How many seconds its wall clock is ahead."""
    disk_full: bool
    boot: str
    """Which boot of its host this is, and when that was."""
    booted: float

    def about_to_write(self, path: str) -> None:
        """It is about to change its disk: a moment to crash in."""


current: contextvars.ContextVar[Daemon | None] = contextvars.ContextVar("simulated_daemon", default=None)
"""The daemon whose task runs. A task has it from the one that started it."""


@contextmanager
def outside() -> Iterator[None]:
    """What is done in this block is done by no daemon."""
    token = current.set(None)
    try:
        yield
    finally:
        current.reset(token)


class _Platform:
    """The run that is under way: its `clock`, None in the real world; `draw` is its randomness.

    `processes` are simulated processes that are alive, by their ids: how to end each. `synced` is told of descriptors.
    """

    def __init__(self) -> None:
        self.clock: Clock | None = None
        self.draw = random.Random()
        self.processes: dict[int, Callable[[], object]] = {}
        self.synced: Callable[[int], object] | None = None


_platform = _Platform()
_installed = False
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_TRUNC


def install() -> None:
    """Take the place of the clock, of the random bytes, of threads and of the opening of files. Once."""
    global _installed
    if _installed:
        return
    early = sorted(name for name in sys.modules if name.startswith("trisalt."))
    assert not early, f"the platform comes before what runs on it: {', '.join(early[:3])} is here already"
    _installed = True
    real_time, real_monotonic, real_counter, real_urandom = time.time, time.monotonic, time.perf_counter, os.urandom
    real_gettime = time.clock_gettime

    def wall() -> float:
        if _platform.clock is None:
            return real_time()
        daemon = current.get()
        return EPOCH + _platform.clock.now + (0.0 if daemon is None else daemon.skew)

    def steady(real: Callable[[], float]) -> Callable[[], float]:
        return lambda: real() if _platform.clock is None else _platform.clock.now

    def random_bytes(size: int) -> bytes:
        return real_urandom(size) if _platform.clock is None else _platform.draw.randbytes(size)

    time.time = wall
    time.time_ns = lambda: int(wall() * 1e9)
    time.monotonic = steady(real_monotonic)
    time.perf_counter = steady(real_counter)
    time.clock_gettime = lambda which: real_gettime(which) if _platform.clock is None else _since_boot()
    os.urandom = random_bytes
    real_kill = os.kill

    def kill(pid: int, signum: int) -> None:
        if pid < FIRST_PID:
            real_kill(pid, signum)
        elif (end := _platform.processes.get(pid)) is None:
            raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))
        elif signum:
            end()

    os.kill = kill
    real_eventfd, real_add, real_take = os.eventfd, os.eventfd_write, os.eventfd_read
    os.eventfd = lambda *args: real_eventfd(*args) if _platform.clock is None else Counter()  # type: ignore[assignment]
    os.eventfd_write = lambda fd, value: fd.add(value) if isinstance(fd, Counter) else real_add(fd, value)  # type: ignore[assignment]
    os.eventfd_read = lambda fd: fd.take() if isinstance(fd, Counter) else real_take(fd)  # type: ignore[assignment]
    _watch_files()

    trio.to_thread.run_sync = _run_in_thread  # type: ignore[assignment]
    trio.lowlevel.wait_readable = waiting(trio.lowlevel.wait_readable, "wait_readable")
    trio.lowlevel.wait_writable = waiting(trio.lowlevel.wait_writable, "wait_writable")
    # Every order in which ready tasks may run is one that may happen: the order is drawn, and the draw is the seed's.
    trio._core._run._ALLOW_DETERMINISTIC_SCHEDULING = True  # type: ignore[attr-defined]

    # Now that the platform is there.
    from trisalt.master.behind import Behind

    Behind.run_sync = lambda _self, *args: _run_in_thread(*args)  # type: ignore[assignment,method-assign]


@contextmanager
def simulated(seed: object, clock: Clock) -> Iterator[dict[int, Callable[[], object]]]:
    """One run on its clock; all that is drawn, the order of tasks too, follows from `seed`.

    Yields the simulated processes that are alive, by their ids from FIRST_PID on: `/proc` shows those.
    """
    assert _installed
    kept = random.getstate()
    _platform.draw = random.Random(f"platform {seed}")
    _platform.clock = clock
    _platform.processes = {}
    _platform.synced = None
    random.seed(f"library {seed}")
    trio._core._run._r.seed(f"scheduler {seed}")  # type: ignore[attr-defined]
    try:
        yield _platform.processes
    finally:
        _platform.clock = None
        random.setstate(kept)


def hear_syncs(synced: Callable[[int], object]) -> None:
    """In this run, tell this function of the descriptor of each file and folder that is synced."""
    _platform.synced = synced


def _since_boot() -> float:
    assert _platform.clock is not None
    daemon = current.get()
    return _platform.clock.now - (0.0 if daemon is None else daemon.booted)


# -- threads ---------------------------------------------------------------------------------------------------------

FIRST_PID = 1 << 24
"""Simulated processes have ids beyond all that a machine gives."""

SLOWEST_THREAD = 0.004
"""Seconds that a call in a thread takes at most, apart from what it waits for its limiter."""


async def _run_in_thread(
    function: Callable[..., Any],
    *args: Any,
    thread_name: str | None = None,
    abandon_on_cancel: bool = False,
    limiter: Any = None,
) -> Any:
    """`trio.to_thread.run_sync`: at some moment of a short time the function runs as a whole; others run meanwhile.

    Like the real one it does not end before its thread does, cancelled or not, unless it may be abandoned.
    """
    assert _platform.clock is not None
    await trio.lowlevel.checkpoint_if_cancelled()
    limiter = limiter or trio.to_thread.current_default_thread_limiter()
    place = object()
    await limiter.acquire_on_behalf_of(place)
    try:
        await _platform.clock.pause(_platform.draw.random() * SLOWEST_THREAD, cancellable=abandon_on_cancel)
        return function(*args)
    finally:
        limiter.release_on_behalf_of(place)


# -- files -----------------------------------------------------------------------------------------------------------


def _watch_files() -> None:
    """Tell the daemon of all that changes its disk, before it does."""
    real_open, real_os_open, real_write = builtins.open, os.open, os.write

    def opened(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        if _platform.clock is not None and not isinstance(file, int) and set(mode) & set("wax+"):
            _about_to_write(file, grows=True)
        elif _platform.clock is not None and (told := _kernels_word(file)) is not None:
            return io.BytesIO(told) if "b" in mode else io.StringIO(told.decode())
        return real_open(file, mode, *args, **kwargs)

    def os_opened(path: Any, flags: int, *args: Any, **kwargs: Any) -> int:
        if _platform.clock is not None and flags & _WRITES:
            # What is there already takes no room by being opened.
            _about_to_write(path, grows=bool(flags & os.O_TRUNC) or not os.path.lexists(path))
        return real_os_open(path, flags, *args, **kwargs)

    def written(fd: int, data: Any) -> int:
        daemon = None if _platform.clock is None else current.get()
        if daemon is not None:
            # What is left of a full disk takes half of it, or nothing.
            half = daemon.disk_full and _platform.draw.random() < 0.5
            _about_to_write(f"descriptor {fd}", grows=not half)
            data = data[: len(data) // 2] if half else data
        return real_write(fd, data)

    builtins.open = io.open = opened  # type: ignore[assignment]
    os.open = os_opened
    os.write = written
    real_fsync, real_fdatasync = os.fsync, os.fdatasync

    def syncing(real: Callable[[Any], None]) -> Callable[[Any], None]:
        def sync(fd: Any) -> None:
            if _platform.clock is None:
                real(fd)
            elif _platform.synced is not None:
                _platform.synced(fd if isinstance(fd, int) else fd.fileno())

        return sync

    os.fsync, os.fdatasync = syncing(real_fsync), syncing(real_fdatasync)
    for name in ("replace", "rename", "unlink", "remove", "truncate", "ftruncate"):
        setattr(os, name, _announced(getattr(os, name)))


def _kernels_word(file: Any) -> bytes | None:
    """What `/proc` says of a simulated host: which boot it is; and of a simulated process, while that is alive."""
    match os.fspath(file).split("/") if isinstance(file, str | os.PathLike) else ():
        case ["", "proc", "sys", "kernel", "random", "boot_id"] if (daemon := current.get()) is not None:
            return daemon.boot.encode()
        case ["", "proc", pid, "stat"] if pid.isdigit() and int(pid) >= FIRST_PID:
            if int(pid) not in _platform.processes:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(file))
            return f"{pid} (job) S {'0 ' * 18}{pid}".encode()
    return None


def _announced(real: Callable[..., Any]) -> Callable[..., Any]:
    def change(path: Any, *args: Any, **kwargs: Any) -> Any:
        if _platform.clock is not None:
            _about_to_write(f"descriptor {path}" if isinstance(path, int) else path, grows=False)
        return real(path, *args, **kwargs)

    return change


def _about_to_write(path: Any, *, grows: bool) -> None:
    daemon = current.get()
    if daemon is None:
        return
    name = os.fspath(path)
    daemon.about_to_write(name if isinstance(name, str) else os.fsdecode(name))
    if grows and daemon.disk_full:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), name)
