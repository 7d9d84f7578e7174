"""`beacon: True` of a state: a beacon that watches what the state has made so. What `mod_beacon` of states is made of.

Used by state modules, which import it. Source of names and shapes: stock Salt 3008.3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trisalt.state.result import returned

# How often such a beacon looks, unless `beacon_data` says otherwise, in seconds.
_INTERVAL = 60


def settings(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """What the state says of its beacon."""
    data = kwargs.get("beacon_data")
    return dict(data) if isinstance(data, Mapping) else {}


def watched(
    states: Mapping[str, Any],
    name: str,
    kwargs: Mapping[str, Any],
    *,
    functions: Sequence[str],
    kind: str,
    module: str,
    config: Mapping[str, Any],
    what: str = "beacon",
) -> dict[str, Any]:
    """Have a beacon of `module` with `config` for a state of `kind`; those of `functions` alone have one."""
    sfun = kwargs.get("sfun")
    if sfun not in functions:
        return returned(name, False, f"{kind}.{sfun} does not work with the {what} state function")
    if not kwargs.get("beacon"):
        return returned(name, True, "Not adding beacon.")
    interval = settings(kwargs).get("interval", _INTERVAL)
    (first, value), *rest = config.items()
    given = {first: value, "interval": interval, **dict(rest), "beacon_module": module}
    result: dict[str, Any] = states["beacon.present"](f"beacon_{module}_{name}", **given)
    return result
