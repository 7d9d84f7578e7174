"""Services that run or do not, now and when the host starts.

nginx:
  service.running:
    - enable: True
    - reload: True
    - watch:
      - file: /etc/nginx/nginx.conf
"""

from __future__ import annotations

import time
from typing import Any

from trisalt.errors import TrisaltError
from trisalt.plugins.utils.modbeacon import settings, watched
from trisalt.plugins.utils.statehelp import accepted
from trisalt.state.result import returned

_OFFLINE = "Running in OFFLINE mode. Nothing to do"
# What only systemd is told, by argument. Source: stock Salt 3008.3.
_SYSTEMD_ONLY = ("no_block", "unmask", "unmask_runtime")
# What a watch does, by the argument that asks for it: the function, and its words.
_WATCHED = {
    "force_reload": ("forcefully reload", "forcefully reloaded"),
    "reload": ("reload", "reloaded"),
    "full_restart": ("fully restart", "fully restarted"),
    "restart": ("restart", "restarted"),
    "start": ("start", "started"),
    "stop": ("stop", "stopped"),
}


def __virtual__() -> Any:
    if "service.start" in __salt__:
        return "service"
    return False, "there is no module that starts and stops the services of this host"


def running(
    name: str, enable: Any = None, sig: str | None = None, init_delay: float | None = None, **kwargs: Any
) -> dict[str, Any]:
    """
    A service runs. `enable` says whether it is started with the host; `sig` finds its process where the service
    does not say how it is; `init_delay` are seconds to wait before it is looked at again.
    """
    return _turned(name, True, enable, sig, init_delay, kwargs)


def dead(
    name: str, enable: Any = None, sig: str | None = None, init_delay: float | None = None, **kwargs: Any
) -> dict[str, Any]:
    """
    A service does not run. `enable` says whether it is started with the host.
    """
    return _turned(name, False, enable, sig, init_delay, kwargs)


def enabled(name: str, **kwargs: Any) -> dict[str, Any]:
    """
    A service is started with the host.
    """
    return _boot(name, True, None)


def disabled(name: str, **kwargs: Any) -> dict[str, Any]:
    """
    A service is not started with the host.
    """
    return _boot(name, False, None)


def masked(name: str, runtime: bool = False) -> dict[str, Any]:
    """
    Nobody can start a service; with `runtime` until the host starts again.
    """
    if "service.masked" not in __salt__:
        return returned(name, False, "Service masking not available on this minion")
    word = "runtime masked" if runtime else "masked"
    if __salt__["service.masked"](name, runtime):
        return returned(name, True, f"Service {name} is already {word}")
    changes = {word: {"old": False, "new": True}}
    if __opts__["test"]:
        return returned(name, None, f"Service {name} would be {word}", changes)
    __salt__["service.mask"](name, runtime)
    if __salt__["service.masked"](name, runtime):
        return returned(name, True, f"Service {name} was {word}", changes)
    return returned(name, False, f"Failed to mask service {name}")


def unmasked(name: str, runtime: bool = False) -> dict[str, Any]:
    """
    A service can be started.
    """
    if "service.masked" not in __salt__:
        return returned(name, False, "Service masking not available on this minion")
    word, done = ("runtime masked", "runtime unmasked") if runtime else ("masked", "unmasked")
    if not __salt__["service.masked"](name, runtime):
        return returned(name, True, f"Service {name} was already {done}")
    changes = {word: {"old": True, "new": False}}
    if __opts__["test"]:
        return returned(name, None, f"Service {name} would be {done}", changes)
    __salt__["service.unmask"](name, runtime)
    if __salt__["service.masked"](name, runtime):
        return returned(name, False, f"Failed to unmask service {name}")
    return returned(name, True, f"Service {name} was {done}", changes)


def mod_beacon(name: str, **kwargs: Any) -> dict[str, Any]:
    """
    `beacon: True` of `running` and `dead`: the beacon `service` watches it. `beacon_data` has its options, such as
    `delay`, and `interval`.
    """
    data = settings(kwargs)
    usual = {"onchangeonly": True, "delay": 0, "emitatstartup": False, "uncleanshutdown": None}
    config = {"services": {name: {key: data.get(key, value) for key, value in usual.items()}}}
    functions = ("running", "dead")
    return watched(__states__, name, kwargs, functions=functions, kind="service", module="service", config=config)


def mod_watch(
    name: str,
    sfun: str | None = None,
    sig: str | None = None,
    reload: bool = False,
    full_restart: bool = False,
    init_delay: float | None = None,
    force: bool = False,
    **kwargs: Any,
) -> dict[str, Any]:
    """
    What is watched has changed: the service is restarted, or with `reload` reads its configuration again; one that
    is to be dead is stopped.
    """
    there = __salt__["service.status"](name, sig)
    if sfun == "dead":
        if not there:
            return returned(name, True, "Service is already stopped")
        function = "stop"
    elif sfun == "running":
        function = "start"
        if there and reload and "service.reload" in __salt__:
            function = "force_reload" if force and "service.force_reload" in __salt__ else "reload"
        elif there:
            function = "full_restart" if full_restart and "service.full_restart" in __salt__ else "restart"
    else:
        return returned(name, False, f"Unable to trigger watch for service.{sfun}")
    verb, done = _WATCHED[function]
    if __opts__["test"]:
        return returned(name, None, f"Service is set to be {done}")
    try:
        result = bool(
            __salt__[f"service.{function}"](name, **accepted(__salt__[f"service.{function}"], kwargs, _SYSTEMD_ONLY))
        )
    except TrisaltError as exc:
        return returned(name, False, str(exc))
    if init_delay:
        time.sleep(init_delay)
    return returned(name, result, f"Service {done}" if result else f"Failed to {verb} the service", {name: result})


# -- running and dead ------------------------------------------------------------------------------------------------


def _turned(
    name: str, up: bool, enable: Any, sig: str | None, init_delay: float | None, kwargs: dict[str, Any]
) -> dict[str, Any]:
    if "enabled" in kwargs:
        text = f'Service {name} uses non-existent option "enabled".  Perhaps "enable" option was intended?'
        return returned(name, False, text)
    if "service.offline" in __salt__ and __salt__["service.offline"]():
        return returned(name, True, _OFFLINE)
    enable = _flag(enable)
    if not __salt__["service.available"](name):
        missing = f"The named service {name} is not available"
        if not __opts__["test"]:
            return returned(name, not up, missing)
        done = "started" if up else "stopped"
        return returned(
            name, None, f"Service {name} not present; if created in this state run, it would have been {done}"
        )
    was_up, was_enabled = bool(__salt__["service.status"](name, sig)), __salt__["service.enabled"](name)
    if was_up == up:
        ret = returned(name, True, f"The service {name} is already {'running' if up else 'dead'}")
        return ret | _boot(name, enable, None) if enable not in (None, was_enabled) else ret
    if __opts__["test"]:
        return returned(name, None, f"Service {name} is set to {'start' if up else 'be killed'}")
    function = "service.start" if up else "service.stop"
    failed = f"Service {name} failed to {'start' if up else 'die'}"
    try:
        worked = __salt__[function](name, **accepted(__salt__[function], kwargs, _SYSTEMD_ONLY))
    except TrisaltError as exc:
        worked, failed = False, str(exc)
    if not worked:
        ret = returned(name, False, failed)
        if enable is None:
            return ret
        return ret | _boot(name, enable, not up) | {"result": False, "comment": failed}
    if init_delay:
        time.sleep(init_delay)
    is_up, is_enabled = bool(__salt__["service.status"](name, sig)), __salt__["service.enabled"](name)
    ret = returned(name, True, f"Started service {name}" if up else f"Service {name} was killed")
    if is_up != up and not kwargs.get("no_block"):
        ret = returned(name, False, failed)
    if (was_up, was_enabled) != (is_up, is_enabled):
        ret["changes"][name] = is_up if up else True
    if enable is not None:
        booted = _boot(name, enable, is_up)
        ret["comment"] = booted["comment"] if ret["result"] else ret["comment"]
        ret["changes"].update(booted["changes"])
        ret["result"] = ret["result"] and booted["result"]
    if up and init_delay:
        ret["comment"] += f"\nDelayed return for {init_delay} seconds"
    return ret


def _boot(name: str, enable: bool, is_up: bool | None) -> dict[str, Any]:
    """Have a service started with the host, or not. `is_up` is what it is now; None is what was asked."""
    function, word = ("service.enable", "enabled") if enable else ("service.disable", "disabled")
    now = {True: "and is running", None: "and is in the desired state", False: "and is dead"}[is_up]
    if function not in __salt__:
        end = {True: "started", None: "is in the desired state", False: "is dead"}[is_up]
        return returned(name, True, f"{word[:-1].capitalize()} is not available on this minion, service {name} {end}")
    if not __salt__["service.available"](name) and is_up is None:
        missing = f"The named service {name} is not available"
        if not enable or not __opts__["test"]:
            return returned(name, not enable, missing)
        return returned(
            name, None, f"Service {name} not present; if created in this state run, it would have been {word}"
        )
    if bool(__salt__["service.enabled"](name)) == enable:
        return returned(name, True, f"Service {name} is already {word}, {now}")
    if __opts__["test"]:
        return returned(name, None, f"Service {name} set to be {word}")
    said = ""
    try:
        worked = __salt__[function](name)
    except TrisaltError as exc:
        worked, said = False, f". Additional information follows:\n\n{exc}"
    if worked:
        return returned(name, True, f"Service {name} has been {word}, {now}", {name: True})
    start = "start" if enable else "not start"
    end = {
        True: "but the service is running",
        None: "but the service was already running",
        False: "and the service is dead",
    }
    return returned(name, False, f"Failed when setting service {name} to {start} at boot, {end[is_up]}{said}")


def _flag(value: Any) -> bool | None:
    """`enable` as a YAML word or as text."""
    if isinstance(value, str):
        return value.strip().lower() in ("true", "yes", "on", "1")
    return None if value is None else bool(value)
