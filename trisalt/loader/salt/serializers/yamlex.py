"""YAML with `!aggregate` and `!reset`."""

from salt.serializers import DeserializationError
from salt.serializers.yaml import serialize

from trisalt.errors import TrisaltError
from trisalt.sls import yamlex

__all__ = ["deserialize", "serialize"]
available = True


def deserialize(stream_or_string, **options):
    """What a text or a file says: of what is marked, all values of a key, and else the last."""
    try:
        text = stream_or_string.read() if hasattr(stream_or_string, "read") else stream_or_string
        return yamlex.load(text.decode() if isinstance(text, bytes) else text, **options)
    except (TrisaltError, UnicodeDecodeError, TypeError) as exc:
        raise DeserializationError(str(exc)) from exc
