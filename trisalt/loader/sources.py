"""Where plugin files come from, in order: the first that has a name wins."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any


def sources(kind: str, opts: Mapping[str, Any]) -> list[Path]:
    """The directories of a kind: synced extension modules, configured directories, entry points, our own shelf."""
    raise NotImplementedError
