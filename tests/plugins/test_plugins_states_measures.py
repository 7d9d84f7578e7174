"""What `status.*` and `disk.status` hand on besides their verdicts, for whoever reads returns: `data`, as stock Salt
3008.3 has it; and limits that depend on the moment."""

import os
import subprocess

import pytest


@pytest.fixture
def states(plugins):
    return plugins.loader("states")


def test_a_mount_point_is_told_as_disk_usage_tells_it(states, salt):
    found = states["disk.status"]("/", maximum="100%")
    assert found["data"].keys() == salt["disk.usage"]()["/"].keys()
    assert found["data"]["1K-blocks"] == salt["disk.usage"]()["/"]["1K-blocks"]


def test_a_directory_is_told_in_bytes(states, tmp_path):
    found = states["disk.status"](str(tmp_path), maximum=1, absolute=True)
    stat = os.statvfs(tmp_path)
    (told,) = found["data"].values()
    assert told["total"] == stat.f_blocks * stat.f_frsize
    assert found["result"] is False
    assert found["comment"].startswith("Disk used space is above maximum of 1 KB at ")


@pytest.mark.parametrize(
    ("limits", "result"),
    [({"maximum": 0}, False), ({"maximum": "1e9"}, True), ({"minimum": 0}, True), ({"minimum": "1e9"}, False)],
)
def test_a_load_is_told_beside_its_limits(states, limits, result):
    found = states["status.loadavg"]("15-min", **limits)
    assert found["result"] is (result if found["data"] else "maximum" in limits)
    assert isinstance(found["data"], float)


@pytest.mark.parametrize("limits", [{"maximum": "odd"}, {"minimum": [1]}])
def test_a_limit_of_the_load_is_a_number(states, limits):
    found = states["status.loadavg"]("15-min", **limits)
    assert found["result"] is False
    assert found["comment"].startswith("minimum and maximum are numbers, not ")


def test_the_processes_that_fit_are_told(states):
    with subprocess.Popen(["sleep", "61.125"]) as child:
        found = states["status.process"]("sleep 61[.]125")
        child.kill()
    assert found["data"].split() == [str(child.pid)]
    assert states["status.process"]("nosuchprocess[a]tall")["data"] == {}


@pytest.mark.parametrize(
    ("fun", "args"),
    [("disk.status", ["/nope"]), ("disk.status", ["/", "odd"]), ("status.loadavg", ["odd"])],
)
def test_what_could_not_be_looked_at_has_no_data(states, fun, args):
    found = states[fun](*args)
    assert (found["result"], found["data"]) == (False, {})
