"""The job list: one narrow row for each job, with what lists tell of it and how many returns of which kind it has.

A list of a hundred thousand jobs is made without their loads, whom they were for, or what came back. Returns are
counted by the database itself, in the statement that keeps them. `jobs` writes rows; `listing` reads them.
"""

from __future__ import annotations

import enum
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import attrs
import msgpack

from trisalt.errors import LocalProtocolError, RemoteProtocolError
from trisalt.wire.codec import pack_bin, repacked, unpack_bin
from trisalt.wire.jid import start_time

TOLD = ("fun", "user", "tgt", "tgt_type", "arg", "metadata")
"""What lists tell of a job. `fun` is text, of several functions with commas between; `user` is text, empty for none; a
target, and its type, is text as it is, and packed where it is none; `arg` and `metadata` are packed, and NULL when
there is nothing in them."""

BOOKED = (
    "INSERT OR IGNORE INTO listed (jid, recorded, size, unknown, fun, user, tgt, tgt_type, arg, metadata) "
    "VALUES (?,?,?,?,?,?,?,?,?,?)"
)
_WIDER = (
    "UPDATE listed SET size = :size, ended = CASE WHEN ok + changed + failed < :size THEN NULL ELSE ended END "
    "WHERE jid = :jid"
)
# How stock Salt names what a load does not tell.
_UNTOLD = {"fun": "unknown-function", "tgt": "unknown-target", "tgt_type": "list", "user": "root"}
_MIGRATED = 1000
# How many jobs are packed before their text becomes bytes: about a megabyte.
_PIECE = 8192


class State(enum.Enum):
    """How a job stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    PARTIAL = "partial"
    """It is over, and some have not returned."""
    MISSING = "missing"
    """It is over, and nobody has returned."""


@attrs.frozen(kw_only=True)
class Row:
    """A job in the list. Times are wall seconds; `ended` is None while somebody may still return.

    `size` is how many minions it went to, `unknown` how many more it named that have no key: they stay missing.
    `load` and `minions` are the job's own, as `JobEntry` has them.
    """

    jid: str
    recorded: float
    fun: str
    user: str
    size: int
    ok: int
    changed: int
    failed: int
    ended: float | None
    unknown: int = 0
    load: Mapping[str, Any] = attrs.field(factory=dict)
    minions: Sequence[str] = ()

    @property
    def returned(self) -> int:
        return self.ok + self.changed + self.failed

    @property
    def asked(self) -> int:
        """How many minions it was asked for."""
        return self.size + self.unknown

    @property
    def missing(self) -> int:
        return max(0, self.asked - self.returned)

    @property
    def state(self) -> State:
        if self.failed and (self.ended is not None or not self.missing):
            return State.FAILED
        if not self.missing:
            return State.DONE
        if self.ended is None:
            return State.RUNNING
        return State.PARTIAL if self.returned else State.MISSING


@attrs.frozen(kw_only=True)
class Wanted:
    """Which jobs a list is of. Functions, users and targets are globs, of which any, or none of `other_…`, may match.

    `metadata`: the job's own has one of these, with the same value. `minion`: those that were for it. `since` and
    `until` are about when it was recorded (wall seconds), `first` and `last` about its id: the 20 digits of a moment,
    which is one of them; a job whose id is no time is in no such stretch. `looks`: what is only known by looking into
    the job (its load and minions are there); it runs in a reader's thread.
    """

    functions: Sequence[str] = ()
    other_functions: Sequence[str] = ()
    users: Sequence[str] = ()
    targets: Sequence[str] = ()
    metadata: Mapping[str, Any] = attrs.field(factory=dict)
    states: Sequence[State] = ()
    minion: str = ""
    since: float | None = None
    until: float | None = None
    first: str | None = None
    last: str | None = None
    looks: Callable[[Row], bool] | None = None


@attrs.frozen(kw_only=True)
class Page:
    """Some rows, newest first. `next` is where the next page begins, None at the end; `total` None for "not known"."""

    rows: Sequence[Row]
    next: tuple[float, str] | None
    total: int | None


# -- in the writer's thread -------------------------------------------------------------------------------------


def book(load: Mapping[str, Any], minions: Sequence[str], recorded: float) -> tuple[Any, ...]:
    """The row of a new job, for `BOOKED`."""
    return load["jid"], recorded, len(minions), len(unknown(load, minions)), *columns_of(load)


def unknown(load: Mapping[str, Any], minions: Sequence[str]) -> list[str]:
    """Whom a job named that have no key, as its publisher noted: it did not go to them."""
    named = load.get("missing")
    return [id for id in named if isinstance(id, str) and id not in minions] if isinstance(named, list) else []


def columns_of(load: Mapping[str, Any]) -> tuple[Any, ...]:
    """The values of `TOLD`."""
    user, arg = load.get("user"), load.get("arg")
    arg = list(arg) if isinstance(arg, list | tuple) else []
    metadata = _metadata(load, arg)
    return (
        function(load.get("fun")),
        _text(user) if isinstance(user, str) else "",
        _cell(load.get("tgt")),
        _cell(load.get("tgt_type")),
        pack_bin(arg) if arg else None,
        None if metadata is None else pack_bin(metadata),
    )


def widen(connection: sqlite3.Connection, jid: str, size: int) -> None:
    """A job is for further minions: so many by now."""
    connection.execute(_WIDER, {"jid": jid, "size": size})


def function(fun: object) -> str:
    """A function's name, or those of a job of several."""
    if fun is None:
        return _UNTOLD["fun"]
    return _text(",".join(map(str, fun)) if isinstance(fun, list | tuple) else str(fun))


def count_unknown(connection: sqlite3.Connection) -> None:
    """Tell how many had no key of jobs that were recorded before lists told so: a step of `schema`."""
    last = -1
    while rows := connection.execute(
        "SELECT rowid, jid, load, minions FROM jobs WHERE rowid > ? ORDER BY rowid LIMIT ?", (last, _MIGRATED)
    ).fetchall():
        found = [(_read_unknown(load, minions), jid) for _rowid, jid, load, minions in rows]
        connection.executemany("UPDATE listed SET unknown = ? WHERE jid = ?", [one for one in found if one[0]])
        last = rows[-1][0]


def _read_unknown(load: bytes, minions: bytes) -> int:
    try:
        return len(unknown(unpack_bin(load), unpack_bin(minions)))
    except (RemoteProtocolError, LocalProtocolError, AttributeError, TypeError):
        return 0


def fill(connection: sqlite3.Connection) -> None:
    """Tell of jobs that were recorded before lists told so much: a step of `schema`."""
    change = f"UPDATE listed SET {', '.join(f'{name} = ?' for name in TOLD)} WHERE jid = ?"  # noqa: S608
    last = -1
    while rows := connection.execute(
        "SELECT rowid, jid, load FROM jobs WHERE rowid > ? ORDER BY rowid LIMIT ?", (last, _MIGRATED)
    ).fetchall():
        connection.executemany(
            change, [(*columns, jid) for _rowid, jid, load in rows if (columns := _read_columns(load))]
        )
        last = rows[-1][0]


def _read_columns(load: bytes) -> tuple[Any, ...] | None:
    try:
        return columns_of(unpack_bin(load))
    except (RemoteProtocolError, LocalProtocolError, AttributeError):
        # Nobody can read this job; it is listed as one of which nothing is known.
        return None


def _cell(value: object) -> str | bytes | None:
    if value is None:
        return None
    return value if isinstance(value, str) and "\0" not in value and is_unicode(value) else pack_bin(value)


def _text(value: str) -> str:
    """`value` as a database takes it, and searches it: what is no Unicode, or no text, is a question mark."""
    return value.encode("utf-8", "replace").decode().replace("\0", "?")


def is_unicode(text: str) -> bool:
    """Whether a database takes this text."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _metadata(load: Mapping[str, Any], arg: Sequence[Any]) -> dict[Any, Any] | None:
    """Of the job, or else what one of its functions was given as such."""
    given = [load, *(part for part in arg if isinstance(part, dict) and part.get("__kwarg__"))]
    return next((part["metadata"] for part in given if isinstance(part.get("metadata"), dict)), None)


# -- for whoever tells ------------------------------------------------------------------------------------------


def described(
    jid: str,
    fun: str,
    user: str,
    tgt: str | bytes | None,
    tgt_type: str | bytes | None,
    arg: bytes | None,
    metadata: bytes | None,
) -> dict[str, Any]:
    """A job in stock Salt's words, from its id and its columns: what its lists of jobs tell of each."""
    told: dict[str, Any] = {
        "Function": fun.split(",") if "," in fun else fun,
        "Arguments": [] if arg is None else unpack_bin(arg),
        "Target": tgt if isinstance(tgt, str) else _opened(tgt, "tgt"),
        "Target-type": tgt_type if isinstance(tgt_type, str) else _opened(tgt_type, "tgt_type"),
        "User": user or _UNTOLD["user"],
        "StartTime": start_time(jid),
    }
    if metadata is not None:
        told["Metadata"] = unpack_bin(metadata)
    return told


def packed(rows: Iterable[Sequence[Any]]) -> bytes:
    """`{jid: described(...)}` of rows with a jid and its columns, as `pack_bin` packs it.

    Of a hundred thousand jobs in two thirds of the time that their maps alone would take: what a column says is packed
    once, and a job is put together as text in which each character stands for a byte.
    """
    text = _Packed()
    function, cell = _PackedFunction(), _PackedCell()
    hours: dict[str, str] = {}
    pieces: list[bytes] = []
    jobs: list[str] = []
    count = 0
    for jid, fun, user, tgt, tgt_type, arg, metadata in rows:
        if not jid[10:].isdigit() or not jid.isascii() or len(jid) != _DIGITS or metadata is not None:
            job = {jid: described(jid, fun, user, tgt, tgt_type, arg, metadata)}
            jobs.append(pack_bin(job)[1:].decode("latin-1"))
            continue
        hour = hours.get(jid[:10])
        if hour is None:
            # `2026, Nov 22 12:`, or nothing where the digits are no time, with what tells that text's length.
            spelled = start_time(jid)
            hour = hours[jid[:10]] = text[spelled][: -len("47:14.045046")] if spelled else ""
        when = f"{hour}{jid[10:12]}:{jid[12:14]}.{jid[14:]}" if hour else text[""]
        jobs.append(
            f"{_JID}{jid}{_FUNCTION}{function[fun]}{_ARGUMENTS}{_NONE if arg is None else cell[arg]}"
            f"{_TARGET}{text[_UNTOLD['tgt']] if tgt is None else cell[tgt]}"
            f"{_TARGET_TYPE}{text[_UNTOLD['tgt_type']] if tgt_type is None else cell[tgt_type]}"
            f"{_USER}{text[user or _UNTOLD['user']]}{_START_TIME}{when}"
        )
        if len(jobs) >= _PIECE:
            pieces.append("".join(jobs).encode("latin-1"))
            count += len(jobs)
            jobs.clear()
    count += len(jobs)
    pieces.append("".join(jobs).encode("latin-1"))
    return msgpack.Packer().pack_map_header(count) + b"".join(pieces)


def _characters(value: object) -> str:
    return pack_bin(value).decode("latin-1")


class _Packed(dict[Any, str]):
    """What is packed of a value, made when it is first asked for; a character stands for a byte."""

    def __missing__(self, value: Any) -> str:
        made = self[value] = self.make(value)
        return made

    def make(self, value: Any) -> str:
        return _characters(value)


class _PackedFunction(_Packed):
    def make(self, value: str) -> str:
        return _characters(value.split(",") if "," in value else value)


class _PackedCell(_Packed):
    def make(self, value: str | bytes) -> str:
        return _characters(value) if isinstance(value, str) else repacked(value).decode("latin-1")


_DIGITS = 20
# What stands between the columns of a job: its jid is a text of 20 bytes, and its map has six entries.
_JID = "\xb4"
_NONE = _characters([])
_FUNCTION = "\x86" + _characters("Function")
_ARGUMENTS, _TARGET, _TARGET_TYPE = _characters("Arguments"), _characters("Target"), _characters("Target-type")
_USER, _START_TIME = _characters("User"), _characters("StartTime")


def _opened(cell: bytes | None, name: str) -> Any:
    return _UNTOLD[name] if cell is None else unpack_bin(cell)
