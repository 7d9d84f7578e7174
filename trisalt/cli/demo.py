"""`trisalt demo`: one real master and real minions on loopback, in a folder that is gone afterwards.

The daemons are processes of their own, started from the environment this command runs in; what is shown are the
operator's own commands and their output, with the master's events passing beside them. Whatever ends the demo, its
processes end with it, also the jobs that would outlive their minion.
"""

from __future__ import annotations

import ctypes
import json
import os
import pwd
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import psutil

from trisalt.cli.demo_web import USER, DemoWeb, WebFailed, is_installed
from trisalt.cli.show import wants_color, write_out
from trisalt.client.door import Door
from trisalt.client.events import Lagged, follow
from trisalt.client.operations import status
from trisalt.errors import TrisaltError

MOST_MINIONS = 20
# Seconds for a daemon to start, and for the minions to do what is waited for.
PATIENCE = 40.0
# Seconds the daemons have to stop by themselves.
GRACE = 8.0
# The slow job sleeps so long; the master asks after it each TIMEOUT seconds.
SLOW, TIMEOUT = 7, 2
LOG_TAIL = 15
# So long may the folder for temporary files be that all sockets below ours have a path of at most 103 bytes.
LONGEST_FOLDER = 36


class DemoFailed(Exception):
    """A step did not do what it should; `log` is where the reason may stand."""

    def __init__(self, message: str, log: Path | None = None) -> None:
        super().__init__(message)
        self.log = log


class _Stopped(Exception):
    """A signal asks for the end."""

    def __init__(self, signum: int) -> None:
        super().__init__(signal.Signals(signum).name)
        self.signum = signum


def run_demo(*, minions: int = 3, once: bool = False, keep: bool = False) -> int:
    """Start, show, stay until Ctrl-C (or end, with `once`), clean up. The exit status."""
    screen = Screen()
    adopt_orphans()
    root = None
    status = 0
    with _signals() as ignore:
        try:
            root = Path(tempfile.mkdtemp(prefix="trisalt-demo-", dir=_temporary()))
            status = _show(root, names(minions), screen, once=once)
        finally:
            # Cleaning up is not interrupted: it is bounded.
            ignore()
            screen.close()
            if root is not None:
                _clean_up(root, screen, keep=keep, failed=status == 1)
    return status


def _temporary() -> str:
    """Where the folder goes: a socket's path has no room for a long one."""
    folder = tempfile.gettempdir()
    return folder if len(folder) <= LONGEST_FOLDER else "/tmp"  # noqa: S108


def _show(root: Path, ids: list[str], screen: Screen, *, once: bool) -> int:
    touring = True
    try:
        demo = Demo(root, ids, screen)
        demo.tour()
        touring = False
        if not once:
            demo.invite()
            demo.stay()
    except _Stopped as exc:
        screen.note("")
        return 0 if exc.signum == signal.SIGINT and not touring else 128 + exc.signum
    except DemoFailed as exc:
        screen.failure(str(exc), exc.log)
        return 1
    except (TrisaltError, OSError) as exc:
        screen.failure(str(exc), root / "log/master")
        return 1
    return 0


def _clean_up(root: Path, screen: Screen, *, keep: bool, failed: bool) -> None:
    screen.note("Stopping ...")
    end_processes(GRACE)
    if keep:
        screen.note(f"Configurations and logs are kept in {root}")
        return
    shutil.rmtree(root, ignore_errors=True)
    if failed:
        screen.note("With --keep the whole logs are kept, and their place is told.")


def names(count: int) -> list[str]:
    """The ids of so many minions: two web servers to each database."""
    return [f"db{index // 3 + 1}" if index % 3 == 2 else f"web{index - index // 3 + 1}" for index in range(count)]


# -- what is shown -----------------------------------------------------------------------------------------------------


class Screen:
    """Whole lines, from several threads: commands, their output, and events beside them."""

    def __init__(self) -> None:
        self.color = wants_color()
        self.unread = False
        self._lock = threading.Lock()
        self._closed = False

    def heading(self, text: str) -> None:
        """What comes next."""
        self._write(f"\n{self._paint('1', text)}\n")

    def command(self, words: Sequence[str]) -> None:
        """A command as an operator would type it."""
        self._write(f"\n{self._paint('1;32', '$')} {self._paint('1', shlex.join(words))}\n")

    def line(self, text: str) -> None:
        """A line of a command's output."""
        self._write(text)

    def note(self, text: str) -> None:
        """A word of the demo's own."""
        self._write(text + "\n")

    def event(self, text: str) -> None:
        """An event that passes."""
        self._write(self._paint("2", f"      | {text}") + "\n")

    def failure(self, message: str, log: Path | None) -> None:
        """What went wrong, and what the log says about it."""
        text = f"\n{self._paint('1;31', 'The demo failed:')} {message}\n"
        if log is not None and log.is_file():
            lines = log.read_text(errors="replace").splitlines()[-LOG_TAIL:]
            text += f"{log} ends with:\n" + "".join(f"    {line}\n" for line in lines)
        sys.stderr.write(text)

    def close(self) -> None:
        """Events are no longer shown."""
        self._closed = True

    def _paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.color else text

    def _write(self, text: str) -> None:
        with self._lock:
            self.unread = self.unread or not write_out(text)


class Watch:
    """Follows the master's events in a thread of its own: prints some, and lets the tour wait for others."""

    def __init__(self, door: Door, screen: Screen) -> None:
        self._screen = screen
        self._seen: list[tuple[str, dict[str, Any]]] = []
        self._kept = True
        self._changed = threading.Condition()
        self._events = follow(door)
        threading.Thread(target=self._run, daemon=True).start()

    def count(self, wanted: Callable[[str, dict[str, Any]], bool]) -> int:
        """How many events there were of this kind."""
        with self._changed:
            return sum(1 for tag, data in self._seen if wanted(tag, data))

    def wait(self, ids: Sequence[str], wanted: Callable[[str, dict[str, Any]], str | None], timeout: float) -> set[str]:
        """Wait until `wanted` has named each of `ids`; those that it has not named in time."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                missing = set(ids) - {wanted(tag, data) for tag, data in self._seen}
                left = deadline - time.monotonic()
                if not missing or left <= 0:
                    return missing
                # In pieces, so that a signal's exception is not kept waiting.
                self._changed.wait(min(left, 0.2))

    def only_show(self) -> None:
        """Nobody waits any more: what passes is shown and not kept, for the demo may stay for days."""
        with self._changed:
            self._kept = False
            self._seen.clear()

    def _run(self) -> None:
        try:
            for event in self._events:
                if isinstance(event, Lagged):
                    continue
                with self._changed:
                    if self._kept:
                        self._seen.append(event)
                    self._changed.notify_all()
                text = compact(*event)
                if text and not self._screen._closed:
                    self._screen.event(text)
        except TrisaltError:
            return


def compact(tag: str, data: dict[str, Any]) -> str | None:
    """An event on one short line, or None for one that is not worth it here."""
    match tag.split("/"):
        case ["salt", "auth"]:
            return f"{tag}  {data.get('id')} {data.get('act')}"
        case ["salt", "key"]:
            return f"{tag}  {data.get('id')} {data.get('act')}"
        case ["salt", "minion", id, "start"]:
            return f"{tag}  {id} is ready"
        case ["salt", "job", _jid, "new"]:
            return f"{tag}  {data.get('fun')} for {', '.join(data.get('minions') or ())}"
        case ["salt", "job", _jid, "ret", id]:
            text = json.dumps(data.get("return"), default=repr)
            return f"{tag}  {data.get('fun')}: {text if len(text) < 40 else text[:37] + '...'}"
        case ["trisalt", "job", _jid, "settled"]:
            missing = data.get("missing")
            return f"{tag}  " + (f"missing: {', '.join(missing)}" if missing else "all have returned")
    return None


# -- the tour ----------------------------------------------------------------------------------------------------------


class Demo:
    """A master and minions below `root`, and the tour past them."""

    def __init__(self, root: Path, ids: list[str], screen: Screen) -> None:
        self.root, self.ids, self.screen = root, ids, screen
        self.config_dir = root / "etc/salt"
        self.daemons: dict[str, subprocess.Popen[bytes]] = {}
        self.publish_port, self.ret_port, web_port = free_ports(3)
        self.web = DemoWeb(root, web_port) if is_installed() else None
        options = {} if self.web is None else self.web.options()
        write_configurations(root, ids, self.publish_port, self.ret_port, options)
        self.door = Door(str(root / "run/master.sock"))

    def tour(self) -> None:
        """All steps. Raises DemoFailed at the first that does not do what it should."""
        count = "one minion" if len(self.ids) == 1 else f"{len(self.ids)} minions"
        self.screen.heading(f"trisalt demo: one master and {count} in {self.root}")
        self.start_master()
        watch = Watch(self.door, self.screen)
        for id in self.ids:
            self.start_minion(id)
        self.await_all(watch, "to be asked for by", _pending)
        self.screen.heading("Each minion has made a key, and waits for it to be accepted:")
        listed = self.run("salt-key", "-L")
        self.expect(all(id in listed for id in self.ids), "salt-key -L does not list every minion")
        self.run("salt-key", "-A", "-y")
        self.await_all(watch, "to be ready on", _started)
        self.screen.heading("They are there:")
        self.run("salt", "*", "test.ping")
        self.run("salt", "*", "network.ip_addrs")
        self.screen.heading(
            f"A job that takes longer than the timeout: after {TIMEOUT} s the minions are asked for it:"
        )
        before = watch.count(_asks)
        self.run("salt", "-t", str(TIMEOUT), "*", "test.sleep", str(SLOW))
        self.expect(watch.count(_asks) > before, "nobody asked after the slow job")
        self.screen.heading("What the minions have put into the mine, as one of them sees it:")
        self.await_all(watch, "to fill the mine from", _mined)
        mined = self.run("salt", self.ids[0], "mine.get", "*", "network.ip_addrs")
        self.expect(all(f"{id}:" in mined for id in self.ids), "the mine does not hold every minion's addresses")
        watch.only_show()
        self.visit()

    def visit(self) -> None:
        """The same by the REST API, where its packages are installed."""
        self.screen.heading("The web console, and Salt's REST API:")
        if self.web is None:
            self.screen.note("  They need further packages: pip install 'trisalt[api]'")
            return
        try:
            answered = self.web.ping(self.check_alive)
        except (WebFailed, OSError) as exc:
            raise DemoFailed(str(exc), self.log("api")) from exc
        self.expect(answered == sorted(self.ids), "not every minion answered a ping by the API")
        self.screen.note(f"  {self.web.url} signed {USER} in; test.ping by its API: {', '.join(answered)} answered")

    def invite(self) -> None:
        """What to type in another terminal."""
        self.screen.heading("Now you, in a second terminal:")
        lines = (
            ("salt", "*", "test.version"),
            ("salt", "-G", "role:web", "grains.item", "role", "os"),
            ("salt", "-t", "3", "*", "test.sleep", "10"),
            ("salt", "*", "cmd.run", "uptime", "--out", "txt"),
            ("salt-key", "-F"),
            ("salt-run", "jobs.list_jobs"),
            ("salt-run", "state.event", "pretty=True"),
        )
        for name, *words in lines:
            self.screen.note("    " + shlex.join([*typed(name), "-c", str(self.config_dir), *words]))
        self.screen.note(f"    tail -f {self.root}/log/*")
        if self.web is not None:
            self.screen.note(f"\nAnd in a browser: {self.web.url}/ as {USER}, with the password {self.web.password}")
            self.screen.note(f"    (it stands in {self.web.password_file}, too)")
        self.screen.note("\nCtrl-C ends it; nothing stays behind.\n")

    def stay(self) -> None:
        """Until a signal comes, or nobody reads. A daemon that ends is told: somebody may want to see just that."""
        running = dict(self.daemons)
        while not self.screen.unread:
            time.sleep(0.5)
            for name, daemon in list(running.items()):
                if (ended := daemon.poll()) is not None:
                    self.screen.note(f"  {name} has ended with status {ended}")
                    del running[name]

    # -- daemons --------------------------------------------------------------------------------------------------

    def start_master(self) -> None:
        """Start the master and wait until it answers."""
        began = time.monotonic()
        self.start("master", "salt-master", self.config_dir)
        while True:
            self.check_alive()
            try:
                status(self.door, timeout=5)
                break
            except TrisaltError:
                if time.monotonic() - began > PATIENCE:
                    raise DemoFailed(f"The master did not answer in {PATIENCE:.0f} s", self.log("master")) from None
            time.sleep(0.05)
        ports = f"127.0.0.1:{self.publish_port} and {self.ret_port}"
        self.screen.note(f"  salt-master  answers on {ports} after {time.monotonic() - began:.1f} s")

    def start_minion(self, id: str) -> None:
        """Start a minion."""
        self.start(id, "salt-minion", self.root / id / "etc/salt")
        self.screen.note(f"  salt-minion  {id} starts")

    def start(self, name: str, program: str, config_dir: Path) -> None:
        """Start a daemon in the foreground of a session of its own: Ctrl-C is for us."""
        with open(self.log(name).with_suffix(".out"), "wb") as out:
            self.daemons[name] = subprocess.Popen(
                [*of_this_environment(program), "-c", str(config_dir)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def log(self, name: str) -> Path:
        """Where a daemon logs."""
        return self.root / "log" / name

    def check_alive(self) -> None:
        """Raises DemoFailed when a daemon has ended."""
        for name, daemon in self.daemons.items():
            if (ended := daemon.poll()) is not None:
                log = self.log(name)
                said = log if log.is_file() and log.stat().st_size else log.with_suffix(".out")
                raise DemoFailed(f"{name} ended with status {ended}", said)

    def await_all(self, watch: Watch, what: str, wanted: Callable[[str, dict[str, Any]], str | None]) -> None:
        """Wait until every minion has done something."""
        deadline = time.monotonic() + PATIENCE
        while missing := watch.wait(self.ids, wanted, 0.5):
            self.check_alive()
            if time.monotonic() > deadline:
                first = min(missing)
                raise DemoFailed(f"The master waited in vain {what} {', '.join(sorted(missing))}", self.log(first))

    # -- commands -------------------------------------------------------------------------------------------------

    def run(self, name: str, *words: str) -> str:
        """Run one of our commands, show it and what it prints; what it printed, without colours."""
        self.screen.command([name, *words])
        color = ["--force-color"] if self.screen.color else ["--no-color"]
        command = [*of_this_environment(name), "-c", str(self.config_dir), *color, *words]
        lines = []
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        ) as process:
            assert process.stdout is not None
            try:
                for line in process.stdout:
                    self.screen.line(line)
                    lines.append(line)
            except BaseException:
                process.kill()
                raise
        self.expect(process.returncode == 0, f"{shlex.join([name, *words])} ended with status {process.returncode}")
        return "".join(lines)

    def expect(self, good: bool, otherwise: str) -> None:
        """Raises DemoFailed when it is not good."""
        if not good:
            self.check_alive()
            raise DemoFailed(otherwise, self.log("master"))


def _pending(tag: str, data: dict[str, Any]) -> str | None:
    return data["id"] if tag == "salt/auth" and data.get("act") == "pend" else None


def _started(tag: str, data: dict[str, Any]) -> str | None:
    return data["id"] if tag.startswith("salt/minion/") and tag.endswith("/start") else None


def _mined(tag: str, data: dict[str, Any]) -> str | None:
    return data["id"] if tag == "trisalt/req/_mine" and data.get("ok") else None


def _asks(tag: str, data: dict[str, Any]) -> bool:
    return tag.endswith("/new") and data.get("fun") == "saltutil.find_job"


# -- what it stands on -------------------------------------------------------------------------------------------------


def write_configurations(
    root: Path, ids: Sequence[str], publish_port: int, ret_port: int, options: dict[str, Any] | None = None
) -> None:
    """The folders, the master's configuration (with further `options`), and one for each minion. JSON, which is YAML
    too."""
    user = pwd.getpwuid(os.geteuid()).pw_name
    (root / "log").mkdir()
    master = {
        "root_dir": str(root),
        "sock_dir": "/run",
        "user": user,
        "interface": "127.0.0.1",
        "publish_port": publish_port,
        "ret_port": ret_port,
        "timeout": 5,
        "gather_job_timeout": 2,
        "log_file": str(root / "log/master"),
        "log_level_logfile": "info",
        "file_roots": {"base": [str(root / "srv/salt")]},
        "pillar_roots": {"base": [str(root / "srv/pillar")]},
        **(options or {}),
    }
    _write(root / "etc/salt/master", master)
    for id in ids:
        folder = root / id
        minion = {
            "root_dir": str(folder),
            "sock_dir": "/run",
            "user": user,
            "id": id,
            "master": "127.0.0.1",
            "master_port": ret_port,
            "publish_port": publish_port,
            "acceptance_wait_time": 1,
            "log_file": str(root / "log" / id),
            "log_level_logfile": "info",
            "grains": {"role": id.rstrip("0123456789")},
            "mine_functions": {"network.ip_addrs": []},
        }
        _write(folder / "etc/salt/minion", minion)


def _write(path: Path, configuration: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(configuration, indent=4) + "\n")


def free_ports(count: int) -> list[int]:
    """So many ports of loopback that nobody uses now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [sock.getsockname()[1] for sock in sockets]
    for sock in sockets:
        sock.close()
    return ports


def of_this_environment(name: str) -> list[str]:
    """The words that run one of our commands: the one that is installed beside this interpreter, or else by module."""
    beside = Path(sys.executable).parent / name
    if beside.exists():
        return [str(beside)]
    module = f"trisalt.cli.{name.replace('-', '_')}"
    return [sys.executable, "-c", f"import sys; from {module} import main; sys.exit(main())"]


def typed(name: str) -> list[str]:
    """The same as an operator types it: by its bare name when the shell finds ours."""
    words = of_this_environment(name)
    found = shutil.which(name)
    return [name] if found is not None and os.path.realpath(found) == os.path.realpath(words[0]) else words


PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """Let processes whose parent ends become ours, so that `end_processes` finds them. On Linux only."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "prctl"):
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_processes(grace: float) -> None:
    """End every process below this one: asked first, then killed, and again for those that came meanwhile."""
    for signum, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, 2.0), (signal.SIGKILL, 2.0)):
        children = psutil.Process().children(recursive=True)
        for child in children:
            try:
                child.send_signal(signum)
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(children, timeout=patience)
        _reap()


def _reap() -> None:
    """Take leave of the orphans that were adopted."""
    while True:
        try:
            pid, _status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return


SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def _signals() -> Iterator[Callable[[], None]]:
    """The first signal raises `_Stopped` where the demo is; later ones, or those after a call of what this yields,
    are ignored."""

    def ignore() -> None:
        for signum in SIGNALS:
            signal.signal(signum, signal.SIG_IGN)

    def stop(signum: int, _frame: FrameType | None) -> None:
        ignore()
        raise _Stopped(signum)

    before = {signum: signal.signal(signum, stop) for signum in SIGNALS}
    try:
        yield ignore
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
