"""YAML, in Salt's dialect: dates are text, a key twice is an error, leading zeros do not make a number octal."""

import yaml
from yaml import *  # noqa: F403 - plugins reach all of the library through here
from yaml import YAMLError, parser, scanner  # noqa: F401

from trisalt.sls.dialect import SaltDumper, SaltLoader

SaltYamlSafeLoader = SaltLoader

OrderedDumper = SafeOrderedDumper = IndentedSafeOrderedDumper = SaltDumper


def load(stream, Loader=SaltLoader):
    """What a YAML text or file says."""
    return yaml.load(stream, Loader=Loader)


safe_load = load


def dump(data, stream=None, **kwargs):
    """Data as YAML; leaves in flow style, what is above as blocks."""
    kwargs.setdefault("allow_unicode", True)
    kwargs.setdefault("default_flow_style", None)
    return yaml.dump(data, stream, **{"Dumper": SafeOrderedDumper, **kwargs})


def safe_dump(data, stream=None, **kwargs):
    """Data as YAML; what YAML does not know is an error."""
    return dump(data, stream, **kwargs)
