"""What a running minion takes from its configuration on SIGHUP, and what it says to wait for a restart."""

import re
from pathlib import Path

from trisalt.config.minion import MinionConfig
from trisalt.minion import daemon

# What the daemon looks at anew when it has been told to.
TAKEN = {
    *("beacons", "grains", "schedule", "mine_enabled", "mine_interval", "mine_return_job"),
    *("master_alive_interval", "master_failback", "master_failback_interval"),
}


def test_what_the_daemon_reads_once_waits_for_a_restart():
    room = Path(daemon.__file__).parent
    text = "".join((room / f"{name}.py").read_text() for name in ("daemon", "dial", "source"))
    read = {name.rstrip("_") for name in re.findall(r"\bconfig\.(?:opts\.get\(\")?(\w+)", text)}
    assert len(read & MinionConfig.OPTIONS.keys()) > 50
    assert (read & MinionConfig.OPTIONS.keys()) - daemon.AT_START_ONLY == TAKEN


def test_what_waits_is_an_option():
    known = MinionConfig.OPTIONS.keys() | MinionConfig.LATER.keys()
    assert known >= daemon.AT_START_ONLY
