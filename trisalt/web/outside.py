"""HTTP from here to others, on Trio: one request, one small answer, and no more time than it is given.

`httpcore` does it (the extras trisalt[oidc] and trisalt[notify]). No redirect is followed: where something is, is the
operator's to say. Who is to stay outside our own networks is looked up here, and connected to at the address that was
judged: a name that means something else a moment later leads nowhere.
"""

from __future__ import annotations

import ipaddress
import json
import ssl
from collections.abc import Iterable, Mapping
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
    """Asks other services. `ca_file`: whose certificates are trusted, in the place of the system's. `private`: they may
    be in our own networks too."""

    def __init__(self, *, ca_file: str = "", private: bool = True) -> None:
        self._ca_file = ca_file
        self._private = private
        self._pool: httpcore.AsyncConnectionPool | None = None

    async def get(self, url: str) -> dict[str, Any]:
        """The object at `url`. Raises OutsideError."""
        return await self._ask("GET", url, {}, None)

    async def post(self, url: str, fields: Mapping[str, str], headers: Mapping[str, str]) -> dict[str, Any]:
        """The object that a form is answered with. Raises OutsideError."""
        kind = {"content-type": "application/x-www-form-urlencoded"}
        return await self._ask("POST", url, {**kind, **headers}, urlencode(fields).encode())

    async def send(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Post a body: the status of the answer. Raises OutsideError, whose text does not say where to."""
        with trio.move_on_after(PATIENCE):
            try:
                status, _raw = await self._send("POST", url, headers, body)
            except _TROUBLE as exc:
                raise OutsideError(f"it cannot be reached: {type(exc).__name__}") from exc
            return status
        raise OutsideError(f"it did not answer within {PATIENCE:g} s")

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
            self._pool = httpcore.AsyncConnectionPool(
                ssl_context=context, max_keepalive_connections=0, network_backend=_Guarded(private=self._private)
            )
        raw = b""
        rows = [(name.encode(), value.encode()) for name, value in headers.items()]
        async with self._pool.stream(method, url, headers=rows, content=body) as response:
            async for piece in response.aiter_stream():
                raw += piece
                if len(raw) > MOST_BYTES:
                    raise OutsideError(f"{urlsplit(url).hostname} answered with more than {MOST_BYTES} bytes")
            return response.status, raw


class _Guarded(httpcore.AsyncNetworkBackend):
    """Connects to addresses that may be connected to."""

    def __init__(self, *, private: bool) -> None:
        self._private = private
        self._trio = httpcore.TrioBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        rows = await trio.socket.getaddrinfo(host, port, type=trio.socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(row[4][0]) for row in rows))
        if not addresses or not all(is_outside(address, private=self._private) for address in addresses):
            raise httpcore.ConnectError("it is an address inside our own networks")
        for number, address in enumerate(addresses, 1):
            try:
                return await self._trio.connect_tcp(address, port, timeout, local_address, socket_options)
            except httpcore.ConnectError:
                if number == len(addresses):
                    raise
        raise AssertionError("unreachable")

    async def sleep(self, seconds: float) -> None:
        await trio.sleep(seconds)


def is_outside(address: str, *, private: bool) -> bool:
    """Whether something may be sent to this address: to the world; with `private` also inside, but never to what only
    this link has, where clouds keep what hosts may know."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    found = getattr(found, "ipv4_mapped", None) or found
    if found.is_link_local or found.is_multicast or found.is_unspecified:
        return False
    return private or found.is_global


def _context(ca_file: str) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_file or None)
