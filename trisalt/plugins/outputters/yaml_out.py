"""YAML. What several returns print, one after the other, is one valid map."""

from collections import OrderedDict, defaultdict

import yaml

__virtualname__ = "yaml"

_Base = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_Base):
    """Safe YAML in which an ordered map is a plain one, and what YAML does not know is `NULL`."""


_Dumper.add_representer(OrderedDict, lambda dumper, data: dumper.represent_dict(list(data.items())))
_Dumper.add_representer(defaultdict, _Base.represent_dict)
_Dumper.add_representer(None, lambda dumper, _data: dumper.represent_scalar("tag:yaml.org,2002:null", "NULL"))


def __virtual__():
    return __virtualname__


def output(data, **_kwargs):
    """Block style; `output_indent` sets the indent, a negative one asks for flow style."""
    indent = __opts__.get("output_indent")
    if not isinstance(indent, int):
        style = {"default_flow_style": False}
    elif indent >= 0:
        style = {"default_flow_style": False, "indent": indent}
    else:
        style = {"default_flow_style": True, "indent": 0}
    return yaml.dump(data, Dumper=_Dumper, allow_unicode=True, **style)
