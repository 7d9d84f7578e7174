"""Services where systemd is: systemctl."""

from __future__ import annotations

import fnmatch
import os
import re
import shutil
import time
from typing import Any

from trisalt.errors import CommandError, InvocationError

__virtualname__ = "service"
__func_alias__ = {"reload_": "reload", "unmask_": "unmask"}

_LOCAL = "/etc/systemd/system"
_RUNTIME = "/run/systemd/system"
_FOLDERS = (_LOCAL, _RUNTIME, "/usr/local/lib/systemd/system", "/lib/systemd/system", "/usr/lib/systemd/system")
# What `is-enabled` says of a unit that is started without anybody's asking. Source: systemctl(1).
_ENABLED = ("enabled", "enabled-runtime", "static", "alias", "indirect", "generated", "transient")
_STARTING = ("activating", "reloading", "deactivating")
_TICK = 0.25


def __virtual__() -> Any:
    if __grains__.get("kernel", "Linux") != "Linux":
        return False, "The systemd execution module failed to load: only available on Linux systems."
    if __utils__["systemd.booted"]() or shutil.which("systemctl"):
        return __virtualname__
    return False, "The systemd execution module failed to load: systemd is not on this host"


# -- doing ---------------------------------------------------------------------------------------------------------


def start(name: str, no_block: bool = False, unmask: bool = False, unmask_runtime: bool = False) -> bool:
    """
    Start a service. `no_block` does not wait for it; `unmask` and `unmask_runtime` unmask it first.

    CLI Example:

        salt '*' service.start nginx
    """
    return _act("start", name, no_block, unmask, unmask_runtime)


def stop(name: str, no_block: bool = False) -> bool:
    """
    Stop a service.

    CLI Example:

        salt '*' service.stop nginx
    """
    return _act("stop", name, no_block)


def restart(name: str, no_block: bool = False, unmask: bool = False, unmask_runtime: bool = False) -> bool:
    """
    Restart a service. The minion's own is restarted without waiting for it.

    CLI Example:

        salt '*' service.restart nginx
    """
    return _act("restart", name, no_block or name == "salt-minion", unmask, unmask_runtime)


def reload_(name: str, no_block: bool = False, unmask: bool = False, unmask_runtime: bool = False) -> bool:
    """
    Have a service read its configuration again.

    CLI Example:

        salt '*' service.reload nginx
    """
    return _act("reload", name, no_block, unmask, unmask_runtime)


def force_reload(name: str, no_block: bool = True, unmask: bool = False, unmask_runtime: bool = False) -> bool:
    """
    Have a service read its configuration again, or restart it where it cannot.

    CLI Example:

        salt '*' service.force_reload nginx
    """
    return _act("force-reload", name, no_block, unmask, unmask_runtime)


def enable(
    name: str,
    no_block: bool = False,
    unmask: bool = False,
    unmask_runtime: bool = False,
    root: str | None = None,
    **kwargs: Any,
) -> bool:
    """
    Have a service started when this host starts; with `root` in the file system below it.

    CLI Example:

        salt '*' service.enable nginx
    """
    return _act("enable", name, no_block, unmask, unmask_runtime, root)


def disable(name: str, no_block: bool = False, root: str | None = None, **kwargs: Any) -> bool:
    """
    Have a service not started when this host starts.

    CLI Example:

        salt '*' service.disable nginx
    """
    return _act("disable", name, no_block, root=root)


def mask(name: str, runtime: bool = False, root: str | None = None) -> bool:
    """
    Have a service not started by anybody; with `runtime` until the next start of this host.

    CLI Example:

        salt '*' service.mask nginx
    """
    return _change(["mask", *(["--runtime"] if runtime else [])], name, root)


def unmask_(name: str, runtime: bool = False, root: str | None = None) -> bool:
    """
    Let a masked service be started again.

    CLI Example:

        salt '*' service.unmask nginx
    """
    if not masked(name, runtime, root):
        return True
    return _change(["unmask", *(["--runtime"] if runtime else [])], name, root)


def systemctl_reload() -> bool:
    """
    Have systemd read the files of its units again.

    CLI Example:

        salt '*' service.systemctl_reload
    """
    found = _systemctl(["--system", "daemon-reload"])
    if found["retcode"]:
        raise CommandError(f"Problem performing systemctl daemon-reload: {_said(found)}")
    return True


# -- asking --------------------------------------------------------------------------------------------------------


def available(name: str) -> bool:
    """
    Whether there is a service of this name.

    CLI Example:

        salt '*' service.available sshd
    """
    found = _systemctl(["status", _unit(name), "-n", "0"], quiet=True)
    if found["retcode"] == 4 or "could not be found" in found["stderr"]:
        return False
    if "not-found" in found["stdout"].partition("Active:")[0]:
        return False
    if found["retcode"] in (0, 3):
        return True
    # Without a running systemd there is no status; the unit's file says enough.
    return _file(name) is not None


def missing(name: str) -> bool:
    """
    Whether there is no service of this name.

    CLI Example:

        salt '*' service.missing sshd
    """
    return not available(name)


def status(name: str, sig: str | None = None, wait: float = 3) -> Any:
    """
    Whether a service runs; by name where it is a glob. One that is about to start or stop is waited for, `wait`
    seconds at most.

    CLI Example:

        salt '*' service.status nginx
    """
    if not any(mark in name for mark in "*?["):
        return _active(name, wait)
    return {match: _active(match, wait) for match in fnmatch.filter(get_all(), name)}


def enabled(name: str, root: str | None = None, **kwargs: Any) -> bool:
    """
    Whether a service is started when this host starts.

    CLI Example:

        salt '*' service.enabled nginx
    """
    found = _systemctl(["is-enabled", _unit(name)], root=root, quiet=True)
    word = found["stdout"].strip().partition("\n")[0]
    if word:
        return word in _ENABLED
    return found["retcode"] == 0 or (root is None and _unit(name) == f"{name}.service" and _sysv_enabled(name))


def disabled(name: str, root: str | None = None) -> bool:
    """
    Whether a service is not started when this host starts.

    CLI Example:

        salt '*' service.disabled nginx
    """
    return not enabled(name, root)


def masked(name: str, runtime: bool = False, root: str | None = None) -> bool:
    """
    Whether a service is masked; with `runtime` until the next start of this host.

    CLI Example:

        salt '*' service.masked nginx
    """
    folder = _RUNTIME if runtime else _LOCAL
    try:
        return os.readlink(f"{root or ''}{folder}/{_unit(name)}") == "/dev/null"
    except OSError:
        return False


def get_all(root: str | None = None) -> list[str]:
    """
    Every service; units of other kinds with their ending.

    CLI Example:

        salt '*' service.get_all
    """
    names: set[str] = set()
    for folder in _FOLDERS:
        try:
            files = os.listdir(f"{root or ''}{folder}")
        except OSError:
            continue
        names.update(_short(file) for file in files if file.rpartition(".")[2] in _listed())
    return sorted(names | set(_sysv(root)))


def get_enabled(root: str | None = None) -> list[str]:
    """
    The services that are started when this host starts.

    CLI Example:

        salt '*' service.get_enabled
    """
    return sorted(_with_state("enabled", root) | {name for name in _sysv(root) if _sysv_enabled(name)})


def get_disabled(root: str | None = None) -> list[str]:
    """
    The services that are not started when this host starts.

    CLI Example:

        salt '*' service.get_disabled
    """
    return sorted(_with_state("disabled", root) | {name for name in _sysv(root) if not _sysv_enabled(name)})


def get_static(root: str | None = None) -> list[str]:
    """
    The services that cannot be enabled, because others ask for them.

    CLI Example:

        salt '*' service.get_static
    """
    return sorted(_with_state("static", root))


def get_running() -> list[str]:
    """
    The services that run.

    CLI Example:

        salt '*' service.get_running
    """
    names = set()
    for line in _must(["--full", "--no-legend", "--no-pager"])["stdout"].splitlines():
        words = line.lstrip("●* ").split()
        if len(words) > 3 and words[3] == "running" and words[0].rpartition(".")[2] in _listed():
            names.add(_short(words[0]))
    return sorted(names)


def show(name: str, root: str | None = None) -> dict[str, Any]:
    """
    The properties of a service.

    CLI Example:

        salt '*' service.show nginx
    """
    return __utils__["systemd.shown"](_must(["show", _unit(name)], root)["stdout"])


def execs(root: str | None = None) -> dict[str, str]:
    """
    The program that each service starts.

    CLI Example:

        salt '*' service.execs
    """
    found = {}
    # A template has nothing to show.
    names = [name for name in get_all(root) if _unit(name).endswith(".service") and not name.endswith("@")]
    for name, block in zip(names, _blocks(names, root), strict=False):
        path = __utils__["systemd.shown"](block).get("ExecStart")
        if isinstance(path, dict) and path.get("path"):
            found[name] = path["path"]
    return found


def offline() -> bool:
    """
    Whether systemd is there and does not run, as in an image that is made.

    CLI Example:

        salt '*' service.offline
    """
    return not __utils__["systemd.booted"]()


def firstboot(
    locale: str | None = None,
    locale_message: str | None = None,
    keymap: str | None = None,
    timezone: str | None = None,
    hostname: str | None = None,
    machine_id: str | None = None,
    root: str | None = None,
) -> bool:
    """
    Settings that a new system has before its first start, by systemd-firstboot.

    CLI Example:

        salt '*' service.firstboot keymap=jp root=/srv/image
    """
    given = {
        "locale": locale, "locale-message": locale_message, "keymap": keymap, "timezone": timezone,
        "hostname": hostname, "machine-ID": machine_id, "root": root,
    }  # fmt: skip
    words = ["systemd-firstboot", *(f"--{key}={value}" for key, value in given.items() if value is not None)]
    if len(words) == 1:
        raise InvocationError("Nothing was given to set")
    if shutil.which(words[0]) is None:
        raise CommandError("The program systemd-firstboot is not there")
    found = __salt__["cmd.run_all"](words, python_shell=False)
    if found["retcode"]:
        raise CommandError(f"systemd-firstboot error: {_said(found)}")
    return True


# -- inside --------------------------------------------------------------------------------------------------------


def _act(
    action: str,
    name: str,
    no_block: bool = False,
    unmask: bool = False,
    unmask_runtime: bool = False,
    root: str | None = None,
) -> bool:
    if unmask:
        unmask_(name, runtime=False, root=root)
    if unmask_runtime:
        unmask_(name, runtime=True, root=root)
    return _change([*(["--no-block"] if no_block else []), action], name, root)


def _change(words: list[str], name: str, root: str | None = None) -> bool:
    found = _systemctl([*words, _unit(name)], root=root, scope=root is None)
    if found["retcode"]:
        raise CommandError(_said(found))
    return True


def _systemctl(
    words: list[str], *, root: str | None = None, scope: bool = False, quiet: bool = False
) -> dict[str, Any]:
    argv = ["systemctl", *(["--root", root] if root else []), *words]
    if scope:
        argv = __utils__["systemd.scoped"](argv)
    return __salt__["cmd.run_all"](argv, python_shell=False, ignore_retcode=quiet)


def _must(words: list[str], root: str | None = None) -> dict[str, Any]:
    found = _systemctl(words, root=root)
    if found["retcode"]:
        raise CommandError(_said(found))
    return found


def _said(found: dict[str, Any]) -> str:
    # systemd-run tells of its scope before the program has its say.
    lines = [line for line in found["stderr"].splitlines() if not line.startswith("Running scope as unit")]
    return "\n".join(lines) or found["stdout"] or f"systemctl ended with {found['retcode']}"


def _unit(name: str) -> str:
    name = str(name)
    if name.startswith("-") or "/" in name or not name.strip():
        raise InvocationError(f"Invalid service name: {name!r}")
    return __utils__["systemd.unit"](name)


def _short(name: str) -> str:
    return __utils__["systemd.short"](name)


def _listed() -> tuple[str, ...]:
    return ("service", "socket", "mount", "automount", "target", "path", "timer", "swap")


def _active(name: str, wait: float) -> bool:
    deadline = time.monotonic() + float(wait)
    while True:
        last = time.monotonic() >= deadline
        found = _systemctl(["is-active", _unit(name)], quiet=True)
        if last or found["stdout"].strip() not in _STARTING:
            return found["retcode"] == 0
        time.sleep(_TICK)


def _with_state(state: str, root: str | None) -> set[str]:
    names = set()
    for line in _must(["--full", "--no-legend", "--no-pager", "list-unit-files"], root)["stdout"].splitlines():
        words = line.split()
        if len(words) > 1 and words[1] == state and words[0].rpartition(".")[2] in _listed():
            names.add(_short(words[0]))
    return names


def _file(name: str) -> str | None:
    """Where a unit's file is: a template's for its instances."""
    template = re.sub(r"@.*\.", "@.", _unit(name))
    places = (f"{folder}/{file}" for folder in _FOLDERS for file in (_unit(name), template))
    return next(filter(os.path.exists, places), None)


def _blocks(names: list[str], root: str | None) -> list[str]:
    """The properties of many units, one block each."""
    if not names:
        return []
    return _must(["show", *map(_unit, names)], root)["stdout"].split("\n\n")


def _sysv(root: str | None = None) -> list[str]:
    """Scripts of init that no unit stands for. Another root's are not this host's to ask."""
    if root is not None:
        return []
    return [name for name in __utils__["sysv.scripts"]() if _file(name) is None]


def _sysv_enabled(name: str) -> bool:
    return __utils__["sysv.enabled"](name)
