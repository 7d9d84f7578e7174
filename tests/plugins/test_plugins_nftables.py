"""`nftables`: a rule that was added is found again, whatever it says and however it is spelled. By nft, in a network
namespace of its own."""

import json
import os
import subprocess
import sys

import pytest

from tests.support.apart import START
from tests.support.debian import need
from trisalt.plugins.utils import nftrules

RULES = {
    "ip filter input": [
        "tcp dport { 443, 80 } tcp sport { 5,4,3 } accept",
        "tcp sport { 443, 80 } tcp dport { 5,4,3 } accept",
        "tcp sport { 1-2 } tcp dport { 443, 80 } drop",
        "ct state { new } tcp dport { 22 } accept",
        "ct state { established,new } accept",
        "ip saddr 10.0.0.0/8 ip daddr != 1.1.1.1 drop",
        "meta iifname eth0 meta oifname eth1 accept",
        "iif lo accept",
        "icmp type { echo-request } accept",
        "limit rate 3/minute accept",
        "limit rate over 10 kbytes/second burst 3 kbytes drop",
        'log prefix "a b: " level info',
        "log",
        "tcp dport 1 reject with tcp reset",
        "jump mine",
        "goto mine",
        "ip saddr @good accept",
        "tcp dport vmap { 22 : accept, 80 : drop }",
        "tcp dport vmap { 22 : drop, 80 : accept }",
        "meta mark set 1",
        'tcp dport ssh counter accept comment "x y"',
        "ip saddr . tcp dport { 1.1.1.1 . 22, 2.2.2.2 . 23 } accept",
        "ip saddr { 10.0.0.0/8, 192.168.0.0/16 } accept",
        "counter",
        "quota over 5 mbytes drop",
        "meta l4proto { tcp, udp } accept",
        "fib daddr type local accept",
        "return",
    ],
    "ip nat post": ["snat to 1.2.3.4", "snat to 1.2.3.4-1.2.3.9", "snat to 1.2.3.4 random", "masquerade"],
    "ip nat pre": ["tcp dport 80 dnat to 1.2.3.4:80", "tcp dport 80 dnat to 1.2.3.4:81", "tcp dport 80 redirect to 81"],
    "ip6 filter input": ["icmpv6 type { echo-request, nd-neighbor-solicit } accept", "ip6 saddr fe80::/10 accept"],
    "inet filter input": ["tcp dport 22 accept", "ip saddr 1.2.3.4 accept"],
}
READY = """
table ip filter { chain mine { }; chain input { }; set good { type ipv4_addr; }; }
table ip6 filter { chain input { }; }
table inet filter { chain input { }; }
table ip nat {
    chain post { type nat hook postrouting priority 100; }
    chain pre { type nat hook prerouting priority -100; }
}
"""
CODE = """
import subprocess
subprocess.run(["nft", "-f", "-"], input=given["ready"], text=True, check=True)
asked = [(*where.split(), rule) for where, rules in given["rules"].items() for rule in rules]
said = []
handles = []
for family, table, chain, rule in asked:
    before = salt["nftables.check"](table, chain, rule, family)["result"]
    added = salt["nftables.append"](table, chain, rule, family)["result"]
    after = salt["nftables.get_rule_handle"](table, chain, rule, family)
    said.append([rule, before, added, after["result"]])
    handles.append(after.get("handle"))
names = [f"{family} {handle}" for (family, table, _, _), handle in zip(asked, handles) if table == "filter"]
put = salt["nftables.insert"]("filter", "input", handles[1], "udp dport 1 accept")
order = [each["rule"]["handle"] for each in salt["nftables.get_rules_json"]() if each.get("rule", {}).get("chain") == "input"]
mine = salt["nftables.get_rule_handle"]("filter", "input", "udp dport 1 accept")["handle"]
gone = salt["nftables.delete"]("filter", "input", handles[0])
left = [salt["nftables.check"]("filter", "input", rule)["result"] for rule in given["rules"]["ip filter input"][:2]]
print(json.dumps({"said": said, "names": names, "put": put, "order": order, "before": [mine, handles[1]], "gone": gone, "left": left}))
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    need("nftables")
    if os.geteuid():
        pytest.skip("a network namespace is root's")
    place = tmp_path_factory.mktemp("nft")
    opts = {"id": "m1", "cachedir": str(place / "cache"), "extension_modules": str(place / "extmods")}
    given = {"opts": opts, "grains": {"id": "m1", "kernel": "Linux"}, "rules": RULES, "ready": READY}
    done = subprocess.run(
        ["unshare", "--net", sys.executable, "-c", START + CODE, json.dumps(given)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_rule_is_found_when_it_was_added_and_not_before(answers):
    assert [row for row in answers["said"] if row[1:] != [False, True, True]] == []
    assert len(answers["said"]) == sum(map(len, RULES.values()))


def test_each_rule_is_found_as_itself(answers):
    assert len(set(answers["names"])) == len(answers["names"])
    assert not any(name.endswith("None") for name in answers["names"])


def test_a_rule_is_put_before_another_and_removed_by_its_handle(answers):
    mine, other = map(int, answers["before"])
    order = answers["order"]
    assert answers["put"]["result"]
    assert order.index(mine) + 1 == order.index(other)
    assert answers["gone"]["result"]
    assert answers["left"] == [False, True]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"dport": 22, "jump": "accept"}, "A port needs a protocol: proto"),
        ({"proto": "!tcp", "dport": 22, "jump": "accept"}, "A port needs a protocol: proto"),
        ({"jump": "accept", "limit": "3/minute", "burst": 1}, "This is no option of a rule: burst, limit"),
        ({"jump": "accept", "comment": 'a"; flush ruleset'}, "A comment, or a prefix, has no quotes and is one line"),
    ],
)
def test_what_makes_no_rule_is_refused(options, said):
    with pytest.raises(nftrules.BadRule, match=said):
        nftrules.written(options, "ipv4")
