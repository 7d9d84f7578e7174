"""The REST API that clients of stock Salt know: logins, commands by `/`, `/run` and `/token`.

Its convenience URLs are in `resources`. Source of the contract: stock Salt 3008.3, rest_cherrypy.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import groupby
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from trisalt.errors import TrisaltError
from trisalt.web.commands import Asker, while_there
from trisalt.web.context import Web, needs_session
from trisalt.web.guards import address_of
from trisalt.web.logins import NO_LOGIN, PROXY
from trisalt.web.lowstate import CLIENTS, Command, read_credentials, read_lowstate
from trisalt.web.negotiate import answer, answer_all, body_of

# A token is one of these, or nothing that anybody made.
_TOKEN = re.compile(r"[0-9a-f]{32,128}")


def routes(web: Web) -> list[BaseRoute]:
    """The routes of this room."""
    rest = _Rest(web)
    found: list[BaseRoute] = [
        Route("/", rest.root, methods=["GET", "POST"]),
        Route("/run", rest.run, methods=["POST"]),
        Route("/token", rest.token, methods=["POST"]),
    ]
    if web.settings.enable_sessions:
        found += [
            Route("/login", rest.login, methods=["GET", "POST"]),
            Route("/logout", rest.logout, methods=["POST"]),
            Route("/api/v1/session", rest.login, methods=["POST"]),
            Route("/api/v1/session", rest.logout, methods=["DELETE"]),
        ]
    return found


def asker_of(request: Request) -> Asker:
    """Whoever is signed in. Raises HTTPException 401."""
    session = needs_session(request)
    return Asker(
        credentials=session.credentials, user=session.user, eauth=session.eauth, place=address_of(request.scope)
    )


def lowstate_of(web: Web, body: Any) -> list[Command]:
    """The commands of a body. Raises HTTPException 400, and BadChunk."""
    if body is None:
        raise HTTPException(400, "There is no command in the body")
    return read_lowstate(body, web.settings.clients)


class _Rest:
    """The handlers. What they share is `Web`."""

    def __init__(self, web: Web) -> None:
        self._web = web

    async def root(self, request: Request) -> Response:
        """GET: what there is. POST: commands, in the name of a session."""
        if request.method != "POST":
            return answer(request, {"return": "Welcome", "clients": list(CLIENTS)})
        asker = asker_of(request)
        commands = lowstate_of(self._web, await body_of(request))

        async def work() -> list[Any]:
            return [item for command in commands for item in await self._web.commands.perform(command, asker)]

        return await answer_all(request, {"return": await while_there(request, work)})

    async def run(self, request: Request) -> Response:
        """Commands that say each who asks; sessions do not count."""
        commands = lowstate_of(self._web, await body_of(request))

        async def work() -> list[Any]:
            done = []
            # Commands of the same person are one login.
            for shown, theirs in groupby(commands, key=_shown):
                async with self._web.logins.for_once(request, shown) as asker:
                    for command in theirs:
                        done += await self._web.commands.perform(command, asker)
            return done

        return await answer_all(request, {"return": await while_there(request, work)})

    async def token(self, request: Request) -> Response:
        """A token for `/run`: by a runner, which must be granted."""
        body = await body_of(request)
        chunk = body[0] if isinstance(body, list) and body else body
        shown = read_credentials(chunk) if isinstance(chunk, Mapping) else None
        if shown is None or "token" in shown:
            raise HTTPException(400, "Missing one of username, password, eauth")
        lifetime = chunk.get("token_expire")
        kwarg = {**shown, **({"token_expire": lifetime} if isinstance(lifetime, int | float) else {})}
        question = {"op": "runner", "fun": "auth.mk_token", "arg": [], "kwarg": kwarg, "follow": True}
        async with self._web.logins.for_once(request, shown) as asker:
            (made,) = await self._web.commands.perform(Command(client="runner", question=question), asker)
        if not isinstance(made, Mapping) or "token" not in made:
            raise TrisaltError("The master made no token")
        return answer(request, [{name: made[name] for name in ("start", "expire", "name", "eauth", "token")}])

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
        if isinstance(body, Mapping) and body.get("eauth") == PROXY:
            session = await self._web.logins.by_proxy(request)
        else:
            session = await self._web.logins.sign_in(request, body)
        told = {
            "token": session.token,
            "expire": session.expire,
            "start": session.start,
            "user": session.user,
            "eauth": session.eauth,
            # SaltGUI counts the keys of what is no list.
            "perms": session.perms or {},
        }
        return self._web.logins.hand_out(request, answer(request, {"return": [told]}), session)

    async def logout(self, request: Request) -> Response:
        """The end of a session, here and at the master."""
        await self._web.logins.sign_out(request, needs_session(request))
        return self._web.logins.take_back(answer(request, {"return": "Your token has been cleared"}))


def _shown(command: Command) -> dict[str, str]:
    """What a command shows. Raises HTTPException 401 when that can be nobody."""
    shown = command.credentials
    if shown is None:
        raise HTTPException(401, NO_LOGIN)
    if "token" in shown and not _TOKEN.fullmatch(shown["token"]):
        raise HTTPException(401, "Invalid token")
    return shown
