"""The state `network` and its module `ip` beside stock's: each side with a copy of /etc of its own, in a network of
its own. What stock would install packages for is told by `test_plugins_ifupdown`."""

import json
import os

import pytest

from tests.interop.beside import SAME, Call, agree, each, refuses, returns
from tests.interop.states import Row, ask, ask_both, compare, done, each_phase, pending, refused
from tests.support.apart import copy_folder
from tests.support.lab import open_lab

pytestmark = [pytest.mark.interop, pytest.mark.timeout(120)]

GRAINS = {
    "id": "m1", "kernel": "Linux", "os": "Debian", "os_family": "Debian", "osmajorrelease": 12, "osrelease": "12",
    "osfullname": "Debian GNU/Linux", "osarch": "amd64", "init": "sysvinit", "shell": "/bin/sh",
}  # fmt: skip
REFUSED = "what means nothing is refused, and nothing is left out"
KERNEL = "what the kernel takes"
STATIC = {"proto": "static", "ipaddr": "10.1.1.1", "netmask": "255.255.255.0"}
SIXTH = {"enable_ipv6": True, "ipv6proto": "static", "ipv6ipaddr": "2001:db8::3", "ipv6netmask": 64}
INTERFACES = """# mine
source /etc/network/interfaces.d/*

auto lo
iface lo inet loopback

# the first one
auto eth8
iface eth8 inet static
  address 1.2.3.4/24
  gateway 1.2.3.1
  up route add x

# the end
"""


def _built(*, ours=SAME, why="", kind="eth", name="eth9", enabled=True, **options):
    return Call("ip.build_interface", name, kind, enabled, ours=ours, why=why, test=True, **options)


def _bad(key, wanted, **options):
    said = refuses(f"Invalid option -- Interface: eth9, Option: {key}, Expected: [{wanted}]")
    return _built(ours=said, why=REFUSED, **options)


EVERYTHING = {
    **STATIC, "gateway": "10.1.1.254", "metric": 10, "hwaddress": "00:11:22:33:44:55", "mtu": 1400,
    "pointopoint": "1.2.3.4", "scope": "link", "dns": ["1.1.1.1", "2.2.2.2"], "wpa-ssid": "x", "wpa-psk": "secret12",
    "wpa-conf": "/etc/x", "duplex": "full", "autoneg": "on", "rx": "on", "tx": "off", "sg": "on", "tso": "off",
    "ufo": "on", "gso": "on", "gro": "on", "lro": "off", "ipaddrs": ["10.0.0.9/24"], "vlan-raw-device": "eth0",
    "unit": 1, "provider": "x", "options": "y", "client": "x", "hostname": "h1", "leasetime": 10, "leasehours": 3,
    "vendor": "v", "bootfile": "x", "server": "1.1.1.1", "endpoint": "1.1.1.1", "local": "2.2.2.2", "ttl": 64,
    "hotplug": True, "up_cmds": ["u1", "u2"], "down_cmds": "d", "pre_up_cmds": "pu", "post_up_cmds": "ou",
    "pre_down_cmds": "pd", "post_down_cmds": "od",
}  # fmt: skip
SIXTH_TOO = {
    **SIXTH, "ipv6gateway": "fe80::1", "ipv6ttl": 3, "accept_ra": 2, "autoconf": 1, "privext": 2,
    "ipv6addrs": ["fe80::8/64"], "ipv6media": "x", "ipv6scope": "site",
}  # fmt: skip
BOND = {"kind": "bond", "name": "bond0", "proto": "dhcp", "slaves": "eth1 eth2"}
ROUTES = [
    {"name": "r1", "ipaddr": "10.5.0.0", "netmask": "255.255.255.0", "gateway": "10.1.0.9"},
    {"ipaddr": "10.6.0.0", "netmask": "255.255.0.0", "gateway": "10.1.0.9", "metric": 3},
]
CALLS = [
    _built(proto="dhcp"),
    _built(**STATIC),
    _built(**EVERYTHING),
    _built(**EVERYTHING, **SIXTH_TOO),
    _built(proto="dhcp", **SIXTH),
    _built(proto="dhcp", mtu=1400, dns=["1.1.1.1"], gateway="1.2.3.4", **SIXTH),
    _built(proto="dhcp", enable_ipv6=True, ipv6proto="auto"),
    _built(proto="dhcp", enable_ipv6=True),
    _built(proto="none", **SIXTH),
    _built(**SIXTH),
    *(_built(proto=proto, ipaddr="10.1.1.1") for proto in ("manual", "bootp", "ppp", "loopback")),
    *(_built(proto="dhcp", enable_ipv6=True, ipv6proto=proto, ipv6ipaddr="fe80::1") for proto in ("dhcp", "6to4")),
    _built(**STATIC | {"ipaddr": "10.1.1.1/24"}),
    _built(enabled=False, **STATIC),
    _built(autoneg="no", rx=True, **STATIC),
    _built(nosuch="x", search="a.b", **STATIC),
    _built(kind="slave", name="eth7", master="bond0"),
    _built(kind="slave", name="eth7"),
    _built(kind="odd"),
    _built(speed="odd", **STATIC),
    _built(duplex="odd", **STATIC),
    _built(rx="odd", **STATIC),
    _bad("mtu", "integer", mtu="odd", **STATIC),
    _bad("ipaddr", "IPv4 address", **STATIC | {"ipaddr": "999.1.1.1"}),
    _bad("netmask", "netmask", **STATIC | {"netmask": "odd"}),
    _bad("gateway", "IPv4 address", gateway="odd", **STATIC),
    _bad("hwaddress", "valid MAC address", hwaddress="odd", **STATIC),
    _bad("ipv6ipaddr", "IPv6 address", proto="dhcp", **SIXTH | {"ipv6ipaddr": "odd"}),
    _bad("proto", "bootp|dhcp|loopback|manual|none|ppp|static", proto="odd"),
    _bad("up", "one line", up_cmds=["a\nb"], **STATIC),
    _built(name="eth9 x", ours=refuses("This is no name of an interface: eth9 x"), why=REFUSED, **STATIC),
    _built(mode="odd", **BOND),
    _built(mode="2", arp_ip_target=["1.1.1.1", "2.2.2.2"], **BOND),
    _built(mode="0", arp_ip_target="1.1.1.1", **BOND),
    _built(mode="4", miimon="odd", **BOND),
    _built(mode="4", lacp_rate="odd", **BOND),
    _built(mode="4", ad_select="odd", **BOND),
    _built(mode="4", **{"hashing-algorithm": "odd"}, **BOND),
    _built(mode="802.3ad", ad_select=1, use_carrier="off", why="what is given is kept", ours=returns([
        "auto bond0\n", "iface bond0 inet dhcp\n", "    bond-ad_select 1\n", "    bond-downdelay 200\n",
        "    bond-lacp_rate 1\n", "    bond-miimon 50\n", "    bond-mode 4\n", "    bond-slaves eth1 eth2\n",
        "    bond-updelay 0\n", "    bond-use_carrier 0\n", "    bond-xmit_hash_policy layer2\n", "\n"]),
        miimon=50, lacp_rate="fast", **{"hashing-algorithm": "layer2"}, **BOND),
    Call("ip.build_bond", "bond0", test=True, mode="2", arp_ip_target=["1.1.1.1"]),
    Call("ip.build_bond", "bond0", test=True, mode="1", miimon=9, primary="a", why=KERNEL,
         ours=returns(["alias bond0 bonding\n",
                       "options bond0 mode=1 miimon=9 downdelay=200 updelay=0 primary=a use_carrier=1 "])),
    Call("ip.build_routes", "eth1", test=True, routes=ROUTES),
    Call("ip.build_routes", "eth1", test=True),
    Call("ip.build_routes", "eth1", test=True, routes=[{"name": "r1"}], why=REFUSED, ours=refuses(
        "Invalid option -- Route interface: eth1, Option: ipaddr, Expected: [an address]")),
    Call("ip.build_routes", "../x", test=True, routes=ROUTES, why=REFUSED,
         ours=refuses("This is no name of an interface: ../x")),
    Call("ip.get_interface", "nosuch9"),
    Call("ip.get_bond", "bond9"),
    Call("ip.get_routes", "nosuch9"),
]  # fmt: skip


def _managed(name, **kwargs):
    return Row("network.managed", name, noifupdown=True, **kwargs)


BONDED = {
    "type": "bond", "proto": "static", "ipaddr": "10.2.0.1", "netmask": "255.255.255.0", "mode": "balance-xor",
    "slaves": "eth5 eth6",
}  # fmt: skip
ROWS = [
    _managed("eth0", type="eth", proto="dhcp", enabled=True),
    _managed("eth1", type="eth", dns=["8.8.8.8"], gateway="10.1.1.254", **STATIC),
    _managed("eth1", type="eth", mtu=9000, **STATIC | {"ipaddr": "10.1.1.2"}),
    _managed("eth1", type="eth", enabled=False, **STATIC),
    _managed("eth2", type="eth", proto="dhcp", ipv6gateway="2001:db8::1", **SIXTH),
    _managed("eth2", type="slave", master="bond0"),
    _managed("eth8", type="eth", proto="static", ipaddr="1.2.3.4/24", gateway="1.2.3.1", up_cmds=["route add x"]),
    _managed("eth8", type="eth", proto="static", ipaddr="1.2.3.5/24", gateway="1.2.3.1"),
    _managed("bond0", arp_ip_target=["1.1.1.1"], phases=["preview"], but=["bond", "interface"], **BONDED),
    _managed("eth20", type="odd", proto="dhcp"),
    _managed("eth9", type="eth", proto="odd", why=REFUSED, phases=["preview"], preview=refused(
        "Invalid option -- Interface: eth9, Option: proto, Expected: [bootp|dhcp|loopback|manual|none|ppp|static]")),
    Row("network.routes", "eth1", routes=ROUTES),
    Row("network.routes", "eth1", routes=ROUTES[:1]),
    Row("network.routes", "eth1", routes=[]),
    Row("network.routes", "eth1"),
    Row("sysctl.present", "net.ipv4.ip_forward", 1),
    Row("sysctl.present", "net.ipv4.ip_forward", "0", config="/etc/sysctl.d/tri.conf"),
    Row("sysctl.present", "net.ipv4.tcp_rmem", "4096 131072  6291456"),
    Row("sysctl.present", "net.ipv4.conf.lo.forwarding", True, why="to the kernel that is 1",
        applied=done("Updated sysctl value net.ipv4.conf.lo.forwarding = True", **{"net.ipv4.conf.lo.forwarding": True}),
        again=done("Sysctl value net.ipv4.conf.lo.forwarding = True is already set")),
    Row("sysctl.present", "net.ipv4.nosuch", 1, why="a preview says what would change",
        preview=pending("Sysctl option net.ipv4.nosuch set to be changed to 1", **{"net.ipv4.nosuch": 1})),
    Row("locale.system", "C.UTF-8"),
    Row("locale.system", "POSIX"),
]  # fmt: skip
UP = done("Interface eth9 is up to date.", status="Interface eth9 is up")
MINE = {"type": "eth", "proto": "dhcp"}
# What becomes of an interface; ours alone, for the programs are not the host's.
SWITCHED = [
    Row("network.managed", "eth9", **MINE),
    Row("network.managed", "veth0", **MINE),
    Row("network.managed", "veth0", mtu=1400, **MINE),
    Row("network.managed", "veth0", enabled=False, phases=["preview", "applied"], **MINE),
    _managed("bond0", arp_ip_target=["1.1.1.1"], **BONDED),
    _managed("bond0", arp_ip_target=["1.1.1.1", "1.1.1.2"], **BONDED),
    Row("network.system", "s", enabled=True, hostname="web1", search="example.org", require_reboot=True),
    Row("network.system", "s", enabled=False, domain="example.net", require_reboot=True),
]
NEW = {"interface": "Added network interface."}
RESTART = "Interface veth0 restart to validate"
WANTED = [
    [pending("Interface eth9 is set to be added.", **NEW, status="Interface eth9 is up"),
     done("Interface eth9 added.", **NEW, status="Interface eth9 is up"), UP],
    [pending("Interface veth0 is set to be added.", **NEW, status=RESTART),
     done("Interface veth0 added.", **NEW, status=RESTART), done("Interface veth0 is up to date.")],
]  # fmt: skip
IN_A_NETWORK_OF_ITS_OWN = ["unshare", "--net", "--uts"]
INTERFACES_THERE = """#!/bin/sh -e
mount -t sysfs sysfs /sys
ip link add veth0 type veth peer name veth1
ip link set veth0 up
export PATH=BIN:$PATH
exec "$@"
"""
RECORDER = """#!/bin/sh
echo "$(basename "$0") $*" >> BIN/said
"""


@pytest.fixture(scope="module")
def answers():
    if os.geteuid():
        pytest.skip("a network namespace is root's")
    answers = {}
    with open_lab() as lab:
        for kind in ("stock", "ours"):
            etc = _etc(lab.root / f"place-{kind}")
            how = {"before": IN_A_NETWORK_OF_ITS_OWN, "grains": GRAINS}
            found = ask_both(lab, kind, CALLS, ROWS, apart={"/etc": str(etc)}, **how)
            answers[f"{kind} calls"], answers[kind] = found
            names = ["network/interfaces", "network/if-up.d/route-eth1", "network/if-down.d/route-eth1"]
            answers[f"{kind} files"] = [(etc / name).read_text() for name in names]
            answers[f"{kind} modes"] = [(etc / name).stat().st_mode & 0o777 for name in names]
        binaries = lab.root / "bin"
        binaries.mkdir()
        for name in ("start", "ifup", "ifdown", "ifenslave"):
            text = INTERFACES_THERE if name == "start" else RECORDER
            (binaries / name).write_text(text.replace("BIN", str(binaries)))
            (binaries / name).chmod(0o755)
        how["before"] = [*IN_A_NETWORK_OF_ITS_OWN, "--mount", str(binaries / "start")]
        etc = _etc(lab.root / "place-switched")
        answers["switched"] = ask(lab, "ours", SWITCHED, apart={"/etc": str(etc)}, **how)
        answers["said"] = (binaries / "said").read_text().splitlines()
        answers["bond"] = (etc / "modprobe.d/bond0.conf").read_text()
    return json.loads(json.dumps(answers))


def _etc(place):
    place.mkdir()
    copy_folder("/etc", place / "etc")
    for name in ("if-up.d", "if-down.d"):
        (place / "etc/network" / name).mkdir(parents=True, exist_ok=True)
    (place / "etc/modprobe.d").mkdir(exist_ok=True)
    (place / "etc/network/interfaces").write_text(INTERFACES)
    return place / "etc"


@each_phase(ROWS)
def test_ours_does_as_stock_does(answers, number, phase):
    compare(ROWS, answers, number, phase)


@each(CALLS)
def test_ours_answers_as_stock_does(answers, number):
    agree(CALLS[number], answers["stock calls"][number], answers["ours calls"][number])


def test_stanzas_are_stocks_and_what_else_stands_in_the_file_is_kept(answers):
    (stock, *others), (ours, *mine) = answers["stock files"], answers["ours files"]
    assert mine == others
    assert answers["ours modes"] == answers["stock modes"]
    kept = ["# mine", "source /etc/network/interfaces.d/*", "# the first one", "# the end", ""]
    assert sorted(line for line in ours.splitlines() if line not in kept) == sorted(
        line for line in stock.splitlines() if line
    )
    assert [line for line in ours.splitlines() if line in kept[:4]] == kept[:4]


def test_an_interface_is_taken_up_and_down_where_that_is_due(answers):
    first, second, third, last, *_others = answers["switched"]
    assert [list(first.values()), list(second.values())] == WANTED
    assert third["applied"]["changes"]["status"] == RESTART
    assert third["again"] == done("Interface veth0 is up to date.")
    assert last["applied"]["changes"]["status"] == "Interface veth0 down"
    assert answers["said"] == [
        "ifup eth9", "ifup eth9", "ifdown veth0", "ifup veth0", "ifdown veth0", "ifup veth0", "ifdown veth0",
    ]  # fmt: skip


def test_a_bond_is_told_to_the_kernels_module_too(answers):
    first, second = answers["switched"][4:6]
    added = {**NEW, "bond": "Added bond bond0."}
    assert first["preview"] == pending("Bond interface bond0 is set to be added.", **added)
    assert first["applied"] == done("Bond interface bond0 added.", **added)
    assert second["preview"]["changes"] == second["applied"]["changes"]
    assert set(second["applied"]["changes"]) == {"bond", "interface"}
    assert first["again"] == second["again"] == done("Interface bond0 is up to date.")
    assert answers["bond"] == (
        "alias bond0 bonding\noptions bond0 mode=2 arp_ip_target=1.1.1.1,1.1.1.2 arp_interval=250 "
    )


def test_what_is_set_for_the_whole_host_is_kept_and_told_as_lines(answers):
    first, second = answers["switched"][6:]
    added = "+NETWORKING=yes\n\n+HOSTNAME=web1\n\n+SEARCH=example.org\n"
    assert added in first["preview"]["comment"]
    assert added in first["applied"]["changes"]["network_settings"]
    assert "-NETWORKING=yes\n\n+NETWORKING=no\n" in second["applied"]["changes"]["network_settings"]
    assert second["preview"]["changes"] == second["applied"]["changes"]
    assert first["again"] == second["again"] == done("Global network settings are up to date.")
