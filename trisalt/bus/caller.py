"""Who asks: what a door has made sure of, and goes with every request that is judged by it."""

from __future__ import annotations

from typing import Any

import attrs

from trisalt.bus.event import ITSELF, Origin


@attrs.frozen(kw_only=True)
class Caller:
    """Who asks, as a door has made sure of: what `master/acl` judges by.

    `eauth` is the backend that vouches for `name`, with the `groups` it knows them in; empty for an account of this
    host. `minion`: `name` is the id of a minion that asks for others. `rows` are the permissions that stand in their
    token, in the place of the configured ones. `trusted`: the master itself, or code that it runs; `depth`: how many
    reactions led to that.
    """

    name: str
    eauth: str = ""
    groups: tuple[str, ...] = ()
    minion: bool = False
    trusted: bool = False
    depth: int = 0
    rows: Any = attrs.field(default=None, eq=False, repr=False)

    @property
    def origin(self) -> Origin:
        """Who the events are of that tell what they had done."""
        if self.minion:
            return Origin("minion", self.name)
        if self.depth:
            return Origin("plugin", "reactor", self.depth)
        return ITSELF if self.trusted else Origin("user", self.name)


# The master in its own name: polling, rotation.
MASTER = Caller(name="root", trusted=True)
