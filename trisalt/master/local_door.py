"""The local door: who calls, what they may ask, and what they follow.

One unix socket. The kernel says whose process is at the other end; `acl` says what that user may. A connection
carries one request map and then a stream of maps (`client/door` is the other end). Whoever goes away takes only
their own following with them: jobs and runners run on.
"""

from __future__ import annotations

import os
import pwd
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

import outcome
import structlog
import trio

from trisalt.bus.answers import Published
from trisalt.bus.bus import Bus
from trisalt.bus.caller import Caller
from trisalt.bus.event import Event, Origin, Secret
from trisalt.bus.events import KeyChanged, TaggedEvent
from trisalt.bus.requests import (
    BatchRequest,
    DropTokenRequest,
    FactorRequest,
    LoginRequest,
    PublishRequest,
    ResolveRequest,
    RotateRequest,
    RunnerRequest,
    StatusRequest,
    TokenRequest,
    VouchRequest,
    WheelRequest,
)
from trisalt.bus.subscription import Lagged, Subscription
from trisalt.errors import Denied, RemoteProtocolError, TargetError, TrisaltError, Unauthenticated
from trisalt.master.acl import Acl, refuse_run
from trisalt.master.feed import Feed
from trisalt.master.following import Following, open_following
from trisalt.master.following_batch import open_batch_following
from trisalt.master.following_events import tell_events, tell_job
from trisalt.master.questions import credentials, field, span, waits
from trisalt.master.views.desk import Desk
from trisalt.master.views.events import admit_to_job, tell_seen
from trisalt.master.views.table import OPERATIONS, answer
from trisalt.store.store import EventLog, Jobs
from trisalt.transport.local import FrameStream, LocalPeer, open_local_listener
from trisalt.wire import jid as jids
from trisalt.worker.protocol import Outcome, Packed

log = structlog.get_logger()

# Seconds a caller has to say what it wants.
PATIENCE = 30
# What errors are called at the door: stock's names for what may not be done.
_ERROR_NAMES = {
    Denied: "AuthorizationError",
    Unauthenticated: "AuthenticationError",
    RemoteProtocolError: "ProtocolError",
}
# How many connections an account may have that is no administrator's: the others' places are not theirs to fill.
GUEST_PLACES = 16
KEY_ACTS = frozenset({"accepted", "rejected", "pending", "denied", "delete"})
ROTATING_ACTS = frozenset({"rejected", "delete"})
# Progress of one runner that its caller has not read yet.
PROGRESS_DEPTH = 256
LONGEST_PLACE = 64
# How much of a large result goes out in one frame.
PIECE_BYTES = 1024 * 1024
# Below this tag whoever is granted `@hook` may fire events.
HOOK = "salt/netapi/hook"


async def serve_local_door(
    bus: Bus,
    jobs: Jobs,
    events: EventLog,
    acl: Acl,
    *,
    path: str,
    rotate_aes_key: bool = True,
    desk: Desk | None = None,
    listen: Callable[..., AbstractAsyncContextManager[None]] = open_local_listener,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Answer callers on the unix socket at `path` until cancelled.

    `jobs` and `events` are the store's: a follower that was too slow catches up from it. `rotate_aes_key` says whether
    a key that `salt-key` deleted or rejected asks for a new AES key. `desk` answers consoles, and knows who may see
    what; without it administrators alone see events.
    Everybody may knock, so that who may not come in is told so; `acl` decides.
    """
    async with trio.open_nursery() as background:
        feed = Feed(events)
        await background.start(feed.run)
        door = _Door(bus, jobs, acl, feed, background, rotate_aes_key=rotate_aes_key, desk=desk)
        async with listen(path, door.handle, mode=0o666):
            task_status.started()
            await trio.sleep_forever()


def caller_name(uid: int, hint: object = None) -> str:
    """The name a caller is known by: the account's, and `sudo_<hint>` when root says on whose behalf it acts.

    Never an administrator's name for somebody who is none: an account called `sudo_x` goes by its number.
    """
    if uid == 0:
        named = isinstance(hint, str) and hint not in ("", "root") and hint.isprintable()
        return f"sudo_{hint}" if named else "root"
    try:
        account = pwd.getpwuid(uid).pw_name
    except KeyError:
        account = f"uid_{uid}"
    return f"uid_{uid}" if account == "root" or account.startswith("sudo_") else account


class _Door:
    """What the handlers of all callers share."""

    def __init__(
        self,
        bus: Bus,
        jobs: Jobs,
        acl: Acl,
        feed: Feed,
        background: trio.Nursery,
        *,
        rotate_aes_key: bool,
        desk: Desk | None,
    ) -> None:
        self._bus = bus
        self._desk = desk
        self._jobs = jobs
        self._acl = acl
        self._feed = feed
        # Runs that nobody follows live here.
        self._background = background
        self._rotate_aes_key = rotate_aes_key
        self._last_jid: str | None = None
        self._guests: Counter[int] = Counter()
        self._operations: dict[str, Callable[[Caller, dict[str, Any], FrameStream], Awaitable[None]]] = {
            "publish": self._publish,
            "batch": self._batch,
            "match": self._match,
            "follow_job": self._follow_job,
            "runner": partial(self._run, kind="runner"),
            "wheel": partial(self._run, kind="wheel"),
            "events": self._events,
            "tail_job": self._tail_job,
            "fire": self._fire,
            "key_changed": self._key_changed,
            "status": self._tell_status,
            "whoami": self._whoami,
            "factor": self._factor,
            "vouch": self._vouch,
        }
        if desk is not None:
            self._operations |= {name: partial(self._view, desk, name=name) for name in OPERATIONS}
        # Who shows a name and a password is nobody yet, and who shows a token need be nobody any more.
        self._token_operations: dict[str, Callable[[LocalPeer, dict[str, Any], FrameStream], Awaitable[None]]] = {
            "mk_token": self._make_token,
            "del_token": self._drop_token,
        }

    async def handle(self, peer: LocalPeer, stream: FrameStream) -> None:
        """Answer one caller. Whoever is no administrator has only so many places at a time."""
        if peer.uid != os.geteuid() and not self._acl.is_admin(Caller(name=caller_name(peer.uid))):
            if self._guests[peer.uid] >= GUEST_PLACES:
                log.warning("door.crowded", uid=peer.uid)
                return
            self._guests[peer.uid] += 1
            try:
                await self._answer(peer, stream)
            finally:
                self._guests[peer.uid] -= 1
        else:
            await self._answer(peer, stream)

    async def _answer(self, peer: LocalPeer, stream: FrameStream) -> None:
        try:
            try:
                request = stream.receive_nowait()
            except trio.WouldBlock:
                request = None
                with trio.move_on_after(PATIENCE):
                    request = await stream.receive()
            if request is None:
                return
            stream.heed_hang_up()
            if (about_tokens := self._token_operations.get(str(request.get("op")))) is not None:
                await about_tokens(peer, request, stream)
                return
            operation = self._operations.get(str(request.get("op")))
            if operation is None:
                raise RemoteProtocolError(f"the local door knows no operation {request.get('op')!r}")
            await self._admit_to(operation, peer, request, stream)
        except trio.BrokenResourceError:
            return
        except TrisaltError as exc:
            await self._refuse(stream, exc)
        except Exception as exc:
            log.error("door.failed", uid=peer.uid, exc_info=exc)
            await self._refuse(stream, TrisaltError("the master failed to answer; its log says why"))

    async def _admit_to(
        self,
        operation: Callable[[Caller, dict[str, Any], FrameStream], Awaitable[None]],
        peer: LocalPeer,
        request: dict[str, Any],
        stream: FrameStream,
    ) -> None:
        """Whoever shows credentials is who these say, and nobody else; all others are who the kernel says."""
        shown = request.pop("credentials", None)
        if shown is None:
            caller = Caller(name=caller_name(peer.uid, request.get("user_hint")))
        else:
            caller = await self._bus.ask(LoginRequest(**credentials(shown), peer=self._place(peer, request)))
        await operation(caller, request, stream)

    async def _make_token(self, peer: LocalPeer, request: dict[str, Any], stream: FrameStream) -> None:
        shown = credentials(request.get("credentials"))
        if "token" in shown:
            raise RemoteProtocolError("a token is made with a name and a password")
        wanted = TokenRequest(**shown, token_expire=request.get("token_expire"), peer=self._place(peer, request))
        await stream.send({"token": await self._bus.ask(wanted)})

    async def _drop_token(self, peer: LocalPeer, request: dict[str, Any], stream: FrameStream) -> None:
        """The end of a token, for whoever has it: they need no permission to leave."""
        shown = credentials(request.get("credentials"))
        if "token" not in shown:
            raise RemoteProtocolError("del_token: the token is shown as credentials")
        await stream.send({"dropped": await self._bus.ask(DropTokenRequest(token=shown["token"]))})

    def _place(self, peer: LocalPeer, request: dict[str, Any]) -> str:
        """Where a caller is, for the log and for counting failures: an account of this host; or, of a caller who asks
        for others (`web`) and may everything anyway, what that one says."""
        said = request.get("place")
        fit = isinstance(said, str) and 0 < len(said) <= LONGEST_PLACE and said.isprintable()
        if fit and (peer.uid == os.geteuid() or self._acl.is_admin(Caller(name=caller_name(peer.uid)))):
            return str(said)
        return f"uid {peer.uid}"

    async def _refuse(self, stream: FrameStream, exc: TrisaltError) -> None:
        name = _ERROR_NAMES.get(type(exc), type(exc).__name__)
        error: dict[str, Any] = {"name": name, "message": str(exc)}
        if isinstance(exc, TargetError) and exc.position is not None:
            error |= {"text": exc.text, "position": exc.position}
        with trio.move_on_after(PATIENCE):
            try:
                await stream.send({"error": error})
            except trio.BrokenResourceError:
                return

    # -- jobs -----------------------------------------------------------------------------------------------------

    async def _publish(self, caller: Caller, request: dict[str, Any], stream: FrameStream) -> None:
        wanted = PublishRequest(
            tgt=field(request, "tgt", (str, list)),
            tgt_type=field(request, "tgt_type", str, "glob"),
            fun=field(request, "fun", (str, list)),
            arg=field(request, "arg", list, []),
            kwargs=field(request, "kwargs", dict, {}),
            ret=field(request, "ret", str, ""),
            jid=field(request, "jid", str, ""),
            user=caller.name,
            caller=caller,
            watch=bool(request.get("follow")),
            timeout=field(request, "timeout", (int, float, type(None)), None),
            gather_job_timeout=field(request, "gather_job_timeout", (int, float, type(None)), None),
            wait_absent=waits(request),
        )
        if not isinstance(wanted.fun, str) and not all(isinstance(fun, str) for fun in wanted.fun):
            raise RemoteProtocolError("publish: fun is a name, or a list of names")
        if wanted.jid and not jids.is_jid(wanted.jid):
            raise RemoteProtocolError(f"{wanted.jid!r} is no job id")
        if not wanted.watch:
            await stream.send({"published": _published(await self._bus.ask(wanted))})
            return
        async with open_following(self._bus, self._jobs) as following:
            published = await self._bus.ask(wanted)
            if not stream.put({"published": _published(published)}):
                await stream.flush()
            if published.jid is not None:
                following.begin(published.jid)
                await _stream_returns(following, stream)

    async def _batch(self, caller: Caller, request: dict[str, Any], stream: FrameStream) -> None:
        """A job for so many minions at a time. It is the master's from here on, whether or not somebody follows."""
        wanted = BatchRequest(
            tgt=field(request, "tgt", (str, list)),
            tgt_type=field(request, "tgt_type", str, "glob"),
            fun=field(request, "fun", (str, list)),
            arg=field(request, "arg", list, []),
            kwargs=field(request, "kwargs", dict, {}),
            ret=field(request, "ret", str, ""),
            user=caller.name,
            caller=caller,
            size=field(request, "size", str),
            wait=field(request, "wait", (int, float), 0),
            failhard=bool(request.get("failhard")),
            timeout=field(request, "timeout", (int, float, type(None)), None),
            gather_job_timeout=field(request, "gather_job_timeout", (int, float, type(None)), None),
            wait_absent=waits(request),
        )
        if not isinstance(wanted.fun, str) and not all(isinstance(fun, str) for fun in wanted.fun):
            raise RemoteProtocolError("batch: fun is a name, or a list of names")
        if not request.get("follow"):
            await stream.send({"published": _published(await self._bus.ask(wanted))})
            return
        async with open_batch_following(self._bus, self._jobs) as following:
            published = await self._bus.ask(wanted)
            await stream.send({"published": _published(published)})
            if published.jid is not None:
                following.begin(published.jid)
                async for frames in following:
                    await stream.send_many(frames)

    async def _match(self, caller: Caller, request: dict[str, Any], stream: FrameStream) -> None:
        """Whom a target names, for whoever may publish something; by patterns over pillar for administrators only."""
        self._admit(caller, self._acl.may_resolve(caller))
        wanted = ResolveRequest(
            tgt=field(request, "tgt", (str, list)),
            tgt_type=field(request, "tgt_type", str, "glob"),
            delimiter=field(request, "delimiter", str, ":"),
            exact=not self._acl.is_admin(caller),
        )
        resolved = await self._bus.ask(wanted)
        await stream.send({"matched": {"minions": resolved.minions, "missing": resolved.missing}})

    async def _follow_job(self, caller: Caller, request: dict[str, Any], stream: FrameStream) -> None:
        jid = field(request, "jid", str)
        await self._admit_to_job(caller, jid)
        async with open_batch_following(self._bus, self._jobs) as batch:
            if await batch.join(jid):
                async for frames in batch:
                    await stream.send_many(frames)
                return
        async with open_following(self._bus, self._jobs) as following:
            if not await following.join(jid):
                raise TargetError(f"No job with the jid {jid} is known")
            await _stream_returns(following, stream)

    # -- runners and wheels ---------------------------------------------------------------------------------------

    async def _run(self, caller: Caller, request: dict[str, Any], stream: FrameStream, *, kind: str) -> None:
        fun = field(request, "fun", str)
        arg, kwarg = field(request, "arg", list, []), field(request, "kwarg", dict, {})
        # Before it is told that it has started.
        verdict = self._acl.judge_run(caller, kind, fun, arg, kwarg)
        if not verdict:
            raise await refuse_run(self._bus, caller, fun=f"{kind}.{fun}", reason=verdict.reason)
        jid = field(request, "jid", str, "") or self._new_jid()
        if not jids.is_jid(jid):
            raise RemoteProtocolError(f"{jid!r} is no job id")
        wanted: RunnerRequest | WheelRequest
        if kind == "runner":
            packed = bool(request.get("pieces")) and request.get("follow", True) is True
            wanted = RunnerRequest(
                fun=fun, jid=jid, user=caller.name, arg=arg, kwarg=kwarg, caller=caller, packed=packed
            )
        else:
            wanted = WheelRequest(fun=fun, jid=jid, user=caller.name, arg=arg, kwarg=kwarg, caller=caller)
        tag = f"salt/{'run' if kind == 'runner' else 'wheel'}/{jid}"
        # Subscribed before it starts, so that no word of it is missed.
        async with self._bus.subscribe(TaggedEvent, keep=False, depth=PROGRESS_DEPTH) as events:
            await stream.send({"started": {"jid": jid, "tag": tag}})
            if not request.get("follow", True):
                self._background.start_soon(self._run_alone, wanted)
                return
            result = await self._ask_telling(wanted, events, tag, stream)
        await _send_result(result, stream)

    async def _ask_telling(
        self, wanted: RunnerRequest | WheelRequest, events: Subscription, tag: str, stream: FrameStream
    ) -> Any:
        """The outcome of a run; what it says on its way goes to its caller first."""
        result: outcome.Outcome[Any] | None = None
        waiting = trio.CancelScope()

        async def ask() -> None:
            nonlocal result
            result = await outcome.acapture(self._bus.ask, wanted)
            waiting.cancel()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            while result is None:
                batch: list[Event | Lagged] = []
                # Only the waiting is cut off: a frame that has begun goes out whole.
                with trio.CancelScope() as waiting:
                    batch = await events.receive_all()
                await stream.send_many(_progress(batch, tag))
        if events.statistics().waiting:
            await stream.send_many(_progress(await events.receive_all(), tag))
        assert result is not None
        return result.unwrap()

    async def _run_alone(self, wanted: RunnerRequest | WheelRequest) -> None:
        try:
            await self._bus.ask(wanted)
        except TrisaltError as exc:
            log.error("runner.failed", fun=wanted.fun, jid=wanted.jid, reason=str(exc))

    def _new_jid(self) -> str:
        self._last_jid = jids.make(time.time(), last=self._last_jid)
        return self._last_jid

    # -- events and facts -----------------------------------------------------------------------------------------

    async def _events(self, caller: Caller, request: dict[str, Any], stream: FrameStream) -> None:
        if self._desk is not None:
            await tell_seen(self._desk, self._feed, caller, stream, span(request))
            return
        self._admit(caller, self._acl.may_follow(caller))
        await tell_events(self._feed, stream, span(request))

    async def _tail_job(self, caller: Caller, request: dict[str, Any], stream: FrameStream) -> None:
        """All events of one job, from its first one to its settling."""
        jid = field(request, "jid", str)
        await self._admit_to_job(caller, jid)
        if not jids.is_jid(jid):
            raise RemoteProtocolError(f"{jid!r} is no job id")
        await tell_job(self._bus, self._jobs, self._feed, stream, jid)

    async def _fire(self, caller: Caller, request: dict[str, Any], stream: FrameStream) -> None:
        tag, data = field(request, "tag", str), field(request, "data", dict, {})
        hooked = f"{tag}/".startswith(f"{HOOK}/") and "hook" in self._acl.rooms(caller)
        self._admit(caller, hooked or self._acl.may_follow(caller))
        if not tag:
            raise RemoteProtocolError("an event has a tag")
        await self._bus.publish(TaggedEvent(name=tag, data=data, origin=Origin("user", caller.name)))
        await self._bus.flush()
        await stream.send({"ok": True})

    async def _key_changed(self, caller: Caller, request: dict[str, Any], stream: FrameStream) -> None:
        act = field(request, "act", str)
        self._admit(caller, self._acl.may_follow(caller))
        ids = field(request, "ids", list)
        if act not in KEY_ACTS or not all(isinstance(id, str) for id in ids):
            raise RemoteProtocolError(f"key_changed: act is one of {', '.join(sorted(KEY_ACTS))}; ids are minion ids")
        who = Origin("user", caller.name)
        await self._bus.publish_all([KeyChanged(result=True, act=act, id=id, origin=who) for id in ids])
        # `salt-key --rotate-aes-key`: the caller may know better than the configuration.
        wanted = request["rotate"] if isinstance(request.get("rotate"), bool) else self._rotate_aes_key
        if act in ROTATING_ACTS and ids and wanted:
            await self._bus.ask(RotateRequest(ids=ids))
        await stream.send({"ok": True})

    async def _tell_status(self, caller: Caller, request: dict[str, Any], stream: FrameStream) -> None:
        self._admit(caller, self._acl.may_see_status(caller))
        facts = await self._bus.ask(StatusRequest())
        await stream.send({"status": {**facts, "followers": self._feed.followers}})

    async def _whoami(self, caller: Caller, _request: dict[str, Any], stream: FrameStream) -> None:
        """Who the caller is to the gate, and what was granted to them, as it stands in the configuration."""
        admin = self._acl.is_admin(caller)
        rows = [] if admin else self._acl.rows_of(caller)
        facts = {
            "name": caller.name,
            "eauth": caller.eauth,
            "groups": list(caller.groups),
            "admin": admin,
            "everything": self._acl.may_everything(caller),
            "rooms": self._acl.rooms(caller),
            "master": "" if self._desk is None else str(self._desk.opts.get("id") or ""),
            "rows": rows,
        }
        await stream.send({"whoami": facts})

    async def _vouch(self, caller: Caller, request: dict[str, Any], stream: FrameStream) -> None:
        """A token for somebody whom the web has verified. Only who may everything anyway speaks for others so."""
        self._admit(caller, self._acl.is_admin(caller))
        groups = field(request, "groups", list, [])
        if not all(isinstance(group, str) for group in groups):
            raise RemoteProtocolError("vouch: groups is a list of names")
        wanted = VouchRequest(
            eauth=field(request, "eauth", str),
            username=field(request, "username", str),
            groups=tuple(groups),
            token_expire=request.get("token_expire"),
            peer=field(request, "place", str, ""),
        )
        await stream.send({"token": await self._bus.ask(wanted)})

    async def _factor(self, caller: Caller, request: dict[str, Any], stream: FrameStream) -> None:
        """About a second factor: one's own, or, for administrators, anybody's."""
        trusted = self._acl.is_admin(caller)
        if not (trusted or caller.eauth):
            raise Denied(f"The user {caller.name} has no second factor: the kernel knows them")
        secrets = {name: Secret(field(request, name, str, "")) for name in ("password", "code") if request.get(name)}
        wanted = FactorRequest(
            act=field(request, "act", str),
            eauth=field(request, "eauth", str, "") if trusted else caller.eauth,
            username=field(request, "username", str, "") if trusted else caller.name,
            trusted=trusted,
            # What somebody guesses about themselves is counted as theirs, from wherever it comes.
            peer=f"{caller.eauth}/{caller.name}",
            **secrets,
        )
        try:
            answer = await self._bus.ask(wanted)
        except Unauthenticated as exc:
            # Who they are is known by their token; this is about what they have shown besides.
            raise Denied("The password, or the code, is wrong") from exc
        await stream.send({"factor": answer})

    async def _view(
        self, desk: Desk, caller: Caller, request: dict[str, Any], stream: FrameStream, *, name: str
    ) -> None:
        """One of the questions of consoles."""
        await stream.send({name: await answer(desk, name, caller, request)})

    async def _admit_to_job(self, caller: Caller, jid: str) -> None:
        if self._desk is not None:
            await admit_to_job(self._desk, caller, jid)
        else:
            self._admit(caller, self._acl.may_follow(caller))

    def _admit(self, caller: Caller, allowed: bool) -> None:
        if not allowed:
            log.warning("door.refused", user=caller.name)
            raise Denied(f"The user {caller.name} may not do this")


async def _stream_returns(following: Following, stream: FrameStream) -> None:
    """The returns as they come, and how it ended: in one piece with the last, so that its caller wakes once."""
    async for returns in following:
        frames: list[dict[str, Any]] = [{"return": body} for body in returns]
        if following.news:
            frames.append({"waits": following.news})
            following.news = {}
        if following.missing is not None:
            frames.append(_settled(following))
        if not stream.put(*frames):
            await stream.flush()
        if following.missing is not None:
            return
    await stream.send(_settled(following))


async def _send_result(result: Outcome, stream: FrameStream) -> None:
    """How a run ended. A result that is packed goes before it, in pieces: nobody else waits for the whole of it."""
    if not isinstance(result.result, Packed):
        await stream.send({"result": result.to_load()})
        return
    packed = memoryview(result.result.data)
    for start in range(0, len(packed), PIECE_BYTES):
        await stream.send({"piece": packed[start : start + PIECE_BYTES]})
    await stream.send({"result": {**result.to_load(), "return": None, "pieces": True}})


def _settled(following: Following) -> dict[str, Any]:
    settled: dict[str, Any] = {"jid": following.jid, "missing": following.missing or {}}
    further = {"waiting": following.waiting, "reasons": following.reasons}
    return {"settled": settled | {name: value for name, value in further.items() if value}}


def _published(published: Published) -> dict[str, Any]:
    told: dict[str, Any] = {"jid": published.jid, "minions": published.minions, "missing": published.missing}
    if published.error is not None:
        told["error"] = published.error
    if published.hint:
        told["hint"] = published.hint
    return told


def _progress(batch: list[Event | Lagged], tag: str) -> list[dict[str, Any]]:
    return [
        {"progress": {**event.to_data(), "tag": event.name}}
        for event in batch
        if isinstance(event, TaggedEvent) and event.name.startswith(tag + "/")
    ]
