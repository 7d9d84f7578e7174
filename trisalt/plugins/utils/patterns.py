"""Patterns of zypper: those it offers, those that are installed, and what it says of packages; for the shelf `pkg`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from trisalt.errors import CommandError
from trisalt.plugins.utils.zypper import FINE, NOTHING

PREFIX = "pattern:"
# What a package provides that is a pattern, one row for each thing that it provides.
_PROVIDED = "[%{PROVIDENAME}\\t%{PROVIDEVERSION}\\t%{=VERSION}-%{=RELEASE}\\t%{=ARCH}\\n]"


def visible() -> dict[str, dict[str, Any]]:
    """The patterns that zypper shows: `{name: {installed, summary}}`."""
    found: dict[str, dict[str, Any]] = {}
    for row in __utils__["zypper.xml"](["search", "--type", "pattern"]).iter("solvable"):
        name = row.get("name", "")
        there = row.get("status") == "installed" or found.get(name, {}).get("installed", False)
        found[name] = {"installed": there, "summary": row.get("summary", "")}
    return found


def installed() -> dict[str, dict[str, Any]]:
    """The patterns that are installed, those that zypper does not show too: `{name: {installed, summary}}`."""
    shown = {name: row for name, row in visible().items() if row["installed"]}
    hidden = {"installed": True, "summary": "Non-visible pattern"}
    return shown | {name: dict(hidden) for name in _packaged() if name not in shown}


def rows() -> dict[str, list[dict[str, Any]]]:
    """The installed patterns as a listing of packages has them."""
    names = list(installed())
    if not names:
        return {}
    known, packaged = about([f"{PREFIX}{name}" for name in names]), _packaged()
    found = {}
    for name in names:
        # What no repository has any more is told by the package that brought it.
        version, arch = packaged.get(name, ("", ""))
        row = known.get(name, {"version": version, "arch": arch})
        found[f"{PREFIX}{name}"] = [
            {
                "version": row.get("version", version), "epoch": None, "release": None, "arch": row.get("arch", arch),
                "install_date": None, "install_date_time_t": None,
            }
        ]  # fmt: skip
    return found


def kinds(names: Iterable[str]) -> list[str]:
    """What a listing has to include, that a change of these shows in it."""
    return ["pattern"] if any(name.startswith(PREFIX) for name in names) else []


def about(names: list[str]) -> dict[str, dict[str, Any]]:
    """What zypper says of packages and patterns that it knows, by name."""
    found = __utils__["zypper.run"](["info", "--type", "package", "--", *names])
    if found["retcode"] not in FINE | {NOTHING}:
        raise CommandError(__utils__["zypper.failure"](found))
    known: dict[str, dict[str, Any]] = {}
    row: dict[str, Any] | None = None
    for line in found["stdout"].splitlines():
        key, colon, value = (part.strip() for part in line.partition(":"))
        if line.startswith("Information for "):
            row = {}
        elif row is None or not colon or (not value and key != "Description"):
            continue
        elif key == "Name":
            known[value] = row
        elif key == "Description":
            # A text of its own, whose lines look like anything.
            row = None
        else:
            row[key.lower()] = value.lower().startswith("yes") if key == "Installed" else value
    return known


def _packaged() -> dict[str, tuple[str, str]]:
    """The patterns that installed packages are: version and architecture of the package."""
    words = ["rpm", "--query", "--whatprovides", "pattern()", "--queryformat", _PROVIDED]
    found = __salt__["cmd.run_all"](words, python_shell=False, ignore_retcode=True, output_loglevel="trace")
    patterns = {}
    for line in found["stdout"].splitlines():
        provided, _, rest = line.partition("\t")
        name, _, whole = rest.partition("\t")
        # A name with a dot before it is an older one of another pattern.
        if provided == "pattern()" and name and not name.startswith("."):
            version, _, arch = whole.partition("\t")
            patterns[name] = (version, arch)
    return patterns
