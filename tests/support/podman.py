"""An engine that speaks Docker's API, of a test's own: podman's service, apart from the host.

`apart(FOLDER)` is the beginning of a command that runs beside it, and with whose end all of it ends. The engine is at
`unix://FOLDER/socket`, and has one image, `localhost/tri:1`, in which `/bin/busybox` is.
"""

from __future__ import annotations

import io
import os
import shutil
import tarfile
from pathlib import Path

import pytest

from tests.support.debian import need

CONTAINERS = """[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
cgroups = "disabled"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
"""
# Where both versions of cgroups are mounted, containers take neither.
START = """set -e
cd "$1"; shift
umount /sys/fs/cgroup/unified 2>unified.log || true
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
mkdir -p /etc/cni/net.d
mount --bind cni /etc/cni/net.d
ip link set lo up
ulimit -n 1024
export CONTAINERS_CONF="$PWD/containers.conf"
podman --root "$PWD/root" --runroot "$PWD/run" import image.tar localhost/tri:1 >import.log 2>&1
podman --root "$PWD/root" --runroot "$PWD/run" system service --time=0 "unix://$PWD/socket" >service.log 2>&1 &
count=0
while ! [ -S socket ]; do
    count=$((count + 1)); [ $count -lt 300 ] || { cat import.log service.log >&2; exit 1; }; sleep 0.05
done
"$@"
"""


def apart(folder: Path) -> list[str]:
    """The words before those of a command that is to see this engine, whose files are kept in the folder."""
    if os.geteuid() != 0:
        pytest.skip("only root has an engine of its own")
    need("podman", "crun", "busybox-static", "iproute2")
    (folder / "cni").mkdir(parents=True)
    for path in Path("/etc/cni/net.d").glob("*.conflist"):
        shutil.copy(path, folder / "cni")
    (folder / "containers.conf").write_text(CONTAINERS)
    with tarfile.open(folder / "image.tar", "w") as archive:
        archive.add("/bin/busybox", "bin/busybox")
        link = tarfile.TarInfo("bin/sh")
        link.type, link.linkname = tarfile.SYMTYPE, "busybox"
        archive.addfile(link, io.BytesIO())
    spaces = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private"]
    return ["unshare", *spaces, "sh", "-c", START, "sh", str(folder)]
