"""Gather grains: call every function of the grains shelf and of synced `_grains`, and lay the static ones on top."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def gather(opts: Mapping[str, Any]) -> dict[str, Any]:
    """All grains of this host. Runs plugins: call it in a worker (`workers.run(gather, opts)`) or in a command.

    A function of the shelf that fails is logged and left out. Static grains: the file `grains` beside the minion's
    configuration, then `opts["grains"]`, which win.
    """
    raise NotImplementedError
