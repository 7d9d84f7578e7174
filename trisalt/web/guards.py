"""What stands before every handler, one guard a concern: who may knock, headers, other origins, forged requests, size.

Plain ASGI; `app` puts them in their one order. A guard that refuses answers by itself, in the client's type.
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Iterable

import structlog
import trio
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trisalt.web.negotiate import refusal
from trisalt.web.sessions import Sessions

COOKIE = "session_id"
HEADER = "x-auth-token"
# Pages of the console send these; `web.console` puts them on its own answers.
CSP = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    )
)
# What every answer has, unless a handler says otherwise.
SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
}
HSTS = "max-age=31536000"
# Bytes of a request before its body.
LONGEST_HEAD = 16 * 1024
# Bytes of all bodies together that are here for who has no session.
MOST_OF_STRANGERS = 32 * 1024 * 1024
# Seconds for a body to come.
BODY_S = 60.0
# Whatever stands below it: a token that is none may be one with a slip.
_TOKEN_IN_PATH = re.compile(r"(/ws/).+", re.DOTALL)
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_CORS_HEADERS = "Content-Type, X-Auth-Token, X-Requested-With"
_CORS_METHODS = "GET, POST"

log = structlog.get_logger()

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


async def refuse(scope: Scope, receive: Receive, send: Send, status: int, text: str, **headers: str) -> None:
    """Answer for the handler that this does not reach."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})
        return
    await refusal(Request(scope), status, text, headers)(scope, receive, send)


def address_of(scope: Scope) -> str:
    """Where a request comes from, by `Peers`."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def shown_path(scope: Scope) -> str:
    """The path of a request for logs. Stock's address of a stream holds a token."""
    return _TOKEN_IN_PATH.sub(r"\1********", str(scope.get("path", "")))


class Peers:
    """Who is at the other end: by the connection, or by X-Forwarded-For from a proxy that is trusted; and who may come
    in at all. Handlers find the address in `scope["client"]`, and the scheme that the client used in `scope["scheme"]`.
    """

    def __init__(self, app: ASGIApp, *, trusted: Iterable[str] = (), authorized: Iterable[str] = ()) -> None:
        self._app = app
        self._trusted = networks(trusted)
        self._authorized = networks(authorized)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if _size_of_head(scope) > LONGEST_HEAD:
            await refuse(scope, receive, send, 431, "The headers are too long")
            return
        by_proxy = bool(self._trusted) and within(address_of(scope), self._trusted)
        # What it says of who somebody is counts by its own connection, not by where they are.
        scope.setdefault("state", {})["by_proxy"] = by_proxy
        if by_proxy:
            _forward(scope, self._trusted)
        if self._authorized and not within(address_of(scope), self._authorized):
            await refuse(scope, receive, send, 403, "This address may not come in")
            return
        await self._app(scope, receive, send)


def _size_of_head(scope: Scope) -> int:
    line = len(scope.get("raw_path") or scope["path"]) + len(scope.get("query_string", b""))
    return line + sum(len(name) + len(value) + 4 for name, value in scope["headers"])


def _forward(scope: Scope, trusted: tuple[_Network, ...]) -> None:
    headers = Headers(scope=scope)
    hops = [hop.strip() for value in headers.getlist("x-forwarded-for") for hop in value.split(",")]
    # From the nearest on: what a stranger wrote stands before what our proxies added.
    for hop in reversed(hops):
        try:
            address = str(ipaddress.ip_address(hop.removeprefix("[").removesuffix("]")))
        except ValueError:
            break
        scope["client"] = (address, 0)
        if not within(address, trusted):
            break
    if headers.get("x-forwarded-proto", "").strip().lower() == "https":
        scope["scheme"] = "wss" if scope["type"] == "websocket" else "https"


def networks(texts: Iterable[str]) -> tuple[_Network, ...]:
    """Addresses and networks, as the settings have them."""
    return tuple(ipaddress.ip_network(text, strict=False) for text in texts)


def within(address: str, allowed: tuple[_Network, ...]) -> bool:
    """Whether an address is in one of these networks; an IPv4 one in IPv6's clothes is itself."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return any((mapped or found) in network for network in allowed)


class SecurityHeaders:
    """Headers that every answer has; a handler that sets one of them has its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                if scope["scheme"] == "https":
                    headers.setdefault("strict-transport-security", HSTS)
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)


class OwnRedirects:
    """Leads to another address of ours by its path alone: what a browser calls us, behind a proxy, only it knows."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def shortened(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                there, own = headers.get("location", ""), own_origin(scope)
                if there.startswith(f"{own}/"):
                    # One slash: two begin the name of another host.
                    headers["location"] = "/" + there.removeprefix(own).lstrip("/\\")
            await send(message)

        await self._app(scope, receive, shortened if scope["type"] == "http" else send)


class Cors:
    """Other origins: none, but those that are named, exactly. `*` names all, without credentials."""

    def __init__(self, app: ASGIApp, *, origins: Iterable[str] = ()) -> None:
        self._app = app
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._origins:
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope)
        allowed = self._allowed(given.get("origin", ""))

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(allowed)
                headers.add_vary_header("Origin")
            await send(message)

        if scope["method"] == "OPTIONS" and "origin" in given and "access-control-request-method" in given:
            await Response(status_code=204)(scope, receive, with_headers)
            return
        await self._app(scope, receive, with_headers)

    def _allowed(self, origin: str) -> dict[str, str]:
        if origin in self._origins - {"*"}:
            allowed = {"access-control-allow-origin": origin, "access-control-allow-credentials": "true"}
        elif origin and "*" in self._origins:
            allowed = {"access-control-allow-origin": "*"}
        else:
            return {}
        return allowed | {
            "access-control-allow-headers": _CORS_HEADERS,
            "access-control-allow-methods": _CORS_METHODS,
            "access-control-expose-headers": "X-Auth-Token",
        }


class WhoseSession:
    """Puts the session of a request, or None, into `request.state.session`, and into `request.state.by_cookie` whether
    only a cookie names it: a browser sends that along by itself."""

    def __init__(self, app: ASGIApp, *, sessions: Sessions | None) -> None:
        """`sessions`: None where nobody has one."""
        self._app = app
        self._sessions = sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = HTTPConnection(scope)
        token = connection.headers.get(HEADER)
        by_cookie = token is None
        if token is None:
            token = connection.cookies.get(COOKIE, "")
        session = self._sessions.find(token) if self._sessions is not None else None
        connection.state.session = session
        connection.state.by_cookie = by_cookie and session is not None
        await self._app(scope, receive, send)


class ForgedRequests:
    """Refuses what another site makes a browser send: with our cookie, or to get one that is not its user's.

    Who shows a token in the header has put it there by a script that may read our answers: nothing is forged.
    """

    def __init__(self, app: ASGIApp, *, origins: Iterable[str] = ()) -> None:
        self._app = app
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in _READING and self._is_forged(scope):
            await refuse(scope, receive, send, 403, "This request comes from another site")
            return
        await self._app(scope, receive, send)

    def _is_forged(self, scope: Scope) -> bool:
        if HEADER in Headers(scope=scope) or same_site(scope, self._origins):
            return False
        return scope["state"]["by_cookie"] or "*" not in self._origins


def same_site(scope: Scope, origins: frozenset[str] = frozenset()) -> bool:
    """Whether a request comes from our own pages, from an origin that may ask, or from no browser at all."""
    headers = Headers(scope=scope)
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    if origin is not None and origin in origins - {"*"}:
        return True
    if site is not None:
        return site in ("same-origin", "none")
    return origin is None or origin == own_origin(scope)


def own_origin(scope: Scope) -> str:
    """What a browser calls us."""
    scheme = {"ws": "http", "wss": "https"}.get(scope["scheme"], scope["scheme"])
    return f"{scheme}://{Headers(scope=scope).get('host', '')}"


class Crashes:
    """A bug of ours is told in the log, and never to clients."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def noting(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except Exception as exc:
            log.error("web.failed", method=scope.get("method", scope["type"]), path=shown_path(scope), exc_info=exc)
            if scope["type"] != "http" or begun:
                # What has begun cannot be taken back: the connection ends.
                raise
            await refuse(scope, receive, send, 500, "The server failed to answer; its log says why")


class BodyLimit:
    """Refuses a body above so many bytes: before it is read where its length is told, else while it is. One that takes
    too long to come. And one of somebody without a session while too many of theirs are here."""

    def __init__(self, app: ASGIApp, *, most: int) -> None:
        self._app = app
        self._most = most
        self._most_of_strangers = max(MOST_OF_STRANGERS, 2 * most)
        self._of_strangers = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        length = Headers(scope=scope).get("content-length", "0")
        if not length.isdecimal() or int(length) > self._most:
            await refuse(scope, receive, send, 413, self._text)
            return
        read, whole = 0, False
        stranger = scope["state"].get("session") is None
        late = trio.current_time() + BODY_S

        async def limited() -> Message:
            nonlocal read, whole
            with trio.CancelScope(deadline=math.inf if whole else late) as waiting:
                message = await receive()
            if waiting.cancelled_caught:
                raise HTTPException(408, f"The body was not here within {BODY_S:g} s")
            whole = whole or not message.get("more_body", False)
            size = len(message.get("body", b""))
            read += size
            if stranger:
                self._of_strangers += size
            if read > self._most:
                raise HTTPException(413, self._text)
            if stranger and self._of_strangers > self._most_of_strangers:
                raise HTTPException(503, "Too many requests are being read", {"Retry-After": "5"})
            return message

        try:
            await self._app(scope, limited, send)
        finally:
            if stranger:
                self._of_strangers -= read

    @property
    def _text(self) -> str:
        return f"The body has more than the {self._most} bytes that are allowed"
