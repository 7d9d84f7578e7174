"""What this service has been asked, in numbers. `Counted` is the outermost guard: it sees all of it."""

from __future__ import annotations

import time

import attrs
from starlette.types import ASGIApp, Message, Receive, Scope, Send


@attrs.define
class Tally:
    """The numbers. `started` is wall time."""

    started: float = attrs.field(factory=time.time)
    requests: int = 0
    current: int = 0
    sockets: int = 0
    read: int = 0
    written: int = 0
    errors: int = 0


class Counted:
    """Counts requests while they last, and the bytes of their bodies."""

    def __init__(self, app: ASGIApp, *, tally: Tally) -> None:
        self._app = app
        self._tally = tally

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        tally = self._tally
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return

        async def counted_receive() -> Message:
            message = await receive()
            tally.read += len(message.get("body") or b"") + len(message.get("text") or "")
            return message

        async def counted_send(message: Message) -> None:
            tally.written += len(message.get("body") or b"") + len(message.get("text") or "")
            tally.errors += message.get("status", 0) >= 500
            await send(message)

        tally.requests += 1
        tally.current += 1
        tally.sockets += scope["type"] == "websocket"
        try:
            await self._app(scope, counted_receive, counted_send)
        except Exception:
            # Whoever stands outside answers for it.
            tally.errors += 1
            raise
        finally:
            tally.current -= 1
            tally.sockets -= scope["type"] == "websocket"
