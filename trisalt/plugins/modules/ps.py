"""Processes and the resources they use, by psutil."""

from __future__ import annotations

import datetime
import re
import time
from collections.abc import Iterator
from typing import Any

import psutil

from trisalt.errors import CommandError, InvocationError


def top(num_processes: int = 5, interval: float = 3) -> list[dict[str, Any]]:
    """
    The processes that used the processors most, measured over `interval` seconds.

    CLI Example:

        salt '*' ps.top 5 3
    """
    before: dict[psutil.Process, float] = {}
    for process in psutil.process_iter():
        try:
            before[process] = sum(process.cpu_times()[:2])
        except psutil.Error:
            continue
    time.sleep(_number(interval, "interval"))
    used: list[tuple[float, psutil.Process]] = []
    for process, start in before.items():
        try:
            used.append((sum(process.cpu_times()[:2]) - start, process))
        except psutil.Error:
            continue  # it has ended meanwhile
    used.sort(key=lambda row: row[0], reverse=True)
    wanted = int(_number(num_processes, "num_processes"))
    rows: list[dict[str, Any]] = []
    for _used, process in used:
        if len(rows) >= wanted:
            break
        try:
            with process.oneshot():
                words = process.cmdline()
                rows.append(
                    {
                        "cmd": words or process.name(),
                        "user": _user(process),
                        "status": process.status(),
                        "pid": process.pid,
                        "create_time": process.create_time(),
                        "cpu": dict(process.cpu_times()._asdict()),
                        "mem": dict(process.memory_info()._asdict()),
                    }
                )
        except psutil.Error:
            continue
    return rows


def get_pid_list() -> list[int]:
    """
    The ids of all processes.

    CLI Example:

        salt '*' ps.get_pid_list
    """
    return psutil.pids()


def proc_info(pid: int, attrs: list[str] | None = None) -> dict[str, Any]:
    """
    What is known of a process: all but its environment, or what `attrs` names.

    CLI Example:

        salt '*' ps.proc_info 2322 attrs='["pid", "name"]'
    """
    try:
        found = psutil.Process(int(pid)).as_dict(attrs=attrs or None)
    except (psutil.Error, ValueError) as exc:
        raise CommandError(str(exc)) from exc
    if not attrs:
        # It may hold secrets: who wants it says so.
        found.pop("environ", None)
    return found


def kill_pid(pid: int, signal: int = 15) -> bool:
    """
    Send a process a signal: False when there is no such process.

    CLI Example:

        salt '*' ps.kill_pid 2322 9
    """
    try:
        psutil.Process(int(pid)).send_signal(int(signal))
    except psutil.NoSuchProcess:
        return False
    except (psutil.Error, ValueError, OSError) as exc:
        raise CommandError(f"Unable to send signal {signal} to process {pid}: {exc}") from exc
    return True


def pkill(pattern: str, user: str | None = None, signal: int = 15, full: bool = False) -> dict[str, list[int]] | None:
    """
    Send a signal to the processes that `pgrep` finds: `{killed: [pids]}`, or nothing. Never to the one that does it.

    CLI Example:

        salt '*' ps.pkill httpd signal=9
    """
    if not str(pattern):
        raise InvocationError("A pattern is needed: an empty one is every process's")
    killed = []
    for process in _found(pattern, user, full, False):
        try:
            process.send_signal(int(signal))
            killed.append(process.pid)
        except psutil.NoSuchProcess:
            continue
        except (psutil.Error, ValueError, OSError) as exc:
            raise CommandError(f"Unable to send signal {signal} to process {process.pid}: {exc}") from exc
    return {"killed": killed} if killed else None


def pgrep(
    pattern: str, user: str | None = None, full: bool = False, pattern_is_regex: bool = False
) -> list[int] | None:
    """
    The processes whose name holds a text: their ids, or nothing. With `full` their whole command line is searched, with
    `pattern_is_regex` by a regular expression, with `user` only those of one user.

    CLI Example:

        salt '*' ps.pgrep httpd
    """
    return [process.pid for process in _found(pattern, user, full, pattern_is_regex)] or None


def cpu_percent(interval: float = 0.1, per_cpu: bool = False) -> Any:
    """
    How busy the processors are over an interval; `per_cpu` one by one.

    CLI Example:

        salt '*' ps.cpu_percent 0.5 per_cpu=True
    """
    return psutil.cpu_percent(interval=_number(interval, "interval"), percpu=per_cpu)


def cpu_times(per_cpu: bool = False) -> Any:
    """
    What the processors did since the start, in seconds.

    CLI Example:

        salt '*' ps.cpu_times
    """
    found = psutil.cpu_times(per_cpu)
    return [dict(row._asdict()) for row in found] if per_cpu else dict(found._asdict())


def virtual_memory() -> dict[str, Any]:
    """
    How memory is used, in bytes.

    CLI Example:

        salt '*' ps.virtual_memory
    """
    return dict(psutil.virtual_memory()._asdict())


def swap_memory() -> dict[str, Any]:
    """
    How swap space is used, in bytes.

    CLI Example:

        salt '*' ps.swap_memory
    """
    return dict(psutil.swap_memory()._asdict())


def disk_partitions(all: bool = False) -> list[dict[str, Any]]:
    """
    The mounted partitions; with `all` the other file systems too.

    CLI Example:

        salt '*' ps.disk_partitions
    """
    keys = ("device", "mountpoint", "fstype", "opts")
    return [{key: getattr(row, key) for key in keys} for row in psutil.disk_partitions(all)]


def disk_usage(path: str) -> dict[str, Any]:
    """
    How the file system of a path is used, in bytes.

    CLI Example:

        salt '*' ps.disk_usage /home
    """
    try:
        return dict(psutil.disk_usage(path)._asdict())
    except OSError as exc:
        raise CommandError(str(exc)) from exc


def disk_partition_usage(all: bool = False) -> list[dict[str, Any]]:
    """
    The mounted partitions, and how they are used.

    CLI Example:

        salt '*' ps.disk_partition_usage
    """
    rows = disk_partitions(all)
    for row in rows:
        try:
            row.update(disk_usage(row["mountpoint"]))
        except CommandError:
            continue  # one that only its user may look at
    return rows


def disk_io_counters(device: str | None = None) -> Any:
    """
    What the disks did since the start; False for a device that is not there.

    CLI Example:

        salt '*' ps.disk_io_counters sda1
    """
    if device is None:
        found = psutil.disk_io_counters()
        return dict(found._asdict()) if found else False
    row = psutil.disk_io_counters(perdisk=True).get(device)
    return dict(row._asdict()) if row else False


def network_io_counters(interface: str | None = None) -> Any:
    """
    What the network interfaces did since the start; False for one that is not there.

    CLI Example:

        salt '*' ps.network_io_counters eth0
    """
    if interface is None:
        return dict(psutil.net_io_counters()._asdict())
    row = psutil.net_io_counters(pernic=True).get(interface)
    return dict(row._asdict()) if row else False


def num_cpus() -> int | None:
    """
    The number of processors.

    CLI Example:

        salt '*' ps.num_cpus
    """
    return psutil.cpu_count()


def total_physical_memory() -> int:
    """
    How much memory there is, in bytes.

    CLI Example:

        salt '*' ps.total_physical_memory
    """
    return psutil.virtual_memory().total


def boot_time(time_format: str | None = None) -> Any:
    """
    When this host was started: seconds since 1970, or as strftime(3) writes it.

    CLI Example:

        salt '*' ps.boot_time '%Y-%m-%d %H:%M'
    """
    started = int(psutil.boot_time())
    if time_format is None:
        return started
    try:
        return datetime.datetime.fromtimestamp(started).strftime(time_format)
    except TypeError as exc:
        raise InvocationError(f"Invalid format string: {exc}") from exc


def get_users() -> list[dict[str, Any]]:
    """
    Who is signed in.

    CLI Example:

        salt '*' ps.get_users
    """
    return [dict(row._asdict()) for row in psutil.users()]


def psaux(name: str) -> list[Any]:
    """
    The lines of `ps aux` that hold a text: `[text, lines, "2 occurrence(s)."]`.

    CLI Example:

        salt '*' ps.psaux www-data.+apache2
    """
    wanted = _regex(name)
    rows = [row for row in _lines(["ps", "aux"]) if wanted.search(row) and "ps.psaux" not in row]
    return [name, rows, f"{len(rows)} occurrence(s)."]


def lsof(name: str) -> list[Any]:
    """
    The files that processes of a name have open, as `lsof -c` lists them.

    CLI Example:

        salt '*' ps.lsof apache2
    """
    __utils__["tool.need"]("lsof")
    found = __salt__["cmd.run_all"](["lsof", "-c", str(name)], python_shell=False, ignore_retcode=True)
    return [name, found["stdout"]]


def netstat(name: str) -> list[Any]:
    """
    The lines of `netstat -nap` that hold a text.

    CLI Example:

        salt '*' ps.netstat apache2
    """
    __utils__["tool.need"]("netstat")
    return [name, [row for row in _lines(["netstat", "-nap"]) if str(name) in row]]


def ss(name: str) -> list[Any]:
    """
    The lines of `ss -neap` that hold a text.

    CLI Example:

        salt '*' ps.ss apache2
    """
    __utils__["tool.need"]("ss")
    return [name, [row for row in _lines(["ss", "-neap"]) if str(name) in row]]


def status(status: str) -> list[dict[str, Any]]:
    """
    The processes in a state, such as `zombie` or `sleeping`: `[{pid, name}]`.

    CLI Example:

        salt '*' ps.status zombie
    """
    if not status:
        raise InvocationError("Filter is required for ps.status")
    return [
        {"name": process.info["name"], "pid": process.info["pid"]}
        for process in psutil.process_iter(["pid", "name", "status"])
        if process.info["status"] == status
    ]


def _found(pattern: Any, user: str | None, full: bool, regex: bool) -> Iterator[psutil.Process]:
    """The processes that match, but for this one."""
    wanted = _regex(pattern) if regex else re.compile(re.escape(str(pattern)))
    for process in psutil.process_iter():
        try:
            text = (" ".join(process.cmdline()) if full else "") or process.name()
            if (user is None or _user(process) == user) and wanted.search(text) and process.pid != psutil.Process().pid:
                yield process
        except psutil.Error:
            continue


def _regex(pattern: Any) -> re.Pattern[str]:
    try:
        return re.compile(str(pattern))
    except re.error as exc:
        raise InvocationError(f"Invalid regular expression {pattern!r}: {exc}") from exc


def _user(process: psutil.Process) -> str | None:
    try:
        return process.username()
    except (psutil.Error, KeyError):
        return None


def _lines(words: list[str]) -> list[str]:
    return __salt__["cmd.run_all"](words, python_shell=False, ignore_retcode=True)["stdout"].splitlines()


def _number(value: Any, what: str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise InvocationError(f"{what} must be a number") from None
