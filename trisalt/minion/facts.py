"""What this minion knows of itself, in one place: its options, its grains, its pillar, and the
environment that jobs are given.

Each is replaced as a whole and never changed in place, so whoever holds one may keep reading it. `grains` and
`pillar` replace theirs; `jobs` targets with them; `daemon` gives them to the workers.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import is_
from typing import Any

import attrs

from trisalt.worker.protocol import Context


@attrs.define(kw_only=True)
class Facts:
    """The current facts. `version` counts the reloads of plugins, so that workers load them anew.

    `pillar` is the minion's own; where it has several `masters`, `pillars` has what each of them gave, by its name.
    """

    id: str
    opts: Mapping[str, Any]
    grains: Mapping[str, Any] = attrs.field(factory=dict)
    pillar: Mapping[str, Any] = attrs.field(factory=dict)
    pillars: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict)
    masters: frozenset[str] = frozenset()
    environ: Mapping[str, str | None] = attrs.field(factory=dict)
    version: int = 0
    _contexts: dict[str | None, tuple[tuple[object, ...], Context]] = attrs.field(factory=dict, init=False, repr=False)

    def pillar_of(self, master: str | None) -> Mapping[str, Any]:
        """The pillar that counts for what a master asks."""
        return self.pillars.get(master, self.pillar) if master is not None else self.pillar

    def lacks(self, master: str) -> bool:
        """Whether one of several masters has not given us its pillar yet."""
        return master in self.masters and master not in self.pillars

    def context(self, master: str | None = None) -> Context:
        """What a worker needs for its dunders; the same object as long as nothing has changed.

        For a job of one of several masters `master` is its name: the job sees that master's pillar, and no other
        master.
        """
        if master not in self.pillars:
            master = None
        pillar = self.pillar_of(master)
        sources = (self.opts, self.grains, pillar, self.environ)
        kept = self._contexts.get(master)
        if kept is not None and kept[1].version == self.version and all(map(is_, kept[0], sources)):
            return kept[1]
        opts, grains = self.opts, self.grains
        if master is not None:
            opts, grains = {**opts, "master": master}, {**grains, "master": master}
        context = Context(opts=opts, grains=grains, pillar=pillar, environ=self.environ, version=self.version)
        self._contexts[master] = sources, context
        return context
