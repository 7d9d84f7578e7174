"""The one place where dunders are injected into plugin files, inside worker processes and commands.

`Plugins` holds what they refer to: one set of `__opts__`, `__grains__`, `__pillar__`, `__context__`, and a loader
for each kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from trisalt.loader.loader import Loader


class Plugins:
    """All the loaders of one process, and the dunders they share.

    `grains` and `pillar` may be functions: they are called when a plugin first looks.
    """

    def __init__(
        self,
        opts: Mapping[str, Any],
        *,
        grains: Mapping[str, Any] | Callable[[], Mapping[str, Any]] = (),  # type: ignore[assignment]
        pillar: Mapping[str, Any] | Callable[[], Mapping[str, Any]] = (),  # type: ignore[assignment]
    ) -> None:
        raise NotImplementedError

    def loader(self, kind: str) -> Loader:
        """The loader of a kind; the same one each time."""
        raise NotImplementedError
