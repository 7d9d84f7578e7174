"""The execution functions that somebody from outside may name, where `whitelist_modules` says which.

A job, the schedule, `salt-call` and the state `module.run` find no others; plugins among themselves do, by `__salt__`:
a minion that offers `state` alone can still manage files. Source: stock Salt 3008.3.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from trisalt.loader.loader import Loader


class Offered(Mapping[str, Callable[..., Any]]):
    """Of a loader's functions those of these modules."""

    def __init__(self, loader: Loader, modules: Collection[str]) -> None:
        self._loader = loader
        self._modules = frozenset(modules)

    def __getitem__(self, name: str) -> Callable[..., Any]:
        if not isinstance(name, str) or name.partition(".")[0] not in self._modules:
            raise KeyError(name)
        return self._loader[name]

    def __iter__(self) -> Iterator[str]:
        for module in sorted(self._modules):
            yield from self._loader.names(module)

    def __len__(self) -> int:
        return sum(1 for _name in self)

    def missing_reason(self, name: str) -> str:
        """Why a name is not there, in stock's words."""
        if name.partition(".")[0] not in self._modules:
            return f"'{name}' is not available."
        return self._loader.missing_reason(name)

    def outputter(self, name: str) -> str | None:
        """The outputter that the function's module asks for."""
        return self._loader.outputter(name)
