"""The beacons `watchdog` and `journald`: what they say is stock Salt 3008.3's, recorded with the libraries it needs."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.apart import START
from tests.support.debian import need
from trisalt.errors import CommandError

ALL = {"mask": ["create", "modify", "delete", "move"]}


@pytest.fixture
def look(plugins, tmp_path):
    """A look of `watchdog` at the folder `d`: what happened in it, as pairs of words."""
    beacons = plugins.loader("beacons")
    (tmp_path / "d/sub").mkdir(parents=True)
    configs = []

    def look(**options):
        config = [{"directories": {str(tmp_path / "d"): options}}, {"_beacon_name": "watchdog"}]
        configs.append(config)
        valid, said = beacons["watchdog.validate"](config)
        assert valid, said
        seen = beacons["watchdog.beacon"](config)
        assert {event["tag"] for event in seen} <= {"watchdog"}
        return [f"{event['change']} {os.path.relpath(event['path'], tmp_path)}" for event in seen]

    yield look
    beacons["watchdog.close"](configs[-1])


def test_changes_that_the_kernel_dropped_are_told_once(look, tmp_path):
    assert look(**ALL) == []
    for _ in range(int(Path("/proc/sys/fs/inotify/max_queued_events").read_text()) // 2 + 1):
        (tmp_path / "d/x").touch()
        (tmp_path / "d/x").unlink()
    with pytest.raises(CommandError, match=r"^The kernel has dropped changes that came too fast$"):
        look(**ALL)
    assert look(**ALL) == []


def written(tmp_path):
    (tmp_path / "d/x").write_text("a\n")


def moved(tmp_path):
    written(tmp_path)
    (tmp_path / "d/x").rename(tmp_path / "d/y")


def gone(tmp_path):
    written(tmp_path)
    (tmp_path / "d/x").rename(tmp_path / "out")
    (tmp_path / "d/e").mkdir()


def brought(tmp_path):
    (tmp_path / "in").write_text("a\n")
    (tmp_path / "in").rename(tmp_path / "d/in")


def deep(tmp_path):
    (tmp_path / "d/sub/x").write_text("a\n")


WRITTEN = ["created d/x", "modified d", "modified d/x", "modified d"]


@pytest.mark.parametrize(
    ("act", "options", "said"),
    [
        (written, ALL, WRITTEN),
        (written, {}, WRITTEN),
        (written, {"mask": ["create"]}, ["created d/x"]),
        (written, {"mask": ["delete", "move"]}, []),
        (moved, ALL, [*WRITTEN, "moved d/x", "modified d"]),
        (moved, {"mask": ["move"]}, ["moved d/x"]),
        (gone, ALL, [*WRITTEN, "deleted d/x", "modified d", "created d/e", "modified d"]),
        (brought, ALL, ["created d/in", "modified d"]),
        (deep, ALL, []),
    ],
)
def test_what_happens_in_a_directory_is_told(look, tmp_path, act, options, said):
    assert look(**options) == []
    act(tmp_path)
    assert look(**options) == said
    assert look(**options) == []


def test_a_directory_that_comes_later_is_watched_from_then_on(look, tmp_path):
    (tmp_path / "d/sub").rmdir()
    (tmp_path / "d").rmdir()
    assert look() == []
    (tmp_path / "d").mkdir()
    assert look() == []
    written(tmp_path)
    assert look() == WRITTEN


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({}, "Configuration for watchdog beacon must be a list."),
        ([{}], "Configuration for watchdog beacon must include directories."),
        ([{"directories": []}], "Configuration for watchdog beacon directories must be a dictionary."),
        ([{"directories": {"/d": 1}}], "Configuration for watchdog beacon directory path must be a dictionary."),
        ([{"directories": {"/d": {"mask": "create"}}}], "Configuration for watchdog beacon mask must be list."),
        ([{"directories": {"/d": {"mask": ["odd"]}}}], "Configuration for watchdog beacon contains invalid mask"),
    ],
)
def test_a_configuration_of_directories_that_is_wrong(plugins, config, said):
    assert plugins.loader("beacons")["watchdog.validate"](config) == (False, said)


CODE = """
import os, subprocess
beacons, said = plugins.loader("beacons"), []
names = ["MESSAGE", "PRIORITY", "_PID", "tag"]
def add(*fields):
    entry = b"".join(field.encode() + b"\\n" for field in (f"__REALTIME_TIMESTAMP={1700000000000000 + add.number}", *fields))
    add.number += 1
    entry += b"_BOOT_ID=00000000000000000000000000000005\\n\\n"
    argv = ["/lib/systemd/systemd-journal-remote", "--output=" + given["journal"], "-"]
    subprocess.run(argv, input=entry, check=True, capture_output=True)
add.number = 0
for step in given["steps"]:
    if isinstance(step, list):
        add(*step)
        continue
    name = "later" if "later" in step else "journald"
    config = [{"services": step}, {"_beacon_name": name}]
    valid, why = beacons["journald.validate"](config)
    assert valid, why
    said.append(beacons["journald.beacon"](config))
print(json.dumps(said))
"""
SSHD = {"sshd": {"SYSLOG_IDENTIFIER": "sshd", "PRIORITY": 6}}


def entry(message, priority=6):
    return [f"MESSAGE={message}", "SYSLOG_IDENTIFIER=sshd", f"PRIORITY={priority}", "_PID=33"]


STEPS = [
    SSHD,
    entry("one"),
    SSHD,
    SSHD,
    entry("two"),
    entry("three", 5),
    SSHD,
    entry("four"),
    {"any": {}, "six": {"PRIORITY": "6"}, "none": {"PRIORITY": 7}, "miss": {"X": 1}},
    {"later": {}},
    entry("five"),
    {"later": {}},
]


@pytest.fixture(scope="module")
def entries(tmp_path_factory):
    need("systemd-journal-remote")
    if os.geteuid():
        pytest.skip("needs to be let mount")
    place = tmp_path_factory.mktemp("journal")
    machine = Path("/etc/machine-id").read_text().strip()
    (place / "journal" / machine).mkdir(parents=True)
    opts = {"id": "m1", "cachedir": str(place / "cache"), "extension_modules": str(place / "extmods")}
    journal = f"/var/log/journal/{machine}/system.journal"
    given = {"opts": opts, "grains": {"id": "m1", "kernel": "Linux"}, "steps": STEPS, "journal": journal}
    alone = "mount -t tmpfs none /var/log && mkdir /var/log/journal"
    alone += f' && mount --bind {place / "journal"} /var/log/journal && exec "$@"'
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", alone, "sh", sys.executable, "-c", START + CODE, json.dumps(given)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "Operation not permitted" in done.stderr:
        pytest.skip("needs to be let mount")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_an_entry_is_told_once_when_its_fields_are_as_given(entries):
    told = [[(event["tag"], event["MESSAGE"]) for event in look] for look in entries]
    assert told == [
        [],
        [("sshd", "one")],
        [],
        [("sshd", "two")],
        [("any", "four"), ("six", "four")],
        [],
        [("later", "five")],
    ]


def test_an_entry_is_told_with_all_its_fields(entries):
    (event,) = entries[1]
    assert event.pop("__CURSOR")
    assert event.pop("__REALTIME_TIMESTAMP").startswith("2023111")
    assert event.pop("__MONOTONIC_TIMESTAMP")
    assert event == {
        "MESSAGE": "one", "SYSLOG_IDENTIFIER": "sshd", "PRIORITY": 6, "_PID": 33, "tag": "sshd",
        "_BOOT_ID": "00000000000000000000000000000005",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({}, "Configuration for journald beacon must be a list."),
        ([{"services": {"a": 1}}], "Services configuration for journald beacon must be a list of dictionaries."),
        ([{"services": ["a"]}], "Services configuration for journald beacon must be a list of dictionaries."),
    ],
)
def test_a_configuration_of_the_journal_that_is_wrong(plugins, config, said):
    assert plugins.loader("beacons")["journald.validate"](config) == (False, said)


# -- sh ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def shell():
    """A login shell on a terminal of its own: its process id, and the terminal."""
    need("strace")
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve("/bin/sh", ["-sh"], {"PATH": "/usr/bin:/bin"})
    yield pid, terminal
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(terminal)


def until(condition):
    """Wait, for a bounded time, until something is so."""
    ends = time.monotonic() + 20
    while not (found := condition()):
        assert time.monotonic() < ends
        time.sleep(0.02)
    return found


def test_programs_that_are_begun_under_a_login_shell_are_told_once(plugins, shell):
    pid, terminal = shell
    beacons, config = plugins.loader("beacons"), [{"_beacon_name": "sh"}]
    plugins.grains["ps"] = "ps -efHww"
    assert beacons["sh.validate"](config) == (True, "Valid beacon configuration")
    assert beacons["sh.validate"]({}) == (False, "Configuration for sh beacon must be a list.")

    def mine():
        return [event for event in beacons["sh.beacon"](config) if event["tag"] == str(pid)]

    def traced():
        return "TracerPid:\t0\n" not in Path(f"/proc/{pid}/status").read_text()

    assert mine() == []
    until(traced)
    os.write(terminal, b"/bin/echo hello 'a \"b\"\n'; /nonexistent; env printf '\\303\\251' >/dev/null\n")
    seen = []
    until(lambda: seen.extend(mine()) or len(seen) >= 3)
    user = seen[0]["user"]
    assert [(event["cmd"], event["args"]) for event in seen] == [
        ("/bin/echo", ["/bin/echo", "hello", 'a "b"\n']),
        ("/usr/bin/env", ["env", "printf", "\\303\\251"]),
        ("/usr/bin/printf", ["printf", "\\303\\251"]),
    ]
    assert seen[1] == {"cmd": "/usr/bin/env", "args": seen[1]["args"], "user": user, "tag": str(pid)}
    assert mine() == []
    beacons["sh.close"](config)
    assert not traced()
