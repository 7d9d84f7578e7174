"""The execution module `pkg` on Debian: the real apt and dpkg, in a database of their own with a repository made here."""

import logging
import subprocess
import sys

import pytest

from tests.support.debrepo import Debian
from trisalt.errors import CommandError
from trisalt.loader.dunders import Plugins


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    debian = Debian(tmp_path_factory.mktemp("debian"))
    debian.package("one", "1.0")
    debian.package("one", "1.1")
    debian.package("one", "2.0~rc1")
    debian.package("two", "1.0", Depends="one", Provides="virtual")
    debian.package("conf", "2.0", conffile="/etc/conf.d/conf.conf")
    debian.package("foreign", "1.0", Architecture="i386")
    debian.publish()
    debian.apt("update")
    return debian


@pytest.fixture
def debian(made, monkeypatch):
    made.reset()
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    return made


@pytest.fixture
def plugins(debian, tmp_path):
    opts = {"id": "m1", "cachedir": str(tmp_path), "apt.lock_timeout": 0}
    return Plugins(opts, grains={"os_family": "Debian", "os": "Debian", "osarch": "amd64"})


@pytest.fixture
def salt(plugins):
    return plugins.loader("modules")


def status(debian, *rows):
    """Have these packages in the database: `(name, "want flag state")`."""
    (debian.dpkg / "status").write_text(
        "\n".join(
            f"Package: {name}\nStatus: {state}\nVersion: 1\nArchitecture: {arch}\nMaintainer: x\nDescription: x\n"
            for name, state, arch in rows
        )
    )


# -- install, remove, purge ----------------------------------------------------------------------------------------


def test_what_is_installed_is_told_with_all_that_came_with_it(salt):
    assert salt["pkg.install"]("two") == {
        "one": {"old": "", "new": "2.0~rc1"},
        "two": {"old": "", "new": "1.0"},
    }
    assert salt["pkg.install"]("two") == {}
    assert salt["pkg.list_pkgs"]() == {"one": "2.0~rc1", "two": "1.0"}


def test_the_commands_are_told_in_full(salt, caplog):
    caplog.set_level(logging.INFO)
    salt["pkg.install"]("one")
    told = [record.getMessage().partition(" in directory ")[0] for record in caplog.records]
    listing = "\"dpkg-query --showformat='${Status} ${Package} ${Version} ${Architecture}\\n' -W\""
    assert f"Executing command {listing}" in told
    assert (
        "Executing command ['apt-get', '-q', '-y', '-o', 'DPkg::Options::=--force-confold', "
        "'-o', 'DPkg::Options::=--force-confdef', 'install', 'one']"
    ) in told


def test_nobody_is_asked_a_question(salt, debian, monkeypatch):
    folder = debian.root / "fake"
    folder.mkdir(exist_ok=True)
    (folder / "apt-get").write_text(f'#!/bin/sh\nenv > {folder}/env\nexec /usr/bin/apt-get "$@"\n')
    (folder / "apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/sbin:/usr/bin:/sbin:/bin")
    salt["pkg.install"]("one")
    environment = (folder / "env").read_text().splitlines()
    assert {
        "DEBIAN_FRONTEND=noninteractive",
        "APT_LISTCHANGES_FRONTEND=none",
        "APT_LISTBUGS_FRONTEND=none",
        "UCF_FORCE_CONFFOLD=1",
        "LC_MESSAGES=C",
    } <= set(environment)


def test_a_package_that_is_not_there(salt, caplog):
    with pytest.raises(CommandError) as failure:
        salt["pkg.install"]("nosuch")
    assert str(failure.value) == (
        "Problem encountered installing package(s). Additional info follows:\n\n"
        "changes:\n    ----------\nerrors:\n    - E: Unable to locate package nosuch"
    )
    assert failure.value.retcode == 1
    assert "Command 'apt-get' failed with return code: 100" in caplog.text


HOLDER = """
import fcntl, sys
file = open(sys.argv[1], "w")
fcntl.lockf(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def lock(debian):
    """Somebody else holds dpkg's lock; it is given back when its `stdin` is closed."""
    path = debian.dpkg / "lock-frontend"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        yield holder
        holder.stdin.close()


def test_a_lock_that_is_not_given_back_is_told_with_who_holds_it(salt, lock):
    with pytest.raises(CommandError, match=r"Could not get lock .*held by process") as failure:
        salt["pkg.install"]("one")
    assert str(lock.pid) in str(failure.value)
    assert salt["pkg.list_pkgs"]() == {}


def test_a_lock_is_waited_for(salt, plugins, lock, caplog):
    plugins.opts["apt.lock_timeout"] = 60

    class Release(logging.Handler):
        def emit(self, record):
            if "Waiting for dpkg lock release" in record.getMessage() and not lock.stdin.closed:
                lock.stdin.close()
                lock.wait(10)

    handler = Release()
    logging.getLogger().addHandler(handler)
    try:
        assert salt["pkg.install"]("one") == {"one": {"old": "", "new": "2.0~rc1"}}
    finally:
        logging.getLogger().removeHandler(handler)
    assert "Command 'apt-get' failed" not in caplog.text


def test_without_a_network_what_failed_is_named(salt, debian, plugins):
    debian.sources("deb [trusted=yes] http://127.0.0.1:9/debian stable main")
    try:
        assert salt["pkg.refresh_db"](__pub_jid="1") == {"http://127.0.0.1:9/debian stable InRelease": False}
        assert plugins.context["retcode"] == 1
        with pytest.raises(CommandError, match=r"^Error getting repos: http://127.0.0.1:9/debian stable InRelease$"):
            salt["pkg.refresh_db"](failhard=True)
        with pytest.raises(CommandError, match=r"Unable to locate package one\n    - Error getting repos: http"):
            salt["pkg.install"]("one", refresh=True)
    finally:
        debian.reset()
        debian.apt("update")


def test_remove_leaves_the_configuration_and_purge_does_not(salt):
    salt["pkg.install"]("conf")
    assert salt["pkg.remove"]("conf") == {"conf": {"old": "2.0", "new": ""}}
    assert salt["pkg.list_pkgs"](removed=True) == {"conf": "2.0"}
    assert salt["pkg.remove"]("conf") == {}
    assert salt["pkg.purge"]("conf") == {"removed": {"conf": {"old": "2.0", "new": ""}}, "installed": {}}
    assert salt["pkg.list_pkgs"](removed=True) == {}
    assert salt["pkg.purge"]("conf") == {}
