"""The state of this host in numbers: load, memory, processors, disks, network, processes."""

from __future__ import annotations

import datetime
import fnmatch
import logging
import os
import re
import shlex
import shutil
import socket
import time as clock
from collections.abc import Iterable
from typing import Any

from trisalt.errors import CommandError, InvocationError, TrisaltError
from trisalt.worker import upcall

log = logging.getLogger(__name__)
__func_alias__ = {"time_": "time"}

_CPU = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
_DISK = (
    "reads_issued", "reads_merged", "sectors_read", "ms_spent_reading", "writes_completed", "writes_merged",
    "sectors_written", "ms_spent_writing", "io_in_progress", "ms_spent_in_io", "weighted_ms_spent_in_io",
)  # fmt: skip
_NET = (
    "rx_bytes", "rx_packets", "rx_errs", "rx_drop", "rx_fifo", "rx_frame", "rx_compressed", "rx_multicast",
    "tx_bytes", "tx_packets", "tx_errs", "tx_drop", "tx_fifo", "tx_colls", "tx_carrier", "tx_compressed",
)  # fmt: skip
_ALL = (
    "cpuinfo", "cpustats", "diskstats", "diskusage", "loadavg", "meminfo", "netdev", "netstats", "uptime", "vmstats",
    "w",
)  # fmt: skip
_OCTAL = re.compile(r"\\([0-7]{3})")
# When somebody signed in, as w(1) writes it: today, this week, or before.
_LOGIN = re.compile(r"\d{1,2}:\d\d([ap]m)?|[A-Z][a-z]{2}\d\d([ap]m)?|\d\d[A-Z][a-z]{2}\d\d")
_PS = "ps -efHww"
_ANSWER = 10


def uptime() -> dict[str, Any]:
    """
    How long this host has been up: `{seconds, since_iso, since_t, days, time, users}`.

    CLI Example:

        salt '*' status.uptime
    """
    seconds = float(_read("/proc/uptime").split()[0])
    since = datetime.datetime.now(datetime.UTC).replace(tzinfo=None) - datetime.timedelta(seconds=seconds)
    whole = int(seconds)
    return {
        "seconds": whole,
        "since_iso": since.isoformat(),
        "since_t": int(clock.time() - seconds),
        "days": whole // 86400,
        "time": f"{whole % 86400 // 3600}:{whole % 3600 // 60:02d}",
        "users": len(w()),
    }


def loadavg() -> dict[str, float]:
    """
    The load averages of the last minute, five and fifteen.

    CLI Example:

        salt '*' status.loadavg
    """
    return dict(zip(("1-min", "5-min", "15-min"), os.getloadavg(), strict=True))


def cpustats() -> dict[str, Any]:
    """
    What the processors did since the start, in ticks, with interrupts, context switches and processes.

    CLI Example:

        salt '*' status.cpustats
    """
    found: dict[str, Any] = {}
    for line in _read("/proc/stat").splitlines():
        name, *words = line.split()
        numbers = [int(word) for word in words]
        if name == "cpu":
            found[name] = dict(zip(_CPU, numbers, strict=False))
        elif name == "intr":
            found[name] = {"total": numbers[0], "irqs": numbers[1:]}
        elif name == "softirq":
            found[name] = {"total": numbers[0], "softirqs": numbers[1:]}
        else:
            found[name] = numbers[0]
    return found


def meminfo() -> dict[str, dict[str, str]]:
    """
    What the kernel says of memory: `{name: {value, unit}}`.

    CLI Example:

        salt '*' status.meminfo
    """
    found = {}
    for line in _read("/proc/meminfo").splitlines():
        name, _, rest = line.partition(":")
        words = rest.split()
        if words:
            found[name] = {"value": words[0], **({"unit": words[1]} if len(words) > 1 else {})}
    return found


def cpuinfo() -> dict[str, Any]:
    """
    What the kernel says of the processors.

    CLI Example:

        salt '*' status.cpuinfo
    """
    found: dict[str, Any] = {}
    for line in _read("/proc/cpuinfo").splitlines():
        name, colon, value = line.partition(":")
        if colon:
            name, value = name.strip(), value.strip()
            found[name] = value.split() if name in ("flags", "Features") else value
    return found


def diskstats() -> dict[str, dict[str, Any]]:
    """
    What the disks did since the start.

    CLI Example:

        salt '*' status.diskstats
    """
    found: dict[str, dict[str, Any]] = {}
    for line in _read("/proc/diskstats").splitlines():
        major, minor, name, *words = line.split()
        numbers = [int(word) for word in words]
        if name.startswith("ram"):
            continue
        found[name] = {
            "major": int(major),
            "minor": int(minor),
            "device": name,
            **dict(zip(_DISK, numbers, strict=False)),
        }
    return found


def diskusage(*args: str) -> dict[str, dict[str, int]]:
    """
    The space of mounted file systems, in bytes: of all, or of those that `args` name: paths, globs of them, or kinds of
    file systems.

    CLI Example:

        salt '*' status.diskusage / '/mnt*' ext4
    """
    mounts = _mounts()
    if not args:
        places = set(mounts)
    else:
        kinds = {arg for arg in args if not arg.startswith("/")}
        places = {place for place, kind in mounts.items() if kind in kinds}
        for arg in args:
            if arg.startswith("/"):
                places |= set(fnmatch.filter(mounts, arg)) | ({arg} if os.path.exists(arg) else set())
    found = {}
    for place in sorted(places):
        try:
            status = os.statvfs(place)
        except OSError:
            continue  # one that only its user may look at
        found[place] = {
            "available": status.f_frsize * status.f_bavail,
            "total": status.f_frsize * status.f_blocks,
        }
    return found


def netdev() -> dict[str, dict[str, Any]]:
    """
    What the network interfaces sent and received since the start.

    CLI Example:

        salt '*' status.netdev
    """
    found = {}
    for line in _read("/proc/net/dev").splitlines():
        name, colon, rest = line.partition(":")
        if colon:
            name = name.strip()
            found[name] = {"iface": name, **dict(zip(_NET, map(int, rest.split()), strict=False))}
    return found


def netstats() -> dict[str, dict[str, int]]:
    """
    What the kernel counts of the network, by protocol.

    CLI Example:

        salt '*' status.netstats
    """
    found: dict[str, dict[str, int]] = {}
    names: dict[str, list[str]] = {}
    for line in _read("/proc/net/netstat").splitlines():
        kind, _, rest = line.partition(":")
        if kind in names:
            found[kind] = dict(zip(names[kind], map(int, rest.split()), strict=False))
        else:
            names[kind] = rest.split()
    return found


def vmstats() -> dict[str, int]:
    """
    What the kernel counts of virtual memory.

    CLI Example:

        salt '*' status.vmstats
    """
    return {line.split()[0]: int(line.split()[1]) for line in _read("/proc/vmstat").splitlines()}


def nproc() -> int:
    """
    The number of processors that a process may use.

    CLI Example:

        salt '*' status.nproc
    """
    return len(os.sched_getaffinity(0))


def procs() -> dict[str, dict[str, str]]:
    """
    The processes: `{pid: {user, cmd}}`, by the command that the grain `ps` names.

    CLI Example:

        salt '*' status.procs
    """
    found = {}
    head, *rows = _ps()
    names = head.split()
    user = next((number for number, name in enumerate(names) if name in ("USER", "UID")), 0)
    pid = names.index("PID") if "PID" in names else 1
    last = next((number for number, name in enumerate(names) if name in ("CMD", "COMMAND")), len(names) - 1)
    for row in rows:
        words = row.split(None, last)
        if len(words) > last:
            found[words[pid]] = {"user": words[user], "cmd": words[last].strip()}
    return found


def pid(sig: str) -> str:
    """
    The ids of the processes whose command line matches a regular expression, one a line; empty when there is none.

    CLI Example:

        salt '*' status.pid nginx
    """
    try:
        wanted = re.compile(str(sig))
    except re.error as exc:
        raise InvocationError(f"Invalid regular expression {sig!r}: {exc}") from exc
    own = {str(os.getpid()), str(os.getppid())}
    return "\n".join(number for number, row in procs().items() if wanted.search(row["cmd"]) and number not in own)


def w() -> list[dict[str, str]]:
    """
    Who is signed in: `[{user, tty, login, idle, jcpu, pcpu, what}]`.

    CLI Example:

        salt '*' status.w
    """
    if shutil.which("w") is None:
        return []
    rows = __salt__["cmd.run_all"](["w", "-h"], python_shell=False, ignore_retcode=True)["stdout"].splitlines()
    users = []
    for row in rows:
        words = row.split(None, 6)
        # A host's name stands between terminal and time, where there is one.
        if len(words) > 3 and not _LOGIN.fullmatch(words[2]):
            words = row.split(None, 7)
            del words[2]
        if len(words) == 7:
            users.append(dict(zip(("user", "tty", "login", "idle", "jcpu", "pcpu", "what"), words, strict=True)))
    return users


def version() -> str:
    """
    The version of the kernel.

    CLI Example:

        salt '*' status.version
    """
    return _read("/proc/version").strip()


def time_(format: str = "%A, %d. %B %Y %I:%M%p") -> str:
    """
    What time it is here, as strftime(3) writes it.

    CLI Example:

        salt '*' status.time '%s'
    """
    return datetime.datetime.now().strftime(format)


def all_status() -> dict[str, Any]:
    """
    Most of the above, by name.

    CLI Example:

        salt '*' status.all_status
    """
    return {name: globals()[name]() for name in _ALL}


def custom() -> dict[str, Any]:
    """
    Some of the above: what the configuration names, as `status.uptime.custom: [days]`.

    CLI Example:

        salt '*' status.custom
    """
    found: dict[str, Any] = {}
    for option, fields in __salt__["config.dot_vals"]("status").items():
        name, _, last = option.removeprefix("status.").rpartition(".")
        function = {**{known: globals()[known] for known in (*_ALL, "procs", "version")}, "time": time_}.get(name)
        if last != "custom" or function is None:
            continue
        values = function()
        for field in [fields] if isinstance(fields, str) else fields:
            if field == "all":
                found |= values if isinstance(values, dict) else {name: values}
            elif isinstance(values, dict) and field in values:
                found[field] = values[field]
            else:
                log.warning("val %s not in return of status.%s", field, name)
                found[field] = "UNKNOWN"
    return found


def master(master: str | None = None, connected: bool = True) -> None:
    """
    Ask the master for a word, and tell the minion when none comes: it signs in again, or goes on to the next master.

    The option ``master_alive_interval`` has this done at intervals. A connection that breaks is noticed without it.

    CLI Example:

        salt '*' status.master
    """
    if not connected or not upcall.hosted():
        return
    try:
        upcall.ask_master("_file_envs", timeout=_ANSWER, master=master)
    except TrisaltError as exc:
        log.warning("master %s does not answer: %s", master or "", exc)
        upcall.fire_event("__master_disconnected", {"master": master or ""})


def ping_master(master: str) -> bool:
    """
    Whether a master answers at its request port; a minion whose first master does goes back to it.

    That is, where ``master_failback`` is set. The option ``master_failback_interval`` has this done at intervals.

    CLI Example:

        salt '*' status.ping_master localhost
    """
    port = int(__opts__.get("master_port") or 4506)
    text = str(master)
    host, _, given = text.rpartition(":") if text.count(":") == 1 or "]:" in text else (text, "", "")
    try:
        with socket.create_connection((host.strip("[]"), int(given or port)), timeout=_ANSWER):
            pass
    except (OSError, ValueError):
        return False
    if upcall.hosted():
        upcall.fire_event("__master_failback", {"master": master})
    return True


def proxy_reconnect(proxy_name: str, opts: Any = None) -> bool:
    """
    Have a proxy module sign in to its device again, if it is not alive.

    CLI Example:

        salt '*' status.proxy_reconnect rest_sample
    """
    opts = opts or __opts__
    if "proxy" not in opts or f"{proxy_name}.alive" not in __proxy__:
        return False
    if not __proxy__[f"{proxy_name}.alive"](opts):
        log.info("%s is down, and is started again", proxy_name)
        __proxy__[f"{proxy_name}.shutdown"](opts)
        __proxy__[f"{proxy_name}.init"](opts)
    return True


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError as exc:
        raise CommandError(f"Unable to read {path}: {exc.strerror}") from exc


def _mounts() -> dict[str, str]:
    """Mount point to kind of file system."""
    rows: Iterable[list[str]] = (line.split() for line in _read("/proc/mounts").splitlines())
    return {_OCTAL.sub(lambda match: chr(int(match[1], 8)), row[1]): row[2] for row in rows if len(row) > 2}


def _ps() -> list[str]:
    words = shlex.split(__grains__.get("ps") or _PS)
    found = __salt__["cmd.run_all"](words, python_shell=False, ignore_retcode=True)
    rows = found["stdout"].splitlines()
    if found["retcode"] or not rows:
        raise CommandError(f"Unable to list the processes: {found['stderr'] or shlex.join(words)}")
    return rows
