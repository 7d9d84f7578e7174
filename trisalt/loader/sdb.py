"""`sdb://profile/key` addresses of values that are kept elsewhere, by drivers, which are plugins.

A profile is a key of the options, or of the pillar in them: a map with `driver`, and what that wants. Plugins call
this, and modules of others by way of `salt.utils.sdb`; `loader.errand`, for addresses in a configuration.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any

from trisalt.errors import CommandError, InvocationError
from trisalt.loader.dunders import Plugins

CHARS = "abcdefghijklmnopqrstuvwxyz0123456789!@#$%^&*(-_=+)"


def get(uri: Any, opts: Mapping[str, Any], *, strict: bool = False) -> Any:
    """The value of an address; what is none stays as it is. Raises InvocationError when it has to be one."""
    driver = _driver(uri, opts)
    if driver is None and strict:
        raise InvocationError(f"SDB uri must start with sdb:// and name a configured profile: {uri}")
    return uri if driver is None else driver("get")


def set_(uri: Any, value: Any, opts: Mapping[str, Any]) -> Any:
    """Set the value of an address; False when it is none."""
    driver = _driver(uri, opts)
    return False if driver is None else driver("set", value)


def delete(uri: Any, opts: Mapping[str, Any]) -> Any:
    """Delete the value of an address; False when it is none."""
    driver = _driver(uri, opts)
    return False if driver is None else driver("delete")


def get_or_set_hash(uri: Any, opts: Mapping[str, Any], length: int = 8, chars: str = CHARS) -> Any:
    """The value of an address, a random one when there is none yet; False when it is no address."""
    driver = _driver(uri, opts)
    if driver is None:
        return False
    found = driver("get")
    if found is None:
        driver("set", "".join(secrets.choice(chars) for _ in range(int(length))))
        found = driver("get")
    return found


def _driver(uri: Any, opts: Mapping[str, Any]) -> Callable[..., Any] | None:
    """What calls a function of the driver for the key of an address; None when it is none of a profile there is."""
    if not isinstance(uri, str) or not uri.startswith("sdb://"):
        return None
    name, _, key = uri.removeprefix("sdb://").partition("/")
    profile = opts.get(name) or (opts.get("pillar") or {}).get(name) or {}
    if not key or not isinstance(profile, dict) or "driver" not in profile:
        return None
    loader = Plugins(opts, grains=opts.get("grains"), pillar=opts.get("pillar")).loader("sdb")

    def call(function: str, *args: Any) -> Any:
        # Drivers write set_ where Python has the name.
        for name in (f"{profile['driver']}.{function}", f"{profile['driver']}.{function}_"):
            if name in loader:
                return loader[name](key, *args, profile=profile)
        raise CommandError(f"The sdb driver {profile['driver']} has no {function} here")

    return call
