"""Operators: who publishes jobs at the local door, follows them, changes keys, and listens to all events.

What each was told is noted, for the invariants. When the master goes away under them, they come again and ask what
became of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import trio

from tests.simulation import platform
from tests.simulation.door import connection
from tests.simulation.faults import Batch, ChangeKey, Follow, Kill, Publish, Rotate
from tests.simulation.hosts import Host
from tests.simulation.trace import Trace
from trisalt.bus.answers import Presence
from trisalt.bus.requests import PresenceRequest, Request, RotateRequest
from trisalt.master.keyring import Keyring, State, request_rotation
from trisalt.transport.local import FrameStream

COME_AGAIN = 5.0


@attrs.define(eq=False)
class Followed:
    """What an operator was told of one job, from one connection."""

    act: Publish | Follow
    began: float
    jid: str | None = None
    minions: list[str] = attrs.field(factory=list)
    missing: list[str] = attrs.field(factory=list)
    told: list[dict[str, Any]] = attrs.field(factory=list)
    settled: dict[str, str] | None = None
    error: dict[str, Any] | None = None
    ended: float | None = None
    again: bool = False


@attrs.define(eq=False)
class Heard:
    """What somebody was told who follows all events, `(number, tag)`: after the number `first`, until now up to `at`.

    `odd` is what should not be told.
    """

    log: str | None = None
    first: int = 0
    at: int = 0
    told: list[tuple[int, str]] = attrs.field(factory=list)
    odd: list[str] = attrs.field(factory=list)


class Operators:
    """All who use the master on `host`.

    `shut_out` says when it was sure that a minion gets nothing any more (True), and when it was let in again (False).
    """

    def __init__(self, host: Host, trace: Trace) -> None:
        self.followed: list[Followed] = []
        self.heard = Heard()
        self.shut_out: dict[str, list[tuple[float, bool]]] = {}
        self._host = host
        self._trace = trace

    async def act(self, act: object) -> None:
        """Do what a plan says; it is time."""
        match act:
            case Publish():
                await self.publish(act)
            case Follow(number=number):
                if number < len(jids := self._jids()):
                    await self._follow(act, jids[number])
            case Kill(number=number):
                if number < len(jids := self._jids()):
                    await self.publish(Publish(fun="saltutil.kill_job", tgt="*"), jids[number])
            case ChangeKey(id=id, verb=verb):
                await self._change_key(verb, id)
            case Rotate():
                await self._ask_bus(RotateRequest())

    # -- keys -------------------------------------------------------------------------------------------------

    async def _change_key(self, verb: str, id: str) -> None:
        """What `salt-key` does: it moves the file, and tells the master, or leaves word for one that is not there."""
        folder = self._host.disk.folder
        if not (folder / "pki" / "minions").is_dir():
            return
        keyring = Keyring(folder / "pki")
        done = True
        match verb:
            case "accept":
                keyring.move(id, State.ACCEPTED, [State.REJECTED, State.PENDING])
                self.shut_out.setdefault(id, []).append((trio.current_time(), False))
            case "reject":
                done = keyring.move(id, State.REJECTED, [State.ACCEPTED, State.PENDING]) is not None
            case "delete":
                keyring.delete(id)
                # Who signs in without a key is let in.
                self.shut_out.setdefault(id, []).append((trio.current_time(), False))
        if not done:
            # There is no such key: who signs in next has a new one.
            return
        act = {"accept": "accepted", "reject": "rejected"}.get(verb, verb)
        self._trace.note("operator", "key changed", id=id, act=act)
        told: list[dict[str, Any]] = []
        await self._call({"op": "key_changed", "act": act, "ids": [id], "rotate": verb != "accept"}, told.append)
        if {"ok": True} in told:
            if verb == "reject":
                self.shut_out.setdefault(id, []).append((trio.current_time(), True))
        elif verb != "accept":
            request_rotation(self._host.disk.folder / "cache", "master", user="root")

    async def presence(self, ids: list[str]) -> dict[str, Presence]:
        """What the master says of who is here."""
        return await self._ask_bus(PresenceRequest(ids=ids)) or {}

    async def _ask_bus(self, request: Request) -> Any:
        """Ask as a task of the master would; when that goes, or is not there, the answer is None."""
        master = self._host.daemon
        if master is None or master.bus is None or master.gone:
            return None
        bus, answers = master.bus, []
        platform.current.set(master)
        try:
            async with trio.open_nursery() as nursery:

                async def watch() -> None:
                    await master.over.wait()
                    nursery.cancel_scope.cancel()

                nursery.start_soon(watch)
                answers.append(await bus.ask(request))
                nursery.cancel_scope.cancel()
        finally:
            platform.current.set(None)
        return answers[0] if answers else None

    # -- jobs -------------------------------------------------------------------------------------------------

    def _jids(self) -> list[str]:
        return [one.jid for one in self.followed if one.jid is not None and not one.again]

    async def publish(self, act: Publish, *more: str) -> None:
        """An operator's `salt`; when the master goes away under it, they look what became of the job."""
        one = Followed(act, trio.current_time())
        self.followed.append(one)
        arg: list[Any] = [act.seconds, *more] if act.seconds else list(more)
        request: dict[str, Any] = {"tgt": act.tgt, "fun": act.fun, "follow": act.follow, "timeout": act.timeout}
        request["tgt_type"] = "glob" if isinstance(act.tgt, str) else "list"
        request["wait_absent"] = 86400.0 if act.waits else None
        match act:
            case Batch():
                # What runs tells by this which batch it is of.
                request |= {"op": "batch", "size": act.size, "arg": [*arg, act.mark]}
            case _:
                request |= {"op": "publish", "arg": arg}
        await self._ask(one, request)
        if one.jid is not None and one.settled is None and one.error is None and act.follow and not act.leaves:
            await trio.sleep(COME_AGAIN)
            await self._follow(act, one.jid)

    async def _follow(self, act: Publish | Follow, jid: str) -> None:
        """Join a job, and again when the master goes away meanwhile."""
        while True:
            one = Followed(act, trio.current_time(), jid=jid, again=True)
            self.followed.append(one)
            await self._ask(one, {"op": "follow_job", "jid": jid})
            if one.settled is not None or one.error is not None:
                return
            await trio.sleep(COME_AGAIN)

    # -- at the door ------------------------------------------------------------------------------------------

    async def _ask(self, one: Followed, request: dict[str, Any]) -> None:
        """Say something at the local door, and note what is answered until it is closed."""
        await self._call(request, lambda message: self._note(one, message))
        one.ended = trio.current_time()

    async def follow_log(self) -> None:
        """Somebody who follows all events, and goes on where they stopped whenever the master was away."""
        heard = self.heard

        def hear(message: dict[str, Any]) -> None:
            match message:
                case {"ready": {"log": log, "at": at}}:
                    if heard.log is None:
                        heard.log, heard.first = log, at
                    heard.at = at
                case {"events": events, "at": at}:
                    heard.told.extend((number, tag) for tag, number, _origin, _data in events)
                    heard.at = at
                case {"at": at}:
                    heard.at = at
                case other:
                    heard.odd.append(repr(other))

        while True:
            await trio.sleep(1.0)
            after = {} if heard.log is None else {"after": [[heard.log, heard.at]]}
            await self._call({"op": "events", **after}, hear, told=False)

    async def _call(
        self, request: dict[str, Any], hear: Callable[[dict[str, Any]], object], *, told: bool = True
    ) -> None:
        master = self._host.daemon
        if master is None or master.callers is None or master.gone:
            return
        ours, theirs = connection()
        try:
            with ours:
                await master.callers.send(theirs)
                stream = FrameStream(ours)  # type: ignore[arg-type]
                await stream.send(request)
                while (message := await stream.receive()) is not None and not master.gone:
                    if told:
                        self._trace.note("operator", "told", **message)
                    hear(message)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            theirs.close()

    def _note(self, one: Followed, message: dict[str, Any]) -> None:
        match message:
            case {"published": published}:
                one.jid, one.minions, one.missing = published["jid"], published["minions"], published["missing"]
            case {"batch": {"minions": minions}}:
                one.minions = minions
            case {"return": body}:
                one.told.append(body)
            case {"settled": settled}:
                one.settled = settled["missing"]
            case {"error": error}:
                one.error = error
