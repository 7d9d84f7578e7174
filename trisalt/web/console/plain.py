"""The console for browsers without scripts: signing in and out, and who and what there is, to read.

Forms and tables, made here, in the console's own style sheets. Whatever is shown is text, also where minions chose it.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from trisalt.errors import TrisaltError
from trisalt.web.console.assets import STYLES, Assets
from trisalt.web.context import Web, status_of
from trisalt.web.door import expect
from trisalt.web.guards import CSP, address_of
from trisalt.web.negotiate import body_of
from trisalt.web.sessions import Session
from trisalt.web.texts import language_of, say

# Below the console's path.
PLAIN = "/plain"
# Rows of a page.
_ROWS = 200
_CODE = "Code, if you have set one up"
_READ_ONLY = "Sign in without scripts: to read only"
_MINIONS = (("id", "Minion"), ("status", "Status"), ("address", "Address"), ("os", "System"), ("version", "Version"))
_JOBS = (
    ("start", "Time"),
    ("jid", "Job"),
    ("fun", "Function"),
    ("tgt", "Target"),
    ("user", "User"),
    ("state", "State"),
)


class Plain:
    """The pages, for a console at `base` as a browser sees it."""

    def __init__(self, web: Web, assets: Assets, *, base: str) -> None:
        self._web = web
        self._at = base + PLAIN
        mark = html.escape(f"{base}/static/{assets.address('style/mark.svg')}")
        self._styles = f'<link rel="icon" type="image/svg+xml" href="{mark}">' + "".join(
            f'<link rel="stylesheet" href="{html.escape(f"{base}/static/{assets.address(name)}")}">' for name in STYLES
        )

    def routes(self) -> list[Route]:
        """Relative to the console's path."""
        return [
            Route(PLAIN, self.sign_in, methods=["GET", "POST"]),
            Route(f"{PLAIN}/out", self.sign_out, methods=["POST"]),
            Route(f"{PLAIN}/minions", self.minions, methods=["GET"]),
            Route(f"{PLAIN}/jobs", self.jobs, methods=["GET"]),
        ]

    async def sign_in(self, request: Request) -> Response:
        """The form, and what becomes of it."""
        session: Session | None = request.state.session
        if request.method == "GET":
            return self._to("minions") if session is not None else self._form(request)
        try:
            session = await self._web.logins.sign_in(request, await body_of(request))
        except HTTPException as exc:
            wait = (exc.headers or {}).get("Retry-After")
            said = f"Too many attempts: wait {wait} seconds" if wait else "User name or password is wrong"
            return self._form(request, said, exc.status_code, exc.headers)
        except TrisaltError as exc:
            return self._form(request, str(exc), status_of(exc))
        return self._web.logins.hand_out(request, self._to("minions"), session)

    async def sign_out(self, request: Request) -> Response:
        """The end of the session."""
        session: Session | None = request.state.session
        if session is not None:
            await self._web.logins.sign_out(request, session)
        return self._web.logins.take_back(self._to(""))

    async def minions(self, request: Request) -> Response:
        """The minions that may be seen."""
        return await self._list(request, "minions", "Minions", _MINIONS)

    async def jobs(self, request: Request) -> Response:
        """The latest jobs that may be seen."""
        return await self._list(request, "jobs", "Jobs", _JOBS)

    async def _list(self, request: Request, op: str, title: str, columns: Sequence[tuple[str, str]]) -> Response:
        session: Session | None = request.state.session
        if session is None:
            return self._to("")
        language = language_of(request)
        question = {"op": op, "limit": _ROWS}
        if cursor := request.query_params.get("cursor"):
            question["cursor"] = cursor
        try:
            answer = await self._web.door.ask(
                question, credentials=session.credentials, place=address_of(request.scope)
            )
            page = expect(answer, op)
        except TrisaltError as exc:
            problem = f'<p class="hint error" role="alert">{_text(say(str(exc), language))}</p>'
            return self._page(request, title, problem, session, status_of(exc))
        heads = "".join(f'<th scope="col">{say(name, language)}</th>' for _key, name in columns)
        rows = "".join(
            f"<tr>{''.join(f'<td>{_text(_cell(item.get(key), key))}</td>' for key, _name in columns)}</tr>"
            for item in page["items"]
        )
        next_page = say("Next page", language)
        more = f'<p><a href="{self._at}/{op}?cursor={quote(page["next"])}">{next_page}</a></p>' if page["next"] else ""
        table = f'<table class="table auto"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'
        return self._page(request, title, f'<div class="panel">{table}</div>{more}', session)

    def _form(
        self, request: Request, said: str = "", status: int = 200, headers: Mapping[str, str] | None = None
    ) -> Response:
        language = language_of(request)
        names = {name: say(name, language) for name in ("User name", "Password", "Method", "Sign in", _READ_ONLY)}
        eauths = self._web.settings.eauths
        options = "".join(f"<option>{_text(name)}</option>" for name in eauths)
        method = f'<input type="hidden" name="eauth" value="{_text(eauths[0] if eauths else "pam")}">'
        if len(eauths) > 1:
            select = f'<select class="select" name="eauth">{options}</select>'
            method = f'<label class="field"><span class="label">{names["Method"]}</span>{select}</label>'
        code = ""
        if self._web.settings.opts.get("totp") is True:
            field = '<input class="input" name="code" inputmode="numeric" autocomplete="one-time-code">'
            code = f'<label class="field"><span class="label">{say(_CODE, language)}</span>{field}</label>'
        problem = f'<p class="hint error" role="alert">{_text(say(said, language))}</p>' if said else ""
        body = f"""<main class="alone login"><div class="panel">
<div class="login-head"><h1>trisalt</h1><p class="muted">{names[_READ_ONLY]}</p></div>
<form class="stack" method="post" action="{self._at}">
<label class="field"><span class="label">{names["User name"]}</span>
<input class="input" name="username" autocomplete="username" required></label>
<label class="field"><span class="label">{names["Password"]}</span>
<input class="input" name="password" type="password" autocomplete="current-password" required></label>
{code}{method}{problem}<button class="btn primary" type="submit">{names["Sign in"]}</button></form></div></main>"""
        return self._html(language, names["Sign in"], body, status, headers)

    def _page(self, request: Request, title: str, body: str, session: Session, status: int = 200) -> Response:
        language = language_of(request)
        title = say(title, language)
        links = "".join(
            f'<a class="btn" href="{self._at}/{path}">{say(name, language)}</a>'
            for path, name in (("minions", "Minions"), ("jobs", "Jobs"))
        )
        leave = f'<button class="btn" type="submit">{say("Sign out", language)}</button>'
        whole = f"""<main class="screen"><div class="screen-head"><div class="titles"><h1>{title}</h1>
<p class="lead">{_text(session.user)}</p></div><nav class="actions">{links}</nav>
<form method="post" action="{self._at}/out">{leave}</form></div>
{body}</main>"""
        return self._html(language, title, whole, status)

    def _html(
        self, language: str, title: str, body: str, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> Response:
        page = f"""<!doctype html>
<html lang="{language}" data-theme="system"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · trisalt</title>{self._styles}</head>
<body>{body}</body></html>
"""
        return HTMLResponse(page, status, {"Content-Security-Policy": CSP, **(headers or {})})

    def _to(self, path: str) -> Response:
        return RedirectResponse(f"{self._at}/{path}" if path else self._at, 303)


def _cell(value: Any, key: str) -> Any:
    if key == "start" and isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return ", ".join(str(one) for one in value) if isinstance(value, list) else value


def _text(value: Any) -> str:
    return "" if value is None else html.escape(str(value))
