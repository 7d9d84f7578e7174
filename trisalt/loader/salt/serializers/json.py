"""JSON."""

import salt.utils.json
from salt.serializers import DeserializationError, SerializationError

available = True


def deserialize(stream_or_string, **options):
    """What a text or a file says."""
    try:
        if hasattr(stream_or_string, "read"):
            return salt.utils.json.load(stream_or_string, **options)
        return salt.utils.json.loads(stream_or_string, **options)
    except Exception as exc:
        raise DeserializationError(str(exc)) from exc


def serialize(obj, **options):
    """Data as text."""
    try:
        if "fp" in options:
            return salt.utils.json.dump(obj, **options)
        return salt.utils.json.dumps(obj, **options)
    except Exception as exc:
        raise SerializationError(str(exc)) from exc
