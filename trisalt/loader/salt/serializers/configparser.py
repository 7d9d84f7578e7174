"""INI files."""

import configparser
import io

from salt.serializers import DeserializationError, SerializationError

available = True


def deserialize(stream_or_string, **options):
    """The sections of a text or a file."""
    parser = configparser.ConfigParser(**options)
    try:
        text = stream_or_string.read() if hasattr(stream_or_string, "read") else stream_or_string
        parser.read_string(text.decode() if isinstance(text, bytes) else text)
    except Exception as exc:
        raise DeserializationError(str(exc)) from exc
    return {name: dict(parser.items(name)) for name in parser.sections()}


def serialize(obj, **options):
    """Sections as text."""
    stream = options.pop("fp", None)
    try:
        if not isinstance(obj, dict):
            raise TypeError("configparser can only serialize dictionaries")
        parser = configparser.ConfigParser(**options)
        for name, values in obj.items():
            parser[name] = {key: str(value) for key, value in values.items()}
        out = stream or io.StringIO()
        parser.write(out)
    except Exception as exc:
        raise SerializationError(str(exc)) from exc
    return None if stream else out.getvalue()
