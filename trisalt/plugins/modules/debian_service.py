"""Services on Debian and its kin where systemd does not run: scripts of init, `service` and `update-rc.d`."""

from __future__ import annotations

import fnmatch
from typing import Any

__virtualname__ = "service"
__func_alias__ = {"reload_": "reload"}


def __virtual__() -> Any:
    if __grains__.get("os_family") != "Debian":
        return False, "The debian_service module could not be loaded: unsupported OS family"
    if __utils__["systemd.booted"]():
        return False, "The debian_service module could not be loaded: systemd runs this host"
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
    name = __utils__["sysv.checked"](name)
    return _succeeds(["update-rc.d", name, "defaults"]) and _succeeds(["update-rc.d", name, "enable"])


def disable(name: str, **kwargs: Any) -> bool:
    """
    Have a service not started when this host starts.

    CLI Example:

        salt '*' service.disable nginx
    """
    return _succeeds(["update-rc.d", __utils__["sysv.checked"](name), "disable"])


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
    return __utils__["sysv.run"](["service", __utils__["sysv.checked"](name), "status"], quiet=True)["retcode"] == 0


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
    return _succeeds(["service", __utils__["sysv.checked"](name), action])


def _succeeds(words: list[str]) -> bool:
    """Run it; what it said stands in the log, how it ended is the job's retcode."""
    return __utils__["tool.passed"](__utils__["sysv.run"](words), [" ".join(words)])
