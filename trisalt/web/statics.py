"""Files of the operator's: a folder below `static_path`, a single-page application at `app_path`, an icon.

The application is asked for by its path and everything below, and by any path of a client that wants a page: it has
routes of its own there. Without one the console stands in its place.
Source: stock Salt 3008.3, rest_cherrypy.
"""

from __future__ import annotations

import os

import structlog
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from trisalt.web.context import Web
from trisalt.web.pages import HEADERS, page_of

log = structlog.get_logger()


def routes(web: Web) -> list[BaseRoute]:
    """The routes of this room."""
    settings = web.settings
    found: list[BaseRoute] = []
    if settings.static:
        if os.path.isdir(settings.static):
            found.append(Mount(settings.static_path, _Files(directory=settings.static)))
        else:
            log.warning("web.no_such_folder", option="static", path=settings.static)
    if settings.app:
        page = page_of(settings.app)
        found += [
            Route(settings.app_path, page, methods=["GET"]),
            Route(f"{settings.app_path}/{{rest:path}}", page, methods=["GET"]),
        ]
    if settings.favicon:
        found.append(Route("/favicon.ico", page_of(settings.favicon), methods=["GET"]))
    return found


class _Files(StaticFiles):
    """The folder; what a page in it loads is its own affair."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(HEADERS)
        return response
