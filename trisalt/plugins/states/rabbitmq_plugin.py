"""Plugins of RabbitMQ.

rabbitmq_management:
  rabbitmq_plugin.enabled
"""

from __future__ import annotations

from typing import Any

from trisalt.errors import TrisaltError
from trisalt.state.result import returned


def __virtual__() -> Any:
    if "rabbitmq.list_enabled_plugins" in __salt__:
        return True
    return False, "rabbitmq module could not be loaded"


def enabled(name: str, runas: str | None = None) -> dict[str, Any]:
    """
    A plugin is enabled.
    """
    return _state(name, True, runas)


def disabled(name: str, runas: str | None = None) -> dict[str, Any]:
    """
    A plugin is disabled.
    """
    return _state(name, False, runas)


def _state(name: str, wanted: bool, runas: str | None) -> dict[str, Any]:
    verb = "enable" if wanted else "disable"
    try:
        if __salt__["rabbitmq.plugin_is_enabled"](name, runas=runas) == wanted:
            return returned(name, True, f"Plugin '{name}' is already {verb}d.")
        changes = {"old": "", "new": name} if wanted else {"old": name, "new": ""}
        if __opts__["test"]:
            return returned(name, None, f"Plugin '{name}' is set to be {verb}d.", changes)
        __salt__[f"rabbitmq.{verb}_plugin"](name, runas=runas)
    except TrisaltError as exc:
        return returned(name, False, f"Error: {exc}")
    return returned(name, True, f"Plugin '{name}' was {verb}d.", changes)
