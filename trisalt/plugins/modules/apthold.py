"""Holds and selections on Debian and its kin: what dpkg is told to keep, install or remove."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from trisalt.errors import CommandError, InvocationError

__virtualname__ = "pkg"

_STATES = ("install", "hold", "deinstall", "purge")


def __virtual__() -> Any:
    if __grains__.get("os_family") == "Debian":
        return __virtualname__
    return False, "The pkg module could not be loaded: unsupported OS family"


def hold(name: str | None = None, pkgs: Any = None, sources: Any = None, **kwargs: Any) -> dict[str, Any]:
    """
    Keep packages at the version they have: `{name: {name, changes, result, comment}}`.

    CLI Example:

        salt '*' pkg.hold nginx
    """
    return _hold("hold", name, pkgs, sources, "__pub_jid" in kwargs)


def unhold(name: str | None = None, pkgs: Any = None, sources: Any = None, **kwargs: Any) -> dict[str, Any]:
    """
    Let packages be upgraded again: `{name: {name, changes, result, comment}}`.

    CLI Example:

        salt '*' pkg.unhold nginx
    """
    return _hold("install", name, pkgs, sources, "__pub_jid" in kwargs)


def get_selections(pattern: str | None = None, state: str | None = None) -> dict[str, list[str]]:
    """
    dpkg's selections by state: those of packages that match a glob, or of one state.

    CLI Example:

        salt '*' pkg.get_selections 'python-*' state=hold
    """
    found = _selections(pattern)
    return {key: names for key, names in found.items() if state in (None, key)}


def set_selections(
    path: str | None = None, selection: Any = None, clear: bool = False, saltenv: str = "base"
) -> dict[str, Any]:
    """
    Change dpkg's selections: `selection` is `{state: [names]}`, `path` a file as `dpkg --get-selections` prints it;
    with `clear` all others are cleared first. Returns what changed.

    CLI Example:

        salt '*' pkg.set_selections selection='{install: [netcat], hold: [openssh-server]}'
    """
    if path and selection:
        raise InvocationError("The 'selection' and 'path' arguments to pkg.set_selections are mutually exclusive")
    if path:
        place = __salt__["cp.cache_file"](path, saltenv) if "://" in path else path
        if not place or not os.path.isfile(place):
            raise CommandError(f"There is no file {path}")
        with open(place, encoding="utf-8") as file:
            lines = [line for line in map(str.strip, file) if line and not line.startswith("#")]
        wanted: dict[str, str] = {}
        for line in lines:
            name, _, state = line.partition(" ") if "\t" not in line else line.partition("\t")
            wanted[name] = state.strip()
    else:
        if isinstance(selection, str):
            import yaml  # few selections come as a text

            try:
                selection = yaml.safe_load(selection)
            except yaml.YAMLError as exc:
                raise InvocationError(f"Unable to read the selection: {exc}") from exc
        if selection is not None and not isinstance(selection, Mapping):
            raise InvocationError(f"Invalid state(s): {selection}")
        wanted = {}
        for state, names in (selection or {}).items():
            for name in [names] if isinstance(names, str) else names:
                wanted[str(name)] = str(state)
    bad = sorted({state for state in wanted.values() if state not in _STATES})
    if bad:
        raise InvocationError(f"Invalid state(s): {', '.join(bad)}")
    __utils__["packages.checked"](wanted)
    if not wanted:
        return {}
    before = _states()
    news = {name: state for name, state in wanted.items() if before.get(name) != state}
    if __opts__.get("test"):
        return {name: {"old": before.get(name), "new": state} for name, state in news.items()}
    if clear:
        __utils__["apt.must"](["dpkg", "--clear-selections"])
        news = wanted
    if news:
        _select(news)
    return {name: {"old": before.get(name), "new": state} for name, state in news.items() if before.get(name) != state}


def _hold(state: str, name: str | None, pkgs: Any, sources: Any, asked: bool) -> dict[str, Any]:
    if name is None and pkgs is None and sources is None:
        raise InvocationError("One of name, pkgs, or sources must be specified.")
    if pkgs is not None and sources is not None:
        raise InvocationError("Only one of pkgs or sources can be specified.")
    given = list(__salt__["pkg_resource.pack_sources"](sources)) if sources is not None else None
    names = __utils__["packages.names"](name, pkgs if given is None else given)
    before = _states()
    found: dict[str, Any] = {}
    wanted: dict[str, str] = {}
    for target in names:
        row = found[target] = {"name": target, "changes": {}, "result": True, "comment": ""}
        there = before.get(target)
        if there is None:
            row |= {"result": False, "comment": f"Package {target} does not have a state."}
        elif (there == "hold") == (state == "hold"):
            row["comment"] = f"Package {target} is already set {'' if state == 'hold' else 'not '}to be held."
        elif __opts__.get("test"):
            what = "set to be held" if state == "hold" else "set not to be held"
            row |= {"result": None, "comment": f"Package {target} is {what}."}
        else:
            wanted[target] = state
            now = "now" if state == "hold" else "no longer"
            row |= {"changes": {"old": there, "new": state}, "comment": f"Package {target} is {now} being held."}
    if wanted:
        _select(wanted)
    if asked and any(row["result"] is False for row in found.values()):
        __context__["retcode"] = 1
    return found


def _selections(pattern: str | None = None) -> dict[str, list[str]]:
    if pattern:
        __utils__["packages.checked"]([pattern])
    return __utils__["apt.selections"](__utils__["apt.must"](["dpkg", "--get-selections", pattern or "*"])["stdout"])


def _states() -> dict[str, str]:
    """The selection of each package, also by its name without this host's architecture."""
    found = {name: state for state, names in _selections().items() for name in names}
    return {__salt__["pkg.normalize_name"](name): state for name, state in found.items()} | found


def _select(wanted: Mapping[str, str]) -> None:
    lines = "".join(f"{name} {state}\n" for name, state in wanted.items())
    __utils__["apt.must"](["dpkg", "--set-selections"], stdin=lines)
