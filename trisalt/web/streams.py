"""Events for many streams: the master is followed once for each user, and what it tells is written down once.

A `Hub` has a `Channel` for each identity (user, backend, permissions); whoever opens a stream gets a `Reader` of it
with a queue of its own, that sheds the oldest when it is full and says how many. A channel that has no reader any
more ends. One whose master went away goes on where it stopped when the master is back.
"""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import attrs
import structlog
import trio

from trisalt.client.door import MasterUnreachable
from trisalt.errors import AuthError, RequestTimeout, TrisaltError
from trisalt.web.door import Door
from trisalt.web.negotiate import dump

log = structlog.get_logger()

QUEUE = 2000
"""What one reader may have waiting."""
STREAMS, OF_ONE = 1000, 20
"""How many streams there may be at a time, and how many of one session."""
REPLAYED = 10_000
"""So many events of the past are told again to whoever says where they stopped."""
BREATH_S, SHORTEST_BREATH_S, LONGEST_BREATH_S = 0.0005, 0.005, 0.25
"""For so long each stream gathers what comes, for each stream that there is."""
AGAIN_S, AGAIN_AT_MOST_S = 0.5, 10.0
LOST = "trisalt/events/lost"


class Crowded(TrisaltError):
    """There are too many streams already."""


class Told:
    """One event, and what is written of it, made when it is first wanted. `number` 0: it is not in the log."""

    def __init__(self, log: str, tag: str, number: int, origin: str, data: Any) -> None:
        self.log, self.tag, self.number, self.origin, self.data = log, tag, number, origin, data

    @cached_property
    def json(self) -> bytes:
        """As stock's clients know it."""
        return dump({"data": self.data, "tag": self.tag})

    @cached_property
    def stock(self) -> bytes:
        """As a Server-Sent Event of `/events`."""
        return b"tag: %b\ndata: %b\n\n" % (one_line(self.tag), self.json)

    @cached_property
    def text(self) -> str:
        """As a message of `/ws`."""
        return f"data: {self.json.decode()}\n\n"

    @cached_property
    def v1(self) -> bytes:
        """As a Server-Sent Event of `/api/v1/events`."""
        body = {"tag": self.tag, "data": self.data, "origin": self.origin, "at": _moment(self.data)}
        head = b"id: %b:%d\n" % (self.log.encode(), self.number) if self.number else b""
        return head + b"data: %b\n\n" % dump(body)

    @cached_property
    def lower(self) -> str:
        """What a filter looks into."""
        return f"{self.tag} {self.json.decode()}".lower()


def one_line(text: str) -> bytes:
    """Text that ends no line: a tag comes from whoever fires it."""
    return text.replace("\r", " ").replace("\n", " ").encode("utf-8", "replace")


def lost(count: int | None) -> Told:
    """That so many events are not told; None: nobody knows how many."""
    return Told("", LOST, 0, "master/", {"n": count})


def _moment(data: Any) -> float | None:
    stamp = data.get("_stamp") if isinstance(data, Mapping) else None
    try:
        moment = datetime.fromisoformat(stamp) if isinstance(stamp, str) else None
    except ValueError:
        return None
    if moment is None:
        return None
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()


class Reader:
    """A place in a channel: what came since, up to `QUEUE` events; of those up to `after` it has been told already."""

    def __init__(self) -> None:
        self.after = 0
        self._queue: deque[Told] = deque()
        self._lost = 0
        self._ready = trio.Event()
        self.ended = False

    def put(self, told: Told) -> None:
        """One more; the oldest goes when there are too many."""
        if len(self._queue) >= QUEUE:
            self._queue.popleft()
            self._lost += 1
        self._queue.append(told)
        self._ready.set()

    def end(self) -> None:
        """Nothing comes any more."""
        self.ended = True
        self._ready.set()

    def take(self) -> list[Told]:
        """What is there; what went before it is said first."""
        found = [lost(self._lost)] if self._lost else []
        found += [told for told in self._queue if not told.number or told.number > self.after]
        self._queue.clear()
        self._lost = 0
        if not self.ended:
            self._ready = trio.Event()
        return found

    async def wait(self) -> None:
        """Until there is something, or the end."""
        await self._ready.wait()


@attrs.frozen
class Identity:
    """Whose eyes: all sessions of one identity see the same."""

    user: str
    eauth: str
    perms: str

    @classmethod
    def of(cls, user: str, eauth: str, perms: Any) -> Identity:
        """By what was granted too: two tokens of one name may hold different permissions."""
        return cls(user, eauth, json.dumps(perms, sort_keys=True, default=str))


class Channel:
    """The events that one identity may see. `credentials` are of the newest of its streams."""

    def __init__(self, door: Door, credentials: Mapping[str, str]) -> None:
        self.credentials = dict(credentials)
        self.readers: set[Reader] = set()
        self.scope = trio.CancelScope()
        self.log = ""
        self.at = 0
        self.ready = trio.Event()
        self.failure: TrisaltError | None = None
        self._door = door

    async def run(self) -> None:
        """Follow until cancelled, or until the master no longer lets this identity in."""
        with self.scope:
            patience = AGAIN_S
            while True:
                try:
                    await self._follow()
                    patience = AGAIN_S
                except AuthError as exc:
                    return self._fail(exc)
                except (MasterUnreachable, RequestTimeout) as exc:
                    if not self.ready.is_set():
                        return self._fail(exc)
                    log.debug("web.events_interrupted", reason=str(exc))
                except TrisaltError as exc:
                    log.warning("web.events_failed", reason=str(exc))
                    return self._fail(exc)
                await trio.sleep(patience)
                patience = min(patience * 2, AGAIN_AT_MOST_S)

    def _fail(self, exc: TrisaltError) -> None:
        self.failure = exc
        self.ready.set()
        for reader in self.readers:
            reader.end()

    async def _follow(self) -> None:
        question: dict[str, Any] = {"op": "events"}
        if self.ready.is_set():
            # Where it was interrupted.
            question["after"] = [[self.log, self.at]]
        async with self._door.follow(question, credentials=self.credentials) as answers:
            async for answer in answers:
                self._hear(answer)

    def _hear(self, answer: Mapping[str, Any]) -> None:
        if "events" in answer:
            for tag, number, origin, data in answer["events"]:
                told = Told(self.log, tag, number, origin, data)
                for reader in self.readers:
                    reader.put(told)
            self.at = answer["at"]
        elif "at" in answer:
            self.at = answer["at"]
        elif "lagged" in answer:
            for reader in self.readers:
                reader.put(lost(answer["lagged"]))
        elif "ready" in answer:
            self.log = answer["ready"]["log"]
            if not self.ready.is_set():
                self.at = answer["ready"]["at"]
            self.ready.set()


class Hub:
    """All channels. They run in `nursery`."""

    def __init__(self, door: Door, nursery: trio.Nursery) -> None:
        self._door = door
        self._nursery = nursery
        self._channels: dict[Identity, Channel] = {}
        self._streams: Counter[str] = Counter()

    @property
    def streams(self) -> int:
        """How many there are now."""
        return self._streams.total()

    async def breathe(self) -> None:
        """After something was sent: where there are many streams, what comes is gathered for each, so that it is fewer
        writes."""
        if (pause := min(self.streams * BREATH_S, LONGEST_BREATH_S)) >= SHORTEST_BREATH_S:
            await trio.sleep(pause)

    @asynccontextmanager
    async def open(
        self, identity: Identity, credentials: Mapping[str, str], *, session: str
    ) -> AsyncIterator[tuple[Channel, Reader]]:
        """A place in the channel of an identity. Raises Crowded, or what keeps the master from telling them anything.

        `session` names the session, of which there may be so many streams.
        """
        if self._streams.total() >= STREAMS or self._streams[session] >= OF_ONE:
            raise Crowded("There are too many streams already")
        self._streams[session] += 1
        reader = Reader()
        channel = self._channels.get(identity)
        if channel is None or channel.failure is not None:
            channel = self._channels[identity] = Channel(self._door, credentials)
            self._nursery.start_soon(channel.run)
        # A token that is newer lives longer.
        channel.credentials = dict(credentials)
        channel.readers.add(reader)
        try:
            await channel.ready.wait()
            if channel.failure is not None:
                raise channel.failure
            yield channel, reader
        finally:
            channel.readers.discard(reader)
            if not channel.readers:
                channel.scope.cancel()
                if self._channels.get(identity) is channel:
                    del self._channels[identity]
            self._streams[session] -= 1
            if not self._streams[session]:
                del self._streams[session]

    async def replay(
        self,
        channel: Channel,
        reader: Reader,
        credentials: Mapping[str, str],
        after: tuple[str, int],
        give: Callable[[list[Told]], Awaitable[None]],
    ) -> None:
        """Give what there was after a cursor up to now, in pieces; what comes meanwhile waits in the reader.

        What nobody can tell any more is said first.
        """
        name, number = after
        upto = reader.after = channel.at
        if name != channel.log or number > upto:
            await give([lost(None)])
            return
        if upto - number > REPLAYED:
            await give([lost(upto - number - REPLAYED)])
            number = upto - REPLAYED
        question = {"op": "events", "after": [[name, number]], "upto": upto}
        async with self._door.follow(question, credentials=dict(credentials)) as answers:
            async for answer in answers:
                if "events" in answer:
                    await give([Told(name, *item) for item in answer["events"]])
                elif "lagged" in answer:
                    await give([lost(answer["lagged"])])
                elif "end" in answer:
                    return
