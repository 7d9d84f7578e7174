"""Services where nothing but scripts of init is there: what a host of no other kind has."""

from __future__ import annotations

import fnmatch
import os
import shutil
from typing import Any

from trisalt.errors import CommandError

__virtualname__ = "service"
__func_alias__ = {"reload_": "reload"}


def __virtual__() -> Any:
    if __grains__.get("kernel", "Linux") != "Linux":
        return False, "only Linux has its services in /etc/init.d"
    if __utils__["systemd.booted"]() or shutil.which("systemctl"):
        return False, "systemd is there: its own module is used"
    if __grains__.get("os_family") == "Debian":
        return False, "Debian has a module of its own"
    if not os.path.isdir("/etc/init.d"):
        return False, "there is no /etc/init.d"
    return __virtualname__


# -- doing ---------------------------------------------------------------------------------------------------------


def start(name: str) -> bool:
    """
    Start a service.

    CLI Example:

        salt '*' service.start nginx
    """
    return _act("start", name)


def stop(name: str) -> bool:
    """
    Stop a service.

    CLI Example:

        salt '*' service.stop nginx
    """
    return _act("stop", name)


def restart(name: str) -> bool:
    """
    Restart a service.

    CLI Example:

        salt '*' service.restart nginx
    """
    return _act("restart", name)


def reload_(name: str) -> bool:
    """
    Have a service read its configuration again.

    CLI Example:

        salt '*' service.reload nginx
    """
    return _act("reload", name)


def force_reload(name: str) -> bool:
    """
    Have a service read its configuration again, or restart it where it cannot.

    CLI Example:

        salt '*' service.force_reload nginx
    """
    return _act("force-reload", name)


def enable(name: str, **kwargs: Any) -> bool:
    """
    Have a service started when this host starts.

    CLI Example:

        salt '*' service.enable nginx
    """
    return _level(name, "on")


def disable(name: str, **kwargs: Any) -> bool:
    """
    Have a service not started when this host starts.

    CLI Example:

        salt '*' service.disable nginx
    """
    return _level(name, "off")


# -- asking --------------------------------------------------------------------------------------------------------


def status(name: str, sig: str | None = None) -> Any:
    """
    Whether a service runs, as its script says; with `sig` whether a process has that in its command line. By name where
    it is a glob.

    CLI Example:

        salt '*' service.status nginx
    """
    if sig:
        return bool(__salt__["status.pid"](sig))
    if any(mark in name for mark in "*?["):
        return {match: status(match) for match in fnmatch.filter(get_all(), name)}
    return __utils__["sysv.run"]([_script(name), "status"], quiet=True)["retcode"] == 0


def available(name: str) -> bool:
    """
    Whether there is a service of this name.

    CLI Example:

        salt '*' service.available sshd
    """
    return name in get_all()


def missing(name: str) -> bool:
    """
    Whether there is no service of this name.

    CLI Example:

        salt '*' service.missing sshd
    """
    return not available(name)


def enabled(name: str, **kwargs: Any) -> bool:
    """
    Whether a service is started when this host starts.

    CLI Example:

        salt '*' service.enabled nginx
    """
    return __utils__["sysv.enabled"](name)


def disabled(name: str) -> bool:
    """
    Whether a service is not started when this host starts.

    CLI Example:

        salt '*' service.disabled nginx
    """
    return not enabled(name)


def get_all() -> list[str]:
    """
    Every service.

    CLI Example:

        salt '*' service.get_all
    """
    return __utils__["sysv.scripts"]()


def get_enabled() -> list[str]:
    """
    The services that are started when this host starts.

    CLI Example:

        salt '*' service.get_enabled
    """
    started = __utils__["sysv.started"]()
    return [name for name in get_all() if name in started]


def get_disabled() -> list[str]:
    """
    The services that are not started when this host starts.

    CLI Example:

        salt '*' service.get_disabled
    """
    started = __utils__["sysv.started"]()
    return [name for name in get_all() if name not in started]


def _act(action: str, name: str) -> bool:
    return _succeeds([_script(name), action])


def _succeeds(words: list[str]) -> bool:
    """Run it; what it said stands in the log, how it ended is the job's retcode."""
    return __utils__["tool.passed"](__utils__["sysv.run"](words), [" ".join(words)])


def _script(name: str) -> str:
    path = f"/etc/init.d/{__utils__['sysv.checked'](name)}"
    if not os.access(path, os.X_OK):
        raise CommandError(f"There is no service {name}")
    return path


def _level(name: str, word: str) -> bool:
    name = __utils__["sysv.checked"](name)
    if shutil.which("chkconfig"):
        return _succeeds(["chkconfig", name, word])
    if shutil.which("rc-update"):
        return _succeeds(["rc-update", "add" if word == "on" else "del", name, "default"])
    raise CommandError("Neither chkconfig nor rc-update is there to say what starts with this host")
