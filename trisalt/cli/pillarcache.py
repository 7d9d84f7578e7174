"""`minion_pillar_cache`: the pillar that a `salt-call` was given, kept as a pillar root, for calls without a master.

`salt-call --local --pillar-root CACHEDIR/pillar` sees it then. The folder and its files are the minion's alone.
Source: what stock Salt 3008.3 leaves there.
"""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Mapping
from typing import Any

import yaml

log = logging.getLogger(__name__)


def keep(folder: str, minion: str, pillar: Mapping[str, Any], *, saltenv: str = "base") -> bool:
    """Keep a pillar below `folder`. What was kept stays when the new one has errors, or cannot be written."""
    if pillar.get("_errors"):
        log.warning("the pillar has errors, and is not kept")
        return False
    # What it holds was rendered: the first line has nobody do so again.
    files = {"cache.sls": f"#!yaml\n{_dumped(dict(pillar))}", "top.sls": _dumped({saltenv: {minion: ["cache"]}})}
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        os.chmod(folder, 0o700)
        for name, text in files.items():
            _write(folder, name, text)
    except OSError as exc:
        log.warning("the pillar could not be kept in %s: %s", folder, exc.strerror or exc)
        return False
    return True


def _dumped(data: dict[str, Any]) -> str:
    return yaml.safe_dump(data, default_flow_style=None, allow_unicode=True, width=1000)


def _write(folder: str, name: str, text: str) -> None:
    handle, part = tempfile.mkstemp(dir=folder, prefix=f".{name}")  # its owner's alone from the beginning
    try:
        with open(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(part, os.path.join(folder, name))
    except OSError:
        os.unlink(part)
        raise
