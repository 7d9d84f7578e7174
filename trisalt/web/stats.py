"""Figures of the service: under the names that SaltGUI shows, and what this process is. Source of those names: stock
Salt 3008.3, rest_cherrypy."""

from __future__ import annotations

import os
import resource
import time
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from trisalt import __version__
from trisalt.web.context import Web, needs_session
from trisalt.web.door import expect
from trisalt.web.guards import address_of
from trisalt.web.negotiate import answer


def routes(web: Web) -> list[BaseRoute]:
    """The routes of this room."""

    async def stats(request: Request) -> Response:
        """Whoever is granted `@stats`, or everything."""
        if not web.settings.stats_disable_auth:
            session = needs_session(request)
            question, place = {"op": "whoami"}, address_of(request.scope)
            who = expect(await web.door.ask(question, credentials=session.credentials, place=place), "whoami")
            if "stats" not in who.get("rooms", ()):
                # As stock Salt refuses.
                raise HTTPException(401, f"The user {session.user} may not see this")
        return answer(request, figures(web))

    return [Route("/stats", stats, methods=["GET"])]


def figures(web: Web) -> dict[str, Any]:
    """All of them."""
    tally, now = web.tally, time.time()
    uptime = max(now - tally.started, 0.001)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "CherryPy Applications": {
            "Enabled": True,
            "Current Requests": tally.current,
            "Total Requests": tally.requests,
            "Requests/Second": round(tally.requests / uptime, 3),
            "Total Bytes Read": tally.read,
            "Total Bytes Written": tally.written,
            "Start Time": tally.started,
            "Current Time": now,
            "Uptime": round(uptime, 3),
        },
        "trisalt": {
            "version": __version__,
            "pid": os.getpid(),
            "sessions": len(web.sessions),
            "websockets": tally.sockets,
            "errors": tally.errors,
            "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 3),
            "max_rss_bytes": usage.ru_maxrss * 1024,
        },
    }
