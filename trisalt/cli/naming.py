"""Ask `id_function` for the id of the minion that is about to start, or that a command asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trisalt.config.errand import run_errand


class IdAsked:
    """The id that the function gave, asked for once: a minion that reads its configuration again stays who it is."""

    def __init__(self) -> None:
        self._id: str | None = None

    def __call__(self, opts: Mapping[str, Any]) -> str:
        """The id. Raises ConfigError."""
        if self._id is None:
            self._id = str(run_errand("id_function", opts, str(opts["user"]), about="id_function"))
        return self._id
