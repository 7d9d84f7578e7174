"""Containers of Docker, and of engines that speak its API, by the library docker.

Images, networks and volumes are `docker_images`'.
"""

from __future__ import annotations

import secrets
import time
from importlib.util import find_spec
from typing import Any

from trisalt.errors import CommandError

__virtualname__ = "docker"
__func_alias__ = {"signal_": "signal"}


def __virtual__() -> Any:
    if find_spec("docker") is not None:
        return __virtualname__
    return False, "Could not import docker module, is docker-py installed?"


def version() -> dict[str, Any]:
    """
    What the engine says of its version, and that as numbers.

    CLI Example:

        salt '*' docker.version
    """
    found = _ask("version")
    for key in ("Version", "ApiVersion"):
        parts = str(found.get(key, "")).split("-")[0].split(".")
        if all(part.isdigit() for part in parts):
            found[f"{key}Info"] = [int(part) for part in parts]
    return found


def info() -> dict[str, Any]:
    """
    What the engine says of itself and its host.

    CLI Example:

        salt '*' docker.info
    """
    return _ask("info")


def ps(filters: Any = None, **kwargs: Any) -> dict[str, Any]:
    """
    The containers that run, by id; all of them with `all=True`.

    CLI Example:

        salt '*' docker.ps
        salt '*' docker.ps all=True
    """
    found = _ask("containers", all=bool(kwargs.get("all")), filters=filters)
    return {each["Id"]: {key: value for key, value in each.items() if key != "Id"} for each in found}


def list_containers(**kwargs: Any) -> list[str]:
    """
    The names of the containers that run; of all of them with `all=True`.

    CLI Example:

        salt '*' docker.list_containers
    """
    found = ps(all=kwargs.get("all")).values()
    return sorted({name.lstrip("/") for each in found for name in each.get("Names") or ()})


def exists(name: str) -> bool:
    """
    Whether there is a container of this name or id.

    CLI Example:

        salt '*' docker.exists mycontainer
    """
    return __utils__["dockers.there"]("inspect_container", name) is not None


def inspect_container(name: str) -> dict[str, Any]:
    """
    All that the engine knows of a container.

    CLI Example:

        salt '*' docker.inspect_container mycontainer
    """
    return _ask("inspect_container", name)


def state(name: str) -> str:
    """
    Whether a container is `running`, `paused` or `stopped`.

    CLI Example:

        salt '*' docker.state mycontainer
    """
    return _state(inspect_container(name))


def pid(name: str) -> int:
    """
    The process of a container, by its number on the host; 0 when it does not run.

    CLI Example:

        salt '*' docker.pid mycontainer
    """
    return inspect_container(name)["State"]["Pid"]


def logs(name: str, **kwargs: Any) -> str:
    """
    What a container has printed; `tail=10` the last lines of it.

    CLI Example:

        salt '*' docker.logs mycontainer tail=10
    """
    options = {
        key: kwargs[key] for key in ("stdout", "stderr", "timestamps", "tail", "since", "until") if key in kwargs
    }
    return _ask("logs", name, **options).decode("utf-8", "replace")


def create(
    image: str,
    name: str | None = None,
    start: bool = False,
    skip_translate: Any = None,
    ignore_collisions: bool = False,
    validate_ip_addrs: bool = True,
    client_timeout: float = 60,
    **kwargs: Any,
) -> dict[str, Any]:
    """
    Make a container, by the arguments of Docker's own commands and of the library docker.

    CLI Example:

        salt '*' docker.create myuser/mycontainer:mytag name=web port_bindings=8080:80
    """
    began = time.monotonic()
    body = spec(image, **kwargs)
    made = _ask("create_container_from_config", body, name, timeout=client_timeout)
    if start:
        _ask("start", made["Id"], timeout=client_timeout)
    label = name or inspect_container(made["Id"])["Name"].lstrip("/")
    return {**made, "Name": label, "Time_Elapsed": time.monotonic() - began}


def run_container(
    image: str,
    name: str | None = None,
    bg: bool = False,
    replace: bool = False,
    force: bool = False,
    client_timeout: float = 60,
    **kwargs: Any,
) -> dict[str, Any]:
    """
    Make a container and have it run to its end, unless it is to run in the background (`bg=True`).

    CLI Example:

        salt '*' docker.run_container myuser/myimage command=/usr/local/bin/myscript.sh
    """
    if replace and name and exists(name):
        rm(name, force=force)
    kwargs = {key: value for key, value in kwargs.items() if key not in ("skip_translate", "ignore_collisions")}
    made = create(image, name, start=True, client_timeout=client_timeout, **kwargs)
    if bg:
        return made
    status = _ask("wait", made["Id"], timeout=client_timeout)
    return {**made, "ExitCode": _exit_code(status), "Logs": logs(made["Id"])}


def spec(image: str, **kwargs: Any) -> dict[str, Any]:
    """
    What the engine is asked for when a container of these arguments is made.

    CLI Example:

        salt '*' docker.spec myuser/mycontainer:mytag restart_policy=always
    """
    given = {key: value for key, value in kwargs.items() if not key.startswith("__")}
    return __utils__["dockerspecs.payload"]("1.41", image, given)


def differences(name: str, image: str, **kwargs: Any) -> dict[str, Any]:
    """
    How a container differs from what its arguments ask for: `{Config: {Env: {old, new}}, HostConfig: {…}}`.

    CLI Example:

        salt '*' docker.differences web myuser/mycontainer:mytag restart_policy=always
    """
    described = _ask("inspect_image", image)
    return __utils__["dockerspecs.differences"](spec(image, **kwargs), inspect_container(name), described)


def start(name: str) -> dict[str, Any]:
    """
    Start a container.

    CLI Example:

        salt '*' docker.start mycontainer
    """
    if state(name) == "paused":
        return _refused("paused", f"Container '{name}' is paused, cannot start")
    return _change(name, "start", "running")


def restart(name: str, timeout: int = 10) -> dict[str, Any]:
    """
    Stop a container, and start it again.

    CLI Example:

        salt '*' docker.restart mycontainer
    """
    old = state(name)
    _ask("restart", name, timeout)
    return {"state": {"old": old, "new": state(name)}, "restarted": True, "result": True}


def stop(name: str, timeout: int | None = None, **kwargs: Any) -> dict[str, Any]:
    """
    Stop a container: politely, and after a while not. One that is paused needs `unpause=True`.

    CLI Example:

        salt '*' docker.stop mycontainer
    """
    if state(name) == "paused":
        if not kwargs.get("unpause"):
            return _refused("paused", f"Container '{name}' is paused, run with unpause=True to unpause before stopping")
        _ask("unpause", name)
    return _change(name, "stop", "stopped", timeout)


def kill(name: str) -> dict[str, Any]:
    """
    End the processes of a container at once.

    CLI Example:

        salt '*' docker.kill mycontainer
    """
    return _change(name, "kill", "stopped")


def signal_(name: str, signal: Any) -> bool:
    """
    Send a signal to the first process of a container.

    CLI Example:

        salt '*' docker.signal mycontainer SIGHUP
    """
    _ask("kill", name, signal)
    return True


def pause(name: str) -> dict[str, Any]:
    """
    Have the processes of a container stand still.

    CLI Example:

        salt '*' docker.pause mycontainer
    """
    if state(name) == "stopped":
        return _refused("stopped", f"Container '{name}' is stopped, cannot pause")
    return _change(name, "pause", "paused")


def unpause(name: str) -> dict[str, Any]:
    """
    Have the processes of a container go on.

    CLI Example:

        salt '*' docker.unpause mycontainer
    """
    if state(name) == "stopped":
        return _refused("stopped", f"Container '{name}' is stopped, cannot unpause")
    return _change(name, "unpause", "running")


def rename(name: str, new_name: str) -> bool:
    """
    Give a container another name.

    CLI Example:

        salt '*' docker.rename foo bar
    """
    _ask("rename", name, new_name)
    return True


def rm(name: str, force: bool = False, volumes: bool = False, **kwargs: Any) -> list[str]:
    """
    Remove a container: the ids of what was removed. One that runs needs `force=True`, or `stop=True`.

    CLI Example:

        salt '*' docker.rm mycontainer
        salt '*' docker.rm mycontainer force=True
    """
    found = inspect_container(name)
    if kwargs.get("stop") and _state(found) != "stopped":
        stop(name, kwargs.get("timeout"), unpause=True)
    elif not force and _state(found) != "stopped":
        raise CommandError(f"Container '{name}' is running, use force=True to forcibly remove this container")
    _ask("remove_container", found["Id"], v=volumes, force=force)
    return [found["Id"]]


def replace(name: str, image: str, shutdown_timeout: int | None = None, **kwargs: Any) -> dict[str, Any]:
    """
    Put a new container in the place of one; that one is there until the new one is made.

    CLI Example:

        salt '*' docker.replace web myuser/mycontainer:newtag restart_policy=always
    """
    made = create(image, f"{name}-{secrets.token_hex(4)}", **kwargs)
    try:
        removed = rm(name, stop=True, timeout=shutdown_timeout) if exists(name) else []
    except CommandError:
        rm(made["Id"], force=True)
        raise
    rename(made["Id"], name)
    return {"added": made["Id"], "removed": removed}


def _change(name: str, function: str, new: str, *args: Any) -> dict[str, Any]:
    old = state(name)
    if old == new:
        return _refused(old, f"Container '{name}' already {new}")
    _ask(function, name, *args)
    now = state(name)
    said = {"result": now == new, "state": {"old": old, "new": now}}
    return said if now == new else {**said, "comment": f"Failed to {function} container '{name}'"}


def _refused(now: str, comment: str) -> dict[str, Any]:
    return {"result": False, "state": {"old": now, "new": now}, "comment": comment}


def _state(found: dict[str, Any]) -> str:
    said = found["State"]
    return "paused" if said.get("Paused") else "running" if said.get("Running") else "stopped"


def _exit_code(status: Any) -> Any:
    return status.get("StatusCode") if isinstance(status, dict) else status


def _ask(function: str, *args: Any, timeout: float | None = None, **kwargs: Any) -> Any:
    return __utils__["dockers.ask"](function, *args, timeout=timeout, **kwargs)
