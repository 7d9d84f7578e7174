"""A Red Hat or a SUSE of its own for tests of the real rpm, dnf and zypper: a root below one folder, and a repository of
tiny packages made here. Nothing of the host's packages is read or changed, and nothing is downloaded.

The tools are found in `Rpms.bin`, which a test puts first in PATH: each is the real one, told of the root.
"""

from __future__ import annotations

import shutil
import subprocess
import zlib
from collections.abc import Sequence
from pathlib import Path

_SPEC = """\
Name: {name}
Version: {version}
Release: {release}
Summary: {name} for tests
License: MIT
Group: Tests
URL: https://example.org/{name}
Vendor: Nobody
BuildArch: noarch
{extra}
%description
{name} has a file.
%install
mkdir -p %{{buildroot}}/usr/share/{name} %{{buildroot}}/etc/{name}
echo {version} > %{{buildroot}}/usr/share/{name}/version
echo {version} > %{{buildroot}}/etc/{name}/{name}.conf
%files
/usr/share/{name}
%config(noreplace) /etc/{name}/{name}.conf
"""
_DNF = '#!/bin/sh\nexec {real} --installroot={root} --releasever=9 --setopt=reposdir={repos} --noplugins "$@"\n'
_ROOT = '#!/bin/sh\nexec {real} --root {root} "$@"\n'


# A group with a member of each kind, a hidden one, one of a language, and an environment of the first two.
GROUPS = """
<group><id>web</id><name>Web Server</name><description>Serves pages: all of them.</description>
<uservisible>true</uservisible><packagelist><packagereq type="mandatory">one</packagereq>
<packagereq type="default">two</packagereq><packagereq type="default">epoch</packagereq>
<packagereq type="optional">three</packagereq>
<packagereq type="conditional" requires="one">four</packagereq></packagelist></group>
<group><id>tools</id><name>Hidden Tools</name><uservisible>false</uservisible>
<packagelist><packagereq type="mandatory">epoch</packagereq></packagelist></group>
<group><id>german</id><name>German Support</name><langonly>de</langonly><uservisible>true</uservisible>
<packagelist><packagereq type="mandatory">one</packagereq></packagelist></group>
<environment><id>server</id><name>A Server</name><description>All of it.</description>
<grouplist><groupid>web</groupid></grouplist><optionlist><groupid>tools</groupid></optionlist></environment>
"""


def pattern(name: str, requires: str, visible: bool = True) -> str:
    """A pattern of SUSE's as an element of the index."""
    return (
        f'<pattern><name>{name}</name><arch>noarch</arch><version epoch="0" ver="3.0" rel="1"/>'
        f"<summary>Pattern {name}</summary><description>What {name} needs.</description>"
        f"{'<uservisible/>' if visible else ''}<format><rpm:vendor>Nobody</rpm:vendor>"
        f'<rpm:requires><rpm:entry name="{requires}"/></rpm:requires></format></pattern>'
    )


def advisory(id: str, name: str, version: str, epoch: int = 0) -> str:
    """An advisory that tells of one package, as an element of updateinfo.xml."""
    return (
        f'<update from="x@example.org" status="final" type="security" version="1"><id>{id}</id>'
        f'<title>{name} is mended</title><issued date="2026-01-01 00:00:00"/><severity>Important</severity>'
        f"<summary>{name}</summary><description>{name} is mended</description><references/><pkglist><collection>"
        f'<package name="{name}" version="{version}" release="1" epoch="{epoch}" arch="noarch" src="{name}.src.rpm">'
        f"<filename>{name}-{version}-1.noarch.rpm</filename></package></collection></pkglist></update>"
    )


class Rpms:
    """A root, a repository in `repo`, and the tools in `bin`."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.root, self.repo, self.bin = folder, folder / "root", folder / "repo", folder / "bin"
        self.yum_repos, self.zypp_repos = self.root / "etc/yum.repos.d", self.root / "etc/zypp/repos.d"
        for path in (self.repo, self.bin, self.yum_repos, self.zypp_repos):
            path.mkdir(parents=True)
        for name, text in (("dnf", _DNF), ("rpm", _ROOT), ("zypper", _ROOT)):
            real = shutil.which(name)
            if real:
                program = self.bin / name
                program.write_text(text.format(real=real, root=self.root, repos=self.yum_repos))
                program.chmod(0o755)

    def package(self, name: str, version: str, release: str = "1", extra: str = "") -> None:
        """Build one package into the repository; `publish` tells the tools of it."""
        spec = self.folder / f"{name}.spec"
        spec.write_text(_SPEC.format(name=name, version=version, release=release, extra=extra))
        defines = {
            "_topdir": self.folder / "top", "_rpmdir": self.repo, "_build_id_links": "none", "_buildhost": "example.org",
        }  # fmt: skip
        options = [word for key, value in defines.items() for word in ("--define", f"{key} {value}")]
        _run(["rpmbuild", "-bb", "--quiet", *options, str(spec)])

    def publish(self, groups: str = "", patterns: str = "", advisories: str = "", url: str = "") -> None:
        """Write the repository's index, and have the tools know it.

        `groups` is what comps.xml has between its tags; `patterns` are elements of the index beside the packages,
        `advisories` those of updateinfo.xml. `url` is where the tools fetch from, in place of the folder.
        """
        comps = self.folder / "comps.xml"
        comps.write_text(f'<?xml version="1.0" encoding="UTF-8"?>\n<comps>{groups}</comps>\n')
        _run(["createrepo_c", "-q", *(["-g", str(comps)] if groups else []), str(self.repo)])
        if patterns:
            found = next((self.repo / "repodata").glob("*-primary.xml.gz"))
            primary = self.folder / "primary.xml"
            text = zlib.decompress(found.read_bytes(), wbits=31).decode()
            primary.write_text(text.replace("</metadata>", f"{patterns}</metadata>"))
            _run(["modifyrepo_c", "--mdtype=primary", str(primary), str(self.repo / "repodata")])
        if advisories:
            updates = self.folder / "updateinfo.xml"
            updates.write_text(f'<?xml version="1.0" encoding="UTF-8"?>\n<updates>{advisories}</updates>\n')
            _run(["modifyrepo_c", "--mdtype=updateinfo", str(updates), str(self.repo / "repodata")])
        section = f"[test]\nname=Test packages\nbaseurl={url or f'file://{self.repo}'}\nenabled=1\ngpgcheck=0\n"
        (self.yum_repos / "test.repo").write_text(section)
        (self.zypp_repos / "test.repo").write_text(f"{section}autorefresh=0\ntype=rpm-md\n")

    def reset(self) -> None:
        """Forget what was installed and locked; the lists stay."""
        # What zypper made of the old database is of no use with a new one, and fails it now and then.
        solved = self.root / "var/cache/zypp/solv/@System"
        for path in (self.root / "root/.rpmdb", self.root / "usr/share", self.root / "var/lib/dnf", solved):
            shutil.rmtree(path, ignore_errors=True)
        (self.root / "etc/zypp/locks").unlink(missing_ok=True)
        for path in (self.root / "etc").glob("*/*.conf"):
            path.unlink()


def _run(words: Sequence[str]) -> None:
    done = subprocess.run(list(words), capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
