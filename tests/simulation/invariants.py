"""What holds in every run, whatever happened, when the faults are over and everybody has had time.

Each function looks at the whole `World` and says what is broken; `check` asks them all.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.simulation.disk import rows
from tests.simulation.faults import MASTER, Publish
from tests.simulation.world import Followed, World
from trisalt.wire.codec import unpack_bin


def check(world: World) -> None:
    """Look at all of it."""
    for invariant in (
        nothing_failed,
        nothing_runs_twice,
        what_ran_has_returned,
        followers_hear_once,
        jobs_settle,
        all_are_back,
    ):
        for text in invariant(world):
            world.broken(f"{invariant.__name__}: {text}")


def nothing_failed(world: World) -> Iterator[str]:
    """No daemon has met an error that it did not expect."""
    yield from world.trace.failures


def nothing_runs_twice(world: World) -> Iterator[str]:
    """A job runs once on a minion, however often it is told of it."""
    for (id, jid), times in world.ledger.begun.items():
        if times > 1:
            yield f"{jid} ran {times} times on {id}"


def what_ran_has_returned(world: World) -> Iterator[str]:
    """What a minion has begun comes to the store, once, and is what the function returned."""
    returns = _returns(world)
    for key in world.ledger.begun:
        if key in world.ledger.excused:
            continue
        if key not in returns:
            yield f"{key[1]} ran on {key[0]}, and its return is not in the store"
        elif key in world.ledger.ended and returns[key]["return"] != world.ledger.ended[key]:
            yield f"{key[1]} on {key[0]} returned {world.ledger.ended[key]!r}; kept is {returns[key]['return']!r}"


def followers_hear_once(world: World) -> Iterator[str]:
    """An operator hears of each return once, and of none that is not in the store."""
    connection = world.hosts[MASTER].disk.open_database()
    for one in world.followed:
        if one.jid is None:
            continue
        kept = [id for (id,) in rows(connection, "SELECT id FROM returns WHERE jid = ? ORDER BY number", one.jid)]
        if not rows(connection, "SELECT 1 FROM jobs WHERE jid = ?", one.jid):
            yield f"{one.jid} was told, and is not in the store"
        told = [body["id"] for body in one.told]
        if len(set(told)) != len(told):
            yield f"{one.jid}: told twice: {told}"
        elif not set(told) <= set(kept):
            yield f"{one.jid}: told {told}, kept {kept}"


def jobs_settle(world: World) -> Iterator[str]:
    """Who follows a job hears its end, and the end agrees with the returns."""
    returns = _returns(world)
    last: dict[str, Followed] = {}
    for one in world.followed:
        if one.jid is not None:
            last[one.jid] = one
    for jid, one in last.items():
        if (isinstance(one.act, Publish) and not one.act.follow) or one.error is not None:
            continue
        if one.settled is None:
            yield f"{jid} has not settled for its follower"
            continue
        told = {body["id"] for body in one.told}
        wanted = set(one.minions or told | set(one.settled))
        if told & set(one.settled):
            yield f"{jid}: returned and missing: {sorted(told & set(one.settled))}"
        if wanted - told - set(one.settled):
            yield f"{jid}: neither returned nor missing: {sorted(wanted - told - set(one.settled))}"
        connection = world.hosts[MASTER].disk.open_database()
        settled, missing, minions = rows(connection, "SELECT settled, missing, minions FROM jobs WHERE jid = ?", jid)[0]
        if settled is None:
            yield f"{jid} is told as settled, and not kept so"
            continue
        kept = {id for id, other in returns if other == jid}
        for id in set(unpack_bin(minions)) - kept - set(unpack_bin(missing)):
            yield f"{jid}: kept as settled, with {id} neither returned nor missing"


def all_are_back(world: World) -> Iterator[str]:
    """In the end everybody answers."""
    last = world.followed[-1]
    told = sorted(body["id"] for body in last.told)
    if told != world.plan.minions:
        yield f"the last ping was answered by {told}, settled {last.settled}, error {last.error}"


def _returns(world: World) -> dict[tuple[str, str], dict[str, object]]:
    found = rows(world.hosts[MASTER].disk.open_database(), "SELECT id, jid, body FROM returns")
    return {(id, jid): unpack_bin(body) for id, jid, body in found}
