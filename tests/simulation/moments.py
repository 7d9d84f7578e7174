"""A plan said by moments, from a run of it that was said by times and numbers: what had happened last before each thing.

It is one way to say it, and a proposal: whether what was found is still found, the next run tells.
"""

from __future__ import annotations

from typing import TypeVar

import attrs

from tests.simulation.faults import Act, Crash, Cut, Delay, Fault, Lose, Moment, Plan, Repeat
from tests.simulation.trace import Line
from tests.simulation.world import Run

T = TypeVar("T", Act, Fault)


def by_moments(run: Run) -> Plan:
    """The plan of a run, with all that has happened of it after a moment. What has not is left out."""
    when = {id(one): (index, at) for one, index, at in run.happened}
    acts = [_said(one, *when[id(one)], run) for one in run.plan.acts if id(one) in when]
    faults = [_said(one, *when[id(one)], run) for one in run.plan.faults if id(one) in when]
    return attrs.evolve(run.plan, acts=acts, faults=faults)


def _said(one: T, index: int, at: float, run: Run) -> T:
    """One of them, which happened `at` a time, before the line of that index was written."""
    lines = run.trace.lines
    match one:
        case Lose(channel=channel) | Delay(channel=channel) | Repeat(channel=channel) | Cut(channel=channel):
            # Its own line was written first.
            index, whom = index - 1, [channel.partition("/")[0]]
        case Crash(id=id):
            index = next(
                number
                for number in range(index, len(lines))
                if (lines[number].who, lines[number].what) == (id, "crash")
            )
            at, whom = lines[index].at, [id]
        case Act():
            whom = [*run.plan.house(), *run.plan.minions]
        case _:
            whom = [getattr(one, "id", "")]
    before = next((number for number in reversed(range(index)) if _whose(lines[number]) in whom), None)
    if one.after is not None or before is None:
        return one
    line = lines[before]
    like = [other for other in lines[:before] if (_whose(other), other.what) == (_whose(line), line.what)]
    after = Moment(who=_whose(line), what=line.what, number=len(like))
    match one:
        case Lose() | Delay() | Repeat() | Cut():
            earlier = sum(channel == one.channel and length <= before for channel, length in run.sent)
            return attrs.evolve(one, after=after, number=one.number - earlier)
        case Crash():
            return attrs.evolve(one, after=after, at=round(at - line.at, 6), steps=0)
    return attrs.evolve(one, after=after, at=round(at - line.at, 6))


def _whose(line: Line) -> str:
    return line.who.partition("#")[0]
