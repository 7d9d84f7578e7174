"""YAML."""

import yaml
from yaml import YAMLError

__all__ = ["YAMLError", "dump", "load", "safe_dump", "safe_load"]


def safe_load(stream, Loader=None):
    """What a YAML text says."""
    return yaml.safe_load(stream)


load = safe_load


def safe_dump(data, stream=None, **kwargs):
    """Data as YAML, in blocks."""
    return yaml.safe_dump(data, stream, **{"allow_unicode": True, "default_flow_style": None, **kwargs})


dump = safe_dump
