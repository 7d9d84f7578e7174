"""JSON."""

import json
from json import JSONDecodeError

__all__ = ["JSONDecodeError", "dump", "dumps", "find_json", "import_json", "load", "loads"]


def import_json():
    """The module that reads and writes JSON."""
    return json


def loads(s, **kwargs):
    """What a JSON text says."""
    module = kwargs.pop("_json_module", json)
    try:
        return module.loads(s, **kwargs)
    except TypeError:
        # Older plugins hand in what older Pythons took.
        return module.loads(s.decode() if isinstance(s, bytes) else s, **kwargs)


def load(fp, **kwargs):
    """What a JSON file says."""
    return loads(fp.read(), **kwargs)


def dumps(obj, **kwargs):
    """Data as JSON; signs beyond ASCII stay what they are."""
    module = kwargs.pop("_json_module", json)
    return module.dumps(obj, **{"ensure_ascii": False, **kwargs})


def dump(obj, fp, **kwargs):
    """Write data as JSON."""
    fp.write(dumps(obj, **kwargs))


def find_json(s):
    """The first JSON document in a text, whatever stands before and behind it. Raises ValueError."""
    decoder = json.JSONDecoder()
    lines = s.splitlines()
    for number, line in enumerate(lines):
        if not line.lstrip().startswith(("{", "[")):
            continue
        try:
            return decoder.raw_decode("\n".join(lines[number:]).lstrip())[0]
        except ValueError:
            continue
    raise ValueError("no JSON in the text")
