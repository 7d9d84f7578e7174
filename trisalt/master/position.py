"""How far a reader of the event log has come, kept over restarts: each event is read at least once."""

from __future__ import annotations

import attrs

from trisalt.store.store import Store


@attrs.define(eq=False)
class Position:
    """The number of the event that was read last; it is kept as `{log, number}` under `key` of `bank`."""

    store: Store
    bank: str
    key: str
    number: int = 0

    async def begin(self) -> None:
        """Go on where it had come to, the first time with what happens from now on.

        Numbers of another log mean nothing: all of this one is new. Raises StoreError.
        """
        noted, events = await self.store.banks.fetch(self.bank, self.key), self.store.log
        match noted:
            case {"log": events.id, "number": int(number)}:
                self.number = min(number, events.last)
            case {"log": _}:
                self.number = (await events.bounds()).first - 1
            case _:
                self.number = events.last
                await self.note()

    async def note(self) -> None:
        """Keep it. Raises StoreError."""
        await self.store.banks.store(self.bank, self.key, {"log": self.store.log.id, "number": self.number})
