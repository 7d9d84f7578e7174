"""MessagePack; text comes back as bytes, unless `raw=False` asks for text."""

import msgpack
from msgpack import Unpacker, exceptions  # noqa: F401 - plugins reach them through here

HAS_MSGPACK = True
version = msgpack.version


def packb(o, **kwargs):
    """Data as bytes."""
    return msgpack.packb(o, **kwargs)


def unpackb(packed, **kwargs):
    """What bytes say."""
    kwargs.pop("encoding", None)
    return msgpack.unpackb(packed, **{"raw": True, "strict_map_key": False, **kwargs})


def pack(o, stream, **kwargs):
    """Write data to a file."""
    stream.write(packb(o, **kwargs))


def unpack(stream, **kwargs):
    """What a file says."""
    return unpackb(stream.read(), **kwargs)


dumps, loads, dump, load = packb, unpackb, pack, unpack
