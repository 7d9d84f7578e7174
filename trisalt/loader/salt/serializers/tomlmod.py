"""TOML; to be read."""

import tomllib

from salt.serializers import DeserializationError

__virtualname__ = "toml"
available = HAS_TOML = True


def __virtual__():
    return __virtualname__


def deserialize(stream_or_string, **options):
    """What a text or a file says."""
    try:
        text = stream_or_string.read() if hasattr(stream_or_string, "read") else stream_or_string
        return tomllib.loads(text.decode() if isinstance(text, bytes) else text, **options)
    except Exception as exc:
        raise DeserializationError(str(exc)) from exc
