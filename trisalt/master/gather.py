"""Who is still to return, and when to ask whether they are alive. Pure: `master/jobs` feeds it and does what it says.

A minion that works for longer than `timeout` is asked `saltutil.find_job`; as long as somebody answers that it is at
work, all who are missing are asked again every `gather_job_timeout`. Source: spec/targeting-jobs.md section 5.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

import attrs

FIND_JOB = "saltutil.find_job"


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
    asked: bool = False
    """A find_job is out, and nobody has said since that it is at work."""
    alive_until: dict[str, float] = attrs.field(factory=dict)

    @classmethod
    def begin(cls, minions: Iterable[str], *, now: float, timeout: float, gather_job_timeout: float) -> Self:
        """Wait for `minions`, who were sent the job now."""
        expected = set(minions)
        return cls(
            minions=expected,
            timeout=timeout,
            gather_job_timeout=gather_job_timeout,
            deadline=now + timeout,
            pending=set(expected),
        )

    @property
    def wake(self) -> float:
        """When `step` may have something to say, unless somebody returns or answers before."""
        if not self.asked:
            return self.deadline
        return max([self.deadline, *(until for id, until in self.alive_until.items() if id in self.pending)])

    def returned(self, id: str) -> None:
        """A minion has returned, expected or not."""
        self.minions.add(id)
        self.pending.discard(id)

    def answered(self, id: str, *, running: bool, now: float) -> None:
        """A minion has answered find_job. It may be one that nobody expected: then it is waited for as well."""
        if not running:
            return
        if id not in self.minions:
            self.minions.add(id)
            self.pending.add(id)
        self.alive_until[id] = now + self.timeout
        self.asked = False

    def unreachable(self, *, now: float) -> None:
        """The question reached nobody: there is no answer to wait for."""
        self.asked, self.deadline = True, now

    def extend(self, *, now: float, timeout: float, gather_job_timeout: float) -> None:
        """Somebody else begins to wait: they get the patience they ask for, and nobody loses theirs."""
        self.timeout = max(self.timeout, timeout)
        self.gather_job_timeout = max(self.gather_job_timeout, gather_job_timeout)
        self.deadline = max(self.deadline, now + timeout)
        self.asked = False

    def step(self, now: float, *, gone: frozenset[str] = frozenset()) -> Ask | Done | None:
        """What to do now: ask, stop, or (None) wait until `wake`. `gone` are not connected: they are not waited for."""
        if self.pending and now < self.wake:
            return None
        pending = frozenset(self.pending)
        reachable = pending - gone
        if self.asked or not reachable:
            return Done(missing=pending)
        self.asked, self.deadline = True, now + self.gather_job_timeout
        return Ask(minions=reachable)
