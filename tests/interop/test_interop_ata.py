"""The functions of `disk` for ATA disks beside stock's, over what hdparm and smartctl said of an emulated one."""

import json
import os
from pathlib import Path

import pytest

from tests.interop.beside import Call, agree, ask, each, refuses, returns
from tests.support.lab import open_lab

pytestmark = [pytest.mark.interop, pytest.mark.timeout(120)]

# Recorded of hdparm 9.65 and smartctl 7.3 on the IDE disk of a virtual machine.
RECORDED = Path(__file__).parent / "ata_answers.json"
PROGRAM = """#!/usr/bin/python3
import json, os, sys
call = " ".join([os.path.basename(sys.argv[0]), *sys.argv[1:]])
print(call, file=open({log!r}, "a"))
text, retcode = json.load(open({recorded!r})).get(call, ["", 0])
sys.stdout.write(text)
sys.exit(retcode)
"""
QUESTION = "what is asked of a disk changes nothing on it"
NO_SWITCH = "a name is no switch"
CALLS = [
    Call("disk.hdparms", "/dev/sda"),
    Call("disk.hdparms", ["/dev/sda", "/dev/sdz"], "aA"),
    Call("disk.hdparms", "sda", "N"),
    Call("disk.hdparms", "/dev/sda", ["a", "A"]),
    Call("disk.hdparms", "/dev/sda", "y", ours=refuses("'y' are not letters of hdparm that ask"), why=QUESTION),
    Call("disk.hdparms", "-z", ours=refuses("'-z' is not the name of a disk"), why=NO_SWITCH),
    Call("disk.hpa", "/dev/sda"),
    Call("disk.hpa", ["sda"]),
    Call("disk.hpa", "/dev/sda", 54800),
    Call("disk.hpa", "/dev/sda", "all", ours=refuses("'all' is neither a number of sectors nor a share like 5%"),
         why="what is wrong is said"),
    Call("disk.hpa", "/dev/sda", "100%", ours=refuses("100% of 204800 sectors cannot be hidden"),
         why="a disk keeps a sector"),
    Call("disk.smart_attributes", "/dev/sda"),
    Call("disk.smart_attributes", "sda", [5, 190]),
    Call("disk.smart_attributes", "/dev/sda", [5, 190], ["attribute_name", "raw_value"]),
    Call("disk.smart_attributes", "/dev/sda", "5,190", "raw_value",
         ours=returns({"5": {"raw_value": 0}, "190": {"raw_value": "31 (Min/Max 31/31)"}}), why="a list may be typed"),
]  # fmt: skip


@pytest.fixture(scope="module")
def asked():
    answers, logs = {}, {}
    with open_lab() as lab:
        programs = lab.root / "programs"
        programs.mkdir()
        for kind in ("stock", "ours"):
            log = lab.root / f"{kind}.log"
            for name in ("hdparm", "smartctl"):
                (programs / name).write_text(PROGRAM.format(log=str(log), recorded=str(RECORDED)))
                (programs / name).chmod(0o755)
            env = {**lab.env, "PATH": f"{programs}:{os.environ['PATH']}"}
            answers[kind] = ask(lab, kind, CALLS, grains={"id": "m1", "kernel": "Linux"}, env=env)
            logs[kind] = log.read_text().splitlines()
    return answers, logs


@each(CALLS)
def test_ours_answers_as_stock_does(asked, number):
    call, (answers, _) = CALLS[number], asked
    agree(call, answers["stock"][number], answers["ours"][number])


def test_the_same_switches_set_what_a_disk_hides(asked):
    _, logs = asked
    setting = {kind: [line for line in lines if "-Np" in line] for kind, lines in logs.items()}
    assert setting["ours"] == ["hdparm --yes-i-know-what-i-am-doing -Np150000 /dev/sda"]
    assert setting["ours"][0] in setting["stock"]


def test_the_recording_is_of_a_disk_that_answers():
    assert "Model=QEMU HARDDISK" in json.loads(RECORDED.read_text())["hdparm -aAbBcCdgHiJkMmNnQrRuW /dev/sda"][0]
