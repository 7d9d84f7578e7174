"""What this minion knows of itself, in one place: its options, its grains, its pillar, and the
environment that jobs are given.

Each is replaced as a whole and never changed in place, so whoever holds one may keep reading it. `grains` and
`pillar` replace theirs; `jobs` targets with them; `daemon` gives them to the workers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from trisalt.worker.protocol import Context


@attrs.define(kw_only=True)
class Facts:
    """The current facts. `version` counts the reloads of plugins, so that workers load them anew."""

    id: str
    opts: Mapping[str, Any]
    grains: Mapping[str, Any] = attrs.field(factory=dict)
    pillar: Mapping[str, Any] = attrs.field(factory=dict)
    environ: Mapping[str, str | None] = attrs.field(factory=dict)
    version: int = 0
    _context: Context | None = attrs.field(default=None, init=False, repr=False)

    def context(self) -> Context:
        """What a worker needs for its dunders; the same object as long as nothing has changed."""
        old = self._context
        if (
            old is None
            or old.opts is not self.opts
            or old.grains is not self.grains
            or old.pillar is not self.pillar
            or old.environ is not self.environ
            or old.version != self.version
        ):
            self._context = old = Context(
                opts=self.opts, grains=self.grains, pillar=self.pillar, environ=self.environ, version=self.version
            )
        return old
