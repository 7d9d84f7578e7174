"""Commands that wait for a second person: asked for by who is granted them under `@approve`, run when somebody who is
granted `@approver` consents, in the name of who asked, through the gate as any other.

By themselves such permissions grant nothing: there is no other way to use them than this. A request is decided once,
whatever happens at the same time; what is approved goes out once, or not at all if the master ends in that moment.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

import structlog

from trisalt.bus.caller import Caller
from trisalt.bus.events import ApprovalChanged
from trisalt.bus.requests import PublishRequest
from trisalt.errors import Denied, NotFound, RemoteProtocolError, TrisaltError
from trisalt.master.questions import field
from trisalt.master.sight import Sight
from trisalt.master.views.desk import Desk, from_cursor, page_size, to_cursor

log = structlog.get_logger()

BANK = "console/approvals"
WAITING, APPROVED, REFUSED, WITHDRAWN, FAILED, EXPIRED = STATES = (
    *("waiting", "approved", "refused", "withdrawn", "failed", "expired"),
)
EXPIRES_S = 86_400.0
"""So long may a request wait."""
OF_ONE, MOST = 20, 1000
"""So many of one person may wait, and so many are kept; the oldest that are decided go first."""
LONGEST_TEXT, LONGEST_ARGUMENTS = 1000, 64 * 1024


async def approvals(desk: Desk, sight: Sight, question: Mapping[str, Any]) -> dict[str, Any]:
    """`{items, next, total}`, newest first: one's own, or all for who may approve. `state`, and of pages."""
    state, limit, after = question.get("state"), page_size(question), from_cursor(question, ((int, float), str))
    if state is not None and state not in STATES:
        raise RemoteProtocolError(f"state is one of {', '.join(STATES)}")
    told = [
        _told(desk, sight, id, row)
        for id, row in (await desk.store.banks.fetch_all(BANK)).items()
        if _is_mine(sight.caller, row) or desk.acl.may_approve(sight.caller)
    ]
    rows = sorted((one for one in told if state in (None, one["state"])), key=_order, reverse=True)
    rest = rows if after is None else [row for row in rows if _order(row) < (after[0], after[1])]
    return {
        "items": rest[:limit],
        "next": to_cursor(*_order(rest[limit - 1])) if len(rest) > limit else None,
        "total": len(rows),
    }


async def ask_approval(desk: Desk, sight: Sight, question: Mapping[str, Any]) -> dict[str, Any]:
    """A new request, for `fun`, `tgt`, `tgt_type`, `arg`, `kwarg`, and `why`. Raises Denied for what could not be
    approved, and RemoteProtocolError for what needs no approval."""
    caller, now = sight.caller, desk.clock()
    row = {
        "user": caller.name,
        "eauth": caller.eauth,
        "groups": list(caller.groups),
        "rows": caller.rows,
        "fun": field(question, "fun", str),
        "tgt": field(question, "tgt", (str, list)),
        "tgt_type": field(question, "tgt_type", str, "glob"),
        "arg": field(question, "arg", list, []),
        "kwarg": field(question, "kwarg", dict, {}),
        "why": field(question, "why", str, ""),
        "asked": now,
        "until": now + EXPIRES_S,
        "state": WAITING,
    }
    if len(row["why"]) > LONGEST_TEXT or len(repr([row["arg"], row["kwarg"], row["tgt"]])) > LONGEST_ARGUMENTS:
        raise RemoteProtocolError("that is too much to wait for approval")
    minions, _missing = await desk.minions.resolve_for(row["tgt"], row["tgt_type"], exact=not sight.admin)
    if not sight.why_not(row["fun"], _arguments(row), minions):
        raise RemoteProtocolError("it is granted already: nobody has to approve it")
    approved = await desk.sights.of(desk.acl.approved(caller))
    if reason := approved.why_not(row["fun"], _arguments(row), minions):
        log.warning("approval.denied", user=caller.name, fun=row["fun"], reason=reason)
        raise Denied(f"The user {caller.name} may not do this")
    row["minions"] = len(minions)
    kept = await desk.store.banks.fetch_all(BANK)
    mine = [one for one in kept.values() if _is_mine(caller, one) and _state(desk, one) == WAITING]
    if len(mine) >= OF_ONE:
        raise RemoteProtocolError(f"no more than {OF_ONE} requests of one person wait at a time")
    await _make_room(desk, kept)
    id = secrets.token_hex(8)
    await desk.store.banks.store(BANK, id, row)
    await _tell(desk, id, row)
    return _told(desk, sight, id, row)


async def decide(desk: Desk, sight: Sight, question: Mapping[str, Any]) -> dict[str, Any]:
    """Consent to the request `id` (`approve`), which runs it, or refuse it; with a `note`. Who asked may withdraw it.

    Raises NotFound, Denied, and RemoteProtocolError for one that is decided.
    """
    caller, id, approve = sight.caller, field(question, "id", str), question.get("approve")
    note = field(question, "note", str, "")
    if not isinstance(approve, bool) or len(note) > LONGEST_TEXT:
        raise RemoteProtocolError(f"approve is true or false, and note text of at most {LONGEST_TEXT} characters")
    row = await desk.store.banks.fetch(BANK, id)
    mine = row is not None and _is_mine(caller, row)
    if row is None or not (mine or desk.acl.may_approve(caller)):
        raise NotFound(f"There is no request {id!r}")
    if mine and approve:
        raise Denied("Nobody approves what they have asked for themselves")
    mark, now = secrets.token_hex(8), desk.clock()
    state = APPROVED if approve else WITHDRAWN if mine else REFUSED
    decision = {"state": state, "by": caller.name, "by_eauth": caller.eauth, "at": now, "note": note, "mark": mark}

    def change(there: Any) -> Any:
        waits = isinstance(there, dict) and there.get("state") == WAITING and there["until"] > now
        return {**there, **decision} if waits else there

    row = await desk.store.banks.update(BANK, id, change)
    if not isinstance(row, dict) or row.get("mark") != mark:
        raise RemoteProtocolError("It has been decided already, or waited too long")
    log.info("approval.decided", id=id, state=state, user=row["user"], by=caller.name)
    if approve:
        row = await _run(desk, id, row)
    await _tell(desk, id, row)
    return _told(desk, sight, id, row)


async def _run(desk: Desk, id: str, row: dict[str, Any]) -> dict[str, Any]:
    """Send it out. The gate judges it again, by what is configured by now."""
    asker = Caller(name=row["user"], eauth=row["eauth"], groups=tuple(row["groups"]), rows=row["rows"])
    wanted = PublishRequest(
        fun=row["fun"],
        tgt=row["tgt"],
        tgt_type=row["tgt_type"],
        arg=_arguments(row),
        user=asker.name,
        caller=desk.acl.approved(asker),
    )
    try:
        published = await desk.bus.ask(wanted)
        came = (
            {"jid": published.jid} if published.jid is not None else {"state": FAILED, "note": "it reaches no minion"}
        )
    except TrisaltError as exc:
        came = {"state": FAILED, "note": str(exc)}
    row = {**row, **came}
    await desk.store.banks.store(BANK, id, row)
    return row


async def _make_room(desk: Desk, kept: Mapping[str, Any]) -> None:
    over = len(kept) - MOST + 1
    done = sorted((row["asked"], id) for id, row in kept.items() if _state(desk, row) != WAITING)
    if over > len(done):
        raise RemoteProtocolError("too many requests wait for approval")
    for _asked, id in done[: max(0, over)]:
        await desk.store.banks.flush(BANK, id)


async def _tell(desk: Desk, id: str, row: Mapping[str, Any]) -> None:
    facts = {name: row[name] for name in ("state", "fun", "user", "eauth")}
    await desk.bus.publish(ApprovalChanged(id=id, by=row.get("by"), **facts))


def _told(desk: Desk, sight: Sight, id: str, row: Mapping[str, Any]) -> dict[str, Any]:
    named = ("user", "eauth", "fun", "tgt", "tgt_type", "minions", "why", "asked", "until")
    return {
        "id": id,
        "state": _state(desk, row),
        **{name: row[name] for name in named},
        # Whoever consents to it reads what it is, but for what is secret.
        "arg": desk.mask(row["arg"]),
        "kwarg": desk.mask(row["kwarg"]),
        "by": row.get("by"),
        "at": row.get("at"),
        "note": row.get("note", ""),
        "jid": row.get("jid"),
        "mine": _is_mine(sight.caller, row),
    }


def _state(desk: Desk, row: Mapping[str, Any]) -> str:
    return EXPIRED if row["state"] == WAITING and row["until"] <= desk.clock() else str(row["state"])


def _is_mine(caller: Caller, row: Mapping[str, Any]) -> bool:
    return bool((row["user"], row["eauth"]) == (caller.name, caller.eauth))


def _order(told: Mapping[str, Any]) -> tuple[float, str]:
    return told["asked"], told["id"]


def _arguments(row: Mapping[str, Any]) -> list[Any]:
    return [*row["arg"], {"__kwarg__": True, **row["kwarg"]}] if row["kwarg"] else list(row["arg"])
