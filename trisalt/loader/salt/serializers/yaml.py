"""YAML as its library has it: numbers and dates as YAML means them, and of a key that stands twice the later."""

import salt.utils.yaml
import yaml
from salt.serializers import DeserializationError, SerializationError

available = True
Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Dumper(salt.utils.yaml.SafeOrderedDumper):
    """All maps are sorted, also those that are ordered on purpose."""


Dumper.add_multi_representer(dict, lambda dumper, data: dumper.represent_dict(data))


def deserialize(stream_or_string, **options):
    """What a text or a file says."""
    try:
        return yaml.load(stream_or_string, **{"Loader": Loader, **options})
    except Exception as exc:
        raise DeserializationError(str(exc)) from exc


def serialize(obj, **options):
    """Data as text, on blocks if `default_flow_style` says so."""
    try:
        text = salt.utils.yaml.dump(obj, **{"Dumper": Dumper, "allow_unicode": False, **options})
    except Exception as exc:
        raise SerializationError(str(exc)) from exc
    for end in ("...\n", "\n"):
        text = text.removesuffix(end)
    return text
