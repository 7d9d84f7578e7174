"""
Defaults of formulas: read from their files, and merged.
"""

from __future__ import annotations

import copy
import json
from typing import Any

from trisalt.errors import CommandError
from trisalt.fileserver.client import FileClient
from trisalt.sls import yaml
from trisalt.target.data import traverse


def get(key, default=""):
    """
    A default of a formula: ``formula:path:in:its:file``, of ``salt://formula/defaults.yaml`` or ``….json``

    CLI Example:

    .. code-block:: bash

        salt '*' defaults.get core:users:root
    """
    formula, _, path = str(key).partition(":")
    found = _load(formula)
    return traverse(found, path, default) if path else found


def _load(formula: str) -> Any:
    client = FileClient(__opts__)
    for suffix, read in (("yaml", yaml.load), ("json", json.loads)):
        path = client.cache_file(f"salt://{formula}/defaults.{suffix}", __opts__.get("saltenv") or "base")
        if path:
            try:
                with open(path, encoding="utf-8") as file:
                    return read(file.read()) or {}
            except (OSError, ValueError) as exc:
                raise CommandError(f"{path} cannot be read: {exc}") from exc
    return None


def merge(dest, src, merge_lists=False, in_place=True, convert_none=True):
    """
    Merge ``src`` into ``dest``, or, without ``in_place``, into a copy of it

    merge_lists
        Lists get what they lack; otherwise they are replaced.

    convert_none
        None is an empty map.

    CLI Example:

    .. code-block:: bash

        salt '*' defaults.merge '{a: b}' '{d: e}'
    """
    src = {} if src is None and convert_none else src
    if dest is None and convert_none:
        if in_place:
            raise TypeError("Can't perform in-place merge into NoneType")
        dest = {}
    target = dest if in_place else copy.deepcopy(dest)
    return __salt__["slsutil.update"](target, src, merge_lists=merge_lists)


def deepcopy(source):
    """
    A copy in which nothing is shared with what it is of

    CLI Example:

    .. code-block:: bash

        salt '*' defaults.deepcopy '{a: [b]}'
    """
    return copy.deepcopy(source)


def update(dest, defaults, merge_lists=True, in_place=True, convert_none=True):
    """
    Give each map in ``dest`` the defaults that it lacks

    CLI Example:

    .. code-block:: bash

        salt '*' defaults.update '{host1: {a: 1}}' '{b: 2}'
    """
    if dest is None and in_place:
        raise TypeError("Can't perform in-place update into NoneType")
    dest = {} if dest is None and convert_none else dest
    nodes = dest if in_place else copy.deepcopy(dest)
    defaults = {} if defaults is None and convert_none else defaults
    for name, values in nodes.items():
        nodes[name] = merge(copy.deepcopy(defaults), values, merge_lists=merge_lists, convert_none=convert_none)
    return nodes
