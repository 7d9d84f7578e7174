"""The module `firewalld` and its states beside stock's, each side with a firewalld of its own.

Stock's answers were recorded of the same calls and states. `TRISALT_RECORD=1` records anew.
"""

import json
import os
from pathlib import Path

import pytest

from tests.interop.beside import Call, agree, each
from tests.interop.states import Row, ask_both, compare, each_phase, pending, refused
from tests.support.firewalld import apart
from tests.support.lab import open_lab

pytestmark = [pytest.mark.interop, pytest.mark.timeout(180)]

RECORDED = Path(__file__).parent / "firewalld_answers.json"
GRAINS = {"id": "m1", "kernel": "Linux", "os": "Debian", "os_family": "Debian", "shell": "/bin/sh"}
RULE = 'rule family="ipv4" source address="1.2.3.4" drop'
NOW = {"permanent": False}
TRUE = "a preview writes nothing, and is true"
CALLS = [
    Call("firewalld.new_zone", "tri", restart=False),
    Call("firewalld.add_service", "http", "tri"),
    Call("firewalld.add_port", "tri", "443/tcp", force_masquerade=True),
    Call("firewalld.add_port_fwd", "tri", "80", "443"),
    Call("firewalld.add_port_fwd", "tri", "81", "443", "udp", "10.0.0.1"),
    Call("firewalld.list_port_fwd", "tri"),
    Call("firewalld.block_icmp", "tri", "echo-reply"),
    Call("firewalld.add_source", "tri", "10.1.0.0/16"),
    Call("firewalld.add_interface", "tri", "tri0"),
    Call("firewalld.add_rich_rule", "tri", RULE),
    Call("firewalld.add_rich_rule", "tri", "rule nope"),
    Call("firewalld.list_all", "tri"),
    Call("firewalld.add_port", "public", "445/tcp", **NOW),
    Call("firewalld.list_ports", "public", **NOW),
    Call("firewalld.get_masquerade", "nosuch"),
    Call("firewalld.delete_zone", "tri", restart=False),
    Call("firewalld.new_service", "trisvc", restart=False),
    Call("firewalld.add_service_port", "trisvc", "8080/tcp"),
    Call("firewalld.delete_service", "trisvc"),
]  # fmt: skip

ZONES = ["block", "dmz", "drop", "external", "home", "internal", "public", "trusted", "work"]
EVERYTHING = {
    "services": ["http"], "ports": ["80/tcp", "22/tcp"], "masquerade": True, "block_icmp": ["echo-reply"],
    "port_fwd": ["80:443:tcp"], "rich_rules": ["rule family=ipv4 source address=1.2.3.4 drop"],
    "sources": ["10.1.0.0/16"], "interfaces": ["tri0"], "default": True,
}  # fmt: skip
PRUNED = {
    f"prune_{name}": True
    for name in ("services", "ports", "block_icmp", "port_fwd", "rich_rules", "sources", "interfaces")
}
NEW = {"tri": {"old": ZONES, "new": "tri"}}
SHOWN = "\n".join(
    ["tri:", "    ----------", "    new:", "        tri", "    old:", *(f"        - {zone}" for zone in ZONES)]
)
ROWS = [
    Row("firewalld.present", "tri", why=TRUE, preview=pending(f"Configuration for 'tri' will change:\n{SHOWN}", **NEW)),
    Row("firewalld.present", "tri", **EVERYTHING),
    Row("firewalld.present", "tri", services=["http"], ports=["22/tcp"], **PRUNED),
    Row("firewalld.present", "tri", block_icmp=["nosuch"], phases=["preview"], why="what is not known is told",
        preview=refused("Error: Invalid ICMP type: nosuch")),
    Row("firewalld.present", "tri", port_fwd=["80"], phases=["applied"], why="told in a sentence", applied=refused(
        "Error: A port is forwarded as SOURCE:DESTINATION:PROTOCOL[:ADDRESS], not as '80'")),
    Row("firewalld.service", "trisvc", ports=["8080/tcp"]),
    Row("firewalld.service", "ssh", ports=["x"], phases=["applied"]),
]  # fmt: skip


def answered(kind):
    """What one side answers, to the calls and by row."""
    with open_lab() as lab:
        found = ask_both(lab, kind, CALLS, ROWS, grains=GRAINS, before=apart(lab.root / "firewalld"))
    return json.loads(json.dumps(found))


@pytest.fixture(scope="module")
def answers():
    if os.environ.get("TRISALT_RECORD"):
        RECORDED.write_text(json.dumps(answered("stock"), indent=1) + "\n")
    recorded = json.loads(RECORDED.read_text())
    assert [len(each) for each in recorded] == [len(CALLS), len(ROWS)], "they are others: record them anew"
    return {"ours": answered("ours"), "stock": recorded}


@each(CALLS)
def test_ours_answers_as_stock_does(answers, number):
    agree(CALLS[number], answers["stock"][0][number], answers["ours"][0][number])


@each_phase(ROWS)
def test_a_state_says_what_is_so(answers, number, phase):
    compare(ROWS, {kind: each[1] for kind, each in answers.items()}, number, phase)
