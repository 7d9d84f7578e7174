"""Which returners are named, and the options of one: what the configuration says, as stock's returners look for it.

`salt.returners` offers it to third-party returners; those of our shelf use it too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

_NOTHING = ("", None)


def returner_names(*wanted: object) -> tuple[str, ...]:
    """The returners that a job and the configuration name, each once: lists, or texts with commas between."""
    names: dict[str, None] = {}
    for value in wanted:
        words: Iterable[object] = value.split(",") if isinstance(value, str) else _items(value)
        names.update((word.strip(), None) for word in words if isinstance(word, str) and word.strip())
    return tuple(names)


def _items(value: object) -> Iterable[object]:
    return value if isinstance(value, list | tuple) else ()


def get_returner_options(
    virtualname: str, ret: Mapping[str, Any] | None = None, attrs: Mapping[str, str] | None = None, **kwargs: Any
) -> dict[str, Any]:
    """The options named in `attrs` (the returner's name for each, to the configuration's).

    An option is looked for as `<ret_config>.<returner>.<option>` where the job names an alternative configuration,
    then as `<returner>.<option>`, flat or nested; what is in neither takes its value from `defaults`, or is left out.
    A profile (`profile_attr`, `profile_attrs`) overrides these, and the job's `ret_kwargs` override all.

    `__salt__`, with `config.option` in it, is where the configuration is asked; `__opts__` where there is none.
    """
    given: Mapping[str, Any] = ret or {}
    salt: Mapping[str, Any] = kwargs.get("__salt__") or {}
    opts: Mapping[str, Any] = kwargs.get("__opts__") or {}
    defaults: Mapping[str, Any] = kwargs.get("defaults") or {}
    ask = salt.get("config.option") or (lambda key, default="": opts.get(key, default))
    alternative = str(given.get("ret_config") or "")
    options: dict[str, Any] = {}
    for name, attr in (attrs or {}).items():
        value = _look(ask, alternative, virtualname, attr)
        if value not in _NOTHING:
            options[name] = value
        elif name in defaults:
            options[name] = defaults[name]
    options |= _profile(ask, virtualname, options, kwargs.get("profile_attr"), kwargs.get("profile_attrs"))
    return options | dict(given.get("ret_kwargs") or {})


def _look(ask: Callable[..., Any], alternative: str, virtualname: str, attr: str) -> Any:
    for place in ([f"{alternative}.{virtualname}"] if alternative else []) + [virtualname]:
        nested = ask(place, {})
        value = nested.get(attr) if isinstance(nested, Mapping) else None
        if value is None:
            value = ask(f"{place}.{attr}")
        if value not in _NOTHING:
            return value
    return None


def _profile(
    ask: Callable[..., Any],
    virtualname: str,
    options: Mapping[str, Any],
    profile_attr: str | None,
    profile_attrs: Mapping[str, str] | None,
) -> dict[str, Any]:
    """What the profile that an option names says of the others."""
    profile = options.get(profile_attr) if profile_attr else None
    found = ask(profile) if profile else None
    if not isinstance(found, Mapping):
        return {}
    return {name: found.get(f"{virtualname}.{attr}") for name, attr in (profile_attrs or {}).items()}
