"""Requests as a master reads them, whole: sign-ins too, which it reads only as far as it needs at first."""

from __future__ import annotations

from typing import Any

from trisalt.wire.envelope import Knock, Request, receive_request


def parse_request(payload: bytes, **options: Any) -> Request:
    """All of one request. Raises as `receive_request` does."""
    request = receive_request(payload, **options)
    return request.read() if isinstance(request, Knock) else request
