"""The endpoints of `/api/v1`: what a console asks, each one question to the master, or an answer from here.

The table is `endpoints`'. Answers are JSON; each has an ETag, so that who has it already is told so in few bytes.
Who has not signed in is told 401, who may not do what they ask 403.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import trio
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from trisalt import __version__
from trisalt.errors import AuthError, Unauthenticated
from trisalt.web import signon
from trisalt.web.context import Web, needs_session
from trisalt.web.door import expect
from trisalt.web.endpoints import ENDPOINTS, MOST_QUERY, Endpoint, Parameter
from trisalt.web.guards import address_of
from trisalt.web.logins import proxied
from trisalt.web.negotiate import body_of, dump
from trisalt.web.openapi import PREFIX, document
from trisalt.web.sessions import Session
from trisalt.web.templates import BadValues, fill, motd, templates
from trisalt.web.texts import language_of, say, say_all

CONFIRM_ABOVE = 50
_threads = trio.CapacityLimiter(4)

Handler = Callable[[Request], Awaitable[Response]]


def routes(web: Web) -> list[BaseRoute]:
    """The routes of this room; streams are `events`', and signing in is `rest`'s."""
    room = _Room(web)
    return [
        Route(f"{PREFIX}{each.path}", room.handler(each), methods=[each.method])
        for each in ENDPOINTS
        if not each.elsewhere
    ]


class _Room:
    """The handlers. What they share is `Web`."""

    def __init__(self, web: Web) -> None:
        self._web = web
        self._document = document(web.settings.root_prefix)

    def handler(self, endpoint: Endpoint) -> Handler:
        """What answers an endpoint."""
        if endpoint.op:
            return partial(self._ask, endpoint)
        own: Handler = getattr(self, f"_{endpoint.name}")
        return own

    async def _ask(self, endpoint: Endpoint, request: Request) -> Response:
        session = needs_session(request)
        question = await _question(endpoint, request)
        try:
            found = expect(await self._put(question, session, request), endpoint.op)
        except Unauthenticated:
            raise
        except AuthError as exc:
            raise HTTPException(403, str(exc)) from exc
        if endpoint.audited:
            who = {"user": session.user, "eauth": session.eauth, "address": address_of(request.scope)}
            self._web.audit.tell(endpoint.audited, **who, act=endpoint.name)
        if endpoint.said:
            found = say_all(found, endpoint.said, language_of(request))
        return await told(request, found, big=endpoint.big)

    async def _put(self, question: dict[str, Any], session: Session, request: Request) -> dict[str, Any]:
        return await self._web.door.ask(question, credentials=session.credentials, place=address_of(request.scope))

    # -- what is answered here ------------------------------------------------------------------------------------

    async def _session(self, request: Request) -> Response:
        settings = self._web.settings
        totp = settings.opts.get("totp") is True
        public: dict[str, Any] = {"eauths": list(settings.eauths), "motd": motd(settings.opts), "totp": totp}
        if settings.oidc is not None:
            public["oidc"] = {"name": settings.oidc.name, "url": f"{settings.root_prefix}{signon.PATH}/login"}
        public["proxy"] = proxied(request, settings) is not None
        session: Session | None = request.state.session
        if session is None:
            text = say("No valid session: please log in", language_of(request))
            refused = {"status": 401, "return": text, **public}
            return JSONResponse(refused, 401, {"WWW-Authenticate": "Session"})
        who = expect(await self._put({"op": "whoami"}, session, request), "whoami")
        above = settings.opts.get("console_confirm_above")
        return await told(
            request,
            {
                "user": session.user,
                "eauth": session.eauth,
                "expire": session.expire,
                "perms": who["rows"],
                # Whoever may do everything that there is here.
                "admin": who["admin"] or who.get("everything", False),
                "rooms": who.get("rooms", []),
                "version": __version__,
                "master": who.get("master", ""),
                "confirm_above": above if isinstance(above, int) and above >= 0 else CONFIRM_ABOVE,
                "features": {
                    "clients": sorted(settings.clients),
                    "nodegroups": sorted(map(str, settings.opts.get("nodegroups") or {})),
                    "hook": settings.webhook_url,
                },
                **public,
            },
        )

    async def _templates(self, request: Request) -> Response:
        needs_session(request)
        return await told(request, templates(self._web.settings.opts))

    async def _fill_template(self, request: Request) -> Response:
        needs_session(request)
        question = await _question(_FILL, request)
        values = question.get("values", {})
        if not isinstance(values, dict):
            raise HTTPException(400, "values is an object")
        found = {each["name"]: each for each in templates(self._web.settings.opts)["items"]}.get(question["name"])
        if found is None:
            raise HTTPException(404, f"There is no template {question['name'][:100]}")
        try:
            return await told(request, fill(found, values))
        except BadValues as exc:
            raise HTTPException(400, str(exc)) from None

    async def _audit(self, request: Request) -> Response:
        session = needs_session(request)
        question = await _question(_AUDIT, request)
        who = expect(await self._put({"op": "whoami"}, session, request), "whoami")
        if "audit" not in who.get("rooms", ()):
            raise HTTPException(403, f"The user {session.user} may not see who did what")
        cursor = str(question.get("cursor") or "")
        if cursor and not cursor.isdecimal():
            raise HTTPException(400, "The cursor is none of this list")
        read = partial(self._web.audit.page, question.get("limit", 100), int(cursor) if cursor else None)
        items, older = await trio.to_thread.run_sync(read, limiter=_threads)
        return await told(request, {"items": items, "next": None if older is None else str(older)})

    async def _openapi(self, request: Request) -> Response:
        return await told(request, self._document)


_AUDIT, _FILL = (next(each for each in ENDPOINTS if each.name == name) for name in ("audit", "fill_template"))


async def told(request: Request, value: Any, *, big: bool = False) -> Response:
    """`value` as JSON, or 304 for who has it."""
    if big:
        # Some megabytes of JSON: others are answered meanwhile.
        body = await trio.to_thread.run_sync(dump, value, limiter=_threads)
    else:
        body = dump(value)
    tag = f'W/"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    known = [each.strip() for each in request.headers.get("if-none-match", "").split(",")]
    if request.method == "GET" and (tag in known or "*" in known):
        return Response(status_code=304, headers={"etag": tag})
    return Response(body, headers={"etag": tag}, media_type="application/json")


# -- questions -------------------------------------------------------------------------------------------------------


async def _question(endpoint: Endpoint, request: Request) -> dict[str, Any]:
    """What the master is asked. Raises HTTPException 400 for what means nothing."""
    question: dict[str, Any] = {"op": endpoint.op, **endpoint.fields}
    known = {each.name: each for each in endpoint.parameters if not each.in_path}
    for name in request.query_params:
        if name not in known:
            raise HTTPException(400, f"There is no parameter {name[:100]!r}: {', '.join(known) or 'none'} may be given")
    for name, parameter in known.items():
        values = request.query_params.getlist(name)
        if values:
            question[name] = _value(parameter, values[-1])
    question |= request.path_params
    if endpoint.body is not None:
        body = await body_of(request)
        if not isinstance(body, dict):
            raise HTTPException(400, "The body is an object")
        question |= {endpoint.field: body} if endpoint.field else _fields(endpoint, body)
    return question


def _fields(endpoint: Endpoint, body: Mapping[str, Any]) -> dict[str, Any]:
    known = (endpoint.body or {}).get("properties", {})
    for name in body:
        if name not in known:
            raise HTTPException(400, f"There is no field {str(name)[:100]!r}: {', '.join(known)} may be given")
    return {name: value for name, value in body.items() if value is not None}


def _value(parameter: Parameter, text: str) -> Any:
    """A parameter's value by its schema."""
    if len(text) > MOST_QUERY:
        raise HTTPException(400, f"{parameter.name} is longer than {MOST_QUERY} characters")
    schema = parameter.schema
    match schema.get("type"):
        case "array":
            return [word for word in text.split(",") if word]
        case "integer" | "number":
            return _number(parameter, text)
    return text


def _number(parameter: Parameter, text: str) -> int | float:
    schema = parameter.schema
    whole = schema["type"] == "integer"
    try:
        value = int(text) if whole else float(text)
    except ValueError:
        value = math.nan
    low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    if not math.isfinite(value) or not low <= value <= high or value not in schema.get("enum", [value]):
        raise HTTPException(400, f"{parameter.name} is {_said(schema)}, not {text[:100]!r}")
    return value


def _said(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return " or ".join(json.dumps(each) for each in schema["enum"])
    if "maximum" in schema:
        return f"a number from {schema['minimum']} to {schema['maximum']}"
    return "a number"
