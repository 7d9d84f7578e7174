"""`pkg_verify` of `pkg.installed`, with the real dnf and rpm in a root of their own."""

import os

import pytest

from tests.support.debian import need
from tests.support.rpmrepo import Rpms
from trisalt.loader.dunders import Plugins

SHARED = "/usr/share/one/version:\n    ----------\n    mismatch:\n        - size\n        - md5sum\n        - mtime"
CONFIG = f"{SHARED.replace('usr/share/one/version', 'etc/one/one.conf')}\n    type:\n        config"


@pytest.fixture(scope="module")
def rpms(tmp_path_factory):
    if os.geteuid() != 0:
        pytest.skip("needs root, as rpm does for a root of its own")
    need("dnf", "rpm", "createrepo-c")
    rpms = Rpms(tmp_path_factory.mktemp("rpms"))
    rpms.package("one", "1.0")
    rpms.publish()
    return rpms


@pytest.fixture
def installed(rpms, monkeypatch):
    """The state, of a host with the package."""
    rpms.reset()
    monkeypatch.setenv("PATH", f"{rpms.bin}:/usr/sbin:/usr/bin:/sbin:/bin")
    grains = {"os_family": "RedHat", "os": "RedHat", "osarch": "x86_64", "kernel": "Linux"}
    plugins = Plugins({"id": "m1", "test": False, "cachedir": str(rpms.folder)}, grains=grains)
    plugins.loader("modules")["pkg.install"]("one")

    def run(test=False, **kwargs):
        plugins.opts["test"] = test
        ret = plugins.loader("states")["pkg.installed"]("one", **kwargs)
        return ret["result"], ret["comment"].replace(str(rpms.root), ""), ret["changes"]

    return run


def alter(rpms, path):
    with (rpms.root / path).open("a") as file:
        file.write("altered\n")
    # rpm compares whole seconds, and the package was built a moment ago.
    os.utime(rpms.root / path, (1e9, 1e9))


def test_files_that_were_altered_are_installed_again_and_a_preview_says_which(rpms, installed):
    fine = (True, "All specified packages are already installed", {})
    assert installed(pkg_verify=True) == fine
    alter(rpms, "usr/share/one/version")
    would = "Package 'one' would be reinstalled because the following files have been altered:\n"
    assert installed(test=True, pkg_verify=True) == (None, would + SHARED, {"one": {}})
    done = "Package one was reinstalled. The following files were remediated:\n"
    assert installed(pkg_verify=True) == (True, done + SHARED, {"one": {"old": "1.0-1", "new": "1.0-1"}})
    assert (rpms.root / "usr/share/one/version").read_text() == "1.0\n"
    assert installed(pkg_verify=True) == fine


def test_what_stays_altered_is_a_failure_unless_its_type_is_left_out(rpms, installed):
    alter(rpms, "etc/one/one.conf")
    assert installed(pkg_verify=[{"ignore_types": ["config"]}])[0] is True
    result, comment, _changes = installed(pkg_verify=True)
    failed = "Reinstall was not successful for package one. The following files could not be remediated:\n"
    assert (result, comment) == (False, failed + CONFIG)
