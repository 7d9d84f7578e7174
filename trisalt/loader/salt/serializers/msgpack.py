"""MessagePack."""

import salt.utils.msgpack
from salt.serializers import DeserializationError, SerializationError

available = True


def deserialize(stream_or_string, **options):
    """What bytes or a file say."""
    try:
        data = stream_or_string.read() if hasattr(stream_or_string, "read") else stream_or_string
        return salt.utils.msgpack.loads(data, **{"raw": False, **options})
    except Exception as exc:
        raise DeserializationError(str(exc)) from exc


def serialize(obj, **options):
    """Data as bytes."""
    try:
        return salt.utils.msgpack.dumps(obj, **options)
    except Exception as exc:
        raise SerializationError(str(exc)) from exc
