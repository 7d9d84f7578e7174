"""Packages of Ruby, and where they come from, by its own program gem."""

from __future__ import annotations

import re
import shlex
from typing import Any

from trisalt.errors import CommandError

__func_alias__ = {"list_": "list"}

# A line of a list: `name (1.1.0, default: 1.0.0)`, and of what is old: `name (1.0.0 < 1.1.0)`.
_LISTED = re.compile(r"(?P<name>[^\s(]+) \((?P<versions>.*)\)")
_OUTDATED = re.compile(r"(?P<name>[^\s(]+) \(\S+ < (?P<newest>[^)\s]+)\)")


def __virtual__() -> bool:
    # Whether the program is there is looked at when it is needed: an earlier state may install it.
    return True


def install(
    gems: str,
    ruby: str | None = None,
    gem_bin: str | None = None,
    runas: str | None = None,
    version: str | None = None,
    rdoc: bool = False,
    ri: bool = False,
    pre_releases: bool = False,
    proxy: str | None = None,
    source: str | None = None,
) -> str:
    """
    Install packages: names with spaces between, each `name` or `name:version`.

    CLI Example:

        salt '*' gem.install vagrant
        salt '*' gem.install redphone gem_bin=/opt/sensu/embedded/bin/gem
    """
    documents = [kind for kind, wanted in (("rdoc", rdoc), ("ri", ri)) if wanted]
    words = [f"--document={','.join(documents)}" if documents else "--no-document"]
    words += [f"--version={version}"] if version else []
    words += ["--pre"] if pre_releases else []
    words += [f"--http-proxy={proxy}"] if proxy else []
    words += [f"--source={source}"] if source else []
    return _gem(["install", *words, *_names(gems)], ruby, gem_bin, runas)


def uninstall(gems: str, ruby: str | None = None, runas: str | None = None, gem_bin: str | None = None) -> str:
    """
    Remove packages, in all their versions and with their programs.

    CLI Example:

        salt '*' gem.uninstall vagrant
    """
    return _gem(["uninstall", "--all", "--executables", *_names(gems)], ruby, gem_bin, runas)


def update(gems: str, ruby: str | None = None, runas: str | None = None, gem_bin: str | None = None) -> str:
    """
    Install the newest version of packages that are installed.

    CLI Example:

        salt '*' gem.update vagrant
    """
    return _gem(["update", *_names(gems)], ruby, gem_bin, runas)


def update_system(
    version: str = "", ruby: str | None = None, runas: str | None = None, gem_bin: str | None = None
) -> str:
    """
    Bring rubygems itself to a version, the newest unless one is said.

    CLI Example:

        salt '*' gem.update_system
    """
    return _gem(["update", f"--system={version}" if version else "--system"], ruby, gem_bin, runas)


def version(ruby: str | None = None, runas: str | None = None, gem_bin: str | None = None) -> str:
    """
    The version of the program gem.

    CLI Example:

        salt '*' gem.version
    """
    said = _gem(["--version"], ruby, gem_bin, runas)
    return next((line for line in said.splitlines() if re.match(r"\d+[-0-9.]+", line)), "")


def list_(
    prefix: str = "", ruby: str | None = None, runas: str | None = None, gem_bin: str | None = None
) -> dict[str, list[str]]:
    """
    The packages that are installed, and their versions; those only in whose names a pattern is found.

    CLI Example:

        salt '*' gem.list
    """
    lines = _gem(["list", *(_names(prefix) if prefix else [])], ruby, gem_bin, runas).splitlines()
    found = (match for line in lines if (match := _LISTED.match(line)))
    return {match["name"]: re.split(r", ", match["versions"]) for match in found}


def list_upgrades(ruby: str | None = None, runas: str | None = None, gem_bin: str | None = None) -> dict[str, str]:
    """
    The packages of which there is a newer version, and which it is.

    CLI Example:

        salt '*' gem.list_upgrades
    """
    lines = _gem(["outdated"], ruby, gem_bin, runas).splitlines()
    return {match["name"]: match["newest"] for line in lines if (match := _OUTDATED.match(line))}


def is_installed(
    name: str,
    version: str | None = None,
    ruby: str | None = None,
    runas: str | None = None,
    gem_bin: str | None = None,
) -> bool:
    """
    Whether a package is installed, in a version that fulfils conditions as gem has them: `~> 1.2, != 1.2.5`.

    CLI Example:

        salt '*' gem.is_installed rake '>= 13'
    """
    conditions = [f"--version={version}"] if version else []
    found = _run(["list", "--installed", "--exact", *conditions, *_names(name)], ruby, gem_bin, runas)
    if found["stdout"].strip() not in ("true", "false"):
        raise CommandError(_complaint(found))
    return found["stdout"].strip() == "true"


def sources_add(source_uri: str, ruby: str | None = None, runas: str | None = None, gem_bin: str | None = None) -> str:
    """
    Have packages come from one more place.

    CLI Example:

        salt '*' gem.sources_add http://rubygems.org/
    """
    return _gem(["sources", f"--add={source_uri}"], ruby, gem_bin, runas)


def sources_remove(
    source_uri: str, ruby: str | None = None, runas: str | None = None, gem_bin: str | None = None
) -> str:
    """
    Have packages come from a place no longer.

    CLI Example:

        salt '*' gem.sources_remove http://rubygems.org/
    """
    return _gem(["sources", f"--remove={source_uri}"], ruby, gem_bin, runas)


def sources_list(ruby: str | None = None, runas: str | None = None, gem_bin: str | None = None) -> list[str]:
    """
    Where packages come from.

    CLI Example:

        salt '*' gem.sources_list
    """
    # Below a title with stars.
    return [line for line in _gem(["sources"], ruby, gem_bin, runas).splitlines() if line and not line.startswith("*")]


def _names(gems: Any) -> list[str]:
    names = [str(each) for each in gems] if isinstance(gems, list) else shlex.split(str(gems))
    if not names:
        raise CommandError("There is no gem to work on")
    # What stands after `--` is for builds, so that gem would take such a name for an option.
    odd = next((name for name in names if name.startswith("-")), None)
    if odd is not None:
        raise CommandError(f"Invalid name of a gem: {odd!r}")
    return names


def _gem(words: list[str], ruby: str | None, gem_bin: str | None, runas: str | None) -> str:
    """What gem said. Raises CommandError with what it complained of."""
    found = _run(words, ruby, gem_bin, runas)
    if found["retcode"]:
        raise CommandError(_complaint(found))
    return found["stdout"]


def _run(words: list[str], ruby: str | None, gem_bin: str | None, runas: str | None) -> dict[str, Any]:
    if ruby and not gem_bin:
        raise CommandError(f"The gem of ruby {ruby} is not known: gem_bin says where it is")
    return __utils__["tool.run"]([gem_bin or "gem", *words], runas=runas, ignore_retcode=True)


def _complaint(found: dict[str, Any]) -> str:
    return str(found["stderr"] or found["stdout"] or f"gem failed: retcode {found['retcode']}")
