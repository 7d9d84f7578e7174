"""Packages, services and the state of the host beside stock's: the same calls in the same order, one process each.

Each of `SHELVES` is a table: a row is a call; where ours answers something else on purpose, `ours` says what, and `why`.
apt and dpkg work in a database of their own, made here, one for each side.
"""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.interop.beside import Call, agree, ask, refuses, returns
from tests.support.debrepo import Debian
from tests.support.lab import open_lab

pytestmark = [pytest.mark.interop, pytest.mark.timeout(180)]

GRAINS = {
    "id": "m1",
    "os": "Debian",
    "os_family": "Debian",
    "osarch": "amd64",
    "kernel": "Linux",
    "osmajorrelease": 12,
    "ps": "ps -efHww",
    "num_cpus": 2,
}
# What a job's context holds where systemd runs this host.
BOOTED = {"salt.utils.systemd.booted": True}
# What these shelves ask before they answer is told as the job's retcode by stock, whatever the answer.
WITHOUT_RETCODE = ("sysv", "systemd")


def without(*fields):
    """Compare two levels of a return without these fields."""

    def only(value, _port):
        return {
            name: {key: part for key, part in row.items() if key not in fields} if isinstance(row, dict) else row
            for name, row in value.items()
        }

    return only


APT = [
    Call("pkg.refresh_db"),
    Call("pkg.latest_version", "one", refresh=False),
    Call("pkg.latest_version", "virtual", refresh=False),
    Call("pkg.latest_version", "one", "nosuch", refresh=False, ours=returns({"one": "2.0~rc1", "nosuch": ""}),
         why="two names are answered by a map"),
    Call("pkg.upgrade_available", "one", refresh=False),
    Call("pkg.list_repo_pkgs", "one", "conf"),
    Call("pkg.list_repo_pkgs", "on*"),
    Call("pkg.list_repo_pkgs", ours=returns({"one": ["2.0~rc1", "1.1", "1.0"], "two": ["1.0"], "conf": ["2.0"],
                                             "foreign": ["1.0"]}),
         why="a name that no package has is none that can be installed"),
    Call("pkg.install", "one", version="1.0"),
    Call("pkg.version", "one"),
    Call("pkg.version", "one", "nosuch"),
    Call("pkg.version", "o*"),
    Call("pkg.version", "z*"),
    Call("pkg.version"),
    Call("pkg.latest_version", "one", refresh=False),
    Call("pkg.list_upgrades", refresh=False),
    Call("pkg.list_upgrades", refresh=False, dist_upgrade=False),
    Call("pkg.upgrade_available", "one"),
    Call("pkg.hold", "one"),
    Call("pkg.hold", "one"),
    Call("pkg.hold", "nosuch", ours=returns({"nosuch": {"name": "nosuch", "changes": {}, "result": False,
                                                        "comment": "Package nosuch does not have a state."}}, 1),
         why="what dpkg does not know is not held"),
    Call("pkg.hold"),
    Call("pkg.hold", pkgs=["one"], sources=[{"one": "/x"}]),
    Call("pkg.get_selections"),
    Call("pkg.get_selections", state="hold"),
    Call("pkg.get_selections", "z*"),
    Call("pkg.upgrade", refresh=False),
    Call("pkg.install", "one", version="1.1"),
    Call("pkg.get_selections", "o*"),
    Call("pkg.remove", "one"),
    Call("pkg.unhold", pkgs=["one"]),
    Call("pkg.unhold", "one"),
    Call("pkg.unhold", "nosuch", ours=returns({"nosuch": {"name": "nosuch", "changes": {}, "result": False,
                                                          "comment": "Package nosuch does not have a state."}}, 1),
         why="a job that could not do what it was asked has failed"),
    Call("pkg.set_selections", selection={"hold": ["one"]}),
    Call("pkg.set_selections", selection='{"install": ["one"]}'),
    Call("pkg.set_selections", selection={"wrong": ["one"]}),
    Call("pkg.set_selections"),
    Call("pkg.upgrade", refresh=False),
    Call("pkg.upgrade", refresh=False),
    Call("pkg.install", "one", version="1.0"),
    Call("pkg.install", "one", reinstall=True, version="1.0"),
    Call("pkg.install", pkgs=["two", {"one": ">=1.1"}]),
    Call("pkg.install", "one", version="1.0"),
    Call("pkg.install", pkgs=[{"one": ">=1.0,<=1.1"}], ours=returns({"one": {"old": "1.0", "new": "1.1"}}),
         why="several conditions hold all at once"),
    Call("pkg.install", pkgs=["two", {"one": "<1.1"}], ours=returns({"one": {"old": "1.1", "new": "1.0"}}),
         why="a condition is fulfilled, by an older version too"),
    Call("pkg.install", pkgs=[{"one": ">3.0"}]),
    Call("pkg.install", pkgs=["one", "one"]),
    Call("pkg.install", "nosuch"),
    Call("pkg.install", ours=refuses("No package sources provided"), why="nothing was named"),
    Call("pkg.install", sources=[{"conf": "REPO/conf_2.0_all.deb"}]),
    Call("pkg.install", sources=[{"one": "REPO/one_1.0_all.deb"}]),
    Call("pkg.install", sources=[{"one": "/nonexistent.deb"}]),
    Call("pkg.install", sources=[{"one": "REPO/Packages"}]),
    Call("pkg.install", "one", fromrepo="nosuch"),
    Call("pkg.install", "one", only_upgrade=True),
    Call("pkg.install", "virtual"),
    Call("pkg.list_pkgs"),
    Call("pkg.list_pkgs", versions_as_list=True),
    Call("pkg.list_pkgs", purge_desired=True),
    Call("pkg.file_list", "one"),
    Call("pkg.file_list", "one", "conf"),
    Call("pkg.file_list", "nosuch"),
    Call("pkg.file_dict", "one", "conf"),
    Call("pkg.file_dict", "one", "nosuch"),
    Call("pkg.owner", "/etc/conf.d/conf.conf"),
    Call("pkg.owner", "/etc/conf.d/conf.conf", "/usr/share/one"),
    Call("pkg.owner", "/nonexistent"),
    Call("pkg.owner"),
    Call("pkg.info_installed", "one", "conf", only=without("install_date")),
    Call("pkg.info_installed", only=without("install_date")),
    Call("pkg.info_installed", "nosuch"),
    Call("pkg.info_installed", "nosuch", failhard=False),
    Call("pkg.info_installed", "one", wrong=1),
    Call("pkg.show", "conf", filter="version,description"),
    Call("pkg.show", "on*", filter="Maintainer"),
    Call("pkg.show", "nosuch"),
    Call("lowpkg.list_pkgs"),
    Call("lowpkg.list_pkgs", "one", "nosuch"),
    Call("lowpkg.bin_pkg_info", "REPO/one_1.0_all.deb"),
    Call("lowpkg.bin_pkg_info", "REPO/Packages"),
    Call("lowpkg.info", "two", only=without("install_date")),
    Call("lowpkg.unpurge"),
    Call("pkg.remove", "conf,nosuch"),
    Call("pkg.list_pkgs", removed=True),
    Call("pkg.purge", "conf"),
    Call("pkg.list_pkgs", removed=True),
    Call("pkg.remove", "nosuch"),
    Call("pkg.purge", pkgs=["nosuch"]),
    Call("pkg.remove", pkgs=["o*"]),
    Call("pkg.remove", ours=refuses("No package sources provided"), why="nothing was named"),
    Call("pkg.purge", "two"),
    Call("pkg.install", "two"),
    Call("pkg.autoremove", list_only=True),
    Call("pkg.purge", pkgs=["one", "two"]),
    Call("pkg.install", "two"),
    Call("pkg.remove", "two"),
    Call("pkg.autoremove", list_only=True),
    Call("pkg.autoremove", purge=True),
    Call("pkg.autoremove", list_only=True),
    Call("pkg.version_cmp", "1.0", "1.1"),
    Call("pkg.version_cmp", "1.0~rc1", "1.0"),
    Call("pkg.version_cmp", "2:1.0", "1.1"),
    Call("pkg.version_cmp", "2:1.0", "1.1", ignore_epoch=True),
    Call("pkg.version_cmp", "1.0", "1.0"),
    Call("pkg.version_cmp", "a b", "1.0"),
    Call("pkg.normalize_name", "zsh:amd64"),
    Call("pkg.normalize_name", "zsh:i386"),
    Call("pkg.normalize_name", "zsh"),
    Call("pkg.parse_arch", "zsh:amd64"),
    Call("pkg.parse_arch", "zsh"),
    Call("pkg_resource.parse_targets", pkgs=["a", {"b": "1"}, {"c": None}]),
    Call("pkg_resource.parse_targets", "a,b"),
    Call("pkg_resource.pack_sources", [{"a": "salt://a.deb"}, {"b:amd64": "/b.deb"}]),
    Call("pkg_resource.version_compare", "1.0", ">=", "1.1"),
    Call("pkg_resource.version_clean", "1:2.0-3"),
    Call("pkg_resource.format_version", "1", "2.0", "3"),
    Call("pkg_resource.check_extra_requirements", "one", "1"),
]  # fmt: skip

# Of this run: others may run on the same host.
FILE = f"/etc/apt/sources.list.d/trisalt-interop-{os.getpid()}.list"


def mirrors(found, _port):
    """The sources of this host, without those that a test adds somewhere."""
    return {uri: rows for uri, rows in found.items() if not uri.startswith("file:")}


LINE = "deb [trusted=yes] file:SOURCES ./"
# The host's own packages and sources; what is added here is an empty repository, and gone again.
HOST = [
    Call("pkg.list_repos", only=mirrors),
    Call("pkg.get_repo", "deb http://nosuch.invalid/debian bookworm main"),
    Call("pkg.get_repo", "nonsense"),
    Call("pkg.mod_repo", "nonsense", refresh=False),
    Call("pkg.mod_repo", LINE, file="FILE", refresh=False, comments="made by x"),
    Call("pkg.get_repo", "deb file:SOURCES ./"),
    Call("pkg.mod_repo", LINE, refresh=False, disabled=True),
    Call("pkg.mod_repo", LINE, refresh=False, enabled=True),
    Call("pkg.mod_repo", "deb [trusted=yes arch=amd64] file:SOURCES ./", refresh=False),
    Call("pkg.mod_repo", "deb [trusted=yes] file:SOURCES ./", refresh=False),
    Call("pkg.list_repos", only=lambda found, _port: [uri for uri in found if uri.endswith("/empty")]),
    Call("pkg.del_repo", "deb file:SOURCES ./", refresh=False),
    Call("pkg.del_repo", "deb file:SOURCES ./", refresh=False),
    Call("pkg.info_installed", "bash", "libc6"),
    Call("pkg.version", "bash"),
    Call("pkg.version", "libc6:amd64", "bas*"),
    Call("pkg.list_pkgs"),
    Call("pkg.owner", "/bin/bash"),
    Call("pkg.owner", "/bin/sh", ours=returns("dash"), why="who diverted a file does not own it"),
    Call("pkg.file_list", "libc6"),
    Call("lowpkg.list_pkgs", "libc6", "bash"),
]  # fmt: skip

NAME = f"trisalt-interop-{os.getpid()}"
INIT_SCRIPT = """\
#!/bin/sh
### BEGIN INIT INFO
# Provides: NAME
# Required-Start:
# Required-Stop:
# Default-Start: 2 3 4 5
# Default-Stop: 0 1 6
### END INIT INFO
case $1 in
start) touch /run/NAME ;;
stop) rm -f /run/NAME ;;
restart) touch /run/NAME ;;
reload | force-reload) test -e /run/NAME ;;
status) test -e /run/NAME || exit 3 ;;
*) exit 2 ;;
esac
"""
# Services without systemd: a real script of init, which both start and stop; enabling is `ENABLING`'s.
SYSV = [
    *(Call(f"service.{name}", "NAME") for name in (
        "status", "start", "status", "restart", "reload", "force_reload", "available", "missing", "stop", "status",
        "reload", "enabled", "disabled")),
    Call("service.start", "trisalt-nosuch"),
    Call("service.status", "trisalt-nosuch"),
    Call("service.disable", "trisalt-nosuch"),
    Call("service.available", "trisalt-nosuch"),
    Call("service.missing", "trisalt-nosuch"),
    Call("service.status", "NAM*"),
    Call("service.status", "trisalt-nosuch*"),
    Call("service.get_all", only=lambda names, _port: [name for name in names if name and (name == NAME or not name.startswith(("-", "trisalt-")))]),
]  # fmt: skip

# systemctl and systemd-run as programs that print what a running systemd 252 of Debian 12 printed (recorded in a container
# with these units), and keep a note of how they were called.
RECORDED = json.loads((Path(__file__).parent / "systemctl_answers.json").read_text())
SYSTEMCTL = """#!/usr/bin/python3
import json, sys
words = sys.argv[1:]
with open({log!r}, "a") as log:
    log.write(" ".join(words) + "\\n")
recorded = json.load(open({recorded!r}))
known = [w for w in words if w not in ("--full", "--no-legend", "--no-pager", "--no-block", "--system")]
out, err, status = recorded.get(" ".join(known), ["", "", 0])
sys.stdout.write(out)
sys.stderr.write(err)
sys.exit(status)
"""
SYSTEMD_RUN = """#!/bin/sh
echo "systemd-run $*" | sed "s#/[^ ]*/systemctl#systemctl#" >> {log}
shift
exec "$@"
"""


def commands(text, _port):
    """What changed something; asking beforehand is each side's own way."""
    return [line for line in text.splitlines() if not line.startswith(("status", "is-", "--version"))]


SYSTEMD = [
    *(Call(f"service.{name}", "nginx") for name in (
        "start", "stop", "restart", "reload", "force_reload", "enable", "disable", "mask", "unmask")),
    Call("service.start", "nginx", no_block=True),
    Call("service.restart", "nginx", no_block=True),
    Call("service.enable", "apt-daily.timer"),
    Call("service.mask", "nginx", runtime=True),
    Call("service.start", "nginx", unmask=True, unmask_runtime=True),
    Call("service.systemctl_reload"),
    Call("cmd.run", "cat LOG", only=commands),
    Call("service.start", "nosuch"),
    Call("service.start", "broken"),
    Call("service.start", "rsync"),
    Call("service.enable", "nosuch"),
    Call("service.enable", "rsync", unmask=True),
    *(Call("service.status", name) for name in ("nginx", "nosuch", "nginx.service", "nosuch.timer", "zz*")),
    *(Call(f"service.{fun}", name) for fun in ("enabled", "disabled") for name in (
        "nginx", "ssh", "rsync", "systemd-journald", "nosuch", "run", "indir")),
    *(Call(f"service.{fun}", name) for fun in ("available", "missing", "masked") for name in (
        "nginx", "nosuch", "dbus.socket")),
    # Another test's insserv may be at work there, in files that begin with a dot.
    Call("service.get_all", only=lambda names, _port: [name for name in names if name]),
    Call("service.get_enabled"),
    Call("service.get_disabled"),
    Call("service.get_static"),
    Call("service.get_running"),
    Call("service.show", "nginx"),
    Call("service.offline"),
]  # fmt: skip


def shape(value, _port=None):
    """Names and types: the numbers are another moment's."""
    if isinstance(value, dict):
        return {key: shape(part) for key, part in value.items()}
    if isinstance(value, list):
        return sorted({json.dumps(shape(part), sort_keys=True) for part in value})
    return type(value).__name__


def fields(value, _port):
    """The names of what each process, device or file system has."""
    rows = value.values() if isinstance(value, dict) else value
    return sorted({json.dumps(sorted(row)) for row in rows})


def standing(rows, _port):
    """Of file systems those that no other test mounts."""
    lasting = ("/", "/proc", "/sys", "/dev")
    if isinstance(rows, dict):
        return {place: row["total"] for place, row in rows.items() if place in lasting}
    return [row for row in rows if row["mountpoint"] in lasting]


def text(value, _port):
    return type(value).__name__, bool(value)


def day(value, _port):
    """How a date is written: between the two looks it may become tomorrow."""
    return re.sub(r"\d", "0", value)


STATUS = [
    *(Call(f"status.{name}", only=shape) for name in (
        "uptime", "loadavg", "cpustats", "meminfo", "cpuinfo", "diskstats", "vmstats")),
    # Other tests make interfaces meanwhile.
    Call("status.netdev", only=lambda found, _port: shape(found["lo"])),
    Call("status.netstats", only=lambda found, _port: {kind: list(row)[:9] for kind, row in found.items()}),
    Call("status.all_status", only=lambda found, _port: sorted(found)),
    Call("status.diskusage", only=standing),
    Call("status.diskusage", "/", "/tmp", only=shape),
    Call("status.diskusage", "/pro*", only=shape, ours=returns({"/proc": {"available": "int", "total": "int"}}),
         why="a glob names the file systems that it matches"),
    Call("status.diskusage", "tmpfs", only=shape),
    Call("status.diskusage", "/nosuch*"),
    Call("status.nproc"),
    Call("status.w"),
    Call("status.time", "%Y"),
    Call("status.procs", only=fields),
    Call("status.pid", "trisalt-no-such-process"),
    Call("status.pid", "^/process_that_is_not"),
    Call("status.version", only=lambda text, _port: text.split()[:3]),
    Call("status.custom"),
    Call("status.master"),
    Call("status.proxy_reconnect", "nosuch"),
    Call("ps.num_cpus"),
    *(Call(f"ps.{name}", only=shape) for name in (
        "virtual_memory", "swap_memory", "cpu_percent", "cpu_times", "network_io_counters", "disk_io_counters")),
    Call("ps.cpu_percent", 0.01, True, only=shape),
    Call("ps.cpu_times", True, only=shape),
    Call("ps.disk_partitions", only=standing),
    Call("ps.disk_partitions", True, only=standing),
    Call("ps.disk_usage", "/", only=shape),
    Call("ps.disk_usage", "/nosuch"),
    Call("ps.disk_partition_usage", only=shape),
    Call("ps.total_physical_memory"),
    # The kernel works it out anew from two clocks, which may differ by a second from one look to the next.
    Call("ps.boot_time", only=shape),
    Call("ps.boot_time", "%Y"),
    Call("ps.boot_time", 5),
    Call("ps.network_io_counters", "lo", only=shape),
    Call("ps.network_io_counters", "nosuch"),
    Call("ps.disk_io_counters", "nosuch"),
    Call("ps.get_users"),
    Call("ps.get_pid_list", only=lambda pids, _port: sorted(pids)[:1]),
    Call("ps.proc_info", 1, ["pid", "name", "username", "ppid"]),
    Call("ps.proc_info", 1, ["create_time"], only=shape),
    Call("ps.proc_info", 99999999),
    Call("ps.proc_info", 1, ["nosuch"]),
    Call("ps.pgrep", "trisalt-no-such-process"),
    Call("ps.pgrep", "python", only=lambda pids, _port: type(pids).__name__),
    Call("ps.pkill", "trisalt-no-such-process"),
    Call("ps.kill_pid", 99999999),
    Call("ps.psaux", "trisalt-no-such-process"),
    Call("ps.ss", "trisalt-no-such-process", needs="ss"),
    Call("ps.status", "nosuch"),
    Call("ps.status", ""),
    Call("ps.top", 1000, 0.01, only=fields),
]  # fmt: skip

SYSTEM = [
    Call("cmd.run", ": > LOG"),
    Call("system.halt"),
    Call("system.poweroff"),
    Call("system.reboot"),
    Call("system.shutdown"),
    Call("system.reboot", "22:00"),
    Call("system.init", 6),
    Call("system.has_settable_hwclock"),
    Call("system.set_system_time", "11:31:30 AM"),
    Call("system.set_system_time", "nonsense", ours=refuses("Invalid time format: nonsense"), why="what is no time sets none"),
    Call("system.set_system_date", "nonsense"),
    Call("system.set_system_date_time", 2013, 3, 28, 11, 31, 30),
    Call("system.set_system_date_time", 2013, 3, 28, 11, 31, 30, "-0500"),
    Call("system.get_system_time", only=text),
    Call("system.get_system_date", only=day),
    Call("system.get_system_date", "+1400", only=day),
    Call("system.get_system_date_time", "-0500", only=text),
    Call("system.get_system_time", "x"),
    Call("system.get_computer_desc"),
    Call("system.set_computer_desc", "My Desc"),
    Call("system.get_computer_name"),
    Call("cmd.run", "cat LOG", only=lambda text, _port: [re.sub(r"^date \\d{6}", "date MMDDhh", line) for line in text.splitlines()]),
]  # fmt: skip

SHELVES = {"apt": APT, "host": HOST, "sysv": SYSV, "systemd": SYSTEMD, "status": STATUS, "system": SYSTEM}
ROWS = [(shelf, number) for shelf, calls in SHELVES.items() for number in range(len(calls))]


def debian(folder):
    made = Debian(folder)
    made.package("one", "1.0")
    made.package("one", "1.1")
    made.package("one", "2.0~rc1")
    made.package("two", "1.0", Depends="one", Provides="virtual")
    made.package("conf", "2.0", conffile="/etc/conf.d/conf.conf")
    made.package("foreign", "1.0")
    made.publish()
    return made


def programs(lab):
    """The recorded programs, in a folder; the log they keep."""
    folder, log = lab.root / "bin", lab.root / "systemctl.log"
    folder.mkdir()
    (lab.root / "recorded.json").write_text(json.dumps(RECORDED))
    (folder / "systemctl").write_text(SYSTEMCTL.format(log=str(log), recorded=str(lab.root / "recorded.json")))
    (folder / "systemd-run").write_text(SYSTEMD_RUN.format(log=log))
    for name in ("halt", "poweroff", "shutdown", "init", "date", "hwclock"):
        (folder / name).write_text(f'#!/bin/sh\necho "{name} $*" >> {log}\n')
    (folder / "hostnamectl").write_text(
        f'#!/bin/sh\necho "hostnamectl $*" >> {log}\n[ "$1" != status ] || echo Its Desc\n'
    )
    for program in folder.iterdir():
        program.chmod(0o755)
    return folder, log


@pytest.fixture(scope="module")
def init_script():
    """A script of init on this host, gone afterwards with all its links; and so is the source that is added."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        pytest.skip("needs apt, and root")
    script = Path("/etc/init.d", NAME)
    script.write_text(INIT_SCRIPT.replace("NAME", NAME))
    script.chmod(0o755)
    try:
        yield
    finally:
        script.unlink()
        subprocess.run(["update-rc.d", NAME, "remove"], capture_output=True, check=False)
        Path("/run", NAME).unlink(missing_ok=True)
        Path(FILE).unlink(missing_ok=True)


@pytest.fixture(scope="module")
def answers(init_script):
    """`{kind: {shelf: [answer of each row]}}`; what depends on where a side works is made the same."""
    answers = {}
    with open_lab() as lab:
        (lab.root / "empty").mkdir()
        (lab.root / "empty" / "Packages").touch()
        folder_of_programs, log = programs(lab)
        for kind in ("stock", "ours"):
            made = debian(lab.root / f"debian-{kind}")
            places = {
                "REPO": str(made.repo),
                "SOURCES": str(lab.root / "empty"),
                "LOG": str(log),
                "FILE": FILE,
                "NAME": NAME,
                "NAM*": f"{NAME[:-1]}*",
            }
            for shelves, env, context in (
                (("apt",), made.environment, {}),
                (("host", "sysv", "status"), {}, {}),
                (("systemd", "system"), {"PATH": f"{folder_of_programs}:{lab.env['PATH']}"}, BOOTED),
            ):
                calls = [call for shelf in shelves for call in SHELVES[shelf]]
                log.write_text("")
                found = ask(
                    lab, kind, calls, grains=GRAINS, opts={"apt.lock_timeout": 0}, context=context, places=places,
                    env={**lab.env, **env},
                )  # fmt: skip
                printed = json.loads(json.dumps(found).replace(str(made.root), "/debian"))
                for shelf in shelves:
                    answers.setdefault(kind, {})[shelf] = printed[: len(SHELVES[shelf])]
                    del printed[: len(SHELVES[shelf])]
    return answers


@pytest.mark.parametrize(("shelf", "number"), ROWS, ids=[f"{s}-{n}-{SHELVES[s][n]}" for s, n in ROWS])
def test_ours_answers_as_stock_does(answers, shelf, number):
    call = SHELVES[shelf][number]
    if call.needs and shutil.which(call.needs) is None:
        pytest.skip(f"{call.needs} is not installed")
    stock, ours = (answers[kind][shelf][number] for kind in ("stock", "ours"))
    if shelf in WITHOUT_RETCODE:
        stock, ours = ({k: v for k, v in answer.items() if k != "retcode"} for answer in (stock, ours))
    if call.only and "return" in stock and "return" in ours:
        stock, ours = ({**answer, "return": call.only(answer["return"], None)} for answer in (stock, ours))
    agree(call, stock, ours)
