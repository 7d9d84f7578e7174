"""`sdb://profile/key` addresses: what the module `sdb` does, for modules of others too."""

import secrets

from trisalt.errors import CommandError, InvocationError
from trisalt.loader.dunders import Plugins


def _driver(uri, opts):
    """What calls a function of the driver for the key of an address; None when it is none of a profile there is."""
    if not isinstance(uri, str) or not uri.startswith("sdb://"):
        return None
    name, _, key = uri.removeprefix("sdb://").partition("/")
    profile = opts.get(name) or (opts.get("pillar") or {}).get(name) or {}
    if not key or not isinstance(profile, dict) or "driver" not in profile:
        return None
    loader = Plugins(opts, grains=opts.get("grains"), pillar=opts.get("pillar")).loader("sdb")

    def call(function, *args):
        # Drivers write set_ where Python has the name.
        for name in (f"{profile['driver']}.{function}", f"{profile['driver']}.{function}_"):
            if name in loader:
                return loader[name](key, *args, profile=profile)
        raise CommandError(f"The sdb driver {profile['driver']} has no {function} here")

    return call


def sdb_get(uri, opts, utils=None, strict=False):
    """The value of an address; what is none stays as it is. Raises SaltInvocationError when that is asked for."""
    driver = _driver(uri, opts)
    if driver is None and strict:
        raise InvocationError(f"SDB uri must start with sdb:// and name a configured profile: {uri}")
    return uri if driver is None else driver("get")


def sdb_set(uri, value, opts, utils=None):
    """Set the value of an address."""
    driver = _driver(uri, opts)
    return False if driver is None else driver("set", value)


def sdb_delete(uri, opts, utils=None):
    """Delete the value of an address."""
    driver = _driver(uri, opts)
    return False if driver is None else driver("delete")


def sdb_get_or_set_hash(uri, opts, length=8, chars="abcdefghijklmnopqrstuvwxyz0123456789!@#$%^&*(-_=+)", utils=None):
    """The value of an address, a random one when there is none yet."""
    driver = _driver(uri, opts)
    if driver is None:
        return False
    found = driver("get")
    if found is None:
        driver("set", "".join(secrets.choice(chars) for _ in range(int(length))))
        found = driver("get")
    return found
