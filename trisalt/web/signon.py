"""Signing in by OpenID Connect: to the provider, and back with its word, which `oidc` judges; the master makes tokens.

What belongs to a login under way is in a cookie of that browser, sealed: nobody fills our memory by beginning some.
"""

from __future__ import annotations

import json
import secrets
from typing import Any
from urllib.parse import urlsplit

import structlog
from cryptography.fernet import Fernet, InvalidToken
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from trisalt.errors import TrisaltError
from trisalt.web.context import Web
from trisalt.web.guards import address_of
from trisalt.web.oidc import Attempt, Provider, Refused
from trisalt.web.pages import CONSOLE_BESIDE

log = structlog.get_logger()

EAUTH = "oidc"
PATH = "/oidc"
COOKIE = "trisalt_oidc"
# So long may somebody take to sign in at the provider.
UNDER_WAY_S = 600
LONGEST = 2048
# Of this process: a login that is under way when it starts anew begins again.
_seal = Fernet(Fernet.generate_key())


def routes(web: Web) -> list[BaseRoute]:
    """The routes of this room; none where no provider is configured."""
    settings = web.settings
    if settings.oidc is None or not settings.enable_sessions:
        return []
    from trisalt.web.outside import Outside  # needs packages that only this does

    redirect = f"{settings.oidc.public_url}{settings.root_prefix}{PATH}/callback"
    room = _Room(web, Provider(settings.oidc, Outside(ca_file=settings.oidc.ca_file), redirect))
    return [
        Route(f"{PATH}/login", room.begin, methods=["GET"]),
        Route(f"{PATH}/callback", room.come_back, methods=["GET"]),
    ]


class _Room:
    """The handlers."""

    def __init__(self, web: Web, provider: Provider) -> None:
        self._web = web
        self._provider = provider
        settings = web.settings
        self._console = settings.root_prefix + (CONSOLE_BESIDE if settings.app else settings.app_path)

    async def begin(self, request: Request) -> Response:
        """To the provider. `next`: where to go when it is done, below the console."""
        attempt = Attempt.begin()
        try:
            address = await self._provider.address(attempt)
        except TrisaltError as exc:
            return self._failed(request, exc)
        kept = {
            "state": attempt.state,
            "nonce": attempt.nonce,
            "verifier": attempt.verifier,
            "next": self._next(request.query_params.get("next", "")),
        }
        response = RedirectResponse(address, 303)
        response.set_cookie(
            COOKIE, _seal.encrypt(json.dumps(kept).encode()).decode(), UNDER_WAY_S, **self._cookie(request)
        )
        return response

    async def come_back(self, request: Request) -> Response:
        """From the provider, with a code or an error."""
        try:
            kept = self._kept(request)
            code = request.query_params.get("code", "")
            if not 0 < len(code) <= LONGEST:
                # What it says instead comes from whoever sent the browser here.
                raise Refused(f"the provider gave no code: {ascii(request.query_params.get('error', ''))[:100]}")
            attempt = Attempt(state=kept["state"], nonce=kept["nonce"], verifier=kept["verifier"])
            known = await self._provider.know(attempt, code)
            session = await self._web.logins.vouched(request, eauth=EAUTH, username=known.username, groups=known.groups)
        except HTTPException:
            # It has been audited where it was refused.
            response: Response = self._to(f"{self._console}?sso=refused")
        except TrisaltError as exc:
            response = self._failed(request, exc)
        else:
            response = self._web.logins.hand_out(request, self._to(kept["next"]), session)
            # A token is handed to scripts by who asked for it; here a browser did.
            del response.headers["x-auth-token"]
        response.delete_cookie(COOKIE, path=self._cookie(request)["path"])
        return response

    def _kept(self, request: Request) -> dict[str, str]:
        """What the cookie of this browser holds of the login under way, if it is this one."""
        try:
            raw = _seal.decrypt(request.cookies.get(COOKIE, ""), ttl=UNDER_WAY_S)
        except InvalidToken:
            raise Refused("no login is under way in this browser, or too long ago") from None
        kept: dict[str, str] = json.loads(raw)
        state = request.query_params.get("state", "")
        if not secrets.compare_digest(state.encode(), kept["state"].encode()):
            raise Refused("the state is of another login")
        return kept

    def _failed(self, request: Request, exc: Exception) -> Response:
        address = address_of(request.scope)
        log.warning("web.oidc_failed", address=address, reason=str(exc))
        self._web.audit.tell("login", eauth=EAUTH, address=address, result="failed", reason=str(exc))
        return self._to(f"{self._console}?sso=failed")

    def _next(self, wanted: str) -> str:
        """A place below the console, or the console."""
        parts = urlsplit(wanted) if len(wanted) <= LONGEST and wanted.isprintable() and "\\" not in wanted else None
        inside = parts is not None and not parts.scheme and not parts.netloc and "/../" not in f"{parts.path}/"
        return wanted if inside and f"{wanted.partition('?')[0]}/".startswith(f"{self._console}/") else self._console

    def _cookie(self, request: Request) -> dict[str, Any]:
        # Lax: the provider sends the browser back from its own site.
        secure = request.scope["scheme"] == "https"
        path = f"{self._web.settings.root_prefix}{PATH}"
        return {"path": path, "httponly": True, "samesite": "lax", "secure": secure}

    @staticmethod
    def _to(address: str) -> Response:
        return RedirectResponse(address, 303)
