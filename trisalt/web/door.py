"""The local door, for Trio: ask, follow. What `client.door` is to the commands, without a thread.

Every room of the web asks the master here, with the credentials of whoever asks: the master's gate decides everything.
"""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

import trio

from trisalt.client.door import LATE, UNREACHABLE, DoorClosed, MasterUnreachable, expect, to_error
from trisalt.errors import Denied, RequestTimeout, TrisaltError, Unauthenticated
from trisalt.wire.frames import FrameDecoder, pack_frame

__all__ = ["Answers", "Door", "expect"]

CHUNK = 64 * 1024
# Seconds for what the master does at once.
PATIENCE = 30.0
# Connections at a time: the door has 256, and the commands of this host come in there too.
PLACES = 192


class Door:
    """The local door at `path` (SOCK_DIR/master.sock). Each question has a connection of its own."""

    def __init__(self, path: str, *, places: int = PLACES) -> None:
        self.path = path
        self._places = trio.Semaphore(places)

    async def ask(
        self,
        question: dict[str, Any],
        *,
        credentials: dict[str, str] | None = None,
        place: str = "",
        patience: float = PATIENCE,
    ) -> dict[str, Any]:
        """The one answer to `question`, within so many seconds.

        `credentials` are a token, or eauth, username and password; without them the master is asked in the name of the
        account that this process has. `place` is the address of whoever asks. Raises MasterUnreachable, DoorClosed,
        RequestTimeout, Unauthenticated, or what the master answered: one of `client.door.ERRORS`, or MasterRefused.
        """
        with trio.move_on_after(patience):
            async with self.follow(question, credentials=credentials, place=place) as answers:
                return await answers.next()
        raise RequestTimeout(LATE)

    @asynccontextmanager
    async def follow(
        self, question: dict[str, Any], *, credentials: dict[str, str] | None = None, place: str = ""
    ) -> AsyncIterator[Answers]:
        """All answers to `question`, as they come, until the master ends them, or until this is left.

        How long to wait is the caller's to say. Raises as `ask` does, here and at each step.
        """
        if credentials is not None:
            question = {**question, "credentials": credentials}
        if place:
            question = {**question, "place": place}
        packed = pack_frame(question)
        async with self._places:
            stream = await self._connect()
            async with stream:
                try:
                    await stream.send_all(packed)
                except trio.BrokenResourceError as exc:
                    raise DoorClosed() from exc
                yield Answers(stream)

    async def _connect(self) -> trio.SocketStream:
        try:
            return await trio.open_unix_socket(self.path)
        except PermissionError as exc:
            raise Denied(f"No permission to talk to the master at {self.path}") from exc
        except OSError as exc:
            if exc.errno == errno.EAGAIN:
                raise RequestTimeout(LATE) from exc
            raise MasterUnreachable(UNREACHABLE) from exc


class Answers:
    """A stream of answers: iterate it."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._decoder = FrameDecoder()
        self._received: deque[dict[str, Any]] = deque()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> dict[str, Any]:
        """The next answer. Cancel-safe. Raises as `Door.ask` does."""
        while not self._received:
            try:
                data = await self._stream.receive_some(CHUNK)
            except trio.BrokenResourceError as exc:
                raise DoorClosed() from exc
            if not data:
                if self._decoder.pending:
                    raise DoorClosed()
                raise StopAsyncIteration
            self._received.extend(self._decoder.feed(bytes(data)))
        answer = self._received.popleft()
        if "error" in answer:
            raise _to_error(answer["error"])
        return answer

    async def next(self) -> dict[str, Any]:
        """The next answer, of which there must be one. Raises DoorClosed when there is none, and as `Door.ask` does."""
        async for answer in self:
            return answer
        raise DoorClosed()

    async def first(self, key: str) -> Any:
        """What the next answer has under `key`. Raises as `next` does, and RemoteProtocolError."""
        return expect(await self.next(), key)


def _to_error(error: Any) -> TrisaltError:
    """As the commands have it, but that nobody vouches for somebody is told apart from what they may not do."""
    if isinstance(error, dict) and error.get("name") == "AuthenticationError":
        return Unauthenticated(str(error.get("message") or "Authentication error occurred."))
    return to_error(error)
