"""How plugin code is found: `mod.fun` to a function, filled on first use."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any


class Loader(Mapping[str, Callable[..., Any]]):
    """The functions of one kind by `mod.fun`. Files are imported when a name of theirs is first asked for."""

    def __getitem__(self, name: str) -> Callable[..., Any]:
        """The function; KeyError when it is not there (`missing_reason` says why)."""
        raise NotImplementedError

    def __iter__(self) -> Iterator[str]:
        """All names, sorted; this loads every file of the kind."""
        raise NotImplementedError

    def __len__(self) -> int:
        raise NotImplementedError

    def missing_reason(self, name: str) -> str:
        """Why a name is not there, in stock's words."""
        raise NotImplementedError

    def outputter(self, name: str) -> str | None:
        """The outputter that the function's module asks for."""
        raise NotImplementedError

    def modules(self) -> list[str]:
        """The names of the modules that are there, sorted; this loads every file."""
        raise NotImplementedError

    def reload(self) -> None:
        """Forget what was loaded."""
        raise NotImplementedError
