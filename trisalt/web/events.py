"""Events for clients: `/events` as stock's clients know them, `/api/v1/events` with a place to go on from, `/ws`.

What somebody may see is the master's to say. A stream ends with its session, and when its client takes nothing for a
minute; a comment every quarter of a minute keeps what stands between from closing it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping

import attrs
import structlog
import trio
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from trisalt.bus.tags import matcher
from trisalt.errors import AuthError, TrisaltError
from trisalt.web.context import Web, needs_session, status_of
from trisalt.web.door import expect
from trisalt.web.endpoints import ENDPOINTS, MOST_QUERY
from trisalt.web.guards import HEADER, address_of, same_site
from trisalt.web.openapi import PREFIX
from trisalt.web.sessions import Session, digest
from trisalt.web.streams import REPLAYED, Channel, Crowded, Hub, Identity, Reader, Told
from trisalt.web.summaries import Summary

log = structlog.get_logger()

PING_EVERY_S = 15.0
SLOW_S = 60.0
RETRY = b"retry: 400\n\n"
PING = b": ping\n\n"
READY, RECEIVED = "websocket client ready", "server received message"
_CURSOR = re.compile(r"([0-9a-f]{1,32}):([0-9]{1,18})")
_TOKEN = re.compile(r"[0-9a-fA-F]{32,128}")


def routes(web: Web) -> list[BaseRoute]:
    """The routes of this room."""
    room = _Room(web)
    return [
        Route("/events", room.stock, methods=["GET"]),
        Route(f"{PREFIX}/events", room.v1, methods=["GET"]),
        WebSocketRoute("/ws", room.socket),
        WebSocketRoute("/ws/{token}", room.socket),
    ]


@attrs.frozen(kw_only=True)
class Watcher:
    """Who watches: by which identity, with which credentials, and for how long."""

    identity: Identity
    credentials: Mapping[str, str] = attrs.field(repr=False)
    session: str
    expire: float
    ended: trio.Event

    @classmethod
    def of(cls, session: Session) -> Watcher:
        return cls(
            identity=Identity.of(session.user, session.eauth, session.perms),
            credentials=session.credentials,
            session=session.id_digest,
            expire=session.expire,
            ended=session.ended,
        )


class _Room:
    """The handlers. What they share is `Web`."""

    def __init__(self, web: Web) -> None:
        self._web = web
        self._hub = web.hub

    async def stock(self, request: Request) -> Response:
        """`/events`: nothing may be asked, least of all by a token in the address."""
        if request.url.query:
            raise HTTPException(400, "This takes no parameters")
        session: Session | None = request.state.session
        watcher = Watcher.of(session) if session is not None else await self._by_token(request)
        return _Stream(self._hub, watcher, lambda told: told.stock, None)

    async def v1(self, request: Request) -> Response:
        """`/api/v1/events`: of some tags, that hold some text; from where somebody stopped."""
        watcher = Watcher.of(needs_session(request))
        wants, last = _filter(request), _last(request)
        return _Stream(
            self._hub, watcher, lambda told: told.v1, _cursor(request), last=last, wants=wants, forbidden=403
        )

    async def _by_token(self, request: HTTPConnection) -> Watcher:
        """A token of the master that is no session may follow events, as stock has it."""
        token = request.headers.get(HEADER, "")
        if not _TOKEN.fullmatch(token):
            raise HTTPException(401, "No valid session: please log in", {"WWW-Authenticate": "Session"})
        credentials = {"token": token}
        place = address_of(request.scope)
        who = expect(await self._web.door.ask({"op": "whoami"}, credentials=credentials, place=place), "whoami")
        return Watcher(
            identity=Identity.of(who["name"], who["eauth"], who["rows"]),
            credentials=credentials,
            session=digest(token),
            expire=float("inf"),
            ended=trio.Event(),
        )

    # -- websockets -----------------------------------------------------------------------------------------------

    async def socket(self, socket: WebSocket) -> None:
        """`/ws`: every message is received aloud, and after the first that says so events are sent."""
        watcher = await self._admit(socket)
        if watcher is None:
            await socket.close(1008)
            return
        try:
            async with self._hub.open(watcher.identity, watcher.credentials, session=watcher.session) as (_at, reader):
                await socket.accept()
                summary = Summary() if "format_events" in socket.query_params else None
                await _converse(socket, reader, watcher, summary)
        except TrisaltError as exc:
            log.info("web.socket_refused", reason=str(exc))
            await socket.close(1013 if isinstance(exc, Crowded) else 1008)

    async def _admit(self, socket: WebSocket) -> Watcher | None:
        origins = frozenset(self._web.settings.cors_origins) - {"*"}
        if not same_site(socket.scope, origins):
            return None
        session: Session | None = socket.state.session
        token = socket.path_params.get("token", "")
        if token:
            # An address is written into logs and histories: only where the operator wants it so.
            session = self._web.sessions.find(token) if self._web.settings.ws_token_in_url else None
        return None if session is None else Watcher.of(session)


async def _converse(socket: WebSocket, reader: Reader, watcher: Watcher, summary: Summary | None) -> None:
    ready = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_end_with, watcher, nursery.cancel_scope)
        nursery.start_soon(_tell, socket, reader, ready, summary, nursery.cancel_scope)
        try:
            while True:
                text = await socket.receive_text()
                if text == READY:
                    ready.set()
                await socket.send_text(RECEIVED)
        except (WebSocketDisconnect, KeyError):
            # Bytes are no message here.
            nursery.cancel_scope.cancel()
    if watcher.ended.is_set() or time.time() >= watcher.expire:
        with trio.move_on_after(SLOW_S):
            await socket.close(1008)


async def _tell(
    socket: WebSocket, reader: Reader, ready: trio.Event, summary: Summary | None, scope: trio.CancelScope
) -> None:
    await ready.wait()
    while not reader.ended:
        await reader.wait()
        for told in reader.take():
            texts = [told.text] if summary is None else summary.texts(told)
            for text in texts:
                with trio.move_on_after(SLOW_S) as patience:
                    await socket.send_text(text)
                if patience.cancelled_caught:
                    log.info("web.slow_reader", kind="socket")
                    scope.cancel()
                    return
    scope.cancel()


async def _end_with(watcher: Watcher, scope: trio.CancelScope) -> None:
    with trio.move_on_after(_left(watcher)):
        await watcher.ended.wait()
    scope.cancel()


def _left(watcher: Watcher) -> float:
    """Seconds until a session expires."""
    return max(0.0, watcher.expire - time.time())


# -- Server-Sent Events ----------------------------------------------------------------------------------------------


class _Stream(Response):
    """A stream of events. Where the master lets nobody in, it is an error, before anything is sent."""

    def __init__(
        self,
        hub: Hub,
        watcher: Watcher,
        written: Callable[[Told], bytes],
        after: tuple[str, int] | None,
        *,
        last: int = 0,
        wants: Callable[[Told], bool] | None = None,
        forbidden: int = 401,
    ) -> None:
        self._hub = hub
        self._last = last
        self._watcher = watcher
        self._written = written
        self._after = after
        self._wants = wants
        self._forbidden = forbidden
        self.background = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        watcher = self._watcher
        try:
            async with self._hub.open(watcher.identity, watcher.credentials, session=watcher.session) as (at, reader):
                await send(
                    {
                        "type": "http.response.start",
                        "status": 200,
                        "headers": [
                            (b"content-type", b"text/event-stream;charset=utf-8"),
                            (b"cache-control", b"no-cache"),
                            # Proxies that gather answers would hold events back.
                            (b"x-accel-buffering", b"no"),
                        ],
                    }
                )
                await self._run(at, reader, receive, send)
        except Crowded as exc:
            raise HTTPException(429, str(exc), {"Retry-After": "10"}) from exc
        except AuthError as exc:
            raise HTTPException(self._forbidden, str(exc)) from exc
        except TrisaltError as exc:
            raise HTTPException(status_of(exc), str(exc)) from exc

    async def _run(self, channel: Channel, reader: Reader, receive: Receive, send: Send) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_end_with, self._watcher, nursery.cancel_scope)
            nursery.start_soon(_until_gone, receive, nursery.cancel_scope)
            try:
                await self._tell(channel, reader, send)
            except _TooSlow:
                log.info("web.slow_reader", kind="stream")
            except TrisaltError as exc:
                # Of what is told again; the client asks once more.
                log.info("web.stream_ended", reason=str(exc))
            nursery.cancel_scope.cancel()
        with trio.move_on_after(1.0):
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _tell(self, channel: Channel, reader: Reader, send: Send) -> None:
        async def give(piece: list[Told]) -> None:
            if body := self._body(piece):
                await _send(send, body)

        await _send(send, RETRY)
        after = self._after
        if after is None and self._last:
            after = (channel.log, max(0, channel.at - self._last))
        if after is not None:
            await self._hub.replay(channel, reader, self._watcher.credentials, after, give)
        said = trio.current_time()
        while not reader.ended:
            with trio.move_on_at(said + PING_EVERY_S):
                await reader.wait()
            body = self._body(reader.take())
            if body or trio.current_time() >= said + PING_EVERY_S:
                await _send(send, body or PING)
                said = trio.current_time()
            await self._hub.breathe()

    def _body(self, piece: list[Told]) -> bytes:
        return b"".join(self._written(told) for told in piece if self._wants is None or self._wants(told))


class _TooSlow(Exception):
    """A client that takes nothing."""


async def _send(send: Send, body: bytes) -> None:
    with trio.move_on_after(SLOW_S) as patience:
        await send({"type": "http.response.body", "body": body, "more_body": True})
    if patience.cancelled_caught:
        raise _TooSlow


async def _until_gone(receive: Receive, scope: trio.CancelScope) -> None:
    """The client hangs up."""
    while True:
        message: Message = await receive()
        if message["type"] == "http.disconnect":
            scope.cancel()
            return


def _cursor(request: Request) -> tuple[str, int] | None:
    """Where somebody stopped. One that is none of ours is of another log."""
    text = request.headers.get("last-event-id", "")
    if not text:
        return None
    found = _CURSOR.fullmatch(text)
    return ("", 0) if found is None else (found[1], int(found[2]))


def _last(request: Request) -> int:
    """How many of the newest events are wanted to begin with."""
    text = request.query_params.get("last", "")
    if not text:
        return 0
    if not text.isdecimal() or not 1 <= int(text) <= REPLAYED:
        raise HTTPException(400, f"last is a number from 1 to {REPLAYED}")
    return int(text)


_KNOWN = next(each for each in ENDPOINTS if each.name == "events").parameters


def _filter(request: Request) -> Callable[[Told], bool] | None:
    """Which events are wanted; None: all of them."""
    known = {each.name for each in _KNOWN}
    for name, value in request.query_params.items():
        if name not in known:
            raise HTTPException(400, f"There is no parameter {name[:100]!r}: {', '.join(known)} may be given")
        if len(value) > MOST_QUERY:
            raise HTTPException(400, f"{name} is longer than {MOST_QUERY} characters")
    globs = [matcher(each) for each in request.query_params.get("tag", "").split(",") if each]
    text = request.query_params.get("filter", "").lower()
    if not globs and not text:
        return None

    def wants(told: Told) -> bool:
        if not told.number:
            # What was lost concerns everybody.
            return True
        return (not globs or any(fits(told.tag) for fits in globs)) and text in told.lower

    return wants
