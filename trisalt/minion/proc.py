"""The jobs that run on this minion: a table in memory, and a file each in `cachedir/proc`.

A file holds the job map and the pid of its process, so that the next daemon finds what a previous one started.
The table answers `saltutil.find_job` and its kin without a worker. Beside it, `SeenJids` remembers which jids have
been taken, over a restart too. Both are used by `minion/jobs` alone; what they write is a few bytes, in place.
"""

from __future__ import annotations

import errno
import os
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import attrs
import structlog
import trio

from trisalt.errors import RemoteProtocolError
from trisalt.wire.codec import pack_bin, unpack_bin

log = structlog.get_logger()

# Our own facts about a job, under one key that no job map has; they are not shown.
OURS = "_trisalt"

# What `saltutil.find_job` tells beside the job map, under one key that stock's answer does not have: since when the
# job has been here (wall seconds), what it is at, and whether a daemon before this one began it.
FURTHER = "trisalt"
LONGEST_NOTE = 200


@attrs.define(kw_only=True)
class Running:
    """One job: its map as it came, and the process that runs it.

    `birth` is the start time of the process in clock ticks since boot, which tells it from a later one of the same
    pid, and `boot` names the boot. `queued` has no process yet: `pid` is the daemon's. `schedule` names the entry that
    started it. `on_disk` is False for what need not outlive the daemon. `since` is wall time; `doing` is what the job
    said it is at.
    """

    job: Mapping[str, Any]
    pid: int
    birth: int = 0
    boot: str = ""
    queued: bool = False
    adopted: bool = False
    schedule: str | None = None
    master: str | None = None
    on_disk: bool = True
    since: float = attrs.field(factory=time.time)
    doing: str = ""
    # What ends the waiting of a job that has no process yet, and the signal that did.
    cancel: trio.CancelScope | None = attrs.field(default=None, repr=False, eq=False)
    cancel_signal: int | None = None

    @property
    def jid(self) -> str:
        """Its jid."""
        return str(self.job["jid"])

    def shown(self) -> dict[str, Any]:
        """What `saltutil.running` tells of it: the job map and the pid."""
        return {**self.job, "pid": self.pid}

    def found(self) -> dict[str, Any]:
        """What `saltutil.find_job` answers: the same, and our own facts under `FURTHER`."""
        further: dict[str, Any] = {"since": self.since}
        if self.doing:
            further["doing"] = self.doing
        if self.queued:
            further["queued"] = True
        if self.adopted:
            further["adopted"] = True
        return {**self.shown(), FURTHER: further}

    def alive(self) -> bool:
        """Whether its process is still that process."""
        if self.boot and self.boot != boot_id():
            return False
        birth = process_birth(self.pid)
        return birth is not None and (not self.birth or birth == self.birth)


class Proc:
    """The running jobs, by jid."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._jobs: dict[str, Running] = {}
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def __len__(self) -> int:
        return len(self._jobs)

    def __contains__(self, jid: str) -> bool:
        return jid in self._jobs

    def __iter__(self) -> Iterator[Running]:
        return iter(tuple(self._jobs.values()))

    def put(self, running: Running) -> None:
        """Note a job, and again when it has got its process."""
        self._jobs[running.jid] = running
        if running.on_disk:
            # Who reads the file asks whether it is still that process; nobody else does.
            if not running.birth:
                running.birth, running.boot = process_birth(running.pid) or 0, boot_id()
            self._write(running)

    def remove(self, jid: str) -> None:
        """The job has ended, and its return is safe. No error when it is not there."""
        running = self._jobs.pop(jid, None)
        if running is None or running.on_disk:
            (self._directory / jid).unlink(missing_ok=True)

    def get(self, jid: str) -> Running | None:
        """One job."""
        return self._jobs.get(jid)

    def find(self, jid: str) -> dict[str, Any]:
        """What `saltutil.find_job` answers: the job map with its pid, or an empty map."""
        running = self._jobs.get(jid)
        return running.found() if running else {}

    def note(self, jid: str, text: str) -> bool:
        """A job says what it is at, in one line. False when it is not here any more."""
        running = self._jobs.get(jid)
        if running is None:
            return False
        running.doing = " ".join(text.split())[:LONGEST_NOTE]
        return True

    def running(self) -> list[dict[str, Any]]:
        """What `saltutil.running` answers, by jid."""
        return [self._jobs[jid].shown() for jid in sorted(self._jobs)]

    def count(self, schedule: str) -> int:
        """How many runs of a schedule entry are under way."""
        return sum(running.schedule == schedule for running in self._jobs.values())

    def adopt(self) -> list[Running]:
        """Take over what a previous daemon started, whether it still runs or not. Unreadable files are removed.

        Stock's `salt-call` notes here what it runs, without arguments, and removes that itself, unless it was killed.
        """
        found = []
        for path in sorted(self._directory.iterdir()):
            if path.name.startswith("."):
                if path.name.endswith(".new"):
                    path.unlink(missing_ok=True)
                continue
            running = _read(path)
            if running is None:
                log.warning("proc.file_unreadable", path=str(path))
                path.unlink(missing_ok=True)
                continue
            if "fun" not in running.job or not isinstance(running.job.get("arg"), list):
                if not running.alive():
                    path.unlink(missing_ok=True)
                continue
            self._jobs[running.jid] = running
            found.append(running)
        return found

    def _write(self, running: Running) -> None:
        ours = {
            "birth": running.birth,
            "boot": running.boot,
            "queued": running.queued,
            "schedule": running.schedule,
            "master": running.master,
            "since": running.since,
        }
        data = pack_bin({**running.shown(), OURS: ours})
        fresh = self._directory / f".{running.jid}.new"
        fresh.write_bytes(data)
        os.replace(fresh, self._directory / running.jid)


class SeenJids:
    """Which jids this minion has taken: the newest `depth` in memory, and as many in a file that is appended to."""

    def __init__(self, path: Path, *, depth: int) -> None:
        self._path = path
        self._depth = max(depth, 1)
        self._jids: OrderedDict[str, None] = OrderedDict()
        self._lines = 0
        self._out = -1
        try:
            written = path.read_bytes()
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            return
        whole = written[: written.rfind(b"\n") + 1]
        if len(whole) < len(written):
            # A power cut left half a line, or zeros: the next one would be written behind it, and be lost too.
            log.warning("proc.jids_cut", path=str(path), bytes=len(written) - len(whole))
            os.truncate(path, len(whole))
        for jid in whole.decode("ascii", "replace").split():
            self._remember(jid)
            self._lines += 1

    def __contains__(self, jid: str) -> bool:
        return jid in self._jids

    def remembers(self, jid: str) -> bool | None:
        """Whether a jid has been taken; None for one that is so old that it may have been forgotten."""
        if jid in self._jids:
            return True
        full = len(self._jids) >= self._depth
        return None if full and jid <= min(self._jids) else False

    def take(self, jid: str, *, note: bool = True) -> bool:
        """Remember a jid; False when it has been taken before. Without `note` only this daemon does."""
        if jid in self._jids:
            return False
        self._remember(jid)
        if note:
            self.note(jid)
        return True

    def forget(self, jid: str) -> None:
        """It was taken, and may be again."""
        self._jids.pop(jid, None)

    def note(self, jid: str) -> None:
        """Have later daemons remember it too."""
        try:
            self._write(jid)
        except OSError as exc:
            # This daemon remembers it; only the next one would not.
            log.error("proc.not_written", jid=jid, reason=exc.strerror)

    def _write(self, jid: str) -> None:
        if self._lines >= 2 * self._depth:
            fresh = self._path.with_name(f".{self._path.name}.new")
            fresh.write_text("".join(f"{kept}\n" for kept in self._jids), encoding="ascii")
            os.replace(fresh, self._path)
            self._lines = len(self._jids)
            self._close()
            return
        if self._out < 0:
            # Kept open: a line is added for each job.
            self._out = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
        line = f"{jid}\n".encode("ascii")
        if (written := os.write(self._out, line)) < len(line):
            # The next one would be written behind half of this, and both be lost.
            os.ftruncate(self._out, os.lseek(self._out, 0, os.SEEK_END) - written)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._lines += 1

    def _close(self) -> None:
        if self._out >= 0:
            os.close(self._out)
            self._out = -1

    def _remember(self, jid: str) -> None:
        self._jids[jid] = None
        while len(self._jids) > self._depth:
            self._jids.popitem(last=False)


@cache
def boot_id() -> str:
    """A name for this run of the host's kernel, or, in a container, of its own; empty where there is none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


def process_birth(pid: int) -> int | None:
    """When a process began, in clock ticks since boot; None when there is no such process, or only its remains."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except FileNotFoundError:
        return None
    except OSError:
        return 0
    # The second field is the program's name in brackets, which may hold anything.
    fields = stat[stat.rindex(b")") + 2 :].split()
    return None if fields[0] in (b"Z", b"X") else int(fields[19])


async def wait_ended(running: Running) -> None:
    """Wait until the process of a job that is not our child has ended."""
    try:
        descriptor = os.pidfd_open(running.pid)
    except (AttributeError, OSError):
        descriptor = None
    if descriptor is None:
        while running.alive():  # noqa: ASYNC110 - nothing tells of the end of a process that is not ours
            await trio.sleep(1)
        return
    try:
        if running.alive():
            await trio.lowlevel.wait_readable(descriptor)
        else:
            await trio.lowlevel.checkpoint()
    finally:
        os.close(descriptor)


def _read(path: Path) -> Running | None:
    try:
        job = unpack_bin(path.read_bytes())
    except (OSError, RemoteProtocolError):
        return None
    if not isinstance(job, dict) or str(job.get("jid")) != path.name or not isinstance(job.get("pid"), int):
        return None
    ours = job.pop(OURS, None)
    ours = ours if isinstance(ours, dict) else {}
    birth, master, schedule, since = (ours.get(name) for name in ("birth", "master", "schedule", "since"))
    boot = ours.get("boot")
    return Running(
        job=job,
        pid=job.pop("pid"),
        birth=birth if isinstance(birth, int) else 0,
        boot=boot if isinstance(boot, str) else "",
        queued=bool(ours.get("queued")),
        master=master if isinstance(master, str) else None,
        schedule=schedule if isinstance(schedule, str) else None,
        adopted=True,
        # A daemon that noted no time wrote the file when the job began.
        since=since if isinstance(since, float) else path.stat().st_mtime,
    )
