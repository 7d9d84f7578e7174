"""`id_function`: an execution function that says what a minion is called.

It runs before there is an id, so with the grains of the host and without a pillar. Plugins run here: a daemon has this
called in a process that ends with it (`loader.errand`), `salt-call` calls it in its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trisalt.errors import ConfigError
from trisalt.loader.dunders import Plugins
from trisalt.loader.grains import gather


def id_by_function(opts: Mapping[str, Any]) -> str:
    """What the function gives that `opts["id_function"]` names. Raises ConfigError with one line."""
    name, kwargs = _named(opts["id_function"])
    stem = name.partition(".")[0]
    # The file of that name is it, whatever its `__virtual__` says: that may want what is not there so early.
    # Source: stock Salt 3008.3.
    early = {**opts, "providers": {stem: stem, **(opts.get("providers") or {})}}
    loader = Plugins(early, grains=lambda: gather(opts)).loader("modules")
    function = loader.get(name)
    if function is None:
        raise ConfigError(f"id_function: Failed to load module {name}: {loader.missing_reason(name)}")
    from inspect import signature  # few minions have such a function

    try:
        signature(function).bind(**kwargs)
    except TypeError as exc:
        raise ConfigError(f"id_function: Function arguments are incorrect for function {name}: {exc}") from exc
    try:
        given = function(**kwargs)
    except (Exception, SystemExit) as exc:  # somebody else's code: what it says has to be told in one line
        raise ConfigError(f"id_function: {name} failed: {type(exc).__name__}: {_one_line(exc)}") from exc
    if not isinstance(given, str) or not given:
        raise ConfigError(
            f'id_function: Function {name} returned value "{_one_line(given)}" of type {type(given)} instead of string'
        )
    return given


def _named(said: object) -> tuple[str, dict[str, Any]]:
    """The function and its keyword arguments: `mod.fun`, or a map of it to them."""
    if isinstance(said, str):
        return said, {}
    if not isinstance(said, Mapping) or not said:
        raise ConfigError("'id_function' option is neither a string nor a dictionary")
    name, kwargs = next(iter(said.items()))
    if kwargs is not None and not isinstance(kwargs, Mapping):
        raise ConfigError(f"id_function: the arguments of {name} are no map of names to values")
    return str(name), {str(key): value for key, value in (kwargs or {}).items()}


def _one_line(value: object) -> str:
    return " ".join(str(value).split())[:200]
