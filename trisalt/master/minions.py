"""Which minions a target names: the accepted keys, the grains and pillar that are kept, and `target/`.

`master/publisher` asks who is to be waited for; `master/mine` and `master/acl` who may be looked at; everybody else
asks `ResolveRequest`.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import structlog
import trio

from trisalt.bus.answers import Resolved
from trisalt.bus.bus import Bus
from trisalt.bus.requests import ResolveRequest
from trisalt.errors import StoreError, TargetError
from trisalt.master.keyring import Keyring, State
from trisalt.store.store import Banks, Table
from trisalt.target import match
from trisalt.target.compound import expand
from trisalt.target.ranges import expand as expand_range

log = structlog.get_logger()

SETTLED_NS = 2_000_000_000

# From so many minions on it takes long enough to be felt to read what is kept of them; it begins so many seconds after
# the start.
MANY = 500
PREPARE_AFTER = 1.0

# A pattern over ids, and nothing else.
_BARE = re.compile(r"[\w.*?\[\]-]+")
# What makes a glob more than a name.
_MAGIC = frozenset("*?[")

BY_ID = frozenset({"glob", "pcre", "list", "range"})
_BY_PILLAR = frozenset({"pillar", "pillar_pcre", "pillar_exact"})
_BY_BOTH = frozenset({"compound", "compound_pillar_exact", "nodegroup"})

# Targets by what minions say of themselves, as terms of a compound one.
_LETTERS = {"grain": "G", "grain_pcre": "P", "pillar": "I", "pillar_pcre": "J", "ipcidr": "S"}

# Who may not look into the pillar of others does not choose by a pattern over it: it could be guessed letter by letter.
EXACT_TYPES = {"pillar": "pillar_exact", "pillar_pcre": "pillar_exact", "compound": "compound_pillar_exact"}


class Minions:
    """The minions this master knows. `keyring` says who is accepted, `banks` what is kept about them; `nodegroups` is
    asked each time, so that a configuration that was read again takes effect."""

    def __init__(
        self, keyring: Keyring, banks: Banks, *, pki_dir: Path, nodegroups: Callable[[], Mapping[str, Any]]
    ) -> None:
        self.nodegroups = nodegroups
        self._keyring = keyring
        self._banks = banks
        self._folder = str(pki_dir / State.ACCEPTED.value)
        self._accepted: tuple[int, list[str]] | None = None

    def accepted(self) -> list[str]:
        """The accepted ids, sorted. The folder is read again when it has changed."""
        try:
            changed = os.stat(self._folder).st_mtime_ns
        except OSError:
            return []
        if self._accepted is not None and self._accepted[0] == changed:
            return self._accepted[1]
        ids = self._keyring.list(State.ACCEPTED)
        # A folder that changed so lately may change again within one tick of its file system's clock.
        self._accepted = (changed, ids) if time.time_ns() - changed > SETTLED_NS else None
        return ids

    async def prepare(self) -> None:
        """Have what is kept of many minions at hand before somebody's target is the first to need it."""
        if len(self.accepted()) < MANY:
            return
        # Not while the doors open: it is a second's work of one thread.
        await trio.sleep(PREPARE_AFTER)
        try:
            for bank in ("grains", "pillar"):
                await self._banks.look([bank], lambda _table: None)
        except StoreError as exc:
            log.warning("targets.not_prepared", reason=str(exc))

    async def resolve(self, tgt: Any, tgt_type: str = "glob", *, delimiter: str = ":") -> tuple[list[str], list[str]]:
        """`(minions, missing)`: the accepted ids that a target names, and the ids it lists that have no accepted key.

        `minions` is sorted. An id of which nothing is kept is found by its name only.
        Raises TargetError when the target cannot be read.
        """
        if tgt_type not in match.TARGET_TYPES:
            raise TargetError(f"unknown target type {tgt_type!r}")
        ids = self.accepted()
        if tgt_type in BY_ID:
            found = self._select(tgt, tgt_type, ids, None, None, delimiter)
            return sorted(found), match.missing(tgt, tgt_type, ids=ids)
        grains, pillar = tgt_type not in _BY_PILLAR, tgt_type in _BY_PILLAR | _BY_BOTH
        banks = [*(("grains",) if grains else ()), *(("pillar",) if pillar else ())]

        def select(*tables: Table) -> set[str]:
            kept = dict(zip(banks, tables, strict=True))
            return self._select(tgt, tgt_type, ids, kept.get("grains"), kept.get("pillar"), delimiter)

        return sorted(await self._banks.look(banks, select)), []

    async def resolve_for(
        self, tgt: Any, tgt_type: str, *, delimiter: str = ":", exact: bool
    ) -> tuple[list[str], list[str]]:
        """The same for somebody who (`exact`) may choose by the letter of pillar only."""
        kind = EXACT_TYPES.get(tgt_type, tgt_type) if exact else tgt_type
        return await self.resolve(tgt, kind, delimiter=delimiter)

    async def within(self, place: str) -> list[str]:
        """The minions of a permission's target; none for one that cannot be read, which is its operator's to know."""
        # Mostly a bare pattern over ids: nobody's grains are looked into for that.
        kind = "glob" if _BARE.fullmatch(place) and place not in ("and", "or", "not") else "compound"
        try:
            return (await self.resolve(place, kind))[0]
        except TargetError as exc:
            log.warning("acl.target_unreadable", tgt=place, reason=str(exc))
            return []

    def barred(self, tgt: Any, tgt_type: str) -> dict[str, str]:
        """Whom a target would name if they had an accepted key: the state of theirs, by id. By their names only."""
        if tgt_type not in BY_ID:
            return {}
        found: dict[str, str] = {}
        for state in (State.DENIED, State.PENDING, State.REJECTED):
            ids = self._keyring.list(state)
            found |= dict.fromkeys(self._select(tgt, tgt_type, ids, None, None, ":"), state.name.lower())
        return found

    def _select(
        self, tgt: Any, tgt_type: str, ids: Sequence[str], grains: Table | None, pillar: Table | None, delimiter: str
    ) -> set[str]:
        def data(id: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
            return _kept(grains, id), _kept(pillar, id)

        return match.select(tgt, tgt_type, ids=ids, data=data, delimiter=delimiter, nodegroups=self.nodegroups())


def _kept(table: Table | None, id: str) -> Mapping[str, Any]:
    found = None if table is None else table.get(id)
    # An empty map is asked for its length by nobody: that may be costly.
    return {} if found is None else found


async def answer_targets(
    bus: Bus, minions: Minions, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Answer `ResolveRequest` until cancelled; and make ready for targets by grains and pillar."""

    async def answer(request: ResolveRequest) -> Resolved:
        found, missing = await minions.resolve_for(
            request.tgt, request.tgt_type, delimiter=request.delimiter, exact=request.exact
        )
        return Resolved(minions=found, missing=missing)

    with bus.answering({ResolveRequest: answer}):
        task_status.started()
        await minions.prepare()
        await trio.sleep_forever()


def narrowed(tgt: Any, tgt_type: str, minions: Sequence[str], *, delimiter: str = ":") -> tuple[Any, str]:
    """A target in words of the wire, for these of its minions alone.

    Where it is about what minions say of themselves, each still judges that by itself.
    """
    names = f"L@{','.join(minions)}"
    letter = _LETTERS.get(tgt_type)
    if tgt_type == "compound":
        words = tgt.split() if isinstance(tgt, str) else [str(word) for word in tgt]
        return [names, "and", "(", *words, ")"], "compound"
    if letter is None or not isinstance(tgt, str) or len(delimiter) != 1:
        return list(minions), "list"
    term = f"{letter}{'' if delimiter == ':' or tgt_type == 'ipcidr' else delimiter}@{tgt}"
    return [names, "and", term], "compound"


def for_the_wire(tgt: Any, tgt_type: str, nodegroups: Mapping[str, Any]) -> tuple[Any, str]:
    """The same target in words that every minion understands: nodegroups are the master's, and stock minions take only
    words that stand alone, and no commas in a glob.

    `resolve` has read it before, so it is known to be well formed.
    """
    match tgt_type:
        case "nodegroup":
            return expand(f"N@{tgt}", nodegroups), "compound"
        case "compound":
            return expand(tgt, nodegroups), "compound"
        case "range" if isinstance(tgt, str):
            return expand_range(tgt), "list"
        case "glob" if isinstance(tgt, str) and "," in tgt and not _MAGIC & set(tgt):
            return [id.strip() for id in tgt.split(",")], "list"
    return tgt, tgt_type
