"""JSON."""

import json
from json import JSONDecodeError

__all__ = ["JSONDecodeError", "dump", "dumps", "find_json", "load", "loads"]


def loads(s, **kwargs):
    """What a JSON text says."""
    kwargs.pop("json_module", None)
    return json.loads(s, **kwargs)


def load(fp, **kwargs):
    """What a JSON file says."""
    return loads(fp.read(), **kwargs)


def dumps(obj, **kwargs):
    """Data as JSON; signs beyond ASCII stay what they are."""
    kwargs.pop("json_module", None)
    return json.dumps(obj, **{"ensure_ascii": False, **kwargs})


def dump(obj, fp, **kwargs):
    """Write data as JSON."""
    fp.write(dumps(obj, **kwargs))


def find_json(raw):
    """The first JSON document among the lines of a text. Raises ValueError."""
    lines = raw.splitlines()
    for number, line in enumerate(lines):
        if line.lstrip().startswith(("{", "[")):
            try:
                return json.JSONDecoder().raw_decode("\n".join(lines[number:]).lstrip())[0]
            except ValueError:
                continue
    raise ValueError("no JSON in the text")
