"""The web as one ASGI application: the guards in their order, and behind them the routes of every room.

The only place where routes are put together. A room is a module with `routes(web) -> list[BaseRoute]`; what it needs
is in `context.Web`. A handler finds `request.state.session` (a `Session`, or None: `needs_session` refuses then),
raises `HTTPException` for what is wrong, and lets the door's errors pass: here they become answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp

from trisalt.errors import TrisaltError, Unauthenticated
from trisalt.web import events, hook, resources, rest, signon, statics, stats, v1
from trisalt.web.access import AccessLog
from trisalt.web.console import pages
from trisalt.web.context import Web, status_of
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
from trisalt.web.negotiate import refusal
from trisalt.web.pages import PageForBrowsers
from trisalt.web.sessions import Sessions
from trisalt.web.tally import Counted

# In the order in which their routes are tried.
ROOMS = (pages, rest, signon, resources, events, v1, hook, stats, statics)


def make_app(web: Web) -> ASGIApp:
    """The application. It can be called without a server, as tests do."""
    settings = web.settings
    routes: Sequence[BaseRoute] = [route for room in ROOMS for route in room.routes(web)]
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


# -- what goes wrong ---------------------------------------------------------------------------------------------------


async def _refused(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, HTTPException)
    return refusal(request, exc.status_code, exc.detail, exc.headers)


async def _failed(sessions: Sessions, request: Request, exc: Exception) -> Response:
    """The door said no, or nothing. Whom the master does not know any more has no session either."""
    if isinstance(exc, Unauthenticated) and request.state.session is not None:
        sessions.drop(request.state.session)
    return refusal(request, status_of(exc), str(exc))
