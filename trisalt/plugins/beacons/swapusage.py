"""How much swap is used: an event when it is as much as the limit, or more.

beacons:
  swapusage:
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
    return with_percent("swapusage", config)


def beacon(config: Any) -> list[dict[str, Any]]:
    """
    `swapusage`, in percent.
    """
    return over("swapusage", psutil.swap_memory().percent, flat(config))
