"""The execution modules `pkg` and `lowpkg` with the real dnf, zypper and rpm, in a root of their own with a repository
made here. What they print is read in `test_plugins_rpms`."""

import json
import logging
import os
import subprocess

import pytest

from tests.support.debian import need
from tests.support.rpmrepo import GROUPS, Rpms, pattern
from trisalt.errors import CommandError
from trisalt.loader.dunders import Plugins


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    if os.geteuid() != 0:
        pytest.skip("needs root, as rpm does for a root of its own")
    need("dnf", "zypper", "rpm", "createrepo-c")
    rpms = Rpms(tmp_path_factory.mktemp("rpms"))
    for version in ("1.0", "1.1", "2.0"):
        rpms.package("one", version)
    rpms.package("two", "1.0", "3", "Requires: one")
    rpms.package("epoch", "1.0", extra="Epoch: 2")
    rpms.package("patterns-hid", "1.5", extra="Provides: pattern() = hid")
    rpms.publish(groups=GROUPS, patterns=pattern("web", "two") + pattern("hid", "patterns-hid", visible=False))
    return rpms


@pytest.fixture
def rpms(made, monkeypatch):
    made.reset()
    monkeypatch.setenv("PATH", f"{made.bin}:/usr/sbin:/usr/bin:/sbin:/bin")
    return made


def modules(family, **opts):
    grains = {"os_family": family, "os": family, "osarch": "x86_64", "kernel": "Linux"}
    return Plugins({"id": "m1", **opts}, grains=grains).loader("modules")


@pytest.fixture
def dnf(rpms):
    return modules("RedHat")


@pytest.fixture
def zypper(rpms):
    return modules("Suse", **{"zypper.lock_timeout": 0})


@pytest.fixture(params=["RedHat", "Suse"])
def salt(rpms, request):
    return modules(request.param, **{"zypper.lock_timeout": 0})


# -- both ----------------------------------------------------------------------------------------------------------


def test_the_file_of_a_family_stands_for_pkg(rpms):
    assert modules("RedHat")["test.provider"]("pkg") == "yumpkg"
    assert modules("Suse")["test.provider"]("pkg") == "zypperpkg"
    assert modules("RedHat")["test.provider"]("lowpkg") == "rpm_lowpkg"


def test_packages_come_change_and_go(salt):
    salt["pkg.refresh_db"]()
    assert salt["pkg.install"]("two") == {"one": {"old": "", "new": "2.0-1"}, "two": {"old": "", "new": "1.0-3"}}
    assert salt["pkg.install"](pkgs=["epoch", {"one": "1.0-1"}]) == {
        "epoch": {"old": "", "new": "2:1.0-1"},
        "one": {"old": "2.0-1", "new": "1.0-1"},
    }
    assert salt["pkg.install"](pkgs=[{"one": ">1.0,<2.0"}]) == {"one": {"old": "1.0-1", "new": "1.1-1"}}
    assert salt["pkg.version"]("one", "epoch", "nosuch") == {"one": "1.1-1", "epoch": "2:1.0-1", "nosuch": ""}
    assert salt["pkg.latest_version"]("one", "two", "nosuch", refresh=False) == {
        "one": "2.0-1",
        "two": "",
        "nosuch": "",
    }
    assert salt["pkg.list_upgrades"](refresh=False) == {"one": "2.0-1"}
    assert salt["pkg.upgrade"](refresh=False) == {"one": {"old": "1.1-1", "new": "2.0-1"}}
    assert salt["pkg.remove"](pkgs=["tw*", "nosuch"])["two"] == {"old": "1.0-3", "new": ""}
    assert salt["pkg.remove"]("nosuch") == {}
    assert "two" not in salt["pkg.list_pkgs"]()


def test_a_package_that_is_not_there(salt):
    with pytest.raises(CommandError, match="nosuch") as failure:
        salt["pkg.install"]("nosuch")
    assert failure.value.retcode == 1
    with pytest.raises(
        CommandError, match=r"No version matching 'one>3.0' could be found \(available: 2.0-1, 1.1-1, 1.0-1\)"
    ):
        salt["pkg.install"](pkgs=["two", {"one": ">3.0"}])
    assert salt["pkg.list_pkgs"]() == {}
    with pytest.raises(CommandError, match="No package sources provided"):
        salt["pkg.install"]()


def test_from_files_and_what_they_brought(salt, rpms):
    file = str(rpms.repo / "noarch/one-1.0-1.noarch.rpm")
    assert salt["pkg.install"](sources=[{"one": file}], skip_verify=True) == {"one": {"old": "", "new": "1.0-1"}}
    with pytest.raises(CommandError, match=r"/nosuch\.rpm does not exist on minion"):
        salt["pkg.install"](sources=[{"one": "/nosuch.rpm"}])
    with pytest.raises(CommandError, match="Unable to get info for /etc/hostname"):
        salt["pkg.install"](sources=[{"one": "/etc/hostname"}])
    brought = ["/etc/one/one.conf", "/usr/share/one", "/usr/share/one/version"]
    assert salt["pkg.file_list"]("one") == {"errors": [], "files": brought}
    assert salt["pkg.file_dict"]("one", "nosuch") == {
        "errors": ["package nosuch is not installed"],
        "packages": {"one": brought},
    }
    assert salt["pkg.owner"]("/usr/share/one/version", "/nosuch") == {"/usr/share/one/version": "one", "/nosuch": ""}
    found = salt["pkg.info_installed"]("one")["one"]
    assert {key: found[key] for key in ("version", "release", "arch", "license", "vendor", "source", "group")} == {
        "version": "1.0", "release": "1", "arch": "noarch", "license": "MIT", "vendor": "Nobody",
        "source": "one-1.0-1.src.rpm", "group": "Tests",
    }  # fmt: skip
    assert found["description"] == "one has a file."
    assert salt["pkg.info_installed"]("one", attr="version,arch") == {"one": {"version": "1.0", "arch": "noarch"}}
    with pytest.raises(CommandError, match="nosuch not installed"):
        salt["pkg.info_installed"]("one", "nosuch")
    (rpms.root / "etc/one/one.conf").write_text("changed")
    (rpms.root / "usr/share/one/version").unlink()
    assert salt["pkg.verify"]("one")["/usr/share/one/version"] == {"missing": True}
    assert salt["pkg.verify"]("one")["/etc/one/one.conf"]["type"] == "config"
    assert salt["pkg.verify"]("one", ignore_types=["config"]) == {"/usr/share/one/version": {"missing": True}}
    assert salt["pkg.modified"]("one")["/etc/one/one.conf"][:2] == ["size", "checksum"]


@pytest.mark.parametrize("function", ["install", "remove", "hold", "latest_version", "list_repo_pkgs", "file_list"])
def test_a_name_is_never_an_option(salt, function):
    with pytest.raises(CommandError, match="Invalid package name: -x"):
        salt[f"pkg.{function}"]("-x")


# -- dnf -----------------------------------------------------------------------------------------------------------


def test_dnf_is_told_where_from_and_how(dnf, caplog):
    caplog.set_level(logging.INFO)
    assert dnf["pkg.install"]("one", version="1.0-1", fromrepo="test", setopt="obsoletes=0", skip_verify=True,
                              downloadonly=True) == {}  # fmt: skip
    told = [record.getMessage().partition(" in directory ")[0] for record in caplog.records]
    assert (
        "Executing command ['dnf', '-y', '--best', '--allowerasing', '--disablerepo=*', '--enablerepo=test', "
        "'--setopt=obsoletes=0', '--nogpgcheck', '--downloadonly', 'install', 'one-1.0-1']"
    ) in told
    assert dnf["pkg.install"]("one", version="1.0-1")["one"]["new"] == "1.0-1"
    assert dnf["pkg.install"]("one", version="1.0", reinstall=True) == {"one": {"old": "1.0-1", "new": "1.0-1"}}
    assert dnf["pkg.list_repo_pkgs"]("one", byrepo=True) == {"test": {"one": ["2.0-1", "1.1-1", "1.0-1"]}}


def test_without_its_plugin_dnf_holds_nothing(dnf):
    with pytest.raises(CommandError, match="python3-dnf-plugin-versionlock is not installed"):
        dnf["pkg.hold"]("one")


LOCKING = """#!/usr/bin/python3
import json, os, sys
place = {place!r}
locks = json.load(open(place)) if os.path.exists(place) else []
words = sys.argv[1:]
if words[:2] == ["versionlock", "list"]:
    print("Last metadata expiration check: 0:00:02 ago on Fri Nov 27 12:24:55 2026.")
    print("\\n".join({line} for name in locks))
elif words[:2] == ["versionlock", "add"] and words[2] != "nosuch":
    locks.append(words[2])
elif words[:2] == ["versionlock", "delete"]:
    locks.remove(words[2])
elif words[0] == "versionlock":
    print("No package found for: nosuch")
json.dump(locks, open(place, "w"))
"""


@pytest.mark.parametrize(
    ("line", "full"),
    [
        ('name + "-0:1.0-1.*"', "one-0:1.0-1.*"),
        ('"0:" + name + "-1.0-1.*"', "0:one-1.0-1.*"),
        ('"# Added by \'versionlock add\'\\nPackage name: " + name + "\\nevr = 1.0-1"', "one"),
    ],
    ids=["dnf", "yum", "dnf5"],
)
def test_holds_as_each_generation_prints_them(rpms, monkeypatch, tmp_path, line, full):
    (tmp_path / "dnf").write_text(LOCKING.format(place=str(tmp_path / "locks"), line=line))
    (tmp_path / "dnf").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{rpms.bin}:/usr/bin:/bin")
    salt = modules("RedHat")
    held = {
        "name": "one",
        "changes": {"old": "", "new": "hold"},
        "result": True,
        "comment": "Package one is now being held.",
    }
    assert salt["pkg.hold"]("one") == {"one": held}
    assert salt["pkg.list_holds"]() == [full]
    assert salt["pkg.list_holds"](full=False) == ["one"]
    assert salt["pkg.hold"]("one")["one"]["comment"] == "Package one is already set to be held."
    assert salt["pkg.hold"]("nosuch")["nosuch"] == {
        "name": "nosuch", "changes": {}, "result": False, "comment": "Package nosuch was unable to be held.",
    }  # fmt: skip
    assert salt["pkg.unhold"]("one")["one"]["comment"] == "Package one is no longer held."
    assert salt["pkg.unhold"]("one")["one"]["comment"] == "Package one is not being held."
    assert json.loads((tmp_path / "locks").read_text()) == []


def test_a_group_is_installed_as_it_is_asked_for(dnf, rpms):
    assert set(dnf["pkg.group_install"]("server", skip=["epoch"])) == {"one", "two"}
    assert dnf["pkg.group_install"]("web", skip="epoch") == {}


@pytest.mark.parametrize(
    ("call", "wanted"),
    [
        ({"name": "nosuch"}, "Group 'nosuch' not found"),
        ({"name": []}, "no groups specified"),
        ({"name": 5}, "'groups' must be a list"),
        ({"name": "web", "skip": 5}, "'skip' must be a list"),
        ({"name": "web", "include": {}}, "'include' must be a list"),
        ({"name": "--assumeyes"}, "Invalid package name: --assumeyes"),
    ],
    ids=str,
)
def test_a_group_that_cannot_be_installed(dnf, call, wanted):
    with pytest.raises(CommandError, match=wanted):
        dnf["pkg.group_install"](**call)


def test_the_state_of_a_group(rpms):
    def state(name, test=False, **kwargs):
        plugins = Plugins(
            {"id": "m1", "test": test}, grains={"os_family": "RedHat", "os": "RedHat", "osarch": "x86_64"}
        )
        ret = plugins.loader("states")["pkg.group_installed"](name, **kwargs)
        return ret["result"], ret["comment"], sorted(ret["changes"])

    assert state("tools", test=True) == (None, "Group 'tools' will be installed", [])
    subprocess.run(["rpm", "-i", "--nodeps", str(rpms.repo / "noarch/one-1.0-1.noarch.rpm")], check=True)
    assert state("web", test=True) == (None, "Group 'web' is partially installed and will be updated", [])
    assert state("web", skip=["epoch"]) == (True, "Group 'web' was updated", ["two"])
    assert state("web", skip=["epoch"]) == (True, "Group 'web' is already installed", [])
    assert state("web", skip=["one"]) == (False, "The following mandatory packages cannot be skipped: one", [])
    assert state("web", include="three") == (False, "include must be formatted as a list", [])
    assert state("nosuch") == (
        False, "An error was encountered while installing/updating group 'nosuch': Group 'nosuch' not found.", [],
    )  # fmt: skip
    result, comment, changed = state("web", skip=["epoch"], include=["nosuch"])
    assert (result, changed) == (False, [])
    assert "No match for argument: nosuch" in comment


def test_where_there_are_no_groups_the_state_says_so():
    plugins = Plugins({"id": "m1", "test": False}, grains={"os_family": "Debian", "os": "Debian", "osarch": "amd64"})
    ret = plugins.loader("states")["pkg.group_installed"]("web")
    assert (ret["result"], ret["comment"]) == (False, "pkg.group_install not available for this platform")


FIVE = """#!/bin/sh
echo "$*" >> {log}
case "$*" in
*list*) cat <<'END'
ID                   Name                               Installed
yes-tools            Tools that say yes                        no
core                 Core                                     yes
END
;;
*core*) cat <<'END'
Id                   : core
Name                 : Core
Description          : Smallest: it is all there is
Installed            : yes
Order                : 10
Uservisible          : no
Repositories         : @System
Mandatory packages   : audit
                     : basesystem
Default packages     : firewalld
Optional packages    : dracut-config-generic
END
;;
*) echo "No match for argument: nosuch" >&2 ;;
esac
"""


def test_groups_as_dnf5_prints_them(rpms, monkeypatch, tmp_path):
    (tmp_path / "dnf5").write_text(FIVE.format(log=tmp_path / "log"))
    (tmp_path / "dnf5").chmod(0o755)
    for program in ("sh", "cat"):
        (tmp_path / program).symlink_to(f"/bin/{program}")
    (tmp_path / "rpm").symlink_to(rpms.bin / "rpm")
    monkeypatch.setenv("PATH", str(tmp_path))
    salt = modules("RedHat")
    listed = salt["pkg.group_list"]()
    assert (listed["installed"], listed["available"], listed["installed environments"]) == (["core"], ["yes-tools"], [])
    assert salt["pkg.group_info"]("core", enablerepo="a,b") == {
        "type": "package group", "group": "Core", "id": "core", "description": "Smallest: it is all there is",
        "mandatory": ["audit", "basesystem"], "optional": ["dracut-config-generic"], "default": ["firewalld"],
        "conditional": [],
    }  # fmt: skip
    with pytest.raises(CommandError, match="Group 'nosuch' not found"):
        salt["pkg.group_diff"]("nosuch")
    assert (tmp_path / "log").read_text().splitlines() == [
        "group list --hidden",
        "--quiet --enablerepo=a --enablerepo=b group info core",
        "--quiet group info nosuch",
    ]


def test_repositories_of_dnf_come_change_and_go(dnf, tmp_path):
    folder = str(tmp_path)
    (tmp_path / "old.repo").write_text(
        "# ours\n[old]\nname=Old\nbaseurl=http://a/\n    http://b/\n# why\nenabled=1\n\n[other]\nname=Other\nbaseurl=http://o/\n"
    )
    assert dnf["pkg.get_repo"]("old", basedir=folder) == {
        "name": "Old",
        "baseurl": "http://a/\nhttp://b/",
        "enabled": "1",
    }
    assert dnf["pkg.list_repos"](basedir=folder)["other"]["file"] == str(tmp_path / "old.repo")
    changed = dnf["pkg.mod_repo"]("old", basedir=folder, enabled=False, mirrorlist="http://m/")
    assert changed[str(tmp_path / "old.repo")]["old"] == {"name": "Old", "enabled": False, "mirrorlist": "http://m/"}
    assert (tmp_path / "old.repo").read_text() == (
        "# ours\n[old]\nname=Old\n# why\nenabled=0\nmirrorlist=http://m/\n\n[other]\nname=Other\nbaseurl=http://o/\n"
    )
    dnf["pkg.mod_repo"]("new", basedir=folder, name="New", baseurl="http://n/", gpgcheck=0, comments=["a", "b"])
    assert (tmp_path / "new.repo").read_text() == "[new]\nname=New\nbaseurl=http://n/\ngpgcheck=0\n# a\n# b\n"
    assert dnf["pkg.del_repo"]("old", basedir=folder) == f"Repo old has been removed from {tmp_path / 'old.repo'}"
    assert (tmp_path / "old.repo").read_text() == "# ours\n[other]\nname=Other\nbaseurl=http://o/\n"
    gone = dnf["pkg.del_repo"]("new", basedir=folder)
    assert gone == f"File {tmp_path / 'new.repo'} containing repo new has been removed"
    assert dnf["pkg.del_repo"]("nosuch", basedir=folder) == f"Error: the nosuch repo does not exist in ['{folder}']"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({}, "a name was not given"),
        ({"name": "x"}, "none of baseurl, mirrorlist, metalink was given"),
        ({"name": "x", "baseurl": "a", "mirrorlist": "b"}, "One and only one of baseurl, mirrorlist, metalink"),
        ({"name": "x", "baseurl": ""}, "One and only one of baseurl, mirrorlist, metalink"),
        ({"name": "x\ny", "baseurl": "a"}, "Invalid value in a repository"),
    ],
)
def test_a_repository_that_lacks_something_is_not_made(dnf, tmp_path, values, text):
    with pytest.raises(CommandError, match=text):
        dnf["pkg.mod_repo"]("new", basedir=str(tmp_path), **values)
    with pytest.raises(CommandError, match="Invalid value in a repository"):
        dnf["pkg.mod_repo"]("a]b", basedir=str(tmp_path), name="x", baseurl="a")
    assert list(tmp_path.iterdir()) == []


YUM = """#!/bin/sh
echo "$*" >> {log}
case "$*" in
*check-update*) printf 'Loaded plugins: fastestmirror\\n\\nbash.x86_64    4.2.46-35.el7_9    updates\\n'; exit 100 ;;
*"list available"*) cat <<'END'
Loaded plugins: fastestmirror
Loading mirror speeds from cached hostfile
 * base: mirror.example.org
Available Packages
perl-Perl4-CoreLibs.noarch          0.003-7.el7          base
a-package-with-a-name-that-is-too-long-for-its-column.x86_64
                                    1:1.4.2-3.el7        epel
END
;;
*"list updates"*) cat <<'END'
Loaded plugins: fastestmirror
Updated Packages
bash.x86_64                         4.2.46-35.el7_9      updates
Obsoleting Packages
new.x86_64                          1.0-1.el7            base
    old.x86_64                      0.9-1.el7            @base
END
;;
*grouplist*) cat <<'END'
Loaded plugins: fastestmirror
There is no installed groups file.
Installed Language Groups:
   German Support [de]
Available Groups:
   Perl Support
Done
END
;;
*groupinfo*) cat <<'END'

Group: Perl Support
 Group-Id: perl-runtime
 Description: Basic support for Perl.
 Mandatory Packages:
   =perl
   +perl-ExtUtils-Embed
 Optional Packages:
    perl-Test-Pod
END
;;
*install*) echo "No package nosuch available."; echo "Error: Nothing to do" >&2; exit 1 ;;
esac
"""


@pytest.fixture
def yum(rpms, monkeypatch, tmp_path):
    """yum as CentOS 7 has it, by what it prints; it keeps a note of how it was called."""
    (tmp_path / "yum").write_text(YUM.format(log=tmp_path / "log"))
    (tmp_path / "yum").chmod(0o755)
    (tmp_path / "rpm").symlink_to(rpms.bin / "rpm")
    for program in ("sh", "cat"):
        (tmp_path / program).symlink_to(f"/bin/{program}")
    monkeypatch.setenv("PATH", str(tmp_path))
    return modules("RedHat"), tmp_path / "log"


def test_where_there_is_no_dnf_yum_is_asked_in_its_own_words(yum):
    salt, log = yum
    assert salt["pkg.refresh_db"]() is True
    name = "a-package-with-a-name-that-is-too-long-for-its-column"
    assert salt["pkg.latest_version"](name, "perl-Perl4-CoreLibs", "nosuch", refresh=False) == {
        name: "1:1.4.2-3.el7",
        "perl-Perl4-CoreLibs": "0.003-7.el7",
        "nosuch": "",
    }
    assert salt["pkg.list_upgrades"](refresh=False) == {"bash": "4.2.46-35.el7_9"}
    with pytest.raises(CommandError, match=r"- No package nosuch available\.\n      Error: Nothing to do"):
        salt["pkg.install"]("nosuch", disablerepo="*", enablerepo="base")
    assert salt["pkg.group_list"]()["available"] == ["Perl Support"]
    group = salt["pkg.group_info"]("Perl Support")
    assert (group["id"], group["mandatory"], group["optional"]) == (
        "perl-runtime",
        ["perl", "perl-ExtUtils-Embed"],
        ["perl-Test-Pod"],
    )
    assert log.read_text().splitlines() == [
        "--quiet --assumeyes clean expire-cache",
        "--quiet --assumeyes check-update",
        f"--quiet list available {name} perl-Perl4-CoreLibs nosuch",
        "--quiet list updates",
        "-y --disablerepo=* --enablerepo=base install nosuch",
        "grouplist hidden",
        "--quiet groupinfo Perl Support",
    ]


# -- zypper --------------------------------------------------------------------------------------------------------


def test_zypper_locks_and_unlocks(zypper):
    zypper["pkg.install"]("one", version="1.0-1")
    assert zypper["pkg.hold"]("one")["one"]["changes"] == {"old": "", "new": "hold"}
    assert zypper["pkg.list_holds"]() == ["one"]
    assert zypper["pkg.hold"]("one")["one"]["comment"] == "Package one is already set to be held."
    assert zypper["pkg.upgrade"](refresh=False) == {}
    with pytest.raises(CommandError, match="remove lock"):
        zypper["pkg.remove"]("one")
    assert zypper["pkg.install"]("one", version="2.0-1", update_holds=True)["one"]["new"] == "2.0-1"
    assert zypper["pkg.list_holds"]() == ["one"]
    assert zypper["pkg.unhold"](pkgs=["one"])["one"]["changes"] == {"old": "hold", "new": ""}
    assert zypper["pkg.unhold"]("one")["one"]["comment"] == "Package one was already unheld."


def test_repositories_of_zypper_come_change_and_go(zypper):
    assert list(zypper["pkg.list_repos"]()) == ["test"]
    made = zypper["pkg.mod_repo"]("new", url="http://example.org/x", refresh=True, priority=50, gpgcheck=False)
    assert (made["baseurl"], made["autorefresh"], made["priority"], made["gpgcheck"]) == (
        "http://example.org/x",
        True,
        50,
        False,
    )
    assert zypper["pkg.mod_repo"]("new", disabled=True)["enabled"] is False
    moved = zypper["pkg.mod_repo"]("new", url="http://example.org/y")
    assert (moved["baseurl"], moved["enabled"], moved["priority"]) == ("http://example.org/y", False, 50)
    assert zypper["pkg.del_repo"]("new") == {"new": True, "message": "Repository 'new' has been removed."}
    with pytest.raises(CommandError, match="Repository 'new' not found"):
        zypper["pkg.del_repo"]("new")
    with pytest.raises(CommandError, match="neither 'baseurl' nor 'mirrorlist' was specified"):
        zypper["pkg.mod_repo"]("new", disabled=True)


@pytest.mark.parametrize(
    ("call", "wanted"),
    [({"criteria": "one", "match": "regex"}, "match must be one of exact, words, substrings"),
     ({"criteria": "--version"}, "No packages found matching '--version'"),
     ({"criteria": "one", "installed_only": True}, "No packages found matching 'one'")],
    ids=str,
)  # fmt: skip
def test_a_search_that_finds_nothing_says_so(zypper, call, wanted):
    with pytest.raises(CommandError, match=wanted):
        zypper["pkg.search"](**call)


SUSE = """#!/bin/sh
case "$*" in
*--xmlout*--type*pattern*) cat <<'END'
<?xml version='1.0'?>
<stream><search-result version="0.0"><solvable-list>
<solvable status="installed" name="base" summary="Minimal Base System" kind="pattern"/>
<solvable status="other-version" name="base" summary="Minimal Base System" kind="pattern"/>
<solvable status="not-installed" name="kde" summary="KDE" kind="pattern"/>
</solvable-list></search-result></stream>
END
;;
*--xmlout*search*) printf "<?xml version='1.0'?>\n<stream></stream>\n" ;;
*info*) cat <<'END'
Loading repository data...
Reading installed packages...


Information for pattern base:
-----------------------------
Repository      : Main Repository
Name            : base
Version         : 20200124-1.2
Arch            : x86_64
Vendor          : openSUSE
Installed       : Yes
Visible to User : Yes
Summary         : Minimal Base System
Description     :
    Name : Installed : No
    Version : 1
Contents        :
    S | Name | Type    | Dependency

pattern 'pattern:gone' not found.
END
exit 104 ;;
esac
"""
PROVIDES = "#!/bin/sh\ncase \"$*\" in *--whatprovides*) printf '{}' ;; esac\n"


def test_a_pattern_is_installed_where_zypper_or_rpm_says_so(rpms, monkeypatch, tmp_path):
    rows = (r"pattern()\tgone\t2.0-1\tnoarch", r"pattern()\t.old\t1-1\tnoarch", r"other\t2-1\t2-1\tnoarch")
    provides = "".join(rf"{row}\n" for row in rows)
    for name, text in (("zypper", SUSE), ("rpm", PROVIDES.format(provides))):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    salt = modules("Suse", **{"zypper.lock_timeout": 0})
    base = {"installed": True, "summary": "Minimal Base System"}
    assert salt["pkg.list_patterns"]() == {"base": base, "kde": {"installed": False, "summary": "KDE"}}
    gone = {"installed": True, "summary": "Non-visible pattern"}
    assert salt["pkg.list_installed_patterns"]() == {"base": base, "gone": gone}
    assert salt["pkg.list_pkgs"](includes="pattern") == {"pattern:base": "20200124-1.2", "pattern:gone": "2.0-1"}
    assert salt["pkg.list_pkgs"]() == {}
    assert salt["pkg.info_available"]("pattern:base", "pattern:gone", refresh=False) == {
        "base": {
            "repository": "Main Repository", "version": "20200124-1.2", "arch": "x86_64", "vendor": "openSUSE",
            "installed": True, "visible to user": "Yes", "summary": "Minimal Base System",
        }
    }  # fmt: skip


def test_zypper_s_lock_is_told(rpms, monkeypatch, tmp_path):
    (tmp_path / "zypper").write_text(
        '#!/bin/sh\necho "System management is locked by the application with pid 7 (zypper)." >&2\nexit 7\n'
    )
    (tmp_path / "zypper").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{rpms.bin}:/usr/bin:/bin")
    with pytest.raises(CommandError, match="System management is locked by the application with pid 7"):
        modules("Suse", **{"zypper.lock_timeout": 0})["pkg.install"]("one")
