"""`cron`, `ssh_auth` and `ssh_known_hosts` beside stock's, for an account that the test makes and removes."""

import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.interop.states import Row, ask, compare, each_phase, refused
from tests.support.accounts import account
from tests.support.debian import need
from tests.support.lab import open_lab

pytestmark = [pytest.mark.interop, pytest.mark.timeout(180)]

GRAINS = {"id": "m1", "kernel": "Linux", "os": "Debian", "os_family": "Debian", "shell": "/bin/sh"}
KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIPK2DGIFnDbIl8aI0JYNsqzjJjrQOYm9YBUoAkjEbJ+z"
OTHER = "AAAAC3NzaC1lZDI1NTE5AAAAIGO1bsx0MnDDlWJpN0zOxFMlu2dSJWq1NIFrzNIp8hZm"
LINE = f'no-pty,command="/bin/true" ssh-ed25519 {OTHER} ann@host'
UNKNOWN = "Incorrect encryption key type 'nosuch'."
ROWS = [
    Row("cron.present", "/bin/true a", user="U", minute=5, hour="*/2"),
    Row("cron.present", "/bin/true a", user="U", minute=6, hour="*/2"),
    Row("cron.present", "/bin/true b", user="U", identifier="B", minute="random", comment="nightly"),
    Row("cron.present", "/bin/true b2", user="U", identifier="B", minute="random", comment="nightly"),
    Row("cron.present", "/bin/true b2", user="U", identifier="B", commented=True, comment="nightly"),
    Row("cron.present", "/bin/true c", user="U", special="@daily"),
    Row("cron.env_present", "MAILTO", value="root", user="U"),
    Row("cron.env_present", "MAILTO", value="ann", user="U"),
    Row("cron.env_absent", "MAILTO", user="U"),
    Row("cron.env_absent", "MAILTO", user="U"),
    Row("cron.absent", "/bin/true a", user="U"),
    Row("cron.absent", "nothing", user="U", identifier="B"),
    Row("cron.absent", "/bin/true c", user="U", special="@daily", phases=["applied", "again"]),
    Row("cron.present", "/bin/true d", user="U", hour=1),
    Row("cron.file", "salt://crontab", user="U", but=("user", "group")),
    Row("cron.file", "salt://crontab2", user="U", template="jinja", context={"what": "date"}, but=("user", "group")),
    Row("cron.file", "salt://crontab", user="U", replace=False),
    Row("cron.file", "salt://nosuch", user="U"),
    Row("cron.file", "salt://crontab", user="trisnobody"),
    Row("ssh_auth.present", KEY, user="U", enc="ssh-ed25519", comment="first"),
    Row("ssh_auth.present", KEY, user="U", enc="ssh-ed25519", comment="second"),
    Row("ssh_auth.present", LINE, user="U"),
    Row("ssh_auth.present", "x", user="U", source="salt://keys"),
    Row("ssh_auth.manage", "all", ssh_keys=[LINE], user="U"),
    Row("ssh_auth.manage", "all", ssh_keys=[f"ssh-ed25519 {KEY} first", LINE], user="U"),
    Row("ssh_auth.absent", KEY, user="U"),
    Row("ssh_auth.absent", KEY, user="U"),
    Row("ssh_auth.absent", "x", user="U", source="salt://keys"),
    Row("ssh_auth.present", "AAAA not a key", user="U", phases=["applied"], why="what is no key is not written",
        applied=refused("Invalid public ssh key, most likely has spaces or invalid syntax")),
    Row("ssh_auth.present", "x", user="U", source="salt://crontab"),
    Row("ssh_auth.present", "x", user="U", source="salt://nosuch", why="a preview says what would happen",
        preview=refused("Failed to add the ssh key. Source file salt://nosuch is missing")),
    Row("ssh_auth.present", KEY, user="U", enc="nosuch", why="what is wrong is said", phases=["applied"],
        applied=refused(UNKNOWN)),
    Row("ssh_auth.absent", "x", user="U", source="salt://nosuch", phases=["applied"], why="nothing was removed",
        applied=refused("Failed to pull key file from salt file server")),
    Row("ssh_known_hosts.present", "host.example", user="trisnobody", key=KEY, enc="ssh-ed25519"),
    Row("ssh_known_hosts.present", "host.example", user="U", key=KEY, enc="nosuch", phases=["applied"],
        why="what is wrong is said", applied=refused(UNKNOWN)),
    Row("ssh_known_hosts.present", "host.example", user="U", key=KEY, enc="ssh-ed25519", hash_known_hosts=False),
    Row("ssh_known_hosts.present", "host.example", user="U", key=OTHER, enc="ssh-ed25519", hash_known_hosts=False),
    Row("ssh_known_hosts.present", "host.example", user="U", key=KEY, fingerprint="x", phases=["preview"]),
    Row("ssh_known_hosts.present", "host.example", user="U", key=KEY, phases=["preview"]),
    Row("ssh_known_hosts.present", "host.example", config="relative"),
    Row("ssh_known_hosts.present", "host.example", user="U", key=KEY, enc="ssh-ed25519", hash_known_hosts=False),
    Row("ssh_known_hosts.absent", "host.example", user="U", phases=["preview"]),
    Row("ssh_known_hosts.absent", "host.example", user="U", phases=["preview"]),
]  # fmt: skip

REFUSED = Row("cron.file", "salt://nocrontab", user="U", phases=["applied"])


@pytest.fixture(scope="module")
def answers():
    need("cron", "openssh-client")
    answers = {}
    with open_lab() as lab, account("tris") as (name, _password), tempfile.TemporaryDirectory(prefix="tri-") as place:
        Path(place).chmod(0o755)
        roots = lab.root / "states"
        roots.mkdir()
        (roots / "crontab").write_text("1 2 * * * /bin/true file\n")
        (roots / "crontab2").write_text("1 3 * * * {{ what }}\n")
        (roots / "nocrontab").write_text("this is none\n")
        (roots / "keys").write_text(f"ssh-ed25519 {KEY} one\n{LINE}\n")
        entry = pwd.getpwnam(name)
        home = Path(place) / "home"
        subprocess.run(["usermod", "-d", str(home), name], check=True)
        for kind in ("stock", "ours"):
            shutil.rmtree(home, ignore_errors=True)
            home.mkdir()
            shutil.chown(home, entry.pw_uid, entry.pw_gid)
            subprocess.run(["crontab", "-u", name, "-r"], capture_output=True, check=False)
            temporary = Path(place) / kind
            temporary.mkdir()
            answers[kind] = ask(
                lab, kind, [*ROWS, REFUSED], grains=GRAINS, places={"U": name}, file_roots={"base": [str(roots)]},
                env={**lab.env, "TMPDIR": str(temporary)},
            )  # fmt: skip
            answers[f"{kind} left"] = [path.name for path in temporary.iterdir()]
            subprocess.run(["crontab", "-u", name, "-r"], capture_output=True, check=False)
    return answers


@each_phase(ROWS)
def test_ours_does_as_stock_does(answers, number, phase):
    compare(ROWS, answers, number, phase)


def test_a_crontab_that_cron_refuses_changes_nothing(answers):
    ours, stock = answers["ours"][-1]["applied"], answers["stock"][-1]["applied"]
    assert (ours["result"], ours["changes"]) == (stock["result"], stock["changes"]) == (False, {})
    assert "bad minute" in ours["comment"]


def test_no_copy_of_a_crontab_stays(answers):
    assert answers["ours left"] == []
