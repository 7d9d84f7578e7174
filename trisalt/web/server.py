"""The web on its addresses, until it is told to stop: Hypercorn under our Trio, with TLS, HTTP/1.1 and HTTP/2.

`cli/salt_api` calls this. What is asked is `app`'s; where, with which certificate, and how it ends, is here.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import structlog
import trio
from hypercorn.config import Config, Sockets
from hypercorn.trio import serve
from starlette.types import Receive, Scope, Send

from trisalt import log as logs
from trisalt.errors import ConfigError
from trisalt.service import keep_watchdog, tell_init
from trisalt.web.app import make_app
from trisalt.web.certificate import fingerprint
from trisalt.web.context import Web, make_web
from trisalt.web.door import Door
from trisalt.web.guards import LONGEST_HEAD
from trisalt.web.sessions import Sessions
from trisalt.web.settings import Listener, Settings, is_loopback, reloaded
from trisalt.web.tls import load, make_context

log = structlog.get_logger()
# What it says when all is well, we say ourselves.
_complaints = logging.getLogger("hypercorn")
_complaints.setLevel(logging.WARNING)

# So long may those inside finish; streams have no end of their own.
GRACE_S = 2.0
KEEP_ALIVE_S = 30.0
LONGEST_MESSAGE = 1024 * 1024
BACKLOG = 1024
# A client that says nothing, or half a word.
HANDSHAKE_S = 15.0


async def run_api(
    settings: Settings,
    *,
    reread: Callable[[], Settings] | None = None,
    with_parent: bool = False,
    task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until SIGTERM or SIGINT; `started()` with the URLs that are listened on.

    `reread` reads the settings again, for SIGHUP; it may block. `with_parent`: end too when stdin does, which whoever
    started us holds. Raises ConfigError for an address or a certificate that is of no use.
    """
    for level, text in settings.notices:
        getattr(log, level)("web.notice", text=text)
    places = [await trio.to_thread.run_sync(Place, listener) for listener in settings.listeners]
    async with trio.open_nursery() as services:
        sessions = Sessions(Path(settings.cachedir) / "api" / "sessions")
        await services.start(sessions.run)
        web = make_web(settings, Door(settings.door), sessions, services)
        services.start_soon(web.audit.tell_bus, web.door)
        if settings.notifications:
            from trisalt.web.notify import notify  # needs a package that only this does

            master = str(settings.opts.get("id") or "")
            services.start_soon(notify, web.door, settings.notifications, master)
        current = Current(web)
        # Hypercorn names each message's type, and Starlette none.
        app: Any = current
        async with (
            _stop_in_order(partial(_reload, places, current, reread), with_parent=with_parent) as stop,
            trio.open_nursery() as servers,
        ):
            urls: list[str] = []
            for place in places:
                urls += await servers.start(partial(serve, app, place, shutdown_trigger=stop.wait))
                _tell(place.listener, settings)
            services.start_soon(keep_watchdog, lambda: True)
            tell_init("READY=1")
            task_status.started(urls)
            await stop.wait()
            tell_init("STOPPING=1")
        services.cancel_scope.cancel()
    log.info("web.stopped")


class Current:
    """The application as it is now, but for its own beginning and end: what it lives on is there before it, and goes
    after it. What is under way when it becomes another one ends as it began."""

    def __init__(self, web: Web) -> None:
        self.web = web
        self._app = make_app(web)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return
        while True:
            asked = (await receive())["type"]
            await send({"type": f"{asked}.complete"})
            if asked == "lifespan.shutdown":
                return

    async def take(self, new: Settings) -> tuple[list[str], list[str]]:
        """Go on by other settings: the names of those that took effect, and of those that wait for a start."""
        settings, taken, waiting = reloaded(self.web.settings, new)
        web = self.web.under(settings)
        # The console's files are read and packed for it.
        self._app = await trio.to_thread.run_sync(make_app, web)
        self.web = web
        return taken, waiting


class Place(Config):
    """What Hypercorn is told of one listener. Blocking to make: it binds the address and reads the certificate."""

    accesslog = None
    errorlog = _complaints
    graceful_timeout = GRACE_S
    keep_alive_timeout = KEEP_ALIVE_S
    h11_max_incomplete_size = LONGEST_HEAD
    h2_max_header_list_size = LONGEST_HEAD
    websocket_max_message_size = LONGEST_MESSAGE
    include_server_header = False
    ssl_handshake_timeout = HANDSHAKE_S

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self._context = None if listener.certificate is None else make_context(listener.certificate)
        self._socket = _bind(listener)

    @property
    def ssl_enabled(self) -> bool:
        """Whether this is TLS."""
        return self._context is not None

    def create_ssl_context(self) -> ssl.SSLContext | None:
        """Ours: it is there already."""
        return self._context

    def create_sockets(self) -> Sockets:
        """Likewise."""
        self._socket.listen(BACKLOG)
        secure, insecure = ([self._socket], []) if self.ssl_enabled else ([], [self._socket])
        return Sockets(secure, insecure, [])

    def reload(self) -> None:
        """Read the certificate again; connections from here on have it. Blocking. One that cannot be read changes
        nothing."""
        if self._context is None or self.listener.certificate is None:
            return
        # A context that has loaded half of a pair is of no use: another one tries first.
        make_context(self.listener.certificate)
        load(self._context, self.listener.certificate)


def _bind(listener: Listener) -> socket.socket:
    try:
        rows = socket.getaddrinfo(listener.host, listener.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as exc:
        raise ConfigError(f"{listener.block}: {listener.host} is no address: {exc.strerror}") from exc
    family, _type, _proto, _name, address = rows[0]
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
    except OSError as exc:
        sock.close()
        raise ConfigError(f"{listener.block}: {listener.host}:{listener.port}: {exc.strerror}") from exc
    sock.setblocking(False)
    return sock


def _tell(listener: Listener, settings: Settings) -> None:
    """What an operator wants to read: where, how, and how to stop it."""
    log.info(
        "web.listening",
        host=listener.host,
        port=listener.port,
        url=listener.url,
        cors="enabled" if settings.cors_origins else "disabled",
        tls="disabled" if listener.certificate is None else "enabled",
    )
    if listener.certificate is None and not is_loopback(listener.host):
        log.warning("web.in_clear", host=listener.host, port=listener.port)
    if listener.certificate is not None and listener.certificate.own:
        log.info(
            "web.own_certificate", path=listener.certificate.crt, fingerprint=fingerprint(listener.certificate.crt)
        )


# -- the end, and what is read anew ------------------------------------------------------------------------------------


@asynccontextmanager
async def _stop_in_order(reload: Callable[[], Awaitable[None]], *, with_parent: bool) -> AsyncIterator[trio.Event]:
    """Yields what SIGTERM or SIGINT sets. A second signal skips the waiting. SIGHUP has all read anew that can be."""
    stop = trio.Event()
    async with trio.open_nursery() as nursery:
        await nursery.start(_hear, stop, nursery.cancel_scope, reload)
        if with_parent:
            nursery.start_soon(_outlive_nobody, stop)
        yield stop
        nursery.cancel_scope.cancel()


async def _hear(
    stop: trio.Event,
    scope: trio.CancelScope,
    reload: Callable[[], Awaitable[None]],
    *,
    task_status: trio.TaskStatus[None],
) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        task_status.started()
        async for signum in signals:
            if signum == signal.SIGHUP:
                await reload()
                continue
            log.warning("web.signal", signal=signal.Signals(signum).name)
            if stop.is_set():
                scope.cancel()
            stop.set()


async def _reload(places: Sequence[Place], current: Current, reread: Callable[[], Settings] | None) -> None:
    tell_init("RELOADING=1")
    logs.reopen()
    for place in places:
        try:
            await trio.to_thread.run_sync(place.reload)
        except ConfigError as exc:
            log.error("web.certificate_not_reloaded", reason=str(exc))
        else:
            log.info("web.certificate_reloaded", url=place.listener.url)
    if reread is not None:
        try:
            fresh = await trio.to_thread.run_sync(reread)
            taken, waiting = await current.take(fresh)
        except (ConfigError, OSError) as exc:
            log.error("config.not_reloaded", reason=str(exc))
        else:
            for level, text in fresh.notices:
                getattr(log, level)("web.notice", text=text)
            log.info("config.reloaded", taken=taken, at_restart=waiting)
            if waiting:
                log.warning("web.waits_for_restart", names=waiting)
    tell_init("READY=1")


async def _outlive_nobody(stop: trio.Event) -> None:
    """Whoever started us holds the other end of our stdin: it ends when they do, however that comes."""
    os.set_blocking(0, False)
    while True:
        await trio.lowlevel.wait_readable(0)
        try:
            if not os.read(0, 4096):
                break
        except BlockingIOError:
            continue
    stop.set()
