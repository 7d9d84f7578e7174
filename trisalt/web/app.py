"""The web as one ASGI application: the guards in their order, and behind them the routes of every room.

The only place where routes are put together. A room is a module with `routes(web) -> list[BaseRoute]`; what it needs
is in `Web`. A handler finds `request.state.session` (a `Session`, or None: `needs_session` refuses then), raises
`HTTPException` for what is wrong, and lets the door's errors pass: here they become answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import attrs
import trio
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp

from trisalt.client.door import MasterUnreachable
from trisalt.errors import AuthError, NotFound, RequestTimeout, StoreError, TrisaltError, Unauthenticated
from trisalt.web.access import AccessLog
from trisalt.web.audit import Audit
from trisalt.web.commands import Commands
from trisalt.web.door import Door
from trisalt.web.guards import (
    BodyLimit,
    Cors,
    Crashes,
    ForgedRequests,
    OwnRedirects,
    Peers,
    SecurityHeaders,
    WhoseSession,
)
from trisalt.web.logins import Logins
from trisalt.web.negotiate import refusal
from trisalt.web.pages import PageForBrowsers
from trisalt.web.sessions import Session, Sessions
from trisalt.web.settings import Settings
from trisalt.web.streams import Hub
from trisalt.web.tally import Counted, Tally


@attrs.frozen(kw_only=True)
class Web:
    """What the rooms share. What outlives the request that begins it runs in `nursery`, which ends with the server."""

    settings: Settings
    door: Door
    sessions: Sessions
    audit: Audit
    logins: Logins
    commands: Commands
    nursery: trio.Nursery
    hub: Hub
    tally: Tally = attrs.field(factory=Tally)

    def under(self, settings: Settings) -> Web:
        """The same, of other settings: sessions, streams, and who has to wait stay."""
        return attrs.evolve(self, settings=settings, logins=self.logins.under(settings))


def make_app(web: Web) -> ASGIApp:
    """The application. It can be called without a server, as tests do."""
    settings = web.settings
    routes: Sequence[BaseRoute] = _routes(web)
    if settings.root_prefix:
        routes = [Mount(settings.root_prefix, routes=routes)]
    return Starlette(
        routes=routes,
        middleware=[
            Middleware(Counted, tally=web.tally),
            Middleware(AccessLog, path=settings.log_access_file),
            Middleware(Peers, trusted=settings.trusted_proxies, authorized=settings.authorized_ips),
            Middleware(SecurityHeaders),
            Middleware(Cors, origins=settings.cors_origins),
            Middleware(WhoseSession, sessions=web.sessions if settings.enable_sessions else None),
            Middleware(ForgedRequests, origins=settings.cors_origins),
            Middleware(BodyLimit, most=settings.max_request_body_size),
            Middleware(PageForBrowsers, settings=settings),
            Middleware(OwnRedirects),
            Middleware(Crashes),
        ],
        exception_handlers={HTTPException: _refused, TrisaltError: partial(_failed, web.sessions)},
    )


def _routes(web: Web) -> list[BaseRoute]:
    """Of every room, in the order in which they are tried."""
    from trisalt.web import (  # a room knows `Web`, which is here
        events,
        hook,
        resources,
        rest,
        signon,
        statics,
        stats,
        v1,
    )
    from trisalt.web.console import pages

    rooms = (pages, rest, signon, resources, events, v1, hook, stats, statics)
    return [route for room in rooms for route in room.routes(web)]


def make_web(settings: Settings, door: Door, sessions: Sessions, nursery: trio.Nursery) -> Web:
    """A web of these, with all that follows from them."""
    audit = Audit(settings.log_dir)
    return Web(
        settings=settings,
        door=door,
        sessions=sessions,
        audit=audit,
        logins=Logins(settings, door, sessions, audit),
        commands=Commands(door, audit),
        nursery=nursery,
        hub=Hub(door, nursery),
    )


def needs_session(request: Request) -> Session:
    """Whose request this is. Raises HTTPException 401 when nobody's."""
    session: Session | None = request.state.session
    if session is None:
        raise HTTPException(401, "No valid session: please log in", {"WWW-Authenticate": "Session"})
    return session


# -- what goes wrong ---------------------------------------------------------------------------------------------------


async def _refused(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, HTTPException)
    return refusal(request, exc.status_code, exc.detail, exc.headers)


async def _failed(sessions: Sessions, request: Request, exc: Exception) -> Response:
    """The door said no, or nothing. Whom the master does not know any more has no session either."""
    if isinstance(exc, Unauthenticated) and request.state.session is not None:
        sessions.drop(request.state.session)
    return refusal(request, status_of(exc), str(exc))


def status_of(exc: Exception) -> int:
    """Which status an error of the door has for a client."""
    match exc:
        case AuthError():
            # As stock Salt: whoever may not do something is told the same as whoever is not known.
            return 401
        case NotFound():
            return 404
        case MasterUnreachable():
            return 503
        case RequestTimeout():
            return 504
        case StoreError():
            return 500
    return 400
