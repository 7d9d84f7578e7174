"""State modules for what a host is: names, parameters, accounts, grains, crontabs, keys; beside stock's."""

import pytest

from tests.interop.states import Row, ask, compare, each_phase, pending, refused
from tests.support.lab import open_lab

pytestmark = [pytest.mark.interop, pytest.mark.timeout(180)]

GRAINS = {"id": "m1", "kernel": "Linux", "os": "Debian", "os_family": "Debian", "osmajorrelease": 12}
HOSTS = "127.0.0.1 localhost\n10.0.0.9 old older\n"
TRUE = "a preview says that something would change"
ROWS = [
    Row("host.present", "web1", ip="10.0.0.5"),
    Row("host.present", "web1", ip=["10.0.0.5", "10.0.0.6"]),
    Row("host.present", "web1", ip="10.0.0.6", clean=True),
    Row("host.present", "bad", ip="10.0.0.x", phases=["applied"], applied=refused("Invalid IP Address for bad (10.0.0.x)"),
        why="what is no address is not written"),
    Row("host.present", "web2", ip="10.0.0.7", comment="a note"),
    Row("host.absent", "old", ip="10.0.0.9"),
    Row("host.absent", "old", ip=["10.0.0.9", "10.0.0.8"]),
    Row("host.only", "10.0.0.9", hostnames=["a", "b"]),
    Row("host.only", "10.0.0.9", hostnames=[]),
    Row("grains.exists", "nosuch"),
    Row("grains.present", "tri:role", "web"),
    Row("grains.present", "tri", {"role": "db"}),
    Row("grains.present", "tri", {"role": "db"}, force=True),
    Row("grains.list_present", "roles", "web"),
    Row("grains.list_present", "roles", ["web", "db"]),
    Row("grains.list_present", "tri", "x"),
    Row("grains.list_absent", "roles", "web"),
    Row("grains.list_absent", "nosuch", "web"),
    Row("grains.append", "roles", "cache"),
    Row("grains.append", "nosuch", "cache"),
    Row("grains.absent", "roles"),
    Row("grains.absent", "tri", destructive=True, force=True),
    Row("grains.absent", "nosuch"),
    Row("environ.setenv", "TRI_A", "1", preview=pending("Environ values will be changed", TRI_A="1"), why=TRUE),
    Row("environ.setenv", "TRI_A", False, preview=pending("Environ values will be changed", TRI_A=""), why=TRUE),
    Row("environ.setenv", "x", {"TRI_B": "2", "TRI_A": False}, false_unsets=True,
        preview=pending("Environ values will be changed", TRI_B="2", TRI_A=None), why=TRUE),
    Row("environ.setenv", "TRI_A", 5),
    Row("timezone.system", "Nowhere/Land"),
    Row("locale.present", "C.UTF-8"),
    Row("kmod.present", "tri_nosuch"),
    Row("kmod.absent", "tri_nosuch"),
    Row("sysfs.present", "class/net/lo/type", 772),
    Row("sysfs.present", "class/net/lo/trisalt_nosuch", 1),
    Row("sysfs.present", "class/net/lo/power", {"control": "auto"}),
    Row("event.wait", "tri/x"),
    Row("event.send", "tri/x", data={"a": 1}, always=True, phases=["preview"]),
]  # fmt: skip


@pytest.fixture(scope="module")
def answers():
    answers = {}
    with open_lab() as lab:
        for kind in ("stock", "ours"):
            hosts = lab.root / f"{kind}-hosts"
            hosts.write_text(HOSTS)
            answers[kind] = ask(lab, kind, ROWS, grains=GRAINS, **{"hosts.file": str(hosts)})
    return answers


@each_phase(ROWS)
def test_ours_does_as_stock_does(answers, number, phase):
    compare(ROWS, answers, number, phase)
