"""What is done in a run, and what goes wrong in it: a `Plan`, which a seed draws and which can be written down.

A fault names what it hits so that it means the same in another run: a message by its channel and its number there, a
crash by its time and the steps after it. So a plan can be made smaller, and what is left still happens.
Channels are `<minion>/request`, `<minion>/answer` (to one), and `<minion>/publication`.

What a seed draws, it says by times. A plan that is kept says it by `Moment`s, of which it means one whatever becomes of
the order in which tasks run, and of how many messages daemons send.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import attrs

MASTER, SECOND = "master", "master2"

# Seconds within which the moments of a plan come; what waits for one then waits in vain.
MOMENTS_WITHIN = 30.0


@attrs.frozen(kw_only=True)
class Moment:
    """The `number`-th time (from 0) that `what` happens to `who`, with these `facts` among others.

    That is a line of the trace: what a daemon logs, what the network, the operators and processes do. Or, in no line of
    it: `writes` (a host's daemon is about to change the file `name`), `stores` (a master asks its store to write, which
    is the method `of` it), `commits` and `committed` (the store what waits for that).
    """

    who: str
    what: str
    number: int = 0
    facts: dict[str, Any] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Fault:
    """Something goes wrong: `at` a time of the run, or so long after a moment.

    Of messages, those that are sent `after` that moment are counted.
    """

    after: Moment | None = None

    def until(self) -> float:
        """When it is over, in seconds; messages that are hit do not count."""
        return 0.0


# -- messages --------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Lose(Fault):
    """A message does not arrive. With `dead` so does nothing any more on that connection: it is given up after a while,
    as heartbeats find out; else nobody is told.
    """

    channel: str
    number: int = 0
    dead: bool = False


@attrs.frozen(kw_only=True)
class Delay(Fault):
    """A message takes `seconds` longer; or a request or an answer so many from a moment on, `till`."""

    channel: str
    number: int = 0
    seconds: float = 0.0
    till: Moment | None = None


@attrs.frozen(kw_only=True)
class Repeat(Fault):
    """A message arrives twice, the second time `seconds` after the first: somebody has recorded it.

    A publication does so over another connection, too, and when its minion was started again.
    """

    channel: str
    number: int = 0
    seconds: float


@attrs.frozen(kw_only=True)
class Cut(Fault):
    """The connection is lost under a message: it does not arrive, and the minion is told."""

    channel: str
    number: int = 0


@attrs.frozen(kw_only=True)
class Partition(Fault):
    """Nothing goes to or from a minion for a while. With `keeps` what was sent arrives afterwards."""

    id: str
    at: float = 0.0
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
    at: float = 0.0
    steps: int = 0
    down: float

    def until(self) -> float:
        return self.at + self.down + 1


@attrs.frozen(kw_only=True)
class PowerCut(Fault):
    """A host is without power: its daemon and its processes are gone, and what its disk has not synced may be.

    It boots, and the daemon is started, `down` seconds later. `left`: what of that is left (`power.Left`).
    """

    id: str
    at: float = 0.0
    down: float
    left: str = "nothing"

    def until(self) -> float:
        return self.at + self.down + 1


@attrs.frozen(kw_only=True)
class Stop(Fault):
    """A daemon is told to stop, and started again `down` seconds later."""

    id: str
    at: float = 0.0
    down: float

    def until(self) -> float:
        return self.at + self.down + 6


@attrs.frozen(kw_only=True)
class DiskFull(Fault):
    """The disk of a host takes nothing for a while."""

    id: str
    at: float = 0.0
    seconds: float

    def until(self) -> float:
        return self.at + self.seconds


@attrs.frozen(kw_only=True)
class DiskSlow(Fault):
    """What the store of a master commits takes `by` seconds longer for a while."""

    id: str
    at: float = 0.0
    by: float
    seconds: float

    def until(self) -> float:
        return self.at + self.seconds


@attrs.frozen(kw_only=True)
class ClockStep(Fault):
    """The wall clock of a host is set, `by` seconds ahead of what it was, and set right after a while."""

    id: str
    at: float = 0.0
    by: float
    seconds: float

    def until(self) -> float:
        return self.at + self.seconds


# -- what is done ----------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Act:
    """Somebody does something, `at` a time, or so long `after` a moment; `on` which master."""

    at: float = 0.0
    on: str = MASTER
    after: Moment | None = None


@attrs.frozen(kw_only=True)
class Publish(Act):
    """An operator publishes a job, and follows it or does not. `seconds` is what the function takes.

    `waits`: for minions that are away it waits until they are back. `leaves`: when the master goes away under them,
    they do not come again.
    """

    fun: str
    tgt: list[str] | str
    seconds: float = 0.0
    follow: bool = True
    timeout: float | None = None
    waits: bool = False
    leaves: bool = False


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
class Kill(Act):
    """An operator has a job ended that is out already: the one of that number, if there is one."""

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
    """A whole run: who is there, what is done, and what goes wrong.

    `masters`: there is `one`, or there are two, `hot` both or one as `failover`.
    `patient`: it is looked at once more long after all should have come right. `quick`: keys are not RSA's. `watched`:
    somebody follows all events.
    """

    seed: int
    minions: list[str]
    acts: list[Act]
    faults: list[Fault]
    masters: str = "one"
    patient: bool = True
    quick: bool = False
    watched: bool = True

    def house(self) -> list[str]:
        """The masters."""
        return [MASTER] if self.masters == "one" else [MASTER, SECOND]

    def calm(self) -> float:
        """When nothing more is done and nothing goes wrong any more."""
        times = (*((act, act.at) for act in self.acts), *((fault, fault.until()) for fault in self.faults))
        return max([0.0, *(at if one.after is None else MOMENTS_WITHIN + at for one, at in times)])

    def without(self, fault: Fault | Act) -> Plan:
        """The same, with one fault or act less."""
        faults, acts = ([one for one in some if one is not fault] for some in (self.faults, self.acts))
        return attrs.evolve(self, faults=faults, acts=acts)

    def to_json(self) -> str:
        """The plan as text, to be kept: a line for each thing in it, without what goes without saying."""
        body = _said(self) | {
            "acts": [_named(act) for act in self.acts],
            "faults": [_named(fault) for fault in self.faults],
        }
        lines = [f"  {json.dumps(name)}: {_listed(value)}" for name, value in body.items()]
        return "{\n" + ",\n".join(lines) + "\n}\n"

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """A plan that was kept."""
        body = json.loads(text)
        body["acts"] = [_revived(one) for one in body["acts"]]
        body["faults"] = [_revived(one) for one in body["faults"]]
        return cls(**body)


def _named(one: Any) -> dict[str, Any]:
    return {"is": type(one).__name__, **_said(one)}


def _said(one: Any) -> dict[str, Any]:
    """The fields of one that are not what they are by themselves."""
    values = ((field, getattr(one, field.name)) for field in attrs.fields(type(one)))
    return {
        field.name: _said(value) if isinstance(value, Moment) else value
        for field, value in values
        if value != (field.default.factory() if isinstance(field.default, attrs.Factory) else field.default)
    }


def _listed(value: Any) -> str:
    if not (isinstance(value, list) and value and isinstance(value[0], dict)):
        return json.dumps(value)
    return "[\n    " + ",\n    ".join(map(json.dumps, value)) + "\n  ]"


def _revived(body: dict[str, Any]) -> Any:
    fields = dict(body)
    for name in {"after", "till"} & fields.keys():
        fields[name] = Moment(**fields[name])
    return globals()[fields.pop("is")](**fields)


# -- drawing ---------------------------------------------------------------------------------------------------------


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
            else:
                yield Crash(id=id, at=at, steps=draw.choice((1, 10, 100, 400)) * draw.randint(0, 9), down=down)
        if draw.random() < 0.06:
            at = draw.random() * span if draw.random() < 0.4 else draw.choice(acts).at + draw.random() ** 3 * 0.5
            left = draw.choice(("nothing", "nothing", "some", "torn", "all"))
            yield PowerCut(id=id, at=at, down=size.seconds(draw, 0.5, 3.0, 25.0), left=left)
        if draw.random() < 0.1:
            yield DiskFull(id=id, at=draw.random() * span, seconds=size.seconds(draw, 0.1, 3.0, 40.0))
        if id in (MASTER, SECOND) and draw.random() < 0.1:
            by = draw.choice((0.05, 0.5, 2.0))
            yield DiskSlow(id=id, at=draw.random() * span, by=by, seconds=size.seconds(draw, 1.0, 3.0, 20.0))
        if draw.random() < 0.1:
            by = draw.choice((-3600.0, -20.0, -0.5, 0.5, 20.0, 3600.0, 86400.0))
            yield ClockStep(id=id, at=draw.random() * span, by=by, seconds=size.seconds(draw, 1.0, 30.0))


def _of_message(draw: random.Random, channel: str, number: int) -> Fault:
    kind = draw.choice((Lose, Delay, Repeat, Cut))
    if kind is Delay:
        return Delay(channel=channel, number=number, seconds=draw.choice((0.05, 1.0, 6.0, 15.0)))
    if kind is Lose:
        return Lose(channel=channel, number=number, dead=draw.random() < 0.5)
    if kind is Repeat:
        return Repeat(channel=channel, number=number, seconds=draw.choice((0.0, 0.5, 10.0)))
    return kind(channel=channel, number=number)
