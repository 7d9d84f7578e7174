"""Signing in and out: by `/login` and `/logout`, by the console's pages, and by requests that bring their own password.

The master vouches; here whoever guesses is made to wait, addresses are held against `api_acl`, and it is all audited.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import structlog
import trio
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from trisalt.errors import AuthError, TrisaltError, Unauthenticated
from trisalt.web.audit import Audit
from trisalt.web.commands import Asker
from trisalt.web.door import Door, expect
from trisalt.web.guards import COOKIE, HEADER, address_of, networks, within
from trisalt.web.lowstate import read_credentials
from trisalt.web.sessions import Session, Sessions
from trisalt.web.settings import Settings
from trisalt.web.throttle import Throttle, Throttled

log = structlog.get_logger()

# Why a login failed is nobody's business but the log's.
NO_LOGIN = "Could not authenticate using provided credentials"
# A backend has half a minute, and may have to be waited for.
PATIENCE = 75.0
CLEANUP_S = 5.0
# The backend of whom a proxy names, and how many groups somebody may be in.
PROXY, MOST_GROUPS = "proxy", 200


class Logins:
    """Makes sessions, and ends them."""

    def __init__(
        self, settings: Settings, door: Door, sessions: Sessions, audit: Audit, *, throttle: Throttle | None = None
    ) -> None:
        self._settings = settings
        self._door = door
        self._sessions = sessions
        self._audit = audit
        self._throttle = throttle or Throttle()

    def under(self, settings: Settings) -> Logins:
        """The same by other settings: who has guessed still has to wait."""
        return Logins(settings, self._door, self._sessions, self._audit, throttle=self._throttle)

    async def sign_in(self, request: Request, body: Any) -> Session:
        """A new session for the name and password in `body`. Raises HTTPException 401 and 429, and as the door does."""
        shown = read_credentials(body) if isinstance(body, Mapping) else None
        if shown is None or "token" in shown:
            raise HTTPException(401, NO_LOGIN)
        place = address_of(request.scope)
        return await self._begin(await self._make_token(shown, place, body.get("token_expire")), place)

    async def vouched(self, request: Request, *, eauth: str, username: str, groups: Sequence[str]) -> Session:
        """A new session for somebody who has shown who they are without a password. Raises as `sign_in` does."""
        place = address_of(request.scope)
        facts = {"user": username, "eauth": eauth, "address": place}
        if not self._may_come_from(username, place):
            self._audit.tell("login", **facts, result="refused", reason="api_acl")
            raise HTTPException(401, NO_LOGIN)
        # In the name of this process: who they are is known to nobody else.
        question = {"op": "vouch", "eauth": eauth, "username": username, "groups": list(groups)}
        try:
            made = expect(await self._door.ask(question, place=place), "token")
        except AuthError as exc:
            self._audit.tell("login", **facts, result="failed", reason=str(exc))
            raise HTTPException(401, NO_LOGIN) from exc
        return await self._begin(made, place)

    async def by_proxy(self, request: Request) -> Session:
        """The same for whom a trusted proxy names in a header. Raises HTTPException 401 where none does."""
        named = proxied(request, self._settings)
        if named is None:
            raise HTTPException(401, NO_LOGIN)
        return await self.vouched(request, eauth=PROXY, username=named[0], groups=named[1])

    async def _begin(self, made: dict[str, Any], place: str) -> Session:
        """A session on a token of the master, for who is granted anything."""
        rows = (await self._whoami(made["token"], place))["rows"]
        facts = {"user": made["name"], "eauth": made["eauth"], "address": place}
        if not rows and not self._settings.login_without_rules:
            await self._drop_token(made["token"])
            self._audit.tell("login", **facts, result="refused", reason="nothing is granted to them")
            raise HTTPException(401, NO_LOGIN)
        session = self._sessions.add(
            made["token"],
            user=made["name"],
            eauth=made["eauth"],
            start=made["start"],
            expire=made["expire"],
            perms=sorted_rows(rows),
            peer=place,
        )
        self._audit.tell("login", **facts, result="ok", session=session.id_digest[:12])
        return session

    async def sign_out(self, request: Request, session: Session) -> None:
        """The end of a session, here at once, and at the master."""
        self._sessions.drop(session)
        await self._drop_token(session.token)
        facts = {"user": session.user, "eauth": session.eauth, "address": address_of(request.scope)}
        self._audit.tell("logout", **facts, session=session.id_digest[:12])

    @asynccontextmanager
    async def for_once(self, request: Request, shown: Mapping[str, str]) -> AsyncIterator[Asker]:
        """Whoever these credentials say, for what one request asks. Raises as `sign_in` does."""
        place = address_of(request.scope)
        if "token" in shown:
            try:
                who = await self._whoami(shown["token"], place)
            except Unauthenticated:
                raise HTTPException(401, NO_LOGIN) from None
            yield Asker(credentials=dict(shown), user=who["name"], eauth=who["eauth"], place=place)
            return
        made = await self._make_token(shown, place)
        try:
            token = {"token": made["token"]}
            yield Asker(credentials=token, user=made["name"], eauth=made["eauth"], place=place)
        finally:
            with trio.move_on_after(CLEANUP_S, shield=True):
                await self._drop_token(made["token"])

    async def _make_token(self, shown: Mapping[str, str], place: str, lifetime: Any = None) -> dict[str, Any]:
        """The master's token for a name and a password: the one place where passwords are tried."""
        facts = {"user": shown["username"], "eauth": shown["eauth"], "address": place}
        try:
            attempt = self._throttle.begin(place, shown["username"], trio.current_time())
        except Throttled as exc:
            self._audit.tell("login", **facts, result="throttled")
            raise HTTPException(429, str(exc), {"Retry-After": str(exc.seconds)}) from None
        good: bool | None = None
        try:
            if refused := self._refused(shown, place):
                self._audit.tell("login", **facts, result="refused", reason=refused)
                raise HTTPException(401, NO_LOGIN)
            question: dict[str, Any] = {"op": "mk_token"}
            if isinstance(lifetime, int | float) and not isinstance(lifetime, bool):
                question["token_expire"] = lifetime
            answer = await self._door.ask(question, credentials=dict(shown), place=place, patience=PATIENCE)
            made: dict[str, Any] = expect(answer, "token")
            good = True
        except Unauthenticated:
            good = False
            self._audit.tell("login", **facts, result="failed")
            raise HTTPException(401, NO_LOGIN) from None
        finally:
            self._throttle.end(attempt, trio.current_time(), good=good)
        return made

    async def _whoami(self, token: str, place: str) -> dict[str, Any]:
        answer = await self._door.ask({"op": "whoami"}, credentials={"token": token}, place=place)
        who: dict[str, Any] = expect(answer, "whoami")
        return who

    def _refused(self, shown: Mapping[str, str], place: str) -> str:
        """Why the master is not even asked; empty when it is."""
        if shown["username"] == "root" and shown["eauth"] == "pam" and not self._settings.allow_root_login:
            return "allow_root_login"
        return "" if self._may_come_from(shown["username"], place) else "api_acl"

    def _may_come_from(self, name: str, place: str) -> bool:
        """Whether `api_acl` lets this name in from there: by its own row, or else by that of `*`."""
        acl = self._settings.api_acl
        if not acl:
            return True
        rows = acl.get(name, acl.get("*", ()))
        return "*" in rows or within(place, networks(row for row in rows if row != "*"))

    async def _drop_token(self, token: str) -> None:
        """A master that is away forgets it when its time has come."""
        try:
            await self._door.ask({"op": "del_token"}, credentials={"token": token})
        except TrisaltError as exc:
            log.warning("web.token_not_dropped", reason=str(exc))

    # -- what the client is given -----------------------------------------------------------------------------------

    def hand_out(self, request: Request, response: Response, session: Session) -> Response:
        """The session's id, in the header and as a cookie that no script and no other site sees."""
        response.headers[HEADER] = session.token
        response.set_cookie(
            COOKIE,
            session.token,
            max_age=max(math.floor(session.expire - session.start), 0),
            secure=request.scope["scheme"] == "https",
            **self._cookie,
        )
        return response

    def take_back(self, response: Response) -> Response:
        """The cookie is no more."""
        response.delete_cookie(COOKIE, **self._cookie)
        return response

    @property
    def _cookie(self) -> dict[str, Any]:
        return {"path": self._settings.root_prefix or "/", "httponly": True, "samesite": "strict"}


def proxied(request: Request, settings: Settings) -> tuple[str, list[str]] | None:
    """Whom our proxy names, with their groups; None for a connection that is none of a proxy's we trust, or names
    nobody, or several."""
    if not settings.proxy_user_header or not getattr(request.state, "by_proxy", False):
        return None
    names = request.headers.getlist(settings.proxy_user_header)
    if len(names) != 1 or not names[0].strip():
        return None
    groups = request.headers.getlist(settings.proxy_groups_header) if settings.proxy_groups_header else []
    words = [word.strip() for value in groups for word in value.split(",")]
    return names[0].strip(), [word for word in words if word][:MOST_GROUPS]


def sorted_rows(rows: list[Any]) -> list[Any]:
    """Permissions as clients are shown them: plain ones first, then maps."""
    maps = sorted((row for row in rows if not isinstance(row, str)), key=str)
    return sorted(row for row in rows if isinstance(row, str)) + maps
