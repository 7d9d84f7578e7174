"""The `iptables` module and its states beside stock's, each side in a network namespace of its own."""

import json
import os

import pytest

from tests.interop.beside import Call, agree, each
from tests.interop.states import PHASES, Row, ask_both, compare, done, each_phase, refused
from tests.support.debian import need
from tests.support.lab import open_lab

pytestmark = [pytest.mark.interop, pytest.mark.timeout(120)]

GRAINS = {"id": "m1", "kernel": "Linux", "os": "Debian", "os_family": "Debian", "init": "sysvinit", "shell": "/bin/sh"}
IN_A_NETWORK_OF_ITS_OWN = ["unshare", "--net"]
RULE = "-p tcp -m tcp --dport 22 -j ACCEPT"


def _built(**options):
    return Call("iptables.build_rule", **options)


CALLS = [
    Call("iptables.version"),
    _built(),
    _built(table="nat"),
    _built(jump="ACCEPT"),
    _built(chain="INPUT", command="A", jump="ACCEPT", full=True, proto="tcp", dport="22"),
    _built(match="state", connstate="RELATED,ESTABLISHED", jump="ACCEPT", source="1.2.3.4"),
    _built(proto="!tcp", dport=80, jump="DROP"),
    _built(proto="tcp", dports=[80, 443], jump="ACCEPT"),
    _built(proto="tcp", dports="80,443", sports="1,2", jump="ACCEPT"),
    _built(source="!10.0.0.0/8", destination="10.1.1.1", jump="REJECT"),
    _built(**{"in-interface": "eth0", "out-interface": "!eth1"}),
    _built(comment="a b", jump="ACCEPT"),
    _built(match=["comment", "conntrack"], comment="x", ctstate="NEW", jump="ACCEPT"),
    _built(match="comment, tcp", comment="x", proto="tcp", dport=1),
    _built(jump="REJECT", **{"reject-with": "icmp-port-unreachable"}),
    _built(jump="LOG", **{"log-prefix": "x y: ", "log-level": 4}),
    _built(table="nat", jump="DNAT", **{"to-destination": "1.2.3.4:80"}),
    _built(table="nat", jump="MASQUERADE", random=""),
    _built(match="limit", limit="3/min", **{"limit-burst": 10}),
    _built(**{"match-set": "foo src"}),
    _built(**{"match-set": ["!foo src", "bar dst"]}),
    _built(name="n", save=True, order=1, __id__="x", __sls__="y"),
    _built(goto="X"),
    _built(**{"if": "eth0", "of": "eth1"}),
    _built(proto="icmp", **{"icmp-type": "8"}),
    _built(full=True, position=3, command="I", chain="INPUT", jump="DROP"),
    _built(full=True, command="D", chain="INPUT", jump="DROP"),
    _built(full=True),
    _built(full=True, chain="X"),
    _built(jump="TCPMSS", proto="tcp", **{"tcp-flags": "SYN,RST SYN", "clamp-mss-to-pmtu": ""}),
    _built(policy="x", target="ACCEPT"),
    _built(proto="tcp", syn=True),
    _built(fragment=True),
    _built(nosuch="v"),
    _built(family="ipv6", jump="ACCEPT", proto="ipv6-icmp"),
    Call("iptables.get_rules"),
    Call("iptables.get_policy", "filter", "INPUT"),
    Call("iptables.get_policy", "filter", "NOPE"),
    Call("iptables.set_policy", "filter", "INPUT", "DROP"),
    Call("iptables.get_policy", "filter", "INPUT"),
    Call("iptables.set_policy", "filter", "INPUT", "ACCEPT"),
    Call("iptables.set_policy", "filter", "INPUT", "ODD"),
    Call("iptables.set_policy"),
    Call("iptables.set_policy", "filter"),
    Call("iptables.new_chain", "filter", "MINE"),
    Call("iptables.new_chain", "filter", "MINE"),
    Call("iptables.check_chain", "filter", "MINE"),
    Call("iptables.check_chain", "filter", "NOPE"),
    Call("iptables.append", "filter", "MINE", RULE),
    Call("iptables.append", "filter", "MINE", RULE),
    Call("iptables.append", "filter", "MINE", ""),
    Call("iptables.append", "filter", "MINE", "--odd"),
    Call("iptables.insert", "filter", "MINE", 1, "-p udp -j DROP"),
    Call("iptables.insert", "filter", "MINE", None, "-p udp -j DROP"),
    Call("iptables.check", "filter", "MINE", RULE),
    Call("iptables.check", "filter", "MINE", RULE.replace("22", "23")),
    Call("iptables.check", "filter", "MINE", "--odd"),
    Call("iptables.get_rules"),
    Call("iptables.delete", "filter", "MINE", 1),
    Call("iptables.delete", "filter", "MINE", rule=RULE),
    Call("iptables.delete", "filter", "MINE", rule=RULE),
    Call("iptables.delete", "filter", "MINE", 1, "x"),
    Call("iptables.flush", "filter", "MINE"),
    Call("iptables.delete_chain", "filter", "MINE"),
    Call("iptables.delete_chain", "filter", "MINE"),
    Call("iptables.save", "W/rules.v4"),
    Call("iptables.get_saved_rules", "W/rules.v4"),
    Call("iptables.get_saved_policy", "filter", "INPUT", "W/rules.v4"),
    Call("iptables.get_saved_rules", "W/nope"),
]
SSH = {"chain": "INPUT", "jump": "ACCEPT", "proto": "tcp", "dport": 22}
SAVED = "W/rules.v4"
NO_PLACE = refused("Error: Position needs to be specified or use append (-A)")
EMPTY = "what has no rules is flushed already"
ROWS = [
    Row("iptables.append", "ssh", **SSH),
    Row("iptables.append", "ssh", save=SAVED, **{**SSH, "dport": 23}),
    Row("iptables.append", "x", match="comment", comment="it is: mine", **SSH),
    Row("iptables.append", "x", but=["locale"], **{**SSH, "jump": "NOSUCH"}),
    Row("iptables.append", "x", but=["locale"], **{**SSH, "chain": "NOSUCH"}),
    Row("iptables.append", "x", match="state", connstate="ESTABLISHED", chain="INPUT", jump="ACCEPT"),
    Row("iptables.append", "x", source="!10.0.0.0/8", **SSH),
    Row("iptables.append", "6", family="ipv6", **SSH),
    Row("iptables.insert", "i", position=1, **{**SSH, "dport": 80}),
    Row("iptables.insert", "i", position=99, but=["locale"], **{**SSH, "dport": 81}),
    Row("iptables.insert", "i", **dict.fromkeys(PHASES, NO_PLACE), why="stock's fails by itself", **{**SSH, "dport": 82}),
    Row("iptables.insert", "i", position=1, save=SAVED, **{**SSH, "dport": 83}),
    Row("iptables.delete", "d", **{**SSH, "dport": 83}),
    Row("iptables.delete", "d", position=1, chain="INPUT", phases=["preview", "applied"]),
    Row("iptables.delete", "d", save=SAVED, **{**SSH, "dport": 23}),
    Row("iptables.chain_present", "MINE"),
    Row("iptables.chain_present", "MINE", family="ipv6"),
    Row("iptables.chain_present", "MINE", table="nat"),
    Row("iptables.chain_absent", "MINE"),
    Row("iptables.chain_absent", "NOPE"),
    Row("iptables.set_policy", "p", chain="FORWARD", policy="DROP"),
    Row("iptables.set_policy", "p", chain="FORWARD", policy="ACCEPT", save=SAVED),
    Row("iptables.set_policy", "p", but=["locale"], chain="NOPE", policy="ACCEPT"),
    Row("iptables.set_policy", "p", but=["locale"], chain="FORWARD", policy="ODD"),
    Row("iptables.flush", "f", chain="INPUT", why=EMPTY,
        again=done("iptables filter table INPUT chain ipv4 family has no rules")),
    Row("iptables.flush", "f", why=EMPTY,
        **dict.fromkeys(PHASES, done("iptables filter table  chain ipv4 family has no rules"))),
    Row("iptables.flush", "f", chain="NOPE", preview=refused("Failed to flush iptables rules"),
        why="the preview says what would come of it"),
]  # fmt: skip


@pytest.fixture(scope="module")
def answers():
    need("iptables")
    if os.geteuid():
        pytest.skip("a network namespace is root's")
    answers = {}
    with open_lab() as lab:
        for kind in ("stock", "ours"):
            place = lab.root / f"place-{kind}"
            place.mkdir()
            how = {"places": {"W": str(place)}, "before": IN_A_NETWORK_OF_ITS_OWN, "grains": GRAINS}
            found = ask_both(lab, kind, CALLS, ROWS, **how)
            answers[f"{kind} calls"], answers[kind] = json.loads(json.dumps(found).replace(str(place), "W"))
            answers[f"{kind} saved"] = [
                line for line in (place / "rules.v4").read_text().splitlines() if line[:1] in "*-C"
            ]
    return answers


@each_phase(ROWS)
def test_ours_does_as_stock_does(answers, number, phase):
    compare(ROWS, answers, number, phase)


@each(CALLS)
def test_ours_answers_as_stock_does(answers, number):
    agree(CALLS[number], answers["stock calls"][number], answers["ours calls"][number])


def test_what_is_kept_for_the_next_start_is_the_same(answers):
    assert answers["ours saved"] == answers["stock saved"]
    assert "COMMIT" in answers["ours saved"]
