"""What needs somebody's attention, with what to do about it.

Each kind is one function, which gives issues from what is known already; none asks a minion. What they find is worked
out for who asks: nobody hears of minions, keys or jobs that they may not see.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import attrs
import trio
from cryptography import x509

from trisalt import SALT_VERSION
from trisalt.errors import StoreError
from trisalt.master.keyring import State as KeyState
from trisalt.master.sight import Sight
from trisalt.master.views.advisories import advisories
from trisalt.master.views.compliance import standings
from trisalt.master.views.desk import Desk
from trisalt.master.views.issue import NAMED, SEVERITIES, Issue, Remedy, named, on_minions
from trisalt.master.views.minions import ACCEPTED, fleet, names
from trisalt.master.views.switches import switched_off
from trisalt.store.listed import State, Wanted

DOWN_S, RUNS_S = 300.0, 600.0
"""A minion is an issue when it is away for so long, and a job when it runs for so long; options say otherwise."""
EXPIRES_S = 30 * 86_400.0
LEAST_FREE = 0.05
HALITE_CERTIFICATES = ("/etc/pki/tls/certs/localhost.crt", "/etc/pki/tls/certs/localhost.pem")


async def issues(desk: Desk, sight: Sight, _question: Mapping[str, Any]) -> dict[str, Any]:
    """`{items}`, the worst first."""
    ids = [id for id, state in (await names(desk, sight)).items() if state == ACCEPTED]
    found = [issue for make in KINDS async for issue in make(desk, sight, ids)]
    found.sort(key=lambda issue: SEVERITIES.index(issue.severity))
    return {"items": [attrs.asdict(issue, filter=_said) for issue in found]}


def _said(attribute: Any, value: Any) -> bool:
    return value is not None or attribute.name in ("since", "remedy")


async def _keys(desk: Desk, sight: Sight, ids: Sequence[str]) -> AsyncIterator[Issue]:
    if not sight.keys:
        return
    for state, severity, text in (
        (KeyState.DENIED, "error", "sent a key that is not the one that is accepted"),
        (KeyState.PENDING, "warning", "wait for their keys to be accepted"),
    ):
        keys = await trio.to_thread.run_sync(desk.keyring.list, state)
        if keys:
            name = state.name.lower()
            yield Issue(
                kind=f"keys_{name}",
                severity=severity,
                text=f"{named(keys)}: {text}",
                link=f"/app/keys?state={name}",
                remedy=Remedy(client="wheel", fun="key.accept", arg=[keys[0]])
                if len(keys) == 1 and state is KeyState.PENDING
                else None,
            )


async def _down(desk: Desk, sight: Sight, ids: Sequence[str]) -> AsyncIterator[Issue]:
    now, patience = desk.clock(), _seconds(desk, "console_minion_down_seconds", DOWN_S)
    found = await fleet(desk, dict.fromkeys(ids, ACCEPTED))
    down = [one for one in found if one.status == "down" and now - (one.since or 0.0) > patience]
    if down:
        yield Issue(
            kind="minions_down",
            severity="error",
            text=f"{named([one.id for one in down])}: away",
            since=min((one.since for one in down if one.since is not None), default=None),
            link="/app/minions?q=down",
            remedy=on_minions([one.id for one in down], "test.ping"),
        )
    never = [one.id for one in found if one.status == "never"]
    if never:
        yield Issue(
            kind="minions_never_seen",
            severity="info",
            text=f"{named(never)}: accepted, and never seen",
            link="/app/minions?q=never",
        )


async def _jobs(desk: Desk, sight: Sight, ids: Sequence[str]) -> AsyncIterator[Issue]:
    patience = _seconds(desk, "console_job_runs_seconds", RUNS_S)
    looks = None if sight.all_jobs else (lambda row: sight.sees_job(row.load, row.minions))
    wanted = Wanted(states=[State.RUNNING], until=desk.clock() - patience, looks=looks)
    page = await desk.store.jobs.page(wanted, limit=NAMED + 1)
    for row in page.rows[:NAMED]:
        yield Issue(
            kind="job_runs_long",
            severity="warning",
            text=f"{row.fun} by {row.user} still runs on {row.missing} of {row.asked} minions",
            since=row.recorded,
            link=f"/app/jobs/{row.jid}",
            remedy=on_minions(row.minions, "saltutil.term_job", row.jid),
        )


async def _states(desk: Desk, sight: Sight, ids: Sequence[str]) -> AsyncIterator[Issue]:
    failed = [one for one in await standings(desk, ids) if one["state"] == "failed"]
    if failed:
        yield Issue(
            kind="states_failed",
            severity="error",
            text=f"{named([one['id'] for one in failed])}: the last highstate failed",
            since=min(one["at"] for one in failed),
            link="/app/states?state=failed",
            remedy=on_minions([one["id"] for one in failed], "state.highstate", "test=True"),
        )


async def _versions(desk: Desk, sight: Sight, ids: Sequence[str]) -> AsyncIterator[Issue]:
    def other(table: Any) -> list[str]:
        found = ((id, table.get(id)) for id in ids)
        return [id for id, grains in found if grains is not None and grains.get("saltversion", WANTED) != WANTED]

    differ = await desk.store.banks.look(["grains"], other)
    if differ:
        yield Issue(
            kind="versions_differ",
            severity="info",
            text=f"{named(differ)}: of another version than this master ({WANTED})",
            link=f"/app/minions?q=-version:{WANTED}",
        )


WANTED = SALT_VERSION


async def _certificate(desk: Desk, sight: Sight, ids: Sequence[str]) -> AsyncIterator[Issue]:
    if not sight.admin and "audit" not in desk.acl.rooms(sight.caller):
        return
    for path, asked in _certificates(desk.opts):
        try:
            ends = await trio.to_thread.run_sync(_ends, path)
        except FileNotFoundError:
            if asked:
                text = f"{path} is not there"
                yield Issue(kind="certificate", severity="error", text=text, link="/app/admin")
            continue
        except (OSError, ValueError) as exc:
            yield Issue(kind="certificate", severity="error", text=f"{path} cannot be read: {exc}", link="/app/admin")
            continue
        left = ends - desk.clock()
        if left < EXPIRES_S:
            day = datetime.fromtimestamp(ends, UTC).strftime("%Y-%m-%d")
            yield Issue(
                kind="certificate",
                severity="error" if left < EXPIRES_S / 4 else "warning",
                text=f"The certificate {path} {'ended' if left < 0 else 'ends'} on {day}",
                link="/app/admin",
            )


def _certificates(opts: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    """The certificates of all listeners, and whether the configuration names them: Halite's may be at other places."""
    rest = next((opts[name] for name in ("rest_trisalt", "rest_cherrypy") if opts.get(name) is not None), None)
    halite = opts.get("halite")
    found: dict[str, bool] = {}
    if isinstance(rest, Mapping) and not rest.get("disable_ssl"):
        found |= {str(rest[name]): True for name in ("ssl_crt", "ssl_chain") if rest.get(name)}
    if isinstance(halite, Mapping) and halite and halite.get("tls", True):
        if halite.get("certpath") or halite.get("pempath"):
            found.setdefault(str(halite.get("certpath") or halite["pempath"]), True)
        else:
            # As `web/settings` looks for them: the first that is there is the one that is served.
            pki = os.path.join(str(opts.get("pki_dir") or ""), "api", "console.crt")
            there = (path for path in (*HALITE_CERTIFICATES, pki) if os.path.exists(path))
            found |= {path: False for path in (next(there, ""),) if path}
    yield from found.items()


def _ends(path: str) -> float:
    with open(path, "rb") as file:
        certificate = x509.load_pem_x509_certificate(file.read(1 << 20))
    return certificate.not_valid_after_utc.timestamp()


async def _pam(desk: Desk, sight: Sight, ids: Sequence[str]) -> AsyncIterator[Issue]:
    backends = desk.opts.get("external_auth")
    if not sight.admin or not isinstance(backends, Mapping) or "pam" not in backends or os.geteuid() == 0:
        return
    if not os.access("/etc/shadow", os.R_OK):
        yield Issue(
            kind="pam",
            severity="error",
            text="This master cannot read /etc/shadow, so that PAM knows no password: its account belongs into the "
            "group shadow",
            link="/app/admin",
        )


async def _disk(desk: Desk, sight: Sight, ids: Sequence[str]) -> AsyncIterator[Issue]:
    if not (sight.admin or "stats" in desk.acl.rooms(sight.caller)):
        return
    store = desk.store.statistics()
    if store.refusing or store.damaged:
        what = "cannot write" if store.refusing else "is damaged"
        yield Issue(
            kind="store", severity="error", text=f"The store {what}: the master's log says why", link="/app/admin"
        )
    try:
        size = await desk.store.size()
        disk = await trio.to_thread.run_sync(shutil.disk_usage, str(desk.opts.get("cachedir") or "/"))
    except (OSError, StoreError):
        return
    bound = desk.opts.get("store_max_bytes") or 0
    if disk.free < LEAST_FREE * disk.total:
        yield Issue(
            kind="disk",
            severity="error",
            text=f"{disk.free / 2**30:.1f} GiB are free where jobs and events are kept",
            link="/app/admin",
        )
    if bound and size.used > 0.9 * bound:
        yield Issue(
            kind="store_full",
            severity="info",
            text=f"The store holds {size.used / 2**20:.0f} MiB of {bound / 2**20:.0f}: the oldest jobs and events go "
            "before their time",
            link="/app/admin",
        )


async def _events(desk: Desk, sight: Sight, ids: Sequence[str]) -> AsyncIterator[Issue]:
    if not sight.all_events:
        return
    lost = await desk.store.read(_read_lost)
    if lost is not None:
        yield Issue(
            kind="events_lost",
            severity="warning",
            text="Events were lost: the disk did not keep up",
            since=lost,
            link="/app/events?tag=trisalt/log/lost",
        )


def _read_lost(connection: Any) -> float | None:
    """When events were lost last, of those of the newest that are kept."""
    row = connection.execute(
        "SELECT at FROM events WHERE number > (SELECT max(number) FROM events) - 10000 AND tag = 'trisalt/log/lost' "
        "ORDER BY number DESC LIMIT 1"
    ).fetchone()
    return None if row is None else float(row[0])


KINDS = (_keys, _down, _jobs, _states, _versions, switched_off, advisories, _certificate, _pam, _disk, _events)


def _seconds(desk: Desk, option: str, usual: float) -> float:
    value = desk.opts.get(option)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else usual
