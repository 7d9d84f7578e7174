"""What somebody may see: the same gate that judges what they may do, asked about minions, jobs and events.

Who may address a minion sees it; who started a job, or could send it out as it is, sees the job and its returns.
`@jobs`, or a permission for the runner `jobs.list_job`, is for all jobs; `.*`, `@jobs` and `@events` for all events.
A `Sight` is taken once and asked often, in any thread: whom the targets of permissions name is looked up before.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import attrs

from trisalt.bus.caller import Caller
from trisalt.master.acl import Acl
from trisalt.master.arguments import split
from trisalt.master.grants import RUNNER, WHEEL

# For how long the minions of a permission's target are remembered, and of how many callers.
FRESH_S = 3.0
CALLERS = 256
# What is kept of a minion is shown to whoever might ask the minion itself.
ASKS_GRAINS, ASKS_PILLAR = "grains.items", "pillar.items"


class Targets(Protocol):
    """What `master/minions` knows of the targets of permissions."""

    async def within(self, place: str) -> list[str]:
        """The minions of a permission's target."""


@attrs.frozen(kw_only=True)
class Sight:
    """What one caller may see. `ids` are the minions that they may address, None for all of them."""

    caller: Caller
    acl: Acl
    admin: bool
    all_jobs: bool
    all_events: bool
    ids: frozenset[str] | None
    places: Mapping[str, frozenset[str]]

    @property
    def keys(self) -> bool:
        """Whether they may see keys that are not accepted."""
        return self.admin or self.runs(WHEEL, "key.list_all")

    def sees_minion(self, id: str) -> bool:
        """Whether they may address this minion."""
        return self.ids is None or id in self.ids

    def may_ask(self, fun: str, id: str) -> bool:
        """Whether they might ask this one minion for something that needs no arguments."""
        return self.may_send(fun, [], [id])

    def may_send(self, fun: Any, arg: Any, minions: Sequence[str]) -> bool:
        """Whether they might send this job to these minions."""
        return not self.why_not(fun, arg, minions)

    def why_not(self, fun: Any, arg: Any, minions: Sequence[str]) -> str:
        """Why they may not send this job to these minions; empty when they may."""
        verdict = self.acl.judge_publish(self.caller, fun, arg)
        if not verdict:
            return verdict.reason
        for places in verdict.within:
            granted = [self.places.get(place, frozenset()) for place in places]
            for id in minions:
                if not any(id in ids for ids in granted):
                    return f"{id} is not within {', '.join(sorted(places))}"
        return ""

    def runs(self, kind: str, fun: str, arg: Any = (), kwarg: Mapping[str, Any] | None = None) -> bool:
        """Whether they may run this runner or wheel function."""
        return bool(self.acl.judge_run(self.caller, kind, fun, arg, kwarg))

    def started(self, load: Mapping[str, Any]) -> bool:
        """Whether a job is theirs: a name of one backend is somebody else's in the next."""
        return load.get("user") == self.caller.name and load.get("eauth", "") == self.caller.eauth

    def sees_job(self, load: Mapping[str, Any], minions: Sequence[str]) -> bool:
        """Whether they may see a job: their own, or one that they could have sent out."""
        if self.admin or self.all_jobs or self.started(load):
            return True
        fun, arg = load.get("fun"), load.get("arg") or []
        if isinstance(fun, str) and fun.startswith(("runner.", "wheel.")):
            kind, _, name = fun.partition(".")
            return self.runs(kind, name, *split(arg))
        return isinstance(fun, str | list | tuple) and self.may_send(fun, arg, minions)


class Sights:
    """Who may see what, by caller. `clock` is any that goes forward."""

    def __init__(self, acl: Acl, targets: Targets, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._acl = acl
        self._targets = targets
        self._clock = clock
        self._known: OrderedDict[Caller, tuple[float, Sight]] = OrderedDict()

    async def of(self, caller: Caller) -> Sight:
        """What this caller may see now."""
        if caller.rows is not None:
            # Two tokens of one name may hold different permissions.
            return await self._take(caller)
        taken, sight = self._known.get(caller, (0.0, None))
        if sight is None or self._clock() - taken > FRESH_S:
            sight = await self._take(caller)
            self._known[caller] = (self._clock(), sight)
            self._known.move_to_end(caller)
            if len(self._known) > CALLERS:
                self._known.popitem(last=False)
        return sight

    async def _take(self, caller: Caller) -> Sight:
        admin = self._acl.is_admin(caller)
        grants = self._acl.grants_of(caller)
        ids: frozenset[str] | None = None
        places: dict[str, frozenset[str]] = {}
        if not admin:
            places = {place: frozenset(await self._targets.within(place)) for place, _rules in grants.within}
            if not grants.everywhere:
                ids = frozenset().union(*places.values())
        jobs = admin or grants.names("jobs") or grants.runs(RUNNER, "jobs.list_job", [], {})
        return Sight(
            caller=caller,
            acl=self._acl,
            admin=admin,
            all_jobs=jobs,
            all_events=admin or grants.everything or grants.names("jobs") or grants.names("events"),
            ids=ids,
            places=places,
        )
