"""Who is next in a batch, who is waited for, and when it is over. Pure: `master/batches` does what it says.

A batch is a job for many minions of which only so many run it at a time. Source: stock Salt 3008.3, `salt --batch`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Self

import attrs

_SIZE = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(%?)\s*")

FAILHARD, STOPPED = "failhard", "stop"
"""Why a batch ended before its time."""


@attrs.frozen(kw_only=True)
class Send:
    """Send the job to these now. `again`: it may have reached them before, so it is the same job, by the same jid."""

    minions: tuple[str, ...]
    again: bool = False


@attrs.frozen(kw_only=True)
class Ask:
    """Ask these by find_job whether they are at work."""

    minions: tuple[str, ...]


@attrs.frozen(kw_only=True)
class Lose:
    """These are not waited for any longer."""

    minions: tuple[str, ...]


@attrs.frozen(kw_only=True)
class End:
    """It is over. `halted` is the reason for which it ended before its time; None when everybody had their turn."""

    halted: str | None = None


Step = Send | Ask | Lose | End


def size_of(text: object, total: int) -> int:
    """How many run at a time: `10`, or `25%` of `total`, which is rounded down, but not to none.

    Raises ValueError for what is neither: a batch of none would never end, and more than all there are is a slip.
    """
    found = _SIZE.fullmatch(str(text))
    if found is None:
        raise ValueError(_complaint(text))
    number, percent = float(found[1]), bool(found[2])
    if number <= 0 or (percent and number > 100) or (not percent and not number.is_integer()):
        raise ValueError(_complaint(text))
    return max(1, math.floor(number * total / 100)) if percent else int(number)


def _complaint(text: object) -> str:
    return (
        f"Invalid batch specification {str(text)!r}: must be an integer or percentage string like '10' or '25%', "
        "of at least 1 and at most 100%."
    )


@attrs.define(kw_only=True)
class _Active:
    """One minion at work: when it is to be asked, or given up. `unsure`: it may never have got the job."""

    deadline: float
    asked: bool = False
    unsure: bool = False
    again: bool = False


@attrs.define(kw_only=True)
class Batch:
    """One batch. All times are seconds of one clock; `wait`, `timeout` and `gather_job_timeout` are durations.

    `wait` is how long the place of a minion that returned stays empty. `done` are the retcodes of those that
    returned, `lost` those that were given up.
    """

    size: int
    wait: float
    failhard: bool
    timeout: float
    gather_job_timeout: float
    pending: list[str]
    patient: bool = False
    """Who does not return is waited for later on, and has not failed."""
    active: dict[str, _Active] = attrs.field(factory=dict)
    done: dict[str, int] = attrs.field(factory=dict)
    lost: set[str] = attrs.field(factory=set)
    halted: str | None = None
    resting: list[float] = attrs.field(factory=list)
    """Until when places stay empty."""

    @classmethod
    def begin(
        cls,
        minions: Iterable[str],
        *,
        size: object,
        wait: float = 0,
        failhard: bool = False,
        patient: bool = False,
        timeout: float,
        gather_job_timeout: float,
    ) -> Self:
        """A batch of these, in this order. `size` as `size_of` takes it."""
        ordered = list(dict.fromkeys(minions))
        return cls(
            size=size_of(size, len(ordered)),
            wait=wait,
            failhard=failhard,
            patient=patient,
            timeout=timeout,
            gather_job_timeout=gather_job_timeout,
            pending=ordered,
        )

    def resume(self, begun: Iterable[str], done: Mapping[str, int], lost: Iterable[str], *, now: float) -> None:
        """Take up a batch that another process had begun: what it had sent is asked for before it is sent again."""
        self.done, self.lost = dict(done), set(lost) - set(done)
        begun = [id for id in begun if id not in self.done and id not in self.lost]
        self.active = {id: _Active(deadline=now, unsure=True) for id in begun}
        over = {*self.active, *self.done, *self.lost}
        self.pending = [id for id in self.pending if id not in over]
        if self.failhard and (any(self.done.values()) or (self.lost and not self.patient)):
            self.halted = FAILHARD

    # -- what happened ------------------------------------------------------------------------------------------

    def began(self, minions: Iterable[str], *, now: float) -> None:
        """The job has gone out to these, for the first time or again."""
        sent = list(minions)
        fresh = set(sent)
        if self.pending[: len(sent)] == sent:
            # The next ones, as nearly always: of ten thousand there is no need to look at each.
            del self.pending[: len(sent)]
        else:
            self.pending = [id for id in self.pending if id not in fresh]
        for id in fresh - self.done.keys() - self.lost:
            self.active[id] = _Active(deadline=now + self.timeout)

    def unsent(self, minions: Iterable[str]) -> None:
        """The job could not go out to these: they are the next again."""
        back = [id for id in minions if self.active.pop(id, None) is not None]
        self.pending[:0] = back

    def returned(self, id: str, retcode: int, *, now: float) -> bool:
        """A minion has returned. False for one that is not of this batch, or had returned before."""
        if id in self.done or (id not in self.active and id not in self.lost):
            return False
        if self.active.pop(id, None) is not None and self.wait > 0:
            self.resting.append(now + self.wait)
        self.lost.discard(id)
        self.done[id] = retcode
        if self.failhard and retcode:
            self.halted = self.halted or FAILHARD
        return True

    def answered(self, id: str, *, running: bool, now: float) -> None:
        """A minion has answered find_job: it is at work, or not."""
        one = self.active.get(id)
        if one is None:
            return
        if running:
            one.asked, one.unsure = False, False
            one.deadline = max(one.deadline, now + self.timeout)
        elif one.unsure:
            one.again = True

    def lose(self, minions: Iterable[str]) -> None:
        """These are given up: they count as failed, unless they are waited for later on."""
        gone = [id for id in minions if id not in self.done and id not in self.lost]
        over = set(gone)
        for id in gone:
            self.active.pop(id, None)
        self.pending = [id for id in self.pending if id not in over]
        self.lost |= over
        if self.failhard and over and not self.patient:
            self.halted = self.halted or FAILHARD

    def stop(self) -> None:
        """Nobody else gets the job; those at work are left to it."""
        self.halted = self.halted or STOPPED

    # -- what to do ---------------------------------------------------------------------------------------------

    def step(self, now: float) -> list[Step]:
        """What to do now, in this order; say what became of it (`began`, `lose`), and ask again. Nothing: `wake`.

        Asking counts as done when it is said.
        """
        if self.halted:
            return [End(halted=self.halted)]
        if silent := tuple(
            id for id, one in self.active.items() if one.asked and not one.again and now >= one.deadline
        ):
            return [Lose(minions=silent)]
        steps: list[Step] = []
        if again := tuple(id for id, one in self.active.items() if one.again):
            steps.append(Send(minions=again, again=True))
        if late := tuple(
            id for id, one in self.active.items() if not one.asked and not one.again and now >= one.deadline
        ):
            for id in late:
                self.active[id].asked, self.active[id].deadline = True, now + self.gather_job_timeout
            steps.append(Ask(minions=late))
        self.resting = [until for until in self.resting if until > now]
        room = self.size - len(self.active) - len(self.resting)
        if self.pending and room > 0:
            steps.append(Send(minions=tuple(self.pending[:room])))
        if not self.pending and not self.active:
            steps.append(End())
        return steps

    @property
    def wake(self) -> float:
        """When `step` may have something to say, unless somebody returns or answers before."""
        times = [one.deadline for one in self.active.values()]
        return min([*times, *self.resting] if self.pending else times, default=math.inf)

    @property
    def retcode(self) -> int:
        """The worst of all: what is lost counts as 1."""
        return max([*self.done.values(), *([1] if self.lost else [])], default=0)


def retcode_of(retcode: Any) -> int:
    """The worst retcode of a return: a job of several functions has one for each. What is no number is a failure."""
    codes = list(retcode.values()) if isinstance(retcode, dict) else retcode if isinstance(retcode, list) else [retcode]
    return max((code if isinstance(code, int) else 1 for code in codes if code), default=0)
