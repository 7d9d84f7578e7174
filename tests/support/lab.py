"""A laboratory of real daemons on loopback: ours, or stock Salt's, in a root of their own.

Used by `tests/whole`, `tests/interop` and `benchmarks`. Every wait is bounded and says what it waited for, with the
ends of the logs; every process that was started here is ended here, by its pid.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
import yaml

from tests.support.stock import run_stock

OURS = Path(sys.executable).parent
STOCK_VARIABLE = "TRISALT_STOCK_BIN"
READY = "Minion is ready to receive requests!"


def stock_bin() -> Path | None:
    """The folder of stock Salt's commands (an environment of its own), or None where it is not installed."""
    named = os.environ.get(STOCK_VARIABLE)
    return Path(named) if named and (Path(named) / "salt-master").exists() else None


# Below the ports that the kernel gives to whoever asks for any: else one would be gone before a daemon has bound it.
# Each process of the tests begins elsewhere, and comes to the same port again only after all the others.
_PORTS = (10_000 + (os.getpid() * 541 + step) % 22_000 for step in itertools.count())


def free_ports(count: int) -> list[int]:
    """TCP ports of loopback that nobody listens on, and that nobody else is given meanwhile."""
    return list(itertools.islice(filter(_is_free, _PORTS), count))


def _is_free(port: int) -> bool:
    with socket.socket() as sock:
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class Daemon:
    """One daemon process and its log."""

    def __init__(self, argv: Sequence[str], log: Path, env: Mapping[str, str]) -> None:
        self.argv, self.log, self._home = list(argv), log, env["HOME"]
        with log.open("ab") as out:
            self._begun = out.tell()
            self.process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=dict(env),
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    def text(self) -> str:
        """What it has written so far."""
        return self.log.read_text(errors="replace")

    def has_written(self, text: str) -> bool:
        """Whether it has said this since it was started."""
        with self.log.open("rb") as file:
            file.seek(self._begun)
            return text.encode() in file.read()

    def stop(self, sig: int = signal.SIGTERM, *, seconds: float = 20) -> int:
        """End it and reap it; killed when it does not end in time. The exit status, negative for a signal."""
        if self.process.poll() is None:
            self.process.send_signal(sig)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill_group()
                self.process.wait(seconds)
                raise AssertionError(
                    f"{self.argv[0]} did not end {seconds} s after signal {sig}\n{self.tail()}"
                ) from None
        return self.process.returncode

    def kill_group(self) -> None:
        """SIGKILL for it and every process in its session's group.

        Of one that was reaped the number may be another daemon's by now: then only who has its home, or names it, is
        ended. Stock's write their titles over what they were begun with.
        """
        if self.process.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)
            return
        for pid in psutil.pids():
            with contextlib.suppress(ProcessLookupError, psutil.Error):
                if os.getpgid(pid) == self.pid and self._is_ours(psutil.Process(pid)):
                    os.kill(pid, signal.SIGKILL)

    def _is_ours(self, process: psutil.Process) -> bool:
        return process.environ().get("HOME") == self._home or f"{self._home}/" in " ".join(process.cmdline())

    def tail(self, lines: int = 40) -> str:
        """The end of its log, for a failure's message."""
        return f"--- {self.log.name}\n" + "\n".join(self.text().splitlines()[-lines:])


class Lab:
    """One master and some minions, each ours or stock's (`kind="ours"` or `"stock"`), below one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.publish_port, self.ret_port = free_ports(2)
        self.daemons: dict[str, Daemon] = {}
        self.kinds: dict[str, str] = {}
        # Stock keeps a shell's history and a token in HOME; the lab has one of its own. Both sides may keep their
        # byte code, as what is installed does.
        self.env = {
            **{
                k: v
                for k, v in os.environ.items()
                if not k.startswith(("SALT_", "PYTEST", "NOTIFY_", "JOURNAL_", "PYTHONDONTWRITE"))
            },
            "HOME": str(root),
            "PYTHONWARNINGS": "ignore",
        }

    # -- what runs -------------------------------------------------------------------------------------------

    def master_dir(self) -> Path:
        return self.root / "master"

    def configure_master(self, **options: Any) -> Path:
        """Write the master's configuration; the folder for `-c`."""
        folder = self.master_dir()
        folder.mkdir(parents=True, exist_ok=True)
        config = {
            "root_dir": str(folder),
            "pki_dir": str(folder / "pki"),
            "cachedir": str(folder / "cache"),
            "sock_dir": str(folder / "run"),
            "pidfile": str(folder / "master.pid"),
            "log_file": str(folder / "log"),
            "interface": "127.0.0.1",
            "publish_port": self.publish_port,
            "ret_port": self.ret_port,
            "file_roots": {"base": [str(folder / "srv")]},
            "pillar_roots": {"base": [str(folder / "pillar")]},
            **options,
        }
        (folder / "srv").mkdir(exist_ok=True)
        (folder / "pillar").mkdir(exist_ok=True)
        (folder / "master").write_text(yaml.safe_dump(config))
        return folder

    def configure_minion(self, id: str, **options: Any) -> Path:
        """Write a minion's configuration; the folder for `-c`."""
        folder = self.root / id
        folder.mkdir(parents=True, exist_ok=True)
        config = {
            "root_dir": str(folder),
            "pki_dir": str(folder / "pki"),
            "cachedir": str(folder / "cache"),
            "sock_dir": str(folder / "run"),
            "pidfile": str(folder / "minion.pid"),
            "log_file": str(folder / "log"),
            "id": id,
            "master": "127.0.0.1",
            "master_port": self.ret_port,
            "acceptance_wait_time": 1,
            "random_reauth_delay": 1,
            "recon_default": 100,
            "recon_max": 500,
            "return_retry_timer": 1,
            "return_retry_timer_max": 2,
            "enable_gpu_grains": False,
            "grains": {"lab": "yes", "roles": ["web", id]},
            **options,
        }
        (folder / "minion").write_text(yaml.safe_dump(config))
        return folder

    def start_master(self, kind: str = "ours", *, level: str = "info", **options: Any) -> Daemon:
        """Start a master and wait until it answers on its request port."""
        folder = self.configure_master(**options)
        daemon = self._start("master", kind, "salt-master", folder, level)
        self.wait(lambda: self._answers(self.ret_port), "the master's request port")
        return daemon

    def share_keys_with(self, other: Lab) -> None:
        """Give another lab's master, which is not started yet, this one's pair: masters of the same minions have one."""
        folder = other.master_dir() / "pki"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in ("master.pem", "master.pub"):
            shutil.copy2(self.master_dir() / "pki" / name, folder / name)

    def start_minion(self, id: str, kind: str = "ours", *, level: str = "info", **options: Any) -> Daemon:
        """Start a minion; it need not be accepted yet."""
        return self._start(id, kind, "salt-minion", self.configure_minion(id, **options), level)

    def restart(self, name: str, sig: int = signal.SIGTERM) -> Daemon:
        """End a daemon by a signal and start it again with the same configuration."""
        self.daemons[name].stop(sig)
        program = "salt-master" if name == "master" else "salt-minion"
        folder = self.master_dir() if name == "master" else self.root / name
        return self._start(name, self.kinds[name], program, folder, "info")

    def _start(self, name: str, kind: str, program: str, folder: Path, level: str) -> Daemon:
        log = self.root / f"{name}.out"
        daemon = Daemon([str(self._command(program, kind)), "-c", str(folder), "-l", level], log, self._env(kind))
        self.daemons[name], self.kinds[name] = daemon, kind
        return daemon

    def _env(self, kind: str) -> dict[str, str]:
        # Stock leaves temporary files behind: they go with the lab.
        return {**self.env, "TMPDIR": str(self.root)} if kind == "stock" else self.env

    def _command(self, program: str, kind: str) -> Path:
        if kind == "ours":
            return OURS / program
        folder = stock_bin()
        assert folder is not None, f"set {STOCK_VARIABLE} to the folder of stock Salt's commands"
        return folder / program

    @staticmethod
    def _answers(port: int) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return True
        return False

    # -- what an operator types ------------------------------------------------------------------------------

    def run(
        self,
        program: str,
        *args: str,
        kind: str | None = None,
        minion: str | None = None,
        stdin: str = "",
        seconds: float = 60,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as an operator of this lab: of the master's kind unless `kind` says otherwise."""
        owner = minion or "master"
        folder = self.root / owner
        kind = kind or self.kinds.get(owner, "ours")
        argv = [str(self._command(program, kind)), "-c", str(folder), *args]
        if kind == "stock":
            return run_stock(argv, stdin=stdin, env=self._env(kind), seconds=seconds)
        return subprocess.run(
            argv, input=stdin, capture_output=True, text=True, timeout=seconds, env=self.env, check=False
        )

    def salt(self, *args: str, kind: str | None = None, seconds: float = 60) -> Any:
        """`salt … --out json --static`, decoded; the failure shows what was printed."""
        done = self.run("salt", "--out", "json", "--static", *args, kind=kind, seconds=seconds)
        try:
            return json.loads(done.stdout)
        except ValueError:
            raise AssertionError(
                f"salt {args}: [{done.returncode}] {done.stdout!r} {done.stderr!r}\n{self.tails()}"
            ) from None

    def accept(self, *ids: str, seconds: float = 60) -> None:
        """Wait until the keys of `ids` are pending, accept them, and wait until each answers a ping."""
        self.wait(
            lambda: set(ids) <= set(self.keys("minions_pre")) | set(self.keys("minions")), f"keys of {ids}", seconds
        )
        for id in ids:
            if id in self.keys("minions_pre"):
                done = self.run("salt-key", "-y", "-a", id)
                assert done.returncode == 0, f"{done.stdout}{done.stderr}"
        self.wait_up(*ids, seconds=seconds)

    def wait_up(self, *ids: str, seconds: float = 60) -> None:
        """Wait until each minion answers a ping.

        Who was started here and logs it is waited for until it says to be ready: each command that asks costs more
        than a look at a log does, and stock's a second of a core.
        """
        minions = [self.daemons[id] for id in ids if id in self.daemons]
        telling = [minion for minion in minions if minion.argv[-1] in ("info", "debug", "trace", "all")]
        self.wait(lambda: all(minion.has_written(READY) for minion in telling), f"{ids} to be ready", seconds)

        def answers() -> bool:
            done = self.run("salt", "-L", ",".join(ids), "test.ping", "-t", "3", "--out", "json", "--static")
            try:
                got = json.loads(done.stdout)
            except ValueError:
                return False
            return all(got.get(id) is True for id in ids)

        self.wait(answers, f"an answer of {ids}", seconds)

    def keys(self, state: str) -> list[str]:
        """The ids whose keys are in one of the PKI folders: `minions`, `minions_pre`, `minions_rejected`, `minions_denied`."""
        folder = self.master_dir() / "pki" / state
        return sorted(p.name for p in folder.iterdir() if not p.name.startswith(".")) if folder.is_dir() else []

    # -- waiting and ending ----------------------------------------------------------------------------------

    def wait(self, condition: Callable[[], object], what: str, seconds: float = 60) -> None:
        """Poll until it holds; a daemon that ended meanwhile, or the deadline, fails with the logs."""
        deadline = time.monotonic() + seconds
        alive = [daemon for daemon in self.daemons.values() if daemon.process.poll() is None]
        while not condition():
            ended = [daemon for daemon in alive if daemon.process.poll() is not None]
            if time.monotonic() > deadline or ended:
                why = f"{ended[0].argv[0]} ended" if ended else f"{seconds} s are over"
                raise AssertionError(f"waited for {what}; {why}\n{self.tails()}")
            time.sleep(0.05)

    def tails(self) -> str:
        """The ends of all logs."""
        return "\n".join(daemon.tail() for daemon in self.daemons.values())

    def stop(self) -> None:
        """End every daemon, minions first; nothing of this lab runs afterwards."""
        failures = []
        for name in sorted(self.daemons, key=lambda name: name == "master"):
            daemon = self.daemons[name]
            try:
                if self.kinds.get(name) == "stock":
                    # It takes its time to end, and has nothing to lose.
                    daemon.kill_group()
                daemon.stop()
            except AssertionError as exc:
                failures.append(str(exc))
            daemon.kill_group()
        self.daemons.clear()
        if failures:
            raise AssertionError("\n".join(failures))


@contextlib.contextmanager
def open_lab() -> Iterator[Lab]:
    """A lab in a short temporary folder (socket paths are limited to 103 bytes), ended and removed on the way out."""
    root = Path(tempfile.mkdtemp(prefix="tri-"))
    lab = Lab(root)
    try:
        yield lab
    finally:
        try:
            lab.stop()
        finally:
            shutil.rmtree(root, ignore_errors=True)
