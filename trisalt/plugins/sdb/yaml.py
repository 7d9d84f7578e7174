"""
Values of YAML files on this host, the later files over the earlier ones.

.. code-block:: yaml

    secrets:
      driver: yaml
      files:
        - /etc/salt/values.yaml
        - /etc/salt/local.yaml

``sdb://secrets/mysql:root`` is then what stands in these files below ``mysql``, under ``root``.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from trisalt.errors import CommandError, RenderError
from trisalt.pillar.merge import merge_recurse
from trisalt.sls import yaml
from trisalt.target.data import traverse

log = logging.getLogger(__name__)


def get(key: str, profile: Mapping[str, Any] | None = None) -> Any:
    """
    The value at a path, its parts divided by colons; None when there is none
    """
    found: dict[str, Any] = {}
    for path in (profile or {}).get("files") or ():
        try:
            with open(path, encoding="utf-8") as file:
                said = yaml.load(file.read())
        except (OSError, UnicodeDecodeError, RenderError) as exc:
            # Never what stands in the file: it may be a secret.
            log.error("The file %s of an sdb profile cannot be read: %s", path, type(exc).__name__)
            continue
        if isinstance(said, Mapping):
            found = merge_recurse(found, said)
        elif said is not None:
            log.error("The file %s of an sdb profile is no map", path)
    return traverse(found, key, None)


def set(key: str, value: Any, profile: Any = None) -> None:
    """
    Refused: these files are written by their owner
    """
    raise CommandError("Setting a value is not supported by the sdb driver yaml")
