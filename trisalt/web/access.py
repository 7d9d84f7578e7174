"""A line for each request: who, from where, what, and how it went. No query, no header, no body: tokens stand there."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trisalt.web.guards import address_of, shown_path

log = structlog.get_logger()

LONGEST_PATH = 200


class AccessLog:
    """The outermost guard. Lines go into the log at level debug, and into the file at `path` if there is to be one, in
    the common format of web servers. `clock` is wall time."""

    def __init__(self, app: ASGIApp, *, path: str = "", clock: Callable[[], float] = time.time) -> None:
        self._app = app
        self._path = path
        self._clock = clock
        self._broken = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began, status, size = time.perf_counter(), 0, 0

        async def counting(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
            size += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, counting)
        finally:
            self._tell(scope, status, size, time.perf_counter() - began)

    def _tell(self, scope: Scope, status: int, size: int, took: float) -> None:
        session = scope.get("state", {}).get("session")
        user = session.user if session is not None else "-"
        method, path = scope.get("method", "WEBSOCKET"), ascii(shown_path(scope)[:LONGEST_PATH])[1:-1]
        log.debug(
            "web.request",
            address=address_of(scope),
            user=user,
            method=method,
            path=path,
            status=status,
            bytes=size,
            ms=round(took * 1000, 1),
        )
        if self._path:
            stamp = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(self._clock()))
            name = ascii(user)[1:-1].replace(" ", "%20")
            version = scope.get("http_version", "1.1")
            line = f'{address_of(scope)} - {name} [{stamp}] "{method} {path} HTTP/{version}" {status} {size}\n'
            self._write(line)

    def _write(self, line: str) -> None:
        try:
            # Opened each time: whoever rotates it need not tell us.
            fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o640)
            try:
                os.write(fd, line.encode())
            finally:
                os.close(fd)
        except OSError as exc:
            if not self._broken:
                log.error("web.access_not_written", path=self._path, reason=exc.strerror)
            self._broken = True
            return
        self._broken = False
