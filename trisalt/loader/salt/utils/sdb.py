"""`sdb://profile/key` addresses."""

import secrets

from trisalt.errors import InvocationError
from trisalt.loader.dunders import Plugins


def _driver(uri, opts):
    """The driver of an address, its profile and the key."""
    if not isinstance(uri, str) or not uri.startswith("sdb://"):
        return None
    name, slash, key = uri[len("sdb://") :].partition("/")
    if not slash:
        raise InvocationError(f"{uri} names no key")
    profile = opts.get(name) or (opts.get("pillar") or {}).get(name) or {}
    driver = profile.get("driver")
    if not driver:
        return None
    return Plugins(opts, grains=opts.get("grains"), pillar=opts.get("pillar")).loader("sdb"), driver, profile, key


def sdb_get(uri, opts, utils=None, strict=False):
    """The value of an address; what is none stays as it is. Raises SaltInvocationError when that is asked for."""
    found = _driver(uri, opts)
    if found is None:
        if strict:
            raise InvocationError(f"SDB uri must start with sdb:// and name a configured profile: {uri}")
        return uri
    loader, driver, profile, key = found
    return loader[f"{driver}.get"](key, profile=profile)


def sdb_set(uri, value, opts, utils=None):
    """Set the value of an address."""
    found = _driver(uri, opts)
    if found is None:
        return False
    loader, driver, profile, key = found
    return loader[f"{driver}.set"](key, value, profile=profile)


def sdb_delete(uri, opts, utils=None):
    """Delete the value of an address."""
    found = _driver(uri, opts)
    if found is None:
        return False
    loader, driver, profile, key = found
    return loader[f"{driver}.delete"](key, profile=profile)


def sdb_get_or_set_hash(uri, opts, length=8, chars="abcdefghijklmnopqrstuvwxyz0123456789!@#$%^&*(-_=+)", utils=None):
    """The value of an address, a random one when there is none yet."""
    found = sdb_get(uri, opts, utils)
    if found is None:
        sdb_set(uri, "".join(secrets.choice(chars) for _ in range(int(length))), opts, utils)
        found = sdb_get(uri, opts, utils)
    return found
