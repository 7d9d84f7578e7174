"""`grains_cache`: the grains that were gathered last, in the file where stock Salt keeps them."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

log = logging.getLogger(__name__)

FILE = "grains.cache.p"


def young(opts: Mapping[str, Any]) -> dict[str, Any] | None:
    """What was kept within `grains_cache_expiration` seconds; None when that is nothing, or cannot be read."""
    import msgpack  # few minions keep their grains

    path = os.path.join(opts["cachedir"], FILE)
    try:
        if time.time() - os.stat(path).st_mtime > opts.get("grains_cache_expiration", 300):
            return None
        with open(path, "rb") as file:
            found = msgpack.unpackb(file.read(), raw=False, strict_map_key=False)
    except (OSError, ValueError, msgpack.UnpackException) as exc:
        if not isinstance(exc, FileNotFoundError):
            log.warning("%s cannot be read, grains are gathered anew: %s", path, exc)
        return None
    return found if isinstance(found, dict) and found else None


def put(opts: Mapping[str, Any], grains: Mapping[str, Any]) -> None:
    """Keep them, whole or not at all; only the minion's user may read the file."""
    import msgpack

    path = os.path.join(opts["cachedir"], FILE)
    fresh = f"{path}.{os.getpid()}"
    try:
        data = msgpack.packb(grains)
        os.makedirs(opts["cachedir"], exist_ok=True)
        with open(fresh, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(data)
        os.replace(fresh, path)
    except (OSError, TypeError, ValueError, OverflowError) as exc:
        log.error("Grains are not kept in %s: %s", path, exc)
        with suppress(OSError):
            os.unlink(fresh)
