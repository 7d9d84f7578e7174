"""One file as an answer, and the guard that gives the operator's application to browsers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from trisalt.web.negotiate import prefers_html
from trisalt.web.settings import Settings

# Where the console is when `app` names somebody else's.
CONSOLE_BESIDE = "/console"
# Somebody else's application keeps its own rules of what it loads; only nobody else frames it.
HEADERS = {"content-security-policy": "frame-ancestors 'none'", "cache-control": "no-cache"}


def page_of(path: str) -> Callable[[Request], Awaitable[Response]]:
    """What answers with the file at `path`."""

    async def page(_request: Request) -> Response:
        if not await trio.Path(path).is_file():
            raise HTTPException(404, "There is no such page")
        return FileResponse(path, headers=HEADERS)

    return page


class PageForBrowsers:
    """Gives the operator's application to whoever asks any path for a page, as `Accept: text/html` says."""

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self._app = app
        self._page = page_of(settings.app) if settings.app else None
        self._prefix = settings.root_prefix
        # Files are files, and the console is still there.
        self._others = tuple(f"{self._prefix}{path}/" for path in (settings.static_path, CONSOLE_BESIDE))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._page is None or scope["type"] != "http" or scope["method"] != "GET" or not self._wants(scope):
            await self._app(scope, receive, send)
            return
        response = await self._page(Request(scope))
        await response(scope, receive, send)

    def _wants(self, scope: Scope) -> bool:
        wants = prefers_html(Headers(scope=scope).get("accept"))
        return wants and not f"{scope['path']}/".startswith(self._others)
