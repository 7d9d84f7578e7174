"""Who is still to return, and when to ask whether they are alive. Pure: `master/jobs` feeds it and does what it says.

A minion that works for longer than `timeout` is asked `saltutil.find_job`; as long as somebody answers that it is at
work, all who are missing are asked again every `gather_job_timeout`. Source: stock Salt 3008.3.
Those that presence knows to be away are not waited for: when nobody else is missing, it is over. Only who was
stopped while it had the job is waited for a while: a daemon that is restarted, or that the job upgrades, has it still.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import Self

import attrs

FIND_JOB = "saltutil.find_job"

COURTESY_S = 0.5
"""So long a job waits for those that are known to be away: presence may be wrong, and they may be coming right now."""


@attrs.frozen(kw_only=True)
class Ask:
    """Publish find_job to these, and go on listening."""

    minions: frozenset[str]


@attrs.frozen(kw_only=True)
class Done:
    """Nobody is waited for any longer; these did not return."""

    missing: frozenset[str]


@attrs.define(kw_only=True)
class Gather:
    """One job's wait. All times are seconds of one clock; `timeout` and `gather_job_timeout` are durations."""

    minions: set[str]
    timeout: float
    gather_job_timeout: float
    deadline: float
    pending: set[str]
    """Who has not returned: kept up to date, because a job may have ten thousand minions."""
    courtesy: float
    """Until when those that are away are waited for, though nobody else is missing."""
    away: set[str] = attrs.field(factory=set)
    """Who of the pending will not return, as far as anybody knows: it is not here, or never received the job."""
    back_by: float = 0.0
    """Until when those that were stopped meanwhile may be back."""
    came_back: set[str] = attrs.field(factory=set)
    """Who was away, and came: it is asked once more on account of that, and not each time it comes."""
    asked: bool = False
    """A find_job is out, and nobody has said since that it is at work."""
    alive_until: dict[str, float] = attrs.field(factory=dict)

    @classmethod
    def begin(
        cls,
        minions: Iterable[str],
        *,
        now: float,
        timeout: float,
        gather_job_timeout: float,
        away: Set[str] = frozenset(),
    ) -> Self:
        """Wait for `minions`, who were sent the job now; those who are `away` did not get it."""
        expected = set(minions)
        return cls(
            minions=expected,
            timeout=timeout,
            gather_job_timeout=gather_job_timeout,
            deadline=now + timeout,
            pending=set(expected),
            courtesy=now + min(timeout, COURTESY_S),
            away=expected & away,
        )

    @property
    def hopeful(self) -> bool:
        """Whether somebody is missing who may still return."""
        return len(self.pending) > len(self.away)

    @property
    def wake(self) -> float:
        """When `step` may have something to say, unless somebody returns or answers before."""
        if not self.hopeful:
            return max(self.courtesy, self.back_by)
        if not self.asked:
            return self.deadline
        return max([self.deadline, *(until for id, until in self.alive_until.items() if id in self.pending)])

    def returned(self, id: str) -> None:
        """A minion has returned, expected or not."""
        self.minions.add(id)
        self.pending.discard(id)
        self.away.discard(id)

    def moved(self, id: str, *, away: bool, back_by: float = 0.0) -> bool:
        """A minion is away now, perhaps until then, or is not. Whether that is news for this job."""
        if id not in self.pending or (id in self.away) == away:
            return False
        if away:
            self.away.add(id)
            self.back_by = max(self.back_by, back_by)
        else:
            self.away.discard(id)
            if id not in self.came_back:
                self.came_back.add(id)
                self.asked = False
        return True

    def answered(self, id: str, *, running: bool, now: float) -> None:
        """A minion has answered find_job. It may be one that nobody expected: then it is waited for as well."""
        if not running:
            return
        if id not in self.minions:
            self.minions.add(id)
            self.pending.add(id)
        self.alive_until[id] = now + self.timeout
        # Whoever answers is not away, whatever was thought.
        self.away.discard(id)
        self.asked = False

    def never_received(self, id: str) -> None:
        """A minion has answered find_job that it has never seen the job, which went out before the question."""
        if id in self.pending:
            self.away.add(id)

    def unreachable(self, *, now: float) -> None:
        """The question reached nobody: there is no answer to wait for."""
        self.asked, self.deadline = True, now

    def extend(self, *, now: float, timeout: float, gather_job_timeout: float) -> None:
        """Somebody else begins to wait: they get the patience they ask for, and nobody loses theirs."""
        self.timeout = max(self.timeout, timeout)
        self.gather_job_timeout = max(self.gather_job_timeout, gather_job_timeout)
        self.deadline = max(self.deadline, now + timeout)
        self.asked = False

    def step(self, now: float) -> Ask | Done | None:
        """What to do now: ask, stop, or (None) wait until `wake`."""
        if self.pending and now < self.wake:
            return None
        if self.asked or not self.hopeful:
            return Done(missing=frozenset(self.pending))
        self.asked, self.deadline = True, now + self.gather_job_timeout
        return Ask(minions=frozenset(self.pending - self.away))
