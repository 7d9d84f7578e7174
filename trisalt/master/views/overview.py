"""The first page of a console: how many of what, and what is new. What all see the same is worked out once a second."""

from __future__ import annotations

import math
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import attrs
import trio

from trisalt.master.keyring import State as KeyState
from trisalt.master.sight import Sight
from trisalt.master.views.desk import Desk
from trisalt.master.views.jobs import HOUSEKEEPING, item, look_after
from trisalt.master.views.minions import names
from trisalt.store.listed import Wanted
from trisalt.store.store import Table

DAY, HOUR = 86_400.0, 3600.0
LATEST = 10
MOST_VALUES = 20
FRESH_S = 1.0


@attrs.frozen(kw_only=True)
class JobFigures:
    """How many jobs run, how many failed, and how many began in each of the last 24 hours, the oldest first."""

    running: int
    failed_24h: int
    failed_1h: int
    per_hour: list[int]


async def overview(desk: Desk, sight: Sight, _question: Mapping[str, Any]) -> dict[str, Any]:
    """`{minions, keys, jobs, os, versions, latest}`: of the minions and jobs that may be seen."""
    found = [id for id, state in (await names(desk, sight)).items() if state == "accepted"]
    wanted = Wanted(
        other_functions=HOUSEKEEPING,
        looks=None if sight.all_jobs else (lambda row: sight.sees_job(row.load, row.minions)),
    )
    page = await desk.store.jobs.page(wanted, limit=LATEST)
    await look_after(desk, page.rows)
    return {
        "minions": await _presence(desk, found),
        "keys": await _keys(desk) if sight.keys else None,
        "jobs": attrs.asdict(await figures(desk, sight)),
        **await _grains(desk, sight, found),
        "latest": [item(desk, row) for row in page.rows],
    }


async def _presence(desk: Desk, ids: Sequence[str]) -> dict[str, int]:
    roster, counts = desk.presence.roster, Counter({"up": 0, "down": 0, "never": 0})
    for id in ids:
        entry = roster.get(id)
        if entry is None or math.isinf(entry.seen):
            counts["never"] += 1
        else:
            counts["up" if entry.present else "down"] += 1
    return dict(counts)


async def _keys(desk: Desk) -> dict[str, int]:
    async def count() -> dict[str, int]:
        keys = await trio.to_thread.run_sync(desk.keyring.list_all)
        return {state.name.lower(): len(keys[state]) for state in KeyState}

    found: dict[str, int] = await desk.remember("keys", FRESH_S, count)
    return found


async def figures(desk: Desk, sight: Sight) -> JobFigures:
    """The figures of all jobs; of their own, for who may not see all."""
    user = None if sight.admin or sight.all_jobs else sight.caller.name
    read = partial(_read_figures, now=desk.clock(), user=user)
    found: JobFigures = await desk.remember(f"jobs of {user}", FRESH_S, partial(desk.store.read, read))
    return found


def _read_figures(connection: sqlite3.Connection, now: float, user: str | None) -> JobFigures:
    """In a reader's thread: each of the three is read from an index of its own."""
    whose = "" if user is None else " AND user = :user"
    values = {"user": user, "day": now - DAY, "hour": now - HOUR}
    (running,) = connection.execute(
        f"SELECT count(*) FROM listed WHERE ended IS NULL{whose}",  # noqa: S608
        values,
    ).fetchone()
    failed_day, failed_hour = connection.execute(
        f"SELECT count(*), coalesce(sum(recorded >= :hour), 0) FROM listed "  # noqa: S608
        f"WHERE failed > 0 AND recorded >= :day{whose}",
        values,
    ).fetchone()
    per_hour = [0] * 24
    for ago, count in connection.execute(
        "SELECT CAST((:now - recorded) / 3600 AS INTEGER), count(*) FROM listed "  # noqa: S608
        f"WHERE recorded > :day{whose} GROUP BY 1",
        values | {"now": now},
    ):
        if 0 <= ago < 24:
            per_hour[23 - ago] = count
    return JobFigures(running=running, failed_24h=failed_day, failed_1h=failed_hour, per_hour=per_hour)


async def _grains(desk: Desk, sight: Sight, ids: Sequence[str]) -> dict[str, Any]:
    """Which systems and versions there are, the commonest first."""

    async def count() -> dict[str, Any]:
        return await desk.store.banks.look(["grains"], partial(_count_grains, list(ids)))

    if sight.ids is not None:
        return await count()
    found: dict[str, Any] = await desk.remember("grains", FRESH_S, count)
    return found


def _count_grains(ids: Sequence[str], table: Table) -> dict[str, Any]:
    systems: Counter[str] = Counter()
    versions: Counter[str] = Counter()
    for id in ids:
        grains = table.get(id)
        if grains is not None:
            systems[str(grains.get("os", ""))] += 1
            versions[str(grains.get("saltversion", ""))] += 1
    return {"os": _ranked(systems), "versions": _ranked(versions)}


def _ranked(found: Counter[str]) -> list[dict[str, Any]]:
    """The commonest by name; all others together have none."""
    ranked = [(name, count) for name, count in found.most_common() if name]
    rows = [{"name": name, "count": count} for name, count in ranked[:MOST_VALUES]]
    rest = sum(count for _name, count in ranked[MOST_VALUES:]) + found[""]
    return [*rows, {"name": "", "count": rest}] if rest else rows
