"""What a container is asked to be, in Docker's own terms, and how one that is there differs from it.

Pure but for the library docker, which shapes what it is given. Used by the module `docker`.
"""

from __future__ import annotations

import inspect
import shlex
import signal
from collections.abc import Mapping, Sequence
from typing import Any

from trisalt.errors import CommandError

# Other names that arguments have, of Docker's own commands among them.
ALIASES = {
    "cmd": "command", "env": "environment", "memory": "mem_limit", "memory_swap": "memswap_limit", "expose": "ports",
    "interactive": "stdin_open", "volume": "binds", "publish": "port_bindings", "restart": "restart_policy",
    "label": "labels", "link": "links", "net": "network_mode", "workdir": "working_dir", "pid": "pid_mode",
    "ipc": "ipc_mode", "readonly": "read_only", "add_host": "extra_hosts",
}  # fmt: skip
LISTS = (
    "cap_add", "cap_drop", "dns", "dns_search", "dns_opt", "group_add", "security_opt", "volumes", "volumes_from",
    "devices",
)  # fmt: skip
MAPS = {
    "labels": "=",
    "extra_hosts": ":",
    "links": ":",
    "sysctls": "=",
    "tmpfs": ":",
    "storage_opt": "=",
    "log_opt": "=",
}
# What engines put into a container's environment on their own.
THEIRS = ("HOSTNAME", "TERM", "container", "HOME", "PATH")
# What a network may have, as the library and the engine name it; and its addresses.
NETWORK = {
    "driver": "Driver", "internal": "Internal", "attachable": "Attachable", "enable_ipv6": "EnableIPv6",
    "ingress": "Ingress", "scope": "Scope",
}  # fmt: skip
POOL = {"subnet": "subnet", "gateway": "gateway", "iprange": "iprange", "ip_range": "iprange"}
# What there is none of unless it is asked for.
EMPTY = {"Binds": None, "PortBindings": None, "RestartPolicy": None}


def payload(version: str, image: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The body of the request that makes the container. Raises CommandError for what is not known."""
    from docker.types import ContainerConfig, HostConfig

    options = {ALIASES.get(name, name): value for name, value in given.items() if value is not None}
    shaped = {name: _shaped(name, value) for name, value in options.items()}
    if "log_driver" in shaped or "log_opt" in shaped:
        shaped["log_config"] = {"type": shaped.pop("log_driver", None), "config": shaped.pop("log_opt", {})}
    if shaped.get("port_bindings"):
        shaped["ports"] = sorted({*shaped.get("ports", ()), *shaped["port_bindings"]})
    if "ports" in shaped:
        shaped["ports"] = [tuple(port.split("/")) for port in shaped["ports"]]
    of_host = set(inspect.signature(HostConfig.__init__).parameters) - {"self", "version"}
    of_container = set(inspect.signature(ContainerConfig.__init__).parameters) - {"self", "version", "host_config"}
    unknown = sorted(set(shaped) - of_host - of_container)
    if unknown:
        raise CommandError(f"Unknown argument: {', '.join(unknown)}")
    try:
        host = HostConfig(version=version, **{name: shaped.pop(name) for name in sorted(of_host & set(shaped))})
        command = shaped.pop("command", None)
        return dict(ContainerConfig(version, image, command, host_config=host, **shaped))
    except Exception as exc:  # whatever the library thinks of what an operator wrote
        raise CommandError(f"Failed to translate input. {exc}") from exc


def differences(wanted: Mapping[str, Any], has: Mapping[str, Any], image: Mapping[str, Any]) -> dict[str, Any]:
    """`{Config: {key: {old, new}}, HostConfig: …, Image: …}`: how a container differs from what is wanted of it.

    What nobody asked for is looked at where one would notice: environment, labels, command, and what is shared with the
    host. `image` is the one that it is to run, as the engine describes it.
    """
    config, host, base = has["Config"], has["HostConfig"], image.get("Config") or {}
    found: dict[str, Any] = {}

    def note(part: str, key: str, old: Any, new: Any) -> None:
        found.setdefault(part, {})[key] = {"old": old, "new": new}

    if _digest(has["Image"]) != _digest(image["Id"]):
        found["Image"] = {"old": has["Image"], "new": image["Id"]}
    new_env = _environment(base.get("Env")) | _environment(wanted.get("Env"))
    old_env = {k: v for k, v in _environment(config.get("Env")).items() if k in new_env or k not in THEIRS}
    if old_env != new_env:
        note("Config", "Env", _pairs(old_env), _pairs(new_env))
    labels = {**(base.get("Labels") or {}), **(wanted.get("Labels") or {})}
    if (config.get("Labels") or {}) != labels:
        note("Config", "Labels", config.get("Labels") or {}, labels)
    entrypoint = wanted.get("Entrypoint")
    for key in ("Cmd", "Entrypoint"):
        # An entrypoint of one's own takes the image's command away.
        default = base.get(key) if key == "Entrypoint" or entrypoint is None else None
        new = wanted[key] if wanted.get(key) is not None else default
        if _words(config.get(key)) != _words(new):
            note("Config", key, config.get(key), new)
    for key in (
        "Hostname",
        "Domainname",
        "User",
        "WorkingDir",
        "Tty",
        "OpenStdin",
        "StopSignal",
        "StopTimeout",
        "MacAddress",
    ):
        new = wanted.get(key)
        if new not in (None, False, "") and _plain(key, config.get(key)) != _plain(key, new):
            note("Config", key, config.get(key), new)
    missing = sorted(
        set(wanted.get("ExposedPorts") or {}) - set(config.get("ExposedPorts") or host.get("PortBindings") or {})
    )
    if missing and config.get("ExposedPorts") is not None:
        note("Config", "ExposedPorts", config["ExposedPorts"], wanted["ExposedPorts"])
    asked = {**EMPTY, **(wanted.get("HostConfig") or {})}
    for key, new in asked.items():
        if not _same(key, host.get(key), new):
            note("HostConfig", key, host.get(key), new)
    return found


def options(given: Any) -> dict[str, str]:
    """Options of a driver: a map, a list of maps, or `key=value` texts."""
    return _map(given, "=") if given else {}


def network(given: Mapping[str, Any]) -> dict[str, Any]:
    """What the library is given for a network. Raises CommandError for what is not known."""
    from docker.types import IPAMConfig, IPAMPool

    asked = {name: value for name, value in given.items() if value is not None}
    shaped: dict[str, Any] = {key: asked.pop(key) for key in NETWORK if key in asked}
    for key, name in (("options", "options"), ("driver_opts", "options"), ("labels", "labels")):
        if key in asked:
            shaped[name] = _map(asked.pop(key), "=", bare=key == "labels")
    pool = {name: asked.pop(key) for key, name in POOL.items() if key in asked}
    ipam = {name: asked.pop(key) for key, name in (("ipam_driver", "driver"), ("ipam_opts", "options")) if key in asked}
    if asked:
        raise CommandError(f"Unknown argument: {', '.join(sorted(asked))}")
    if pool or ipam:
        shaped["ipam"] = IPAMConfig(pool_configs=[IPAMPool(**pool)] if pool else None, **ipam)
    return shaped


def network_differences(given: Mapping[str, Any], has: Mapping[str, Any]) -> dict[str, Any]:
    """`{key: {old, new}}`: how a network differs from what is asked of it."""
    found: dict[str, Any] = {}
    for key, new in network(given).items():
        name, old = NETWORK.get(key, key.title()), has.get(NETWORK.get(key, key.title()))
        if key == "ipam":
            name, old, new = "IPAM", (has.get("IPAM") or {}).get("Config") or [], new["Config"] or []
            told = {field: value for field, value in (old[0] if old else {}).items()}
            same = all(told.get(field) == value for each in new for field, value in each.items() if value)
        elif isinstance(new, dict):
            same = new.items() <= (old or {}).items()
        else:
            same = bool(old) == new if isinstance(new, bool) else old == new
        if not same:
            found[name] = {"old": old, "new": new}
    return found


def _shaped(name: str, value: Any) -> Any:
    """One argument, in the form that the library takes."""
    if name in ("command", "entrypoint"):
        return shlex.split(value) if isinstance(value, str) else [str(each) for each in value]
    if name == "environment":
        return _map(value, "=")
    if name == "labels":
        return {key: str(text) for key, text in _map(value, "=", bare=True).items()}
    if name in MAPS:
        return _map(value, MAPS[name])
    if name in LISTS:
        return _list(value)
    if name == "binds":
        return [str(each) for each in _list(value)]
    if name == "ports":
        return [port for each in _list(value) for port in _range(str(each))]
    if name == "port_bindings":
        return _bindings(value)
    if name == "restart_policy" and isinstance(value, str):
        policy, _, count = value.partition(":")
        return {"Name": policy, "MaximumRetryCount": _number(count or 0)}
    return value


def _list(value: Any) -> list[Any]:
    if isinstance(value, str):
        return [each.strip() for each in value.split(",") if each.strip()]
    return list(value) if isinstance(value, Sequence) else [value]


def _map(value: Any, between: str, *, bare: bool = False) -> dict[str, str]:
    """A map, a list of maps, or texts with something between key and value."""
    if isinstance(value, Mapping):
        return {str(key): "" if each is None else str(each) for key, each in value.items()}
    found: dict[str, str] = {}
    for each in _list(value):
        if isinstance(each, Mapping):
            found |= _map(each, between)
            continue
        key, sign, text = str(each).partition(between)
        if not sign and not bare:
            raise CommandError(f"{each!r} is not a key{between}value pair")
        found[key] = text
    return found


def _bindings(value: Any) -> dict[str, list[Any]]:
    """`80`, `8080:80`, `10.0.0.1:8080:80/tcp`, ranges of ports: by the container's port where the host has it."""
    if isinstance(value, Mapping):
        return {port: value[key] for key in value for port in _range(str(key))}
    found: dict[str, list[Any]] = {}
    for each in _list(value):
        *outer, inner = str(each).rsplit(":", 2) if not str(each).startswith("[") else _bracketed(str(each))
        ports = _range(inner)
        hosts: list[Any] = [None] * len(ports)
        if outer and outer[-1]:
            hosts = [port.split("/")[0] for port in _range(outer[-1])]
        if len(hosts) != len(ports):
            raise CommandError(f"{each}: as many ports of the host as of the container are needed")
        for port, host in zip(ports, hosts, strict=True):
            found.setdefault(port, []).append((outer[0], host) if len(outer) == 2 else host)
    return found


def _bracketed(text: str) -> list[str]:
    address, _, rest = text[1:].partition("]:")
    return [address, *rest.split(":")]


def _range(text: str) -> list[str]:
    """`80-82/udp` as its ports, each with its protocol."""
    ports, _, protocol = text.partition("/")
    first, _, last = ports.partition("-")
    start, end = _number(first), _number(last or first)
    if not 0 < start <= end < 65536:
        raise CommandError(f"{text!r} is no port, and no range of ports")
    return [f"{port}/{protocol or 'tcp'}" for port in range(start, end + 1)]


def _number(text: Any) -> int:
    try:
        return int(text)
    except (TypeError, ValueError):
        raise CommandError(f"{text!r} is not a number") from None


def _digest(image: str) -> str:
    return str(image).removeprefix("sha256:")


def _environment(lines: Any) -> dict[str, str]:
    return dict(str(line).partition("=")[::2] for line in lines or ())


def _plain(key: str, value: Any) -> str:
    """A value as a text; a signal as its number, for some engines tell it so."""
    if key == "StopSignal" and not str(value).isdigit():
        name = f"SIG{str(value).upper().removeprefix('SIG')}"
        return str(int(signal.Signals[name])) if name in signal.Signals.__members__ else name
    return str(value)


def _pairs(environment: Mapping[str, str]) -> list[str]:
    return sorted(f"{key}={value}" for key, value in environment.items())


def _words(value: Any) -> list[str]:
    return shlex.split(value) if isinstance(value, str) else [str(each) for each in value or ()]


def _same(key: str, old: Any, new: Any) -> bool:
    """Whether a setting of the host is what is wanted, however the engine tells it."""
    if key == "Binds":
        return sorted(map(_bind, old or ()), key=str) == sorted(map(_bind, new or ()), key=str)
    if key == "RestartPolicy":
        return _policy(old) == _policy(new)
    if key == "PortBindings":
        return _ports(old) == _ports(new)
    if key == "NetworkMode":
        return str(old) == str(new) or {str(old), str(new)} <= {"default", "bridge"}
    if not new:
        return not old
    return old == new or str(old) == str(new)


def _bind(text: str) -> tuple[str, str, str]:
    parts = [*str(text).split(":", 2), "", ""]
    return parts[0], parts[1], "ro" if "ro" in parts[2].split(",") else "rw"


def _policy(policy: Any) -> tuple[str, int]:
    name = (policy or {}).get("Name") or "no"
    return name, int((policy or {}).get("MaximumRetryCount") or 0)


def _ports(bindings: Any) -> dict[str, list[tuple[str, str]]]:
    return {port: sorted(map(_host_port, where or ())) for port, where in (bindings or {}).items()}


def _host_port(where: Mapping[str, Any]) -> tuple[str, str]:
    address = str(where.get("HostIp") or "")
    return "" if address == "0.0.0.0" else address, str(where.get("HostPort") or "")
