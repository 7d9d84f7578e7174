"""Where state lives: which options are paths below `root_dir`, and the files each daemon keeps in its folders."""

from __future__ import annotations

import os.path

from trisalt.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:  # at run time this module is imported by master's and minion's readers, and by thin commands
    from trisalt.config.master import MasterConfig
    from trisalt.config.minion import MinionConfig

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
    "api_logfile",
    "api_pidfile",
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


class MasterPaths:
    """The master's files and sockets. Made by `master_paths`."""

    __slots__ = (
        "database",
        "drop_file",
        "event_pub",
        "event_pull",
        "local_door",
        "proc",
        "root_key",
        "schedule",
        "schedule_state",
        "sessions",
        "shared_key",
        "stock_sessions",
    )

    def __init__(self, config: MasterConfig) -> None:
        sock, cache = config.sock_dir, config.cachedir
        self.local_door = _socket(sock, "master.sock")
        self.event_pub = _socket(sock, "master_event_pub.ipc")
        self.event_pull = _socket(sock, "master_event_pull.ipc")
        self.database = os.path.join(cache, "trisalt.db")
        self.root_key = os.path.join(cache, f".{config.user}_key")
        self.drop_file = os.path.join(cache, ".dfn")
        self.sessions = os.path.join(cache, "sealed", "sessions")
        self.shared_key = os.path.join(cache, "sealed", "shared_key")
        self.stock_sessions = os.path.join(cache, "sessions")
        self.proc = os.path.join(cache, "proc")
        self.schedule = _schedule(config.config_dir, config.default_include)
        self.schedule_state = os.path.join(cache, "schedule.json")


class MinionPaths:
    """The minion's files and sockets. Made by `minion_paths`."""

    __slots__ = (
        "event_pub",
        "event_pull",
        "files",
        "master_key",
        "proc",
        "schedule",
        "schedule_state",
        "spool",
        "status",
        "workers",
    )

    def __init__(self, config: MinionConfig) -> None:
        import hashlib  # a third of what a thin command's configuration costs, and the master's side needs none of it

        sock, cache = config.sock_dir, config.cachedir
        # Stock's tools look for the sockets under the first ten digits of the id's hash.
        digest = hashlib.new(config.hash_type, config.id.encode(), usedforsecurity=False).hexdigest()
        self.event_pub = _socket(sock, f"minion_event_{digest[:10]}_pub.ipc")
        self.event_pull = _socket(sock, f"minion_event_{digest[:10]}_pull.ipc")
        self.status = _socket(sock, f"minion_{digest[:10]}.sock")
        self.workers = _socket(sock, f"minion_{digest[:10]}_workers.sock")
        self.proc = os.path.join(cache, "proc")
        self.spool = os.path.join(cache, "spool")
        self.files = os.path.join(cache, "files")
        self.schedule = _schedule(config.config_dir, config.default_include)
        self.schedule_state = os.path.join(cache, "schedule.json")
        self.master_key = os.path.join(config.pki_dir, "minion_master.pub")


def master_paths(config: MasterConfig) -> MasterPaths:
    """Where this master keeps what. Raises ConfigError when a socket's path is too long."""
    return MasterPaths(config)


def minion_paths(config: MinionConfig) -> MinionPaths:
    """Where this minion keeps what. Raises ConfigError when a socket's path is too long."""
    return MinionPaths(config)


def opts_paths(config: MasterConfig) -> dict[str, str]:
    """Paths that stock's plugins look for in `__opts__` without their being options."""
    return {
        "token_dir": os.path.join(config.cachedir, "tokens"),
        "syndic_dir": os.path.join(config.cachedir, "syndics"),
    }


def _socket(folder: str, name: str) -> str:
    path = os.path.join(folder, name)
    if len(os.fsencode(path)) > LONGEST_SOCKET_PATH:
        raise ConfigError(f"sock_dir: {path} is longer than the {LONGEST_SOCKET_PATH} bytes a socket's path may have")
    return path


def _schedule(config_dir: str, default_include: str) -> str:
    return os.path.join(config_dir, os.path.dirname(default_include), "_schedule.conf")
