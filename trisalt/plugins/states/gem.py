"""Packages of Ruby, and where they come from.

bundler:
  gem.installed:
    - version: ~> 2.3
    - require:
      - pkg: ruby
"""

from __future__ import annotations

from typing import Any

from trisalt.errors import TrisaltError
from trisalt.state.result import returned


def __virtual__() -> Any:
    if "gem.list" in __salt__:
        return True
    return False, "gem module could not be loaded"


def installed(
    name: str,
    ruby: str | None = None,
    gem_bin: str | None = None,
    user: str | None = None,
    version: str | None = None,
    rdoc: bool = False,
    ri: bool = False,
    pre_releases: bool = False,
    proxy: str | None = None,
    source: str | None = None,
) -> dict[str, Any]:
    """
    A package is there, in a version that fulfils conditions as gem has them; `name:1.2.3` in that version.
    """
    where = {"ruby": ruby, "gem_bin": gem_bin, "runas": user}
    package, _, named = str(name).partition(":")
    wanted = str(version or named)
    exact = wanted.lstrip("= ")
    try:
        if __salt__["gem.is_installed"](package, wanted or None, **where):
            plain = not wanted or exact[:1].isdigit()
            text = "Gem is already installed." if plain else "Installed Gem meets version requirements."
            return returned(name, True, text)
        changes = {name: "Installed"}
        if __opts__["test"]:
            return returned(name, None, f"The gem {name} would have been installed", changes)
        how = {"rdoc": rdoc, "ri": ri, "pre_releases": pre_releases, "proxy": proxy, "source": source}
        __salt__["gem.install"](package, version=wanted or None, **how, **where)
    except TrisaltError as exc:
        return returned(name, False, f"Could not install gem. {exc}")
    return returned(name, True, "Gem was successfully installed", changes)


def removed(name: str, ruby: str | None = None, user: str | None = None, gem_bin: str | None = None) -> dict[str, Any]:
    """
    A package is not there, in no version.
    """
    where = {"ruby": ruby, "gem_bin": gem_bin, "runas": user}
    try:
        if not __salt__["gem.is_installed"](name, **where):
            return returned(name, True, "Gem is not installed.")
        if __opts__["test"]:
            return returned(name, None, f"The gem {name} would have been removed", {name: "Removed"})
        __salt__["gem.uninstall"](name, **where)
        if __salt__["gem.is_installed"](name, **where):
            return returned(name, False, "Could not remove gem. It comes with ruby itself.")
    except TrisaltError as exc:
        return returned(name, False, f"Could not remove gem. {exc}")
    return returned(name, True, "Gem was successfully removed.", {name: "Removed"})


def sources_add(name: str, ruby: str | None = None, user: str | None = None) -> dict[str, Any]:
    """
    Packages come from this place, too.
    """
    try:
        if name in __salt__["gem.sources_list"](ruby, runas=user):
            return returned(name, True, "Gem source is already added.")
        if __opts__["test"]:
            return returned(name, None, f"The gem source {name} would have been added.", {name: "Installed"})
        __salt__["gem.sources_add"](source_uri=name, ruby=ruby, runas=user)
    except TrisaltError as exc:
        return returned(name, False, f"Could not add gem source. {exc}")
    return returned(name, True, "Gem source was successfully added.", {name: "Installed"})


def sources_remove(name: str, ruby: str | None = None, user: str | None = None) -> dict[str, Any]:
    """
    Packages do not come from this place.
    """
    try:
        if name not in __salt__["gem.sources_list"](ruby, runas=user):
            return returned(name, True, "Gem source is already removed.")
        if __opts__["test"]:
            return returned(name, None, "The gem source would have been removed.", {name: "Removed"})
        __salt__["gem.sources_remove"](source_uri=name, ruby=ruby, runas=user)
    except TrisaltError as exc:
        return returned(name, False, f"Could not remove gem source. {exc}")
    return returned(name, True, "Gem source was successfully removed.", {name: "Removed"})
