"""Values of the configuration that are kept elsewhere: texts that begin with `sdb://`, at whatever depth.

What they are is asked of drivers, which are plugins (`config.errand`), and only where a file has such a text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from trisalt.config.errand import run_errand

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing costs a command as much as reading its configuration
    from typing import Any

PREFIX = "sdb://"


def opened(
    values: Mapping[str, Any], opts: Mapping[str, Any], user: str, complain: Callable[[str, str], object]
) -> dict[str, Any]:
    """`values` with what the addresses in them stand for. `opts` is what drivers see of the configuration.

    An address of a profile that is not there stays as it is, and is complained of. Raises ConfigError.
    """
    wanted: dict[str, str] = {}
    for key, value in values.items():
        for uri in addresses(value):
            profile = opts.get(uri[len(PREFIX) :].partition("/")[0])
            if isinstance(profile, dict) and profile.get("driver") and "/" in uri[len(PREFIX) :]:
                wanted.setdefault(uri, key)
            else:
                complain(key, f"{key}: {uri} names no profile of this configuration, and is taken as it is")
    if not wanted:
        return dict(values)
    found = run_errand("sdb", opts, user, about=", ".join(wanted), uris=wanted)
    return {key: _with(value, found) for key, value in values.items()}


def addresses(value: object) -> Iterator[str]:
    """The addresses in a value."""
    if isinstance(value, str):
        if value.startswith(PREFIX):
            yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from addresses(item)


def _with(value: Any, found: Mapping[str, Any]) -> Any:
    if isinstance(value, str):
        return found.get(value, value)
    if isinstance(value, dict):
        return {key: _with(item, found) for key, item in value.items()}
    return [_with(item, found) for item in value] if isinstance(value, list) else value
