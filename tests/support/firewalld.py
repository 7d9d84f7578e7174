"""A firewalld of a test's own: its network, its mounts, its processes and its system bus are apart from the host's.

`apart(FOLDER)` is the beginning of a command that runs beside it, and with whose end all of it ends.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.support.debian import need

# A bus that starts nothing on its own.
BUS = """<busconfig>
 <type>system</type><listen>unix:path=/run/dbus/system_bus_socket</listen><auth>EXTERNAL</auth>
 <policy context="default">
  <allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/><allow user="*"/>
 </policy>
</busconfig>
"""
START = """set -e
cd "$1"; shift
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
mkdir /run/dbus
mount --bind etc /etc/firewalld
ip link set lo up
dbus-daemon --config-file="$PWD/bus.conf" --nofork --nopidfile >bus.log 2>&1 &
count=0
while ! [ -S /run/dbus/system_bus_socket ]; do
    count=$((count + 1)); [ $count -lt 300 ] || { cat bus.log >&2; exit 1; }; sleep 0.05
done
firewalld --nofork --nopid >firewalld.log 2>&1 &
count=0
while ! firewall-cmd --state >state.log 2>&1; do
    count=$((count + 1)); [ $count -lt 100 ] || { cat state.log firewalld.log >&2; exit 1; }; sleep 0.1
done
"$@"
"""


def apart(folder: Path) -> list[str]:
    """The words before those of a command that is to see this firewalld, whose files are kept in the folder."""
    if os.geteuid() != 0:
        pytest.skip("only root has a network of its own")
    need("firewalld", "iproute2")
    folder.mkdir()
    (folder / "bus.conf").write_text(BUS)
    shutil.copytree("/etc/firewalld", folder / "etc")
    spaces = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private"]
    return ["unshare", *spaces, "sh", "-c", START, "sh", str(folder)]
