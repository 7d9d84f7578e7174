"""Locales of this host.

de_DE.UTF-8:
  locale.present: []
"""

from __future__ import annotations

from typing import Any

from trisalt.errors import TrisaltError
from trisalt.state.result import returned


def present(name: str) -> dict[str, Any]:
    """
    A locale is generated.
    """
    if __salt__["locale.avail"](name):
        return returned(name, True, f"Locale {name} is already present")
    if __opts__["test"]:
        return returned(name, None, f"Locale {name} needs to be generated", {"locale": name})
    if __salt__["locale.gen_locale"](name):
        return returned(name, True, f"Generated locale {name}", {"locale": name})
    return returned(name, False, f"Failed to generate locale {name}")


def system(name: str) -> dict[str, Any]:
    """
    The host's own locale is this one.
    """
    try:
        if __salt__["locale.get_locale"]() == name:
            return returned(name, True, f"System locale {name} already set")
        if __opts__["test"]:
            return returned(name, None, f"System locale {name} needs to be set", {"locale": name})
        if __salt__["locale.set_locale"](name):
            return returned(name, True, f"Set system locale {name}", {"locale": name})
    except TrisaltError as exc:
        return returned(name, False, f"Failed to set system locale: {exc}")
    return returned(name, False, f"Failed to set system locale to {name}")
