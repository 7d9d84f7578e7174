"""`salt m1 pkg.install nginx`, as the walkthrough has it: the real nginx, by the real apt, on this host.

What comes is purged again, also when a test fails.
"""

import os
import re
import shutil
import subprocess

import pytest

from tests.support.debian import refresh
from tests.support.lab import open_lab

pytestmark = [pytest.mark.whole, pytest.mark.timeout(240)]

APT_GET = (
    "Executing command ['apt-get', '-q', '-y', '-o', 'DPkg::Options::=--force-confold', "
    "'-o', 'DPkg::Options::=--force-confdef', 'install', 'nginx'] in directory '"
)
DPKG_QUERY = "Executing command \"dpkg-query --showformat='${Status} ${Package} ${Version} ${Architecture}\\n' -W\" in directory '"


def packages():
    done = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Package} ${Status}\n"], capture_output=True, text=True, check=True
    )
    return {line.split()[0] for line in done.stdout.splitlines() if not line.endswith("not-installed")}


@pytest.fixture(scope="module")
def installed():
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        pytest.skip("needs apt, and root to install nginx")
    if "nginx" in packages():
        pytest.skip("nginx is on this host already, and stays")
    refresh()
    came = []
    try:
        with open_lab() as lab:
            lab.start_master(timeout=2, gather_job_timeout=5)
            minion = lab.start_minion("m1")
            lab.accept("m1")
            done = lab.run("salt", "m1", "pkg.install", "nginx", seconds=180)
            came += re.findall(r"^    (\S+):$", done.stdout, re.MULTILINE)
            yield lab, minion, done, came
    finally:
        left = sorted(packages() & {*came, "nginx"})
        if left:
            subprocess.run(
                ["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=120", "purge", *left],
                env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
                capture_output=True,
                check=True,
            )


def test_nginx_comes_and_what_came_is_listed(installed):
    _lab, _minion, done, came = installed
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[:2] == ["m1:", "    ----------"]
    at = lines.index("    nginx:")
    assert lines[at + 1 : at + 3] == ["        ----------", "        new:"]
    assert lines[at + 3].startswith("            1.")
    assert lines[at + 4] == "        old:"
    assert os.path.exists("/usr/sbin/nginx")
    assert packages() >= set(came)


def test_the_minion_tells_what_it_runs(installed):
    _lab, minion, _done, _came = installed
    told = minion.text().splitlines()
    begun = next(number for number, line in enumerate(told) if "Executing command pkg.install with jid " in line)
    told = told[begun:]
    at = [
        next(number for number, line in enumerate(told) if text in line)
        for text in ("Starting a new job with PID ", DPKG_QUERY, APT_GET)
    ]
    assert at == sorted(at)


def test_what_is_installed_can_be_asked_after_and_purged(installed):
    lab, _minion, _done, came = installed
    version = lab.salt("m1", "pkg.version", "nginx")["m1"]
    assert lab.salt("m1", "pkg.owner", "/usr/sbin/nginx")["m1"].startswith("nginx")
    answer = lab.salt("m1", "pkg.purge", f"pkgs={came}", seconds=120)["m1"]
    assert answer["installed"]["nginx"] == {"old": version, "new": ""}
    assert set(answer["installed"]) == set(came)
    assert not packages() & set(came)
    done = lab.run("salt", "m1", "pkg.install", "trisalt-no-such-package")
    assert "E: Unable to locate package trisalt-no-such-package" in done.stdout
    assert done.returncode == 1
