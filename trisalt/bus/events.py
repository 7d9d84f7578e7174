"""The catalogue of what happened: one frozen class per tag.

A class's fields are an allow-list: what it does not name does not travel. A class without a `TAG` stays inside
the process. Tags and payloads are Salt's own; source: stock Salt 3008.3's bus.
"""

from __future__ import annotations

from typing import Any

import attrs

from trisalt.bus.event import Event, inside, optional, stamped, wire


@attrs.frozen(kw_only=True)
class TaggedEvent(Event):
    """Any event that the catalogue does not name: fired by a user, a minion, a plugin.

    `data` is the payload as it is; `_stamp` is added to it, and replaced if it is there already.
    """

    TAG = "{name}"
    name: str
    data: dict[str, Any]

    def to_data(self) -> dict[str, Any]:
        """`data` with its stamp, and with `reactor_depth` when a reaction caused it."""
        caused = {"reactor_depth": self.origin.depth} if self.origin.depth else {}
        return {**self.data, **caused, "_stamp": stamped(self.stamp)}


# -- keys ----------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class AuthDecided(Event):
    """The key manager has decided on an `_auth`: `act` is accept, pend, reject, denied, full or error."""

    TAG = "salt/auth"
    result: bool
    act: str
    id: str
    pub: str
    autosign_grains: dict[str, Any] | None = optional()


@attrs.frozen(kw_only=True)
class KeyChanged(Event):
    """An operator, or the key manager, moved a key: `act` is accepted, rejected, pending, denied or delete."""

    TAG = "salt/key"
    result: bool
    act: str
    id: str
    pub: str | None = optional()


@attrs.frozen(kw_only=True)
class AesRotated(Event):
    """The shared AES key is a new one; publications count from 1 again."""

    TAG = "key"
    rotate_aes_key: bool = True


@attrs.frozen(kw_only=True)
class MinionEvent(Event):
    """A minion fired an event: stock wraps it so, and user data is under `data`.

    `minion_start` and `salt/minion/<id>/start` are of this shape.
    """

    TAG = "{name}"
    name: str = attrs.field(metadata={"wire": "tag"})
    id: str
    data: Any
    cmd: str = "_minion_event"
    pretag: str | None = None
    ts: int | None = optional()
    grains: dict[str, Any] | None = optional()


@attrs.frozen(kw_only=True)
class MinionDataRefreshed(Event):
    """The master keeps new grains and pillar of a minion."""

    TAG = "minion/refresh/{id}"
    id: str = inside()

    def to_data(self) -> dict[str, Any]:
        """Stock's one sentence as a key."""
        return {"Minion data cache refresh": self.id, "_stamp": stamped(self.stamp)}


# -- presence ------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class MinionPresent(Event):
    """A minion is here, `since` when (wall seconds). `address` and `version` (of Salt) are empty where unknown."""

    TAG = "trisalt/minion/{id}/present"
    id: str
    since: float
    address: str = ""
    version: str = ""


@attrs.frozen(kw_only=True)
class MinionAbsent(Event):
    """A minion is not here, `since` when (wall seconds): `why` says how we know."""

    TAG = "trisalt/minion/{id}/absent"
    id: str
    since: float
    why: str


@attrs.frozen(kw_only=True)
class Present(Event):
    """Who is here, told at intervals (`presence_events`)."""

    TAG = "salt/presence/present"
    present: list[str]


@attrs.frozen(kw_only=True)
class PresenceChanged(Event):
    """Who has come, and who has gone, since this was told last (`presence_events`)."""

    TAG = "salt/presence/change"
    new: list[str]
    lost: list[str]


# -- jobs ----------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class JobNew(Event):
    """A publication was accepted; `minions` are waited for, `missing` were named but have no key.

    `watch`: somebody waits, so `master/jobs` asks find_job until the job is settled; `timeout` and
    `gather_job_timeout` are seconds, the configured ones when None. `chosen`: the jid was the caller's, so that there
    may be returns already. `until` (wall seconds): it waits so long for minions that are away, of whom those in
    `absent` are known to be.
    """

    TAG = "salt/job/{jid}/new"
    jid: str
    tgt_type: str
    tgt: Any
    user: str
    fun: Any
    arg: list[Any]
    minions: list[str]
    missing: list[str]
    watch: bool = inside(default=False)
    timeout: float | None = inside(default=None)
    gather_job_timeout: float | None = inside(default=None)
    chosen: bool = inside(default=False)
    until: float | None = inside(default=None)
    absent: frozenset[str] = inside(default=frozenset())


@attrs.frozen(kw_only=True)
class JobPublished(Event):
    """The job map goes out on the publish port."""

    TAG = "salt/job/{jid}/publish"
    fun: Any
    arg: list[Any]
    tgt: Any
    jid: str
    ret: str
    tgt_type: str
    user: str
    metadata: dict[str, Any] | None = optional()


@attrs.frozen(kw_only=True)
class JobReturned(Event):
    """A minion finished a job. `first` is False for a repeat, which is told but not stored again."""

    TAG = "salt/job/{jid}/ret/{id}"
    cmd: str = "_return"
    id: str
    jid: str
    fun: Any
    fun_args: list[Any]
    result: Any = wire("return")
    retcode: Any = 0
    success: Any = True
    user: str | None = optional()
    out: str | None = optional()
    metadata: dict[str, Any] | None = optional()
    master_id: str | None = optional()
    schedule: str | None = optional()
    pid: int | None = optional()
    arg: list[Any] | None = optional()
    tgt: Any = optional()
    tgt_type: str | None = optional()
    ts: int | None = optional()
    first: bool = inside(default=True)
    taken: bool | None = inside(default=None)
    """Of an answer to find_job: whether the minion has taken that job at all, if it says so."""


@attrs.frozen(kw_only=True)
class JobRefused(Event):
    """A publication was refused. It names who asked for what, and never a credential or an argument."""

    TAG = "salt/job/error"
    tgt: Any
    tgt_type: str
    fun: Any
    user: str
    error: dict[str, str]
    eauth: str | None = optional()
    reason: str | None = optional()


@attrs.frozen(kw_only=True)
class ApprovalChanged(Event):
    """Somebody asked for consent to a command, or it was given, refused or withdrawn `by` somebody. No arguments."""

    TAG = "trisalt/approval/{id}"
    id: str
    state: str
    fun: str
    user: str
    eauth: str
    by: str | None = optional()


@attrs.frozen(kw_only=True)
class LoginDecided(Event):
    """Somebody asked by name and password, or by token: from `peer`, with what result, and `reason` for a refusal."""

    TAG = "trisalt/login"
    result: bool
    user: str
    eauth: str
    peer: str
    reason: str | None = optional()


@attrs.frozen(kw_only=True)
class JobSettled(Event):
    """Nobody waits for this job any longer: `missing` says of each minion that did not return what stock Salt does.

    `reasons` says why, as far as it is known. `waiting`: the job itself waits for these of them, until when (wall
    seconds).
    """

    TAG = "trisalt/job/{jid}/settled"
    jid: str
    missing: dict[str, str]
    waiting: dict[str, float] | None = optional()
    reasons: dict[str, str] | None = optional()


@attrs.frozen(kw_only=True)
class JobWaits(Event):
    """A job has not settled, and this is why: `reasons` are news of minions that have not returned."""

    TAG = "trisalt/job/{jid}/waits"
    jid: str
    reasons: dict[str, str]


@attrs.frozen(kw_only=True)
class JobDropped(Event):
    """A job waits no longer for these minions, and they will not run it: `why` is a word, `reason` a sentence."""

    TAG = "trisalt/job/{jid}/dropped"
    jid: str
    minions: list[str]
    why: str
    reason: str
    user: str | None = optional()


# -- batches -------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class BatchEvent(Event):
    """What every event of a batch says."""

    jid: str
    fun: Any
    tgt: Any
    tgt_type: str
    user: str
    driver: str = "master"


@attrs.frozen(kw_only=True)
class BatchNew(BatchEvent):
    """The minions of a batch are known: those that answered. `state` is all that is known of it."""

    TAG = "salt/batch/{jid}/new"
    total_minions: int
    batch_size: int
    created: float
    state: dict[str, Any]
    down: list[str] = inside()


@attrs.frozen(kw_only=True)
class BatchProgress(BatchEvent):
    """Somebody returned, was given up, or was sent the job. Numbers only: a batch may have ten thousand minions."""

    TAG = "salt/batch/{jid}/progress"
    total: int
    completed: int
    active: int
    pending: int
    failed: int
    last_progress: float


@attrs.frozen(kw_only=True)
class BatchComplete(BatchEvent):
    """Everybody had their turn."""

    TAG = "salt/batch/{jid}/complete"
    completed: int
    failed: int
    total_minions: int
    duration: float
    state: dict[str, Any]


@attrs.frozen(kw_only=True)
class BatchHalted(BatchEvent):
    """A batch ended before its time: `reason` is `failhard` or `stop`. Who is at work is left to it."""

    TAG = "salt/batch/{jid}/halted"
    reason: str
    completed: int
    failed: int
    abandoned_active: list[str]
    abandoned_pending: list[str]
    state: dict[str, Any]


@attrs.frozen(kw_only=True)
class BatchSent(Event):
    """A batch sends its job to these now, under the job id `jid`."""

    batch: str
    jid: str
    minions: list[str]


@attrs.frozen(kw_only=True)
class BatchLost(Event):
    """A batch gives these up; each with the reason."""

    batch: str
    lost: dict[str, str]


# -- runners and wheels ----------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class RunnerNew(Event):
    """A runner starts; `fun` is `runner.<name>`."""

    TAG = "salt/run/{jid}/new"
    fun: str
    jid: str
    user: str
    fun_args: list[Any]


@attrs.frozen(kw_only=True)
class CommandRefused(Event):
    """A runner or a wheel function was refused; `fun` with its kind. Never a credential or an argument."""

    TAG = "trisalt/command/refused"
    fun: str
    user: str
    reason: str
    eauth: str | None = optional()


@attrs.frozen(kw_only=True)
class RunnerReturned(Event):
    """A runner ended."""

    TAG = "salt/run/{jid}/ret"
    fun: str
    jid: str
    user: str
    fun_args: list[Any]
    result: Any = wire("return")
    success: bool
    retcode: int | None = optional()


@attrs.frozen(kw_only=True)
class WheelNew(Event):
    """A wheel function starts; `fun` is `wheel.<name>`."""

    TAG = "salt/wheel/{jid}/new"
    fun: str
    jid: str
    user: str
    fun_args: list[Any] = attrs.field(factory=list)


@attrs.frozen(kw_only=True)
class WheelReturned(Event):
    """A wheel function ended. Private keys never stand in `result`."""

    TAG = "salt/wheel/{jid}/ret"
    fun: str
    jid: str
    user: str
    fun_args: list[Any] = attrs.field(factory=list)
    result: Any = wire("return")
    success: bool


@attrs.frozen(kw_only=True)
class Reacted(Event):
    """The reactor has done what the SLS file `sls` wants done when `to` happens, or has failed to.

    `fun` begins with the kind (`local.test.ping`); `jid` is the job's, or the run's; None when there was none.
    """

    TAG = "trisalt/reacted"
    to: str
    sls: str
    reaction: str = wire("id")
    fun: str
    jid: str | None = optional()
    success: bool
    error: str | None = optional()


@attrs.frozen(kw_only=True)
class RequestAnswered(Event):
    """A request of the network door was answered: its `cmd`, from whom, in how many milliseconds, and whether well."""

    TAG = "trisalt/req/{cmd}"
    id: str
    cmd: str
    peer: str
    ms: float
    ok: bool


@attrs.frozen(kw_only=True)
class EventsLost(Event):
    """The log could not be written for so long that `count` events, which came before this one, are not in it."""

    TAG = "trisalt/log/lost"
    count: int


# -- inside a minion ---------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Connected(Event):
    """The link to a master stands: signed in and subscribed."""

    TAG = "__master_connected"
    master: str


@attrs.frozen(kw_only=True)
class Disconnected(Event):
    """The link to a master is gone."""

    TAG = "__master_disconnected"
    master: str


@attrs.frozen(kw_only=True)
class MasterDoubted(Event):
    """Somebody on this host says that a master does not answer; its link looks for itself. An empty name: any."""

    master: str


@attrs.frozen(kw_only=True)
class FailBack(Event):
    """The master that goes before the others answers again."""

    TAG = "__master_failback"
    master: str


@attrs.frozen(kw_only=True)
class JobReceived(Event):
    """A publication was opened and verified; `load` is the job map. Matching it is `minion/jobs`'s.

    `now` is the wall time by the master's clock, when it was heard; None: look at our own.
    """

    load: dict[str, Any]
    master: str
    now: float | None = None


@attrs.frozen(kw_only=True)
class ScheduleDue(Event):
    """A schedule entry is due; `entry` is a `scheduler.entry.Entry`."""

    name: str
    entry: Any


@attrs.frozen(kw_only=True)
class ScheduleReturned(Event):
    """A scheduled job ended; `load` is its return."""

    TAG = "__schedule_return"
    load: dict[str, Any] = inside()

    def to_data(self) -> dict[str, Any]:
        """The return itself is the payload."""
        return {**self.load, "_stamp": stamped(self.stamp)}


@attrs.frozen(kw_only=True)
class MineData(Event):
    """Mine functions were called: send `data` up. `clear` replaces what is there."""

    TAG = "_minion_mine"
    data: dict[str, Any]
    clear: bool = False


@attrs.frozen(kw_only=True)
class FireMaster(Event):
    """Something on this host wants an event to go up to the master: one (`name`, `data`), or several (`events`)."""

    TAG = "fire_master"
    name: str | None = attrs.field(default=None, metadata={"wire": "tag"})
    data: Any = None
    events: list[dict[str, Any]] | None = None
    pretag: str | None = None


@attrs.frozen(kw_only=True)
class PillarRefresh(Event):
    """Ask for pillar again."""

    TAG = "pillar_refresh"


@attrs.frozen(kw_only=True)
class GrainsRefresh(Event):
    """Gather grains again."""

    TAG = "grains_refresh"


@attrs.frozen(kw_only=True)
class BeaconsRefresh(Event):
    """Begin with the beacons anew: their plugins have changed on disk."""

    TAG = "beacons_refresh"


@attrs.frozen(kw_only=True)
class ModuleRefresh(Event):
    """Plugins on disk have changed: load them anew."""

    TAG = "module_refresh"


@attrs.frozen(kw_only=True)
class EnvironSet(Event):
    """Later jobs start with these variables: a text each, None for one that is to be gone."""

    environ: dict[str, str | None]


@attrs.frozen(kw_only=True)
class PillarRefreshed(Event):
    """The pillar is the new one."""

    TAG = "/salt/minion/minion_pillar_refresh_complete"
    complete: bool = True


@attrs.frozen(kw_only=True)
class ModuleRefreshed(Event):
    """Plugins are loaded anew."""

    TAG = "/salt/minion/minion_mod_refresh_complete"
    complete: bool = True


# What stock Salt's own tools may see on its event sockets: every tag but those that are ours alone.
STOCK_EVENTS: tuple[type[Event], ...] = tuple(
    cls
    for cls in list(globals().values())
    if isinstance(cls, type) and issubclass(cls, Event) and cls.TAG and not cls.TAG.startswith("trisalt/")
)
