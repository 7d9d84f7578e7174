"""Where state lives: which options are paths below `root_dir`, and the files each daemon keeps in its folders."""

from __future__ import annotations

import hashlib
import os.path
from typing import Any, NamedTuple

from trisalt.config.master import MasterConfig
from trisalt.config.minion import MinionConfig
from trisalt.errors import ConfigError

# Source: stock Salt 3008.3; `file_roots`, `pillar_roots` and `module_dirs` are not among them.
BELOW_ROOT = (
    "pki_dir",
    "cachedir",
    "pidfile",
    "sock_dir",
    "extension_modules",
    "autosign_file",
    "autoreject_file",
    "autosign_grains_dir",
    "log_file",
    "key_logfile",
)

# A unix socket's address has room for 107 bytes; stock stops at 103, and its tools have to find ours.
LONGEST_SOCKET_PATH = 103


def below(root_dir: str, path: str) -> str:
    """`path` below `root_dir`, unless it is there already. An address with a scheme (`file:///dev/log`) is no path."""
    if "://" in path or not path:
        return path
    root = os.path.abspath(root_dir)
    if path == root or path.startswith(root.rstrip("/") + "/"):
        return path
    return os.path.join(root, path.lstrip("/"))


class MasterPaths(NamedTuple):
    """The master's files and sockets."""

    local_door: str
    event_pub: str
    event_pull: str
    database: str
    root_key: str
    drop_file: str
    sessions: str
    tokens: str
    proc: str
    schedule: str


class MinionPaths(NamedTuple):
    """The minion's files and sockets."""

    event_pub: str
    event_pull: str
    proc: str
    spool: str
    files: str
    grains_cache: str
    schedule: str
    master_key: str


def master_paths(config: MasterConfig) -> MasterPaths:
    """Where this master keeps what. Raises ConfigError when a socket's path is too long."""
    sock, cache = config.sock_dir, config.cachedir
    return MasterPaths(
        local_door=_socket(sock, "master.sock"),
        event_pub=_socket(sock, "master_event_pub.ipc"),
        event_pull=_socket(sock, "master_event_pull.ipc"),
        database=os.path.join(cache, "trisalt.db"),
        root_key=os.path.join(cache, f".{config.user}_key"),
        drop_file=os.path.join(cache, ".dfn"),
        sessions=os.path.join(cache, "sessions"),
        tokens=os.path.join(cache, "tokens"),
        proc=os.path.join(cache, "proc"),
        schedule=_schedule(config.config_dir, config.default_include),
    )


def minion_paths(config: MinionConfig) -> MinionPaths:
    """Where this minion keeps what. Raises ConfigError when a socket's path is too long."""
    sock, cache = config.sock_dir, config.cachedir
    # Stock's tools look for the sockets under the first ten digits of the id's hash.
    digest = hashlib.new(config.hash_type, config.id.encode(), usedforsecurity=False).hexdigest()
    name = f"minion_event_{digest[:10]}"
    return MinionPaths(
        event_pub=_socket(sock, f"{name}_pub.ipc"),
        event_pull=_socket(sock, f"{name}_pull.ipc"),
        proc=os.path.join(cache, "proc"),
        spool=os.path.join(cache, "spool"),
        files=os.path.join(cache, "files"),
        grains_cache=os.path.join(cache, "grains.cache.p"),
        schedule=_schedule(config.config_dir, config.default_include),
        master_key=os.path.join(config.pki_dir, "minion_master.pub"),
    )


def _socket(folder: str, name: str) -> str:
    path = os.path.join(folder, name)
    if len(os.fsencode(path)) > LONGEST_SOCKET_PATH:
        raise ConfigError(f"sock_dir: {path} is longer than the {LONGEST_SOCKET_PATH} bytes a socket's path may have")
    return path


def _schedule(config_dir: str, default_include: str) -> str:
    return os.path.join(config_dir, os.path.dirname(default_include), "_schedule.conf")


def opts_paths(config: MasterConfig) -> dict[str, Any]:
    """Paths that stock's plugins look for in `__opts__` without their being options."""
    return {
        "token_dir": os.path.join(config.cachedir, "tokens"),
        "syndic_dir": os.path.join(config.cachedir, "syndics"),
    }
