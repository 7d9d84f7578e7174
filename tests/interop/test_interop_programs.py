"""Shelves around programs of the host beside stock's: the same calls and states in one process.

What is asked of the DNS is answered by a server of the test's own, on loopback. Stock's answers were recorded of the
same calls; `TRISALT_RECORD=1` records anew.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.interop import gpgrows, rabbitrows, states, volumerows
from tests.interop.beside import Call, agree, each, refuses, returns
from tests.interop.states import compare, each_phase
from tests.support.debian import need
from tests.support.lab import open_lab

pytestmark = [
    pytest.mark.interop,
    pytest.mark.timeout(240),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root listens where dig asks"),
]

RECORDED = Path(__file__).parent / "programs_answers.json"
GRAINS = {"id": "m1", "kernel": "Linux", "os": "Debian", "os_family": "Debian", "shell": "/bin/sh"}
NOWHERE = "what is not there is an empty list, and no list of nothing"
SENTENCE = "a wrong argument is told in a sentence"

# -- the DNS -----------------------------------------------------------------------------------------------------------

SERVER = "127.83.4.1"
RECORDS = """
port=53
bind-interfaces
no-resolv
no-hosts
local=/test/
host-record=one.test,10.0.0.1
host-record=two.test,10.0.0.1,fd00::2
host-record=two.test,10.0.0.3
host-record=ns1.test,10.0.0.53
host-record=mail.test,10.0.0.25
host-record=mail2.test,10.0.0.26
cname=alias.test,one.test
mx-host=test,mail.test,10
mx-host=test,mail2.test,20
dns-rr=test,2,036e7331047465737400
txt-record=test,v=spf1 ip4:10.0.0.0/8 ip4:192.168.1.1 -all
txt-record=inc.test,v=spf1 include:test ip4:172.16.0.1 ~all
txt-record=red.test,v=spf1 redirect=test
txt-record=split.test,v=spf1 ip4:10.1.0.0/16 , ip4:10.2.0.0/16 -all
txt-record=six.test,v=spf1 ip6:fd00::/8 a mx -all
txt-record=round.test,v=spf1 include:round.test ip4:10.9.0.0/16 -all
txt-record=plain.test,hello
"""
HOSTS = "# c\n127.0.0.1 localhost lo\n\n10.0.0.1\tone two # x\n10.0.0.2 three\n::1 localhost ip6\n10.0.0.1 five\n"
ZONE = """$ORIGIN example.com.
$TTL 3600 ; an hour
@ 3600 IN SOA ns1.example.com. admin.example.com. (
  2026010101 ; serial
  3600
  600
  86400
  300 )
@ IN NS ns1
  IN NS ns2.example.com.
ns1 IN A 10.0.0.1
www 300 IN A 10.0.0.2
alias IN CNAME www
@ IN MX 10 mail.example.com.
"""
SHORT_ZONE = "$ORIGIN x.\n@ 5 IN SOA a. b. 1 2 3 4 5\nw 6 IN A 1.2.3.4\n"


def addresses(answer):
    """Sorted: which of several comes first changes from one answer to the next."""
    return {**answer, "return": sorted(answer["return"])}


DNS = [
    *(Call("dnsutil.check_ip", text) for text in ("127.0.0.1", "::1", "10.0.0.256", "x", "1.2.3", "1.2.3.4/8", "", 5)),
    *(Call("dnsutil.A", f"{host}.test", SERVER, only=addresses) for host in ("one", "two", "alias", "none")),
    *(Call("dnsutil.AAAA", f"{host}.test", SERVER) for host in ("one", "two")),
    Call("dnsutil.A", "-f", ours=refuses("Invalid name of a host: '-f'"), why="a name is no option of dig's"),
    Call("dnsutil.NS", "test", nameserver=SERVER),
    Call("dnsutil.NS", "test", False, SERVER),
    Call("dnsutil.MX", "test", nameserver=SERVER, only=addresses),
    Call("dnsutil.MX", "test", True, SERVER, only=addresses),
    Call("dnsutil.MX", "none.test", nameserver=SERVER, ours=returns([]), why=NOWHERE),
    Call("dnsutil.MX", "one.test", True, SERVER, ours=returns([]), why=NOWHERE),
    Call("dnsutil.SPF", "test", nameserver=SERVER),
    *(Call("dnsutil.SPF", f"{host}.test", "TXT", SERVER) for host in ("inc", "red", "split", "six", "plain", "one")),
    Call("dnsutil.parse_hosts", hosts="1.2.3.4 a b"),
    Call("dnsutil.parse_hosts", "W/hosts", why="a comment holds no names", ours=returns({
        "127.0.0.1": ["localhost", "lo"], "10.0.0.1": ["one", "two", "five"], "10.0.0.2": ["three"],
        "::1": ["localhost", "ip6"],
    })),
    Call("dnsutil.parse_hosts", "W/none"),
    Call("dnsutil.hosts_append", "W/hosts", "10.0.0.9", "nine,ten"),
    Call("dnsutil.hosts_append", "W/hosts", "10.0.0.1", "one"),
    Call("dnsutil.hosts_append", "W/hosts", "10.0.0.1", "one,fresh"),
    Call("dnsutil.hosts_append", "W/hosts", "10.0.0", "one", ours=refuses("Invalid IP address: 10.0.0"), why=SENTENCE),
    Call("dnsutil.hosts_append", "W/hosts", "1.1.1.1", ours=refuses("There is no name of a host"), why=SENTENCE),
    Call("dnsutil.hosts_remove", "W/hosts", "three,two"),
    Call("dnsutil.hosts_remove", "W/none", "a", ours=refuses("Unable to read W/none: No such file or directory"),
         why=SENTENCE),
    Call("dnsutil.hosts_remove", "W/hosts", ours=refuses("There is no name of a host"), why=SENTENCE),
    Call("dnsutil.parse_zone", "W/zone"),
    Call("dnsutil.parse_zone", zone=SHORT_ZONE),
    Call("dnsutil.parse_zone", zone="a. 3600 IN A 1.2.3.4"),
    Call("dnsutil.parse_zone", "W/none"),
    Call("dnsutil.parse_zone"),
]  # fmt: skip
CALLS = [*DNS, *gpgrows.CALLS, *volumerows.CALLS, *rabbitrows.CALLS]
ROWS = [*gpgrows.ROWS, *volumerows.ROWS, *rabbitrows.ROWS]


@pytest.fixture(scope="module")
def dns(tmp_path_factory):
    need("bind9-dnsutils", "dnsmasq-base")
    config = tmp_path_factory.mktemp("dns") / "dnsmasq.conf"
    config.write_text(f"listen-address={SERVER}\n{RECORDS}")
    process = subprocess.Popen(["dnsmasq", "--no-daemon", f"--conf-file={config}", "--user=root", "--pid-file="],
                               stderr=subprocess.PIPE, text=True)  # fmt: skip
    line = process.stderr.readline()
    assert "started" in line, line
    yield
    process.terminate()
    process.communicate(timeout=10)


def answered(kind, folder):
    """What one side answers to the calls and the states, by their words, and what is in its file of hosts then."""
    with open_lab() as lab, gpgrows.keys(folder / "keys") as marks:
        shutil.copytree(folder / "keys", folder / "files", ignore=shutil.ignore_patterns("home"))
        for home in gpgrows.HOMES:
            (folder / "files" / home).mkdir(mode=0o700)
        (folder / "files/hosts").write_text(HOSTS)
        (folder / "files/zone").write_text(ZONE)
        places = {"W": str(folder / "files"), **marks}
        env = {**lab.env, "PATH": f"{volumerows.programs(folder / 'files')}:{lab.env['PATH']}"}
        rabbitrows.programs(folder / "files")
        calls, rows = states.ask_both(lab, kind, CALLS, ROWS, grains=GRAINS, places=places, env=env)
        for home in gpgrows.HOMES:
            gpgrows.end(folder / "files" / home)
        text = json.dumps({"calls": calls, "rows": rows, "hosts": (folder / "files/hosts").read_text()})
        # The longer first, for the short are in them.
        for word, place in sorted(places.items(), key=lambda pair: -len(pair[1])):
            text = text.replace(place, word)
        return json.loads(text)


@pytest.fixture(scope="module")
def answers(dns, tmp_path_factory):
    need("gpg", "gpg-agent", "gpgconf")
    if os.environ.get("TRISALT_RECORD"):
        found = answered("stock", tmp_path_factory.mktemp("stock"))
        RECORDED.write_text(json.dumps(found, indent=1) + "\n")
    recorded = json.loads(RECORDED.read_text())
    assert (len(recorded["calls"]), len(recorded["rows"])) == (len(CALLS), len(ROWS)), "others: record them anew"
    return {"stock": recorded, "ours": answered("ours", tmp_path_factory.mktemp("ours"))}


@each(CALLS)
def test_ours_answers_as_stock_does(answers, number):
    agree(CALLS[number], *(CALLS[number].only(one) if CALLS[number].only else one
                           for one in (answers["stock"]["calls"][number], answers["ours"]["calls"][number])))  # fmt: skip


@each_phase(ROWS)
def test_a_state_of_ours_does_as_stocks_does(answers, number, phase):
    compare(ROWS, {kind: answers[kind]["rows"] for kind in ("stock", "ours")}, number, phase)


def test_of_a_file_of_hosts_only_the_lines_that_are_asked_for_change(answers):
    expected = HOSTS.replace("one two # x", "\tone\t\t# x").replace("10.0.0.2 three\n", "")
    assert answers["ours"]["hosts"] == f"{expected}10.0.0.9 nine ten\n10.0.0.1 fresh\n"
    words = [line.split() for line in answers["ours"]["hosts"].splitlines() if line]
    theirs = [line.split() for line in answers["stock"]["hosts"].splitlines() if line]
    assert words == [line for line in theirs if line[0] != "10.0.0"]
