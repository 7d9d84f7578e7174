"""
What formulas hold in maps and files of data, as their templates import it: to look at while one is written.
"""

from __future__ import annotations

import json
from typing import Any

from trisalt.errors import InvocationError
from trisalt.fileserver.client import client_of
from trisalt.state.templates import Templates

_NEWLINE = "\n"


def load_map(path, value):
    """
    What a template calls ``value``, as another one that imports it sees it

    CLI Example:

    .. code-block:: bash

        salt '*' jinja.load_map web/map.jinja web
    """
    if not str(value).isidentifier():
        raise InvocationError(f"{value!r} is no name that a template can import")
    # A line each, as errors count them.
    return _loaded(f"{{% from path import {value} with context %}}{_NEWLINE}{{{{ {value} | tojson }}}}", path)


def import_yaml(path):
    """
    The data of a YAML file, which may be a template

    CLI Example:

    .. code-block:: bash

        salt '*' jinja.import_yaml web/defaults.yaml
    """
    return _loaded(f"{{% import_yaml path as data %}}{_NEWLINE}{{{{ data | tojson }}}}", path)


def import_json(path):
    """
    The data of a JSON file, which may be a template

    CLI Example:

    .. code-block:: bash

        salt '*' jinja.import_json web/defaults.json
    """
    return _loaded(f"{{% import_json path as data %}}{_NEWLINE}{{{{ data | tojson }}}}", path)


def _loaded(text: str, path: str) -> Any:
    """What a template makes of a file of the file server, by way of JSON."""
    templates = Templates(__plugins__, client_of(__opts__, __context__))
    env = __opts__.get("saltenv") or "base"
    return json.loads(templates.any(text, path="<string>", env=env, renderer="jinja", variables={"path": path}))
