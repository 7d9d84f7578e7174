"""What is done in a run, and what goes wrong in it: a `Plan`, which a seed draws and which can be written down.

A fault names what it hits so that it means the same in another run: a message by its channel and its number there, a
crash by its time and the steps after it. So a plan can be made smaller, and what is left still happens.
Channels are `<minion>/request`, `<minion>/answer` (to one), and `<minion>/publication`.

What a seed draws, it says by times. A plan that is kept says it by `Moment`s, of which it means one whatever becomes of
the order in which tasks run, and of how many messages daemons send.
"""

from __future__ import annotations

import json
from typing import Any

import attrs

MASTER, SECOND = "master", "master2"


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
    somebody follows all events. `within`: after so many seconds no moment is waited for any more.
    """

    seed: int
    minions: list[str]
    acts: list[Act]
    faults: list[Fault]
    masters: str = "one"
    patient: bool = True
    quick: bool = False
    watched: bool = True
    within: float = 30.0

    def house(self) -> list[str]:
        """The masters."""
        return [MASTER] if self.masters == "one" else [MASTER, SECOND]

    def calm(self) -> float:
        """When nothing more is done and nothing goes wrong any more."""
        times = (*((act, act.at) for act in self.acts), *((fault, fault.until()) for fault in self.faults))
        return max([0.0, *(at if one.after is None else self.within + at for one, at in times)])

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
