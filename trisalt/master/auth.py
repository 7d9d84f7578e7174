"""The key manager: `_auth`, autosign, `revoke_auth` and the rotation of the shared AES key.

What is decided stands in `wire/handshake` (pure); where the keys lie is `master/keyring`'s. Sign-ins are read and
decided on in threads of their own, which stand behind all else: key files are read and written there, and RSA runs
there. `master/request_server` asks, for those whose turn it is; `master/daemon` starts it.
"""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Any

import attrs
import structlog
import trio

from trisalt.bus.bus import Bus, Reply
from trisalt.bus.caller import MASTER
from trisalt.bus.event import Event
from trisalt.bus.events import AesRotated, AuthDecided, KeyChanged
from trisalt.bus.requests import AuthRequest, PublishRequest, RevokeRequest, RotateRequest
from trisalt.errors import RemoteProtocolError, TrisaltError
from trisalt.master.behind import Behind, open_behind
from trisalt.master.identity import Identity
from trisalt.master.keyring import Keyring, State
from trisalt.master.lanes import SIGNERS, STRANGERS
from trisalt.master.sessions import AcceptedKeys, Sessions
from trisalt.service import next_beat
from trisalt.wire.envelope import BAD_LOAD, EXCEPTION, Knock
from trisalt.wire.handshake import Hello, KeyState, Policy, Verdict, accepted_answer, decide, refused_answer
from trisalt.wire.ids import valid_minion_id

log = structlog.get_logger()

STRIPES = 16
# Sign-ins that are not accepted cost a signature, and may leave a key file: so many at once, so many a second, for
# each network address. A fleet behind one address that waits to be accepted stays below it.
STRANGERS_BURST = 1000
STRANGERS_PER_S = 200.0
# A key that came within the last minutes may be accepted any moment: its minion asks so often, while there are few.
PENDING_AGAIN_S = 2.0
PENDING_FRESH_S = 180.0
PENDING_FEW = 30
# Who has not asked for so long is not pending any more; of more than so many nobody asks often anyway.
PENDING_FORGOTTEN_S = 60.0
PENDING_NOTED = 1000
DROP_FILE_EVERY_S = 2.0

_KEY_STATES = {state: KeyState[state.name] for state in State}
_STATES = {KeyState[state.name]: state for state in State}
_CHANGES = {State.ACCEPTED: "accepted", State.PENDING: "pending", State.REJECTED: "rejected", State.DENIED: "denied"}


@attrs.frozen(kw_only=True)
class KeyRules:
    """What the configuration says about keys; the names are stock's options."""

    publish_port: int = 4505
    auto_accept: bool = False
    open_mode: bool = False
    max_minions: int = 0
    autosign_file: str | None = None
    autosign_timeout: float = 120
    autosign_grains_dir: str | None = None
    autoreject_file: str | None = None
    auth_events: bool = True
    allow_minion_key_revoke: bool = True
    rotate_aes_key: bool = True
    ping_on_rotate: bool = False
    presence_heartbeat: float = 60

    @classmethod
    def from_opts(cls, opts: Mapping[str, Any]) -> KeyRules:
        """The options of the same names; one that is not set keeps its default."""
        values = {field.name: opts.get(field.name) for field in attrs.fields(cls)}
        return cls(**{name: value for name, value in values.items() if value is not None and value != ""})


async def keep_keys(
    bus: Bus,
    keyring: Keyring,
    accepted: AcceptedKeys,
    identity: Identity,
    sessions: Sessions,
    *,
    rules: Callable[[], KeyRules],
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Answer `AuthRequest`, `RevokeRequest` and `RotateRequest` until cancelled.

    `rules` is asked each time, so that a configuration that was read again takes effect. Publishes `AuthDecided` for
    every decision (`auth_events`), `KeyChanged` where a key moves, `AesRotated`.
    """
    desk = KeyDesk(keyring, accepted, identity, sessions, rules)
    with (
        # Who is new does not take the threads of those who are known.
        open_behind("signer", threads=SIGNERS) as known,
        open_behind("stranger", threads=STRANGERS) as strangers,
    ):
        await _keep_keys(bus, _Manager(bus, desk, identity, rules, known, strangers), identity, task_status)


async def _keep_keys(bus: Bus, manager: _Manager, identity: Identity, task_status: trio.TaskStatus[None]) -> None:
    async with bus.claim(RevokeRequest, RotateRequest) as requests, trio.open_nursery() as answers:
        answers.start_soon(_touch, identity)
        with bus.answering({AuthRequest: manager.sign_in}):
            task_status.started()
            async for request, reply in requests:
                match request:
                    case RevokeRequest():
                        answers.start_soon(manager.revoke, request, reply)
                    case RotateRequest():
                        answers.start_soon(manager.rotate, request, reply)


async def _touch(identity: Identity) -> None:
    """Say on the disk that the shared key is in use."""
    while identity.kept is not None:
        await trio.to_thread.run_sync(identity.kept.touch)
        await trio.sleep(identity.kept.touch_every)


class _Manager:
    """The Trio side: threads, events, log."""

    def __init__(
        self,
        bus: Bus,
        desk: KeyDesk,
        identity: Identity,
        rules: Callable[[], KeyRules],
        known: Behind,
        strangers: Behind,
    ) -> None:
        self._bus = bus
        self._desk = desk
        self._identity = identity
        self._rules = rules
        self._known = known
        self._strangers = strangers
        self._rotating = trio.CapacityLimiter(1)

    async def sign_in(self, request: AuthRequest) -> list[tuple[str, bytes] | Exception]:
        """Decide, tell and answer: for each its id and its answer, or what is wrong."""
        # What is written is told, whether or not somebody still waits for the answer.
        with trio.CancelScope(shield=True):
            threads = self._known if request.known else self._strangers
            outcomes = await threads.run_sync(self._desk.sign_in, request.knocks, time.time())
            rules, events, answers = self._rules(), list[Event](), list[tuple[str, bytes] | Exception]()
            for outcome in outcomes:
                answers.append(self._answer(outcome, rules, events))
            await self._bus.publish_all(events)
        return answers

    def _answer(self, outcome: Outcome, rules: KeyRules, events: list[Event]) -> tuple[str, bytes] | Exception:
        hello, decision = outcome
        if hello is None:
            assert isinstance(decision, Exception)
            return decision
        log.info("auth.request", id=hello.id)
        match decision:
            case OSError():
                # A full disk, mostly: nothing has been decided, and the minion asks again.
                log.error("auth.not_kept", id=hello.id, reason=decision.strerror)
                return RemoteProtocolError(f"the sign-in of {hello.id} cannot be kept", refusal=EXCEPTION)
            case Exception():
                # One sign-in: the door refuses it in stock's words, and logs what was not foreseen.
                return decision
            case _:
                _tell(hello, decision, rules)
                events += self._events(hello, decision)
                return hello.id, decision.answer

    def _events(self, hello: Hello, decision: Decision) -> list[Event]:
        events: list[Event] = []
        verdict = decision.verdict
        if decision.moved is not None:
            act = _CHANGES[decision.moved]
            events.append(KeyChanged(result=True, act=act, id=hello.id, pub=hello.pub))
        if self._rules().auth_events:
            result = verdict.act in ("accept", "pend")
            events.append(AuthDecided(result=result, act=verdict.act, id=hello.id, pub=hello.pub))
        return events

    async def revoke(self, request: RevokeRequest, reply: Reply) -> None:
        if not self._rules().allow_minion_key_revoke:
            log.warning("key.revoke_refused", id=request.id)
            reply.send(False)
            return
        try:
            await trio.to_thread.run_sync(self._desk.revoke, request.id)
        except Exception as exc:
            reply.fail(exc)
            return
        log.info("key.revoked", id=request.id)
        await self._bus.publish(KeyChanged(result=True, act="delete", id=request.id))
        reply.send(True)
        if self._rules().rotate_aes_key:
            await self._rotate([request.id])

    async def rotate(self, request: RotateRequest, reply: Reply) -> None:
        try:
            await self._rotate(request.ids)
        except Exception as exc:
            reply.fail(exc)
        else:
            reply.send(True)

    async def _rotate(self, ids: Sequence[str] | None) -> None:
        # Not behind the sign-ins that wait for their turn: whoever was deleted must not read what goes out next.
        rotated = await trio.to_thread.run_sync(self._desk.rotate, ids, limiter=self._rotating)
        if not rotated:
            log.debug("aes_key.not_held", ids=ids)
            return
        log.info("aes_key.rotated")
        await self._bus.publish(AesRotated())
        if self._rules().ping_on_rotate:
            log.info("aes_key.ping")
            try:
                await self._bus.ask(PublishRequest(tgt="*", fun="test.ping", arg=[], user="root", caller=MASTER))
            except TrisaltError as exc:
                log.warning("aes_key.ping_failed", reason=str(exc))


def _tell(hello: Hello, decision: Decision, rules: KeyRules) -> None:
    """The lines an operator reads about one sign-in."""
    id, verdict = hello.id, decision.verdict
    match verdict.act:
        case "accept":
            if decision.moved is not None and decision.by_rule:
                log.info("auth.autosigned", id=id)
            log.info("auth.accepted", id=id)
        case "pend":
            if decision.moved is not None:
                log.info("auth.key_new", id=id)
            log.info("auth.pending", id=id)
        case "reject" if decision.by_rule:
            log.info("auth.autorejected", id=id, state=decision.state.value if decision.state else "new")
        case "reject":
            log.info("auth.rejected", id=id)
        case "denied":
            log.error("auth.denied", id=id, state=_CHANGES[decision.state] if decision.state else "new")
        case "full":
            log.info("auth.full", id=id, max_minions=rules.max_minions)
        case _ if not valid_minion_id(id):
            log.warning("auth.invalid_id", id=id)
        case _:
            log.warning("auth.key_unusable", id=id)


@attrs.frozen(kw_only=True)
class Decision:
    """What became of one sign-in: the verdict, the packed answer, the state the key was moved to (None: left alone),
    the state it was in before, and whether a rule of the operator's (autosign, autoreject) spoke."""

    verdict: Verdict
    answer: bytes
    moved: State | None
    state: State | None
    by_rule: bool


Outcome = tuple[Hello | None, Decision | Exception]
"""What one sign-in said, None when it could not be read, and what became of it."""


class KeyDesk:
    """Decides on sign-ins and answers them: key files and RSA, blocking, for a thread."""

    def __init__(
        self,
        keyring: Keyring,
        accepted: AcceptedKeys,
        identity: Identity,
        sessions: Sessions,
        rules: Callable[[], KeyRules],
    ) -> None:
        self._keyring = keyring
        self._accepted = accepted
        self._identity = identity
        self._sessions = sessions
        self._rules = rules
        # Of the ids: two sign-ins of one id have the same.
        self._files = [threading.Lock() for _ in range(STRIPES)]
        self._strangers_rsa = threading.Lock()
        self._counting = threading.Lock()
        # Those that were told of late that they are pending: since when, and when last.
        self._pending: dict[str, tuple[float, float]] = {}
        self._pending_looked = 0.0
        self._strangers = Allowance(burst=STRANGERS_BURST, per_s=STRANGERS_PER_S)

    def sign_in(self, knocks: Sequence[tuple[Knock, str]], now: float) -> list[Outcome]:
        """Read, decide, write the keys where the verdicts say, and answer. `now` is wall time.

        RemoteProtocolError for what is no sign-in, and for a stranger whose address has asked too often; OSError where
        a key could not be written.
        """
        rules, outcomes = self._rules(), list[Outcome]()
        for knock, peer in knocks:
            hello = None
            try:
                hello, known = self._read(knock)
                outcomes.append((hello, self._sign_in(hello, peer, known, rules, now)))
            except Exception as exc:
                outcomes.append((hello, exc))
        return outcomes

    def _read(self, knock: Knock) -> tuple[Hello, bool]:
        """What is said, and whether the key that is offered is the accepted one of its id."""
        load = knock.read().load
        if load.get("cmd") != AuthRequest.CMD:
            # A name that was sent as binary is not the one it looks like.
            raise RemoteProtocolError("a sign-in that is none", refusal={})
        known = self._accepted.offered(load.get("id"), load.get("pub"))
        return Hello.from_load(load, knock.version, known=known), known is not None

    def _sign_in(self, hello: Hello, peer: str, known: bool, rules: KeyRules, now: float) -> Decision:
        # Two sign-ins of one id see each other's key, not the gap before it.
        with self._files[hash(hello.id) % STRIPES]:
            state, stored = self._look(hello.id)
            policy = self._policy(hello, state, rules, now)
            verdict = decide(hello, _KEY_STATES[state] if state else KeyState.UNKNOWN, stored, policy)
            if not verdict.accepted and not self._may_ask(peer, now):
                raise RemoteProtocolError("too many sign-ins from one address", refusal=BAD_LOAD)
            moved = self._store(hello, verdict, state, stored)
            session = self._sessions.open(hello.id, now=now).key_string if verdict.accepted else ""
            # With the look at the key in one: a key that is deleted from now on is one of a holder.
            shared = self._identity.shared
            if verdict.accepted and shared.holders is not None:
                shared.holders.add(hello.id)
        with nullcontext() if known else self._strangers_rsa:
            if verdict.ret is not None:
                again = self._again(hello.id, now) if verdict.act == "pend" else 0
                answer = refused_answer(hello, verdict.ret, self._identity.key, again=again)
            else:
                answer = accepted_answer(
                    hello,
                    master_key=self._identity.key,
                    aes_key_string=shared.crypticle.key_string,
                    aes_digest_sig=shared.digest_sig,
                    session_key_string=session,
                    publish_port=rules.publish_port,
                    pub_sig=self._identity.pub_sigs.get(hello.sig_algo),
                    heartbeat=rules.presence_heartbeat,
                    clock=time.time(),
                )
        by_rule = policy.autosign or policy.autoreject
        return Decision(verdict=verdict, answer=answer, moved=moved, state=state, by_rule=by_rule)

    def _again(self, id: str, now: float) -> float:
        """How soon a pending minion may ask again: soon while somebody may be about to accept it, and few are."""
        with self._counting:
            if not 0 <= now - self._pending_looked < PENDING_FORGOTTEN_S / 6:
                self._pending_looked = now
                self._pending = {
                    other: asked for other, asked in self._pending.items() if 0 <= now - asked[1] < PENDING_FORGOTTEN_S
                }
            first, _last = self._pending.get(id, (now, now))
            if id in self._pending or len(self._pending) < PENDING_NOTED:
                self._pending[id] = (first, now)
            few = len(self._pending) <= PENDING_FEW
        return PENDING_AGAIN_S if few and 0 <= now - first < PENDING_FRESH_S else 0

    def _look(self, id: str) -> tuple[State | None, str | None]:
        """Where the key of `id` counts, and what it is."""
        if not valid_minion_id(id):
            return None, None
        # Mostly it is accepted, and was read before: each file less to look at is a turn less to wait for.
        if not self._keyring.has(id, State.REJECTED):
            key = self._accepted.find(id)
            if key is not None:
                return State.ACCEPTED, key.pem
        state = self._keyring.state(id)
        return state, None if state is None else self._keyring.read(id, state)

    def revoke(self, id: str) -> None:
        """Remove the accepted key of `id`, and its session."""
        with self._files[hash(id) % STRIPES]:
            self._keyring.delete(id, (State.ACCEPTED,))
            self._sessions.forget(id)

    def rotate(self, ids: Sequence[str] | None) -> bool:
        """Another shared key, unless none of `ids` (None: nobody) may have the one of now. Whether there is another.

        Many keys that go one after the other cost one rotation: nobody has what was made for the first of them until
        they sign in again.
        """
        with ExitStack() as all_files:
            for lock in self._files:
                all_files.enter_context(lock)
            shared = self._identity.shared
            if shared.holders is not None and not (shared.holders if ids is None else shared.holders & set(ids)):
                return False
        # Signed outside: sign-ins go on meanwhile, with the key that ends here.
        self._identity.rotate()
        return True

    def _may_ask(self, peer: str, now: float) -> bool:
        with self._counting:
            return self._strangers.take(peer, now)

    def _policy(self, hello: Hello, state: State | None, rules: KeyRules, now: float) -> Policy:
        if not valid_minion_id(hello.id):
            return Policy()
        full = (
            rules.max_minions > 0
            and state is not State.ACCEPTED
            and len(self._keyring.list(State.ACCEPTED)) >= rules.max_minions
        )
        # A rule is asked only where it can matter: an autosign stub is used up by being asked.
        undecided = state in (None, State.PENDING, State.DENIED) and not full
        autoreject = undecided and self._keyring.autorejected(hello.id, rules.autoreject_file)
        autosign = (
            undecided
            and not autoreject
            and not rules.auto_accept
            and self._keyring.autosigned(
                hello.id,
                now=now,
                autosign_file=rules.autosign_file,
                autosign_timeout=rules.autosign_timeout,
                autosign_grains_dir=rules.autosign_grains_dir,
                grains=hello.autosign_grains,
            )
        )
        return Policy(
            auto_accept=rules.auto_accept,
            open_mode=rules.open_mode,
            autosign=autosign,
            autoreject=autoreject,
            max_minions_reached=full,
        )

    def _store(self, hello: Hello, verdict: Verdict, state: State | None, stored: str | None) -> State | None:
        if verdict.store is None:
            return None
        target = _STATES[verdict.store]
        before = stored if target is state else self._keyring.read(hello.id, target)
        if before == hello.pub and (target is state or target is State.DENIED):
            return None
        self._keyring.store(hello.id, hello.pub, target)
        return target


class Allowance:
    """So many at once and so many a second, for each name. Not for one thread only: callers hold a lock."""

    def __init__(self, *, burst: float, per_s: float, names: int = 4096) -> None:
        self._burst = burst
        self._per_s = per_s
        self._names = names
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str, now: float) -> bool:
        """Whether one more is allowed; if so it is counted. `now` is seconds of any clock that goes forward."""
        left, when = self._left.pop(name, (self._burst, now))
        left = min(self._burst, left + max(0.0, now - when) * self._per_s)
        allowed = left >= 1
        self._left[name] = (left - 1 if allowed else left, now)
        if len(self._left) > self._names:
            self._left.popitem(last=False)
        return allowed

    def spent(self, name: str, now: float) -> bool:
        """Whether the next one would not be allowed. Nothing is counted."""
        left, when = self._left.get(name, (self._burst, now))
        return min(self._burst, left + max(0.0, now - when) * self._per_s) < 1


# -- the drop file ---------------------------------------------------------------------------------------------------


async def watch_drop_file(
    bus: Bus, path: Path, *, id: str, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Ask for a rotation when `CACHE/.dfn` appears (mode 0400, content = the master's id), as `salt-key` leaves it.

    A file that is not so is left alone, and named once.
    """
    refused: tuple[int, int] | None = None
    task_status.started()
    while True:
        try:
            info = os.lstat(path)
        except OSError:
            refused = None
        else:
            if _is_drop_file(path, info, id):
                os.unlink(path)
                await bus.ask(RotateRequest())
            elif refused != (info.st_ino, info.st_ctime_ns):
                refused = (info.st_ino, info.st_ctime_ns)
                log.error("aes_key.drop_file_refused", path=str(path))
        await trio.sleep_until(next_beat(DROP_FILE_EVERY_S))


def _is_drop_file(path: Path, info: os.stat_result, id: str) -> bool:
    if info.st_mode & 0o7777 != 0o400 or info.st_uid not in (0, os.geteuid()) or info.st_size > 1024:
        return False
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), errors="replace") as file:
            return file.read(1025).strip() == id
    except OSError:
        return False
