"""The execution module `network`: this machine as the kernel shows it, and recorded files of /proc."""

import ipaddress
import os
import re
import socket
import subprocess
import sys
import threading

import pytest

from tests.support.debian import need
from trisalt.errors import CommandError
from trisalt.loader.dunders import Plugins


@pytest.fixture
def plugins():
    return Plugins({"id": "m1"})


@pytest.fixture
def proc(salt, monkeypatch):
    """Recorded files of /proc by path, in the place of the machine's."""
    files = {}
    module = sys.modules[salt["network.routes"].__module__]
    monkeypatch.setattr(module, "_lines", lambda path: files.get(path, "").splitlines())
    return files


@pytest.fixture
def server():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


ROUTE = """\
Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	010200C0	0003	0	0	100	00000000	0	0	0
eth0	000200C0	00000000	0001	0	0	0	00FFFFFF	0	0	0
eth1	0A0200C0	00000000	0005	0	0	0	FFFFFFFF	0	0	0
*	0000A8C0	00000000	0201	0	0	0	0000FFFF	0	0	0
"""
ROUTE6 = """\
fd000000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 fd000000000000000000000000000001 00000400 00000002 00000000 00000003     eth0
00000000000000000000000000000001 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000000 00000004 00000000 80200001       lo
00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
"""
TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000005 00:00000000 00000000   101        0 4711 1 0000000000000000 100 0 0 10 0
   1: 0100007F:1F90 0200000A:C350 01 0000000A:00000000 00:00000000 00000000     0        0 4712 1 0000000000000000 20 4 30 10 -1
   2: 0100007F:1F90 0300000A:C351 06 00000000:00000000 03:00000000 00000000     0        0 0 3 0000000000000000
   3: 0100007F:1F90 0300000A:C352 0C 00000000:00000000 03:00000000 00000000     0        0 0 3 0000000000000000
"""
TCP6 = """\
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: B80D0120000000000000000001000000:0016 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1 0000000000000000 100 0 0 10 0
   1: 00000000000000000000000001000000:0016 00000000000000000000000001000000:C353 01 00000000:00000000 00:00000000 00000000     0        0 4714 1 0000000000000000 100 0 0 10 0
"""
UDP = """\
   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  100: 00000000:0044 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4715 2 0000000000000000 0
"""
ARP = """\
IP address       HW type     Flags       HW address            Mask     Device
192.0.2.1        0x1         0x2         02:fc:00:00:00:01     *        eth0
192.0.2.9        0x1         0x0         00:00:00:00:00:00     *        eth0
"""


# -- interfaces and addresses ----------------------------------------------------------------------------------


def test_every_interface_has_its_shape(salt):
    found = salt["network.interfaces"]()
    assert set(found) == {name for _index, name in socket.if_nameindex()}
    for entry in found.values():
        assert isinstance(entry["up"], bool)
        assert set(entry) <= {"up", "hwaddr", "inet", "inet6", "secondary", "parent"}
        for row in entry.get("inet", []):
            assert set(row) == {"address", "netmask", "broadcast", "label"}
        for row in entry.get("inet6", []):
            assert set(row) == {"address", "prefixlen", "scope"}
            assert 0 < int(row["prefixlen"]) <= 128


def test_loopback(salt):
    assert salt["network.interface_ip"]("lo") == "127.0.0.1"
    assert salt["network.interface"]("lo")[0]["netmask"] == "255.0.0.0"
    assert salt["network.hw_addr"]("lo") == salt["network.hwaddr"]("lo") == "00:00:00:00:00:00"
    assert "lo" in salt["network.ifacestartswith"]("127.")
    assert salt["network.ifacestartswith"]("999") == []


def test_an_interface_that_is_not_there_is_told_with_those_that_are(salt):
    names = ", ".join(f'"{name}"' for name in salt["network.interfaces"]())
    for function in ("interface", "interface_ip", "hw_addr"):
        assert salt[f"network.{function}"]("nosuch") == f'Interface "nosuch" not in available interfaces: {names}'


def test_addresses_leave_loopback_out_unless_asked(salt):
    assert "127.0.0.1" not in salt["network.ip_addrs"]()
    assert "127.0.0.1" in salt["network.ip_addrs"](include_loopback=True)
    assert salt["network.ip_addrs"]("lo", True) == ["127.0.0.1"]
    assert salt["network.ip_addrs"]("nosuch") == []
    assert salt["network.ip_addrs"](include_loopback=True, cidr="127.0.0.0/8") == ["127.0.0.1"]
    every = salt["network.ip_addrs"]()
    assert sorted(salt["network.ip_addrs"](type="public") + salt["network.ip_addrs"](type="private")) == sorted(every)
    assert salt["network.ipaddrs"]() == every
    assert all(ipaddress.ip_address(a).version == 6 for a in salt["network.ip_addrs6"](include_loopback=True))


def test_subnets_hold_the_addresses(salt):
    networks = [ipaddress.ip_network(text) for text in salt["network.subnets"]()]
    assert all(any(ipaddress.ip_address(a) in n for n in networks) for a in salt["network.ip_addrs"]())
    assert salt["network.subnets"](["nosuch"]) == []
    assert salt["network.ip_networks"]("lo", include_loopback=True, verbose=True) == {
        "127.0.0.0/8": {"prefixlen": 8, "netmask": "255.0.0.0", "num_addresses": 2**24, "address": "127.0.0.0"}
    }
    assert all(salt["network.in_subnet"](text) for text in salt["network.subnets"]())
    assert salt["network.in_subnet"]("203.0.113.0/24") is False


# -- addresses as such -----------------------------------------------------------------------------------------


def test_calculations(salt):
    assert salt["network.ip_in_subnet"]("172.17.0.4", "172.16.0.0/12") is True
    assert salt["network.ip_in_subnet"]("172.32.0.4", "172.16.0.0/12") is False
    assert salt["network.calc_net"]("172.17.0.5", "255.255.255.240") == "172.17.0.0/28"
    assert salt["network.calc_net"]("2001:db8::5/64") == "2001:db8::/64"
    assert salt["network.convert_cidr"]("172.31.4.0/16") == {
        "network": "172.31.0.0", "netmask": "255.255.0.0", "broadcast": "172.31.255.255",
    }  # fmt: skip
    assert salt["network.is_private"]("10.0.0.3") is True
    assert salt["network.is_private"]("8.8.8.8") is False
    assert salt["network.is_loopback"]("::1") is True
    assert salt["network.reverse_ip"]("172.17.0.4") == "4.0.17.172.in-addr.arpa"
    assert salt["network.iphexval"]("10.0.0.1") == "0A000001"


@pytest.mark.parametrize(
    ("function", "args"),
    [
        ("is_private", ["nonsense"]), ("reverse_ip", ["10.0.0.256"]), ("calc_net", ["10.0.0.1", "255.0.255.0"]),
        ("in_subnet", ["10.0.0.0/33"]), ("ip_in_subnet", ["x", "10.0.0.0/8"]), ("iphexval", ["10.0.0"]),
        ("get_route", ["; reboot"]),
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(salt, function, args):
    with pytest.raises(CommandError):
        salt[f"network.{function}"](*args)


# -- names -----------------------------------------------------------------------------------------------------


def test_names(salt, plugins):
    assert salt["network.get_hostname"]() == socket.gethostname()
    assert salt["network.get_fqdn"]() == plugins.loader("grains")["interfaces.names"]()["fqdn"]
    assert list(salt["network.fqdns"]()) == ["fqdns"]


# -- routes and neighbours -------------------------------------------------------------------------------------


def test_routes(salt, proc):
    proc |= {"/proc/net/route": ROUTE, "/proc/net/ipv6_route": ROUTE6}
    keys = ("destination", "gateway", "netmask", "flags", "interface")
    rows = [tuple(row[key] for key in keys) for row in salt["network.routes"]()]
    assert rows == [
        ("0.0.0.0", "192.0.2.1", "0.0.0.0", "UG", "eth0"),
        ("192.0.2.0", "0.0.0.0", "255.255.255.0", "U", "eth0"),
        ("192.0.2.10", "0.0.0.0", "255.255.255.255", "UH", "eth1"),
        ("192.168.0.0", "0.0.0.0", "255.255.0.0", "!U", "*"),
        ("fd00::/64", "::", "", "U", "eth0"),
        ("::/0", "fd00::1", "", "UG", "eth0"),
        ("::1/128", "::", "", "Un", "lo"),
        ("::/0", "::", "", "!n", "lo"),
    ]
    assert {row["addr_family"] for row in salt["network.routes"]("inet")} == {"inet"}
    assert {row["addr_family"] for row in salt["network.routes"]("inet6")} == {"inet6"}
    assert [row["gateway"] for row in salt["network.default_route"]()] == ["192.0.2.1", "fd00::1", "::"]
    assert [row["gateway"] for row in salt["network.default_route"]("inet")] == ["192.0.2.1"]
    for function in ("routes", "default_route"):
        with pytest.raises(CommandError, match=r"^Invalid address family ipx$"):
            salt[f"network.{function}"]("ipx")


def test_a_host_without_routes_has_none(salt, proc):
    assert salt["network.routes"]() == []
    assert salt["network.default_route"]() == []
    assert salt["network.arp"]() == {}
    assert salt["network.netstat"]() == []


def test_neighbours_that_answered(salt, proc):
    proc["/proc/net/arp"] = ARP
    assert salt["network.arp"]() == {"02:fc:00:00:00:01": "192.0.2.1"}


# -- sockets ---------------------------------------------------------------------------------------------------


def test_sockets(salt, proc):
    proc |= {"/proc/net/tcp": TCP, "/proc/net/tcp6": TCP6, "/proc/net/udp": UDP}
    rows = salt["network.netstat"]()
    assert rows[0] == {
        "proto": "tcp", "recv-q": "5", "send-q": "0", "local-address": "127.0.0.1:8080", "remote-address": "0.0.0.0:*",
        "state": "LISTEN", "user": "101", "inode": "4711", "program": "-",
    }  # fmt: skip
    assert [row.get("state") for row in rows] == [
        "LISTEN", "ESTABLISHED", "TIME_WAIT", "UNKNOWN", "LISTEN", "ESTABLISHED", None,
    ]  # fmt: skip
    assert rows[4]["local-address"] == "2001:db8::1:22"
    assert rows[6]["local-address"] == "0.0.0.0:68"
    assert salt["network.active_tcp"]() == {
        "0": {"local_addr": "127.0.0.1", "local_port": 8080, "remote_addr": "10.0.0.2", "remote_port": 50000},
        "1": {"local_addr": "::1", "local_port": 22, "remote_addr": "::1", "remote_port": 50003},
    }


def test_our_own_socket_is_found_with_us(salt, server):
    port = server.getsockname()[1]
    (row,) = [row for row in salt["network.netstat"]() if row["local-address"] == f"127.0.0.1:{port}"]
    assert row["state"] == "LISTEN"
    assert row["user"] == str(os.getuid())
    assert row["program"].split("/")[0] == str(os.getpid())
    with socket.create_connection(("127.0.0.1", port)):
        assert port in [row["remote_port"] for row in salt["network.active_tcp"]().values()]


# -- reaching others -------------------------------------------------------------------------------------------


def test_connect(salt, server):
    port = server.getsockname()[1]
    assert salt["network.connect"]("127.0.0.1", port) == {
        "result": True, "comment": f"Successfully connected to 127.0.0.1 (127.0.0.1) on tcp port {port}",
    }  # fmt: skip
    assert salt["network.connect"]("localhost", str(port), family="ipv4")["result"] is True
    server.close()
    assert salt["network.connect"]("127.0.0.1", port, timeout=1) == {
        "result": False, "comment": f"Unable to connect to 127.0.0.1 (127.0.0.1) on tcp port {port}",
    }  # fmt: skip
    assert salt["network.connect"]("127.0.0.1")["comment"] == "Required argument, port, is missing."
    assert salt["network.connect"]("nosuch.invalid", 80)["comment"] == (
        "Unable to resolve host nosuch.invalid on tcp port 80"
    )
    assert salt["network.connect"]("127.0.0.1", "nosuchservice")["result"] is False
    assert salt["network.connect"]("127.0.0.1", [80])["comment"] == "Unable to resolve host 127.0.0.1 on tcp port [80]"
    assert salt["network.connect"]("127.0.0.1", 1 << 70)["result"] is False


def test_a_datagram_is_answered_refused_or_unknown(salt):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        port = peer.getsockname()[1]

        def answer():
            _data, who = peer.recvfrom(10)
            peer.sendto(b"x", who)

        thread = threading.Thread(target=answer)
        thread.start()
        assert salt["network.connect"]("127.0.0.1", port, proto="udp", timeout=5)["result"] is True
        thread.join(5)
    assert salt["network.connect"]("127.0.0.1", port, proto="udp", timeout=5)["result"] is False


@pytest.mark.parametrize("function", ["ping", "traceroute", "dig"])
def test_a_host_is_no_option_and_no_command(salt, function):
    for host in ("-f", "a b", "a;reboot", ""):
        with pytest.raises(CommandError, match="Invalid host"):
            salt[f"network.{function}"](host)


@pytest.mark.parametrize("function", ["ping", "traceroute", "dig"])
def test_a_program_that_is_not_there_is_named(salt, function, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(CommandError, match=f"The program {function} is not installed"):
        salt[f"network.{function}"]("127.0.0.1")


def program(folder, name, text):
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_ping(salt, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    program(tmp_path, "ping", 'echo "$@"; test "$*" = "-W 2 -c 4 good"')
    assert salt["network.ping"]("good", timeout=2) == "-W 2 -c 4 good"
    assert salt["network.ping"]("good", timeout=2, return_boolean=True) is True
    assert salt["network.ping"]("bad") == "-c 4 bad"
    assert salt["network.ping"]("bad", return_boolean=True) is False


TRACEROUTE = """\
traceroute to example.org (192.0.2.80), 30 hops max, 60 byte packets
 1  gateway (192.0.2.1)  0.301 ms  0.254 ms  0.233 ms
 2  * * *
 3  example.org (192.0.2.80)  10.5 ms * 11 ms
"""


def test_traceroute(salt, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    program(tmp_path, "traceroute", f"cat <<'END'\n{TRACEROUTE}END")
    assert salt["network.traceroute"]("example.org") == [
        {"count": 1, "hostname": "gateway", "ip": "192.0.2.1", "ms1": 0.301, "ms2": 0.254, "ms3": 0.233},
        {"count": 2, "hostname": "*"},
        {"count": 3, "hostname": "example.org", "ip": "192.0.2.80", "ms1": 10.5, "ms2": None, "ms3": 11.0},
    ]


def test_get_route(salt, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    program(tmp_path, "ip", 'echo "$3 via 192.0.2.1 dev eth0 src 192.0.2.2 uid 0"; echo "    cache"')
    assert salt["network.get_route"]("10.10.10.10") == {
        "destination": "10.10.10.10", "gateway": "192.0.2.1", "interface": "eth0", "source": "192.0.2.2",
    }  # fmt: skip
    program(tmp_path, "ip", "echo 'RTNETLINK answers: Network is unreachable' >&2; exit 2")
    with pytest.raises(CommandError, match="Network is unreachable"):
        salt["network.get_route"]("10.10.10.10")


def test_wake_on_lan(salt):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(5)
        assert salt["network.wol"]("08:00:27:13:69:77", "127.0.0.1", sock.getsockname()[1]) is True
        assert sock.recv(200) == b"\xff" * 6 + bytes.fromhex("080027136977") * 16
    with pytest.raises(CommandError, match="Invalid MAC address: 08:00"):
        salt["network.wol"]("08:00")


def test_every_function_says_how_to_call_it(salt):
    names = salt.names("network")
    assert [name for name in names if not re.search("CLI Example:\n\n *salt ", salt[name].__doc__ or "")] == []


# -- the host's own name -----------------------------------------------------------------------------------------


RENAME = """
import os, socket, sys
from trisalt.loader.dunders import Plugins
# Whether systemd runs here is no matter: nothing of this host is asked or changed.
os.path.isdir = lambda path, isdir=os.path.isdir: path != "/run/systemd/system" and isdir(path)
salt = Plugins({"id": "m1", "cachedir": sys.argv[1]}).loader("modules")
print(salt["network.mod_hostname"]("web1.example.org"), socket.gethostname())
print(open("/etc/hostname").read() + open("/etc/hosts").read(), end="")
"""


def test_the_host_is_renamed_where_its_name_stands(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("namespaces need root")
    (tmp_path / "hostname").write_text("old.site\n")
    (tmp_path / "hosts").write_text("127.0.0.1 localhost\n127.0.1.1\told.site  old # old stays\n10.0.0.1 older old2\n")
    script = (
        'mount --bind "$1/hostname" /etc/hostname && mount --bind "$1/hosts" /etc/hosts && hostname old.site '
        '&& exec "$2" -c "$3" "$1"'
    )
    done = subprocess.run(
        [
            "unshare",
            "--uts",
            "--mount",
            "--propagation",
            "private",
            "sh",
            "-c",
            script,
            "sh",
            tmp_path,
            sys.executable,
            RENAME,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines() == [
        "True web1.example.org",
        "web1.example.org",
        "127.0.0.1 localhost",
        "127.0.1.1\tweb1.example.org  web1 # old stays",
        "10.0.0.1 older old2",
    ], done.stderr


@pytest.mark.parametrize("name", ["", "a b", "-a", "a..b", "a\nb", "é", "x" * 64, ".".join(["abc"] * 70)])
def test_what_is_no_name_of_a_host_is_refused(salt, name):
    with pytest.raises(CommandError, match="is no name of a host"):
        salt["network.mod_hostname"](name)


def test_neighbours_by_ipv6_are_those_whose_hardware_is_known(salt, tmp_path, monkeypatch):
    recorded = "fe80::1 dev eth0 lladdr 02:fc:00:00:00:05 router REACHABLE\nfd00::1 dev eth0 FAILED\n"
    (tmp_path / "ip").write_text(f"#!/bin/sh\nprintf '%s' '{recorded}'\n")
    (tmp_path / "ip").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert salt["network.ip_neighs6"]() == {"02:fc:00:00:00:05": "fe80::1"}


# -- buffers of interfaces ---------------------------------------------------------------------------------------


RINGS = """\
Ring parameters for eth0:
Pre-set maximums:
RX:\t\t4096
RX Mini:\tn/a
TX:\t\t4096
Current hardware settings:
RX:\t\t256
RX Mini:\tn/a
TX:\t\t512
RX Buf Len:\t\tn/a
TX Push:\toff
"""


def test_buffers_as_ethtool_tells_them(salt, tmp_path, monkeypatch):
    (tmp_path / "rings").write_text(RINGS)
    asked = tmp_path / "asked"
    (tmp_path / "ethtool").write_text(f'#!/bin/sh\necho "$*" >> {asked}\n[ "$1" = -G ] || cat {tmp_path}/rings\n')
    (tmp_path / "ethtool").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    sizes = {"result": True, "rx-max": 4096, "tx-max": 4096, "rx": 256, "tx": 512}
    assert salt["network.get_bufsize"]("eth0") == sizes
    assert salt["network.mod_bufsize"]("eth0", rx=256, tx=512) == sizes
    assert asked.read_text().splitlines() == ["-g eth0", "-G eth0 rx 256 tx 512", "-g eth0"]
    assert salt["network.mod_bufsize"]("eth0")["result"] is False
    for words, sizes in ((["-x"], {"rx": 1}), (["eth0"], {"rx": "1 tx 2"})):
        with pytest.raises(CommandError, match=r"is no name|is a number"):
            salt["network.mod_bufsize"](*words, **sizes)


def test_an_interface_without_buffers_says_so(salt):
    need("ethtool")
    assert salt["network.get_bufsize"]("lo")["result"] is False
    assert "not supported" in salt["network.mod_bufsize"]("lo", rx=100)["comment"]
