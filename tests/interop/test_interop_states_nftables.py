"""The `nftables` module and its states beside stock's, each side in a network namespace of its own."""

import json
import os

import pytest

from tests.interop.beside import Call, agree, each, refuses, returns
from tests.interop.states import PHASES, Row, ask_both, compare, done, each_phase, pending, refused
from tests.support.apart import copy_folder
from tests.support.debian import need
from tests.support.lab import open_lab

pytestmark = [pytest.mark.interop, pytest.mark.timeout(120)]

GRAINS = {"id": "m1", "kernel": "Linux", "os": "Debian", "os_family": "Debian", "init": "sysvinit", "shell": "/bin/sh"}
IN_A_NETWORK_OF_ITS_OWN = ["unshare", "--net"]
SPELLING = "a rule is the same however it is spelled"
HANDLED = "a rule is found by what it does"
BROADER = "a rule is never broader than what was asked for"
VALID = "nft takes the rule"
TRUE = "true is the same as its name"
NAMED = "what is wrong is named"
POLICY = "the policy is the one that nft has"
QUIET = "that there is none is an answer, and no failure"
SSH = "tcp dport 22 counter accept"


def _built(**options):
    return Call("nftables.build_rule", **options)


def _ours(rule, why, **options):
    return Call("nftables.build_rule", ours=returns(_answer("Successfully built rule", rule=rule)), why=why, **options)


def _refused(comment, why, rule="", **options):
    return Call("nftables.build_rule", ours=returns(_answer(comment, False, rule=rule)), why=why, **options)


def _answer(comment, result=True, **more):
    return {"result": result, "comment": comment, **more}


def _nft(fun, *args, **kwargs):
    return Call(f"nftables.{fun}", *args, **kwargs)


def _mine(fun, *args, comment, result, why, retcode=0, **kwargs):
    return _nft(fun, *args, ours=returns(_answer(comment, result), retcode), why=why, **kwargs)


IN = "table filter in family ipv4"
FULL = {"full": "True", "table": "filter", "chain": "input", "jump": "accept"}
EVERYTHING = {
    "source": "1.1.1.1", "destination": "2.2.2.2", "proto": "tcp", "dport": 1, "sport": 2, "dports": "3,4",
    "sports": "5,6,7", "connstate": "new", "counter": True, "jump": "accept", "if": "a", "of": "b",
}  # fmt: skip
CALLS = [
    _nft("version"),
    _built(),
    _built(table="nat"),
    _built(jump="accept"),
    _built(jump="accept", proto="tcp", dport="22"),
    _built(match="state", connstate="new", proto="tcp", dport=22, jump="accept"),
    _built(connstate="new,established", counter="", jump="accept"),
    _built(proto="tcp", dports="80,443", sport="1-2", jump="drop"),
    _built(source="10.0.0.0/8", jump="drop"),
    _built(destination="fe80::1", family="ipv6", jump="drop"),
    _built(proto="icmp", jump="accept", **{"icmp-type": "echo-request,echo-reply"}),
    _built(proto="icmpv6", family="ipv6", jump="accept", **{"icmpv6-type": "echo-request"}),
    _built(jump="dnat", **{"to-destination": "1.2.3.4:80"}),
    _built(jump="snat", **{"to-source": "1.2.3.4"}),
    _built(jump="masquerade"),
    _built(**{"to-port": "80"}),
    _built(jump="goto x"),
    _built(name="x", save=True, order=1, __id__="q", state="absent", jump="accept"),
    _built(**EVERYTHING),
    _built(command="insert", position=3, family="inet", **FULL),
    _built(command="insert", **FULL),
    _built(command="delete", position=3, **FULL),
    _built(**FULL),
    _built(full="True"),
    _built(full="True", table="x", command="add", jump="accept"),
    _built(family="odd", jump="accept", full="True", ours=refuses("This is no family: odd"), why=NAMED),
    _ours("nft add rule ip filter input accept", TRUE, command="add", **{**FULL, "full": True}),
    _refused("Table needs to be specified", TRUE, full=True),
    _ours("tcp dport != 22 drop", VALID, proto="tcp", dport="!22", jump="drop"),
    _ours("tcp dport { 22, 33 } drop", VALID, proto="tcp", dport=[22, 33], jump="drop"),
    _ours("tcp dport { 443, 80 } drop", VALID, proto="tcp", dports=[80, 443], jump="drop"),
    _ours("ip daddr != 1.1.1.1 drop", VALID, destination="!1.1.1.1", jump="drop"),
    _ours("ip daddr 1.1.1.1 drop", VALID, destination="1.1.1.1", family="inet", jump="drop"),
    _ours("meta iifname != eth0 drop", VALID, jump="drop", **{"if": "!eth0"}),
    _ours("reject with tcp reset", VALID, jump="reject", **{"reject-with": "tcp-reset"}),
    _ours("redirect to 80", VALID, jump="redirect", **{"to-ports": 80}),
    _ours('log prefix "x: "', BROADER, jump="log", **{"log-prefix": "x: "}),
    _ours('accept comment "a b"', "a comment is kept", jump="accept", comment="a b"),
    _ours("meta iifname eth0 accept", BROADER, jump="accept", **{"in-interface": "eth0"}),
    _ours("meta l4proto tcp accept", BROADER, jump="accept", proto="tcp"),
    _refused("This is no option of a rule: limit", BROADER, jump="accept", limit="3/minute"),
    _refused("A port needs a protocol: proto", BROADER, jump="accept", dport=22),
    _nft("list_tables"),
    _nft("get_rules"),
    _nft("get_rules_json"),
    _nft("check_table"),
    _nft("check_table", "filter"),
    _nft("new_table", "filter"),
    _nft("new_table", "filter"),
    _nft("new_table", ""),
    _nft("check_table", "filter"),
    _nft("list_tables"),
    _nft("list_tables", "inet"),
    _nft("list_tables", "odd", ours=refuses("This is no family: odd"), why=NAMED),
    _nft("check_chain"),
    _nft("check_chain", "filter", "input"),
    _nft("new_chain", "filter"),
    _nft("new_chain", "filter", "input", table_type="filter"),
    _nft("new_chain", "filter", "input", table_type="filter", hook="input", priority=0),
    _nft("new_chain", "filter", "input"),
    _nft("new_chain", "filter", "mine"),
    _nft("new_chain", "nope", "mine"),
    _nft("check_chain", "filter", "mine"),
    _mine("check_chain", "nope", "mine", comment="Chain mine in table nope in family ipv4 does not exist", result=False,
          why=QUIET),
    _nft("append", "filter", "input", SSH),
    _mine("append", "filter", "input", SSH, comment=f"Rule {SSH} chain input in {IN} already exists", result=False,
          why=SPELLING),
    _nft("append", "filter", "input"),
    _nft("append", "filter"),
    _nft("append", "nope", "input", SSH),
    _nft("append", "filter", "nope", SSH),
    _nft("append", "filter", "input", "odd odd"),
    _nft("append", "filter", "input", "tcp dport {443, 80} counter accept"),
    _mine("check", "filter", "input", SSH, comment=f"Rule {SSH} in chain input in {IN} exists", result=True, why=SPELLING),
    _mine("check", "filter", "input", "tcp dport {ssh} counter accept", result=True, why=SPELLING,
          comment=f"Rule tcp dport {{ssh}} counter accept in chain input in {IN} exists"),
    _nft("check", "filter", "input"),
    _nft("check", "filter"),
    _nft("check", "nope", "input", SSH),
    _nft("check", "filter", "nope", SSH),
    _nft("check", "filter", "input", "udp dport 22 counter accept"),
    _nft("insert", "filter", "input", None, "udp dport 5 accept"),
    _nft("insert", "filter", "input", None, "udp dport 5 accept"),
    _nft("insert", "filter", "input", "99", "udp dport 7 accept"),
    _nft("insert", "filter", "input", "odd", "udp dport 7 accept", ours=refuses("A position is a number, not 'odd'"),
         why=NAMED),
    _nft("insert", "filter"),
    _nft("insert", "filter", "input"),
    _nft("insert", "filter", "nope", None, SSH),
    _nft("get_rule_handle", "filter", "input", SSH, ours=returns({"result": True, "handle": "4"}), why=HANDLED),
    _nft("get_rule_handle", "filter", "input"),
    _nft("get_rule_handle"),
    _nft("get_rule_handle", "filter", "input", "udp dport 1 accept"),
    _nft("get_policy", "filter", "input", ours=returns("accept"), why=POLICY),
    _nft("get_policy", "filter", "mine"),
    _nft("get_policy", "nope", "input"),
    _nft("get_policy"),
    _nft("set_policy", "filter", "input", "drop"),
    _nft("get_policy", "filter", "input", ours=returns("drop"), why=POLICY),
    _nft("set_policy", "filter", "input", "odd"),
    _nft("set_policy"),
    _nft("set_policy", "filter", "input"),
    _nft("set_policy", "filter", "mine", "drop"),
    _nft("delete", "filter", "input", rule="udp dport 55 accept"),
    _mine("delete", "filter", "input", rule="udp dport 5 accept", result=True, why=HANDLED,
          comment=f'Deleted rule "udp dport 5 accept" in chain input in {IN}.'),
    _mine("delete", "filter", "input", 99, result=False, retcode=1, why=HANDLED,
          comment="Failed to delete rule with handle 99 in chain input  table filter in family ipv4"),
    _nft("delete", "filter", "input", 1, "x"),
    _mine("delete", "filter", "input", comment="Rule needs to be specified", result=False, why=NAMED),
    _nft("delete", "filter"),
    _nft("delete", "nope", "input", 2),
    _nft("save", "W/x/y/z.nft"),
    _nft("get_saved_rules", "W/nope"),
    _nft("flush", "filter", "nope"),
    _nft("flush", "nope"),
    _nft("flush", "filter", "input"),
    _nft("get_rules"),
    _nft("save", "W/n.nft"),
    _nft("get_saved_rules", "W/n.nft"),
    _nft("flush", "filter"),
    _nft("delete_chain", "filter", "input"),
    _nft("delete_chain", "filter", "input"),
    _nft("delete_chain", "nope", "input"),
    _nft("delete_chain"),
    _nft("new_table", "six", "ipv6"),
    _nft("new_table", "in", "inet"),
    _nft("get_rules", "inet"),
    _nft("delete_table", "six", "ipv6"),
    _nft("delete_table", "six", "ipv6"),
    _nft("delete_table", "filter"),
    _nft("delete_table", ""),
    _nft("new_table", "filter"),
    _nft("new_chain", "filter", "input"),
    _nft("append", "filter", "input", "accept; flush ruleset", why=NAMED,
         ours=refuses("This is no rule: accept; flush ruleset")),
    _nft("new_chain", "filter", "x; flush ruleset", why=NAMED,
         ours=refuses("This is no name that nft takes: x; flush ruleset")),
    _mine("delete_table", "filter", comment="Table filter in family ipv4 deleted", result=True, why="it is still there"),
]  # fmt: skip


def _rule(fun, name="r", **kwargs):
    return Row(f"nftables.{fun}", name, **kwargs)


def _all(answer):
    return dict.fromkeys(PHASES, answer)


RULE = {"table": "filter", "chain": "input", "jump": "accept", "proto": "tcp", "dport": 22}
UNSAID = refused("A chain, and what the rule is, need to be specified")
ALREADY = "what is so already is not done again"
AWAY = "what is not there has no rules"
SET = "tcp dport { 5,6,7 } accept"
FLUSHED = done("Flush nftables rules in filter table input chain ipv4 family")
WHERE = "nftables default policy for chain input on table filter for ipv4"
ROWS = [
    _rule("append", why="the table is that of its kin", **_all(UNSAID), jump="accept"),
    _rule("chain_present", "input", but=["locale"]),
    _rule("table_absent", "filter"),
    _rule("table_present", "filter"),
    _rule("table_present", "f6", family="ipv6"),
    _rule("table_present", "in", family="odd", why=NAMED, **_all(refused("This is no family: odd"))),
    _rule("chain_present", "nope", table="nope", but=["locale"]),
    _rule("chain_present", "input", table_type="filter", hook="input", priority=0),
    _rule("chain_present", "mine"),
    _rule("chain_present", "out", table_type="filter", but=["locale"]),
    _rule("chain_present", "f6c", family="ipv6", table="f6"),
    _rule("append", **RULE),
    _rule("append", why=SPELLING, again=done(f"nftables rule for r already set ({SET}) for ipv4"),
          **RULE | {"dport": "5,6,7"}),
    _rule("append", save=True, **RULE | {"dport": 23}),
    _rule("append", but=["locale"], **RULE | {"chain": "nope"}),
    _rule("append", why=NAMED, **_all(UNSAID), table="filter", chain="input"),
    _rule("append", jump="odd", but=["locale"], **{key: RULE[key] for key in ("table", "chain")}),
    _rule("append", match="state", connstate="new", **RULE),
    _rule("append", why=BROADER, **_all(refused("This is no option of a rule: limit")), limit="3/minute", **RULE),
    _rule("append", family="ipv6", **RULE | {"table": "f6", "chain": "f6c"}),
    _rule("insert", position=99, but=["locale"], **RULE | {"dport": 80}),
    _rule("insert", why="a position need not be said", preview=pending(
              "nftables rule for r needs to be set for ipv4 (tcp dport { 81 } accept)", locale="r"),
          applied=done("Set nftables rule for r to: tcp dport { 81 } accept for ipv4", locale="r"),
          again=done("nftables rule for r already set for ipv4 (tcp dport { 81 } accept)"), **RULE | {"dport": 81}),
    _rule("delete", **RULE | {"dport": 99}),
    _rule("delete", why=HANDLED, applied=done("Delete nftables rule for r tcp dport { 22 } accept", locale="r"),
          again=done("nftables rule for r already absent for ipv4 (tcp dport { 22 } accept)"), **RULE),
    _rule("delete", save=True, why=HANDLED,
          applied=done("Deleted and saved nftables rule for r for ipv4\ntcp dport { 23 } accept", locale="r"),
          again=done("nftables rule for r already absent for ipv4 (tcp dport { 23 } accept)"), **RULE | {"dport": 23}),
    _rule("delete", **RULE | {"chain": "nope"}),
    _rule("set_policy", "p", chain="input", policy="drop", why=ALREADY, again=done(f"{WHERE} already set to drop")),
    _rule("set_policy", "p", chain="input", policy="accept", save=True, why=ALREADY,
          again=done(f"{WHERE} already set to accept")),
    _rule("set_policy", "p", chain="mine", policy="accept", but=["locale"]),
    _rule("set_policy", "p", chain="input", policy="odd", but=["locale"]),
    _rule("flush", "f", chain="input", why=ALREADY, again=FLUSHED),
    _rule("flush", "f", chain="nope", why="the preview says what would come of it", preview=refused(
              "Failed to flush chain nope in table filter in family ipv4, chain does not exist.")),
    _rule("flush", "f", chain="nope", ignore_absence=True, why=AWAY,
          **_all(done("Flush nftables rules in filter table nope chain ipv4 family"))),
    _rule("chain_absent", "mine", why="stock's fails by itself",
          preview=pending("nftables chain mine would be removed from table filter for family ipv4", locale="mine"),
          applied=done("nftables mine chain in filter table delete success for ipv4", locale="mine"),
          again=done("nftables mine chain is already absent in filter table for ipv4")),
    _rule("table_absent", "f6", family="ipv6"),
]  # fmt: skip


@pytest.fixture(scope="module")
def answers():
    need("nftables")
    if os.geteuid():
        pytest.skip("a network namespace is root's")
    answers = {}
    with open_lab() as lab:
        for kind in ("stock", "ours"):
            place = lab.root / f"place-{kind}"
            place.mkdir()
            copy_folder("/etc", place / "etc")
            (place / "etc/nftables").mkdir(exist_ok=True)
            how = {"places": {"W": str(place)}, "before": IN_A_NETWORK_OF_ITS_OWN, "grains": GRAINS}
            found = ask_both(lab, kind, CALLS, ROWS, apart={"/etc": str(place / "etc")}, **how)
            answers[f"{kind} calls"], answers[kind] = json.loads(json.dumps(found).replace(str(place), "W"))
            answers[f"{kind} saved"] = (place / "etc/nftables/salt-all-in-one.nft").read_text()
    return answers


@each_phase(ROWS)
def test_ours_does_as_stock_does(answers, number, phase):
    compare(ROWS, answers, number, phase)


@each(CALLS)
def test_ours_answers_as_stock_does(answers, number):
    agree(CALLS[number], answers["stock calls"][number], answers["ours calls"][number])


def test_what_is_kept_has_the_rules_of_every_family(answers):
    for line in ("table ip filter {", "table ip6 f6 {", "tcp dport { 5, 6, 7 } accept"):
        assert line in answers["ours saved"]
    assert answers["ours saved"].startswith("#! nft -f\n\n")
