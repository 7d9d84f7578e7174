"""The list of jobs, one of them, and its returns.

A job that nobody waits for never settles: whoever looks at one that should be over has it watched, so that it is found
out who is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

import structlog
import trio

from trisalt.bus.requests import WatchRequest
from trisalt.errors import NotFound, RemoteProtocolError, StoreError, TargetError
from trisalt.master.arguments import told
from trisalt.master.sight import Sight
from trisalt.master.views.desk import Desk, from_cursor, page_size, to_cursor
from trisalt.store.jobs import read_return_page
from trisalt.store.listed import Row, State, Wanted, unknown
from trisalt.target import query
from trisalt.target.query import Kind, Term

log = structlog.get_logger()

# What consoles and the house itself do all the time: not listed with `housekeeping: 0`.
HOUSEKEEPING = (
    *("saltutil.find_job", "saltutil.running", "saltutil.refresh_*", "saltutil.sync_*", "mine.update", "mine.send"),
    *("runner.jobs.*", "runner.manage.*", "runner.cache.*", "runner.doc.*", "runner.config.*", "runner.presence.*"),
    *("wheel.key.list*", "wheel.key.finger*", "wheel.minions.*", "wheel.config.values", "sys.doc"),
    *("runner.fileserver.file_list", "runner.state.orchestrate_show_sls", "schedule.list", "beacons.list"),
)
# A job that runs for longer than this is looked after, so many of one page, each once in a while.
OVERDUE_S = 60.0
LOOKED_AFTER = 8
AGAIN_S = 600.0
_FIELDS = frozenset({"fun", "user", "minion", "state", "tgt", "jid"})


def item(desk: Desk, row: Row) -> dict[str, Any]:
    """A job as lists have it."""
    args, kwargs = told(row.load, desk.mask)
    return {
        "jid": row.jid,
        "fun": row.load.get("fun"),
        "arg": [*args, *(f"{name}={value}" for name, value in kwargs.items())],
        "tgt": row.load.get("tgt"),
        "tgt_type": row.load.get("tgt_type", "glob"),
        "user": row.user,
        "start": row.recorded,
        "end": row.ended,
        "state": row.state.value,
        "minions": row.asked,
        "ok": row.ok,
        "changed": row.changed,
        "failed": row.failed,
        "missing": row.missing,
        "duration": None if row.ended is None else round(max(0.0, row.ended - row.recorded), 3),
    }


# -- the list --------------------------------------------------------------------------------------------------------


async def jobs(desk: Desk, sight: Sight, question: Mapping[str, Any]) -> dict[str, Any]:
    """`{items, next, total}`, newest first: `q`, `user`, `fun`, `minion`, `state`, `since`, `until`, `housekeeping`,
    `cursor`, `limit`.

    A page may have fewer items than were asked for, and another page after it; `total` is None when it is not known.
    """
    before = from_cursor(question, ((int, float), str, (int, type(None))))
    page = await desk.store.jobs.page(
        wanted(sight, question),
        before=None if before is None else (before[0], before[1]),
        limit=page_size(question),
        counted=True,
    )
    await look_after(desk, page.rows)
    # What was counted for the first page holds for those after it.
    total = page.total if before is None or page.total is not None else before[2]
    return {
        "items": [item(desk, row) for row in page.rows],
        "next": None if page.next is None else to_cursor(*page.next, total),
        "total": total,
    }


def wanted(sight: Sight, question: Mapping[str, Any]) -> Wanted:
    """Which jobs a question is about, of those that may be seen."""
    terms = query.parse(_text(question, "q"))
    for name in ("user", "fun", "minion", "state"):
        if value := _text(question, name):
            terms += tuple(Term(Kind.FIELD, each, name) for each in ([value] if name == "minion" else value.split(",")))
    looks = [_look(term) for term in terms if not _in_columns(term)]
    if not (sight.admin or sight.all_jobs):
        looks.append(lambda row: sight.sees_job(row.load, row.minions))
    columns = {name: [term.value for term in terms if _in_columns(term) and term.key == name] for name in _FIELDS}
    if len(columns["minion"]) > 1:
        raise RemoteProtocolError("jobs of one minion at a time")
    return Wanted(
        functions=columns["fun"],
        other_functions=HOUSEKEEPING if question.get("housekeeping") in (0, False, "0") else (),
        users=columns["user"],
        states=[_state(value) for value in columns["state"]],
        minion=columns["minion"][0] if columns["minion"] else "",
        since=_moment(question, "since"),
        until=_moment(question, "until"),
        looks=(lambda row: all(holds(row) for holds in looks)) if looks else None,
    )


def _in_columns(term: Term) -> bool:
    """Whether the database can tell, without the job's load."""
    return (
        term.kind is Kind.FIELD
        and not term.negated
        and not term.literal
        and term.key in ("fun", "user", "minion", "state")
    )


def _look(term: Term) -> Callable[[Row], bool]:
    """A test of a job."""
    holds = _plain_look(term)
    return (lambda row: not holds(row)) if term.negated else holds


def _plain_look(term: Term) -> Callable[[Row], bool]:
    match term.kind:
        case Kind.WORD:
            # A word is held against what somebody remembers of a job.
            return lambda row: any(fnmatchcase(text, term.glob) for text in (row.fun, row.user, row.jid, _target(row)))
        case Kind.REGEX:
            holds = query.searcher(term)
            return lambda row: any(map(holds, (row.fun, row.user, row.jid, _target(row))))
        case Kind.FIELD if term.key == "state":
            state = _state(term.value)
            return lambda row: row.state is state
        case Kind.FIELD if term.key == "minion":
            return lambda row: any(fnmatchcase(id, term.glob) for id in row.minions)
        case Kind.FIELD if term.key in _FIELDS:
            return lambda row: any(fnmatchcase(text, term.glob) for text in _texts(row, term.key))
    raise TargetError(f"{term.value!r} means nothing for jobs: fields are {', '.join(sorted(_FIELDS))}")


def _texts(row: Row, name: str) -> Sequence[str]:
    match name:
        case "fun":
            return row.fun.split(",")
        case "user":
            return [row.user]
        case "jid":
            return [row.jid]
    return [_target(row)]


def _target(row: Row) -> str:
    tgt = row.load.get("tgt")
    return ",".join(map(str, tgt)) if isinstance(tgt, list | tuple) else str(tgt)


def _state(value: str) -> State:
    try:
        return State(value)
    except ValueError:
        names = ", ".join(state.value for state in State)
        raise RemoteProtocolError(f"a job's state is one of {names}, not {value!r}") from None


def _text(question: Mapping[str, Any], name: str) -> str:
    value = question.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise RemoteProtocolError(f"{name} is text")
    return value


def _moment(question: Mapping[str, Any], name: str) -> float | None:
    value = question.get(name)
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    raise RemoteProtocolError(f"{name} is a moment in seconds")


async def look_after(desk: Desk, rows: Sequence[Row]) -> None:
    """Have jobs watched that should be over, so that they settle. Nobody waits for that here."""
    now = desk.clock()
    overdue = [row.jid for row in rows if row.state is State.RUNNING and now - row.recorded > OVERDUE_S]
    for jid in overdue[:LOOKED_AFTER]:
        await desk.remember(f"watched {jid}", AGAIN_S, partial(_watch, desk, jid))


async def _watch(desk: Desk, jid: str) -> None:
    try:
        await desk.bus.ask(WatchRequest(jid=jid))
    except StoreError as exc:
        log.warning("job.not_watched", jid=jid, reason=str(exc))


# -- one -------------------------------------------------------------------------------------------------------------


async def find(desk: Desk, sight: Sight, question: Mapping[str, Any]) -> Row:
    """The job that a question is about. Raises NotFound for one that is not there, or that they may not see."""
    jid = question.get("jid")
    row = (await desk.store.jobs.row(jid) or _under_way(desk, jid)) if isinstance(jid, str) else None
    if row is None or not sight.sees_job(row.load, row.minions):
        raise NotFound(f"No job with the jid {jid} is known")
    return row


def _under_way(desk: Desk, jid: str) -> Row | None:
    """A runner or wheel function that runs: it is kept when it has ended, and whoever began it looks at once."""
    run = desk.runs.running.get(jid)
    if run is None:
        return None
    load = {"tgt": run.master_id, "tgt_type": "list", "user": run.user, "fun": run.fun, "arg": run.fun_args}
    return Row(
        jid=jid,
        recorded=run.started,
        fun=run.fun,
        user=run.user,
        size=1,
        ok=0,
        changed=0,
        failed=0,
        ended=None,
        load=load,
        minions=(run.master_id,),
    )


async def job(desk: Desk, sight: Sight, question: Mapping[str, Any]) -> dict[str, Any]:
    """One job: as in the list, with the `ids` of its minions, its keywords apart, and `metadata`."""
    row = await find(desk, sight, question)
    if row.jid not in desk.runs.running:
        await look_after(desk, [row])
    args, kwargs = told(row.load, desk.mask)
    return item(desk, row) | {
        "arg": args,
        "kwargs": kwargs,
        "ids": sorted({*row.minions, *unknown(row.load, row.minions)}),
        "metadata": desk.mask(row.load.get("metadata")),
    }


RETURN_BYTES = 4 * 1024 * 1024
"""A page of returns ends when it has found so much."""


async def returns(desk: Desk, sight: Sight, question: Mapping[str, Any]) -> dict[str, Any]:
    """`{items, next, total}`: what came back, in the order in which it came, then who is missing, and why.

    `failed`: what failed, and who is missing, only. `id`: of this minion only.
    """
    row = await find(desk, sight, question)
    after = from_cursor(question, (int,))
    limit, failed = page_size(question), question.get("failed") in (1, True, "1")
    of = _text(question, "id")
    page, last = await desk.store.read(
        partial(
            read_return_page,
            jid=row.jid,
            after=0 if after is None else after[0],
            limit=limit,
            id=of,
            failed=failed,
            most_bytes=RETURN_BYTES,
        )
    )
    items = [_return(row, *each) for each in page]
    if last is None:
        items += await _missing(desk, row, of)
    total = 1 if of else row.missing + (row.failed if failed else row.returned)
    return {"items": items, "next": None if last is None else to_cursor(last), "total": total}


def _return(row: Row, id: str, came: float, body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": id,
        "return": body.get("return"),
        "retcode": body.get("retcode"),
        "success": body.get("success"),
        "at": came,
        "fun": row.load.get("fun"),
        "out": body.get("out"),
    }


async def _missing(desk: Desk, row: Row, of: str) -> list[dict[str, Any]]:
    """Those that have not returned, with a reason once the job has settled."""
    if not row.missing:
        return []
    entry, returned = await desk.store.jobs.entry(row.jid), await desk.store.jobs.returned(row.jid)
    why = {} if entry is None else entry.missing
    asked = {*row.minions, *unknown(row.load, row.minions)}
    ids = [id for id in sorted(asked) if id not in returned and of in ("", id)]
    await trio.lowlevel.checkpoint()
    return [{"id": id, "missing": True, "reason": why.get(id, "")} for id in ids]
