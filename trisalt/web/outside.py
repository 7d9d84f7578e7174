"""HTTP from here to others, on Trio: one request, one small answer, and no more time than it is given.

`httpcore` does it (the extra trisalt[oidc]). No redirect is followed: where something is, is the operator's to say.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpcore
import trio

from trisalt.errors import TrisaltError

PATIENCE = 15.0
MOST_BYTES = 1024 * 1024


_TROUBLE = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.TimeoutException,
    httpcore.UnsupportedProtocol,
    OSError,
)


class OutsideError(TrisaltError):
    """Another service did not answer, or not as it should. Nothing that was sent stands in the text."""


class Outside:
    """Asks other services. `ca_file`: whose certificates are trusted, in the place of the system's."""

    def __init__(self, *, ca_file: str = "") -> None:
        self._ca_file = ca_file
        self._pool: httpcore.AsyncConnectionPool | None = None

    async def get(self, url: str) -> dict[str, Any]:
        """The object at `url`. Raises OutsideError."""
        return await self._ask("GET", url, {}, None)

    async def post(self, url: str, fields: Mapping[str, str], headers: Mapping[str, str]) -> dict[str, Any]:
        """The object that a form is answered with. Raises OutsideError."""
        kind = {"content-type": "application/x-www-form-urlencoded"}
        return await self._ask("POST", url, {**kind, **headers}, urlencode(fields).encode())

    async def _ask(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> dict[str, Any]:
        host = urlsplit(url).hostname
        with trio.move_on_after(PATIENCE):
            try:
                status, raw = await self._send(method, url, {"accept": "application/json", **headers}, body)
            except _TROUBLE as exc:
                raise OutsideError(f"{host} cannot be asked: {type(exc).__name__}: {exc}") from exc
            if status != 200:
                raise OutsideError(f"{host} answered {status} to {method} {urlsplit(url).path}")
            try:
                answer = json.loads(raw)
            except ValueError:
                answer = None
            if not isinstance(answer, dict):
                raise OutsideError(f"{host} answered {method} {urlsplit(url).path} with no object")
            return answer
        raise OutsideError(f"{host} did not answer within {PATIENCE:g} s")

    async def _send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> tuple[int, bytes]:
        if self._pool is None:
            context = await trio.to_thread.run_sync(_context, self._ca_file)
            # Kept for no longer than a login takes: whoever has them open is nobody's to close.
            self._pool = httpcore.AsyncConnectionPool(ssl_context=context, max_keepalive_connections=0)
        raw = b""
        rows = [(name.encode(), value.encode()) for name, value in headers.items()]
        async with self._pool.stream(method, url, headers=rows, content=body) as response:
            async for piece in response.aiter_stream():
                raw += piece
                if len(raw) > MOST_BYTES:
                    raise OutsideError(f"{urlsplit(url).hostname} answered with more than {MOST_BYTES} bytes")
            return response.status, raw


def _context(ca_file: str) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_file or None)
