"""What `/etc/network/interfaces` says: interfaces that need a program of their own, a file with more in it than ours,
and what is set for the whole host, in a copy of /etc."""

import pytest

from tests.support.apart import run_apart
from trisalt.plugins.utils import ifupdown

TEXT = """# mine
source /etc/network/interfaces.d/*
auto lo eth0 eth1
iface lo inet loopback

allow-hotplug eth0
iface eth0 inet dhcp
    # a comment inside
    mtu 1400
    wpa-ssid x
    address 10.0.0.1/24

# of the next one
iface eth0 inet6 auto
mapping eth5
    script /x
"""
ROOT_ONLY = {"id": "m1", "kernel": "Linux", "os": "Debian", "os_family": "Debian"}


def described(name, kind, **settings):
    return "".join(ifupdown.described(name, kind, True, settings))


@pytest.mark.parametrize(
    ("name", "kind", "settings", "lines"),
    [
        ("eth0.2", "vlan", {"proto": "dhcp"}, "vlan-raw-device eth0"),
        ("vlan3", "vlan", {"proto": "dhcp", "vlan-raw-device": "eth7"}, "vlan-raw-device eth7"),
        ("br0", "bridge", {"proto": "dhcp", "ports": "none", "stp": "off"}, "bridge_ports none,bridge_stp off"),
        ("br0", "bridge", {"proto": "dhcp", "ports": ["eth1", "eth2"], "stp": True, "fd": 0, "hw": "00:11:22:33:44:55",
                           "waitport": "3 eth1"},
         "bridge_fd 0,bridge_hw 00:11:22:33:44:55,bridge_ports eth1 eth2,bridge_stp on,bridge_waitport 3 eth1"),
        ("ppp0", "pppoe", {"proto": "ppp", "provider": "p", "unit": 3, "options": "q"}, "provider p,unit 3,options q"),
    ],
)  # fmt: skip
def test_what_a_type_of_interface_is_told(name, kind, settings, lines):
    expected = [f"auto {name}", f"iface {name} inet {settings['proto']}"]
    expected += [f"    {line}" for line in lines.split(",")]
    assert described(name, kind, **settings).splitlines() == [*expected, ""]


@pytest.mark.parametrize(
    ("kind", "settings", "said"),
    [
        ("bridge", {}, "ports is a required setting for bridge interfaces on Debian or Ubuntu based systems"),
        ("bridge", {"ports": "x", "fd": "odd"}, "Invalid option -- Interface: x0, Option: fd, Expected: [integer]"),
        ("bond", {"mode": 1}, "slaves is a required setting for bond interfaces"),
        ("clone", {}, "An interface of the type clone is not described in /etc/network/interfaces"),
    ],
)
def test_what_is_missing_is_named(kind, settings, said):
    with pytest.raises(ifupdown.BadOption) as caught:
        described("x0", kind, proto="dhcp", **settings)
    assert str(caught.value) == said


def test_a_stanza_is_found_in_the_order_in_which_it_is_written():
    assert "".join(ifupdown.found(TEXT, "eth0")) == (
        "auto eth0\nallow-hotplug eth0\niface eth0 inet dhcp\n    address 10.0.0.1/24\n    mtu 1400\n    wpa-ssid x\n"
        "iface eth0 inet6 auto\n\n"
    )
    assert ifupdown.found(TEXT, "eth1") == []


def test_other_lines_stay_where_they_are():
    lines = ifupdown.described("eth0", "eth", True, {"proto": "dhcp"})
    assert ifupdown.replaced(TEXT, "eth0", lines) == (
        "# mine\nsource /etc/network/interfaces.d/*\nauto lo eth1\niface lo inet loopback\n\n"
        "auto eth0\niface eth0 inet dhcp\n\n# of the next one\nmapping eth5\n    script /x\n"
    )
    assert ifupdown.found(ifupdown.replaced(TEXT, "eth0", lines), "eth0") == lines
    assert ifupdown.replaced("auto lo", "eth0", lines) == "auto lo\nauto eth0\niface eth0 inet dhcp\n"


CODE = """
def told(**kwargs):
    previews = salt["ip.build_network_settings"](test=True, **kwargs)
    before = open("/etc/hostname").read(), open("/etc/resolv.conf").read()
    made = salt["ip.build_network_settings"](**kwargs)
    return [previews == made == salt["ip.get_network_settings"](), "".join(made), before]
open("/etc/hostname", "w").write("old\\n")
open("/etc/resolv.conf", "w").write("nameserver 192.0.2.1\\nsearch here\\noptions rotate\\n")
import os
if os.path.exists("/etc/default/networking"):
    os.remove("/etc/default/networking")
said = [told(enabled=True, hostname="web1", domain="example.org"), told(enabled=False, search=["a.b", "c.d"])]
try:
    salt["ip.build_network_settings"](hostname="a\\nb")
except Exception as exc:
    said.append(str(exc))
names = ["hostname", "resolv.conf", "default/networking"]
print(json.dumps([said, [open("/etc/" + name).read() for name in names]]))
"""


def test_what_is_set_for_the_whole_host_is_kept_beside_what_else_is_there(tmp_path):
    said, (hostname, resolv, networking) = run_apart(CODE, tmp_path, ["/etc"], ROOT_ONLY)
    first, second, refused = said
    assert first[:2] == [True, "NETWORKING=yes\nHOSTNAME=web1\nDOMAIN=example.org\nSEARCH=here\n"]
    assert first[2] == ["old\n", "nameserver 192.0.2.1\nsearch here\noptions rotate\n"]
    assert second[:2] == [True, "NETWORKING=no\nHOSTNAME=web1\nSEARCH=a.b c.d\n"]
    assert refused == "Invalid network setting -- Setting: hostname, Expected: [a name]"
    assert hostname == "web1\n"
    assert resolv == "nameserver 192.0.2.1\nsearch a.b c.d\noptions rotate\n"
    assert networking.splitlines()[4] == "CONFIGURE_INTERFACES=no"
