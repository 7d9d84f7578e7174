"""What the states `apache_module`, `apache_site` and `apache_conf` have in common: something is switched on, or off."""

from __future__ import annotations

from typing import Any

from trisalt.errors import TrisaltError
from trisalt.state.result import returned

# By what it is called in the states: the functions that tell, switch on and switch off.
FUNCTIONS = {
    "module": ("check_mod_enabled", "a2enmod", "a2dismod"),
    "site": ("check_site_enabled", "a2ensite", "a2dissite"),
    "conf": ("check_conf_enabled", "a2enconf", "a2disconf"),
}


def loads(kind: str) -> Any:
    """What `__virtual__` of such a state says."""
    if f"apache.{FUNCTIONS[kind][1]}" in __salt__:
        return f"apache_{kind}"
    return False, "apache module could not be loaded"


def switch(kind: str, name: str, *, on: bool) -> dict[str, Any]:
    """Have something enabled, or disabled."""
    check, enable, disable = (__salt__[f"apache.{function}"] for function in FUNCTIONS[kind])
    verb = "enable" if on else "disable"
    if check(name) == on:
        return returned(name, True, f"{name} already {verb}d.")
    changes = {"old": None, "new": name} if on else {"old": name, "new": None}
    if __opts__["test"]:
        return returned(name, None, f"Apache {kind} {name} is set to be {verb}d.", changes)
    try:
        status = (enable if on else disable)(name)["Status"]
    except TrisaltError as exc:
        status = str(exc)
    if f"{verb}d" in status and check(name) == on:
        return returned(name, True, "", changes)
    return returned(name, False, f"Failed to {verb} {name} Apache {kind} ({status})")
