"""The index of all functions of this host: made by a worker, and good for a while."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import attrs
import trio

from trisalt.worker.documents import documents_in_worker
from trisalt.worker.pool import Workers

# The site's own functions may come and go: after so long the index is made anew, by whoever asks next.
GOOD_FOR_S = 600.0


@attrs.define(eq=False)
class Index:
    """The functions by name, and when that was found out."""

    made: float = float("-inf")
    found: dict[str, dict[str, Any]] = attrs.field(factory=dict)
    making: trio.Lock = attrs.field(factory=trio.Lock)

    async def get(self, workers: Workers) -> Mapping[str, dict[str, Any]]:
        """The index; it takes seconds to make, in a worker. Whoever has an old one meanwhile is given that."""
        if self.found and (self.making.locked() or time.monotonic() - self.made < GOOD_FOR_S):
            await trio.lowlevel.checkpoint()
            return self.found
        async with self.making:
            if time.monotonic() - self.made >= GOOD_FOR_S:
                self.found = await workers.run(documents_in_worker)
                self.made = time.monotonic()
        return self.found
