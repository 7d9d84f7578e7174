"""Upstreams of RabbitMQ's federation.

other_site:
  rabbitmq_upstream.present:
    - uri: amqp://other.example.org
"""

from __future__ import annotations

import json
import re
from typing import Any

from trisalt.errors import TrisaltError
from trisalt.state.result import returned


def __virtual__() -> Any:
    if "rabbitmq.list_upstreams" in __salt__:
        return True
    return False, "rabbitmq module could not be loaded"


def present(
    name: str,
    uri: str,
    prefetch_count: Any = None,
    reconnect_delay: Any = None,
    ack_mode: str | None = None,
    trust_user_id: bool | None = None,
    exchange: str | None = None,
    max_hops: Any = None,
    expires: Any = None,
    message_ttl: Any = None,
    ha_policy: str | None = None,
    queue: str | None = None,
    runas: str | None = None,
) -> dict[str, Any]:
    """
    There is an upstream, told this and nothing else.
    """
    given = {key: value for key, value in locals().items() if key not in ("name", "runas") and value is not None}
    wanted = {key.replace("_", "-"): value for key, value in given.items()}
    try:
        told = __salt__["rabbitmq.list_upstreams"](runas=runas).get(name)
        now = json.loads(told) if told else None
        if now == wanted:
            return returned(name, True, f'Upstream "{name}" already present as specified.')
        done = "updated" if told else "created"
        changes = {"old": _shown(now), "new": _shown(wanted)}
        if __opts__["test"]:
            return returned(name, None, f'Upstream "{name}" would have been {done}.', changes)
        __salt__["rabbitmq.set_upstream"](name, runas=runas, **given)
    except (TrisaltError, ValueError) as exc:
        return returned(name, False, f"Error: {exc}")
    return returned(name, True, f'Upstream "{name}" {done}.', changes)


def absent(name: str, runas: str | None = None) -> dict[str, Any]:
    """
    There is no upstream of this name.
    """
    try:
        if not __salt__["rabbitmq.upstream_exists"](name, runas=runas):
            return returned(name, True, f'The upstream "{name}" is already absent.')
        changes = {"old": name, "new": None}
        if __opts__["test"]:
            return returned(name, None, f'Upstream "{name}" would have been deleted.', changes)
        __salt__["rabbitmq.delete_upstream"](name, runas=runas)
    except TrisaltError as exc:
        return returned(name, False, f"Error: {exc}")
    return returned(name, True, f'Upstream "{name}" has been deleted.', changes)


def _shown(told: dict[str, Any] | None) -> dict[str, Any] | None:
    """What an upstream is told, without the password that its address may hold."""
    return told and {**told, "uri": re.sub(r"(?<=://)([^:@/]*):[^@/]*@", r"\1:***@", str(told.get("uri", "")))}
