"""Look by beacons: plugins that watch something on this host and say what they have seen.

Plugins run here: `minion/beacons` calls these functions in a worker of its own that stays, so that a beacon finds what
it has kept of earlier looks. Source of the calls and of the events' shape: stock Salt 3008.3.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from trisalt.loader.dunders import Plugins

log = logging.getLogger(__name__)


def look(
    id: str, due: Sequence[Sequence[Any]], resting: Sequence[Sequence[Any]], plugins: Plugins
) -> dict[str, dict[str, Any]]:
    """Have each of `due`, `(name, module, config)`, look once: by name its `events`, or what was `wrong`.

    Those of `resting` let go of what they hold.
    """
    for name, module, config in resting:
        close(name, module, config, plugins)
    return {name: _looked(id, name, module, config, plugins) for name, module, config in due}


def validate(module: str, config: list[Any], plugins: Plugins) -> list[Any]:
    """Whether a beacon takes this configuration, and what it says of it."""
    function = plugins.loader("beacons").get(f"{module}.validate")
    if function is None:
        return [True, f"Beacon {module} does not have a validate function, skipping validation."]
    try:
        valid, said = function(config)
    except Exception as exc:
        return [False, f"{type(exc).__name__}: {exc}"]
    return [bool(valid), str(said)]


def available(plugins: Plugins) -> list[str]:
    """The beacons that can be used on this host."""
    return sorted({name.partition(".")[0] for name in plugins.loader("beacons") if name.endswith(".beacon")})


def close(name: str, module: str, config: list[Any], plugins: Plugins) -> None:
    """Let a beacon let go of what it holds: it is not asked again, for now or for ever."""
    function = plugins.loader("beacons").get(f"{module}.close")
    if function is None:
        return
    try:
        function([*config, {"_beacon_name": name}])
    except Exception as exc:
        log.warning("The beacon %s did not let go of what it holds", name, exc_info=exc)


def _looked(id: str, name: str, module: str, config: list[Any], plugins: Plugins) -> dict[str, Any]:
    function = plugins.loader("beacons").get(f"{module}.beacon")
    if function is None:
        return {"wrong": "there is no such beacon on this host"}
    valid, said = validate(module, config, plugins)
    if not valid:
        return {"wrong": said}
    try:
        seen = function([*config, {"_beacon_name": name}])
        return {"events": [_event(id, name, item) for item in seen or ()]}
    except Exception as exc:
        log.debug("The beacon %s failed", name, exc_info=exc)
        return {"wrong": f"{type(exc).__name__}: {exc}"}


def _event(id: str, name: str, item: Mapping[str, Any]) -> dict[str, Any]:
    data = dict(item)
    tag = f"salt/beacon/{id}/{name}/{data.pop('tag', '')}"
    data.setdefault("id", id)
    return {"tag": tag, "data": data, "beacon_name": name}
