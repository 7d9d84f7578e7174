"""MessagePack, as it travels."""

from trisalt.wire.codec import pack, unpack


def dumps(msg, use_bin_type=False):
    """Data as bytes."""
    return pack(msg)


def loads(msg, encoding=None, raw=False):
    """What bytes say."""
    return unpack(msg)


def load(fn_):
    """What a file says, which is closed."""
    with fn_ as file:
        data = file.read()
    return loads(data) if data else None


def dump(msg, fn_):
    """Write data to a file, which is closed."""
    with fn_ as file:
        file.write(dumps(msg))


package, unpackage = dumps, loads


class Serial:
    """The same as methods."""

    def __init__(self, opts=None):
        self.opts = opts

    dumps = staticmethod(dumps)
    loads = staticmethod(loads)
    load = staticmethod(load)
    dump = staticmethod(dump)
