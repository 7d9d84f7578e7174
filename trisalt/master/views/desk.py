"""What the views share: whom they ask, whose question it is, and pages of lists."""

from __future__ import annotations

import base64
import binascii
import json
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import attrs
import structlog

from trisalt.bus.bus import Bus
from trisalt.bus.caller import Caller
from trisalt.errors import Denied, RemoteProtocolError
from trisalt.fileserver.served import Served
from trisalt.master.acl import Acl
from trisalt.master.arguments import Mask
from trisalt.master.commands import Runs
from trisalt.master.keyring import Keyring
from trisalt.master.minions import Minions
from trisalt.master.presence import PresenceDesk
from trisalt.master.reactor import ReactorDesk
from trisalt.master.sight import Sight, Sights
from trisalt.master.views.functions import Index
from trisalt.store.store import Store
from trisalt.worker.pool import Workers

log = structlog.get_logger()

# How much is remembered for a while, at most.
REMEMBERED = 4096
PAGE, MOST = 100, 1000
"""How many items a page has, and how many it may have at most."""


@attrs.define(kw_only=True, eq=False)
class Desk:
    """Whom to ask. `opts` are the master's as they are now; `runs` are the runners and wheel functions that run;
    `files` is its file server; `clock` is wall time."""

    bus: Bus
    store: Store
    acl: Acl
    minions: Minions
    keyring: Keyring
    presence: PresenceDesk
    workers: Workers
    opts: Mapping[str, Any]
    reactor: ReactorDesk
    runs: Runs = attrs.field(factory=Runs)
    files: Served | None = None
    clock: Callable[[], float] = time.time
    sights: Sights = attrs.field(init=False)
    index: Index = attrs.field(factory=Index, init=False)
    remembered: dict[str, tuple[float, Any]] = attrs.field(factory=dict, init=False)
    _mask: tuple[object, Mask] | None = attrs.field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self.sights = Sights(self.acl, self.minions)

    @property
    def mask(self) -> Mask:
        """What hides secret arguments, by the option `masked_arguments`."""
        pattern = self.opts.get("masked_arguments")
        if self._mask is None or self._mask[0] != pattern:
            try:
                mask = Mask(pattern) if isinstance(pattern, str) and pattern else Mask()
            except re.error as exc:
                log.warning("config.not_understood", option="masked_arguments", reason=str(exc))
                mask = Mask()
            self._mask = (pattern, mask)
        return self._mask[1]

    async def remember(self, name: str, seconds: float, make: Callable[[], Awaitable[Any]]) -> Any:
        """What `make` gives, or gave so many seconds ago at most: what is the same for all who ask is made once."""
        found = self.remembered.get(name)
        if found is None or self.clock() - found[0] > seconds:
            if len(self.remembered) >= REMEMBERED:
                self.remembered.clear()
            found = self.remembered[name] = (self.clock(), await make())
        return found[1]


Operation = Callable[[Desk, Sight, Mapping[str, Any]], Awaitable[dict[str, Any]]]
"""Answers one question of somebody who may see something."""


async def admit(desk: Desk, caller: Caller) -> Sight:
    """What the caller may see. Raises Denied for somebody to whom nothing is granted."""
    if not desk.acl.is_admin(caller) and not desk.acl.grants_of(caller):
        log.warning("door.refused", user=caller.name)
        raise Denied(f"The user {caller.name} may not do this")
    return await desk.sights.of(caller)


def page_size(question: Mapping[str, Any]) -> int:
    """How many items are wanted."""
    limit = question.get("limit")
    if limit is None:
        return PAGE
    if not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= MOST:
        raise RemoteProtocolError(f"limit is a number from 1 to {MOST}")
    return limit


def to_cursor(*parts: Any) -> str:
    """Where a next page begins, as a text that means nothing to whoever is given it."""
    return base64.urlsafe_b64encode(json.dumps(parts, separators=(",", ":")).encode()).decode().rstrip("=")


def from_cursor(question: Mapping[str, Any], kinds: tuple[type | tuple[type, ...], ...]) -> list[Any] | None:
    """The parts of a cursor, of these types; None where there is none. Raises RemoteProtocolError for what is none."""
    cursor = question.get("cursor")
    if cursor in (None, ""):
        return None
    parts: list[Any]
    try:
        parts = json.loads(base64.urlsafe_b64decode(str(cursor) + "=" * (-len(str(cursor)) % 4)))
    except (binascii.Error, ValueError):
        parts = []
    fits = isinstance(parts, list) and len(parts) == len(kinds)
    if fits and all(isinstance(part, kind) for part, kind in zip(parts, kinds, strict=True)):
        return parts
    raise RemoteProtocolError("the cursor is none of this list")
