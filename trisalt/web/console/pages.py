"""The console's page and its files, as routes; `plain` has those for whoever runs no scripts.

Every address below the console's path gives the same page: which screen it shows, the front end reads in the address.
A browser that comes to an address of the API is led to the console.
"""

from __future__ import annotations

import html
from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Match, Mount, Route
from starlette.types import Scope

from trisalt.web.console.assets import STYLES, Assets, own_assets, source_hash
from trisalt.web.console.plain import PLAIN, Plain
from trisalt.web.context import Web
from trisalt.web.guards import CSP
from trisalt.web.negotiate import prefers_html
from trisalt.web.pages import CONSOLE_BESIDE

# What a reader's cookie may say of how the page looks before its scripts run.
_LOOKS = {
    "theme": ("system", "light", "dark"),
    "density": ("comfortable", "compact"),
    "language": ("en", "ko"),
}
_FOREVER = "public, max-age=31536000, immutable"
# A worker obeys the policy that its own file came with, not its page's: it asks for events.
_WORKER = "default-src 'none'; script-src 'self'; connect-src 'self'; frame-ancestors 'none'"
# Addresses of the API that the console has too.
_SHARED = ("minions", "jobs", "keys", "events")


def routes(web: Web) -> list[BaseRoute]:
    """The routes of this room."""
    settings = web.settings
    path = CONSOLE_BESIDE if settings.app else settings.app_path
    assets = own_assets()
    base = settings.root_prefix + path
    page = Page(assets, base=base, root=settings.root_prefix)
    found: list[BaseRoute] = [
        Mount(
            path,
            routes=[
                Route("/static/{name:path}", page.file, methods=["GET"]),
                *Plain(web, assets, base=base).routes(),
                Route("/{path:path}", page.index, methods=["GET"]),
            ],
        ),
        Route(path, page.index, methods=["GET"]),
    ]
    return found if settings.app else [*found, ForBrowsers("/{path:path}", page.lead, methods=["GET"])]


class ForBrowsers(Route):
    """Whatever a person typed into a browser that is an address of the API: those ask for HTML before all else."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Only what asks for HTML, and only to read."""
        match, child = super().matches(scope)
        if match is not Match.FULL or not prefers_html(Headers(scope=scope).get("accept")):
            return Match.NONE, {}
        words = child["path_params"]["path"].split("/")
        return (match, child) if words[0] in ("", *_SHARED) else (Match.NONE, {})


class Page:
    """What the routes answer, for a console at `base` and an API at `root`, both as a browser sees them."""

    def __init__(self, assets: Assets, *, base: str, root: str) -> None:
        self._assets = assets
        self._base = base
        self._root = root
        self._static = f"{base}/static"
        self._map = assets.import_map(self._static)
        # What comes with the page, all at once and not one after the other as imports are found.
        self._first = {tag: assets.loaded_with("app.js", f"texts/{tag}.js") for tag in _LOOKS["language"]}
        scripts = f"script-src 'self' '{source_hash(self._map)}'"
        self._headers = {
            "Content-Security-Policy": CSP.replace("script-src 'self'", scripts) + "; trusted-types trisalt",
            "Cache-Control": "no-cache",
            "Vary": "Cookie",
        }

    async def index(self, request: Request) -> Response:
        """The page, in the colours that its reader has chosen."""
        return HTMLResponse(self.text(looks(request.cookies)), headers=self._headers)

    async def lead(self, request: Request) -> Response:
        """To the console, and there to what the address means."""
        path = request.path_params["path"].rstrip("/")
        return RedirectResponse(f"{self._base}/{path}" if path else self._base, 303, headers={"Vary": "Accept"})

    async def file(self, request: Request) -> Response:
        """One file: for ever under its digest, else asked for anew each time."""
        asset = self._assets.files.get(request.path_params["name"])
        if asset is None:
            return Response("Not found", 404, media_type="text/plain")
        tag = f'"{asset.digest}"'
        headers = {
            "ETag": tag,
            "Cache-Control": _FOREVER if request.query_params.get("v") == asset.digest else "no-cache",
            "Vary": "Accept-Encoding",
            "Content-Security-Policy": _WORKER,
        }
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        body = asset.body
        if asset.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
            body, headers["Content-Encoding"] = asset.packed, "gzip"
        return Response(body, headers=headers, media_type=asset.kind)

    def text(self, look: Mapping[str, str]) -> str:
        """The page itself."""
        links = [f'<link rel="stylesheet" href="{self._address(name)}">' for name in STYLES]
        links += [f'<link rel="modulepreload" href="{self._address(name)}">' for name in self._first[look["language"]]]
        newline = "\n"
        return f"""<!doctype html>
<html lang="{look["language"]}" data-theme="{look["theme"]}" data-density="{look["density"]}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="trisalt-base" content="{html.escape(self._base)}">
<meta name="trisalt-root" content="{html.escape(self._root)}">
<meta name="trisalt-icons" content="{self._address("style/icons.svg")}">
<title>trisalt</title>
<noscript><meta http-equiv="refresh" content="0; url={html.escape(self._base + PLAIN)}"></noscript>
<link rel="icon" type="image/svg+xml" href="{self._address("style/mark.svg")}">
<script type="importmap">{self._map}</script>
{newline.join(links)}
<script type="module" src="{self._address("app.js")}"></script>
</head>
<body>
<div id="app"></div>
</body>
</html>
"""

    def _address(self, name: str) -> str:
        return html.escape(f"{self._static}/{self._assets.address(name)}")


def looks(cookies: Mapping[str, str]) -> dict[str, str]:
    """How a page looks for the reader with these cookies; the first of what there is, for who has not chosen."""
    said = {name: cookies.get(f"trisalt_{name}", "") for name in _LOOKS}
    return {name: said[name] if said[name] in known else known[0] for name, known in _LOOKS.items()}
