import os
import pwd
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.support.lab import free_ports
from trisalt import __version__
from trisalt.cli.daemonize import (
    AlreadyRunning,
    PortInUse,
    UserUnknown,
    check_pidfile,
    check_ports,
    prepare_folders,
    remove_pidfile,
    write_pidfile,
)
from trisalt.errors import ConfigError

BIN = Path(sys.executable).parent
ME = pwd.getpwuid(os.geteuid()).pw_name
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")


def run(*argv, **options):
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False, **options)


def in_child(code):
    """What `code` prints, run in an interpreter of its own."""
    done = run(sys.executable, "-c", code)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def other_program(tmp_path):
    """A living process whose command line begins like a daemon's."""
    script = tmp_path / "salt-minion"
    script.write_text("import sys, time\nprint(flush=True)\ntime.sleep(60)\n")
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        yield process.pid
        process.kill()


# -- pidfile -----------------------------------------------------------------------------------------------------


def test_a_pidfile_is_written_whole_and_taken_away_by_its_owner_only(tmp_path):
    path = tmp_path / "run" / "x.pid"
    write_pidfile(str(path), ME)
    assert path.read_text() == f"{os.getpid()}\n"
    assert [entry.name for entry in path.parent.iterdir()] == ["x.pid"]
    remove_pidfile(str(path))
    assert not path.exists()
    path.write_text("1\n")
    remove_pidfile(str(path))
    assert path.exists()
    remove_pidfile(str(tmp_path / "none"))


def test_a_living_instance_is_noticed(tmp_path, other_program):
    path = tmp_path / "x.pid"
    path.write_text(f"{other_program}\n")
    with pytest.raises(AlreadyRunning):
        check_pidfile(str(path), "salt-minion")
    check_pidfile(str(path), "salt-master")


@pytest.mark.parametrize(
    "content", ["", "garbage", "999999999", f"{os.getpid()}", "\xff"], ids=["empty", "text", "nobody", "ours", "binary"]
)
def test_a_pidfile_left_behind_is_no_instance(tmp_path, content):
    path = tmp_path / "x.pid"
    path.write_text(content)
    check_pidfile(str(path), "salt-minion")
    check_pidfile(str(tmp_path / "none"), "salt-minion")


def test_a_pidfile_that_cannot_be_written_is_the_configurations_fault(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="pidfile: "):
        write_pidfile(str(tmp_path / "file" / "x.pid"), ME)


# -- folders, ports, users ---------------------------------------------------------------------------------------


def test_folders_are_made_with_their_modes(tmp_path):
    prepare_folders([(str(tmp_path / "a" / "b"), 0o700)], ME)
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=str(tmp_path)):
        prepare_folders([(str(tmp_path / "file"), 0o700)], ME)
    with pytest.raises(UserUnknown):
        prepare_folders([], "nosuchuser")


@root_only
def test_folders_become_the_users_once(tmp_path):
    (tmp_path / "cache" / "sub").mkdir(parents=True)
    (tmp_path / "cache" / "sub" / "file").write_text("")
    (tmp_path / "cache" / "link").symlink_to("/etc/hosts")
    uid = pwd.getpwnam("nobody").pw_uid
    prepare_folders([(str(tmp_path / "cache"), 0o755)], "nobody")
    assert {path.lstat().st_uid for path in (tmp_path / "cache").rglob("*")} == {uid}
    assert Path("/etc/hosts").stat().st_uid == 0
    (tmp_path / "cache" / "later").write_text("")
    prepare_folders([(str(tmp_path / "cache"), 0o755)], "nobody")
    assert (tmp_path / "cache" / "later").stat().st_uid == 0
    prepare_folders([(str(tmp_path / "cache"), 0o755)], "root")
    assert (tmp_path / "cache").stat().st_uid == uid


def test_a_port_in_use_is_told_in_stocks_words():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        port = sock.getsockname()[1]
        with pytest.raises(PortInUse) as told:
            check_ports("salt-master", [("127.0.0.1", 0), ("127.0.0.1", port)])
    assert str(told.value) == (
        f"Unable to bind socket 127.0.0.1:{port}, error: [Errno 98] Address already in use; "
        "Is there another salt-master running?"
    )
    check_ports("salt-master", [("127.0.0.1", port)])


@root_only
def test_a_dropped_user_has_nothing_of_roots_left():
    code = (
        "import os\nfrom trisalt.cli.daemonize import drop_user\ndrop_user('nobody')\n"
        "print(os.getresuid(), os.getresgid(), 0 in os.getgroups(), os.environ['USER'])\n"
        "try: os.setuid(0)\nexcept PermissionError: print('for good')\n"
    )
    account = pwd.getpwnam("nobody")
    uids, gids = (account.pw_uid,) * 3, (account.pw_gid,) * 3
    assert in_child(code) == f"{uids} {gids} False nobody\nfor good\n"


@root_only
def test_a_pidfile_in_a_folder_of_roots_is_emptied_by_who_is_no_longer_root(tmp_path):
    path = tmp_path / "m.pid"
    code = (
        "import os\nfrom trisalt.cli.daemonize import remove_pidfile, write_pidfile\n"
        f"write_pidfile({str(path)!r}, 'nobody')\nos.chmod({str(tmp_path)!r}, 0o755)\nos.chdir({str(tmp_path)!r})\n"
        "os.setuid(65534)\nremove_pidfile('m.pid')\n"
    )
    assert in_child(code) == ""
    assert path.read_text() == ""
    check_pidfile(str(path), "salt-master")


@root_only
def test_a_user_who_may_not_read_the_program_is_told_which_file(tmp_path):
    (tmp_path / "part.py").touch(0o600)
    code = (
        "import os\nfrom trisalt.cli.daemonize import check_own_files\nfrom trisalt.errors import ConfigError\n"
        f"os.setuid(65534)\ntry: check_own_files('nobody', [{str(tmp_path / 'part.py')!r}])\n"
        "except ConfigError as exc: print(exc)\n"
    )
    assert in_child(code) == f"user: nobody may not read {tmp_path / 'part.py'}, which this program is made of\n"


@root_only
def test_only_root_becomes_somebody_else():
    code = (
        "import os\nfrom trisalt.cli.daemonize import drop_user\nfrom trisalt.errors import ConfigError\n"
        "os.setuid(65534)\ntry: drop_user('root')\nexcept ConfigError as exc: print(exc)\n"
    )
    assert in_child(code).startswith("user: only root may run as root; this is ")


def test_a_daemon_leaves_its_terminal(tmp_path):
    out = tmp_path / "out"
    code = (
        "import os, sys\nfrom trisalt.cli.daemonize import daemonize, leave_terminal\n"
        "sid = os.getsid(0)\nleave_terminal(daemonize())\n"
        f"facts = os.getcwd(), os.getsid(0) not in (sid, os.getpid()), [os.readlink(f'/proc/self/fd/{{n}}') for n in (0, 1, 2)]\n"
        f"open({str(out)!r} + '.new', 'w').write(repr(facts))\nos.rename({str(out)!r} + '.new', {str(out)!r})\n"
    )
    assert in_child(code) == ""
    deadline = time.monotonic() + 20
    while not out.exists() and time.monotonic() < deadline:
        time.sleep(0.01)  # another process writes it
    assert out.read_text() == repr(("/", True, ["/dev/null"] * 3))


# -- the commands ------------------------------------------------------------------------------------------------


@pytest.fixture
def folder():
    """A configuration folder whose daemons stay below it; a short one, for a socket's path has room for 103 bytes."""
    with tempfile.TemporaryDirectory(prefix="tri-") as name:
        root = Path(name)

        def write(name, text=""):
            (root / name).write_text(f"root_dir: {root}\nsock_dir: /run\npki_dir: /pki\ncachedir: /c\n{text}")
            return root

        yield write


@pytest.mark.parametrize("program", ["salt-master", "salt-minion"])
def test_the_version_is_told(program):
    done = run(BIN / program, "--version")
    assert (done.returncode, done.stdout) == (0, f"{program} {__version__} (trisalt)\n")


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (["--nosuch"], "no such option: --nosuch"),
        (["-l", "loud"], "option -l: invalid choice: 'loud'"),
        (["word"], "unexpected argument: word"),
    ],
)
def test_a_wrong_command_line_is_told_in_two_lines(argv, text):
    done = run(BIN / "salt-master", *argv)
    first, blank, third = done.stderr.splitlines()
    assert (done.returncode, first, blank) == (64, "Usage: salt-master [options]", "")
    assert third.startswith(f"salt-master: error: {text}")


@pytest.mark.parametrize(
    ("text", "status", "told"),
    [
        (
            "user: nosuchuser\n",
            67,
            "Failed to prepare the Salt environment for user nosuchuser. The user is not available.",
        ),
        ("timeout: [\n", 1, "[ERROR   ] Error parsing configuration file: {folder}/master - line "),
        ("just words\n", 1, "[ERROR   ] Error parsing configuration file: {folder}/master - "),
        (
            "publish_port: x\n",
            1,
            "[ERROR   ] {folder}/master: Config option 'publish_port' with value x has an invalid",
        ),
    ],
)
def test_a_master_that_cannot_start_says_why_in_one_line(folder, text, status, told):
    where = folder("master", text)
    done = run(BIN / "salt-master", "-c", where)
    assert done.returncode == status
    assert done.stderr.startswith(told.format(folder=where))
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("background", [[], ["-d"]])
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("log_file: /master/log\n", "{folder}/master: File exists"),
        ("pidfile: /master/m.pid\n", "pidfile: {folder}/master/m.pid: File exists"),
        ("interface: 192.0.2.1\n", "Unable to bind socket 192.0.2.1:0, error: [Errno 99] Cannot assign requested"),
    ],
)
def test_what_keeps_a_master_from_beginning_is_told_by_the_command_in_the_background_too(
    folder, text, told, background
):
    where = folder("master", f"interface: 127.0.0.1\npublish_port: 0\nret_port: 0\n{text}")
    done = run(BIN / "salt-master", "-c", where, *background)
    assert done.returncode in (1, 4)
    assert told.format(folder=where) in done.stderr.splitlines()[0]
    assert "another salt-master" not in done.stderr
    assert not (where / "var/run/salt-master.pid").exists()


@pytest.mark.parametrize("background", [[], ["-d"]])
def test_a_master_whose_port_is_taken_ends_with_4(folder, background):
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        port = sock.getsockname()[1]
        where = folder("master", f"interface: 127.0.0.1\npublish_port: {port}\n")
        done = run(BIN / "salt-master", "-c", where, *background)
    assert done.returncode == 4
    assert done.stderr == (
        f"Unable to bind socket 127.0.0.1:{port}, error: [Errno 98] Address already in use; "
        "Is there another salt-master running?\nThe salt master is shutdown. The ports are not available to bind\n"
    )


def test_a_minion_in_the_background_is_one_and_goes_when_told(folder):
    (nobody,) = free_ports(1)
    where = folder("minion", f"master: 127.0.0.1\nmaster_port: {nobody}\nid: m1\n")
    argv = [BIN / "salt-minion", "-c", os.path.relpath(where), "-d", "--pid-file", "/m.pid", "--log-file-level", "info"]
    # As a supervisor may start it: without a stdin or a stdout.
    done = run("sh", "-c", 'exec "$@" <&- >&-', "sh", *argv)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    pidfile, log = where / "m.pid", where / "var/log/salt/minion"
    pid = None
    try:
        _wait(lambda: log.exists() and "Setting up the Salt Minion" in log.read_text())
        assert pidfile.exists(), log.read_text()
        pid = int(pidfile.read_text())
        again = run(*argv)
        assert (again.returncode, again.stderr) == (
            1,
            "An instance is already running. Exiting the Salt Minion\n",
        )
        os.kill(pid, signal.SIGTERM)
        _wait(lambda: not pidfile.exists())
        assert "[WARNING ][%s] Minion received a SIGTERM. Exiting." % pid in log.read_text()  # noqa: UP031
    finally:
        if pid is not None and pidfile.exists():
            os.kill(pid, signal.SIGKILL)


def _wait(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)  # another process does it


def test_a_daemon_imports_neither_rich_nor_asyncio_and_leaves_them_to_others(tmp_path):
    (tmp_path / "rich.py").write_text("print('rich')")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import trisalt.cli.daemonize as daemonize;"
        "daemonize._import_structlog(); print([name in sys.modules for name in ('structlog', 'rich', 'asyncio')]);"
        "import rich, asyncio, structlog.stdlib; print(structlog.stdlib.asyncio.to_thread is asyncio.to_thread)"
    )
    assert in_child(code) == "[True, False, False]\nrich\nTrue\n"
