"""Which minions a target names: accepted keys, the grains and pillar that are kept, and `target/`.

`master/publisher` asks who is to be waited for; `master/mine` and `master/acl` who may be looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trisalt.bus.bus import Bus


class Minions:
    """The minions this master knows. `keyring` says who is accepted, `banks` what is kept about them."""

    def __init__(self, keyring: Any, banks: Any, *, nodegroups: Mapping[str, Any]) -> None: ...

    async def resolve(
        self, tgt: Any, tgt_type: str = "glob", *, delimiter: str = ":", greedy: bool = True
    ) -> tuple[list[str], list[str]]:
        """`(minions, missing)`: the accepted ids that a target names, and the ids it lists that have no accepted key.

        Both sorted. Raises TargetError when the target cannot be read.
        """
        raise NotImplementedError

    def accepted(self) -> list[str]:
        """The accepted ids, sorted."""
        raise NotImplementedError


async def keep_minion_data(bus: Bus, minions: Minions) -> None:
    """Keep what is cached about minions fresh, from `MinionDataRefreshed` and `KeyChanged`, until cancelled."""
    raise NotImplementedError
