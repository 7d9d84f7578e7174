"""Webhooks: what is posted below `webhook_url` is an event, for reactors.

Who may fire one is the master's to say (`@hook`). One that is configured with a secret of its own (`signatures`) is for
who signs with it, and for nobody else; with `webhook_disable_auth` anybody may fire the others. Both in the name of the
account that this runs under.
"""

from __future__ import annotations

import time
from typing import Any

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from trisalt.web.context import Web, needs_session
from trisalt.web.door import expect
from trisalt.web.guards import address_of
from trisalt.web.negotiate import answer, body_of
from trisalt.web.signatures import GITLAB, Seen, why_not

log = structlog.get_logger()

TAG = "salt/netapi/hook"
LONGEST = 255
# What proves who somebody is, is nothing for everybody who listens.
PRIVATE = frozenset({"x-auth-token", "cookie", "authorization", "proxy-authorization", GITLAB})


def routes(web: Web) -> list[BaseRoute]:
    """The routes of this room."""
    hook = _Hook(web)
    path = web.settings.webhook_url or "/hook"
    return [Route(path, hook.fire, methods=["POST"]), Route(f"{path}/{{rest:path}}", hook.fire, methods=["POST"])]


class _Hook:
    """The handler. What it needs is `Web`."""

    def __init__(self, web: Web) -> None:
        self._web = web
        self._seen = Seen()

    async def fire(self, request: Request) -> Response:
        """An event under the rest of the path."""
        rest = request.path_params.get("rest", "").strip("/")
        credentials = await self._credentials(request, rest)
        tag = f"{TAG}/{rest}" if rest else TAG
        if len(tag) > LONGEST or not tag.isprintable():
            raise HTTPException(400, f"The path of a hook has at most {LONGEST - len(TAG)} characters, all printable")
        raw = await request.body()
        data = {"body": raw.decode("utf-8", "replace"), "post": await _parsed(request), "headers": _headers(request)}
        question = {"op": "fire", "tag": tag, "data": data}
        expect(await self._web.door.ask(question, credentials=credentials, place=address_of(request.scope)), "ok")
        return answer(request, {"success": True})

    async def _credentials(self, request: Request, rest: str) -> dict[str, str] | None:
        """In whose name it is fired; None: in our own. Raises HTTPException 401."""
        webhook = self._web.settings.webhooks.get(rest)
        if webhook is None:
            return None if self._web.settings.webhook_disable_auth else needs_session(request).credentials
        if reason := why_not(webhook, request.headers, await request.body(), self._seen, time.time()):
            address = address_of(request.scope)
            log.warning("web.hook_refused", hook=rest, address=address, reason=reason)
            self._web.audit.tell("hook", hook=rest, address=address, result="refused", reason=reason)
            raise HTTPException(401, "The message is not signed as this webhook wants it")
        return None


async def _parsed(request: Request) -> Any:
    """The body, where it is of a type that can be read."""
    try:
        found = await body_of(request)
    except HTTPException:
        # Whoever posts knows what it is; the text is there.
        return {}
    return {} if found is None else found


def _headers(request: Request) -> dict[str, str]:
    return {name.title(): value for name, value in request.headers.items() if name not in PRIVATE}
