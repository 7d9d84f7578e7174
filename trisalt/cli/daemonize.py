"""What makes a process a daemon: fork, folders, pidfile, user, open files. The commands of both daemons start here.

Everything happens before Trio and before the first thread, in an order that matters: the fork before the pidfile (it
names the child), the folders before the user is given up (only root may make them), the zygote before anything big is
imported (it shares our memory).
"""

from __future__ import annotations

import errno
import gc
import linecache
import os
import pwd
import signal
import socket
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from types import ModuleType
from typing import Any

from trisalt.errors import ConfigError, Rejected, TrisaltError

# A burst of returns makes tens of thousands of objects and next to no cycles: the collector need not look so often.
COLLECT_AFTER = (10_000, 10, 10)

EXIT_FAILED = 1
EXIT_PORT_IN_USE = 4
EXIT_NO_USER = 67
EXIT_CRASHED = 70
EXIT_REJECTED = 77


class UserUnknown(Exception):
    """There is no such user (exit status 67)."""


class AlreadyRunning(Exception):
    """The pidfile names a living process of ours."""


class Told(BaseException):
    """SIGTERM came before the daemon could take it, or again when it had ended: it ends, as it was told."""


class PortInUse(Exception):
    """An address cannot be bound; the text is stock's (exit status 4)."""


@contextmanager
def importing() -> Iterator[None]:
    """What a daemon imports stays for good: the collector does not look at it, neither meanwhile nor later, and its
    loggers are those that are configured."""
    from trisalt.log import settle

    gc.disable()
    try:
        yield
        settle()
        # The text of the methods that attrs has made for each class, half a megabyte: it shows in tracebacks alone.
        linecache.clearcache()
    finally:
        gc.freeze()
        gc.set_threshold(*COLLECT_AFTER)
        gc.enable()


def run_daemon(
    program: str,
    options: Any,
    read: Callable[..., Any],
    run: Callable[[Any, Any, Callable[[], Any]], Any],
    *,
    ports: Callable[[Any], Iterable[tuple[str, int]]] = lambda _config: (),
    preload: Sequence[str] | None = (),
) -> int:
    """Be the daemon `program` until it ends; the exit status.

    `options` are the command line's, `read(config_dir, overrides, daemon=True)` gives its configuration, `ports` the
    addresses it will bind, and `run(config, zygote, reread)` runs it under Trio. `preload` names what its workers need
    before their first fork; None: it has no workers, and its zygote is None.
    """
    daemon = program.removeprefix("salt-")
    # In the background the folder is another one.
    config_dir = None if options.config_dir is None else os.path.abspath(options.config_dir)

    def reread() -> Any:
        return read(config_dir, _overrides(options), daemon=True)

    pidfile, waiting = "", None
    try:
        config = reread()
        _account(config.user)
        check_ports(program, ports(config))
        check_pidfile(config.pidfile, program)
        if options.daemon:
            waiting = daemonize()
        prepare_folders(_folders(config), config.user)
        pidfile = config.pidfile
        write_pidfile(pidfile, config.user)
        drop_user(config.user)
        check_own_files(config.user, (os.__file__, __file__))
    except (UserUnknown, PortInUse, AlreadyRunning, ConfigError, OSError) as exc:
        text, status = _refusal(daemon, exc)
        print(text, file=sys.stderr, flush=True)
        remove_pidfile(pidfile)
        if waiting is not None:
            leave_terminal(waiting, status)
        return status
    if waiting is not None:
        leave_terminal(waiting)
    try:
        return _run(daemon, options, config, run, reread, preload)
    finally:
        remove_pidfile(config.pidfile)


def _refusal(daemon: str, exc: Exception) -> tuple[str, int]:
    """What is said of a daemon that cannot even begin, and its exit status."""
    match exc:
        case UserUnknown():
            text = f"Failed to prepare the Salt environment for user {exc}. The user is not available."
            return text, EXIT_NO_USER
        case PortInUse():
            return f"{exc}\nThe salt {daemon} is shutdown. The ports are not available to bind", EXIT_PORT_IN_USE
        case AlreadyRunning():
            return f"An instance is already running. Exiting the Salt {daemon.capitalize()}", EXIT_FAILED
    return f"[ERROR   ] {exc}", EXIT_FAILED


def _run(
    daemon: str,
    options: Any,
    config: Any,
    run: Callable[..., Any],
    reread: Callable[[], Any],
    preload: Sequence[str] | None,
) -> int:
    zygote = None
    if preload is not None:
        from trisalt.worker.zygote import start_zygote

        # A fork of this small process, before structlog, Trio, ZeroMQ and cryptography are in it.
        zygote = start_zygote(preload)
    _import_structlog()
    from trisalt import log as logs
    from trisalt.service import dump_tasks

    signal.signal(signal.SIGUSR1, lambda _signum, _frame: dump_tasks())
    logs.configure(
        config.log_level,
        daemon=daemon,
        log_file=config.log_file,
        log_level_logfile=config.log_level_logfile,
        fmt_console=_console_format(options, config),
        fmt_logfile=config.log_fmt_logfile,
        fmt_jid=config.log_fmt_jid,
        datefmt=config.log_datefmt,
        datefmt_logfile=config.log_datefmt_logfile,
        granular_levels=config.log_granular_levels,
        minion_id=config.id if daemon == "minion" else None,
        console=not options.daemon,
        rotate_max_bytes=config.log_rotate_max_bytes,
        rotate_backup_count=config.log_rotate_backup_count,
    )
    import structlog

    log = structlog.get_logger()
    for warning in config.warnings:
        log.warning("config.warning", text=warning)
    told = False

    def end(_signum: int, _frame: object) -> None:
        nonlocal told
        told = True
        raise Told

    # While Trio runs, the daemon hears it; before and after that it is an end all the same.
    signal.signal(signal.SIGTERM, end)
    try:
        run(config, zygote, reread)
    except KeyboardInterrupt:
        return 0
    except BaseException as exc:
        return 0 if told else _failed(log, daemon, exc)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    return 0


def _import_structlog() -> None:
    """structlog without `rich`, which it imports where that is there, for the tracebacks of a developer's console, and
    without `asyncio`, which it needs for loggers that are awaited.

    They would be 6 MB of each daemon, and a sixth of the CPU that it imports with.
    """
    there = {name: sys.modules.get(name) for name in ("rich", "asyncio")}
    sys.modules["rich"] = None  # type: ignore[assignment]
    if there["asyncio"] is None:
        sys.modules["asyncio"] = _Later("asyncio")
    try:
        import structlog  # noqa: F401
    finally:
        for name, module in there.items():
            del sys.modules[name]
            if module is not None:
                sys.modules[name] = module


class _Later(ModuleType):
    """A module that is imported when somebody first uses it."""

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self.__name__), name)


def _failed(log: Any, daemon: str, exc: BaseException) -> int:
    """Say why a daemon ended, in one line where we know why; its exit status."""
    if isinstance(exc, BaseExceptionGroup):
        known = exc.subgroup(TrisaltError)
        leaf: BaseException | None = known
        while isinstance(leaf, BaseExceptionGroup):
            leaf = leaf.exceptions[0]
        if leaf is not None and exc.split(TrisaltError)[1] is None:
            exc = leaf
    if isinstance(exc, Rejected):
        return EXIT_REJECTED
    if isinstance(exc, ConfigError):
        log.error("daemon.not_started", reason=str(exc))
        if "Address already in use" in str(exc):
            print(f"The salt {daemon} is shutdown. The ports are not available to bind", file=sys.stderr)
            return EXIT_PORT_IN_USE
        return EXIT_FAILED
    if isinstance(exc, TrisaltError):
        log.critical("daemon.failed", reason=str(exc))
        return EXIT_CRASHED
    log.critical("daemon.crashed", reason=f"{type(exc).__name__}: {exc}", exc_info=exc)
    return EXIT_CRASHED


def _console_format(options: Any, config: Any) -> str:
    """What the command line says goes before what the configuration says."""
    wanted = options.log_format or config.log_format
    return "json" if wanted == "json" else str(config.log_fmt_console)


def _overrides(options: Any) -> dict[str, Any]:
    """The configuration keys that the command line sets."""
    keys = ("log_level", "log_file", "log_level_logfile", "pidfile", "user")
    named = {key: getattr(options, key) for key in keys}
    return {key: value for key, value in named.items() if value is not None}


def _folders(config: Any) -> Iterable[tuple[str, int]]:
    """What both daemons need before they give up root, with modes; a log that is an address has no folder."""
    yield config.pki_dir, 0o700
    yield config.cachedir, 0o755
    yield config.sock_dir, 0o755
    if "://" not in config.log_file:
        yield os.path.dirname(config.log_file), 0o750


def daemonize() -> int:
    """Go to the background: fork twice, a session of its own, `/` as folder.

    The command that was typed waits: what cannot begin can still say so, until `leave_terminal` is given what this
    returns.
    """
    told, telling = os.pipe()
    if os.fork():
        os.close(telling)
        status = os.read(told, 1)
        # Whoever died before it could say anything has not begun.
        os._exit(status[0] if status else EXIT_FAILED)
    os.close(told)
    os.setsid()
    if os.fork():
        os._exit(0)
    os.chdir("/")
    os.umask(0o022)
    return telling


def leave_terminal(telling: int, status: int = 0) -> None:
    """The command that was typed ends with `status`; stdio goes to the null device."""
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    os.close(null)
    with suppress(BrokenPipeError):  # it was interrupted, and does not wait any longer
        os.write(telling, bytes([status]))
    os.close(telling)


def prepare_folders(folders: Iterable[tuple[str, int]], user: str) -> None:
    """Make the folders that are not there. Raises ConfigError, UserUnknown.

    Where we are root and are to be another user, they become that user's, with all that is in them; once: what is below
    a folder that is that user's already may be a trap. A daemon that stays root takes nothing away from another's user.
    """
    account = _account(user)
    for path, mode in folders:
        try:
            os.makedirs(path, mode, exist_ok=True)
            if os.getuid() != 0 or account.pw_uid == 0 or os.stat(path).st_uid == account.pw_uid:
                continue
            for folder, names, files in os.walk(path, topdown=False):
                for name in names + files:
                    os.lchown(os.path.join(folder, name), account.pw_uid, account.pw_gid)
            os.chown(path, account.pw_uid, account.pw_gid)
        except OSError as exc:
            raise ConfigError(f"{path}: {exc.strerror}") from exc


def check_ports(program: str, addresses: Iterable[tuple[str, int]]) -> None:
    """See whether the addresses can be bound. Raises PortInUse with stock's line."""
    for host, port in addresses:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind((host, port))
            except OSError as exc:
                why = f"; Is there another {program} running?" if exc.errno == errno.EADDRINUSE else ""
                raise PortInUse(f"Unable to bind socket {host}:{port}, error: {exc}{why}") from exc


def check_pidfile(path: str, program: str) -> None:
    """Raise AlreadyRunning when the file names a living process of this program.

    A pid that is nobody's, or another program's by now, is a file left behind.
    """
    with suppress(OSError, ValueError):
        with open(path, encoding="ascii") as file:
            pid = int(file.read())
        if pid != os.getpid() and _is_running(pid, program):
            raise AlreadyRunning


def write_pidfile(path: str, user: str) -> None:
    """Write our pid, in one piece; nothing where no file is wanted. Raises ConfigError."""
    if not path:
        return
    try:
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        fresh = f"{path}.{os.getpid()}"
        with open(fresh, "w", encoding="ascii") as file:
            file.write(f"{os.getpid()}\n")
        if os.getuid() == 0:
            account = _account(user)
            os.chown(fresh, account.pw_uid, account.pw_gid)
        os.replace(fresh, path)
    except OSError as exc:
        raise ConfigError(f"pidfile: {path}: {exc.strerror}") from exc


def remove_pidfile(path: str) -> None:
    """Take our pidfile away, if it is still ours; or what is in it, where the folder is root's and we no longer are."""
    with suppress(OSError, ValueError):
        with open(path, encoding="ascii") as file:
            if int(file.read()) != os.getpid():
                return
        try:
            os.unlink(path)
        except PermissionError:
            os.truncate(path, 0)


def drop_user(user: str) -> None:
    """Become `user` with its groups, if we are not. Raises UserUnknown, and ConfigError when we may not."""
    account = _account(user)
    if account.pw_uid == os.getuid():
        return
    if os.getuid() != 0:
        raise ConfigError(f"user: only root may run as {user}; this is {_name(os.getuid())}")
    os.setgroups(os.getgrouplist(user, account.pw_gid))
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)
    os.environ.update(HOME=account.pw_dir, USER=user, LOGNAME=user)


def check_own_files(user: str, paths: Iterable[str]) -> None:
    """Raise ConfigError when we, who are `user` by now, may not read what this program is made of."""
    for path in paths:
        if not os.access(path, os.R_OK):
            raise ConfigError(f"user: {user} may not read {path}, which this program is made of")


def _account(user: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(user)
    except KeyError:
        raise UserUnknown(user) from None


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _is_running(pid: int, program: str) -> bool:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read().split(b"\0")
    except OSError:
        return False
    # The program itself, or the interpreter and the program.
    return any(os.path.basename(word) == program.encode() for word in words[:2])
