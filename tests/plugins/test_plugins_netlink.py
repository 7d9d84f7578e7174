"""What the kernel lists of links and addresses, read by ourselves."""

import json
import os
import socket
import struct
import subprocess
import sys

import psutil
import pytest

from tests.support.debian import need
from trisalt.plugins.utils import netlink

SETUP = """
ip link set lo up
ip link add br0 type bridge
ip addr add 10.1.2.3/24 brd + dev br0
ip addr add 10.1.2.4/24 dev br0
ip addr add 10.9.0.1/16 label br0:1 dev br0
ip addr add 192.0.2.1 peer 192.0.2.9 dev br0
ip -6 addr add 2001:db8::1/64 dev br0
ip link set br0 up
ip link add v0 type veth peer name v1
"""
SHOW = """
import json
from trisalt.plugins.utils.interfaces import interfaces
found = interfaces()
print(json.dumps({name: {key: row for key, row in entry.items() if key != "hwaddr"} for name, entry in found.items()}))
print(all(len(entry["hwaddr"]) == 17 for entry in found.values()))
"""


def test_they_are_those_of_the_library():
    names = {link.index: link.name for link in netlink.links()}
    assert names == dict(socket.if_nameindex())
    found = {(names[row.index], row.family, row.address) for row in netlink.addresses()}
    told = psutil.net_if_addrs().items()
    assert found == {(name, row.family, row.address.partition("%")[0]) for name, rows in told for row in rows
                     if row.family != psutil.AF_LINK}  # fmt: skip
    hardware = {link.name: link.hwaddr.hex(":") for link in netlink.links() if link.hwaddr}
    assert hardware == {name: row.address for name, rows in told for row in rows if row.family == psutil.AF_LINK}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has networks of its own to make")
def test_addresses_of_many_kinds_are_told_in_the_shape_of_salt():
    need("iproute2")
    done = subprocess.run(
        ["unshare", "-n", "sh", "-e", "-c", f'{SETUP}\nexec "$0" -c "$1"', sys.executable, SHOW],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    shown, hardware = done.stdout.splitlines()
    found = json.loads(shown)
    assert hardware == "True"
    assert list(found) == ["lo", "br0", "v1", "v0"]
    assert found["v0"] == {"up": False}
    assert found["lo"]["inet"] == [{"address": "127.0.0.1", "netmask": "255.0.0.0", "broadcast": None, "label": "lo"}]
    assert found["br0"]["inet"] == [
        {"address": "10.1.2.3", "netmask": "255.255.255.0", "broadcast": "10.1.2.255", "label": "br0"},
        {"address": "192.0.2.1", "netmask": "255.255.255.255", "broadcast": None, "label": "br0"},
    ]
    assert [row["address"] for row in found["br0"]["secondary"]] == ["10.1.2.4"]
    assert {"address": "2001:db8::1", "prefixlen": "64", "scope": "global"} in found["br0"]["inet6"]


class Kernel:
    """A socket that answers with what is given: lists of messages, one list for each request."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.now = []
        self.number = 0

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        return None

    def send(self, data):
        self.number = struct.unpack_from("=IHHII", data)[3]
        self.now = list(self.answers.pop(0))

    def recv(self, _most):
        kind, flags, body = self.now.pop(0)
        return struct.pack("=IHHII", 16 + len(body), kind, flags, self.number, 0) + body


def link(name, index):
    text = name.encode() + b"\0"
    attribute = struct.pack("=HH", 4 + len(text), 3) + text + bytes(-len(text) % 4)
    return netlink.NEWLINK, 2, struct.pack("=BxHiII", 0, 1, index, netlink.RUNNING, 0) + attribute


OVER = (netlink.DONE, 2, bytes(4))


def test_what_changed_while_it_was_listed_is_asked_for_again(monkeypatch):
    changed = [(kind, flags | netlink.INTERRUPTED, body) for kind, flags, body in (link("gone", 1), OVER)]
    kernel = Kernel(changed, [link("a", 1), link("bcd", 2), OVER])
    monkeypatch.setattr(netlink.socket, "socket", lambda *_args: kernel)
    assert [(one.name, one.index) for one in netlink.links()] == [("a", 1), ("bcd", 2)]


def test_a_refusal_of_the_kernel_is_an_error_of_the_system(monkeypatch):
    kernel = Kernel([(netlink.ERROR, 0, struct.pack("=i", -13) + bytes(16))])
    monkeypatch.setattr(netlink.socket, "socket", lambda *_args: kernel)
    with pytest.raises(PermissionError):
        netlink.addresses()
