"""A Debian of its own for tests of real apt and dpkg: a package database, an apt and a root below one folder, and a
repository of tiny packages made here. Nothing of the host's packages is read or changed, and nothing is downloaded.

`Debian.environment` is what a process needs to work in it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

_CONFIGURATION = """\
Dir::State "{root}/state/";
Dir::State::status "{root}/dpkg/status";
Dir::Cache "{root}/cache/";
Dir::Etc "{root}/etc/";
Dir::Log "{root}/log/";
APT::Sandbox::User "root";
APT::Architecture "amd64";
Acquire::Retries "0";
"""
_FOLDERS = (
    "root", "dpkg/info", "dpkg/updates", "dpkg/triggers", "state/lists/partial", "cache/archives/partial",
    "etc/sources.list.d", "etc/apt.conf.d", "etc/preferences.d", "etc/trusted.gpg.d", "log", "repo",
)  # fmt: skip


class Debian:
    """A package database, an apt that uses it, and a repository in `repo` that apt knows of."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for folder in _FOLDERS:
            (root / folder).mkdir(parents=True)
        for file in ("status", "available"):
            (root / "dpkg" / file).touch()
        (root / "apt.conf").write_text(_CONFIGURATION.format(root=root))
        self.repo, self.dpkg, self.etc = root / "repo", root / "dpkg", root / "etc"
        self.sources(f"deb [trusted=yes] file:{self.repo} ./")
        self.environment = {
            "APT_CONFIG": str(root / "apt.conf"),
            "DPKG_ADMINDIR": str(self.dpkg),
            "DPKG_ROOT": str(root / "root"),
        }

    def reset(self) -> None:
        """Forget what was installed and selected, and the sources that were added; apt's lists stay."""
        for folder in ("root", "dpkg"):
            shutil.rmtree(self.root / folder)
        for folder in _FOLDERS:
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        for file in ("status", "available"):
            (self.dpkg / file).touch()
        for path in (self.etc / "sources.list.d").iterdir():
            path.unlink()
        (self.root / "state/extended_states").unlink(missing_ok=True)
        self.sources(f"deb [trusted=yes] file:{self.repo} ./")

    def sources(self, *lines: str) -> None:
        """The lines of its sources.list."""
        (self.etc / "sources.list").write_text("".join(f"{line}\n" for line in lines))

    def package(self, name: str, version: str, *, conffile: str | None = None, **fields: str) -> Path:
        """Build one package into the repository; `publish` tells apt of it."""
        tree = self.root / "build" / f"{name}-{version}"
        share = tree / "usr/share" / name
        (tree / "DEBIAN").mkdir(parents=True)
        share.mkdir(parents=True)
        (share / "version").write_text(version)
        control = {
            "Package": name,
            "Version": version,
            "Architecture": "all",
            "Maintainer": "Nobody <nobody@example.org>",
            "Description": f"{name} for tests\n It has a file.",
            **{key.replace("_", "-"): value for key, value in fields.items()},
        }
        (tree / "DEBIAN/control").write_text("".join(f"{key}: {value}\n" for key, value in control.items()))
        if conffile:
            path = tree / conffile.lstrip("/")
            path.parent.mkdir(parents=True)
            path.write_text(version)
            (tree / "DEBIAN/conffiles").write_text(f"{conffile}\n")
        made = self.repo / f"{name}_{version}_{control['Architecture']}.deb"
        _run(["dpkg-deb", "--build", "--root-owner-group", str(tree), str(made)])
        return made

    def publish(self) -> None:
        """Write the repository's index."""
        stanzas = []
        for path in sorted(self.repo.glob("*.deb"), reverse=True):
            control = _run(["dpkg-deb", "--field", str(path)]).rstrip("\n")
            data = path.read_bytes()
            digest = hashlib.sha256(data).hexdigest()
            stanzas.append(f"{control}\nFilename: ./{path.name}\nSize: {len(data)}\nSHA256: {digest}\n")
        (self.repo / "Packages").write_text("\n".join(stanzas))

    def apt(self, *words: str) -> str:
        """Run apt-get in it."""
        return _run(["apt-get", "-q", "-y", *words], self.environment)


def _run(words: Sequence[str], environment: dict[str, str] | None = None) -> str:
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", **(environment or {})}
    done = subprocess.run(list(words), env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout
