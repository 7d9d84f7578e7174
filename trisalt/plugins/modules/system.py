"""This host as a whole: halt and restart it, its clock, its name and description."""

from __future__ import annotations

import datetime
import os
import re
import shutil
from typing import Any

from trisalt.errors import CommandError, InvocationError

# Where other tools look for it, too. Source: stock Salt 3008.3.
_WITNESS = "/var/volatile/tmp/salt/reboot_witnessed"
_INFO = "/etc/machine-info"
_TIMES = ("%I:%M:%S %p", "%I:%M %p", "%H:%M:%S", "%H:%M")
_DATES = ("%Y-%m-%d", "%m-%d-%Y", "%m-%d-%y", "%m/%d/%Y", "%m/%d/%y", "%Y/%m/%d")
_OFFSET = re.compile(r"([+-])(\d{2})(\d{2})")
_LEVEL = re.compile(r"[0-6sSqQuU]")


# -- halting and restarting ----------------------------------------------------------------------------------------


def halt() -> str:
    """
    Halt this host.

    CLI Example:

        salt '*' system.halt
    """
    return _told(["halt"])


def poweroff() -> str:
    """
    Switch this host off.

    CLI Example:

        salt '*' system.poweroff
    """
    return _told(["poweroff"])


def reboot(at_time: Any = None) -> str:
    """
    Restart this host: now, in `at_time` minutes, or at a time such as `22:00`.

    CLI Example:

        salt '*' system.reboot
    """
    return _told(["shutdown", "-r", _when(at_time)])


def shutdown(at_time: Any = None) -> str:
    """
    Shut this host down: now, in `at_time` minutes, or at a time such as `22:00`.

    CLI Example:

        salt '*' system.shutdown 5
    """
    return _told(["shutdown", "-h", _when(at_time)])


def init(runlevel: Any) -> str:
    """
    Change the runlevel.

    CLI Example:

        salt '*' system.init 3
    """
    if not _LEVEL.fullmatch(str(runlevel)):
        raise InvocationError(f"Invalid runlevel: {runlevel}")
    return _told(["init", str(runlevel)])


def set_reboot_required_witnessed() -> bool:
    """
    Note, until this host is restarted, that it has to be.

    CLI Example:

        salt '*' system.set_reboot_required_witnessed
    """
    try:
        os.makedirs(os.path.dirname(_WITNESS), exist_ok=True)
        os.close(os.open(_WITNESS, os.O_WRONLY | os.O_CREAT, 0o644))
    except OSError as exc:
        raise CommandError(f"Unable to write {_WITNESS}: {exc.strerror}") from exc
    return True


def get_reboot_required_witnessed() -> bool:
    """
    Whether somebody noted that this host has to be restarted.

    CLI Example:

        salt '*' system.get_reboot_required_witnessed
    """
    return os.path.exists(_WITNESS)


# -- the clock -----------------------------------------------------------------------------------------------------


def has_settable_hwclock() -> bool:
    """
    Whether this host has a hardware clock that can be set.

    CLI Example:

        salt '*' system.has_settable_hwclock
    """
    if shutil.which("hwclock") is None:
        return False
    return _run(["hwclock", "--test", "--systohc"], ignore_retcode=True)["retcode"] == 0


def get_system_time(utc_offset: str | None = None) -> str:
    """
    The time, here or at an offset from UTC such as `-0500`: `11:31:30 AM`.

    CLI Example:

        salt '*' system.get_system_time
    """
    return _now(utc_offset).strftime("%I:%M:%S %p")


def get_system_date(utc_offset: str | None = None) -> str:
    """
    The date, here or at an offset from UTC: `Thu 03/28/2013`.

    CLI Example:

        salt '*' system.get_system_date
    """
    return _now(utc_offset).strftime("%a %m/%d/%Y")


def get_system_date_time(utc_offset: str | None = None) -> str:
    """
    Date and time, here or at an offset from UTC: `2013-03-28 11:31:30`.

    CLI Example:

        salt '*' system.get_system_date_time '-0500'
    """
    return _now(utc_offset).strftime("%Y-%m-%d %H:%M:%S")


def set_system_time(newtime: str, utc_offset: str | None = None) -> bool:
    """
    Set the time: `11:31`, `11:31:30`, `11:31 AM` or `11:31:30 AM`; with `utc_offset` it is meant there.

    CLI Example:

        salt '*' system.set_system_time '11:31:30 AM'
    """
    found = _parsed(newtime, _TIMES)
    if found is None:
        raise InvocationError(f"Invalid time format: {newtime}")
    return set_system_date_time(hours=found.hour, minutes=found.minute, seconds=found.second, utc_offset=utc_offset)


def set_system_date(newdate: str, utc_offset: str | None = None) -> bool:
    """
    Set the date: `2013-03-28`, `03-28-2013`, `03-28-13`, or with slashes.

    CLI Example:

        salt '*' system.set_system_date '03-28-13'
    """
    found = _parsed(newdate, _DATES)
    if found is None:
        raise InvocationError("Invalid date format")
    return set_system_date_time(years=found.year, months=found.month, days=found.day, utc_offset=utc_offset)


def set_system_date_time(
    years: int | None = None,
    months: int | None = None,
    days: int | None = None,
    hours: int | None = None,
    minutes: int | None = None,
    seconds: int | None = None,
    utc_offset: str | None = None,
) -> bool:
    """
    Set date and time; what is not given stays. The hardware clock is set too, where there is one.

    CLI Example:

        salt '*' system.set_system_date_time 2015 5 12 11 37 53 '-0500'
    """
    now = _now(utc_offset)
    given = {
        "year": years, "month": months, "day": days, "hour": hours, "minute": minutes, "second": seconds,
    }  # fmt: skip
    try:
        wanted = now.replace(**{key: int(value) for key, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValueError as exc:
        raise InvocationError(str(exc)) from exc
    words = ["date"]
    if utc_offset is not None:
        wanted -= _offset(utc_offset)
        words.append("-u")
    found = _run([*words, wanted.strftime("%m%d%H%M%Y.%S")])
    if found["retcode"]:
        raise CommandError(found["stderr"] or found["stdout"])
    if has_settable_hwclock():
        found = _run(["hwclock", "--systohc"])
        if found["retcode"]:
            raise CommandError(f"hwclock failed to set the hardware clock: {found['stderr'] or found['stdout']}")
    return True


# -- its name ------------------------------------------------------------------------------------------------------


def get_computer_desc() -> Any:
    """
    The description of this host, or False where it has none.

    CLI Example:

        salt '*' system.get_computer_desc
    """
    if shutil.which("hostnamectl"):
        found = _run(["hostnamectl", "status", "--pretty"], ignore_retcode=True)
        if found["retcode"] == 0:
            return found["stdout"] or False
    for line in _info():
        name, _, value = line.partition("=")
        if name.strip() == "PRETTY_HOSTNAME":
            return _unquoted(value.strip()) or False
    return False


def set_computer_desc(desc: str) -> bool:
    """
    Describe this host.

    CLI Example:

        salt '*' system.set_computer_desc "Michael's laptop"
    """
    desc = str(desc)
    if "\n" in desc or "\0" in desc:
        raise InvocationError("A description is one line")
    if shutil.which("hostnamectl"):
        found = _run(["hostnamectl", "set-hostname", "--pretty", desc], ignore_retcode=True)
        if found["retcode"] == 0:
            return True
    # Without a running systemd nobody else writes it.
    quoted = desc.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$").replace("`", "\\`")
    lines = [line for line in _info() if line.partition("=")[0].strip() != "PRETTY_HOSTNAME"]
    text = "".join(f"{line}\n" for line in [*lines, f'PRETTY_HOSTNAME="{quoted}"'])
    __utils__["rewrite.replace"](_INFO, text)
    return True


def get_computer_name() -> str:
    """
    The name of this host.

    CLI Example:

        salt '*' system.get_computer_name
    """
    return __salt__["network.get_hostname"]()


def set_computer_name(hostname: str) -> bool:
    """
    Name this host.

    CLI Example:

        salt '*' system.set_computer_name master.example.org
    """
    return __salt__["network.mod_hostname"](hostname)


# -- inside --------------------------------------------------------------------------------------------------------


def _run(words: list[str], **options: Any) -> dict[str, Any]:
    return __salt__["cmd.run_all"](words, python_shell=False, **options)


def _told(words: list[str]) -> str:
    found = _run(words)
    if found["retcode"]:
        raise CommandError(found["stderr"] or found["stdout"] or f"{words[0]} ended with {found['retcode']}")
    return found["stdout"]


def _when(at_time: Any) -> str:
    """When shutdown(8) is to do it: a number means minutes."""
    text = str(at_time).strip() if at_time is not None and at_time != "" else "now"
    if text.isdigit():
        text = f"+{text}"
    if not re.fullmatch(r"now|\+\d+|\d{1,2}:\d{2}", text):
        raise InvocationError(f"Invalid time: {at_time}")
    return text


def _offset(utc_offset: str) -> datetime.timedelta:
    match = _OFFSET.fullmatch(str(utc_offset))
    if match is None:
        raise InvocationError("Invalid UTC offset")
    minutes = int(match[2]) * 60 + int(match[3])
    return datetime.timedelta(minutes=-minutes if match[1] == "-" else minutes)


def _now(utc_offset: str | None) -> datetime.datetime:
    if utc_offset is None:
        return datetime.datetime.now()
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None) + _offset(utc_offset)


def _parsed(text: Any, formats: tuple[str, ...]) -> datetime.datetime | None:
    for form in formats:
        try:
            return datetime.datetime.strptime(str(text).strip(), form)
        except ValueError:
            continue
    return None


def _info() -> list[str]:
    try:
        with open(_INFO, encoding="utf-8") as file:
            return file.read().splitlines()
    except FileNotFoundError:
        return []


def _unquoted(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1]
    return re.sub(r"\\(.)", r"\1", text)
