"""An ASGI application, called without a server: one request, one answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs
import trio
from starlette.datastructures import Headers


@attrs.frozen
class Answer:
    """What came back."""

    status: int
    headers: Headers
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def ret(self) -> Any:
        """What nearly all answers of the API hold."""
        return self.json["return"]

    @property
    def cookie(self) -> str:
        return self.headers.get("set-cookie", "")


class Client:
    """Calls `app` as a client at `address`; what it is given in `headers` goes along with each request."""

    def __init__(self, app: Any, *, address: str = "192.0.2.7", scheme: str = "http", **headers: str) -> None:
        self.app, self.address, self.scheme = app, address, scheme
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.call("GET", path, **headers)

    async def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        """A body that is no text goes as JSON."""
        return await self.call("POST", path, body, **headers)

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        raw = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else b""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if not isinstance(body, str | bytes | None):
            raw = json.dumps(body).encode()
            sent.setdefault("content-type", "application/json")
        return await self.send(method, path, raw, {"host": "salt.test", **self.headers, **sent})

    async def send(
        self, method: str, path: str, raw: bytes, headers: Mapping[str, str], *, receive: Any = None
    ) -> Answer:
        """The request as it is, in two pieces where it has a body; or as `receive` gives it."""
        path, _, query = path.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.1"},
            "http_version": "1.1",
            "method": method,
            "scheme": self.scheme,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
            "client": (self.address, 40000),
            "server": ("salt.test", 80),
            "state": {},
        }
        pieces = [raw[: len(raw) // 2], raw[len(raw) // 2 :]]
        told: list[dict[str, Any]] = []

        async def give() -> dict[str, Any]:
            if pieces:
                piece = pieces.pop(0)
                return {"type": "http.request", "body": piece, "more_body": bool(pieces)}
            await trio.sleep_forever()
            raise AssertionError

        async def send(message: dict[str, Any]) -> None:
            told.append(message)

        await self.app(scope, receive or give, send)
        start, *rest = told
        assert start["type"] == "http.response.start", start
        body = b"".join(message.get("body", b"") for message in rest)
        return Answer(start["status"], Headers(raw=start["headers"]), body)
