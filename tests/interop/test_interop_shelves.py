"""The first shelves beside stock's: the same calls with the same options in one process each, and what comes back.

`CALLS` is the table. A row is a call; where ours answers something else on purpose, `ours` says what, and `why`.
"""

import shutil
import socket

import pytest

from tests.interop.beside import Call, agree, ask, each, refuses, returns
from tests.support.lab import open_lab

pytestmark = [pytest.mark.interop, pytest.mark.timeout(180)]

PILLAR = {
    "role": {"web": {"port": 80, "names": ["a", "b"]}},
    "list": [1, 2, 3],
    "plain": "text",
    "os_family": "Debian",
    "none": None,
    "master": {"site.owner": "me", "site.port": 1, "deep": {"one": 1}, "mine_functions": {"test.ping": []}},
    "deep": {"two": 2},
    "many": ["p"],
}
GRAINS = {
    "id": "m1",
    "os": "Debian",
    "os_family": "Debian",
    "kernel": "Linux",
    "roles": ["web", "db"],
    "apps": {"web": {"port": 80, "off": 0}},
    "empty": "",
    "zero": 0,
    "serialnumber": "ABCD-1234-EFGH",
    "fqdn": "m1.example.org",
    "domain": "example.org",
    "host": "m1",
    "localhost": "m1",
    "nodename": "m1",
    "fromgrains": "g",
}
OPTS = {
    "id": "m1",
    "many": ["o"],
    "deep": {"three": 3},
    "site.name": "here",
    "option.one": 1,
    "pillar_mask_output": False,
}
MINE = {
    "test.ping": [],
    "where": [{"mine_function": "grains.get"}, "id"],
    "kw": {"mine_function": "test.arg", "a": 1},
    "nosuch.fun": [],
}


def no_pid(answer):
    if isinstance(answer.get("return"), dict) and "pid" in answer["return"]:
        answer = {**answer, "return": {**answer["return"], "pid": "PID"}}
    return answer


def listening_rows(rows, port):
    keys = ("proto", "local-address", "remote-address", "state")
    return [
        {key: row[key] for key in keys}
        for row in rows
        if row["local-address"] == f"127.0.0.1:{port}" and row["state"] == "LISTEN"
    ]


def connections(rows, port):
    return sorted(
        (row["local_addr"], row["remote_addr"])
        for row in rows.values()
        if port in (row["local_port"], row["remote_port"])
    )


CALLS = [
    # -- cmd
    Call("cmd.run", "echo one; echo two >&2"),
    Call("cmd.run", "echo ' padded '; echo; echo"),
    Call("cmd.run", "echo ' padded '", rstrip=False),
    Call("cmd.run", "exit 3"),
    Call("cmd.run", "exit 3", ignore_retcode=True),
    Call("cmd.run", "exit 3", success_retcodes=[3, 4]),
    Call("cmd.run", "exit 3", success_retcodes="3,4"),
    Call("cmd.run", "echo fine; exit 3", success_stdout=["fine"]),
    Call("cmd.run_all", "echo fine >&2; exit 3", success_stderr="fine"),
    Call("cmd.run", "exit 3", success_retcodes="three"),
    Call("cmd.run", "echo hidden", hide_output=True),
    Call("cmd.run", "cat", stdin="a\\nb"),
    Call("cmd.run", "cat", stdin="a\\nb", stdin_raw_newlines=True),
    Call("cmd.run", "cat", stdin=5),
    Call("cmd.run", "echo $A $B-", env={"A": 1, "B": None}),
    Call("cmd.run", "echo $A $B-", env=[{"A": "x"}, {"B": "y"}]),
    Call("cmd.run", "env | sort", env={"A": "1"}, clean_env=True),
    Call("cmd.run", "echo $LC_ALL $LC_TIME $LANGUAGE"),
    Call("cmd.run", "umask", umask="0027"),
    Call("cmd.run", "umask", umask="77"),
    Call("cmd.run", "umask", umask="x"),
    Call("cmd.run", "umask", umask=0),
    Call("cmd.run", "pwd", "/usr"),
    Call("cmd.run", "pwd"),
    Call("cmd.run", "pwd", cwd="/nonexistent"),
    Call("cmd.run", "pwd", cwd="usr"),
    Call("cmd.run", "echo $0 $PWD", runas="nosuchuser"),
    Call("cmd.run", "id -un; pwd; echo $HOME $USER", runas="nobody"),
    Call("cmd.run", "id -un; id -Gn", runas="root"),
    Call("cmd.run", "echo {{ grains.id }} {{ pillar.plain }}", template="jinja"),
    Call("cmd.run", "echo {{ saltenv }}", template="jinja", ours=returns("base"),
         why="a template knows the environment that is taken where none is named"),
    Call("cmd.run", "echo x", template="nosuch"),
    Call("cmd.run", "echo $0", shell="/bin/bash"),
    Call("cmd.run", "echo a b", shell="/nonexistent"),
    Call("cmd.run", "echo 'a  b' $HOME | cat", python_shell=False),
    Call("cmd.run", ["echo", "a b", "$HOME"], python_shell=False),
    Call("cmd.run", ["echo", "a b"], ours=returns("a b"), why="a list is a whole command in a shell, too"),
    Call("cmd.run", "sleep 5", timeout=1, ours=returns("sleep 5 : Timed out after 1 seconds", 124), why="124 says that the deadline ended it"),
    Call("cmd.run", ["sleep", "5"], timeout=1, python_shell=False,
         ours=returns("['sleep', '5'] : Timed out after 1 seconds", 124), why="124 says that the deadline ended it"),
    Call("cmd.run", "echo in time", timeout=0),
    Call("cmd.run", "kill -9 $$", ours=returns("", 137), why="a shell's number for a signal: 128 and the signal"),
    Call("cmd.run", "printf 'caf\\303\\251'"),
    Call("cmd.run", "printf 'caf\\351'", output_encoding="latin-1"),
    Call("cmd.run", "echo $PATH | cut -d: -f1", prepend_path="/first"),
    Call("cmd.run", "false", raise_err=True,
         ours=refuses("Command 'false' failed with return code: 1"), why="a failure without output has a text"),
    Call("cmd.run", "echo why; false", raise_err=True),
    Call("cmd.run", 7),
    Call("cmd.run_all", "echo out; echo err >&2; exit 4"),
    Call("cmd.run_all", "echo out; echo err >&2", redirect_stderr=True),
    Call("cmd.run_all", "echo out", hide_output=True),
    Call("cmd.run_stdout", "pwd; echo err >&2", "/usr"),
    Call("cmd.run_stderr", "pwd; echo err >&2", "/usr"),
    Call("cmd.retcode", "exit 5"),
    Call("cmd.shell", "echo a | cat; pwd", "/usr"),
    Call("cmd.exec_code", "python3", "import sys; print(1, sys.argv[1:])", args="x y"),
    Call("cmd.exec_code_all", "sh", "echo $1 $2; exit 2", args=["x", "y z"]),
    Call("cmd.exec_code", "sh", "id -un", runas="nobody"),
    Call(
        "cmd.script",
        "/nonexistent/script.sh",
        ours=returns({"pid": "PID", "retcode": 1, "stdout": "", "stderr": "", "cache_error": True}, 1),
        why="a job that could not do what it was asked has failed",
    ),
    Call("cmd.script", "SCRIPT"),
    Call("cmd.script", "SCRIPT", "one 'two three'"),
    Call("cmd.script", "SCRIPT", args="one", runas="nobody"),
    Call("cmd.script", "SCRIPT", args=["one", "$HOME"]),
    Call("cmd.script_retcode", "SCRIPT", args="one"),
    Call("cmd.which", "sh"),
    Call("cmd.which", "nosuchprogram"),
    Call("cmd.which_bin", ["nosuchprogram", "sh"]),
    Call("cmd.has_exec", "sh"),
    Call("cmd.shells"),
    Call("cmd.tty", "lp0", "x"),
    # -- grains
    Call("grains.get", "os"),
    Call("grains.get", "apps:web:port"),
    Call("grains.get", "apps/web/port", delimiter="/"),
    Call("grains.get", "roles:1"),
    Call("grains.get", "nosuch"),
    Call("grains.get", "nosuch:deeper", 5),
    Call("grains.fetch", "empty", "not this"),
    Call("grains.has_value", "empty"),
    Call("grains.has_value", "zero"),
    Call("grains.has_value", "nosuch"),
    Call("grains.has_value", "apps:web:off"),
    Call("grains.item", "os", "nosuch", "apps:web"),
    Call("grains.item", "nosuch", default=3),
    Call("grains.item", "serialnumber", "fqdn", "host", "os", sanitize=True),
    Call("grains.items", sanitize=True),
    Call("grains.items"),
    Call("grains.ls"),
    Call("grains.equals", "zero", "0"),
    Call("grains.filter_by", {"Debian": {"a": 1, "b": {"c": 2}}, "default": {"a": 0}}),
    Call("grains.filter_by", {"Deb*": "x", "default": "y"}, "os"),
    Call("grains.filter_by", {"x": 1}, "os"),
    Call("grains.filter_by", {"x": 1, "y": 2}, "os", default="y"),
    Call("grains.filter_by", {"db": 1, "web": 2}, "roles"),
    Call("grains.filter_by", {"Debian": {"a": 1, "l": [1]}, "base": {"z": 9, "a": 5, "l": [2]}}, base="base"),
    Call("grains.filter_by", {"base": {"z": 9}}, base="base"),
    Call("grains.filter_by", {"Debian": {"a": 1, "l": [1]}}, merge={"a": {"b": 2}, "n": None, "l": [3]}),
    Call("grains.filter_by", {"Debian": {"a": 1}}, merge="text"),
    Call("grains.filter_by", {"Debian": None, "default": 4}),
    Call("grains.filter_by", {"zero": 1, "0": "nought"}, "zero"),
    Call("grains.setval", "new", {"a": [1]}),
    Call("grains.setvals", {"one": 1, "two": 2}),
    Call("grains.setvals", ["one"]),
    Call("grains.append", "new:a", 2),
    Call("grains.append", "roles", "cache"),
    Call("grains.append", "roles", "cache"),
    Call("grains.append", "roles", ["x", "y"]),
    Call("grains.append", "os", "x"),
    Call("grains.append", "one", 5, convert=True),
    Call("grains.append", "zero", 5, convert=True),
    Call("grains.append", "fresh:list", "x"),
    Call("grains.remove", "roles", "cache"),
    Call("grains.remove", "roles", "cache"),
    Call("grains.remove", "os", "x"),
    Call("grains.set", "new", 5),
    Call("grains.set", "new", 5, force=True),
    Call("grains.set", "new", 5),
    Call("grains.set", "new", {"a": 1}),
    Call("grains.set", "new:deep", 5),
    Call("grains.set", "new:deep", 5, force=True),
    Call("grains.set", "word", "web"),
    Call("grains.set", "word:web", 1),
    Call("grains.set", "fresh2:deep:er", 5),
    Call("grains.set", "roles:web:port", 5),
    Call("grains.set", "empty", None),
    Call("grains.delval", "two"),
    Call("grains.delval", "fresh2:deep:er"),
    Call("grains.delkey", "fresh2:deep:er"),
    Call("grains.delkey", "fresh2"),
    Call("grains.delkey", "fresh2", force=True),
    Call("grains.delkey", "one", force=True),
    Call("grains.delkey", "nosuch"),
    Call("grains.get", "one"),
    # -- pillar
    Call("pillar.get", "role:web:port"),
    Call("pillar.get", "role/web/names/1", delimiter="/"),
    Call("pillar.get", "nosuch"),
    Call("pillar.get", "nosuch", {"a": 1}),
    Call("pillar.get", "none"),
    Call("pillar.get", "role:web", {"host": "h", "port": 1}, merge=True),
    Call("pillar.get", "list", [0, 1], merge=True),
    Call("pillar.get", "plain", {"a": 1}, merge=True),
    Call("pillar.get", "nosuch", {"a": 1}, merge=True),
    Call("pillar.get", "role:web", {"names": ["z"]}, merge=True, merge_nested_lists=True),
    Call("pillar.get", "role:web", {"names": ["z"]}, merge=True, merge_nested_lists=False),
    Call("pillar.fetch", "plain"),
    Call("pillar.item", "plain", "role:web:port", "nosuch"),
    Call("pillar.item", "nosuch", default="d"),
    Call("pillar.raw"),
    Call("pillar.raw", "plain"),
    Call("pillar.raw", "nosuch"),
    Call("pillar.keys", "role:web"),
    Call("pillar.keys", "role:web", unmask=True),
    Call("pillar.keys", "role:web", unmask=False),
    Call("pillar.ls"),
    Call("pillar.ls", unmask=False),
    Call("pillar.ls", "role"),
    Call("pillar.ls", "role", "nosuch"),
    Call("pillar.ls", pillar={"extra": 1}),
    Call("pillar.keys", "plain"),
    Call("pillar.keys", "nosuch"),
    Call("pillar.filter_by", {"text": 1, "default": 2}, "plain"),
    Call("pillar.filter_by", {"te*": {"a": 1}, "base": {"b": 2}}, "plain", base="base", merge={"c": 3}),
    # -- mine
    Call("mine.valid"),
    Call("mine.send", "nosuch.function"),
    Call("mine.send", "test.exception", "no such thing", ours=refuses("no such thing"), why="the job says what failed"),
    # -- event
    Call("event.fire_master", {"n": 1}, "my/tag"),
    # -- config
    Call("config.get", "option.one"),
    Call("config.get", "id"),
    Call("config.get", "fromgrains"),
    Call("config.get", "role:web:port"),
    Call("config.get", "site.owner"),
    Call("config.get", "nosuch"),
    Call("config.get", "nosuch", "d"),
    Call("config.get", "plain", omit_pillar=True),
    Call("config.get", "deep"),
    Call("config.get", "deep", merge="recurse"),
    Call("config.get", "deep", merge="overwrite"),
    Call("config.get", "hosts.file"),
    Call("config.get", "redis.host"),
    Call("config.option", "many"),
    Call("config.option", "site.*", wildcard=True),
    Call("config.option", "nosuch.*", wildcard=True),
    Call("config.option", "nosuch"),
    Call("config.option", "plain", omit_all=True),
    Call("config.option", "redis.port"),
    Call("config.merge", "many"),
    Call("config.merge", "deep"),
    Call("config.merge", "nosuch"),
    Call("config.merge", "plain"),
    Call("config.dot_vals", "site"),
    Call("config.manage_mode", 644),
    Call("config.manage_mode", "0o755"),
    Call("config.manage_mode", '"0600"'),
    Call("config.manage_mode", 0),
    Call("config.manage_mode", None),
    Call("config.manage_mode", "4755"),
    Call("config.backup_mode"),
    Call("config.backup_mode", "minion"),
    Call("config.valid_fileproto", "salt://x"),
    Call("config.valid_fileproto", "ftp://x"),
    Call("config.valid_fileproto", "gopher://x"),
    Call("config.valid_fileproto", "/etc/hosts"),
    # -- network
    Call("network.interfaces"),
    Call("network.interface", "lo"),
    Call("network.interface", "nosuch"),
    Call("network.interface_ip", "lo"),
    Call("network.interface_ip", "nosuch"),
    Call("network.hw_addr", "lo"),
    Call("network.hwaddr", "nosuch"),
    Call("network.ip_addrs"),
    Call("network.ip_addrs", include_loopback=True),
    Call("network.ip_addrs", "lo", True),
    Call("network.ip_addrs", cidr="10.0.0.0/8"),
    Call("network.ip_addrs", type="private"),
    Call("network.ipaddrs", type="public"),
    Call("network.ip_addrs6"),
    Call("network.ip_addrs6", include_loopback=True),
    Call("network.subnets"),
    Call("network.subnets6"),
    Call("network.ip_networks"),
    Call("network.ip_networks", include_loopback=True, verbose=True),
    Call("network.ip_networks6", include_loopback=True, verbose=True),
    Call("network.in_subnet", "127.0.0.0/8"),
    Call("network.in_subnet", "203.0.113.0/24"),
    Call("network.in_subnet", "nonsense",
         ours=refuses("'nonsense' does not appear to be an IPv4 or IPv6 network"), why="no subnet is no answer"),
    Call("network.ip_in_subnet", "10.1.2.3", "10.0.0.0/8"),
    Call("network.calc_net", "172.17.0.5", "255.255.255.240"),
    Call("network.calc_net", "172.17.0.5/28"),
    Call("network.calc_net", "2a02:f6e:a000:80:84d8:8332:7866:4e07/64"),
    Call("network.convert_cidr", "172.31.0.0/16"),
    Call("network.convert_cidr", "fe80::/64"),
    Call("network.is_private", "10.0.0.3"),
    Call("network.is_private", "nonsense"),
    Call("network.is_loopback", "127.0.0.1"),
    Call("network.reverse_ip", "172.17.0.4"),
    Call("network.reverse_ip", "::1"),
    Call("network.iphexval", "10.0.0.1"),
    Call("network.ifacestartswith", "127"),
    Call("network.get_hostname"),
    Call("network.get_fqdn", only=lambda name, _port: isinstance(name, str)),
    Call("network.routes", needs="netstat"),
    Call("network.routes", "inet"),
    Call("network.routes", "nonsense"),
    Call("network.default_route", needs="netstat"),
    Call("network.default_route", "inet6", needs="netstat"),
    Call("network.get_route", "127.0.0.1", needs="ip"),
    Call("network.mod_bufsize", "lo", needs="ethtool", rx=100),
    Call("network.mod_bufsize", "lo", needs="ethtool", nope=100),
    # Neighbours come and go between the two calls: that both tell of them is compared.
    Call("network.arp", needs="arp", only=lambda answer, _port: isinstance(answer, dict)),
    Call("network.connect", "127.0.0.1", "PORT"),
    Call("network.connect", "localhost", "PORT", family="ipv4"),
    Call("network.connect", "127.0.0.1", 1),
    Call("network.connect", "127.0.0.1"),
    Call("network.connect", "nosuch.invalid", 80),
    Call("network.netstat", only=listening_rows),
    Call("network.active_tcp", only=connections),
    Call("network.fqdns"),
    # -- test
    Call("test.ping"),
    Call("test.arg", 1, "two", three=3),
    Call("test.arg_clean", 1, three=3),
    Call("test.kwarg", one=1),
    Call("test.echo", "x"),
    Call("test.retcode", 42),
    Call("test.version"),
    Call("test.outputter", {"a": 1}),
    Call("test.provider", "test"),
    # -- sys
    Call("sys.argspec", "test.echo"),
    Call("sys.list_functions", "event"),
]  # fmt: skip


@pytest.fixture(scope="module")
def answers():
    """`{kind: [answer of each row]}`; every kind has a process of its own, and a folder for the grains it keeps."""
    with (
        open_lab() as lab,
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()),
    ):
        port = server.getsockname()[1]
        # Somebody else runs the script in it, too.
        lab.root.chmod(0o755)
        script = lab.root / "script.sh"
        script.write_text('#!/bin/sh\necho "$# $1 $2"; id -un; exit $#\n')
        given = {"grains": GRAINS, "pillar": PILLAR, "opts": OPTS, "places": {"SCRIPT": str(script), "PORT": port}}
        answers = {kind: ask(lab, kind, CALLS, **given, mine_functions=MINE) for kind in ("stock", "ours")}
        yield answers, port


@each(CALLS)
def test_ours_answers_as_stock_does(answers, number):
    call, (both, port) = CALLS[number], answers
    if call.needs and shutil.which(call.needs) is None:
        pytest.skip(f"{call.needs} is not installed")
    stock, ours = (no_pid(both[kind][number]) for kind in ("stock", "ours"))
    if call.only:
        stock, ours = ({**answer, "return": call.only(answer["return"], port)} for answer in (stock, ours))
    agree(call, stock, ours)


def test_every_shelf_is_in_the_table():
    assert {call.fun.partition(".")[0] for call in CALLS} >= set(
        ["cmd", "config", "event", "grains", "mine", "network", "pillar", "sys", "test"]
    )
