"""`sdb://profile/key` addresses: what the module `sdb` does, for modules of others too."""

from trisalt.loader import sdb


def sdb_get(uri, opts, utils=None, strict=False):
    """The value of an address; what is none stays as it is. Raises SaltInvocationError when that is asked for."""
    return sdb.get(uri, opts, strict=strict)


def sdb_set(uri, value, opts, utils=None):
    """Set the value of an address."""
    return sdb.set_(uri, value, opts)


def sdb_delete(uri, opts, utils=None):
    """Delete the value of an address."""
    return sdb.delete(uri, opts)


def sdb_get_or_set_hash(uri, opts, length=8, chars=sdb.CHARS, utils=None):
    """The value of an address, a random one when there is none yet."""
    return sdb.get_or_set_hash(uri, opts, length, chars)
