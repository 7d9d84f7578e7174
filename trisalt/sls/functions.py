"""`salt` in a template: `salt['mod.fun'](…)`, `salt.mod.fun(…)`, `'mod.fun' in salt`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any


class Functions(Mapping[str, Callable[..., Any]]):
    """A mapping of functions by `mod.fun`, with modules as attributes. What is missing is undefined to the template."""

    def __init__(self, functions: Mapping[str, Callable[..., Any]]) -> None:
        self._functions = functions

    def __getitem__(self, name: str) -> Callable[..., Any]:
        return self._functions[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._functions)

    def __len__(self) -> int:
        return len(self._functions)

    def __contains__(self, name: object) -> bool:
        return name in self._functions

    def __getattr__(self, name: str) -> Module:
        # Jinja asks for `salt['mod.fun']` as an attribute too, when there is no such key.
        if name.startswith("_") or "." in name:
            raise AttributeError(name)
        offers = getattr(self._functions, "offers", None)
        if offers is not None and not offers(name):
            raise AttributeError(name)
        return Module(self._functions, name)


class Module:
    def __init__(self, functions: Mapping[str, Callable[..., Any]], name: str) -> None:
        self._functions = functions
        self._name = name

    def __str__(self) -> str:
        return self._name

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self._functions[f"{self._name}.{name}"]
        except KeyError:
            raise AttributeError(name) from None
