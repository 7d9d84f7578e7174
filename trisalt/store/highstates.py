"""What the newest highstate of each minion came to, and the newest one that only tested.

`jobs` keeps them with the returns; whoever lists minions, or says which are in their state, reads.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import attrs

from trisalt.store import outcomes

if TYPE_CHECKING:
    from trisalt.store.store import NewReturn

KEPT = (
    "INSERT INTO highstates (id, test, jid, at, outcome, states, changed, failed) VALUES (?,?,?,?,?,?,?,?) "
    "ON CONFLICT (id, test) DO UPDATE SET jid = excluded.jid, at = excluded.at, outcome = excluded.outcome, "
    "states = excluded.states, changed = excluded.changed, failed = excluded.failed "
    # A return that comes late, or again, is no news.
    "WHERE excluded.jid >= highstates.jid"
)


@attrs.frozen
class Highstate:
    """One of them; `at` is when it came, wall seconds. `test`: what it tells of would be, and is not."""

    id: str
    test: bool
    jid: str
    at: float
    outcome: int
    states: int
    changed: int
    failed: int


def row(one: NewReturn, at: float) -> tuple[Any, ...]:
    """A return of a highstate, for `KEPT`."""
    run = outcomes.state_run(one.body.get("return"))
    failed = outcomes.outcome(one.body) == outcomes.FAILED
    if run is None:
        # Nothing came of it: an SLS file that cannot be rendered, or nothing to do.
        run = outcomes.StateRun(states=0, changed=0, failed=int(failed), test=False)
    test = bool(one.highstate) or run.test
    outcome = outcomes.FAILED if failed else run.outcome
    return one.id, int(test), one.jid, at, outcome, run.states, run.changed, max(run.failed, int(failed))


def read_all(connection: sqlite3.Connection, ids: Sequence[str] | None = None) -> list[Highstate]:
    """Those of these minions, or of all, by id."""
    columns = "SELECT id, test, jid, at, outcome, states, changed, failed FROM highstates"
    if ids is None:
        found = connection.execute(f"{columns} ORDER BY id, test")
        return [_highstate(each) for each in found]
    return [
        _highstate(each) for id in ids for each in connection.execute(f"{columns} WHERE id = ? ORDER BY test", (id,))
    ]


def _highstate(found: tuple[Any, ...]) -> Highstate:
    id, test, *rest = found
    return Highstate(id, bool(test), *rest)


def read_ids(connection: sqlite3.Connection) -> set[str]:
    """Of which minions there are any."""
    return {id for (id,) in connection.execute("SELECT DISTINCT id FROM highstates")}


def forget(connection: sqlite3.Connection, ids: Sequence[str]) -> None:
    """Forget those of these minions."""
    connection.executemany("DELETE FROM highstates WHERE id = ?", [(id,) for id in ids])
