"""The execution module `pkg` on Debian: the real apt and dpkg, in a database of their own with a repository made here."""

import logging
import os
import re
import shutil
import subprocess
import sys

import pytest

from tests.support.debian import need
from tests.support.debrepo import Debian
from trisalt.errors import CommandError
from trisalt.loader.dunders import Plugins


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        pytest.skip("needs apt, and root as dpkg does")
    need("gnupg")  # while apt is still the host's
    debian = Debian(tmp_path_factory.mktemp("debian"))
    debian.package("one", "1.0")
    debian.package("one", "1.1")
    debian.package("one", "2.0~rc1")
    debian.package("two", "1.0", Depends="one", Provides="virtual")
    debian.package("conf", "2.0", conffile="/etc/conf.d/conf.conf")
    debian.package("foreign", "1.0", Architecture="i386")
    for version in ("1.0", "2.0"):
        debian.package("lib", version, Architecture="amd64", Multi_Arch="same")
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


def test_where_systemd_runs_a_change_has_a_scope_of_its_own(salt, plugins, tmp_path, monkeypatch):
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "systemd-run").write_text(f'#!/bin/sh\necho "$1 $2 $3 $4" > {tmp_path}/scope\nshift 3\nexec "$@"\n')
    (folder / "systemd-run").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/sbin:/usr/bin:/sbin:/bin")
    plugins.context["salt.utils.systemd.booted"] = True
    assert set(salt["pkg.install"]("two")) == {"one", "two"}
    assert (tmp_path / "scope").read_text() == "--scope --description trisalt packages apt-get\n"
    (tmp_path / "scope").unlink()
    plugins.opts["systemd.scope"] = False
    assert set(salt["pkg.remove"]("two")) == {"two"}
    assert not (tmp_path / "scope").exists()


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


def test_packages_come_from_the_file_server_and_from_files(plugins, salt, debian, tmp_path):
    roots = tmp_path / "srv"
    roots.mkdir()
    (roots / "one.deb").write_bytes((debian.repo / "one_1.0_all.deb").read_bytes())
    plugins.opts |= {"file_client": "local", "file_roots": {"base": [str(roots)]}}
    assert salt["pkg.install"](sources=[{"one": "salt://one.deb"}]) == {"one": {"old": "", "new": "1.0"}}
    for place, text in (
        ("salt://nosuch.deb", "Unable to cache source salt://nosuch.deb for package one"),
        ("/nosuch.deb", "/nosuch.deb does not exist on minion"),
        ("one.deb", "one.deb is not an absolute path"),
        (str(debian.repo / "Packages"), "is not a Debian format archive"),
    ):
        with pytest.raises(CommandError, match=re.escape(text)):
            salt["pkg.install"](sources=[{"one": place}])


# -- holds, upgrades, versions -------------------------------------------------------------------------------------


def test_install_holds_what_it_is_told_to_hold(salt):
    salt["pkg.install"]("one", version="1.0", hold=True)
    assert salt["pkg.get_selections"](state="hold") == {"hold": ["one"]}
    assert salt["pkg.upgrade"](refresh=False) == {}


def test_a_held_package_that_is_named_changes_and_stays_held(salt):
    salt["pkg.install"]("one", version="1.0", hold=True)
    assert salt["pkg.install"]("one", version="1.1") == {"one": {"old": "1.0", "new": "1.1"}}
    assert salt["pkg.get_selections"](state="hold") == {"hold": ["one"]}


def test_a_held_package_that_dpkg_names_with_its_architecture_changes_too(salt):
    salt["pkg.install"]("lib", version="1.0", hold=True)
    assert salt["pkg.get_selections"](state="hold") == {"hold": ["lib:amd64"]}
    assert salt["pkg.hold"]("lib")["lib"]["comment"] == "Package lib is already set to be held."
    assert salt["pkg.install"]("lib:amd64") == {"lib": {"old": "1.0", "new": "2.0"}}
    assert salt["pkg.get_selections"](state="hold") == {"hold": ["lib:amd64"]}
    assert salt["pkg.unhold"]("lib")["lib"]["changes"] == {"old": "hold", "new": "install"}


def test_a_held_package_stays_held_when_the_change_fails(salt, debian):
    salt["pkg.install"]("one", version="1.0", hold=True)
    with pytest.raises(CommandError, match=r"9\.9"):
        salt["pkg.install"]("one", version="9.9")
    assert salt["pkg.get_selections"](state="hold") == {"hold": ["one"]}


def test_with_test_a_hold_is_only_told(salt, plugins):
    salt["pkg.install"]("one")
    plugins.opts["test"] = True
    assert salt["pkg.hold"]("one") == {
        "one": {"name": "one", "changes": {}, "result": None, "comment": "Package one is set to be held."}
    }
    assert salt["pkg.get_selections"](state="hold") == {}


def test_an_upgrade_tells_what_changed_and_with_download_only_nothing_does(salt, debian):
    salt["pkg.install"]("one", version="1.0")
    assert salt["pkg.upgrade"](refresh=False, download_only=True) == {}
    assert salt["pkg.upgrade"](refresh=False) == {"one": {"old": "1.0", "new": "2.0~rc1"}}


def test_an_upgrade_that_fails_tells_what_apt_said(salt, lock):
    with pytest.raises(CommandError) as failure:
        salt["pkg.upgrade"](refresh=False)
    assert str(failure.value).startswith("Problem encountered upgrading packages. Additional info follows:")
    assert failure.value.info["result"]["retcode"] == 100
    assert failure.value.info["changes"] == {}
    assert "Could not get lock" in str(failure.value)


def test_the_configuration_of_the_host_is_kept_unless_the_package_s_is_wanted(salt, debian):
    salt["pkg.install"]("conf")
    file = debian.root / "root/etc/conf.d/conf.conf"
    file.write_text("mine")
    debian.package("conf", "3.0", conffile="/etc/conf.d/conf.conf")
    debian.publish()
    try:
        assert salt["pkg.install"]("conf", refresh=True)["conf"]["new"] == "3.0"
        assert file.read_text() == "mine"
        file.write_text("mine still")
        assert salt["pkg.install"]("conf", version="2.0")["conf"]["new"] == "2.0"
        assert salt["pkg.install"]("conf", force_conf_new=True)["conf"]["new"] == "3.0"
        assert file.read_text() == "3.0"
    finally:
        (debian.repo / "conf_3.0_all.deb").unlink()
        debian.publish()
        debian.apt("update")


def test_each_state_of_a_package_is_listed_where_it_belongs(salt, debian):
    status(
        debian,
        ("installed", "install ok installed", "amd64"),
        ("held", "hold ok installed", "amd64"),
        ("other", "install ok installed", "i386"),
        ("deselected", "deinstall ok installed", "all"),
        ("purging", "purge ok installed", "all"),
        ("leftover", "deinstall ok config-files", "all"),
        ("half", "install reinstreq half-installed", "all"),
    )
    assert set(salt["pkg.list_pkgs"]()) == {"installed", "held", "other:i386", "deselected"}
    assert set(salt["pkg.list_pkgs"](purge_desired=True)) == {"purging"}
    assert set(salt["pkg.list_pkgs"](removed=True)) == {"leftover"}
    assert salt["lowpkg.unpurge"]("purging") == {"purging": {"old": "1", "new": ""}}
    assert "purging" in salt["pkg.list_pkgs"]()


@pytest.mark.parametrize(
    ("function", "args", "kwargs"),
    [
        ("pkg.install", ("-oDpkg::Pre-Invoke::=touch /tmp/x",), {}),
        ("pkg.install", (), {"pkgs": ["--reinstall"]}),
        ("pkg.remove", ("-o",), {}),
        ("pkg.purge", (), {"pkgs": ["one", "-y"]}),
        ("pkg.hold", ("-x",), {}),
        ("pkg.latest_version", ("-x",), {"refresh": False}),
        ("pkg.list_repo_pkgs", ("-x",), {}),
        ("pkg.show", ("-x",), {}),
        ("pkg.file_list", ("-x",), {}),
        ("pkg.info_installed", ("-x",), {}),
        ("pkg.get_selections", ("-x",), {}),
        ("pkg.set_selections", (), {"selection": {"hold": ["-x"]}}),
        ("lowpkg.unpurge", ("-x",), {}),
    ],
)
def test_a_name_is_never_an_option(salt, function, args, kwargs):
    with pytest.raises(CommandError, match="Invalid package name: -"):
        salt[function](*args, **kwargs)


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [("1.1", True), ("=1.1", True), ("==1.1", True), ("!=1.1", False), (">1.0", True), (">=1.1,<2.0", True),
     (">=1.1, <1.1", False), ("<= 1.1", True), (">1.1", False)],
)  # fmt: skip
def test_a_condition_is_fulfilled_or_not(salt, plugins, spec, wanted):
    fulfils = plugins.loader("utils")["packages.fulfils"]
    assert fulfils(spec, "1.1", salt["pkg.version_cmp"]) is wanted


def test_debconf_is_answered_before_it_asks(salt, debian, tmp_path, monkeypatch):
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "debconf-set-selections").write_text(f'#!/bin/sh\ncp "$1" {tmp_path}/answered\n')
    (folder / "debconf-set-selections").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/sbin:/usr/bin:/sbin:/bin")
    (tmp_path / "answers").write_text("one one/question string yes\n")
    salt["pkg.install"]("one", debconf=str(tmp_path / "answers"))
    assert (tmp_path / "answered").read_text() == "one one/question string yes\n"
    with pytest.raises(CommandError, match="Unable to cache debconf file /nonexistent"):
        salt["pkg.install"]("two", debconf="/nonexistent")


def program(tmp_path, monkeypatch, name, text):
    """A program of this name before all others."""
    folder = tmp_path / "programs"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/sbin:/usr/bin:/sbin:/bin")


def test_services_whose_files_were_upgraded(salt, tmp_path, monkeypatch):
    if shutil.which("checkrestart") is None:
        with pytest.raises(CommandError, match="part of the 'debian-goodies' package"):
            salt["pkg.services_need_restart"]()
    # As checkrestart of debian-goodies 0.88.1 prints it.
    printed = (
        "PROCESSES: 3\nPROGRAMS: 2\nPACKAGES: 2\nSERVICE:ssh,12,/usr/sbin/sshd\nSERVICE:cron,13,/usr/sbin/cron\n"
        "SERVICE:ssh,14,/usr/sbin/sshd"
    )
    program(tmp_path, monkeypatch, "checkrestart", f'[ "$*" = "--machine --package" ] && cat <<E\n{printed}\nE')
    assert salt["pkg.services_need_restart"]() == ["cron", "ssh"]


def test_an_archive_of_launchpad_is_refused_where_there_are_none(salt):
    with pytest.raises(CommandError, match='cannot parse "ppa:" style repo definitions: ppa:x/y'):
        salt["pkg.mod_repo"]("ppa:x/y", refresh=False)


def test_an_archive_of_launchpad_is_added_by_its_own_program(plugins, debian, tmp_path, monkeypatch):
    plugins.grains["os"] = "Ubuntu"
    salt = plugins.loader("modules")
    if shutil.which("add-apt-repository") is None:
        with pytest.raises(CommandError, match="ppa:x/y needs add-apt-repository"):
            salt["pkg.mod_repo"]("ppa:x/y", refresh=False)
    file = debian.etc / "sources.list.d/x-ubuntu-y.list"
    made = f'[ "$*" = "--yes --no-update ppa:x/y" ] && echo "deb https://ppa.example/x/y/ubuntu noble main" > {file}'
    program(tmp_path, monkeypatch, "add-apt-repository", made)
    found = salt["pkg.mod_repo"]("ppa:x/y", refresh=False)["ppa:x/y"]
    assert (found["uri"], found["dist"], found["file"]) == ("https://ppa.example/x/y/ubuntu", "noble", str(file))


def test_what_was_downloaded_is_listed(salt, debian):
    target = debian.root / "cache/archives/one_1.0_all.deb"
    target.write_bytes((debian.repo / "one_1.0_all.deb").read_bytes())
    try:
        found = salt["pkg.list_downloaded"]()
    finally:
        target.unlink()
    assert found["one"]["1.0"]["path"] == str(target)
    assert found["one"]["1.0"]["size"] == (debian.repo / "one_1.0_all.deb").stat().st_size


def test_selections_come_from_a_file_too(salt, tmp_path):
    salt["pkg.install"]("one")
    (tmp_path / "selections").write_text("# mine\none\t\t\thold\n")
    assert salt["pkg.set_selections"](path=str(tmp_path / "selections")) == {"one": {"old": "install", "new": "hold"}}
    with pytest.raises(CommandError, match="mutually exclusive"):
        salt["pkg.set_selections"](path="/x", selection={"hold": ["one"]})
    with pytest.raises(CommandError, match="There is no file /nonexistent"):
        salt["pkg.set_selections"](path="/nonexistent")


# -- repositories --------------------------------------------------------------------------------------------------


def test_a_source_comes_changes_and_goes(salt, debian):
    line = "deb [trusted=yes] file:/srv/x stable main"
    file = debian.etc / "sources.list.d/x.list"
    made = salt["pkg.mod_repo"](line, file=str(file), refresh=False, comments=["made", "here"])
    assert made[line]["line"] == f"{line} #made here"
    assert file.read_text() == f"{line} #made here\n"
    assert file.stat().st_mode & 0o777 == 0o644
    changed = salt["pkg.mod_repo"]("deb file:/srv/x stable", comps="main,extra", architectures=["amd64"],
                                   signedby="/k.gpg", refresh=False)  # fmt: skip
    assert changed["deb file:/srv/x stable"]["line"] == (
        "deb [trusted=yes arch=amd64 signed-by=/k.gpg] file:/srv/x stable main extra #made here"
    )
    assert salt["pkg.mod_repo"]("deb file:/srv/x stable", refresh=False, disabled=True)["deb file:/srv/x stable"][
        "disabled"
    ]
    assert file.read_text().startswith("# deb ")
    other = "deb file:/srv/x testing main"
    salt["pkg.mod_repo"](other, file=str(file), refresh=False)
    assert [row["dist"] for row in salt["pkg.list_repos"]()["file:/srv/x"]] == ["stable", "testing"]
    assert salt["pkg.del_repo"](other, refresh=False) == f"Repo '{other}' has been removed from {file}.\n"
    assert salt["pkg.del_repo"](line, refresh=False) == f"File {file} containing repo '{line}' has been removed."
    assert not file.exists()
    with pytest.raises(CommandError, match="exist in the sources"):
        salt["pkg.del_repo"](line, refresh=False)


def test_a_source_in_a_stanza_comes_changes_and_goes(salt, debian):
    file = debian.etc / "sources.list.d/x.sources"
    salt["pkg.mod_repo"]("deb [arch=amd64] file:/srv/x stable main", file=str(file), refresh=False)
    assert file.read_text() == "Types: deb\nURIs: file:/srv/x\nSuites: stable\nComponents: main\nArchitectures: amd64\n"
    salt["pkg.mod_repo"]("deb file:/srv/x stable", disabled=True, refresh=False)
    assert file.read_text() == "Types: deb\nURIs: file:/srv/x\nSuites: stable\nComponents: main\nEnabled: no\n"
    assert salt["pkg.get_repo"]("deb file:/srv/x stable main")["enabled"] is False
    salt["pkg.del_repo"]("deb file:/srv/x stable main", refresh=False)
    assert not file.exists()


def test_a_source_that_cannot_be_read_changes_nothing(salt, debian):
    for line in ("nonsense", "deb", "deb http://x"):
        with pytest.raises(CommandError, match="is not valid"):
            salt["pkg.mod_repo"](line, refresh=False)
    with pytest.raises(CommandError, match="not an absolute path"):
        salt["pkg.mod_repo"]("deb file:/srv/x stable main", file="x.list", refresh=False)
    with pytest.raises(CommandError, match="Invalid value in a repository"):
        salt["pkg.mod_repo"]("deb file:/srv/x stable main", comps=["a\nb"], refresh=False)
    assert list(salt["pkg.list_repos"]()) == [f"file:{debian.repo}"]


@pytest.fixture
def key(tmp_path, monkeypatch):
    """A key of OpenPGP, made here: its armored text and its fingerprint."""
    home = tmp_path / "gnupg"
    home.mkdir(mode=0o700)
    gpg = ["gpg", "--homedir", str(home), "--batch", "--no-tty", "--passphrase", ""]
    subprocess.run([*gpg, "--quick-gen-key", "Test <t@example.org>", "ed25519", "sign", "never"], check=True,
                   capture_output=True)  # fmt: skip
    listed = subprocess.run([*gpg, "--with-colons", "--list-keys"], check=True, capture_output=True, text=True).stdout
    text = subprocess.run([*gpg, "--armor", "--export"], check=True, capture_output=True, text=True).stdout
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False, capture_output=True)
    monkeypatch.setenv("GNUPGHOME", str(home))
    return text, next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr"))


def test_a_key_is_kept_listed_and_removed(salt, tmp_path, key):
    text, fingerprint = key
    folder = tmp_path / "keyrings"
    assert salt["pkg.add_repo_key"](text=text, keydir=str(folder), keyfile="test.gpg") is True
    assert not (folder / "test.gpg").read_bytes().startswith(b"-----")
    rows = salt["pkg.get_repo_keys"](keydir=str(folder))
    assert [(row["fingerprint"], row["uid"], row["file"]) for row in rows.values()] == [
        (fingerprint, "Test <t@example.org>", str(folder / "test.gpg"))
    ]
    assert salt["pkg.del_repo_key"](keyid="0000000000000000", keydir=str(folder)) is False
    assert salt["pkg.del_repo_key"](keyid=fingerprint[-16:], keydir=str(folder)) is True
    assert list(folder.iterdir()) == []
    with pytest.raises(CommandError, match="gpg failed"):
        salt["pkg.add_repo_key"](text="-----BEGIN nonsense", keydir=str(folder), keyfile="bad.gpg")
    with pytest.raises(CommandError, match="requires a path"):
        salt["pkg.add_repo_key"]()


def test_a_source_is_added_with_its_key(salt, debian, tmp_path, key):
    ring = tmp_path / "ring.asc"
    line = f"deb [signed-by={ring}] file:/srv/x stable main"
    salt["pkg.mod_repo"](line, file=str(debian.etc / "sources.list.d/x.list"), key_text=key[0], refresh=False)
    assert ring.read_text() == key[0]


@pytest.fixture
def trusted(debian):
    """Where apt of this test has the keys that it trusts for every source."""
    folder = debian.etc / "trusted.gpg.d"
    there = set(folder.iterdir()) if folder.exists() else set()
    yield folder
    for path in set(folder.iterdir()) - there:
        path.unlink()


@pytest.mark.parametrize("armored", [True, False])
def test_a_key_no_source_names_is_trusted_for_every_source(salt, debian, tmp_path, key, trusted, armored):
    text, fingerprint = key
    path = tmp_path / "key"
    path.write_bytes(
        text.encode()
        if armored
        else subprocess.run(["gpg", "--dearmor"], input=text.encode(), capture_output=True).stdout
    )
    line = "deb file:/srv/z stable main"
    salt["pkg.mod_repo"](line, file=str(debian.etc / "sources.list.d/z.list"), key_url=str(path), refresh=False)
    kept = trusted / f"{fingerprint}.{'asc' if armored else 'gpg'}"
    assert kept.read_bytes() == path.read_bytes()
    assert fingerprint in [row["fingerprint"] for row in salt["pkg.get_repo_keys"]().values()]


@pytest.mark.parametrize(("given", "said"), [
    ({"key_text": "x", "aptkey": False}, "missing 'signedby' or 'trusted' option when apt-key is missing"),
    ({"keyid": "0123ABCD"}, "both keyserver and keyid options required."),
    ({"keyserver": "127.0.0.1"}, "both keyserver and keyid options required."),
    ({"keyid": "ABCD", "keyserver": "127.0.0.1"}, "Invalid keyid: ABCD"),
    ({"keyid": "0123ABCD", "keyserver": "hkp://127.0.0.1:1"}, "Error: key retrieval failed: gpg failed: "),
    ({"key_text": "no key"}, "gpg failed: "),
])  # fmt: skip
def test_a_source_whose_key_cannot_be_kept_is_not_written(salt, debian, given, said):
    path = debian.etc / "sources.list.d/unsigned.list"
    with pytest.raises(CommandError) as refused:
        salt["pkg.mod_repo"]("deb file:/srv/u stable main", file=str(path), refresh=False, **given)
    assert said in str(refused.value)
    assert not path.exists()


def test_a_source_that_is_none_fails_the_refresh(salt, debian):
    path = debian.etc / "sources.list.d/none.list"
    path.write_text("deb file:/srv/there-is-no-source stable main\n")
    try:
        with pytest.raises(CommandError, match="does not have a Release file"):
            salt["pkg.refresh_db"]()
    finally:
        path.unlink()


def test_the_shelf_knows_what_stands_behind_it(salt):
    assert salt["test.provider"]("pkg") == "aptpkg"
