"""How much memory is used: an event when it is as much as the limit, or more.

beacons:
  memusage:
    - percent: 80%
"""

from __future__ import annotations

from typing import Any

import psutil

from trisalt.plugins.utils.beaconconfig import Verdict, flat, over, with_percent


def validate(config: Any) -> Verdict:
    """
    `percent`, with or without its sign.
    """
    return with_percent("memusage", config)


def beacon(config: Any) -> list[dict[str, Any]]:
    """
    `memusage`, in percent.
    """
    return over("memusage", psutil.virtual_memory().percent, flat(config))
