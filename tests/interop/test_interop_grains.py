"""Our core grains beside stock's: of this machine as it is, and of other distributions by their `os-release`."""

import json
import subprocess

import pytest

from tests.support.lab import open_lab, stock_bin
from tests.support.osreleases import OS_RELEASES, parsed
from trisalt.loader.dunders import Plugins

pytestmark = [pytest.mark.interop, pytest.mark.timeout(180)]

# What may differ, and why. `docs/grains.md` tells operators the same.
DIFFERENT = {
    "pid": "each is a process of its own",
    "cwd": "ours and stock's are started by different programs",
    "pythonexecutable": "each has an environment of its own",
    "pythonpath": "each has an environment of its own",
    "pythonversion": "each has an environment of its own",
    "saltpath": "each has an environment of its own",
    "zmqversion": "each has an environment of its own",
    "package": "how stock was packaged",
    "path": "a command may put its own folder first",
    "systempath": "a command may put its own folder first",
}
OURS_ALONE = {"trisaltversion": "which trisalt this is"}
STOCKS_ALONE = {
    "ca_truststore": "where stock's own HTTP client has its certificates from",
    "lvm": "stock asks lvm(8)",
    "mdadm": "stock reads /proc/mdstat",
    "iscsi_iqn": "stock reads the initiator's name",
    "nvme_nqn": "stock reads the host's name",
    "cloudid": "stock asks the platform",
}
# The order of these follows the machine's listing of the moment.
SETS = {"disks", "ssds", "fqdn_ip4", "fqdn_ip6", "fqdns", "cpu_flags"}


@pytest.fixture(scope="module")
def both():
    with open_lab() as lab:
        grains = {"enable_gpu_grains": True, "grains": {"lab": "yes", "deep": {"list": [1, "two"]}}}
        lab.configure_minion("g1", file_client="local", **grains)
        (lab.root / "g1" / "grains").write_text("static: 1\nlab: 'no'\n")
        found = []
        for kind in ("stock", "ours", "stock"):
            done = lab.run("salt-call", "--local", "--out", "json", "grains.items", kind=kind, minion="g1")
            assert done.returncode == 0, done.stderr
            found.append(json.loads(done.stdout)["local"])
        before, ours, after = found
        # What other tests make of the host meanwhile (interfaces, loop devices) is nobody's fault.
        moved = {name for name in before if name not in DIFFERENT and before[name] != after.get(name)}
        assert all(name in SETS or "interface" in name or name.startswith("ip") for name in moved), moved
        return before, {name: before[name] if name in moved else value for name, value in ours.items()}


def comparable(name, value):
    return sorted(value, key=repr) if name in SETS and isinstance(value, list) else value


def test_the_same_names(both):
    stock, ours = both
    assert set(ours) - set(stock) <= set(OURS_ALONE)
    assert set(stock) - set(ours) <= set(STOCKS_ALONE)
    assert set(OURS_ALONE) <= set(ours)


def test_the_same_values(both):
    stock, ours = both
    names = (set(stock) & set(ours)) - set(DIFFERENT)
    different = {
        name: (stock[name], ours[name])
        for name in names
        if comparable(name, stock[name]) != comparable(name, ours[name])
    }
    assert different == {}
    assert len(names) > 60


def test_the_same_types_where_values_differ(both):
    stock, ours = both
    assert [
        name for name in set(DIFFERENT) - {"package"} if name in stock and type(stock[name]) is not type(ours[name])
    ] == []


def test_static_grains_are_laid_over_in_the_same_order(both):
    assert all((grains["static"], grains["lab"], grains["deep"]) == (1, "yes", {"list": [1, "two"]}) for grains in both)


# -- other distributions ---------------------------------------------------------------------------------------

STOCK = """
import json, re, sys, logging
logging.disable(logging.CRITICAL)
import salt.grains.core as core
core.__opts__ = {"enable_lspci": False, "enable_gpu_grains": False}
quiet = {"cmd.retcode": lambda *a, **k: 1, "cmd.run": lambda *a, **k: "", "cmd.run_all": lambda *a, **k: {"retcode": 1, "stdout": "", "stderr": ""}}
core.__salt__ = quiet
core._parse_lsb_release = lambda *a: {}
import os
isfile = os.path.isfile
core.os.path.isfile = lambda p: False if "-release" in str(p) or "_version" in str(p) else isfile(p)
found = {}
for name, release in json.load(sys.stdin).items():
    core._freedesktop_os_release = lambda: dict(release)
    inside = re.search("[(]([^)]+)[)]", release.get("VERSION", ""))
    code = release.get("VERSION_CODENAME", inside[1] if inside else "")
    core._linux_distribution = lambda: (release["NAME"], release.get("VERSION_ID", ""), code)
    grains = core.os_data()
    found[name] = {k: v for k, v in grains.items() if (k.startswith("os") or k.startswith("lsb_")) and k != "osarch"}
print("\\n" + json.dumps(found))
"""


@pytest.fixture(scope="module")
def distributions():
    given = {name: parsed(text) for name, text in OS_RELEASES.items()}
    argv = [str(stock_bin() / "python"), "-W", "ignore", "-c", STOCK]
    done = subprocess.run(argv, input=json.dumps(given), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    loader = Plugins({}).loader("grains")
    helper = loader["system.distribution"].__globals__["_os_grains"]
    return json.loads(done.stdout.splitlines()[-1]), {name: helper(release) for name, release in given.items()}


@pytest.mark.parametrize("name", OS_RELEASES)
def test_a_distribution_has_the_same_grains(distributions, name):
    stock, ours = (json.loads(json.dumps(side[name])) for side in distributions)
    assert ours == stock
