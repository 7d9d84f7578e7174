"""The catalogue of what is asked: one frozen class per `cmd`, each answered by its one claimant.

A request never leaves the process. Its fields have been checked for their types by whoever made it from a load;
`id` is always the authenticated sender. Answers are what the sender's reply carries, unless a docstring says more;
classes of them are in `answers`. Source of the fields: stock Salt 3008.3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import attrs

from trisalt.bus.caller import Caller


@attrs.frozen(kw_only=True)
class Request:
    """Something that wants an answer. `CMD` is its name on the wire."""

    CMD: ClassVar[str] = ""


# -- on the master's bus: asked by the network door -----------------------------------------------------------


@attrs.frozen(kw_only=True)
class AuthRequest(Request):
    """Minions sign in, whose turn it is. `knocks` are `wire.envelope.Knock`s, not read yet, each with the network
    address of its peer, or an empty one.

    `known`: the keys they offer are the accepted ones of their ids, as far as that was looked at. Answered with, for
    each, its id and the payload to send, packed; or with the error that is to be its refusal.
    """

    CMD = "_auth"
    knocks: list[tuple[Any, str]]
    known: bool = False


@attrs.frozen(kw_only=True)
class ReturnRequest(Request):
    """A minion returns a job. `load` is the rest of what it sent (`out`, `metadata`, `schedule`, …), unchecked.

    Asked together with others, in a `ReturnsRequest`.
    """

    CMD = "_return"
    id: str
    jid: str
    fun: Any
    fun_args: list[Any]
    result: Any
    retcode: Any
    success: Any
    load: dict[str, Any] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class ReturnsRequest(Request):
    """Returns that came together.

    Answered when they are durable, and never before: for each, whether its minion may forget it. One that is refused
    may be forgotten; one that could not be stored is to be sent again.
    """

    returns: list[ReturnRequest]


@attrs.frozen(kw_only=True)
class SyndicReturnRequest(Request):
    """A syndic returns for the minions below it."""

    CMD = "_syndic_return"
    id: str
    load: list[Any]


@attrs.frozen(kw_only=True)
class PillarRequest(Request):
    """A minion wants its pillar. The answer is the pillar map.

    `ext` are external pillars that it asks for beside the configured ones, as far as `on_demand_ext_pillar` lets it.
    `clean_cache`: it is to be compiled anew, whatever `pillar_cache` has.
    """

    CMD = "_pillar"
    id: str
    grains: dict[str, Any]
    saltenv: str | None = None
    pillarenv: str | None = None
    pillar_override: dict[str, Any] = attrs.field(factory=dict)
    extra_minion_data: dict[str, Any] = attrs.field(factory=dict)
    ext: dict[str, Any] = attrs.field(factory=dict)
    clean_cache: bool = False


@attrs.frozen(kw_only=True)
class TopsRequest(Request):
    """What master tops assign to a minion: `{env: [sls]}`."""

    CMD = "_master_tops"
    id: str
    opts: dict[str, Any]


@attrs.frozen(kw_only=True)
class MineRequest(Request):
    """A minion sends mine data; merged with what is there unless `clear`."""

    CMD = "_mine"
    id: str
    data: dict[str, Any]
    clear: bool = False


@attrs.frozen(kw_only=True)
class MineGetRequest(Request):
    """A minion asks for mine data of others: `{id: value}`, or `{fun: {id: value}}` for several functions."""

    CMD = "_mine_get"
    id: str
    tgt: Any
    fun: Any
    tgt_type: str = "glob"


@attrs.frozen(kw_only=True)
class MineDeleteRequest(Request):
    """A minion withdraws one function from its mine."""

    CMD = "_mine_delete"
    id: str
    fun: str


@attrs.frozen(kw_only=True)
class MineFlushRequest(Request):
    """A minion withdraws its whole mine."""

    CMD = "_mine_flush"
    id: str


@attrs.frozen(kw_only=True)
class MinionEventRequest(Request):
    """A minion fires events: one (`tag`, `data`), or several (`events`, each with `tag` and `data`)."""

    CMD = "_minion_event"
    id: str
    tag: str | None = None
    data: Any = None
    events: list[Any] | None = None
    pretag: str | None = None
    grains: dict[str, Any] | None = None
    ts: int | None = None


@attrs.frozen(kw_only=True)
class FileRequest(Request):
    """A minion asks the file server; `cmd` is one of `FILE_COMMANDS`."""

    CMD = "_file_*"
    id: str
    cmd: str
    load: dict[str, Any]


FILE_COMMANDS = frozenset(
    {
        "_file_envs",
        "_file_list",
        "_dir_list",
        "_file_list_emptydirs",
        "_symlink_list",
        "_file_find",
        "_file_hash",
        "_file_hash_and_stat",
        "_file_manifest",
        "_serve_file",
        "_file_recv",
        "_master_opts",
    }
)


@attrs.frozen(kw_only=True)
class HeartbeatRequest(Request):
    """A minion of ours says that it is here, and will say so again within `every` seconds; or that it is `leaving`.

    `latency`: how many seconds the answer to the last one took. `off`: the `beacons`, and the jobs of the `schedule`,
    that are switched off there, an empty name for all; None where it does not say. The answer is `{every: seconds}`:
    how often another one is wanted, 0 for never.
    """

    CMD = "_heartbeat"
    id: str
    every: float
    version: str = ""
    latency: float | None = None
    leaving: bool = False
    off: Mapping[str, Sequence[str]] | None = None


@attrs.frozen(kw_only=True)
class RevokeRequest(Request):
    """A minion gives up its own key."""

    CMD = "revoke_auth"
    id: str


# -- on the master's bus: asked by both doors ------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class LoginRequest(Request):
    """Who is this? By a `token`, or by name and password of the backend `eauth`; `peer` says where they are.

    `password`, `token` and `code`, the second factor, are `event.Secret`. The answer is a `Caller`. Raises
    Unauthenticated, after a while.
    """

    CMD = "login"
    eauth: str = ""
    username: str = ""
    password: Any = None
    code: Any = None
    token: Any = None
    peer: str = ""


@attrs.frozen(kw_only=True)
class TokenRequest(Request):
    """A new token for who logs in; `token_expire` (seconds) where its owner may choose.

    The answer is `{token, start, expire, name, eauth, groups?, auth_list?}`. Raises Unauthenticated, after a while.
    """

    CMD = "mk_token"
    eauth: str
    username: str
    password: Any
    code: Any = None
    token_expire: Any = None
    peer: str = ""


@attrs.frozen(kw_only=True)
class VouchRequest(Request):
    """A new token for somebody whom the web has verified otherwise than by a password: by `oidc`, or by its proxy.

    Only for backends of that kind, and only where `external_auth` names them. The answer is as of `TokenRequest`.
    Raises Unauthenticated.
    """

    CMD = "vouch"
    eauth: str
    username: str
    groups: tuple[str, ...] = ()
    token_expire: Any = None
    peer: str = ""


@attrs.frozen(kw_only=True)
class FactorRequest(Request):
    """About the second factor of `username` of `eauth`. `act` is status, begin, confirm, remove or list.

    `password` and `code` are `event.Secret`. To begin takes the password, to remove a code; not from an administrator
    (`trusted`), who may list them too. The answers are those of `master/factors`. Raises Unauthenticated, FactorError.
    """

    CMD = "factor"
    act: str
    eauth: str = ""
    username: str = ""
    password: Any = None
    code: Any = None
    trusted: bool = False
    peer: str = ""


@attrs.frozen(kw_only=True)
class ShowTokenRequest(Request):
    """What a token (`event.Secret`) says: `{start, expire, name, eauth, groups?, auth_list?}`, empty for none."""

    CMD = "get_token"
    token: Any


@attrs.frozen(kw_only=True)
class DropTokenRequest(Request):
    """A token (`event.Secret`) is to mean nothing from now on. The answer is whether it meant something."""

    CMD = "del_token"
    token: Any


@attrs.frozen(kw_only=True)
class PublishRequest(Request):
    """Send a job out, for `caller`; for the account `user` of this host when None. Jobs are known by `user`.

    `kwargs` are the job's further keys that stock knows (`delimiter`, `metadata`, `ret_config`, …). `watch` asks
    for the find_job polling: `timeout` and `gather_job_timeout` in seconds, the configured ones when None.
    `wait_absent` is for how many seconds the job waits for minions that are away: True for as long as is usual here,
    0 for not at all, None for what is configured. `durable`: it will wait for minions though it does not yet, as a
    batch's does. `laid_down`: one of stock's commands asks, and looks for the job where `master/jobcache` lays it down.
    The answer is a `Published`.
    """

    CMD = "publish"
    tgt: Any
    fun: Any
    arg: list[Any]
    user: str
    tgt_type: str = "glob"
    ret: str = ""
    jid: str = ""
    kwargs: dict[str, Any] = attrs.field(factory=dict)
    watch: bool = False
    timeout: float | None = None
    gather_job_timeout: float | None = None
    wait_absent: float | bool | None = None
    durable: bool = False
    laid_down: bool = False
    caller: Caller | None = None

    @property
    def asker(self) -> Caller:
        """By whose permissions it is judged."""
        return self.caller or Caller(name=self.user)


@attrs.frozen(kw_only=True)
class AimRequest(PublishRequest):
    """To whom would this job go? It is judged as `PublishRequest` is, and not sent. The answer is a `Resolved`."""

    CMD = "aim"


@attrs.frozen(kw_only=True)
class SendRequest(Request):
    """Send a job out that was allowed and recorded before, to these of its minions; `load` is what was recorded.

    The answer is None.
    """

    CMD = "send"
    load: dict[str, Any]
    minions: list[str]


@attrs.frozen(kw_only=True)
class CancelRequest(Request):
    """A job is not to wait any longer: for these of its minions, or, when None, for anybody; `user` wants it so.

    The answer is `{id: sent}` of those for whom it waited; one that it was sent to may have begun.
    """

    CMD = "cancel"
    jid: str
    user: str
    minions: list[str] | None = None


@attrs.frozen(kw_only=True)
class LineUpRequest(Request):
    """Jobs of a batch, `{jid: {id: sent}}`, wait for these minions, too, until then (wall seconds).

    How they go out, once the batch has been at those that are there (`held` until then), is said by the rest, for all
    that wait for it. The answer is `{id: until}` of these; raises StoreError. With `halted` it is over instead: none of
    them gets it that has not got it yet.
    """

    CMD = "line_up"
    batch: str
    places: dict[str, dict[str, bool]]
    until: float
    size: int
    wait: float = 0.0
    failhard: bool = False
    held: bool = False
    halted: bool = False


@attrs.frozen(kw_only=True)
class BatchRequest(Request):
    """Send a job out to so many minions at a time: `size` of them, `10` or `25%`.

    `wait` is how many seconds the place of a minion that returned stays empty; `failhard` ends the batch after the
    first that fails. `wait_absent`: for how many seconds it waits for minions that are away (True: as long as is
    usual), which have not failed. Else as `PublishRequest`; `caller` is judged once, for the whole. The answer is a
    `Published`, which comes before anything is sent: from then on the batch is the master's. Raises Denied,
    TargetError, and CommandError for a size that is none.
    """

    CMD = "batch"
    tgt: Any
    fun: Any
    arg: list[Any]
    user: str
    size: str
    wait: float = 0
    failhard: bool = False
    wait_absent: float | bool | None = None
    tgt_type: str = "glob"
    ret: str = ""
    kwargs: dict[str, Any] = attrs.field(factory=dict)
    timeout: float | None = None
    gather_job_timeout: float | None = None
    caller: Caller | None = None


@attrs.frozen(kw_only=True)
class BatchLookup(Request):
    """What is known of a batch, under way or over. The answer is a `BatchView`, or None for a job that is no batch."""

    CMD = "batch_lookup"
    jid: str


@attrs.frozen(kw_only=True)
class ResolveRequest(Request):
    """Which minions does this target name? Nothing is sent.

    `exact` takes pillar terms by the letter: for whoever may not look into pillar. The answer is a `Resolved`.
    Raises TargetError when the target cannot be read.
    """

    CMD = "match"
    tgt: Any
    tgt_type: str = "glob"
    delimiter: str = ":"
    exact: bool = False


@attrs.frozen(kw_only=True)
class WatchRequest(Request):
    """Somebody waits for a job that is out already: watch it, or watch it for longer, until `JobSettled` says so.

    Subscribe to `JobReturned` and `JobSettled` before asking, and read what is in the store after. `timeout` and
    `gather_job_timeout` are seconds, the configured ones when None. Answered by `master/jobs` with the list of the
    minions that are expected; with None for a job that nobody knows, of which no `JobSettled` will tell.
    """

    CMD = "watch_job"
    jid: str
    timeout: float | None = None
    gather_job_timeout: float | None = None


@attrs.frozen(kw_only=True)
class PresenceRequest(Request):
    """Who is here? Of `ids`, or, when None, of all that have an accepted key. The answer is `{id: Presence}`.

    `ask`: those of whom it is not certain right now are asked first, and given `patience` seconds (None: as long as
    a verdict takes).
    """

    CMD = "presence"
    ids: list[str] | None = None
    ask: bool = False
    patience: float | None = None


@attrs.frozen(kw_only=True)
class MinionPublishRequest(Request):
    """A minion publishes to others, as far as `peer` allows: `{jid, minions}`, `{id: return}`, or `{}`."""

    CMD = "minion_pub"
    id: str
    cmd: str
    load: dict[str, Any]


@attrs.frozen(kw_only=True)
class RunnerRequest(Request):
    """Run a runner, `fun` without `runner.`, for `caller`; for the account `user` of this host when None.

    `jid` is the run's own, made by the door, so that the caller can follow `salt/run/<jid>` before it starts.
    The answer is an `Outcome` of `worker.protocol`; `packed`: a large list may be in it as it was packed.
    """

    CMD = "runner"
    fun: str
    jid: str
    user: str
    arg: list[Any] = attrs.field(factory=list)
    kwarg: dict[str, Any] = attrs.field(factory=dict)
    caller: Caller | None = None
    packed: bool = False

    @property
    def asker(self) -> Caller:
        """By whose permissions it is judged."""
        return self.caller or Caller(name=self.user)


@attrs.frozen(kw_only=True)
class WheelRequest(Request):
    """Run a wheel function: `fun` without `wheel.`. Otherwise as `RunnerRequest`."""

    CMD = "wheel"
    fun: str
    jid: str
    user: str
    arg: list[Any] = attrs.field(factory=list)
    kwarg: dict[str, Any] = attrs.field(factory=dict)
    caller: Caller | None = None

    @property
    def asker(self) -> Caller:
        """By whose permissions it is judged."""
        return self.caller or Caller(name=self.user)


@attrs.frozen(kw_only=True)
class RotateRequest(Request):
    """Make a new shared AES key: the minions `ids` have left, or somebody wants it (None: the drop file).

    Nothing is made where nobody of them, or nobody at all, was given the key of now.
    """

    CMD = "rotate_aes_key"
    ids: list[str] | None = None


@attrs.frozen(kw_only=True)
class ReactorRequest(Request):
    """The reactor's map: `op` is list, add (`event` wakes `reactors`), delete, is_leader or set_leader (`value`).

    The answers are those of the runners `reactor.…`. Raises CommandError where there is no reactor.
    """

    CMD = "reactor"
    op: str
    event: str = ""
    reactors: list[str] = attrs.field(factory=list)
    value: bool = True


@attrs.frozen(kw_only=True)
class StatusRequest(Request):
    """How is this daemon? On the bus of both. The answer is a plain map; with `metrics` a list of `meters.Family`."""

    CMD = "status"
    metrics: bool = False


# -- on the minion's bus -----------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class MasterRequest(Request):
    """Ask the master: `load` with its `cmd`. `timeout` (seconds) is one try's; `tries` as many.

    All tries have one nonce, 32 hex digits: a master that knows it does once what comes twice. `nonce` is for an asker
    that asks again itself. The answer is the opened reply. Raises RequestTimeout when no try was answered.
    """

    CMD = "master"
    load: dict[str, Any]
    timeout: float = 60.0
    tries: int = 3
    master: str | None = None
    nonce: str | None = None
