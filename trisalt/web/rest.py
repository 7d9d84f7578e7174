"""The REST API that clients of stock Salt know: logins and commands.

Source of the contract: stock Salt 3008.3, rest_cherrypy; web-console.md sections 4.3 to 4.8.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from typing import Any

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from trisalt.errors import AuthError, TrisaltError, Unauthenticated
from trisalt.web.app import Web, needs_session
from trisalt.web.commands import Asker, perform
from trisalt.web.door import expect
from trisalt.web.guards import COOKIE, HEADER, address_of
from trisalt.web.lowstate import CLIENTS, read_credentials, read_lowstate
from trisalt.web.negotiate import answer, body_of
from trisalt.web.sessions import Session

log = structlog.get_logger()

# Why a login failed is nobody's business but the log's.
NO_LOGIN = "Could not authenticate using provided credentials"


def routes(web: Web) -> list[BaseRoute]:
    """The routes of this room."""
    rest = _Rest(web)
    found: list[BaseRoute] = [Route("/", rest.root, methods=["GET", "POST"])]
    if web.settings.enable_sessions:
        found += [
            Route("/login", rest.login, methods=["GET", "POST"]),
            Route("/logout", rest.logout, methods=["POST"]),
        ]
    return found


class _Rest:
    """The handlers. What they share is `Web`."""

    def __init__(self, web: Web) -> None:
        self._web = web

    async def root(self, request: Request) -> Response:
        """GET: what there is. POST: commands, in the name of a session."""
        if request.method != "POST":
            return answer(request, {"return": "Welcome", "clients": list(CLIENTS)})
        session = needs_session(request)
        asker = Asker(credentials=session.credentials, place=address_of(request.scope), user=session.user)
        return answer(request, {"return": await self._perform(await body_of(request), asker)})

    async def _perform(self, body: Any, asker: Asker) -> list[Any]:
        """What came of the commands of a body, in their order."""
        if body is None:
            raise HTTPException(400, "There is no command in the body")
        found: list[Any] = []
        for command in read_lowstate(body, self._web.settings.clients):
            if command.deprecated:
                log.info("web.deprecated", key="expr_form", instead="tgt_type", user=asker.user)
            found += await perform(self._web.door, command, asker)
        return found

    # -- logins -----------------------------------------------------------------------------------------------------

    async def login(self, request: Request) -> Response:
        """A session for a name and a password."""
        if request.method != "POST":
            headers = {"WWW-Authenticate": "Session"}
            return answer(request, {"status": 200, "return": "Please log in"}, headers=headers)
        body = await body_of(request)
        if isinstance(body, list) and len(body) == 1:
            body = body[0]
        if body is None:
            raise HTTPException(400, "There are no credentials in the body")
        session = await self._sign_in(body, address_of(request.scope))
        return self._signed_in(request, session)

    async def _sign_in(self, body: Any, place: str) -> Session:
        shown = read_credentials(body) if isinstance(body, Mapping) else None
        if shown is None or "token" in shown:
            raise HTTPException(401, NO_LOGIN)
        question = {"op": "mk_token"}
        if isinstance(body.get("token_expire"), int | float):
            question["token_expire"] = body["token_expire"]
        try:
            made = expect(await self._web.door.ask(question, credentials=shown, place=place, patience=60), "token")
        except AuthError:
            raise HTTPException(401, NO_LOGIN) from None
        credentials = {"token": made["token"]}
        rows = expect(await self._web.door.ask({"op": "whoami"}, credentials=credentials, place=place), "whoami")[
            "rows"
        ]
        if not rows and not self._web.settings.login_without_rules:
            await self._drop_token(made["token"])
            raise HTTPException(401, NO_LOGIN)
        return self._web.sessions.add(
            made["token"],
            user=made["name"],
            eauth=made["eauth"],
            start=made["start"],
            expire=made["expire"],
            perms=_sorted(rows),
            peer=place,
        )

    def _signed_in(self, request: Request, session: Session) -> Response:
        told = {
            "token": session.token,
            "expire": session.expire,
            "start": session.start,
            "user": session.user,
            "eauth": session.eauth,
            # SaltGUI counts the keys of what is no list.
            "perms": session.perms or {},
        }
        response = answer(request, {"return": [told]}, headers={HEADER: session.token})
        response.set_cookie(
            COOKIE,
            session.token,
            max_age=max(math.floor(session.expire - session.start), 0),
            path=self._web.settings.root_prefix or "/",
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )
        return response

    async def logout(self, request: Request) -> Response:
        """The end of a session, here and at the master."""
        session = needs_session(request)
        self._web.sessions.drop(session)
        await self._drop_token(session.token)
        response = answer(request, {"return": "Your token has been cleared"})
        response.delete_cookie(COOKIE, path=self._web.settings.root_prefix or "/", httponly=True, samesite="strict")
        return response

    async def _drop_token(self, token: str) -> None:
        """A master that is away forgets it when its time has come."""
        with contextlib.suppress(Unauthenticated):
            try:
                await self._web.door.ask({"op": "del_token"}, credentials={"token": token})
            except TrisaltError as exc:
                log.warning("web.token_not_dropped", reason=str(exc))


def _sorted(rows: list[Any]) -> list[Any]:
    """Permissions as clients are shown them: plain ones first."""
    return sorted(row for row in rows if isinstance(row, str)) + [row for row in rows if not isinstance(row, str)]
