"""What is done in a run, and what goes wrong in it: a `Plan`, which a seed draws and which can be written down.

A fault names what it hits so that it means the same in another run: a message by its channel and its number there, a
crash by its time and the steps after it. So a plan can be made smaller, and what is left still happens.
Channels are `<minion>/request`, `<minion>/answer` (to one), and `<minion>/publication`.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import attrs

MASTER = "master"


@attrs.frozen(kw_only=True)
class Fault:
    """Something goes wrong."""

    def until(self) -> float:
        """When it is over, in seconds; messages that are hit do not count."""
        return 0.0


# -- messages --------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Lose(Fault):
    """A message does not arrive, and nobody is told."""

    channel: str
    number: int


@attrs.frozen(kw_only=True)
class Delay(Fault):
    """A message takes `seconds` longer."""

    channel: str
    number: int
    seconds: float


@attrs.frozen(kw_only=True)
class Repeat(Fault):
    """A message arrives twice, the second time `seconds` after the first: somebody has recorded it."""

    channel: str
    number: int
    seconds: float


@attrs.frozen(kw_only=True)
class Cut(Fault):
    """The connection is lost under a message: it does not arrive, and the minion is told."""

    channel: str
    number: int


@attrs.frozen(kw_only=True)
class Partition(Fault):
    """Nothing goes to or from a minion for a while. With `keeps` what was sent arrives afterwards."""

    id: str
    at: float
    seconds: float
    keeps: bool = False

    def until(self) -> float:
        return self.at + self.seconds


# -- hosts -----------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Crash(Fault):
    """A daemon is gone from one moment to the next, `steps` of its tasks (or changes of its disk) after `at`.

    It is started again `down` seconds later, with the disk as it was in that moment.
    """

    id: str
    at: float
    steps: int
    down: float

    def until(self) -> float:
        return self.at + self.down + 1


@attrs.frozen(kw_only=True)
class Stop(Fault):
    """A daemon is told to stop, and started again `down` seconds later."""

    id: str
    at: float
    down: float

    def until(self) -> float:
        return self.at + self.down + 6


@attrs.frozen(kw_only=True)
class DiskFull(Fault):
    """The disk of a host takes nothing for a while."""

    id: str
    at: float
    seconds: float

    def until(self) -> float:
        return self.at + self.seconds


@attrs.frozen(kw_only=True)
class ClockStep(Fault):
    """The wall clock of a host is set, `by` seconds ahead of what it was, and set right after a while."""

    id: str
    at: float
    by: float
    seconds: float

    def until(self) -> float:
        return self.at + self.seconds


# -- what is done ----------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Act:
    """Somebody does something, `at` a time."""

    at: float


@attrs.frozen(kw_only=True)
class Publish(Act):
    """An operator publishes a job, and follows it or does not. `seconds` is what the function takes.

    `waits`: for minions that are away it waits until they are back.
    """

    fun: str
    tgt: list[str] | str
    seconds: float = 0.0
    follow: bool = True
    timeout: float | None = None
    waits: bool = False


@attrs.frozen(kw_only=True)
class Batch(Publish):
    """An operator has a job run by so many minions at a time, and follows it."""

    size: str

    @property
    def mark(self) -> str:
        """What its function is given, so that it is known for this batch's wherever it runs."""
        return f"batch of {self.at}"


@attrs.frozen(kw_only=True)
class Follow(Act):
    """An operator joins a job that is out already: the one of that number, if there is one."""

    number: int


@attrs.frozen(kw_only=True)
class Rotate(Act):
    """An operator has the shared key replaced."""


@attrs.frozen(kw_only=True)
class ChangeKey(Act):
    """An operator accepts, rejects or deletes the key of a minion, whether the master runs or not."""

    id: str
    verb: str


@attrs.frozen(kw_only=True)
class Plan:
    """A whole run: who is there, what is done, and what goes wrong."""

    seed: int
    minions: list[str]
    acts: list[Act]
    faults: list[Fault]

    def calm(self) -> float:
        """When nothing more is done and nothing goes wrong any more."""
        return max([0.0, *(act.at for act in self.acts), *(fault.until() for fault in self.faults)])

    def without(self, fault: Fault) -> Plan:
        """The same, with one fault less."""
        return attrs.evolve(self, faults=[one for one in self.faults if one is not fault])

    def to_json(self) -> str:
        """The plan as text, to be kept."""
        body = attrs.asdict(self, recurse=False) | {
            "acts": [_named(act) for act in self.acts],
            "faults": [_named(fault) for fault in self.faults],
        }
        return json.dumps(body)

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """A plan that was kept."""
        body = json.loads(text)
        body["acts"] = [_revived(one) for one in body["acts"]]
        body["faults"] = [_revived(one) for one in body["faults"]]
        return cls(**body)


def _named(one: Any) -> dict[str, Any]:
    return {"is": type(one).__name__, **attrs.asdict(one)}


def _revived(body: dict[str, Any]) -> Any:
    fields = dict(body)
    return globals()[fields.pop("is")](**fields)


# -- drawing ---------------------------------------------------------------------------------------------------------

SPAN = 90.0
"""Seconds in which things are done and go wrong."""


def draw_plan(seed: int) -> Plan:
    """The plan of a seed."""
    draw = random.Random(f"plan {seed}")
    # Now and then many, so that there is much in one transaction.
    many = draw.random() < 0.05
    minions = [f"m{number}" for number in range(1, (9 if many else draw.choice((1, 2, 3, 3, 3, 4))) + 1)]
    acts = sorted(_acts(draw, minions, 25 if many else 8), key=lambda act: act.at)
    return Plan(seed=seed, minions=minions, acts=acts, faults=list(_faults(draw, minions, acts)))


def _acts(draw: random.Random, minions: list[str], most: int) -> Iterator[Act]:
    for _ in range(draw.randint(1, most)):
        tgt: list[str] | str = draw.choice(("*", "*", draw.sample(minions, draw.randint(1, len(minions)))))
        fun = draw.choice(("test.ping", "test.ping", "test.sleep", "state.apply"))
        seconds = 0.0 if fun == "test.ping" else draw.choice((0.1, 1.0, 4.0, 12.0, 40.0)) * (0.5 + draw.random())
        yield Publish(
            at=draw.random() * SPAN,
            fun=fun,
            tgt=tgt,
            seconds=round(seconds, 3),
            follow=draw.random() < 0.8,
            timeout=draw.choice((None, None, 2.0, 20.0)),
            waits=draw.random() < 0.2,
        )
    if draw.random() < 0.3:
        seconds = round(draw.choice((0.1, 2.0, 8.0)) * (0.5 + draw.random()), 3)
        size = draw.choice(("1", "2", "50%"))
        yield Batch(
            at=draw.random() * SPAN,
            fun="test.sleep",
            tgt="*",
            seconds=seconds,
            size=size,
            waits=draw.random() < 0.5,
        )
    for _ in range(draw.choice((0, 0, 1, 2))):
        yield Follow(at=draw.random() * SPAN, number=draw.randint(0, 7))
    if draw.random() < 0.2:
        at, id = draw.random() * SPAN, draw.choice(minions)
        yield ChangeKey(at=at, id=id, verb="reject")
        yield ChangeKey(at=at + draw.choice((0.5, 5.0, 30.0)), id=id, verb="accept")
    if draw.random() < 0.1:
        yield ChangeKey(at=draw.random() * SPAN, id=draw.choice(minions), verb="delete")
    if draw.random() < 0.2:
        yield Rotate(at=draw.random() * SPAN)


def _faults(draw: random.Random, minions: list[str], acts: list[Act]) -> Iterator[Fault]:
    for id in minions:
        for way, most in (("request", 20), ("answer", 20), ("publication", 8)):
            if draw.random() < 0.5:
                continue
            for _ in range(draw.choice((0, 1, 1, 2, 4))):
                yield _of_message(draw, f"{id}/{way}", draw.randint(0, most))
        if draw.random() < 0.2:
            at, seconds = draw.random() * SPAN, draw.choice((0.5, 5.0, 20.0, 50.0))
            yield Partition(id=id, at=at, seconds=seconds, keeps=draw.random() < 0.4)

    for id in (MASTER, *minions):
        for _ in range(draw.choice((0, 0, 0, 1, 1, 2, 3) if id == MASTER else (0, 0, 1, 1, 2))):
            down = draw.choice((0.01, 0.5, 3.0, 25.0))
            # While something is done there is more to be lost than at any time.
            at = draw.random() * SPAN if draw.random() < 0.4 else draw.choice(acts).at + draw.random() ** 3 * 0.5
            if draw.random() < 0.25:
                yield Stop(id=id, at=at, down=down)
            else:
                yield Crash(id=id, at=at, steps=draw.choice((1, 10, 100, 400)) * draw.randint(0, 9), down=down)
        if draw.random() < 0.1:
            yield DiskFull(id=id, at=draw.random() * SPAN, seconds=draw.choice((0.1, 3.0, 40.0)))
        if draw.random() < 0.1:
            by = draw.choice((-3600.0, -20.0, -0.5, 0.5, 20.0, 3600.0, 86400.0))
            yield ClockStep(id=id, at=draw.random() * SPAN, by=by, seconds=draw.choice((1.0, 30.0)))


def _of_message(draw: random.Random, channel: str, number: int) -> Fault:
    kind = draw.choice((Lose, Delay, Repeat, Cut))
    if kind is Delay:
        return Delay(channel=channel, number=number, seconds=draw.choice((0.05, 1.0, 6.0, 15.0)))
    if kind is Repeat:
        return Repeat(channel=channel, number=number, seconds=draw.choice((0.0, 0.5, 10.0)))
    return kind(channel=channel, number=number)
