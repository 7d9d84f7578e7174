"""The plan of a seed: what of all that can be done and can go wrong does so in a run, and when."""

from __future__ import annotations

import random
from collections.abc import Iterator

import attrs

from tests.simulation.faults import (
    MASTER,
    SECOND,
    Act,
    Batch,
    ChangeKey,
    ClockStep,
    Crash,
    Cut,
    Delay,
    DiskFull,
    DiskSlow,
    Fault,
    Follow,
    Kill,
    Lose,
    Moment,
    Partition,
    Plan,
    PowerCut,
    Publish,
    Repeat,
    Rotate,
    Stop,
)


@attrs.frozen(kw_only=True)
class Size:
    """How much there is of everything. `span`: seconds in which things are done and go wrong; `longest`: of one."""

    span: float
    minions: tuple[int, ...]
    acts: int
    longest: float = 50.0
    crashes: int = 3

    def seconds(self, draw: random.Random, *of: float) -> float:
        """One of these times that is not too long."""
        return draw.choice([one for one in of if one <= self.longest])


# Many short stories find more in an hour than few long ones; now and then many minions, so that there is much in one
# transaction.
SIZES = {
    Size(span=4.0, minions=(1, 1, 1, 2), acts=2, longest=3.0, crashes=1): 62,
    Size(span=12.0, minions=(1, 1, 2), acts=3, longest=8.0, crashes=2): 28,
    Size(span=40.0, minions=(2, 3), acts=5): 7,
    Size(span=90.0, minions=(3, 4), acts=8): 2,
    Size(span=90.0, minions=(9,), acts=25): 1,
}


def draw_plan(seed: int) -> Plan:
    """The plan of a seed."""
    draw = random.Random(f"plan {seed}")
    (size,) = draw.choices(list(SIZES), list(SIZES.values()))
    minions = [f"m{number}" for number in range(1, draw.choice(size.minions) + 1)]
    (masters,) = draw.choices(("one", "hot", "failover"), (85, 10, 5))
    acts = sorted(_acts(draw, minions, size, masters), key=lambda act: act.at)
    acts += _kills(draw, acts)
    hosts = [MASTER, *minions] if masters == "one" else [MASTER, SECOND, *minions]
    return Plan(
        seed=seed,
        minions=minions,
        acts=acts,
        faults=list(_faults(draw, minions, hosts, acts, size)),
        masters=masters,
        patient=draw.random() < 0.05,
        quick=draw.random() < 0.95,
        watched=draw.random() < 0.3,
        within=size.span,
    )


def _acts(draw: random.Random, minions: list[str], size: Size, masters: str) -> Iterator[Act]:
    def on() -> str:
        return MASTER if masters == "one" else draw.choice((MASTER, SECOND))

    # Who is with another master does not come for what waits here.
    waits = 0.0 if masters == "failover" else 1.0
    for _ in range(draw.randint(1, size.acts)):
        tgt: list[str] | str = draw.choice(("*", "*", draw.sample(minions, draw.randint(1, len(minions)))))
        fun = draw.choice(("test.ping", "test.ping", "test.sleep", "state.apply"))
        seconds = 0.0 if fun == "test.ping" else size.seconds(draw, 0.1, 1.0, 4.0, 12.0, 40.0) * (0.5 + draw.random())
        yield Publish(
            at=draw.random() * size.span,
            fun=fun,
            tgt=tgt,
            seconds=round(seconds, 3),
            follow=draw.random() < 0.8,
            timeout=draw.choice((None, None, 2.0, 20.0)),
            waits=draw.random() < 0.25 * waits,
            leaves=draw.random() < 0.2,
            on=on(),
        )
    if draw.random() < 0.2:
        seconds = round(size.seconds(draw, 0.1, 2.0, 8.0) * (0.5 + draw.random()), 3)
        yield Batch(
            at=draw.random() * size.span,
            fun="test.sleep",
            tgt="*",
            seconds=seconds,
            size=draw.choice(("1", "2", "50%")),
            waits=draw.random() < 0.5 * waits,
            on=on(),
        )
    for _ in range(draw.choice((0, 0, 1, 2))):
        yield Follow(at=draw.random() * size.span, number=draw.randint(0, size.acts - 1), on=on())
    if draw.random() < 0.15 and masters == "one":
        at, id = draw.random() * size.span, draw.choice(minions)
        yield ChangeKey(at=at, id=id, verb="reject")
        yield ChangeKey(at=at + size.seconds(draw, 0.5, 2.5, 5.0, 30.0), id=id, verb="accept")
    if draw.random() < 0.1 and masters == "one":
        yield ChangeKey(at=draw.random() * size.span, id=draw.choice(minions), verb="delete")
    if draw.random() < 0.15:
        yield Rotate(at=draw.random() * size.span, on=on())


def _kills(draw: random.Random, acts: list[Act]) -> list[Act]:
    """Jobs that are ended while they run, mostly."""
    jobs = [one for one in acts if isinstance(one, Publish)]
    return [
        Kill(at=job.at + draw.random() * job.seconds, number=[one.on for one in jobs[:number]].count(job.on), on=job.on)
        for number, job in enumerate(jobs)
        if job.seconds and draw.random() < 0.15
    ]


def _faults(draw: random.Random, minions: list[str], hosts: list[str], acts: list[Act], size: Size) -> Iterator[Fault]:
    span = size.span
    for id in minions:
        for way, most in (("request", 20), ("answer", 20), ("publication", 8)):
            if draw.random() < 0.5:
                continue
            for _ in range(draw.choice((0, 1, 1, 2, 4))):
                yield _of_message(draw, f"{id}/{way}", draw.randint(0, most))
        if draw.random() < 0.15:
            at, seconds = draw.random() * span, size.seconds(draw, 0.5, 3.0, 20.0, 50.0)
            yield Partition(id=id, at=at, seconds=seconds, keeps=draw.random() < 0.4)

    for id in hosts:
        for _ in range(
            min(draw.choice((0, 0, 0, 1, 1, 2, 3) if id in (MASTER, SECOND) else (0, 0, 1, 1, 2)), size.crashes)
        ):
            down = size.seconds(draw, 0.01, 0.5, 3.0, 25.0)
            # While something is done there is more to be lost than at any time.
            at = draw.random() * span if draw.random() < 0.4 else draw.choice(acts).at + draw.random() ** 3 * 0.5
            if draw.random() < 0.25:
                yield Stop(id=id, at=at, down=down)
            elif draw.random() < 0.3:
                yield Crash(id=id, after=_moment(draw, id, minions), at=draw.choice((0.0, 0.0, 0.001, 0.01)), down=down)
            else:
                yield Crash(id=id, at=at, steps=draw.choice((1, 10, 100, 400)) * draw.randint(0, 9), down=down)
        cut = draw.random() < 0.06
        if cut:
            at = draw.random() * span if draw.random() < 0.4 else draw.choice(acts).at + draw.random() ** 3 * 0.5
            left = draw.choice(("nothing", "nothing", "some", "torn", "all"))
            yield PowerCut(id=id, at=at, down=size.seconds(draw, 0.5, 3.0, 25.0), left=left)
        if draw.random() < 0.1:
            yield DiskFull(id=id, at=draw.random() * span, seconds=size.seconds(draw, 0.1, 3.0, 40.0))
        if id in (MASTER, SECOND) and draw.random() < 0.1:
            by = draw.choice((0.05, 0.5, 2.0))
            yield DiskSlow(id=id, at=draw.random() * span, by=by, seconds=size.seconds(draw, 1.0, 3.0, 20.0))
        # A host that boots by a wrong clock knows no better: what is too old by it is forgotten.
        if not cut and draw.random() < 0.1:
            by = draw.choice((-3600.0, -20.0, -0.5, 0.5, 20.0, 3600.0, 86400.0))
            yield ClockStep(id=id, at=draw.random() * span, by=by, seconds=size.seconds(draw, 1.0, 30.0))


# Between two of these there is most to be lost.
OF_MASTER = ("stores", "commits", "committed", "request.received", "job.recorded", "job.published", "job.returned")
OF_MINION = ("writes", "job.received", "ran", "finished", "job.returning", "return.acknowledged", "auth.successful")


def _moment(draw: random.Random, id: str, minions: list[str]) -> Moment:
    """One of the first of a host's own, or of a minion's where that is done with the master."""
    who = draw.choice(minions) if id in (MASTER, SECOND) and draw.random() < 0.3 else id
    what = draw.choice(OF_MINION if who in minions else OF_MASTER)
    return Moment(who=who, what=what, number=draw.choice((0, 0, 1, 2, 3, 5, 8)))


def _of_message(draw: random.Random, channel: str, number: int) -> Fault:
    kind = draw.choice((Lose, Delay, Repeat, Cut))
    if kind is Delay:
        return Delay(channel=channel, number=number, seconds=draw.choice((0.05, 1.0, 6.0, 15.0)))
    if kind is Lose:
        return Lose(channel=channel, number=number, dead=draw.random() < 0.5)
    if kind is Repeat:
        return Repeat(channel=channel, number=number, seconds=draw.choice((0.0, 0.5, 10.0)))
    return kind(channel=channel, number=number)
